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

uint64_t wlt_drop_sync(struct wlt_drop *drop, void (*done)(void *context, int errnum),
		       void *context)
{
	struct wlt_post *post = drop->post;
	struct wlt_waiter *waiter = calloc(1, sizeof(*waiter));
	uint64_t ticket;

	if (waiter == NULL) {
		done(context, ENOMEM);
		return 0;
	}
	*waiter = (struct wlt_waiter){
		.drop = wlt_drop_ref(drop),
		.done = done,
		.context = context,
		.deadline = wlt_clock_monotonic() + WLT_SYNC_MS,
	};
	wlt_post_lock(post);
	ticket = ++post->last_serial;
	waiter->ticket = ticket;
	waiter->result = ask_locked(drop);
	waiter->next = post->waiters;
	post->waiters = waiter;
	wlt_desk_wake(post);
	wlt_post_unlock(post);
	return ticket;
}

/* Take the first waiter out that `is_it`; NULL when there is none. */
static struct wlt_waiter *take_ticket_locked(struct wlt_post *post, uint64_t ticket)
{
	struct wlt_waiter **link = &post->waiters;
	struct wlt_waiter *found;

	while (*link != NULL && (*link)->ticket != ticket)
		link = &(*link)->next;
	found = *link;
	if (found != NULL)
		*link = found->next;
	return found;
}

static void waiter_free(struct wlt_waiter *waiter)
{
	if (waiter == NULL)
		return;
	wlt_drop_unref(waiter->drop);
	free(waiter);
}

void wlt_drop_sync_cancel(struct wlt_drop *drop, uint64_t ticket)
{
	struct wlt_post *post = drop->post;
	struct wlt_waiter *waiter;

	if (ticket == 0)
		return;
	wlt_post_lock(post);
	waiter = take_ticket_locked(post, ticket);
	/* Being told right now: wait for that, unless it is the callback itself that asks. */
	while (waiter == NULL && post->calling == ticket &&
	       !pthread_equal(pthread_self(), post->desk))
		(void)pthread_cond_wait(&post->quiet, &post->mutex);
	wlt_post_unlock(post);
	waiter_free(waiter);
}

static struct wlt_waiter *take_due_locked(struct wlt_post *post, int64_t now, int64_t *wake)
{
	for (struct wlt_waiter *waiter = post->waiters; waiter != NULL; waiter = waiter->next) {
		if (waiter->result < 0 && waiter->deadline <= now)
			waiter->result = ETIMEDOUT;
		if (waiter->result >= 0)
			return take_ticket_locked(post, waiter->ticket);
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
		post->calling = waiter->ticket;
		wlt_post_unlock(post);
		waiter->done(waiter->context, waiter->result);
		waiter_free(waiter);
		wlt_post_lock(post);
		post->calling = 0;
		(void)pthread_cond_broadcast(&post->quiet);
	}
	wlt_post_unlock(post);
}
