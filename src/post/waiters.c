/* SPDX-License-Identifier: MIT */
/*
 * Programs that wait for a drop to be pushed (`sync outbox/PEER/NAME`).
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "post/post_private.h"

void wlt_waiters_decide_locked(struct wlt_post *post, const struct wlt_drop *drop, int result)
{
	for (struct wlt_waiter *waiter = post->waiters; waiter != NULL; waiter = waiter->next)
		if ((drop == NULL || waiter->drop == drop) && waiter->result < 0)
			waiter->result = result;
	wlt_desk_wake(post);
}

/* Ask for it now. -1 when the answer comes later. */
static int ask_locked(struct wlt_drop *drop)
{
	int errnum;

	if (atomic_load(&drop->post->stopping))
		return ECANCELED;
	if (drop->gone)
		return drop->state == WLT_DROP_SENT ? 0 : ENOENT;
	if (drop->completion.held || drop->completion.unnamed)
		return EBUSY;
	/* What a failed write left is not whole, whatever anybody asks for. A program that failed may have
	 * written enough: that is for its user to say, and this is how. */
	if (drop->state == WLT_DROP_INTERRUPTED && drop->errnum != ECANCELED)
		return drop->errnum != 0 ? drop->errnum : EIO;
	if (drop->state == WLT_DROP_INTERRUPTED || drop->state == WLT_DROP_REJECTED) {
		errnum = wlt_drop_reopen_locked(drop);
		if (errnum != 0)
			return errnum;
	}
	if (drop->state == WLT_DROP_STAGING)
		drop->completion.forced = true;
	drop->pack_at = 0;
	wlt_sender_hurry_locked(drop->post);
	return -1;
}

void wlt_drop_sync(struct wlt_drop *drop, void (*done)(void *context, int errnum), void *context)
{
	struct wlt_post *post = drop->post;
	struct wlt_waiter *waiter = calloc(1, sizeof(*waiter));

	if (waiter == NULL) {
		done(context, ENOMEM);
		return;
	}
	*waiter = (struct wlt_waiter){
		.drop = wlt_drop_ref(drop),
		.done = done,
		.context = context,
		.deadline = wlt_clock_monotonic() + WLT_SYNC_MS,
	};
	wlt_post_lock(post);
	waiter->result = ask_locked(drop);
	waiter->next = post->waiters;
	post->waiters = waiter;
	wlt_desk_wake(post);
	wlt_post_unlock(post);
}

/* Take out the first one who can be told; NULL when there is none. */
static struct wlt_waiter *take_due_locked(struct wlt_post *post, int64_t now, int64_t *wake)
{
	for (struct wlt_waiter **link = &post->waiters; *link != NULL; link = &(*link)->next) {
		struct wlt_waiter *waiter = *link;

		if (waiter->result < 0 && waiter->deadline <= now)
			waiter->result = ETIMEDOUT;
		if (waiter->result >= 0) {
			*link = waiter->next;
			return waiter;
		}
		if (waiter->deadline < *wake)
			*wake = waiter->deadline;
	}
	return NULL;
}

void wlt_waiters_tell(struct wlt_post *post, int64_t now, int64_t *wake)
{
	struct wlt_waiter *waiter;

	wlt_post_lock(post);
	while ((waiter = take_due_locked(post, now, wake)) != NULL) {
		wlt_post_unlock(post);
		waiter->done(waiter->context, waiter->result);
		wlt_drop_unref(waiter->drop);
		free(waiter);
		wlt_post_lock(post);
	}
	wlt_post_unlock(post);
}
