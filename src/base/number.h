/* SPDX-License-Identifier: MIT */
/*
 * Numbers as text, for the readers and the writer of this room: whatever the locale says, the
 * decimal sign is a full stop. Thread-safe.
 */
#ifndef WLT_BASE_NUMBER_H
#define WLT_BASE_NUMBER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* True when the whole of `text` is a number as JSON writes it; `*integral` tells whether it has
 * neither fraction nor exponent. */
bool wlt_number_is_json(const char *text, size_t len, bool *integral);

/* The integer that `digits`, all of them valid in `base`, stand for: int64 where it fits, else
 * uint64; `*fits` is false, and NULL returned, when it is beyond 64 bits. NULL with `*fits` true is
 * lack of memory. */
struct json_object *wlt_number_integer(const char *digits, size_t len, unsigned base, bool negative,
				       bool *fits);

/* A float that remembers how it was written, where JSON can say it so. NULL: out of memory. */
struct json_object *wlt_number_float(const char *text, size_t len);

/* Append a float: as it was written, else the shortest decimal that reads back as the same value. */
void wlt_number_format(struct wlt_buf *out, struct json_object *number);

#endif
