/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "keys/keyring_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"

#define FOLDER_MODE S_IRWXU
#define INDEX_MODE  (S_IRUSR | S_IWUSR)
#define PEM_MODE    (S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH)
#define LOCK_NAME   ".index.lock"

const char *wlt_keyring_dir(const struct wlt_keyring *ring)
{
	return ring->dir;
}

struct wlt_key *wlt_keyring_of_peer(const struct wlt_keyring *ring, const char *peer)
{
	const struct wlt_pinned *found = wlt_keyring_find(ring, peer);

	return found != NULL ? found->key : NULL;
}

struct wlt_key *wlt_keyring_by_id(const struct wlt_keyring *ring, const char *id, const char **peer)
{
	const char *whose = NULL;
	struct wlt_key *key = NULL;

	if (ring->own != NULL && strcmp(wlt_key_id(ring->own), id) == 0)
		key = ring->own;
	for (size_t i = 0; key == NULL && i < ring->count; i++) {
		if (strcmp(wlt_key_id(ring->pinned[i].key), id) == 0) {
			key = ring->pinned[i].key;
			whose = ring->pinned[i].peer;
		}
	}
	if (peer != NULL)
		*peer = whose;
	return key;
}

size_t wlt_keyring_count(const struct wlt_keyring *ring)
{
	return ring->count;
}

struct wlt_key *wlt_keyring_at(const struct wlt_keyring *ring, size_t index, const char **peer)
{
	if (index >= ring->count)
		return NULL;
	*peer = ring->pinned[index].peer;
	return ring->pinned[index].key;
}

const char *wlt_keyring_own_id(const struct wlt_keyring *ring)
{
	return ring->own != NULL ? wlt_key_id(ring->own) : NULL;
}

bool wlt_keyring_own_pair(const struct wlt_keyring *ring, struct wlt_key **out,
			  struct wlt_error *err)
{
	WLT_AUTOFREE char *path = wlt_path_join(ring->dir, "private.pem");

	if (path == NULL)
		return wlt_fail_memory(err);
	return wlt_key_load_private(AT_FDCWD, path, out, err);
}

char *wlt_keyring_default_dir(const char *relay_dir)
{
	const char *dir = getenv("ALIVE_RELAY_KEYS_DIR");

	return dir != NULL && dir[0] != '\0' ? strdup(dir) : wlt_path_join(relay_dir, "keys");
}

/* --- changing ---------------------------------------------------------------------------------- */

/*
 * A change is made to what is on disk at that moment, under a lock, and the ring then takes what was
 * loaded after it: two processes that pin at the same time do not lose each other's keys.
 */
struct change {
	int folder, lock;
	struct wlt_keyring *now; /* as on disk */
};

static void end_change(struct change *change)
{
	wlt_keyring_free(change->now);
	wlt_cleanup_close(&change->folder);
	wlt_cleanup_close(&change->lock);
}

