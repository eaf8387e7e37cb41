/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "relay/relay.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/path.h"
#include "base/text.h"

#define SUFFIX       ".walnut"
#define SUFFIX_LEN   (sizeof SUFFIX - 1)
#define STAMP_LEN    (WLT_STAMP_BYTES - 1)
#define RANDOM_BYTES 4u
/* "-STAMP-xxxxxxxx.walnut" */
#define TAIL_LEN (1 + STAMP_LEN + 1 + 2 * RANDOM_BYTES + SUFFIX_LEN)

/* What no file name should have: separators, what other systems refuse, white space. */
static bool unwanted(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f || strchr("/\\:*?\"<>|", c) != NULL;
}

/* The walnut's name made fit for a file name, at most `max` bytes of whole characters. */
static void sanitize(const char *walnut, size_t max, char *out)
{
	size_t len = strlen(walnut);

	if (len > max)
		len = max;
	while (len > 0 && ((unsigned char)walnut[len] & 0xc0) == 0x80)
		len--;
	if (len == 0) {
		memcpy(out, "walnut", sizeof "walnut");
		return;
	}
	memcpy(out, walnut, len);
	out[len] = '\0';

	bool text = wlt_utf8_valid(out, len) && !wlt_text_has_control(out, len);

	for (size_t i = 0; i < len; i++) {
		/* What is not well-formed text keeps its ASCII characters only. */
		if (unwanted(out[i]) || (!text && (unsigned char)out[i] >= 0x80))
			out[i] = '-';
	}
	if (out[0] == '.')
		out[0] = '-';
}

bool wlt_package_name_make(const char *walnut, int64_t seconds, char out[WLT_PACKAGE_NAME_BYTES],
			   struct wlt_error *err)
{
	char stem[WLT_NAME_BYTES - TAIL_LEN + 1];
	char stamp[WLT_STAMP_BYTES];
	char random[2 * RANDOM_BYTES + 1];

	if (!wlt_random_hex(RANDOM_BYTES, random, err))
		return false;
	sanitize(walnut, sizeof stem - 1, stem);
	wlt_clock_stamp(seconds, stamp);
	(void)snprintf(out, WLT_PACKAGE_NAME_BYTES, "%s-%s-%s%s", stem, stamp, random, SUFFIX);
	return true;
}

static bool is_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdefABCDEF") >= len;
}

bool wlt_package_name_parse(const char *name, int64_t *stamp)
{
	struct wlt_error ignored = WLT_ERROR_INIT;
	size_t len = strlen(name);
	bool good = wlt_name_check(name, &ignored);

	wlt_error_clear(&ignored);
	if (stamp != NULL)
		*stamp = 0;
	if (!good || len <= SUFFIX_LEN || strcmp(name + len - SUFFIX_LEN, SUFFIX) != 0)
		return false;

	if (stamp == NULL || len <= TAIL_LEN)
		return true;

	const char *tail = name + len - TAIL_LEN;
	int64_t seconds;

	if (tail[0] == '-' && tail[1 + STAMP_LEN] == '-' &&
	    is_hex(tail + STAMP_LEN + 2, 2 * RANDOM_BYTES) &&
	    wlt_clock_parse_stamp(tail + 1, &seconds))
		*stamp = seconds;
	return true;
}
