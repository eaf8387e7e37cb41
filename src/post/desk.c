/* SPDX-License-Identifier: MIT */
/*
 * The desk thread: one loop that waits for couriers, writers' ends, changed files and the clock, and takes
 * one turn after each.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "post/post_private.h"

#define EVENTS_AT_ONCE 32
#define TAG_SHIFT      56

void wlt_desk_wake(struct wlt_post *post)
{
	const uint64_t one = 1;

	/* Fails only when a wake-up is pending already. */
	(void)!write(post->wake_fd, &one, sizeof(one));
}

bool wlt_desk_watch(struct wlt_post *post, int fd, enum wlt_tag tag, uint64_t serial, bool once)
{
	struct epoll_event event = {
		.events = EPOLLIN | (once ? (uint32_t)EPOLLONESHOT : 0u),
		.data.u64 = (uint64_t)tag << TAG_SHIFT | serial,
	};

	return epoll_ctl(post->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* --- completion --------------------------------------------------------------------------------- */

/* Why, and as which errno, a drop is not going to be sent by itself. */
static void interrupt_locked(struct wlt_drop *drop)
{
	const struct wlt_completion *completion = &drop->completion;
	WLT_AUTOFREE char *reason = NULL;
	int errnum = ECANCELED;

	if (completion->spoiled != 0) {
		errnum = completion->spoiled;
		if (asprintf(&reason, "a write failed (%s): copy it again or remove it",
			     strerrordesc_np(errnum)) < 0)
			reason = NULL;
	} else if (completion->failed) {
		reason = strdup("a program that wrote into it failed or was killed: copy it again, "
				"send it as it is, or remove it");
	} else if (drop->reason != NULL) {
		reason = strdup(drop->reason); /* the unfinished file that was found */
	}
	wlt_drop_forget_writers_locked(drop);
	wlt_drop_enter_locked(drop, WLT_DROP_INTERRUPTED, errnum, reason);
	wlt_waiters_decide_locked(drop->post, drop, errnum == ECANCELED ? EIO : errnum);
}

/* Take one step of one drop. Returns a reference to a drop that was interrupted, NULL when all of them can
 * wait until `*wake`. */
static struct wlt_drop *step_locked(struct wlt_post *post, int64_t now, int64_t *wake)
{
	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next) {
		int64_t next = WLT_NEVER;
		enum wlt_step step;

		wlt_drop_ask_writers_locked(drop, now, wake);
		if (drop->state != WLT_DROP_STAGING)
			continue;
		step = wlt_completion_step(&drop->completion, &post->times, now, &next);
		drop->scheduled = next != WLT_NEVER;
		if (next < *wake)
			*wake = next;
		if (step == WLT_STEP_COMPLETE) {
			drop->by_time = wlt_completion_by_time(&drop->completion);
			drop->looked = false;
			drop->pack_at = 0;
			wlt_drop_enter_locked(drop, WLT_DROP_PACKING, 0, NULL);
			wlt_packer_wake(post);
		} else if (step == WLT_STEP_INTERRUPT) {
			interrupt_locked(drop);
			wlt_packer_wake(post);
			return wlt_drop_ref(drop);
		}
	}
	return NULL;
}

static void completion_turn(struct wlt_post *post, int64_t now, int64_t *wake)
{
	struct wlt_drop *drop;

	wlt_post_lock(post);
	while ((drop = step_locked(post, now, wake)) != NULL) {
		WLT_AUTOFREE char *reason = drop->reason == NULL ? NULL : strdup(drop->reason);

		wlt_post_unlock(post);
		wlt_drop_tell(drop, "interrupted", reason);
		wlt_drop_unref(drop);
		wlt_post_lock(post);
	}
	wlt_post_unlock(post);
}

/* --- what is shown ------------------------------------------------------------------------------ */

static void save_known(struct wlt_post *post)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	bool dirty;

	wlt_post_lock(post);
	dirty = post->known_dirty;
	post->known_dirty = false;
	dirty = dirty && wlt_known_format(&post->known, &text, &err);
	wlt_post_unlock(post);
	/* What cannot be saved is found out again by the first poll of the next run. */
	if (!dirty)
		return;
	(void)wlt_file_replace(post->state_fd, WLT_KNOWN_FILE, text.data, text.len, 0600, &err);
	wlt_buf_free(&text);
	(void)malloc_trim(0); /* a large inbox took several times what is kept of it */
}

