/* SPDX-License-Identifier: MIT */
/*
 * The folder tree of an opened package, read off its sorted list of files. Pure; a `struct wlt_package` does
 * not change, so any thread may ask.
 */
#ifndef WLT_WALNUTFS_PACKED_H
#define WLT_WALNUTFS_PACKED_H

#include <stdbool.h>
#include <stddef.h>

#include "package/package.h"

/* The file with this path, or NULL. */
const struct wlt_entry *wlt_packed_file(const struct wlt_package *package, const char *path);

/* True when files lie below `path`; "" is the package itself. */
bool wlt_packed_is_folder(const struct wlt_package *package, const char *path);

/* Call `each` for the names directly in the folder `path`, in byte order of their paths, once each. Stops
 * early when `each` returns other than 0, and returns that. `file` is NULL for a folder. */
int wlt_packed_list(const struct wlt_package *package, const char *path,
		    int (*each)(void *context, const char *name, const struct wlt_entry *file),
		    void *context);

#endif
