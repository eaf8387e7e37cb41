/* SPDX-License-Identifier: MIT */
/* What the verbs of `walnut keys` share. */
#ifndef WLT_CLI_KEYS_H
#define WLT_CLI_KEYS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/error.h"
#include "cli/cli.h"
#include "keys/keys.h"

/* Find the places and load the keyring there. Both are the caller's to free, also after a failure. */
bool wlt_keys_load(struct wlt_places *places, struct wlt_keyring **ring, struct wlt_error *err);

/* The own key, NULL when there is none; borrowed. */
struct wlt_key *wlt_keys_own(const struct wlt_keyring *ring);

/* {"peer", "pubkey_id", "fingerprint"}, `peer` NULL for the own key. NULL when out of memory. */
struct json_object *wlt_keys_describe(const char *peer, const struct wlt_key *key);

/* "NAME  ID" and the fingerprint, on stdout. */
void wlt_keys_print(const char *name, const struct wlt_key *key);

#endif
