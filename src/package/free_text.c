/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/free_text.h"

#include <string.h>

#include "base/text.h"

bool wlt_free_text_check(const char *what, const char *text, struct wlt_error *err)
{
	size_t len = strlen(text);

	if (!wlt_utf8_valid(text, len))
		return wlt_fail(err, WLT_USAGE, "the %s is not valid UTF-8", what);
	if (strpbrk(text, "\r\n") != NULL)
		return wlt_fail(err, WLT_USAGE, "the %s has more than one line", what);
	if (strchr(text, '"') != NULL)
		return wlt_fail(err, WLT_USAGE,
				"the %s has a double quote in it; single quotes are fine", what);
	if (wlt_text_has_control(text, len))
		return wlt_fail(err, WLT_USAGE, "the %s has a control character in it", what);
	return true;
}
