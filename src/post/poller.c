/* SPDX-License-Identifier: MIT */
/*
 * Looking at the own relay: every poll_seconds, when asked to, and when a relay on this machine changes.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "post/post_private.h"

/* A relay that keeps changing is looked at this often. */
#define POLL_GAP_MS 100

/* The own relay, malloc()ed; NULL when there is none. */
static char *own_url(struct wlt_post *post)
{
	char *url = NULL;

	wlt_post_lock(post);
	if (post->config != NULL && post->config->url != NULL)
		url = strdup(post->config->url);
	wlt_post_unlock(post);
	return url;
}

/* `tip` and `known` keep what has been seen before from being told again. They are changed by this
 * thread alone. */
static bool add_known(struct wlt_post *post, struct json_object *request, struct wlt_error *err)
{
	struct json_object *oids = NULL;
	const struct wlt_known *known = &post->known;

	if (known->url == NULL || known->tip == NULL ||
	    strcmp(known->url, wlt_json_string(request, "url")) != 0)
		return true;
	if (!wlt_known_oids(known, &oids, err))
		return false;
	if (!wlt_json_set(request, "known", oids) ||
	    !wlt_json_set_string(request, "tip", known->tip))
		return wlt_fail_memory(err);
	return true;
}

static bool launch(struct wlt_post *post, int64_t now, struct wlt_error *err)
{
	struct wlt_poll *poll = &post->poll;
	WLT_AUTO(wlt_json_put)
	struct json_object *request = wlt_courier_request(post, "poll", poll->url);

	if (request == NULL)
		return wlt_fail_memory(err);
	if (!add_known(post, request, err))
		return false;
	if (!wlt_courier_start(request, -1, &poll->courier, err)) {
		poll->courier = NULL;
		return false;
	}
	poll->deadline = now + (poll->slow ? WLT_COURIER_NETWORK_MS : WLT_COURIER_POLL_MS);
	if (wlt_desk_watch(post, wlt_courier_fd(poll->courier), WLT_TAG_POLL, 0, false))
		return true;
	wlt_courier_kill(wlt_take(poll->courier));
	return wlt_fail_errno(err, errno, "cannot watch a courier");
}

static void plan_next_locked(struct wlt_post *post)
{
	post->poll.next = post->poll_ms > 0 ? wlt_clock_monotonic() + post->poll_ms : WLT_NEVER;
}

/* There is no relay yet, as status says; the next look is for one. */
static void look_later(struct wlt_post *post)
{
	wlt_post_lock(post);
	plan_next_locked(post);
	wlt_post_unlock(post);
}

static void schedule(struct wlt_post *post, const struct wlt_error *err)
{
	struct wlt_poll *poll = &post->poll;

	wlt_post_lock(post);
	poll->last = wlt_clock_now();
	plan_next_locked(post);
	free(poll->error);
	poll->error = err == NULL ? NULL : strdup(wlt_error_text(err));
	wlt_post_unlock(post);
}

static void fail(struct wlt_post *post, const struct wlt_error *err)
{
	struct wlt_event line = {.event = "unreachable", .reason = wlt_error_text(err)};
	bool news;

	wlt_post_lock(post);
	news = post->poll.error == NULL; /* once, not every minute */
	wlt_post_unlock(post);
	schedule(post, err);
	if (news)
		wlt_events_append(&post->events, &line);
}

static void tell_arrivals(struct wlt_post *post, const struct wlt_known *known)
{
	for (size_t i = 0; i < known->n; i++) {
		struct wlt_event line = {
			.event = "arrived",
			.peer = known->items[i].sender,
			.package = known->items[i].file,
		};

		if (known->items[i].fresh)
			wlt_events_append(&post->events, &line);
	}
}

/* Only this thread changes anything of post->known but the refusals. */
static bool take_in(struct wlt_post *post, struct json_object *reply, struct wlt_error *err)
{
	const char *url = post->poll.url;
	bool same = post->known.url != NULL && strcmp(post->known.url, url) == 0;
	struct wlt_known none;
	struct wlt_known next;
	bool ok;

	(void)memset(&none, 0, sizeof(none));
	if (!wlt_known_update(same ? &post->known : &none, url, reply, wlt_clock_now(), &next, err))
		return false;
	wlt_post_lock(post);
	ok = wlt_known_hand_on(&post->known, &next, err);
	if (ok) {
		struct wlt_known old = post->known;

		post->known = next;
		next = old;
		post->known_dirty = true;
	}
	wlt_post_unlock(post);
	wlt_known_free(&next);
	if (ok)
		tell_arrivals(post, &post->known);
	return ok;
}

static void finish(struct wlt_post *post, bool answered, struct json_object *reply,
		   struct wlt_error *err)
{
	bool ok = answered;

	post->poll.slow = false;
	if (ok && wlt_json_bool(reply, "changed", false))
		ok = take_in(post, reply, err);
	/* Also when nothing came: keys and policy decide about what is there. */
	ok = ok && wlt_post_show(post, err);
	if (ok)
		schedule(post, NULL);
	else
		fail(post, err);
	free(wlt_take(post->poll.url));
}

void wlt_poller_ready(struct wlt_post *post, int64_t now)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;
	bool done = false;
	bool ok;

	if (post->poll.courier != NULL)
		wlt_courier_step(post->poll.courier, &done);
	if (!done)
		return;
	post->poll.earliest = now + POLL_GAP_MS;
	ok = wlt_courier_collect(wlt_take(post->poll.courier), &reply, &err);
	finish(post, ok, reply, &err);
}

static void give_up(struct wlt_post *post)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	wlt_courier_kill(wlt_take(post->poll.courier));
	(void)wlt_fail(&err, WLT_UNREACHABLE, "the relay %s did not answer in time",
		       post->poll.url);
	finish(post, false, NULL, &err);
	post->poll.slow = true; /* it may just have much to tell */
}

/* Is it time? Clears the wish when it is. */
static bool is_due(struct wlt_post *post, int64_t now, int64_t *wake)
{
	struct wlt_poll *poll = &post->poll;
	int64_t due;
	bool yes;

	wlt_post_lock(post);
	due = poll->wanted ? poll->earliest : poll->next;
	yes = due <= now;
	if (yes)
		poll->wanted = false;
	else if (due < *wake)
		*wake = due;
	wlt_post_unlock(post);
	return yes;
}

void wlt_poller_turn(struct wlt_post *post, int64_t now, int64_t *wake)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_poll *poll = &post->poll;

	if (poll->courier != NULL && now >= poll->deadline)
		give_up(post);
	if (poll->courier == NULL && is_due(post, now, wake)) {
		poll->url = own_url(post);
		if (poll->url == NULL)
			look_later(post);
		else if (!launch(post, now, &err))
			finish(post, false, NULL, &err);
	}
	if (poll->courier != NULL && poll->deadline < *wake)
		*wake = poll->deadline;
}

void wlt_poller_stop(struct wlt_post *post)
{
	wlt_courier_kill(wlt_take(post->poll.courier));
	free(wlt_take(post->poll.url));
}

void wlt_post_poll(struct wlt_post *post)
{
	wlt_post_lock(post);
	post->poll.wanted = true;
	wlt_sender_hurry_locked(post);
	wlt_post_unlock(post);
}