static void tell_inbox(struct wlt_post *post)
{
	bool changed;

	wlt_post_lock(post);
	changed = post->inbox_changed;
	post->inbox_changed = false;
	wlt_post_unlock(post);
	if (changed && post->observer.inbox_changed != NULL)
		post->observer.inbox_changed(post->observer.context);
}

static void reload_config(struct wlt_post *post)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	bool changed = false;

	/* Watched before it is read, so that nothing happens in between; and once more, because what it says
	 * is watched, too. */
	wlt_watch_update(post);
	wlt_config_reload(post, &changed);
	wlt_watch_update(post);
	if (!changed)
		return;
	(void)wlt_post_show(post, &ignored); /* tried again after each poll */
	wlt_post_poll(post);
	if (post->observer.peers_changed != NULL)
		post->observer.peers_changed(post->observer.context);
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void on_inotify(struct wlt_post *post)
{
	bool config = false;
	bool relay = false;

	wlt_watch_read(post, &config, &relay);
	if (config)
		reload_config(post);
	if (!relay)
		return;
	wlt_post_lock(post);
	post->poll.wanted = true;
	wlt_post_unlock(post);
}

static void on_event(struct wlt_post *post, uint64_t data, int64_t now)
{
	uint64_t count;

	switch ((enum wlt_tag)(data >> TAG_SHIFT)) {
	case WLT_TAG_WAKE:
		(void)!read(post->wake_fd, &count, sizeof(count));
		break;
	case WLT_TAG_INOTIFY:
		on_inotify(post);
		break;
	case WLT_TAG_POLL:
		wlt_poller_ready(post, now);
		break;
	case WLT_TAG_LANE:
		wlt_sender_ready(post);
		break;
	case WLT_TAG_WRITER:
		wlt_writers_ended(post, data & ((UINT64_C(1) << TAG_SHIFT) - 1), now);
		break;
	}
}

static void take_turn(struct wlt_post *post, int64_t *wake)
{
	int64_t now = wlt_clock_monotonic();

	*wake = WLT_NEVER;
	completion_turn(post, now, wake);
	wlt_sender_turn(post, now, wake);
	wlt_poller_turn(post, now, wake);
	wlt_waiters_tell(post, now, wake);
	tell_inbox(post);
	save_known(post);
}

static void wait_for_events(struct wlt_post *post, int64_t wake)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int64_t now = wlt_clock_monotonic();
	int timeout = -1;
	int n;

	if (wake != WLT_NEVER)
		timeout = wake <= now ? 0 : (int)(wake - now < INT_MAX ? wake - now : INT_MAX);
	n = epoll_wait(post->epoll_fd, events, EVENTS_AT_ONCE, timeout);
	now = wlt_clock_monotonic();
	for (int i = 0; i < n; i++)
		on_event(post, events[i].data.u64, now);
}

void *wlt_desk_main(void *argument)
{
	struct wlt_post *post = argument;
	int64_t wake;

	while (!atomic_load(&post->stopping)) {
		take_turn(post, &wake);
		wait_for_events(post, wake);
	}
	wlt_sender_stop(post);
	wlt_poller_stop(post);
	wlt_post_lock(post);
	wlt_waiters_decide_locked(post, NULL, ECANCELED);
	wlt_post_unlock(post);
	wlt_waiters_tell(post, wlt_clock_monotonic(), &wake);
	save_known(post);
	return NULL;
}
