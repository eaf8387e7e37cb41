/* SPDX-License-Identifier: MIT */
/*
 * `.walnutfs/status.json` and `.walnutfs/queue.json`.
 */
#include "config.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "post/post_private.h"

#define SENT_SHOWN 100u

/* A new object, or array, as member `key`; borrowed. NULL when out of memory. */
static struct json_object *new_member(struct json_object *object, const char *key,
				      struct json_object *made)
{
	return made != NULL && wlt_json_set(object, key, made) ? made : NULL;
}

static bool set_time(struct json_object *object, const char *key, int64_t seconds)
{
	char text[WLT_ISO_BYTES];

	if (seconds == 0)
		return wlt_json_set_string(object, key, NULL);
	wlt_clock_iso(seconds, text);
	return wlt_json_set_string(object, key, text);
}

/* A moment of the monotonic clock as wall-clock time. */
static int64_t wall_time(int64_t monotonic)
{
	if (monotonic == WLT_NEVER || monotonic == 0)
		return 0;
	return wlt_clock_now() + (monotonic - wlt_clock_monotonic()) / 1000;
}

/* --- status ------------------------------------------------------------------------------------- */

static bool add_relay_locked(struct wlt_post *post, struct json_object *root)
{
	struct json_object *relay = new_member(root, "relay", json_object_new_object());
	const struct wlt_relay_config *config = post->config;

	return relay != NULL &&
	       wlt_json_set_string(relay, "url", config == NULL ? NULL : config->url) &&
	       wlt_json_set_string(relay, "username", config == NULL ? NULL : config->username) &&
	       wlt_json_set_string(relay, "error", post->config_error);
}

static int64_t count_pending_locked(const struct wlt_post *post, const char *peer)
{
	int64_t n = 0;

	for (const struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		n += strcmp(drop->peer, peer) == 0 &&
		     (drop->state == WLT_DROP_PACKING || drop->state == WLT_DROP_QUEUED ||
		      drop->state == WLT_DROP_PUSHING);
	return n;
}

static const struct wlt_lane *lane_locked(const struct wlt_post *post, const char *peer)
{
	const struct wlt_lane *lane = post->lanes;

	while (lane != NULL && strcmp(lane->peer, peer) != 0)
		lane = lane->next;
	return lane;
}

static bool add_peer_locked(struct wlt_post *post, const struct wlt_peer *peer,
			    struct json_object *peers)
{
	struct json_object *entry = new_member(peers, peer->name, json_object_new_object());
	const struct wlt_lane *lane = lane_locked(post, peer->name);
	const char *error = lane == NULL ? NULL : lane->error;
	bool tried = lane != NULL && lane->tried;

	if (entry == NULL || !wlt_json_set_bool(entry, "accepted", peer->accepted))
		return false;
	/* Null as long as nothing has been sent to it in this run. */
	if (!(tried ? wlt_json_set_bool(entry, "reachable", error == NULL)
		    : wlt_json_set_string(entry, "reachable", NULL)))
		return false;
	return wlt_json_set_int(entry, "pending", count_pending_locked(post, peer->name)) &&
	       wlt_json_set_string(entry, "last_error", error);
}

static bool add_peers_locked(struct wlt_post *post, struct json_object *root)
{
	struct json_object *peers = new_member(root, "peers", json_object_new_object());

	for (size_t i = 0; peers != NULL && post->config != NULL && i < post->config->n_peers; i++)
		if (!add_peer_locked(post, &post->config->peers[i], peers))
			return false;
	return peers != NULL;
}

static bool add_poll_locked(struct wlt_post *post, struct json_object *root)
{
	struct json_object *poll = new_member(root, "poll", json_object_new_object());

	return poll != NULL && set_time(poll, "last", post->poll.last) &&
	       set_time(poll, "next", wall_time(post->poll.next)) &&
	       wlt_json_set_int(poll, "interval", post->poll_ms / 1000) &&
	       wlt_json_set_string(poll, "error", post->poll.error);
}

static bool add_inbox_locked(struct wlt_post *post, struct json_object *root)
{
	struct json_object *inbox = new_member(root, "inbox", json_object_new_object());
	const struct wlt_arrivals *arrivals = post->arrivals;
	int64_t openable = 0;

	for (size_t i = 0; i < arrivals->n_items; i++)
		openable += arrivals->items[i].openable;
	return inbox != NULL && wlt_json_set_int(inbox, "senders", (int64_t)arrivals->n_senders) &&
	       wlt_json_set_int(inbox, "packages", (int64_t)arrivals->n_items) &&
	       wlt_json_set_int(inbox, "refused", (int64_t)arrivals->n_items - openable);
}

struct json_object *wlt_post_status(struct wlt_post *post)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_object();
	bool ok;

	wlt_post_lock(post);
	ok = root != NULL && wlt_json_set_string(root, "version", PACKAGE_VERSION) &&
	     wlt_json_set_string(root, "world", post->world) && add_relay_locked(post, root) &&
	     add_peers_locked(post, root) && add_poll_locked(post, root) &&
	     add_inbox_locked(post, root);
	wlt_post_unlock(post);
	return ok ? wlt_take(root) : NULL;
}

