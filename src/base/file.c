/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define READ_CHUNK 16384 /* for files that do not tell their size */

#define TEMP_PREFIX ".walnut-"
#define TEMP_RANDOM 8 /* bytes */
#define TEMP_BYTES  (sizeof(TEMP_PREFIX) + 2 * TEMP_RANDOM)

int wlt_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t done = write(fd, at, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		if (done == 0)
			return EIO;
		at += done;
		len -= (size_t)done;
	}
	return 0;
}

int wlt_pwrite_all(int fd, const void *data, size_t len, off_t offset)
{
	const char *at = data;

	while (len > 0) {
		ssize_t done = pwrite(fd, at, len, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		if (done == 0)
			return EIO;
		at += done;
		offset += done;
		len -= (size_t)done;
	}
	return 0;
}

int wlt_read_full(int fd, void *data, size_t len, size_t *got)
{
	char *at = data;

	*got = 0;
	while (*got < len) {
		ssize_t done = read(fd, at + *got, len - *got);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		if (done == 0)
			break;
		*got += (size_t)done;
	}
	return 0;
}

int wlt_pread_full(int fd, void *data, size_t len, off_t offset, size_t *got)
{
	char *at = data;

	*got = 0;
	while (*got < len) {
		ssize_t done = pread(fd, at + *got, len - *got, offset + (off_t)*got);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		if (done == 0)
			break;
		*got += (size_t)done;
	}
	return 0;
}

/* Read on to the end. The size was right a moment ago, so that one read more finds the end. */
static bool read_content(int fd, const char *path, size_t size, size_t max, struct wlt_buf *out,
			 struct wlt_error *err)
{
	size_t total = 0;

	for (;;) {
		size_t want = total < size ? size - total : READ_CHUNK;
		size_t got = 0;
		char *to;
		int fault;

		if (want > max - total + 1)
			want = max - total + 1; /* one more, to notice that there is more */
		to = wlt_buf_reserve(out, want);
		if (to == NULL)
			return wlt_fail_memory(err);
		fault = wlt_read_full(fd, to, want, &got);
		if (fault != 0)
			return wlt_fail_errno(err, fault, "cannot read %s", path);
		out->len += got;
		out->data[out->len] = '\0';
		total += got;
		if (total > max)
			return wlt_fail(err, WLT_TOO_BIG,
					"%s is larger than the %zu bytes allowed for it", path,
					max);
		if (got < want)
			return true;
	}
}

bool wlt_file_read(int dirfd, const char *path, size_t max, struct wlt_buf *out,
		   struct wlt_error *err)
{
	/* Without waiting: opening a FIFO would wait for its writer. */
	WLT_AUTOCLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t before = out->len;
	struct stat st;

	if (max > SIZE_MAX / 4)
		max = SIZE_MAX / 4;
	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return wlt_fail(err, WLT_REFUSED, "%s is not a regular file", path);
	if ((uintmax_t)st.st_size > max)
		return wlt_fail(err, WLT_TOO_BIG, "%s is larger than the %zu bytes allowed for it",
				path, max);
	if (read_content(fd, path, (size_t)st.st_size, max, out, err))
		return true;
	out->len = before;
	if (out->data != NULL)
		out->data[before] = '\0';
	return false;
}

/* --- writing ----------------------------------------------------------------------------------- */

/* A file being written beside its final place. */
struct draft {
	int folder;
	const char *leaf;
	const char *path; /* as the caller wrote it */
	char temp[TEMP_BYTES];
};

static bool open_folder_of(int dirfd, const char *path, struct draft *draft, struct wlt_error *err)
{
	const char *leaf = wlt_path_leaf(path);
	WLT_AUTOFREE char *folder = strndup(path, (size_t)(leaf - path));

	if (folder == NULL)
		return wlt_fail_memory(err);
	if (leaf[0] == '\0' || strcmp(leaf, ".") == 0 || strcmp(leaf, "..") == 0)
		return wlt_fail(err, WLT_USAGE, "cannot write '%s': it does not name a file", path);
	draft->path = path;
	draft->leaf = leaf;
	draft->folder =
		openat(dirfd, folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (draft->folder < 0)
		return wlt_fail_errno(err, errno, "cannot open the folder of %s", path);
	return true;
}

/* Write, with its content on the disk, a file of a name nobody else has. */
static bool write_draft(struct draft *draft, const void *data, size_t len, mode_t create_mode,
			const mode_t *exact_mode, struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = -1;
	int fault = 0;

	memcpy(draft->temp, TEMP_PREFIX, sizeof(TEMP_PREFIX));
	if (!wlt_random_hex(TEMP_RANDOM, draft->temp + sizeof(TEMP_PREFIX) - 1, err))
		return false;
	fd = openat(draft->folder, draft->temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, create_mode);
	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot write beside %s", draft->path);
	if (exact_mode != NULL && fchmod(fd, *exact_mode) != 0)
		fault = errno;
	if (fault == 0)
		fault = wlt_write_all(fd, data, len);
	if (fault == 0 && fsync(fd) != 0)
		fault = errno;
	if (close(wlt_take_fd(&fd)) != 0 && fault == 0 && errno != EINTR)
		fault = errno;
	if (fault == 0)
		return true;
	(void)unlinkat(draft->folder, draft->temp, 0); /* the write error is what matters */
	return wlt_fail_errno(err, fault, "cannot write %s", draft->path);
}

/* Make the rename last. Some file systems cannot sync a folder and say EINVAL. */
static bool sync_folder(const struct draft *draft, struct wlt_error *err)
{
	if (fsync(draft->folder) != 0 && errno != EINVAL)
		return wlt_fail_errno(err, errno, "cannot sync the folder of %s", draft->path);
	return true;
}

static void close_draft(struct draft *draft)
{
	if (draft->folder >= 0)
		(void)close(draft->folder); /* only read from */
}

bool wlt_file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		      struct wlt_error *err)
{
	WLT_AUTO(close_draft) struct draft draft = {.folder = -1};
	const mode_t *exact_mode = NULL;
	struct stat st;

	if (!open_folder_of(dirfd, path, &draft, err))
		return false;
	if (fstatat(draft.folder, draft.leaf, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		/* A rename would put a file in place of a link and leave its target as it was. */
		if (!S_ISREG(st.st_mode))
			return wlt_fail(err, WLT_REFUSED,
					"cannot replace %s: it is not a regular file", path);
		st.st_mode &= 07777;
		exact_mode = &st.st_mode;
		mode = S_IRUSR | S_IWUSR;
	} else if (errno != ENOENT) {
		return wlt_fail_errno(err, errno, "cannot look at %s", path);
	}
	if (!write_draft(&draft, data, len, mode, exact_mode, err))
		return false;
	if (renameat(draft.folder, draft.temp, draft.folder, draft.leaf) != 0) {
		int fault = errno;

		(void)unlinkat(draft.folder, draft.temp, 0); /* the rename error is what matters */
		return wlt_fail_errno(err, fault, "cannot replace %s", path);
	}
	return sync_folder(&draft, err);
}

/* Give the draft its name unless it is taken: 0 or an errno value. */
static int publish(const struct draft *draft)
{
	if (renameat2(draft->folder, draft->temp, draft->folder, draft->leaf, RENAME_NOREPLACE) ==
	    0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* Not every file system can; a hard link does not replace either. */
	if (linkat(draft->folder, draft->temp, draft->folder, draft->leaf, 0) != 0)
		return errno;
	(void)unlinkat(draft->folder, draft->temp, 0); /* a second name does no harm */
	return 0;
}

bool wlt_file_create(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		     struct wlt_error *err)
{
	WLT_AUTO(close_draft) struct draft draft = {.folder = -1};
	int fault;

	if (!open_folder_of(dirfd, path, &draft, err) ||
	    !write_draft(&draft, data, len, mode, NULL, err))
		return false;
	fault = publish(&draft);
	if (fault == 0)
		return sync_folder(&draft, err);
	(void)unlinkat(draft.folder, draft.temp, 0); /* why it was not published is what matters */
	if (fault == EEXIST)
		return wlt_fail(err, WLT_EXISTS, "%s exists already and is never overwritten",
				path);
	return wlt_fail_errno(err, fault, "cannot create %s", path);
}

int wlt_memfd(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}
