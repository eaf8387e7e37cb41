/* SPDX-License-Identifier: MIT */
/*
 * What a walnut is shared with besides the command line: its world and the preferences there, the
 * relay's configuration, the keyring.
 */
#ifndef WLT_CLI_SHARING_H
#define WLT_CLI_SHARING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "keys/keys.h"
#include "package/package.h"
#include "walnut/walnut.h"

/* As typed; the texts are borrowed. */
struct wlt_share_request {
	const char *walnut;
	enum wlt_scope scope;
	struct wlt_strings bundles;
	const char *preset;         /* NULL: none */
	struct wlt_strings exclude; /* patterns */
	const char *exclude_from;   /* a peer; NULL: none */
	struct wlt_strings recipients;
	bool sign;
	bool include_full_history;
	bool allow_restricted;
};

void wlt_share_request_free(struct wlt_share_request *request);

struct wlt_sharing {
	char *walnut;     /* absolute, without links */
	const char *name; /* its last component */
	char *world;      /* NULL: none */
	struct wlt_preferences preferences;
	struct wlt_strings patterns; /* merged: the preset's, those typed, the peer's */
	char *sender;
	const char *session;
	const char *engine;
	struct wlt_key *signer;                               /* NULL: unsigned */
	const struct wlt_key *recipients[WLT_MAX_RECIPIENTS]; /* borrowed from the ring */
	size_t n_recipients;
	struct wlt_keyring *ring; /* loaded when a key is needed */
};

/* Find all of it; nothing is locked, nothing is read of the walnut's content. To be ended in any
 * case. */
bool wlt_sharing_begin(struct wlt_sharing *sharing, const struct wlt_share_request *request,
		       struct wlt_error *err);
void wlt_sharing_end(struct wlt_sharing *sharing);

/* Walk the walnut and decide what goes along. */
bool wlt_sharing_stage(const struct wlt_sharing *sharing, const struct wlt_share_request *request,
		       const atomic_bool *cancel, struct wlt_stage **out, struct wlt_error *err);

#endif
