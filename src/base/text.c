/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_CHUNK 32

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Length of the well-formed UTF-8 sequence at `bytes`, 0 when there is none (RFC 3629, section 4).
 * `left` is at least 1. */
static size_t sequence_length(const unsigned char *bytes, size_t left)
{
	unsigned char lead = bytes[0];
	unsigned char low = 0x80, high = 0xBF; /* what the second byte may be */
	size_t len;

	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead <= 0xDF) {
		len = 2;
	} else if (lead >= 0xE0 && lead <= 0xEF) {
		len = 3;
		if (lead == 0xE0)
			low = 0xA0; /* shorter forms exist */
		else if (lead == 0xED)
			high = 0x9F; /* surrogates */
	} else if (lead >= 0xF0 && lead <= 0xF4) {
		len = 4;
		if (lead == 0xF0)
			low = 0x90;
		else if (lead == 0xF4)
			high = 0x8F; /* beyond U+10FFFF */
	} else {
		return 0;
	}
	if (left < len || bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((bytes[i] & 0xC0) != 0x80)
			return 0;
	}
	return len;
}

/* For the sequence of length `len` at `bytes`: C0, DEL, or C1 (U+0080 to U+009F). */
static bool is_control(const unsigned char *bytes, size_t len)
{
	if (len == 1)
		return bytes[0] < 0x20 || bytes[0] == 0x7F;
	return len == 2 && bytes[0] == 0xC2 && bytes[1] < 0xA0;
}

bool wlt_utf8_valid(const char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *)bytes;

	while (len > 0) {
		size_t step = sequence_length(at, len);

		if (step == 0)
			return false;
		at += step;
		len -= step;
	}
	return true;
}

bool wlt_text_has_control(const char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *)bytes;

	while (len > 0) {
		size_t step = sequence_length(at, len);

		if (step == 0)
			step = 1;
		if (is_control(at, step))
			return true;
		at += step;
		len -= step;
	}
	return false;
}

char *wlt_text_printable(const char *text)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t left = strlen(text);
	char *printable = malloc(left + 1); /* replacements are never longer */
	char *to = printable;

	if (printable == NULL)
		return NULL;
	while (left > 0) {
		size_t step = sequence_length(from, left);

		if (step == 0 || is_control(from, step)) {
			*to++ = '?';
			step = step == 0 ? 1 : step;
		} else {
			memcpy(to, from, step);
			to += step;
		}
		from += step;
		left -= step;
	}
	*to = '\0';
	return printable;
}

void wlt_hex_encode(const uint8_t *bytes, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		*out++ = hex_digits[bytes[i] >> 4];
		*out++ = hex_digits[bytes[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool wlt_hex_decode(const char *text, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * len] == '\0';
}

void wlt_base64_encode(struct wlt_buf *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t group = (uint32_t)bytes[i] << 16;
		char quad[4] = {0, 0, '=', '='};

		if (left > 1)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		quad[0] = base64_digits[group >> 18];
		quad[1] = base64_digits[group >> 12 & 63];
		if (left > 1)
			quad[2] = base64_digits[group >> 6 & 63];
		if (left > 2)
			quad[3] = base64_digits[group & 63];
		wlt_buf_append(out, quad, sizeof(quad));
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

bool wlt_base64_decode(const char *text, uint8_t *out, size_t *len)
{
	size_t digits = strspn(text, base64_digits);
	size_t padding = strspn(text + digits, "=");
	size_t size = digits * 3 / 4; /* whole bytes in it */
	uint32_t bits = 0;
	unsigned held = 0;

	if (text[digits + padding] != '\0' || (digits + padding) % 4 != 0 || padding > 2 ||
	    size > *len)
		return false;
	for (size_t i = 0; i < digits; i++) {
		bits = bits << 6 | (uint32_t)base64_value(text[i]);
		held += 6;
		if (held >= 8) {
			held -= 8;
			*out++ = (uint8_t)(bits >> held);
			bits &= (1U << held) - 1;
		}
	}
	*len = size;
	return bits == 0; /* what padding leaves over has to be zero: one text per value */
}

bool wlt_random_hex(size_t len, char *out, struct wlt_error *err)
{
	uint8_t chunk[RANDOM_CHUNK];

	while (len > 0) {
		size_t want = len < sizeof(chunk) ? len : sizeof(chunk);
		ssize_t got = getrandom(chunk, want, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return wlt_fail_errno(err, errno, "cannot get random bytes");
		wlt_hex_encode(chunk, (size_t)got, out);
		out += 2 * (size_t)got;
		len -= (size_t)got;
	}
	*out = '\0';
	return true;
}

int wlt_compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}