static bool begin_change(const struct wlt_keyring *ring, struct change *change,
			 struct wlt_error *err)
{
	if (!wlt_dir_ensure(ring->dir, FOLDER_MODE, err))
		return false;
	change->folder = open(ring->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (change->folder < 0)
		return wlt_fail_errno(err, errno, "cannot open the keyring %s", ring->dir);
	if (!wlt_lock_take(change->folder, LOCK_NAME, NULL, &change->lock, err))
		return wlt_fail_context(err, "keyring %s", ring->dir);
	return wlt_keyring_load(ring->dir, &change->now, err);
}

/* Give `ring` what is on disk now. */
static bool take_change(struct wlt_keyring *ring, struct wlt_error *err)
{
	struct wlt_keyring *fresh = NULL;
	struct wlt_keyring old;

	if (!wlt_keyring_load(ring->dir, &fresh, err))
		return false;
	old = *ring;
	*ring = *fresh;
	*fresh = old;
	wlt_keyring_free(fresh);
	return true;
}

static bool save_index(const struct change *change, struct wlt_error *err)
{
	if (!wlt_json_save(change->folder, WLT_KEYRING_INDEX, change->now->index, INDEX_MODE, err))
		return wlt_fail_context(err, "keyring %s", change->now->dir);
	return true;
}

static bool save_pem(const struct change *change, const char *path, const struct wlt_key *key,
		     struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = WLT_BUF_INIT;

	if (!wlt_key_format_public(key, &pem, err) ||
	    !wlt_file_replace(change->folder, path, pem.data, pem.len, PEM_MODE, err))
		return wlt_fail_context(err, "keyring %s", change->now->dir);
	return true;
}

bool wlt_keyring_set_own(struct wlt_keyring *ring, const struct wlt_key *key, struct wlt_error *err)
{
	WLT_AUTO(end_change) struct change change = {.folder = -1, .lock = -1};
	const char *own, *listed;

	if (!begin_change(ring, &change, err))
		return false;
	own = wlt_keyring_own_id(change.now);
	listed = wlt_json_string(change.now->index, "local_pubkey_id");
	/* A crash after private.pem was made leaves no public.pem. */
	if ((own == NULL || strcmp(own, wlt_key_id(key)) != 0) &&
	    !save_pem(&change, WLT_KEYRING_PUBLIC, key, err))
		return false;
	if (listed == NULL || strcmp(listed, wlt_key_id(key)) != 0) {
		if (!wlt_json_set_string(change.now->index, "local_pubkey_id", wlt_key_id(key)))
			return wlt_fail_memory(err);
		if (!save_index(&change, err))
			return false;
	}
	return take_change(ring, err);
}

/* Refuse a key other than the pinned one, and a key that is another peer's. */
static bool check_pin(const struct wlt_keyring *now, const char *peer, const struct wlt_key *key,
		      bool replace, struct wlt_error *err)
{
	const struct wlt_pinned *pinned = wlt_keyring_find(now, peer);
	const char *owner = NULL;

	if (wlt_keyring_by_id(now, wlt_key_id(key), &owner) != NULL && owner != NULL &&
	    strcmp(owner, peer) != 0)
		return wlt_fail(err, WLT_UNTRUSTED,
				"the key %s offered for %s is already trusted as the key of %s",
				wlt_key_fingerprint(key), peer, owner);
	if (pinned == NULL || replace || strcmp(wlt_key_id(pinned->key), wlt_key_id(key)) == 0)
		return true;
	return wlt_fail(err, WLT_UNTRUSTED,
			"the key of %s has changed: trusted is %s, offered is %s; ask %s over "
			"another channel, and only if it is right run: walnut keys trust %s",
			peer, wlt_key_fingerprint(pinned->key), wlt_key_fingerprint(key), peer,
			peer);
}

/* The `pubkeys` object of the index, made when absent. NULL when out of memory. */
static struct json_object *listed_keys(struct json_object *index)
{
	struct json_object *keys = wlt_json_object(index, "pubkeys");

