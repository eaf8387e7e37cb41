/* SPDX-License-Identifier: MIT */
/*
 * Names and paths below a folder descriptor.
 *
 * Nothing in this project glues path strings together and trusts them: a relative path is checked
 * here and opened here, beneath a folder descriptor and without following symbolic links.
 * All functions are thread-safe.
 */
#ifndef WLT_BASE_PATH_H
#define WLT_BASE_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define WLT_NAME_BYTES 255  /* longest component */
#define WLT_PATH_BYTES 4095 /* longest relative path */
#define WLT_PATH_DEPTH 128  /* most components */

/* One path component as it may come from a package or a peer: valid UTF-8, 1 to 255 bytes, no `/`,
 * `\`, NUL or control character, not `.` or `..`. On refusal `err` (WLT_DAMAGED) says which rule. */
bool wlt_name_check(const char *name, struct wlt_error *err);

/* A relative path of such components joined by single `/`, no drive letter (`C:`) in front, at most
 * WLT_PATH_BYTES long and WLT_PATH_DEPTH deep. */
bool wlt_path_check(const char *path, struct wlt_error *err);

/* The name of a peer: 1 to 39 of A-Z a-z 0-9 - _. WLT_USAGE otherwise. */
bool wlt_peer_name_check(const char *name, struct wlt_error *err);

/* The part behind the last `/`; borrowed from `path`. */
const char *wlt_path_leaf(const char *path);

/* open(2) of `path` beneath `dirfd`: no component, the last included, may be a symbolic link or
 * lead out (openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), or component by component on a kernel
 * without it). O_CLOEXEC is added. "" or "." opens the folder itself. Returns a descriptor, or -1
 * with errno (ELOOP for a symbolic link, EXDEV for a path that leads out). */
int wlt_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* Open the parent folder of `path` beneath `dirfd` (O_PATH) for an *at() call on `*leaf`, which
 * points into `path`. Returns a descriptor, or -1 with errno. */
int wlt_open_parent(int dirfd, const char *path, const char **leaf);

/* mkdir -p of an absolute or current-folder-relative path; new folders get `mode`. */
bool wlt_dir_ensure(const char *path, mode_t mode, struct wlt_error *err);

/* The same beneath a descriptor, component by component, without following links. */
bool wlt_dir_ensure_beneath(int dirfd, const char *path, mode_t mode, struct wlt_error *err);

/* rm -r of `name` (one component) in `dirfd`: links are removed, never followed; iterative, so deep
 * trees cost no stack. A name that is not there is success. */
bool wlt_tree_remove(int dirfd, const char *name, struct wlt_error *err);

/* "A/B" as a malloc()ed string; NULL when out of memory. */
char *wlt_path_join(const char *a, const char *b);

#endif
