/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/pending.h"

#include <errno.h>
#include <stddef.h>

static bool first(struct wlt_pending *pending)
{
	bool expected = false;

	return atomic_compare_exchange_strong(&pending->answered, &expected, true);
}

static void interrupted(fuse_req_t req, void *data)
{
	/* Once claimed, the other side may free `data` at any time. */
	if (first(data))
		(void)fuse_reply_err(req, EINTR);
}

void wlt_pending_arm(struct wlt_pending *pending, fuse_req_t req)
{
	pending->req = req;
	atomic_init(&pending->answered, false);
	fuse_req_interrupt_func(req, interrupted, pending);
}

bool wlt_pending_claim(struct wlt_pending *pending)
{
	if (!first(pending))
		return false;
	/* Waits for an interrupted() that is running, and keeps another from starting. */
	fuse_req_interrupt_func(pending->req, NULL, NULL);
	return true;
}
