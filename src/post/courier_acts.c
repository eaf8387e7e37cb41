/* SPDX-License-Identifier: MIT */
/* The courier's operations for a person at a terminal: setup, invite, accept. */
#include "config.h"

#include "post/courier_child.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

/* The own relay and key, as setup and invite report them. */
static bool tell_own(const struct wlt_relay_config *config, const char *keys_dir,
		     struct json_object *reply, struct wlt_error *err)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;

	if (!wlt_keyring_load(keys_dir, &ring, err))
		return false;

	const char *id = wlt_keyring_own_id(ring);
	const struct wlt_key *key = id != NULL ? wlt_keyring_by_id(ring, id, NULL) : NULL;

	if (key == NULL)
		return wlt_fail(err, WLT_NO_KEY,
				"%s has no key of your own: run `walnut relay setup`", keys_dir);
	return (wlt_json_set_string(reply, "url", config->url) &&
		wlt_json_set_string(reply, "username", config->username) &&
		wlt_json_set_string(reply, "pubkey_id", wlt_key_id(key)) &&
		wlt_json_set_string(reply, "fingerprint", wlt_key_fingerprint(key))) ||
	       wlt_fail_memory(err);
}

bool wlt_courier_setup(struct json_object *request, struct json_object *reply,
		       struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	const struct wlt_setup setup = {
		.dir = wlt_courier_need(request, "dir", err),
		.keys_dir = wlt_courier_need(request, "keys_dir", err),
		.mirrors_dir = wlt_courier_need(request, "mirrors", err),
		.url = wlt_json_string(request, "url"),
		.username = wlt_courier_need(request, "username", err),
		.key_bits = (unsigned)wlt_json_int(request, "key_bits", 0),
		.token_env = wlt_json_string(request, "token_env"),
	};

	if (setup.dir == NULL || setup.keys_dir == NULL || setup.mirrors_dir == NULL ||
	    setup.username == NULL)
		return false;
	return wlt_relay_setup(&setup, &config, err) &&
	       tell_own(config, setup.keys_dir, reply, err);
}

bool wlt_courier_invite(struct json_object *request, struct json_object *reply,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	const char *dir = wlt_courier_need(request, "dir", err);
	const char *keys_dir = dir != NULL ? wlt_courier_need(request, "keys_dir", err) : NULL;
	const char *mirrors = keys_dir != NULL ? wlt_courier_need(request, "mirrors", err) : NULL;
	const char *peer = mirrors != NULL ? wlt_courier_need(request, "peer", err) : NULL;

	return peer != NULL && wlt_relay_config_load(dir, &config, err) &&
	       wlt_relay_invite(config, mirrors, wlt_json_string(request, "token_env"), peer,
				err) &&
	       tell_own(config, keys_dir, reply, err);
}

bool wlt_courier_accept(struct json_object *request, struct json_object *reply,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	WLT_AUTOFREE char *name = NULL;
	const char *dir = wlt_courier_need(request, "dir", err);
	const char *keys_dir = dir != NULL ? wlt_courier_need(request, "keys_dir", err) : NULL;
	const char *mirrors = keys_dir != NULL ? wlt_courier_need(request, "mirrors", err) : NULL;
	const char *url = mirrors != NULL ? wlt_courier_need(request, "url", err) : NULL;

	if (url == NULL)
		return false;
	if (!wlt_relay_config_load(dir, &config, err) || !wlt_keyring_load(keys_dir, &ring, err) ||
	    !wlt_relay_accept(config, ring, mirrors, wlt_json_string(request, "token_env"), url,
			      wlt_json_string(request, "peer"), &name, &key, err))
		return false;
	return (wlt_json_set_string(reply, "peer", name) &&
		wlt_json_set_string(reply, "pubkey_id", wlt_key_id(key)) &&
		wlt_json_set_string(reply, "fingerprint", wlt_key_fingerprint(key))) ||
	       wlt_fail_memory(err);
}
