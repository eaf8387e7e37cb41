/* SPDX-License-Identifier: MIT */
/*
 * receive/ – taking what a package holds into a walnut on disk.
 *
 * Works on a staging folder: a package unpacked and verified, at a place of its own, mode 0700. Everything
 * happens beneath its descriptor and no symbolic link is followed; a package holds none, so one that
 * lies in the way is a refusal. Depends on package/, walnut/, keys/ and base/.
 */
#ifndef WLT_RECEIVE_RECEIVE_H
#define WLT_RECEIVE_RECEIVE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "walnut/walnut.h"

/* --- migration --------------------------------------------------------------------------------- */

struct wlt_migrate_options {
	int64_t now;         /* when the tasks are said to be made */
	const char *session; /* of a task that names none */
};

/* What a migration did. Starts as zeroes. */
struct wlt_migration {
	struct wlt_strings actions;          /* one sentence each, in order */
	struct wlt_strings warnings;         /* what a person should look at */
	struct wlt_strings bundles_migrated; /* their names afterwards */
	size_t tasks_converted;
	struct wlt_strings errors; /* why it stopped; empty on success */
};

/* Bring a staging folder of the v2 layout (`bundles/`, `_kernel/_generated/`) or of v1 (`_core/`) to the
 * flat v3 layout. A tree that is flat already gives the one action `no-op (already v3 layout)`.
 *
 * All is decided and checked before anything changes, and written down in the folder; then each step
 * happens in one system call, or can be repeated. So a tree that cannot be migrated is left as it was,
 * and after a crash or a failure in the middle another call finishes the work and reports all of it.
 * WLT_BUSY while another process does the same in this folder (a flock of the folder tells).
 *
 * On failure `out` says how far it got, and has the sentence of `err` in `errors`. */
bool wlt_migrate_staging(int staging_fd, const struct wlt_migrate_options *options,
			 struct wlt_migration *out, struct wlt_error *err);
void wlt_migration_free(struct wlt_migration *migration);

/* An object with the members of the struct. NULL when out of memory. */
struct json_object *wlt_migration_json(const struct wlt_migration *migration);

#endif
