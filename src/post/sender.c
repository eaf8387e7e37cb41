/* SPDX-License-Identifier: MIT */
/*
 * Sending: one lane per peer, one courier per lane at a time. What waits for a peer together goes in one
 * commit.
 *
 * Nothing is sent twice, because (1) a package's name is fixed when it is sealed, (2) the id of the change
 * that deposits it is durable in the drop's record before the change is first tried, and the same id means
 * the same drops for ever, (3) a drop is done once it is durable in sent.json.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "post/backoff.h"
#include "post/post_private.h"

#define COURIERS_MOST    6
#define BATCH_MOST       50
#define BATCH_BYTES_MOST (256ull << 20)
#define ATTEMPT_BYTES    33

/* --- lanes -------------------------------------------------------------------------------------- */

static struct wlt_lane *lane_of_locked(struct wlt_post *post, const char *peer)
{
	struct wlt_lane *lane = post->lanes;

	while (lane != NULL && strcmp(lane->peer, peer) != 0)
		lane = lane->next;
	if (lane != NULL)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (lane == NULL)
		return NULL;
	lane->peer = strdup(peer);
	if (lane->peer == NULL) {
		free(lane);
		return NULL;
	}
	lane->next = post->lanes;
	post->lanes = lane;
	return lane;
}

static void batch_free(struct wlt_lane *lane)
{
	for (size_t i = 0; i < lane->n_batch; i++)
		wlt_drop_unref(lane->batch[i]);
	free(lane->batch);
	lane->batch = NULL;
	lane->n_batch = 0;
	free(wlt_take(lane->attempt));
	free(wlt_take(lane->url));
}

void wlt_lanes_free(struct wlt_post *post)
{
	while (post->lanes != NULL) {
		struct wlt_lane *lane = post->lanes;

		post->lanes = lane->next;
		wlt_courier_kill(lane->courier);
		batch_free(lane);
		wlt_strings_free(&lane->abandoned);
		free(lane->error);
		free(lane->peer);
		free(lane);
	}
}

void wlt_sender_abandon_locked(struct wlt_post *post, const char *peer, const char *attempt)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	struct wlt_lane *lane = lane_of_locked(post, peer);

	/* What cannot be noted stays in the mirror: a reference too many, no harm. */
	if (lane != NULL)
		(void)wlt_strings_add_unique(&lane->abandoned, attempt, &ignored);
	wlt_desk_wake(post);
}

void wlt_sender_hurry_locked(struct wlt_post *post)
{
	for (struct wlt_lane *lane = post->lanes; lane != NULL; lane = lane->next)
		lane->next_attempt = 0;
	wlt_packer_wake(post);
	wlt_desk_wake(post);
}

/* Lanes are only added, in front; what is behind the first never changes. */
static struct wlt_lane *first_lane(struct wlt_post *post)
{
	struct wlt_lane *lane;

	wlt_post_lock(post);
	lane = post->lanes;
	wlt_post_unlock(post);
	return lane;
}

static unsigned count_couriers(struct wlt_post *post)
{
	unsigned n = 0;

	for (const struct wlt_lane *lane = first_lane(post); lane != NULL; lane = lane->next)
		n += lane->courier != NULL;
	return n;
}

/* --- choosing a batch --------------------------------------------------------------------------- */

static bool is_ready_locked(const struct wlt_drop *drop, const char *peer)
{
	return drop->state == WLT_DROP_QUEUED && strcmp(drop->peer, peer) == 0 &&
	       (drop->saved_state == WLT_DROP_QUEUED || drop->saved_state == WLT_DROP_PUSHING) &&
	       drop->saved_generation == drop->generation;
}

static bool same_attempt(const struct wlt_drop *drop, const char *attempt)
{
	if (attempt == NULL || drop->attempt == NULL)
		return attempt == drop->attempt;
	return strcmp(drop->attempt, attempt) == 0;
}

/* An attempt that not all of its drops are left of must not be made again, because it would deposit the
 * others too: those that are left begin a new one. */