	if (keys == NULL && wlt_json_set(index, "pubkeys", json_object_new_object()))
		keys = wlt_json_object(index, "pubkeys");
	return keys;
}

/* The id under which a key of `peer` is listed, NULL when none is. */
static const char *listed_id(struct json_object *keys, const char *peer)
{
	struct json_object_iter member;

	if (keys == NULL)
		return NULL;
	json_object_object_foreachC(keys, member)
	{
		const char *name = wlt_json_string(member.val, "peer_name");

		if (name != NULL && strcmp(name, peer) == 0)
			return member.key;
	}
	return NULL;
}

static bool list_key(struct json_object *keys, const char *peer, const char *path,
		     const struct wlt_key *key, const char *added_by)
{
	char now[WLT_ISO_BYTES];
	struct json_object *entry = json_object_new_object();

	wlt_clock_iso(wlt_clock_now(), now);
	return wlt_json_set(keys, wlt_key_id(key), entry) &&
	       wlt_json_set_string(entry, "peer_name", peer) &&
	       wlt_json_set_string(entry, "path", path) &&
	       wlt_json_set_string(entry, "added_at", now) &&
	       wlt_json_set_string(entry, "added_by", added_by);
}

/* A replacement that was interrupted after the PEM was written: the file holds another key than the
 * one it is listed under. End it, so that the next one begins from a plain state. */
static bool finish_replacement(struct change *change, const char *peer, struct wlt_error *err)
{
	struct json_object *keys = wlt_json_object(change->now->index, "pubkeys");
	const struct wlt_pinned *pinned = wlt_keyring_find(change->now, peer);
	const char *listed = listed_id(keys, peer);
	struct json_object *entry;

	if (pinned == NULL || listed == NULL || strcmp(listed, wlt_key_id(pinned->key)) == 0)
		return true;
	entry = json_object_get(wlt_json_object(keys, listed));
	json_object_object_del(keys, listed);
	json_object_object_del(entry, WLT_KEYRING_REPLACED_BY);
	if (!wlt_json_set(keys, wlt_key_id(pinned->key), entry))
		return wlt_fail_memory(err);
	return save_index(change, err);
}

/* Say in the index that the key listed under `id` is about to be replaced by `key`. */
static bool announce(struct change *change, struct json_object *keys, const char *id,
		     const struct wlt_key *key, struct wlt_error *err)
{
	if (!wlt_json_set_string(wlt_json_object(keys, id), WLT_KEYRING_REPLACED_BY,
				 wlt_key_id(key)))
		return wlt_fail_memory(err);
	return save_index(change, err);
}

/* Write PEM and index, in an order in which no crash leaves a contradiction. */
static bool write_pin(struct change *change, const char *peer, const struct wlt_key *key,
		      const char *added_by, struct wlt_error *err)
{
	struct json_object *keys = listed_keys(change->now->index);
	WLT_AUTOFREE char *path = wlt_keyring_peer_path(peer);
	const char *before;

	if (keys == NULL || path == NULL)
		return wlt_fail_memory(err);
	if (!wlt_dir_ensure_beneath(change->folder, WLT_KEYRING_PEERS, FOLDER_MODE, err))
		return wlt_fail_context(err, "keyring %s", change->now->dir);
	before = listed_id(keys, peer);
	if (before != NULL && !announce(change, keys, before, key, err))
		return false;
	if (!save_pem(change, path, key, err))
		return false;
	if (before != NULL)
		json_object_object_del(keys, before);
	if (!list_key(keys, peer, path, key, added_by))
		return wlt_fail_memory(err);
	return save_index(change, err);
}

bool wlt_keyring_pin(struct wlt_keyring *ring, const char *peer, struct wlt_key *key,
		     const char *added_by, bool replace, struct wlt_error *err)
{
	WLT_AUTO(end_change) struct change change = {.folder = -1, .lock = -1};
	const struct wlt_pinned *pinned;

	if (!wlt_peer_name_check(peer, err) || !begin_change(ring, &change, err) ||
	    !check_pin(change.now, peer, key, replace, err) ||
	    !finish_replacement(&change, peer, err))
		return false;
	pinned = wlt_keyring_find(change.now, peer);
	if ((pinned == NULL || strcmp(wlt_key_id(pinned->key), wlt_key_id(key)) != 0) &&
	    !write_pin(&change, peer, key, added_by, err))
		return false;
	return take_change(ring, err);
}

bool wlt_keyring_remove(struct wlt_keyring *ring, const char *peer, struct wlt_error *err)
{
	WLT_AUTO(end_change) struct change change = {.folder = -1, .lock = -1};
	WLT_AUTOFREE char *path = NULL;
	struct json_object *keys;
	const char *listed;

	if (!wlt_peer_name_check(peer, err) || !begin_change(ring, &change, err))
		return false;
	keys = wlt_json_object(change.now->index, "pubkeys");
	listed = listed_id(keys, peer);
	if (listed == NULL)
		return wlt_fail(err, WLT_MISSING, "keyring %s: no key of %s in it", ring->dir,
				peer);
	path = wlt_keyring_peer_path(peer);
	if (path == NULL)
		return wlt_fail_memory(err);
	json_object_object_del(keys, listed);
	if (!save_index(&change, err))
		return false;
	/* No longer listed, so no longer a key: that the file stays is no failure. */
	(void)unlinkat(change.folder, path, 0);
	return take_change(ring, err);
}
