/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "receive/staged.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"

/* Where a file is written before it gets its name: one fixed place, so that what a crash left there is
 * overwritten by whoever goes on. */
#define PART ".alive-migration.part"

static void close_listing(DIR **listing)
{
	if (*listing != NULL)
		(void)closedir(*listing); /* only read from */
}

static bool fail_open(struct wlt_error *err, int fault, const char *path)
{
	if (fault == ELOOP)
		return wlt_fail(err, WLT_REFUSED,
				"%s is, or lies behind, a symbolic link, which no package holds",
				path);
	return wlt_fail_errno(err, fault, "cannot open %s", path);
}

bool wlt_staged_look(int top, const char *path, enum wlt_staged *what, struct wlt_error *err)
{
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = wlt_open_parent(top, path, &leaf);
	struct stat st;

	*what = WLT_STAGED_ABSENT;
	if (parent < 0 || fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return true;
		return fail_open(err, errno, path);
	}
	if (S_ISLNK(st.st_mode))
		return fail_open(err, ELOOP, path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return wlt_fail(err, WLT_REFUSED,
				"%s is neither a file nor a folder, and no package holds such a "
				"thing",
				path);
	*what = S_ISREG(st.st_mode) ? WLT_STAGED_FILE : WLT_STAGED_FOLDER;
	return true;
}

static bool add_name(struct wlt_strings *names, const char *name, struct wlt_error *err)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	return wlt_name_check(name, err) && wlt_strings_add(names, name, err);
}

bool wlt_staged_names(int top, const char *path, struct wlt_strings *names, struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = wlt_open_beneath(top, path, O_RDONLY | O_DIRECTORY, 0);
	WLT_AUTO(close_listing) DIR *listing = NULL;
	const struct dirent *entry;

	if (fd < 0)
		return fail_open(err, errno, path);
	listing = fdopendir(fd);
	if (listing == NULL)
		return wlt_fail_errno(err, errno, "cannot list %s", path);
	(void)wlt_take_fd(&fd); /* now belongs to the listing */
	while ((errno = 0, entry = readdir(listing)) != NULL) {
		if (!add_name(names, entry->d_name, err))
			return wlt_fail_context(err, "%s", path);
	}
	if (errno != 0)
		return wlt_fail_errno(err, errno, "cannot list %s", path);
	wlt_strings_sort(names);
	return true;
}

bool wlt_staged_read(int top, const char *path, size_t max, struct wlt_buf *out, mode_t *mode,
		     struct wlt_error *err)
{
	/* Without waiting: opening a FIFO would wait for its writer. */
	WLT_AUTOCLOSE int fd =
		wlt_open_beneath(top, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	size_t got = 0;
	char *room;
	int fault;

	if (fd < 0)
		return fail_open(err, errno, path);
	if (fstat(fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return wlt_fail(err, WLT_REFUSED, "%s is not a regular file", path);
	if ((uintmax_t)st.st_size > max)
		return wlt_fail(err, WLT_TOO_BIG, "%s is larger than the %zu bytes allowed for it",
				path, max);
	room = wlt_buf_reserve(out, (size_t)st.st_size + 1);
	if (room == NULL)
		return wlt_fail_memory(err);
	fault = wlt_read_full(fd, room, (size_t)st.st_size, &got);
	if (fault != 0)
		return wlt_fail_errno(err, fault, "cannot read %s", path);
	room[got] = '\0';
	out->len += got;
	*mode = st.st_mode & 0777;
	return true;
}

/* rename(2) that replaces nothing: 0 or an errno value. */
static int rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;

	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* Not every file system can. The folder is ours alone, so nothing appears in between. */
	if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	if (errno != ENOENT)
		return errno;
	return renameat(from_fd, from, to_fd, to) == 0 ? 0 : errno;
}

static bool rename_beneath(int top, const char *from, const char *to, struct wlt_error *err)
{
	const char *from_leaf = NULL;
	const char *to_leaf = NULL;
	WLT_AUTOCLOSE int from_fd = wlt_open_parent(top, from, &from_leaf);
	WLT_AUTOCLOSE int to_fd = -1;
	int fault;

	if (from_fd < 0)
		return fail_open(err, errno, from);
	to_fd = wlt_open_parent(top, to, &to_leaf);
	if (to_fd < 0)
		return fail_open(err, errno, to);
	fault = rename_new(from_fd, from_leaf, to_fd, to_leaf);
	if (fault == EEXIST)
		return wlt_fail(err, WLT_EXISTS, "%s is there already and is never overwritten",
				to);
	if (fault != 0)
		return wlt_fail_errno(err, fault, "cannot move %s to %s", from, to);
	return true;
}

static bool write_part(int top, const char *path, const struct wlt_buf *content, mode_t mode,
		       struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd =
		openat(top, PART,
		       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		       S_IRUSR | S_IWUSR);
	int fault = 0;

	if (fd < 0)
		return fail_open(err, errno, PART);
	if (fchmod(fd, mode) != 0)
		fault = errno;
	if (fault == 0)
		fault = wlt_write_all(fd, content->data, content->len);
	if (fault == 0 && fsync(fd) != 0)
		fault = errno;
	if (close(wlt_take_fd(&fd)) != 0 && fault == 0 && errno != EINTR)
		fault = errno;
	if (fault != 0)
		return wlt_fail_errno(err, fault, "cannot write %s", path);
	return true;
}

bool wlt_staged_write(int top, const char *path, const struct wlt_buf *content, mode_t mode,
		      struct wlt_error *err)
{
	if (!wlt_buf_ok(content, err))
		return false;
	if (write_part(top, path, content, mode, err) && rename_beneath(top, PART, path, err))
		return true;
	(void)unlinkat(top, PART, 0); /* why it failed is what matters */
	return false;
}

bool wlt_staged_move(int top, const char *from, const char *to, struct wlt_error *err)
{
	enum wlt_staged source, target;

	if (!wlt_staged_look(top, from, &source, err) || !wlt_staged_look(top, to, &target, err))
		return false;
	if (source == WLT_STAGED_ABSENT && target != WLT_STAGED_ABSENT)
		return true;
	return rename_beneath(top, from, to, err);
}

bool wlt_staged_remove(int top, const char *path, struct wlt_error *err)
{
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = wlt_open_parent(top, path, &leaf);

	if (parent < 0 && errno == ENOENT)
		return true;
	if (parent < 0)
		return fail_open(err, errno, path);
	return wlt_tree_remove(parent, leaf, err);
}

bool wlt_staged_remove_empty(int top, const char *path, struct wlt_error *err)
{
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = wlt_open_parent(top, path, &leaf);

	if (parent < 0 && errno != ENOENT)
		return fail_open(err, errno, path);
	if (parent < 0 || unlinkat(parent, leaf, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return true;
	return wlt_fail_errno(err, errno, "cannot remove the folder %s", path);
}
