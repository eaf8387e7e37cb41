/* SPDX-License-Identifier: MIT */
/*
 * Whole files: bounded reads, atomic replacement, locks. Thread-safe.
 *
 * `dirfd` may be AT_FDCWD. Paths given here are our own (state, configuration), not a stranger's.
 */
#ifndef WLT_BASE_FILE_H
#define WLT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Append the whole of a regular file to `out`; more than `max` bytes is WLT_TOO_BIG, an absent file
 * WLT_MISSING. */
bool wlt_file_read(int dirfd, const char *path, size_t max, struct wlt_buf *out,
		   struct wlt_error *err);

/* Replace (or create) `path` in one step: temporary file in the same folder, fsync, rename, fsync of
 * the folder. `mode` is for a new file; an existing file keeps its mode. A crash leaves the old
 * content or the new, and no temporary file that a later call would trip over. */
bool wlt_file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		      struct wlt_error *err);

/* The same for a file that must not be there yet: WLT_EXISTS, and nothing changed, when it is. */
bool wlt_file_create(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		     struct wlt_error *err);

/* All of it, through short counts and EINTR. They return 0 or an errno value. */
int wlt_write_all(int fd, const void *data, size_t len);
int wlt_pwrite_all(int fd, const void *data, size_t len, off_t offset);

/* Up to `len` bytes, less only at the end of the file; the count is put in `*got`. 0 or an errno. */
int wlt_read_full(int fd, void *data, size_t len, size_t *got);
int wlt_pread_full(int fd, void *data, size_t len, off_t offset, size_t *got);

/* An exclusive flock on `path` (created 0600), without waiting. `content` (NULL: "pid=N\n") is
 * written into it for whoever finds it taken. On success `*fd` holds the lock until it is closed.
 * WLT_BUSY, with the first line of the holder's content in the text, when it is held. */
bool wlt_lock_take(int dirfd, const char *path, const char *content, int *fd,
		   struct wlt_error *err);

/* Close-on-exec memfd, sealable, named `name` in /proc. -1 with errno on failure. */
int wlt_memfd(const char *name);

#endif
