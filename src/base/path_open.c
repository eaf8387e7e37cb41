/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path_private.h"

#define FOLDER_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Absolute, or with a `..` component: leads out, or could. */
static bool leads_out(const char *path)
{
	if (path[0] == '/')
		return true;
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
		if (path[len] == '\0')
			return false;
		path += len + 1;
	}
}

/* openat2() refuses a mode that nothing is created with. */
static mode_t creation_mode(int flags, mode_t mode)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0;
}

int wlt_open_beneath_kernel(int dirfd, const char *path, int flags, mode_t mode)
{
	/* O_NOFOLLOW is left to the resolver: together with O_PATH it would open the link. */
	struct open_how how = {
		.flags = (uint64_t)(unsigned)((flags | O_CLOEXEC) & ~O_NOFOLLOW),
		.mode = creation_mode(flags, mode),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* Linux answers ENOTDIR to O_DIRECTORY | O_NOFOLLOW on a symbolic link. Say what it is. */
static int explain_not_folder(int dirfd, const char *name)
{
	struct stat st;

	if (errno == ENOTDIR) {
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
			errno = ELOOP;
		else
			errno = ENOTDIR;
	}
	return -1;
}

/* The last component. */
static int open_leaf(int dirfd, const char *name, int flags, mode_t mode)
{
	WLT_AUTOCLOSE int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	struct stat st;

	if (fd < 0)
		return explain_not_folder(dirfd, name);
	if ((flags & O_PATH) != 0) { /* opens the link itself */
		if (fstat(fd, &st) != 0)
			return -1;
		if (S_ISLNK(st.st_mode)) {
			errno = ELOOP;
			return -1;
		}
	}
	return wlt_take_fd(&fd);
}

int wlt_open_beneath_walk(int dirfd, const char *path, int flags, mode_t mode)
{
	WLT_AUTOCLOSE int folder = -1; /* the one reached, when it is not `dirfd` itself */
	char name[WLT_NAME_BYTES + 1];

	for (;;) {
		size_t len = strcspn(path, "/");
		const char *rest = path + len + strspn(path + len, "/");
		int here = folder >= 0 ? folder : dirfd;
		int next;

		if (len == 0 || len > WLT_NAME_BYTES) {
			errno = len == 0 ? ENOENT : ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		if (*rest == '\0') {
			if (path[len] == '/') /* "a/" names a folder */
				flags |= O_DIRECTORY;
			return open_leaf(here, name, flags, creation_mode(flags, mode));
		}
		next = openat(here, name, FOLDER_FLAGS);
		if (next < 0)
			return explain_not_folder(here, name);
		if (folder >= 0)
			(void)close(folder); /* O_PATH: nothing to lose */
		folder = next;
		path = rest;
	}
}

int wlt_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	if (path[0] == '\0')
		path = ".";
	if (leads_out(path)) {
		errno = EXDEV;
		return -1;
	}
	fd = wlt_open_beneath_kernel(dirfd, path, flags, mode);
	/* Container sandboxes answer EPERM to system calls they do not know. Where EPERM is the
	 * true answer, the second way gives it again. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = wlt_open_beneath_walk(dirfd, path, flags, mode);
	return fd;
}

int wlt_open_parent(int dirfd, const char *path, const char **leaf)
{
	char parent[WLT_PATH_BYTES + 1];
	const char *name = wlt_path_leaf(path);
	size_t len = (size_t)(name - path);

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	if (len > WLT_PATH_BYTES) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(parent, path, len);
	parent[len] = '\0';
	*leaf = name;
	return wlt_open_beneath(dirfd, parent, O_PATH | O_DIRECTORY, 0);
}

bool wlt_dir_ensure(const char *path, mode_t mode, struct wlt_error *err)
{
	WLT_AUTOFREE char *copy = strdup(path);
	struct stat st;

	if (path[0] == '\0')
		return wlt_fail(err, WLT_USAGE, "cannot make a folder without a name");
	if (copy == NULL)
		return wlt_fail_memory(err);
	if (stat(path, &st) != 0) {
		/* From the top, so that no parent is missing. Behind a leading slash: "/" is there. */
		for (char *slash = copy; slash != NULL;) {
			slash = strchr(slash + 1, '/');
			if (slash != NULL)
				*slash = '\0';
			if (mkdir(copy, mode) != 0 && errno != EEXIST)
				return wlt_fail_errno(err, errno, "cannot make the folder %s",
						      copy);
			if (slash != NULL)
				*slash = '/';
		}
		if (stat(path, &st) != 0)
			return wlt_fail_errno(err, errno, "cannot make the folder %s", path);
	}
	if (!S_ISDIR(st.st_mode))
		return wlt_fail_errno(err, ENOTDIR, "cannot use %s as a folder", path);
	return true;
}

bool wlt_dir_ensure_beneath(int dirfd, const char *path, mode_t mode, struct wlt_error *err)
{
	WLT_AUTOCLOSE int folder = -1;
	char name[WLT_NAME_BYTES + 1];
	const char *at = path;

	if (leads_out(path))
		return wlt_fail_errno(err, EXDEV, "cannot make the folder %s", path);
	for (at += strspn(at, "/"); *at != '\0'; at += strspn(at, "/")) {
		size_t len = strcspn(at, "/");
		int here = folder >= 0 ? folder : dirfd;
		int next;

		if (len > WLT_NAME_BYTES)
			return wlt_fail_errno(err, ENAMETOOLONG, "cannot make the folder %s", path);
		memcpy(name, at, len);
		name[len] = '\0';
		if (mkdirat(here, name, mode) != 0 && errno != EEXIST)
			return wlt_fail_errno(err, errno, "cannot make the folder %s", path);
		next = openat(here, name, FOLDER_FLAGS);
		if (next < 0) {
			(void)explain_not_folder(here, name);
			return wlt_fail_errno(err, errno, "cannot use %s as a folder", path);
		}
		if (folder >= 0)
			(void)close(folder); /* O_PATH: nothing to lose */
		folder = next;
		at += len;
	}
	return true;
}