static void split_attempt_locked(struct wlt_post *post, struct wlt_lane *lane, const char *attempt)
{
	WLT_AUTOFREE char *id = strdup(attempt);

	if (id == NULL)
		return;
	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		if (is_ready_locked(drop, lane->peer) && same_attempt(drop, id))
			free(wlt_take(drop->attempt));
	wlt_sender_abandon_locked(post, lane->peer, id);
}

/* All drops of an attempt that was made before, or a first few that have none. The caller frees. */
static struct wlt_drop **gather_locked(struct wlt_post *post, struct wlt_lane *lane, size_t *n)
{
	struct wlt_drop **batch = calloc(BATCH_MOST, sizeof(*batch));
	const char *attempt = NULL;
	uint64_t bytes = 0;
	size_t most = lane->single ? 1 : BATCH_MOST;

	*n = 0;
	for (struct wlt_drop *drop = post->drops; drop != NULL && attempt == NULL;
	     drop = drop->next)
		if (is_ready_locked(drop, lane->peer))
			attempt = drop->attempt;
	if (attempt != NULL)
		most = BATCH_MOST;
	for (struct wlt_drop *drop = post->drops; batch != NULL && drop != NULL && *n < most;
	     drop = drop->next) {
		if (!is_ready_locked(drop, lane->peer) || !same_attempt(drop, attempt))
			continue;
		bytes += drop->size;
		if (*n > 0 && attempt == NULL && bytes > BATCH_BYTES_MOST)
			break;
		batch[(*n)++] = drop;
	}
	if (*n > 0 && attempt != NULL && batch[0]->together != *n) {
		split_attempt_locked(post, lane, attempt);
		*n = 0;
		wlt_desk_wake(post);
	}
	return batch;
}

/* Put the batch's id into each drop. False when out of memory. */
static bool name_attempt_locked(struct wlt_lane *lane, const char *id)
{
	for (size_t i = 0; i < lane->n_batch; i++) {
		struct wlt_drop *drop = lane->batch[i];

		free(drop->attempt);
		drop->attempt = strdup(id);
		drop->together = lane->n_batch;
		if (drop->attempt == NULL)
			return false;
	}
	return true;
}

/* Choose what to push to the lane's peer, mark it and take references. `*fresh`: its attempt is new and
 * has to be recorded first. False when there is nothing to push. */
static bool choose_batch(struct wlt_post *post, struct wlt_lane *lane, bool *fresh)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	const struct wlt_peer *peer;
	char id[ATTEMPT_BYTES];
	bool ok;

	if (!wlt_random_hex(sizeof(id) / 2, id, &ignored))
		return false;
	wlt_post_lock(post);
	peer = wlt_post_peer_locked(post, lane->peer);
	if (peer != NULL)
		lane->batch = gather_locked(post, lane, &lane->n_batch);
	ok = lane->batch != NULL && lane->n_batch > 0;
	if (ok) {
		*fresh = lane->batch[0]->attempt == NULL;
		ok = !*fresh || name_attempt_locked(lane, id);
		lane->attempt = ok ? strdup(lane->batch[0]->attempt) : NULL;
		lane->url = strdup(peer->url);
		ok = lane->attempt != NULL && lane->url != NULL;
	}
	if (!ok)
		lane->n_batch = 0;
	if (lane->batch != NULL && !ok)
		lane->single = false; /* nothing waits: whoever was refused is out */
	for (size_t i = 0; i < lane->n_batch; i++) {
		(void)wlt_drop_ref(lane->batch[i]);
		wlt_drop_enter_locked(lane->batch[i], WLT_DROP_PUSHING, 0, NULL);
	}
	wlt_post_unlock(post);
	if (!ok)
		batch_free(lane);
	return ok;
}

/* --- the request -------------------------------------------------------------------------------- */

static bool add_edit(struct wlt_post *post, const struct wlt_drop *drop, struct json_object *edits,
		     const char *username, struct wlt_error *err)
{
	struct json_object *edit = json_object_new_object();
	WLT_AUTOFREE char *path = NULL;
	WLT_AUTOFREE char *disk_path = NULL;

	if (edit == NULL || json_object_array_add(edits, edit) != 0) {
		wlt_json_put(&edit);
		return wlt_fail_memory(err);
	}
	/* The package's name does not change while it is being pushed. */
	if (asprintf(&path, "inbox/%s/%s", username, drop->package) < 0)
		path = NULL;
	if (asprintf(&disk_path, "%s/spool/%s/package", post->state_dir, drop->id) < 0)
		disk_path = NULL;
	if (path == NULL || disk_path == NULL || !wlt_json_set_string(edit, "path", path) ||
	    !wlt_json_set_string(edit, "disk_path", disk_path))
		return wlt_fail_memory(err);
	return true;
}

