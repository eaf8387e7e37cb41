/* SPDX-License-Identifier: MIT */
/* relay.json: what the user's relay is and who the peers are. */
#include "config.h"

#include "relay/config_file.h"
#include "relay/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"

#define CONFIG_NAME    "relay.json"
#define CONFIG_MAX     (4u << 20)
#define CONFIG_VERSION 1

char *wlt_relay_default_dir(void)
{
	const char *home = getenv("HOME");

	if (home == NULL || home[0] == '\0')
		return NULL;
	return wlt_path_join(home, ".alive/relay");
}

/* --- reading ----------------------------------------------------------------------------------- */

static void peer_clear(struct wlt_peer *peer)
{
	free(peer->name);
	free(peer->url);
	free(peer->added_at);
	for (size_t i = 0; i < peer->n_exclude_patterns; i++)
		free(peer->exclude_patterns[i]);
	free(peer->exclude_patterns);
}

static void peers_free(struct wlt_relay_config *config)
{
	for (size_t i = 0; i < config->n_peers; i++)
		peer_clear(&config->peers[i]);
	free(config->peers);
	config->peers = NULL;
	config->n_peers = 0;
}

void wlt_relay_config_free(struct wlt_relay_config *config)
{
	if (config == NULL)
		return;
	peers_free(config);
	free(config->dir);
	free(config->url);
	free(config->username);
	free(config->created_at);
	if (config->tree != NULL)
		json_object_put(config->tree);
	free(config);
}

/* A copy of `text` in `*out`, NULL for NULL. */
static bool copy_text(const char *text, char **out, struct wlt_error *err)
{
	*out = NULL;
	if (text == NULL)
		return true;
	*out = strdup(text);
	return *out != NULL || wlt_fail_memory(err);
}

static bool read_patterns(struct json_object *entry, struct wlt_peer *peer, struct wlt_error *err)
{
	struct json_object *list = wlt_json_array(entry, "exclude_patterns");
	size_t n = list != NULL ? json_object_array_length(list) : 0;

	if (n == 0)
		return true;
	peer->exclude_patterns = calloc(n + 1, sizeof *peer->exclude_patterns);
	if (peer->exclude_patterns == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		/* A pattern that cannot be understood must not silently exclude nothing. */
		if (!json_object_is_type(item, json_type_string))
			return wlt_fail(err, WLT_DAMAGED,
					"peer %s: exclude_patterns[%zu] is not a string",
					peer->name, i);
		if (!copy_text(json_object_get_string(item), &peer->exclude_patterns[i], err))
			return false;
		peer->n_exclude_patterns++;
	}
	return true;
}

static bool read_peer(const char *name, struct json_object *entry, struct wlt_peer *peer,
		      struct wlt_error *err)
{
	if (!wlt_peer_name_check(name, err)) {
		err->kind = WLT_DAMAGED;
		return wlt_fail_context(err, "peers");
	}
	if (!json_object_is_type(entry, json_type_object))
		return wlt_fail(err, WLT_DAMAGED, "peer %s is not an object", name);

	const char *url = wlt_json_string(entry, "url");

	if (url != NULL && !wlt_url_check(url, err)) {
		err->kind = WLT_DAMAGED;
		return wlt_fail_context(err, "peer %s", name);
	}
	peer->accepted = wlt_json_bool(entry, "accepted", false);
	return copy_text(name, &peer->name, err) && copy_text(url, &peer->url, err) &&
	       copy_text(wlt_json_string(entry, "added_at"), &peer->added_at, err) &&
	       read_patterns(entry, peer, err);
}

static int compare_peers(const void *a, const void *b)
{
	const struct wlt_peer *left = a;
	const struct wlt_peer *right = b;

	return strcmp(left->name, right->name);
}

static bool read_peers(struct wlt_relay_config *config, struct json_object *peers,
		       struct wlt_error *err)
{
	int n = peers != NULL ? json_object_object_length(peers) : 0;

	if (n == 0)
		return true;
	config->peers = calloc((size_t)n, sizeof *config->peers);
	if (config->peers == NULL)
		return wlt_fail_memory(err);

