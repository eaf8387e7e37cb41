/* SPDX-License-Identifier: MIT */
/*
 * A request that is answered later, by another thread or by a signal that interrupts the caller: whoever
 * claims it first answers it, once.
 */
#ifndef WLT_WALNUTFS_PENDING_H
#define WLT_WALNUTFS_PENDING_H

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>

struct wlt_pending {
	fuse_req_t req;
	atomic_bool answered;
};

/* From here on a signal may answer the request with EINTR, at once even. `pending` stays where it is until
 * the one other party that can answer has called wlt_pending_claim(). */
void wlt_pending_arm(struct wlt_pending *pending, fuse_req_t req);

/* True: the caller has to answer now, and no signal will. False: it has been answered, and `req`, and the
 * node it was about, must not be touched any more. Either way `pending` may be freed afterwards. */
bool wlt_pending_claim(struct wlt_pending *pending);

#endif
