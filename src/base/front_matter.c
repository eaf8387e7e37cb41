/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/yaml.h"

#include <string.h>

/* Where the line at `at` ends and the next begins; `end` when it is the last. */
static const char *next_line(const char *at, const char *end)
{
	const char *lf = memchr(at, '\n', (size_t)(end - at));

	return lf != NULL ? lf + 1 : end;
}

/* `---`, perhaps with blanks behind it. */
static bool is_fence(const char *at, const char *end)
{
	const char *next = next_line(at, end);

	if (next - at < 3 || memcmp(at, "---", 3) != 0)
		return false;
	for (at += 3; at < next; at++) {
		if (*at != ' ' && *at != '\t' && *at != '\r' && *at != '\n')
			return false;
	}
	return true;
}

bool wlt_front_matter_parse(const char *text, size_t len, struct json_object **out, size_t *body,
			    struct wlt_error *err)
{
	static const char byte_order_mark[] = "\xEF\xBB\xBF";
	const char *end = text + len;
	const char *first = text;
	const char *last;

	*out = NULL;
	if (body != NULL)
		*body = 0;
	if (len >= 3 && memcmp(text, byte_order_mark, 3) == 0) /* some editors write it */
		first += 3;
	if (!is_fence(first, end))
		return true;
	first = next_line(first, end);
	for (last = first; last < end && !is_fence(last, end);)
		last = next_line(last, end);
	if (last >= end) /* never closed: prose that begins with a rule */
		return true;
	if (!wlt_yaml_parse(first, (size_t)(last - first), NULL, out, err))
		return wlt_fail_context(err, "front matter");
	if (body != NULL)
		*body = (size_t)(next_line(last, end) - text);
	return true;
}
