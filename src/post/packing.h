/* SPDX-License-Identifier: MIT */
/*
 * From a complete drop to a sealed package in its spool folder. Blocks; the packer thread's work.
 */
#ifndef WLT_POST_PACKING_H
#define WLT_POST_PACKING_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"
#include "post/completion.h"
#include "relay/relay.h"
#include "walnut/walnut.h"

/* Where things are; all borrowed. */
struct wlt_packing {
	int spool_fd;
	const char *spool_path; /* of the same folder, absolute */
	const char *relay_dir;
	const char *keys_dir;
	const char *world; /* may be NULL */
	const char *id;
	const char *peer;
	const char *name;
	struct json_object *options;
	const atomic_bool *cancel;
};

struct wlt_packed {
	char package[WLT_PACKAGE_NAME_BYTES]; /* its name in the relay */
	char import_id[WLT_SHA256_HEX];       /* "" for a package that was sealed elsewhere */
	uint64_t size;
	struct wlt_strings warnings;
};

/* Check, pack, sign and seal spool/ID/tree/NAME into spool/ID/package, synced. What is wrong with the drop
 * is a sentence for its owner. */
bool wlt_pack(const struct wlt_packing *packing, struct wlt_packed *out, struct wlt_error *err);

/* Where a walnut to be packed is. */
struct wlt_origin {
	int fd; /* of the walnut; -1 for a ready package */
	char *walnut;
	char *bundle; /* leaf name when only that bundle is meant, else NULL */
};

/* What was dropped: a walnut folder, or a link to a walnut or a bundle elsewhere. */
bool wlt_origin_find(const struct wlt_packing *packing, struct wlt_origin *out,
		     struct wlt_error *err);
void wlt_origin_close(struct wlt_origin *origin);

/* Is there anything in the drop; and, when `names_too`, is something in it named like an unfinished file?
 * Its path goes to `*path` (malloc()ed). */
enum wlt_finding wlt_packing_look(const struct wlt_packing *packing, bool names_too, char **path);

/* Remove from a drop that was interrupted once what a program left that did not finish, and no program has
 * touched since it was resumed at `since`: rsync's and GIO's temporary files. Their paths are added to
 * `removed`. Only copies go: the originals are elsewhere. */
bool wlt_packing_sweep(const struct wlt_packing *packing, const struct timespec *since,
		       struct wlt_strings *removed, struct wlt_error *err);

#endif
