/* SPDX-License-Identifier: MIT */
/*
 * Pictures of the inbox: made from what is known of the relay, never changed, shared by reference.
 */
#ifndef WLT_POST_ARRIVALS_H
#define WLT_POST_ARRIVALS_H

#include "post/known.h"
#include "post/post.h"

/* A new picture with one reference. `peers` (sorted) have a folder also when the relay has none; `own_id`
 * (may be NULL) is the key packages have to name; `policy` tells which refusals still count. */
bool wlt_arrivals_build(const struct wlt_known *known, const struct wlt_strings *peers,
			const char *own_id, const char *policy, uint64_t generation,
			const struct wlt_arrivals **out, struct wlt_error *err);

const struct wlt_arrivals *wlt_arrivals_ref(const struct wlt_arrivals *arrivals);

/* Do two pictures show the same? */
bool wlt_arrivals_same(const struct wlt_arrivals *a, const struct wlt_arrivals *b);

#endif
