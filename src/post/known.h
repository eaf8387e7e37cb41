/* SPDX-License-Identifier: MIT */
/*
 * What the own relay held when it was last looked at, and which packages were refused: the content of
 * `arrivals.json`. Plain values; the caller's lock guards them.
 */
#ifndef WLT_POST_KNOWN_H
#define WLT_POST_KNOWN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "relay/relay.h"
#include "walnut/walnut.h"

#define WLT_POLICY_BYTES 96
#define WLT_KNOWN_FILE   "arrivals.json"

struct wlt_known_package {
	char *sender;
	char *file;
	char oid[WLT_OID_BYTES];
	uint64_t size;
	int64_t first_seen;
	char *envelope; /* "rsa" "passphrase" "plain"; NULL when it is none: see fault */
	struct wlt_strings recipients;
	char *fault;
	bool fresh; /* was not there at the poll before */
};

/* A package that could not be opened. One that was refused for a reason that lies here (missing key,
 * signature, a format newer than this program) is refused only as long as keys, policy and program stay as
 * they were. */
struct wlt_refusal {
	char oid[WLT_OID_BYTES];
	char *sender;
	enum wlt_kind kind;
	char *reason;
	char *policy; /* NULL: for ever */
};

struct wlt_known {
	char *url; /* of the relay, NULL before the first poll */
	char *tip; /* "" likewise */
	struct wlt_strings senders;
	struct wlt_known_package *items; /* sorted by sender, then file */
	size_t n;
	struct wlt_refusal *refusals; /* sorted by oid, then sender */
	size_t n_refusals;
};

void wlt_known_free(struct wlt_known *known); /* and reset */

/* The file's content, and reading it. An absent file is an empty value. So is a damaged one, because the next poll makes it anew. */
bool wlt_known_load(int dirfd, struct wlt_known *known, struct wlt_error *err);
bool wlt_known_format(const struct wlt_known *known, struct wlt_buf *out, struct wlt_error *err);

/* The `known` member of a poll request: every oid whose envelope has been read. */
bool wlt_known_oids(const struct wlt_known *known, struct json_object **out, struct wlt_error *err);

/* Build what is known after a poll of `url` was answered with `reply` (which says `changed`): envelopes
 * read before are kept. `*next` is new and has no refusals yet; `known` is only read, its refusals not at
 * all. */
bool wlt_known_update(const struct wlt_known *known, const char *url, struct json_object *reply,
		      int64_t now, struct wlt_known *next, struct wlt_error *err);

/* Move the refusals of what is still there from `known` to `next`, which has none; forget the others. */
bool wlt_known_hand_on(struct wlt_known *known, struct wlt_known *next, struct wlt_error *err);

/* Remember a refusal, replacing an earlier one of that package. `policy` NULL: for ever. */
bool wlt_known_refuse(struct wlt_known *known, const char *sender, const char *oid,
		      const struct wlt_error *why, const char *policy, struct wlt_error *err);

/* NULL when the package is not refused under `policy`. */
const struct wlt_refusal *wlt_known_refusal(const struct wlt_known *known, const char *sender,
					    const char *oid, const char *policy);

/* A package with this content from this sender, NULL when there is none. */
const struct wlt_known_package *wlt_known_find(const struct wlt_known *known, const char *sender,
					       const char *oid);

#endif
