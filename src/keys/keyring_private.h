/* SPDX-License-Identifier: MIT */
/* A keyring in memory, for the files of this folder. */
#ifndef WLT_KEYS_KEYRING_PRIVATE_H
#define WLT_KEYS_KEYRING_PRIVATE_H

#include <json-c/json.h>

#include "keys/keys.h"

#define WLT_KEYRING_INDEX  "index.json"
#define WLT_KEYRING_PUBLIC "public.pem"
#define WLT_KEYRING_PEERS  "peers"

/* The member of an index entry that announces the key its file is about to be replaced by. With it
 * a crash between the two files leaves the old key pinned or the new one, never a contradiction. */
#define WLT_KEYRING_REPLACED_BY "replaced_by"

struct wlt_pinned {
	char *peer;
	struct wlt_key *key;
};

struct wlt_keyring {
	char *dir;
	struct json_object *index; /* as it is on disk, with members unknown here */
	struct wlt_key *own;       /* from public.pem; NULL when there is none */
	struct wlt_pinned *pinned; /* sorted by peer */
	size_t count;
};

struct wlt_pinned *wlt_keyring_find(const struct wlt_keyring *ring, const char *peer);

/* "peers/NAME.pem", malloc()ed; NULL when out of memory. */
char *wlt_keyring_peer_path(const char *peer);

#endif