	json_object_object_foreach(peers, name, entry)
	{
		/* Counted first, so that a peer read half is released too. */
		struct wlt_peer *peer = &config->peers[config->n_peers++];

		if (!read_peer(name, entry, peer, err))
			return false;
	}
	qsort(config->peers, config->n_peers, sizeof *config->peers, compare_peers);
	return true;
}

/* Fill the fields from `config->tree`. */
static bool read_tree(struct wlt_relay_config *config, struct wlt_error *err)
{
	struct json_object *relay = wlt_json_object(config->tree, "relay");
	const char *url = wlt_json_string(relay, "url");
	const char *username = wlt_json_string(relay, "username");
	int64_t version = wlt_json_int(config->tree, "version", 0);

	if (version != CONFIG_VERSION)
		return wlt_fail(err, WLT_DAMAGED, "version is not %d", CONFIG_VERSION);
	if (url == NULL || username == NULL)
		return wlt_fail(err, WLT_DAMAGED, "relay.url or relay.username is missing");
	if (!wlt_url_check(url, err) || !wlt_peer_name_check(username, err)) {
		err->kind = WLT_DAMAGED;
		return false;
	}
	return copy_text(url, &config->url, err) && copy_text(username, &config->username, err) &&
	       copy_text(wlt_json_string(relay, "created_at"), &config->created_at, err) &&
	       read_peers(config, wlt_json_object(config->tree, "peers"), err);
}

static int open_dir(const char *dir)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Read the file beneath `dirfd`. */
static bool load_at(int dirfd, const char *dir, struct wlt_relay_config **out,
		    struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup)
	struct wlt_relay_config *config = calloc(1, sizeof *config);

	if (config == NULL || (config->dir = strdup(dir)) == NULL)
		return wlt_fail_memory(err);
	if (!wlt_json_load(dirfd, CONFIG_NAME, CONFIG_MAX, &config->tree, err)) {
		if (err->kind == WLT_MISSING)
			return wlt_relay_fail_no_config(dir, err);
		return wlt_fail_context(err, "%s", dir);
	}
	if (!read_tree(config, err))
		return wlt_fail_context(err, "%s/%s", dir, CONFIG_NAME);
	*out = wlt_take(config);
	return true;
}

bool wlt_relay_fail_no_config(const char *dir, struct wlt_error *err)
{
	return wlt_fail(err, WLT_MISSING,
			"no relay is set up here (%s/%s is not there): run `walnut relay setup`",
			dir, CONFIG_NAME);
}