/* --- queue -------------------------------------------------------------------------------------- */

static int64_t next_attempt_locked(const struct wlt_drop *drop)
{
	const struct wlt_lane *lane;

	if (drop->state == WLT_DROP_PACKING && drop->pack_failures > 0)
		return wall_time(drop->pack_at);
	if (drop->state != WLT_DROP_QUEUED)
		return 0;
	lane = lane_locked(drop->post, drop->peer);
	return lane == NULL ? 0 : wall_time(lane->next_attempt);
}

static bool add_drop_locked(const struct wlt_drop *drop, struct json_object *list)
{
	struct json_object *entry = json_object_new_object();

	if (entry == NULL || json_object_array_add(list, entry) != 0) {
		wlt_json_put(&entry);
		return false;
	}
	return wlt_json_set_string(entry, "id", drop->id) &&
	       wlt_json_set_string(entry, "peer", drop->peer) &&
	       wlt_json_set_string(entry, "name", drop->name) &&
	       wlt_json_set_string(entry, "state",
				   wlt_drop_state_name(wlt_drop_shown_state_locked(drop))) &&
	       set_time(entry, "since", drop->since) &&
	       wlt_json_set_string(entry, "reason", drop->reason) &&
	       wlt_json_set_string(entry, "package", drop->package) &&
	       wlt_json_set_string(entry, "import_id", drop->import_id) &&
	       wlt_json_set_int(entry, "size", (int64_t)drop->size) &&
	       set_time(entry, "next_attempt", next_attempt_locked(drop));
}

static bool add_sent_locked(struct wlt_post *post, struct json_object *root)
{
	struct json_object *list = new_member(root, "sent", json_object_new_array());
	size_t n = json_object_array_length(post->sent);

	if (list == NULL)
		return false;
	for (size_t i = n > SENT_SHOWN ? n - SENT_SHOWN : 0; i < n; i++) {
		struct json_object *entry = json_object_array_get_idx(post->sent, i);

		if (json_object_array_add(list, json_object_get(entry)) != 0) {
			json_object_put(entry);
			return false;
		}
	}
	return true;
}

void wlt_post_queue(struct wlt_post *post, struct wlt_buf *out)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list;
	bool ok = false;

	/* Entries of what was sent are shared: the text is made, and the tree dropped, under the lock. */
	wlt_post_lock(post);
	list = root == NULL ? NULL : new_member(root, "drops", json_object_new_array());
	if (list != NULL) {
		ok = true;
		for (struct wlt_drop *drop = post->drops; ok && drop != NULL; drop = drop->next)
			ok = add_drop_locked(drop, list);
		ok = ok && add_sent_locked(post, root);
	}
	if (ok)
		wlt_json_format(out, root);
	else
		out->failed = true;
	wlt_json_put(&root);
	wlt_post_unlock(post);
}

int wlt_post_events_open(struct wlt_post *post)
{
	return wlt_events_reader(&post->events);
}

int64_t wlt_post_events_size(struct wlt_post *post)
{
	return wlt_events_size(&post->events);
}
