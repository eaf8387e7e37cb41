/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/keys.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/terminal.h"

static const struct wlt_command commands[] = {
	{"list", wlt_cli_keys_list, "list your key and the trusted keys of peers"},
	{"show", wlt_cli_keys_show, "show your key, or that of a peer"},
	{"add", wlt_cli_keys_add, "trust a peer's key that you have in a file"},
	{"trust", wlt_cli_keys_trust, "trust a peer's new key instead of the old one"},
	{"remove", wlt_cli_keys_remove, "trust a peer's key no longer"},
};

int wlt_cli_keys(int argc, char **argv)
{
	return wlt_cli_dispatch("walnut keys", commands, sizeof(commands) / sizeof(commands[0]),
				argc, argv);
}

/* --- shared ------------------------------------------------------------------------------------ */

bool wlt_keys_load(struct wlt_places *places, struct wlt_keyring **ring, struct wlt_error *err)
{
	return wlt_places_find(places, err) && wlt_keyring_load(places->keys_dir, ring, err);
}

struct wlt_key *wlt_keys_own(const struct wlt_keyring *ring)
{
	const char *id = wlt_keyring_own_id(ring);

	return id != NULL ? wlt_keyring_by_id(ring, id, NULL) : NULL;
}

struct json_object *wlt_keys_describe(const char *peer, const struct wlt_key *key)
{
	WLT_AUTO(wlt_json_put) struct json_object *entry = json_object_new_object();

	if (entry == NULL || !wlt_json_set_string(entry, "peer", peer) ||
	    !wlt_json_set_string(entry, "pubkey_id", wlt_key_id(key)) ||
	    !wlt_json_set_string(entry, "fingerprint", wlt_key_fingerprint(key)))
		return NULL;
	return wlt_take(entry);
}

void wlt_keys_print(const char *name, const struct wlt_key *key)
{
	wlt_terminal_strong(stdout, name);
	(void)printf("  %s\n", wlt_key_id(key));
	wlt_terminal_fingerprint(stdout, wlt_key_fingerprint(key));
}
