/* SPDX-License-Identifier: MIT */
/*
 * How long to wait before trying again. Pure.
 */
#ifndef WLT_POST_BACKOFF_H
#define WLT_POST_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define WLT_BACKOFF_FIRST_MS 1000
#define WLT_BACKOFF_MOST_MS  600000

/* Milliseconds to wait after `failures` (at least 1) failures in a row: doubling from one second to ten
 * minutes, spread by `random` over the upper half, so that many who failed together do not come back
 * together. */
int64_t wlt_backoff_ms(unsigned failures, uint32_t random);

/* May a push, or a packing, that failed like this succeed later as it is? */
bool wlt_push_may_pass(const struct wlt_error *err);
bool wlt_packing_may_pass(const struct wlt_error *err);

#endif
