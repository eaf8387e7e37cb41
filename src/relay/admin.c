/* SPDX-License-Identifier: MIT */
/* What a person does once: set up the own relay, invite a peer, accept a peer's invitation. */
#include "config.h"

#include "relay/config_file.h"
#include "relay/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/path.h"
#include "relay/mirror.h"

#define LAYOUT_VERSION  1
#define CHANGE_ID_BYTES 8

/* Apply edits under an id of their own. None of these acts doubles anything when repeated. */
static bool apply_once(struct wlt_mirror *mirror, const struct wlt_edit *edits, size_t n,
		       const char *message, struct wlt_error *err)
{
	char id[2 * CHANGE_ID_BYTES + 1];

	return wlt_random_hex(CHANGE_ID_BYTES, id, err) &&
	       wlt_mailbox_apply(mirror, id, edits, n, message, NULL, err) &&
	       wlt_mailbox_forget(mirror, id, err);
}

/* --- setup ------------------------------------------------------------------------------------- */

/* The own key pair: the one that is there, or a new one; recorded in the keyring. */
static bool ensure_pair(const struct wlt_setup *setup, struct wlt_key **pair, struct wlt_error *err)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;

	if (!wlt_dir_ensure(setup->keys_dir, 0700, err))
		return false;

	WLT_AUTOCLOSE int dirfd = open(setup->keys_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return wlt_fail_errno(err, errno, "%s cannot be opened", setup->keys_dir);
	if (faccessat(dirfd, "private.pem", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!wlt_key_load_private(dirfd, "private.pem", &key, err))
			return wlt_fail_context(err, "%s", setup->keys_dir);
	} else if (!wlt_key_generate(dirfd, setup->key_bits != 0 ? setup->key_bits : WLT_KEY_BITS,
				     &key, err)) {
		return wlt_fail_context(err, "%s", setup->keys_dir);
	}
	if (!wlt_keyring_load(setup->keys_dir, &ring, err) || !wlt_keyring_set_own(ring, key, err))
		return false;
	*pair = wlt_take(key);
	return true;
}

/* The repository of a relay on this machine, when none was named. malloc()ed URL. */
static bool ensure_repository(const struct wlt_setup *setup, char **url, struct wlt_error *err)
{
	WLT_AUTOFREE char *folder = NULL;

	if (setup->url != NULL) {
		*url = strdup(setup->url);
		return *url != NULL || wlt_fail_memory(err);
	}
	folder = setup->dir[0] == '/' ? strdup(setup->dir) : realpath(setup->dir, NULL);
	*url = folder != NULL ? wlt_path_join(folder, "repo.git") : NULL;
	if (*url == NULL)
		return wlt_fail_memory(err);
	return wlt_bare_create(*url, err);
}

/* Whose relay is it? A repository that carries another owner's key is not to be taken over. */
static bool check_owner(struct wlt_mirror *mirror, const struct wlt_setup *setup,
			const char *key_path, const struct wlt_buf *pem, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf there = WLT_BUF_INIT;
	WLT_AUTOFREE char *owner = NULL;

	if (!wlt_relay_owner(mirror, &owner, err)) {
		if (err->kind != WLT_MISSING)
			return false;
		wlt_error_clear(err);
		return true;
	}
	if (strcmp(owner, setup->username) != 0)
		return wlt_fail(
			err, WLT_EXISTS,
			"relay %s belongs to %s already: give --username %s if that is you, "
			"or use an empty repository",
			mirror->url, owner, owner);
	if (!wlt_mirror_file(mirror, key_path, WLT_KEY_FILE_BYTES, &there, err))
		return false;
	if (there.len != pem->len || memcmp(there.data, pem->data, pem->len) != 0)
		return wlt_fail(
			err, WLT_EXISTS,
			"relay %s holds another key for %s than %s/public.pem: put that key "
			"pair there, or use an empty repository",
			mirror->url, owner, setup->keys_dir);
	return true;
}

static bool format_layout(struct wlt_buf *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_object();
	char now[WLT_ISO_BYTES];

	wlt_clock_iso(wlt_clock_now(), now);
	if (root == NULL || !wlt_json_set_int(root, "version", LAYOUT_VERSION) ||
	    !wlt_json_set_string(root, "created_at", now))
		return wlt_fail_memory(err);
	wlt_json_format(out, root);
	return wlt_buf_ok(out, err);
}

/* Keep the layout file that is there: its date is that of the first setup. */
static bool has_layout(struct wlt_mirror *mirror, bool *has, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf there = WLT_BUF_INIT;

	*has = wlt_mirror_file(mirror, ".alive-relay/relay.json", 65536, &there, err);
	if (!*has && err->kind != WLT_MISSING)
		return false;
	wlt_error_clear(err);
	return true;
}

static bool push_layout(struct wlt_mirror *mirror, const struct wlt_setup *setup,
			const struct wlt_key *pair, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf layout = WLT_BUF_INIT;
	WLT_AUTOFREE char *key_path = NULL;
	WLT_AUTOFREE char *message = NULL;
	bool known = false;

	if (asprintf(&key_path, "keys/%s.pem", setup->username) < 0 ||
	    asprintf(&message, "alive-relay: set up by %s", setup->username) < 0)
		return wlt_fail_memory(err);
	if (!wlt_key_format_public(pair, &pem, err) || !format_layout(&layout, err) ||
	    !wlt_mirror_fetch(mirror, NULL, err) ||
	    !check_owner(mirror, setup, key_path, &pem, err) || !has_layout(mirror, &known, err))
		return false;

	const struct wlt_edit edits[] = {
		{.path = key_path, .bytes = pem.data, .len = pem.len},
		{.path = "keys/peers/.gitkeep", .bytes = "", .len = 0},
		{.path = ".alive-relay/relay.json", .bytes = layout.data, .len = layout.len},
	};

	return apply_once(mirror, edits, known ? 2 : 3, message, err);
}