bool wlt_relay_config_load(const char *dir, struct wlt_relay_config **out, struct wlt_error *err)
{
	WLT_AUTOCLOSE int dirfd = open_dir(dir);

	if (dirfd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return wlt_relay_fail_no_config(dir, err);
	if (dirfd < 0)
		return wlt_fail_errno(err, errno, "%s cannot be opened", dir);
	return load_at(dirfd, dir, out, err);
}

const struct wlt_peer *wlt_relay_config_peer(const struct wlt_relay_config *config,
					     const char *name)
{
	const struct wlt_peer key = {.name = (char *)(uintptr_t)name};

	if (config->n_peers == 0)
		return NULL;
	return bsearch(&key, config->peers, config->n_peers, sizeof *config->peers, compare_peers);
}

/* --- writing ----------------------------------------------------------------------------------- */

/* The object `key` of `parent`, made when it is not there. Borrowed; NULL when out of memory. */
static struct json_object *object_member(struct json_object *parent, const char *key)
{
	struct json_object *member = wlt_json_object(parent, key);

	if (member != NULL)
		return member;
	member = json_object_new_object();
	return member != NULL && wlt_json_set(parent, key, member) ? member : NULL;
}

static bool change_peer(struct json_object *tree, const char *name, const char *url, bool accepted)
{
	struct json_object *peers = object_member(tree, "peers");
	struct json_object *entry = peers != NULL ? wlt_json_object(peers, name) : NULL;

	if (peers == NULL)
		return false;
	if (entry == NULL) {
		char now[WLT_ISO_BYTES];

		wlt_clock_iso(wlt_clock_now(), now);
		entry = object_member(peers, name);
		if (entry == NULL || !wlt_json_set_string(entry, "url", NULL) ||
		    !wlt_json_set_string(entry, "added_at", now) ||
		    !wlt_json_set_bool(entry, "accepted", accepted) ||
		    !wlt_json_set(entry, "exclude_patterns", json_object_new_array()))
			return false;
	}
	return (url == NULL || wlt_json_set_string(entry, "url", url)) &&
	       wlt_json_set_bool(entry, "accepted", accepted);
}

/* What was read anew takes the place of what the caller holds. */
static void adopt(struct wlt_relay_config *config, struct wlt_relay_config *fresh)
{
	struct wlt_relay_config old = *config;

	*config = *fresh;
	*fresh = old;
}

bool wlt_relay_config_set_peer(struct wlt_relay_config *config, const char *name, const char *url,
			       bool accepted, struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *fresh = NULL;
	WLT_AUTOCLOSE int dirfd = open_dir(config->dir);

	if (!wlt_peer_name_check(name, err) || (url != NULL && !wlt_url_check(url, err)))
		return false;
	if (dirfd < 0)
		return wlt_fail_errno(err, errno, "%s cannot be opened", config->dir);
	/* Two commands at once: each changes what the other one wrote. Held for a moment only. */
	if (flock(dirfd, LOCK_EX) < 0)
		return wlt_fail_errno(err, errno, "%s cannot be locked", config->dir);
	if (!load_at(dirfd, config->dir, &fresh, err))
		return false;
	if (!change_peer(fresh->tree, name, url, accepted))
		return wlt_fail_memory(err);
	if (!wlt_json_save(dirfd, CONFIG_NAME, fresh->tree, 0600, err))
		return wlt_fail_context(err, "%s", config->dir);

	peers_free(fresh);
	if (!read_peers(fresh, wlt_json_object(fresh->tree, "peers"), err))
		return wlt_fail_context(err, "%s/%s", config->dir, CONFIG_NAME);
	adopt(config, fresh);
	return true;
}

bool wlt_relay_config_create(const char *dir, const char *url, const char *username,
			     struct wlt_relay_config **out, struct wlt_error *err)
{
	WLT_AUTOCLOSE int dirfd = open_dir(dir);
	WLT_AUTO(wlt_json_put) struct json_object *tree = json_object_new_object();
	struct json_object *relay = NULL;
	char now[WLT_ISO_BYTES];

	if (dirfd < 0)
		return wlt_fail_errno(err, errno, "%s cannot be opened", dir);
	wlt_clock_iso(wlt_clock_now(), now);
	if (tree != NULL && wlt_json_set_int(tree, "version", CONFIG_VERSION))
		relay = object_member(tree, "relay");
	if (relay == NULL || !wlt_json_set_string(relay, "url", url) ||
	    !wlt_json_set_string(relay, "username", username) ||
	    !wlt_json_set_string(relay, "created_at", now) || object_member(tree, "peers") == NULL)
		return wlt_fail_memory(err);
	if (flock(dirfd, LOCK_EX) < 0)
		return wlt_fail_errno(err, errno, "%s cannot be locked", dir);
	if (wlt_relay_config_exists(dir))
		return wlt_relay_fail_exists(dir, err);
	if (!wlt_json_save(dirfd, CONFIG_NAME, tree, 0600, err))
		return wlt_fail_context(err, "%s", dir);
	return load_at(dirfd, dir, out, err);
}

bool wlt_relay_config_exists(const char *dir)
{
	WLT_AUTOCLOSE int dirfd = open_dir(dir);

	return dirfd >= 0 && faccessat(dirfd, CONFIG_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool wlt_relay_fail_exists(const char *dir, struct wlt_error *err)
{
	return wlt_fail(err, WLT_EXISTS,
			"a relay is already set up in %s/%s: see `walnut relay status`; to start "
			"over, move that file away first",
			dir, CONFIG_NAME);
}
