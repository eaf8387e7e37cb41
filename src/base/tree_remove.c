/* SPDX-License-Identifier: MIT */
/*
 * rm -r without recursion, and with three descriptors however deep the tree is: the files of each
 * folder found in the top one are removed, its sub-folders moved up into the top one, and itself,
 * now empty, removed. So every folder is visited once, one level below the top.
 */
#include "config.h"

#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

struct removal {
	DIR *top;
	int top_fd;        /* of `top` */
	dev_t device;      /* mounts inside are left alone */
	uint64_t moved;    /* counts the names given to folders moved up */
	const char *doing; /* the last thing tried, for the message */
};

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* nothing was written through it */
}

/* Open a folder so that its content can be removed, whatever its mode was. */
static int open_folder(int parent, const char *name, struct stat *st)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	WLT_AUTOCLOSE int fd = openat(parent, name, flags);

	if (fd < 0 && errno == EACCES) {
		/* The mode may not let even its owner in; a link's target is not touched. */
		if (fchmodat(parent, name, S_IRWXU, AT_SYMLINK_NOFOLLOW) != 0)
			return -1;
		fd = openat(parent, name, flags);
	}
	if (fd < 0 || fstat(fd, st) != 0)
		return -1;
	if ((st->st_mode & S_IRWXU) != S_IRWXU &&
	    fchmod(fd, (st->st_mode & 07777) | S_IRWXU) != 0 && errno != EPERM)
		return -1;
	return wlt_take_fd(&fd);
}

/* Rename a folder into the top one under a name that is free there. A clash with an empty folder
 * replaces it, which is as good as removing it. */
static bool move_up(struct removal *rm, int folder, const char *name)
{
	char to[32];
	bool repaired = false;

	for (;;) {
		(void)snprintf(to, sizeof(to), ".moved-%016llx", (unsigned long long)rm->moved++);
		if (renameat(folder, name, rm->top_fd, to) == 0)
			return true;
		if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
			continue;
		/* Moving a folder changes its "..", which its own mode must allow. */
		if (errno != EACCES || repaired ||
		    fchmodat(folder, name, S_IRWXU, AT_SYMLINK_NOFOLLOW) != 0)
			return false;
		repaired = true;
	}
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Empty the folder `name` of the top one and remove it. Left for the next pass when something
 * appeared in it meanwhile. */
static bool flatten(struct removal *rm, const char *name)
{
	WLT_AUTO(close_dir) DIR *dir = NULL;
	WLT_AUTOCLOSE int fd = -1;
	struct dirent *entry;
	struct stat st;
	int folder;

	rm->doing = "open a folder in";
	fd = open_folder(rm->top_fd, name, &st);
	if (fd < 0)
		return false;
	if (st.st_dev != rm->device) {
		rm->doing = "remove a mounted file system in";
		errno = EBUSY;
		return false;
	}
	rm->doing = "read a folder in";
	dir = fdopendir(fd);
	if (dir == NULL)
		return false;
	folder = wlt_take_fd(&fd); /* now belongs to `dir` */
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		if (is_dots(entry->d_name))
			continue;
		if (unlinkat(folder, entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		rm->doing = "remove a file in";
		if (errno != EISDIR || !move_up(rm, folder, entry->d_name))
			return false;
	}
	if (errno != 0)
		return false;
	rm->doing = "remove a folder in";
	return unlinkat(rm->top_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ||
	       errno == ENOTEMPTY || errno == EEXIST;
}

/* One pass over the top folder; `*found` tells whether there was anything. */
static bool pass(struct removal *rm, bool *found)
{
	struct dirent *entry;

	*found = false;
	rewinddir(rm->top);
	while ((errno = 0, entry = readdir(rm->top)) != NULL) {
		if (is_dots(entry->d_name))
			continue;
		*found = true;
		if (unlinkat(rm->top_fd, entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		rm->doing = "remove a file in";
		if (errno != EISDIR || !flatten(rm, entry->d_name))
			return false;
	}
	rm->doing = "read";
	return errno == 0;
}

static bool empty_top(int dirfd, const char *name, struct wlt_error *err)
{
	WLT_AUTO(close_dir) DIR *top = NULL;
	WLT_AUTOCLOSE int fd = -1;
	struct removal rm = {.doing = "open"};
	struct stat st;
	bool found = true;

	fd = open_folder(dirfd, name, &st);
	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot open the folder %s to remove it", name);
	top = fdopendir(fd);
	if (top == NULL)
		return wlt_fail_errno(err, errno, "cannot open the folder %s to remove it", name);
	rm.top = top;
	rm.top_fd = wlt_take_fd(&fd); /* now belongs to `top` */
	rm.device = st.st_dev;
	while (found) {
		if (!pass(&rm, &found))
			return wlt_fail_errno(err, errno, "cannot %s %s", rm.doing, name);
	}
	return true;
}

bool wlt_tree_remove(int dirfd, const char *name, struct wlt_error *err)
{
	if (name[0] == '\0' || is_dots(name) || strchr(name, '/') != NULL)
		return wlt_fail(err, WLT_USAGE, "'%s' is not the name of something to remove",
				name);
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR)
		return wlt_fail_errno(err, errno, "cannot remove %s", name);
	if (!empty_top(dirfd, name, err))
		return false;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return wlt_fail_errno(err, errno, "cannot remove the folder %s", name);
	return true;
}
