/* SPDX-License-Identifier: MIT */
/*
 * Files and folders beneath a staging folder, by relative path. A symbolic link on the way or at the
 * end, and anything but a regular file or a folder, is refused: no package holds such things.
 * `top` is the staging folder, opened for reading.
 */
#ifndef WLT_RECEIVE_STAGED_H
#define WLT_RECEIVE_STAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "walnut/walnut.h"

enum wlt_staged { WLT_STAGED_ABSENT, WLT_STAGED_FILE, WLT_STAGED_FOLDER };

bool wlt_staged_look(int top, const char *path, enum wlt_staged *what, struct wlt_error *err);

/* The names in a folder, each checked, in byte order. */
bool wlt_staged_names(int top, const char *path, struct wlt_strings *names, struct wlt_error *err);

/* Append a whole file of at most `max` bytes; `*mode` gets its permissions. */
bool wlt_staged_read(int top, const char *path, size_t max, struct wlt_buf *out, mode_t *mode,
		     struct wlt_error *err);

/* Make a file that is not there yet, in one step. A crash leaves nothing that the next call would not
 * use up. */
bool wlt_staged_write(int top, const char *path, const struct wlt_buf *content, mode_t mode,
		      struct wlt_error *err);

/* Move a file or folder to where nothing is. Done already when `to` is there and `from` is not. */
bool wlt_staged_move(int top, const char *from, const char *to, struct wlt_error *err);

/* Remove a file, or a folder with all that is in it. Absent is success. */
bool wlt_staged_remove(int top, const char *path, struct wlt_error *err);

/* Remove a folder that must be empty. Absent is success. */
bool wlt_staged_remove_empty(int top, const char *path, struct wlt_error *err);

#endif