bool wlt_relay_setup(const struct wlt_setup *setup, struct wlt_relay_config **out,
		     struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *pair = NULL;
	WLT_AUTOFREE char *url = NULL;
	const struct wlt_transport transport = {.token_env = setup->token_env,
						.author = setup->username};

	/* Whatever can be said without work is said first. */
	if (!wlt_peer_name_check(setup->username, err) ||
	    (setup->url != NULL && !wlt_url_check(setup->url, err)))
		return false;
	if (wlt_relay_config_exists(setup->dir))
		return wlt_relay_fail_exists(setup->dir, err);
	if (!wlt_dir_ensure(setup->dir, 0700, err) || !ensure_repository(setup, &url, err) ||
	    !wlt_mirror_open(setup->mirrors_dir, url, &transport, &mirror, err) ||
	    !wlt_mirror_fetch(mirror, NULL, err) || !ensure_pair(setup, &pair, err) ||
	    !push_layout(mirror, setup, pair, err))
		return false;
	return wlt_relay_config_create(setup->dir, url, setup->username, out, err);
}

/* --- invite ------------------------------------------------------------------------------------ */

bool wlt_relay_invite(struct wlt_relay_config *config, const char *mirrors_dir,
		      const char *token_env, const char *peer, struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	WLT_AUTOFREE char *path = NULL;
	WLT_AUTOFREE char *message = NULL;
	const struct wlt_transport transport = {.token_env = token_env, .author = config->username};

	if (!wlt_peer_name_check(peer, err))
		return false;
	if (asprintf(&path, "inbox/%s/.gitkeep", peer) < 0 ||
	    asprintf(&message, "alive-relay: invite %s", peer) < 0)
		return wlt_fail_memory(err);

	const struct wlt_edit edit = {.path = path, .bytes = "", .len = 0};

	if (!wlt_mirror_open(mirrors_dir, config->url, &transport, &mirror, err) ||
	    !apply_once(mirror, &edit, 1, message, err))
		return false;

	/* Who accepted us before being invited stays accepted. */
	const struct wlt_peer *known = wlt_relay_config_peer(config, peer);

	return wlt_relay_config_set_peer(config, peer, NULL, known != NULL && known->accepted, err);
}

/* --- accept ------------------------------------------------------------------------------------ */

static bool read_owner_key(struct wlt_mirror *mirror, const char *owner, struct wlt_key **key,
			   struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = WLT_BUF_INIT;
	WLT_AUTOFREE char *path = NULL;

	if (asprintf(&path, "keys/%s.pem", owner) < 0)
		return wlt_fail_memory(err);
	return wlt_mirror_file(mirror, path, WLT_KEY_FILE_BYTES, &pem, err) &&
	       (wlt_key_parse_public(pem.data, pem.len, path, key, err) ||
		wlt_fail_context(err, "relay %s", mirror->url));
}

bool wlt_relay_fetched_key(const char *mirrors_dir, const char *url, struct wlt_key **key,
			   struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	WLT_AUTOFREE char *owner = NULL;
	const struct wlt_transport transport = {.token_env = NULL, .author = NULL};

	if (!wlt_mirror_open(mirrors_dir, url, &transport, &mirror, err))
		return false;
	if (wlt_mirror_tip(mirror)[0] == '\0')
		return wlt_fail(
			err, WLT_MISSING,
			"relay %s has never been fetched: run `walnut relay accept` for it first",
			url);
	return wlt_relay_owner(mirror, &owner, err) && read_owner_key(mirror, owner, key, err);
}

bool wlt_relay_accept(struct wlt_relay_config *config, struct wlt_keyring *ring,
		      const char *mirrors_dir, const char *token_env, const char *url,
		      const char *peer, char **name, struct wlt_key **key, struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *found = NULL;
	WLT_AUTOFREE char *owner = NULL;
	WLT_AUTOFREE char *called = NULL;
	const struct wlt_transport transport = {.token_env = token_env, .author = config->username};

	if (peer != NULL && !wlt_peer_name_check(peer, err))
		return false;
	if (!wlt_mirror_open(mirrors_dir, url, &transport, &mirror, err) ||
	    !wlt_mirror_fetch(mirror, NULL, err) || !wlt_relay_owner(mirror, &owner, err) ||
	    !read_owner_key(mirror, owner, &found, err))
		return false;
	called = strdup(peer != NULL ? peer : owner);
	if (called == NULL)
		return wlt_fail_memory(err);
	/* The pin first: a peer that can be sent to has a key. */
	if (!wlt_keyring_pin(ring, called, found, "accept", false, err)) {
		if (err->kind != WLT_UNTRUSTED)
			return false;
		return wlt_fail_context(err, "relay %s", url);
	}
	if (!wlt_relay_config_set_peer(config, called, url, true, err))
		return false;
	*name = wlt_take(called);
	*key = wlt_take(found);
	return true;
}
