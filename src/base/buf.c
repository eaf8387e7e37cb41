/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/buf.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST_CAPACITY 64

/* Room for `extra` bytes and the NUL. */
static bool grow(struct wlt_buf *buf, size_t extra)
{
	size_t wanted, capacity;
	char *data;

	if (buf->failed)
		return false;
	if (extra > SIZE_MAX / 2 - buf->len) {
		buf->failed = true;
		return false;
	}
	wanted = buf->len + extra + 1;
	if (wanted <= buf->capacity)
		return true;
	capacity = buf->capacity < SMALLEST_CAPACITY ? SMALLEST_CAPACITY : buf->capacity;
	while (capacity < wanted)
		capacity *= 2;
	data = realloc(buf->data, capacity);
	if (data == NULL) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

char *wlt_buf_reserve(struct wlt_buf *buf, size_t extra)
{
	if (!grow(buf, extra))
		return NULL;
	buf->data[buf->len] = '\0';
	buf->data[buf->len + extra] = '\0';
	return buf->data + buf->len;
}

void wlt_buf_append(struct wlt_buf *buf, const void *bytes, size_t len)
{
	if (!grow(buf, len))
		return;
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void wlt_buf_puts(struct wlt_buf *buf, const char *text)
{
	wlt_buf_append(buf, text, strlen(text));
}

void wlt_buf_putc(struct wlt_buf *buf, char c)
{
	wlt_buf_append(buf, &c, 1);
}

void wlt_buf_printf(struct wlt_buf *buf, const char *fmt, ...)
{
	va_list args, again;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		buf->failed = true;
	else if (grow(buf, (size_t)len)) {
		(void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

bool wlt_buf_ok(const struct wlt_buf *buf, struct wlt_error *err)
{
	return buf->failed ? wlt_fail_memory(err) : true;
}

char *wlt_buf_take(struct wlt_buf *buf)
{
	char *text;

	if (!grow(buf, 0)) {
		wlt_buf_free(buf);
		return NULL;
	}
	text = buf->data;
	text[buf->len] = '\0';
	*buf = (struct wlt_buf)WLT_BUF_INIT;
	return text;
}

void wlt_buf_free(struct wlt_buf *buf)
{
	free(buf->data);
	*buf = (struct wlt_buf)WLT_BUF_INIT;
}

void wlt_buf_wipe(struct wlt_buf *buf)
{
	if (buf->data != NULL)
		OPENSSL_cleanse(buf->data, buf->capacity);
	wlt_buf_free(buf);
}