/* `deposit: WALNUT STAMP` */
static char *commit_message(const struct wlt_lane *lane)
{
	const char *package = lane->batch[0]->package;
	const size_t tail = strlen("-YYYYMMDD-HHMMSS-xxxxxxxx.walnut");
	size_t len = strlen(package);
	char *message = NULL;
	int made;

	if (lane->n_batch > 1)
		made = asprintf(&message, "deposit: %zu packages", lane->n_batch);
	else if (len > tail)
		made = asprintf(&message, "deposit: %.*s %.15s", (int)(len - tail), package,
				package + len - tail + 1);
	else
		made = asprintf(&message, "deposit: %s", package);
	return made < 0 ? NULL : message;
}

static bool make_request(struct wlt_post *post, struct wlt_lane *lane, struct json_object **out,
			 struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put)
	struct json_object *request = wlt_courier_request(post, "apply", lane->url);
	WLT_AUTOFREE char *message = commit_message(lane);
	struct json_object *edits = json_object_new_array();
	const char *username = request == NULL ? NULL : wlt_json_string(request, "author");

	if (request == NULL || message == NULL || edits == NULL ||
	    !wlt_json_set(request, "edits", edits) ||
	    !wlt_json_set_string(request, "id", lane->attempt) ||
	    !wlt_json_set_string(request, "message", message)) {
		if (request == NULL)
			wlt_json_put(&edits);
		return wlt_fail_memory(err);
	}
	if (username == NULL)
		return wlt_fail(err, WLT_MISSING, "relay.json names no user: `walnut relay setup`");
	for (size_t i = 0; i < lane->n_batch; i++)
		if (!add_edit(post, lane->batch[i], edits, username, err))
			return false;
	*out = wlt_take(request);
	return true;
}

/* --- outcomes ----------------------------------------------------------------------------------- */

static void tell_sent(struct wlt_post *post, struct wlt_drop *drop)
{
	const struct wlt_post_observer *observer = &post->observer;

	wlt_drop_tell(drop, "sent", NULL);
	/* Nobody renames a drop that is gone. */
	if (observer->drop_gone != NULL)
		observer->drop_gone(observer->context, drop->peer, drop->name);
}

static void put_back_locked(struct wlt_lane *lane, int errnum, const char *reason)
{
	for (size_t i = 0; i < lane->n_batch; i++)
		wlt_drop_enter_locked(lane->batch[i], WLT_DROP_QUEUED, errnum, reason);
}

/* Not now. The attempt's id stays: its outcome may be unknown. */
static void try_later(struct wlt_post *post, struct wlt_lane *lane, const struct wlt_error *why)
{
	struct wlt_event line = {.event = "waiting",
				 .peer = lane->peer,
				 .reason = wlt_error_text(why)};
	uint32_t random = 0;

	/* Without randomness the pauses are the shortest allowed. */
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	wlt_post_lock(post);
	put_back_locked(lane, wlt_error_errno(why), wlt_error_text(why));
	lane->tried = true;
	lane->failures++;
	lane->next_attempt = wlt_clock_monotonic() + wlt_backoff_ms(lane->failures, random);
	free(lane->error);
	lane->error = strdup(wlt_error_text(why));
	wlt_post_unlock(post);
	wlt_packer_wake(post);
	wlt_events_append(&post->events, &line);
}

/* An attempt that has certainly deposited nothing. */
static void drop_attempt(struct wlt_post *post, struct wlt_lane *lane)
{
	wlt_post_lock(post);
	for (size_t i = 0; i < lane->n_batch; i++)
		free(wlt_take(lane->batch[i]->attempt));
	wlt_sender_abandon_locked(post, lane->peer, lane->attempt);
	wlt_post_unlock(post);
}

