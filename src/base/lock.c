/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define HOLDER_BYTES 128 /* of the first line */
#define ATTEMPTS     16

/* True while the locked file is still the one `path` names: another program may have removed it
 * between our open and our lock, and a lock on a nameless file keeps nobody out. */
static bool still_named(int dirfd, const char *path, int fd)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && fstatat(dirfd, path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static bool fail_busy(const char *path, int fd, struct wlt_error *err)
{
	char holder[HOLDER_BYTES + 1];
	size_t len = 0;

	if (wlt_pread_full(fd, holder, HOLDER_BYTES, 0, &len) != 0)
		len = 0;
	holder[len] = '\0';
	holder[strcspn(holder, "\r\n")] = '\0';
	if (holder[0] == '\0')
		return wlt_fail(err, WLT_BUSY, "%s is locked by another process", path);
	return wlt_fail(err, WLT_BUSY, "%s is locked by another process (%s)", path, holder);
}

static bool write_holder(int fd, const char *path, const char *content, struct wlt_error *err)
{
	char own[32];
	int fault = 0;

	if (content == NULL) {
		(void)snprintf(own, sizeof(own), "pid=%ld\n", (long)getpid());
		content = own;
	}
	if (ftruncate(fd, 0) != 0)
		fault = errno;
	if (fault == 0)
		fault = wlt_pwrite_all(fd, content, strlen(content), 0);
	if (fault != 0)
		return wlt_fail_errno(err, fault, "cannot write the lock %s", path);
	return true;
}

bool wlt_lock_take(int dirfd, const char *path, const char *content, int *fd, struct wlt_error *err)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		WLT_AUTOCLOSE int lock =
			openat(dirfd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
			       S_IRUSR | S_IWUSR);

		if (lock < 0)
			return wlt_fail_errno(err, errno, "cannot open the lock %s", path);
		if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
			if (errno == EWOULDBLOCK)
				return fail_busy(path, lock, err);
			return wlt_fail_errno(err, errno, "cannot lock %s", path);
		}
		if (!still_named(dirfd, path, lock))
			continue;
		if (!write_holder(lock, path, content, err))
			return false;
		*fd = wlt_take_fd(&lock);
		return true;
	}
	return wlt_fail(err, WLT_BUSY, "%s is being removed again and again by another process",
			path);
}
