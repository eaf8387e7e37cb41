/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define PIECE       (256u << 10)
#define PREFIX      ".walnut-extract-"
#define CONTENT     "content"
#define RANDOM      8u
#define FOLDER_MODE 0777 /* less the umask, as everywhere */
#define FILE_MODE   0644
#define TOOL_MODE   0755

_Static_assert(sizeof(PREFIX) + 2 * RANDOM <= WLT_STAGING_BYTES, "the name has room");

/* --- where ------------------------------------------------------------------------------------- */

static bool taken(const struct wlt_unpacking *unpacking, struct wlt_error *err)
{
	return wlt_fail(err, WLT_EXISTS,
			"%s exists already: nothing is ever extracted over anything",
			unpacking->dir);
}

bool wlt_unpack_begin(struct wlt_unpacking *unpacking, const char *dir, struct wlt_error *err)
{
	WLT_AUTOFREE char *path = strdup(dir);
	size_t len = strlen(dir);
	char *leaf;
	struct stat st;

	unpacking->dir = dir;
	if (path == NULL)
		return wlt_fail_memory(err);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	leaf = strrchr(path, '/');
	leaf = leaf != NULL ? leaf + 1 : path;
	if (leaf[0] == '\0' || strcmp(leaf, ".") == 0 || strcmp(leaf, "..") == 0)
		return leaf[0] == '\0' && path[0] == '\0'
			       ? wlt_fail(err, WLT_USAGE, "the folder to extract to has no name")
			       : taken(unpacking, err);
	unpacking->leaf = strdup(leaf);
	if (unpacking->leaf == NULL)
		return wlt_fail_memory(err);
	leaf[0] = '\0';
	unpacking->parent = open(path[0] != '\0' ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (unpacking->parent < 0)
		return wlt_fail_errno(err, errno, "cannot open the folder that is to hold %s", dir);
	if (fstatat(unpacking->parent, unpacking->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return taken(unpacking, err);
	return errno == ENOENT || wlt_fail_errno(err, errno, "cannot look at %s", dir);
}

/* A folder of our own, and in it the one that is going to be moved. */
static bool make_staging(struct wlt_unpacking *unpacking, struct wlt_error *err)
{
	char name[WLT_STAGING_BYTES] = PREFIX;

	if (!wlt_random_hex(RANDOM, name + sizeof(PREFIX) - 1, err))
		return false;
	if (mkdirat(unpacking->parent, name, 0700) != 0)
		return wlt_fail_errno(err, errno, "cannot make a folder beside %s", unpacking->dir);
	memcpy(unpacking->staging, name, sizeof(name));
	unpacking->staging_fd =
		openat(unpacking->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (unpacking->staging_fd < 0 || mkdirat(unpacking->staging_fd, CONTENT, FOLDER_MODE) != 0)
		return wlt_fail_errno(err, errno, "cannot make a folder beside %s", unpacking->dir);
	return true;
}

/* --- writing ----------------------------------------------------------------------------------- */

struct writer {
	const struct wlt_package *package;
	const atomic_bool *cancel;
	struct wlt_progress *progress;
	uint64_t written;
	char *buffer; /* PIECE */
	int content;
	int folder;        /* where the last file went */
	char *folder_path; /* below `content`; NULL before the first file */
};

static void end_writer(struct writer *writer)
{
	free(writer->buffer);
	free(writer->folder_path);
	wlt_cleanup_close(&writer->content);
	wlt_cleanup_close(&writer->folder);
}

/* Have `folder` be that of `path`. Files come sorted, so that mostly it is already. */
static bool enter_folder(struct writer *writer, const char *path, struct wlt_error *err)
{
	const char *leaf = wlt_path_leaf(path);
	size_t len = leaf > path ? (size_t)(leaf - path) - 1 : 0;
	char *wanted;

	if (writer->folder_path != NULL && strlen(writer->folder_path) == len &&
	    memcmp(writer->folder_path, path, len) == 0)
		return true;
	wanted = strndup(path, len);
	if (wanted == NULL)
		return wlt_fail_memory(err);
	free(writer->folder_path);
	writer->folder_path = wanted;
	wlt_cleanup_close(&writer->folder);
	writer->folder = -1;
	if (len > 0 && !wlt_dir_ensure_beneath(writer->content, wanted, FOLDER_MODE, err))
		return false;
	writer->folder = wlt_open_beneath(writer->content, wanted, O_RDONLY | O_DIRECTORY, 0);
	return writer->folder >= 0 || wlt_fail_errno(err, errno, "cannot open %s", wanted);
}

static bool copy_content(struct writer *writer, const struct wlt_entry *entry, int fd,
			 struct wlt_error *err)
{
	uint64_t done = 0;

	while (done < entry->size) {
		uint64_t left = entry->size - done;
		size_t got;
		int errnum;

		if (writer->cancel != NULL && atomic_load(writer->cancel))
			return wlt_fail(err, WLT_CANCELLED, "extracting was cancelled");
		if (!wlt_plain_read(writer->package->plain, writer->buffer,
				    left < PIECE ? (size_t)left : PIECE, entry->offset + done, &got,
				    err))
			return false;
		if (got == 0)
			return wlt_fail(err, WLT_INTERNAL, "%s ends early", entry->path);
		errnum = wlt_write_all(fd, writer->buffer, got);
		if (errnum != 0)
			return wlt_fail_errno(err, errnum, "cannot write %s", entry->path);
		done += got;
		writer->written += got;
		wlt_progress_tell(writer->progress, "extracting", writer->written,
				  wlt_plain_size(writer->package->plain));
	}
	return true;
}

static bool write_file(struct writer *writer, const struct wlt_entry *entry, struct wlt_error *err)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->mtime}};
	WLT_AUTOCLOSE int fd = -1;

	if (!enter_folder(writer, entry->path, err))
		return false;
	fd = openat(writer->folder, wlt_path_leaf(entry->path),
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    entry->executable ? TOOL_MODE : FILE_MODE);
	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot make %s", entry->path);
	if (!copy_content(writer, entry, fd, err))
		return false;
	if (futimens(fd, times) != 0)
		return wlt_fail_errno(err, errno, "cannot set the time of %s", entry->path);
	if (close(wlt_take_fd(&fd)) != 0)
		return wlt_fail_errno(err, errno, "cannot write %s", entry->path);
	return true;
}

static bool write_files(struct wlt_unpacking *unpacking, const struct wlt_package *package,
			const atomic_bool *cancel, struct wlt_progress *progress,
			struct wlt_error *err)
{
	WLT_AUTO(end_writer)
	struct writer writer = {.package = package,
				.cancel = cancel,
				.progress = progress,
				.content = -1,
				.folder = -1};

	writer.content = openat(unpacking->staging_fd, CONTENT,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (writer.content < 0)
		return wlt_fail_errno(err, errno, "cannot open a folder beside %s", unpacking->dir);
	writer.buffer = malloc(PIECE);
	if (writer.buffer == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < package->n_entries; i++) {
		if (!write_file(&writer, &package->entries[i], err))
			return false;
	}
	if (cancel != NULL && atomic_load(cancel))
		return wlt_fail(err, WLT_CANCELLED, "extracting was cancelled");
	/* Once for all of them: a sync for each file takes as long as all the rest. */
	if (syncfs(writer.content) != 0)
		return wlt_fail_errno(err, errno, "cannot write %s to disk", unpacking->dir);
	return true;
}

/* --- appearing --------------------------------------------------------------------------------- */

static bool publish(struct wlt_unpacking *unpacking, struct wlt_error *err)
{
	int rc = renameat2(unpacking->staging_fd, CONTENT, unpacking->parent, unpacking->leaf,
			   RENAME_NOREPLACE);

	/* Not every file system can; a plain rename replaces nothing but an empty folder. */
	if (rc != 0 && (errno == EINVAL || errno == ENOSYS))
		rc = renameat(unpacking->staging_fd, CONTENT, unpacking->parent, unpacking->leaf);
	if (rc != 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR))
		return taken(unpacking, err);
	if (rc != 0)
		return wlt_fail_errno(err, errno, "cannot make %s", unpacking->dir);
	/* Some file systems cannot sync a folder and say EINVAL. */
	if (fsync(unpacking->parent) != 0 && errno != EINVAL)
		return wlt_fail_errno(err, errno, "cannot write %s to disk", unpacking->dir);
	return true;
}

bool wlt_unpack_package(struct wlt_unpacking *unpacking, const struct wlt_package *package,
			const atomic_bool *cancel, struct wlt_progress *progress,
			struct wlt_error *err)
{
	return make_staging(unpacking, err) &&
	       write_files(unpacking, package, cancel, progress, err) && publish(unpacking, err);
}

void wlt_unpack_end(struct wlt_unpacking *unpacking)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;

	/* How the extraction ended has been said; a hidden folder that stays is no more than untidy. */
	if (unpacking->staging[0] != '\0')
		(void)wlt_tree_remove(unpacking->parent, unpacking->staging, &ignored);
	wlt_cleanup_close(&unpacking->staging_fd);
	wlt_cleanup_close(&unpacking->parent);
	free(unpacking->leaf);
}
