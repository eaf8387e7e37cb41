/* SPDX-License-Identifier: MIT */
/*
 * Clocks. Every time stamp that is written comes from wlt_clock_now(), which WALNUT_NOW (ISO 8601,
 * UTC) or SOURCE_DATE_EPOCH (seconds) can fix for reproducible runs. Deadlines and quiet times use
 * wlt_clock_monotonic(). Thread-safe as long as nobody changes the environment.
 */
#ifndef WLT_BASE_CLOCK_H
#define WLT_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"

#define WLT_ISO_BYTES   21 /* 2026-04-07T10:15:00Z and NUL */
#define WLT_STAMP_BYTES 16 /* 20260407-101500 and NUL */

/* Seconds since the epoch; the environment's time when it is set and well-formed. */
int64_t wlt_clock_now(void);

/* True when WALNUT_NOW or SOURCE_DATE_EPOCH fixes the clock. */
bool wlt_clock_is_fixed(void);

/* For main(): refuse a malformed WALNUT_NOW or SOURCE_DATE_EPOCH (WLT_USAGE) before work begins. */
bool wlt_clock_check_environment(struct wlt_error *err);

/* Milliseconds that only move forward; not affected by the environment. */
int64_t wlt_clock_monotonic(void);

void wlt_clock_iso(int64_t seconds, char out[WLT_ISO_BYTES]);
void wlt_clock_stamp(int64_t seconds, char out[WLT_STAMP_BYTES]); /* YYYYMMDD-HHMMSS, UTC */

/* Strict inverses; false for anything else. */
bool wlt_clock_parse_iso(const char *text, int64_t *seconds);
bool wlt_clock_parse_stamp(const char *text, int64_t *seconds); /* exactly 15 characters are read */

#endif