/* One of several was refused: find out which, one by one. The refusal says that nothing was deposited. */
static void try_singly(struct wlt_post *post, struct wlt_lane *lane)
{
	drop_attempt(post, lane);
	wlt_post_lock(post);
	put_back_locked(lane, 0, NULL);
	lane->single = true;
	wlt_post_unlock(post);
	wlt_packer_wake(post);
}

static void reject(struct wlt_post *post, struct wlt_lane *lane, const struct wlt_error *why)
{
	struct wlt_drop *drop = lane->batch[0];

	wlt_post_lock(post);
	wlt_drop_unseal_locked(drop);
	wlt_drop_enter_locked(drop, WLT_DROP_REJECTED, wlt_error_errno(why), wlt_error_text(why));
	wlt_waiters_decide_locked(post, drop, drop->errnum);
	wlt_post_unlock(post);
	wlt_packer_wake(post);
	wlt_drop_tell(drop, "rejected", wlt_error_text(why));
}

static void fail(struct wlt_post *post, struct wlt_lane *lane, const struct wlt_error *why)
{
	if (wlt_push_may_pass(why))
		try_later(post, lane, why);
	else if (lane->n_batch > 1)
		try_singly(post, lane);
	else
		reject(post, lane, why);
	batch_free(lane);
}

static void succeed(struct wlt_post *post, struct wlt_lane *lane, const char *commit)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	if (!wlt_sent_add(post, lane->batch, lane->n_batch, commit, &err)) {
		/* Deposited, but not on record: the same attempt again will find that out. */
		try_later(post, lane, &err);
		batch_free(lane);
		return;
	}
	wlt_post_lock(post);
	for (size_t i = 0; i < lane->n_batch; i++) {
		struct wlt_drop *drop = lane->batch[i];

		wlt_drop_enter_locked(drop, WLT_DROP_SENT, 0, NULL);
		(void)wlt_drop_doom_locked(drop); /* what stays is cleaned up at the next start */
		wlt_drop_detach_locked(drop);
		wlt_waiters_decide_locked(post, drop, 0);
	}
	wlt_sender_abandon_locked(post, lane->peer, lane->attempt);
	lane->tried = true;
	lane->failures = 0;
	lane->next_attempt = 0;
	free(wlt_take(lane->error));
	wlt_post_unlock(post);
	for (size_t i = 0; i < lane->n_batch; i++) {
		tell_sent(post, lane->batch[i]);
		wlt_drop_unref(lane->batch[i]); /* the outbox's reference; the batch has its own */
	}
	batch_free(lane);
}

/* --- couriers ----------------------------------------------------------------------------------- */

static bool launch(struct wlt_post *post, struct wlt_lane *lane, struct json_object *request,
		   int64_t now, int64_t limit_ms, struct wlt_error *err)
{
	if (!wlt_courier_start(request, -1, &lane->courier, err)) {
		lane->courier = NULL;
		return false;
	}
	lane->deadline = now + limit_ms;
	if (wlt_desk_watch(post, wlt_courier_fd(lane->courier), WLT_TAG_LANE, 0, false))
		return true;
	wlt_courier_kill(wlt_take(lane->courier));
	return wlt_fail_errno(err, errno, "cannot watch a courier");
}

/* Record the attempt, then make it. */
static void push(struct wlt_post *post, struct wlt_lane *lane, bool fresh, int64_t now)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *request = NULL;
	bool ok = true;

	lane->forgetting = false;
	for (size_t i = 0; ok && fresh && i < lane->n_batch; i++)
		ok = wlt_drop_save(lane->batch[i], &err);
	if (!ok) {
		drop_attempt(post, lane); /* not durable: it must not be used */
		fail(post, lane, &err);
		return;
	}
	if (!make_request(post, lane, &request, &err) ||
	    !launch(post, lane, request, now, WLT_COURIER_NETWORK_MS, &err))
		fail(post, lane, &err);
}

