/* SPDX-License-Identifier: MIT */
/*
 * A growable byte string. Always NUL-terminated behind `len` once anything was added, so `data`
 * can be used as a C string when the content has no NUL. Not thread-safe.
 *
 * Appending never fails half-way: on lack of memory the buffer is marked `failed`, keeps what it
 * had and ignores everything after; look at it once at the end with wlt_buf_ok().
 */
#ifndef WLT_BASE_BUF_H
#define WLT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct wlt_buf {
	char *data;
	size_t len;
	size_t capacity;
	bool failed;
};

#define WLT_BUF_INIT                   \
	{                              \
		(char *)0, 0, 0, false \
	}

void wlt_buf_append(struct wlt_buf *buf, const void *bytes, size_t len);
void wlt_buf_puts(struct wlt_buf *buf, const char *text);
void wlt_buf_putc(struct wlt_buf *buf, char c);
void wlt_buf_printf(struct wlt_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Make room for `extra` more bytes and return where they go (NULL when out of memory); the caller
 * adds what it really wrote to `len`, and the NUL behind it when that was less than `extra`. */
char *wlt_buf_reserve(struct wlt_buf *buf, size_t extra);

/* True when no append failed; otherwise sets `err` to WLT_NO_MEMORY. */
bool wlt_buf_ok(const struct wlt_buf *buf, struct wlt_error *err);

/* The content as a malloc()ed C string for the caller ("" when empty); `buf` is reset. NULL when
 * an append failed. */
char *wlt_buf_take(struct wlt_buf *buf);

void wlt_buf_free(struct wlt_buf *buf); /* release and reset */
void wlt_buf_wipe(struct wlt_buf *buf); /* the same for secrets: cleansed before release (reserve
					   once: growing leaves a copy behind) */

#endif
