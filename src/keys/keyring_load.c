/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "keys/keyring_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"

#define INDEX_BYTES ((size_t)4 * 1024 * 1024)

char *wlt_keyring_peer_path(const char *peer)
{
	char *path = NULL;

	if (asprintf(&path, WLT_KEYRING_PEERS "/%s.pem", peer) < 0)
		return NULL;
	return path;
}

struct wlt_pinned *wlt_keyring_find(const struct wlt_keyring *ring, const char *peer)
{
	for (size_t i = 0; i < ring->count; i++) {
		if (strcmp(ring->pinned[i].peer, peer) == 0)
			return &ring->pinned[i];
	}
	return NULL;
}

/* The name of the peer an entry is about, after the entry's form was checked. Borrowed; NULL with
 * `err` set. The path is fixed by the name: another one could point anywhere. */
static const char *check_entry(const char *id, struct json_object *entry, struct wlt_error *err)
{
	const char *peer = wlt_json_string(entry, "peer_name");
	const char *path = wlt_json_string(entry, "path");
	WLT_AUTOFREE char *expected = NULL;

	if (peer == NULL || path == NULL) {
		(void)wlt_fail(err, WLT_DAMAGED,
			       WLT_KEYRING_INDEX ": the entry for key %s lacks peer_name or path",
			       id);
		return NULL;
	}
	if (!wlt_peer_name_check(peer, err)) {
		err->kind = WLT_DAMAGED; /* nobody asked for this name: it was found */
		(void)wlt_fail_context(err, WLT_KEYRING_INDEX ": the entry for key %s", id);
		return NULL;
	}
	expected = wlt_keyring_peer_path(peer);
	if (expected == NULL) {
		(void)wlt_fail_memory(err);
		return NULL;
	}
	if (strcmp(path, expected) != 0) {
		(void)wlt_fail(err, WLT_DAMAGED,
			       WLT_KEYRING_INDEX ": the key of %s is said to be in %s, not %s",
			       peer, path, expected);
		return NULL;
	}
	return peer;
}

/* The file must hold the key it is listed as, or the one that was being put in its place. */
static bool check_id(const char *id, struct json_object *entry, const char *path,
		     const struct wlt_key *key, struct wlt_error *err)
{
	const char *next = wlt_json_string(entry, WLT_KEYRING_REPLACED_BY);
	const char *found = wlt_key_id(key);

	if (strcmp(found, id) == 0 || (next != NULL && strcmp(found, next) == 0))
		return true;
	return wlt_fail(err, WLT_DAMAGED,
			"%s holds key %s, but " WLT_KEYRING_INDEX
			" lists key %s for it; put the right file back, or remove the entry and "
			"trust the peer again",
			path, found, id);
}

static bool load_entry(struct wlt_keyring *ring, int folder, const char *id,
		       struct json_object *entry, struct wlt_error *err)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	const char *peer = check_entry(id, entry, err);
	WLT_AUTOFREE char *path = NULL;
	struct wlt_pinned *to = &ring->pinned[ring->count];

	if (peer == NULL)
		return false;
	if (wlt_keyring_find(ring, peer) != NULL)
		return wlt_fail(err, WLT_DAMAGED, WLT_KEYRING_INDEX ": two keys for the peer %s",
				peer);
	path = wlt_keyring_peer_path(peer);
	if (path == NULL)
		return wlt_fail_memory(err);
	if (!wlt_key_load_public(folder, path, &key, err)) {
		if (err->kind != WLT_MISSING)
			return false;
		return wlt_fail(err, WLT_DAMAGED,
				"%s is not there, but " WLT_KEYRING_INDEX
				" lists key %s for it; put the file back, or remove the entry",
				path, id);
	}
	if (!check_id(id, entry, path, key, err))
		return false;
	to->peer = strdup(peer);
	if (to->peer == NULL)
		return wlt_fail_memory(err);
	to->key = wlt_take(key);
	ring->count++;
	return true;
}

static int compare_pinned(const void *a, const void *b)
{
	return strcmp(((const struct wlt_pinned *)a)->peer, ((const struct wlt_pinned *)b)->peer);
}

static bool load_pinned(struct wlt_keyring *ring, int folder, struct wlt_error *err)
{
	struct json_object *keys = NULL;
	struct json_object_iter member;

	if (!json_object_object_get_ex(ring->index, "pubkeys", &keys))
		return true;
	if (!json_object_is_type(keys, json_type_object))
		return wlt_fail(err, WLT_DAMAGED, WLT_KEYRING_INDEX ": pubkeys is no object");
	ring->pinned = calloc((size_t)json_object_object_length(keys) + 1, sizeof(*ring->pinned));
	if (ring->pinned == NULL)
		return wlt_fail_memory(err);
	json_object_object_foreachC(keys, member)
	{
		if (!load_entry(ring, folder, member.key, member.val, err))
			return false;
	}
	if (ring->count > 1)
		qsort(ring->pinned, ring->count, sizeof(*ring->pinned), compare_pinned);
	return true;
}

/* Load what may be absent: true then, with nothing changed. */
static bool allow_missing(bool loaded, struct wlt_error *err)
{
	if (!loaded && err->kind == WLT_MISSING) {
		wlt_error_clear(err);
		return true;
	}
	return loaded;
}

static bool load_files(struct wlt_keyring *ring, int folder, struct wlt_error *err)
{
	return allow_missing(wlt_json_load(folder, WLT_KEYRING_INDEX, INDEX_BYTES, &ring->index,
					   err),
			     err) &&
	       allow_missing(wlt_key_load_public(folder, WLT_KEYRING_PUBLIC, &ring->own, err),
			     err) &&
	       load_pinned(ring, folder, err);
}

bool wlt_keyring_load(const char *dir, struct wlt_keyring **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = calloc(1, sizeof(*ring));
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int folder = -1;

	if (ring == NULL)
		return wlt_fail_memory(err);
	ring->dir = strdup(dir);
	if (ring->dir == NULL)
		return wlt_fail_memory(err);
	folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 && errno != ENOENT)
		return wlt_fail_errno(err, errno, "cannot open the keyring %s", dir);
	if (folder >= 0 && !load_files(ring, folder, &fault)) {
		wlt_error_move(err, &fault);
		return wlt_fail_context(err, "keyring %s", dir);
	}
	if (ring->index == NULL) {
		ring->index = json_object_new_object();
		if (ring->index == NULL)
			return wlt_fail_memory(err);
	}
	*out = wlt_take(ring);
	return true;
}

void wlt_keyring_free(struct wlt_keyring *ring)
{
	if (ring == NULL)
		return;
	for (size_t i = 0; i < ring->count; i++) {
		free(ring->pinned[i].peer);
		wlt_key_unref(ring->pinned[i].key);
	}
	free(ring->pinned);
	wlt_key_unref(ring->own);
	json_object_put(ring->index);
	free(ring->dir);
	free(ring);
}