static bool in_use_locked(const struct wlt_post *post, const char *attempt)
{
	for (const struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		if (drop->attempt != NULL && strcmp(drop->attempt, attempt) == 0)
			return true;
	return false;
}

/* Take one abandoned attempt that nothing depends on any more. False when there is none. */
static bool choose_abandoned(struct wlt_post *post, struct wlt_lane *lane)
{
	struct wlt_strings *list = &lane->abandoned;
	const struct wlt_peer *peer;
	bool found = false;

	wlt_post_lock(post);
	peer = wlt_post_peer_locked(post, lane->peer);
	for (size_t i = list->n; peer != NULL && !found && i-- > 0;) {
		if (in_use_locked(post, list->items[i]))
			continue;
		lane->attempt = list->items[i];
		list->items[i] = list->items[list->n - 1];
		list->items[--list->n] = NULL;
		lane->url = strdup(peer->url);
		found = true;
	}
	wlt_post_unlock(post);
	return found;
}

static void forget(struct wlt_post *post, struct wlt_lane *lane, int64_t now)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put)
	struct json_object *request =
		lane->url == NULL ? NULL : wlt_courier_request(post, "forget", lane->url);

	lane->forgetting = true;
	/* What is not forgotten costs a reference in the mirror, nothing else. */
	if (request == NULL || !wlt_json_set_string(request, "id", lane->attempt) ||
	    !launch(post, lane, request, now, WLT_COURIER_LOCAL_MS, &ignored))
		batch_free(lane);
}

static void finish(struct wlt_post *post, struct wlt_lane *lane)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;
	bool ok = wlt_courier_collect(wlt_take(lane->courier), &reply, &err);
	const char *commit = ok ? wlt_json_string(reply, "commit") : NULL;

	if (lane->forgetting)
		batch_free(lane);
	else if (ok)
		succeed(post, lane, commit != NULL ? commit : "");
	else
		fail(post, lane, &err);
}

static void give_up(struct wlt_post *post, struct wlt_lane *lane)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	wlt_courier_kill(wlt_take(lane->courier));
	if (lane->forgetting) {
		batch_free(lane);
		return;
	}
	(void)wlt_fail(&err, WLT_UNREACHABLE, "the relay of %s did not answer within %d seconds",
		       lane->peer, WLT_COURIER_NETWORK_MS / 1000);
	fail(post, lane, &err);
}

void wlt_sender_ready(struct wlt_post *post)
{
	for (struct wlt_lane *lane = first_lane(post); lane != NULL; lane = lane->next) {
		bool done = false;

		if (lane->courier != NULL)
			wlt_courier_step(lane->courier, &done);
		if (done)
			finish(post, lane);
	}
}

/* Every peer that something waits for has a lane. */
static void open_lanes(struct wlt_post *post)
{
	wlt_post_lock(post);
	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		if (drop->state == WLT_DROP_QUEUED)
			(void)lane_of_locked(post, drop->peer); /* out of memory: next turn */
	wlt_post_unlock(post);
}

static int64_t next_attempt(struct wlt_post *post, const struct wlt_lane *lane)
{
	int64_t next;

	wlt_post_lock(post);
	next = lane->next_attempt;
	wlt_post_unlock(post);
	return next;
}

void wlt_sender_turn(struct wlt_post *post, int64_t now, int64_t *wake)
{
	open_lanes(post);
	for (struct wlt_lane *lane = first_lane(post); lane != NULL; lane = lane->next) {
		int64_t next = next_attempt(post, lane);
		bool fresh = false;

		if (lane->courier != NULL && now >= lane->deadline)
			give_up(post, lane);
		if (lane->courier == NULL && count_couriers(post) < COURIERS_MOST) {
			if (now >= next && choose_batch(post, lane, &fresh))
				push(post, lane, fresh, now);
			else if (choose_abandoned(post, lane))
				forget(post, lane, now);
		}
		if (lane->courier != NULL && lane->deadline < *wake)
			*wake = lane->deadline;
		next = next_attempt(post, lane);
		if (next > now && next < *wake)
			*wake = next;
	}
}

void wlt_sender_stop(struct wlt_post *post)
{
	for (struct wlt_lane *lane = first_lane(post); lane != NULL; lane = lane->next) {
		wlt_courier_kill(wlt_take(lane->courier));
		wlt_post_lock(post);
		put_back_locked(lane, 0, NULL);
		wlt_post_unlock(post);
		batch_free(lane);
	}
}
