/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/yaml_scalar.h"

#include <string.h>

#include "base/number.h"

static const char decimal[] = "0123456789";

struct span {
	const char *at;
	size_t len;
};

static bool is_one_of(struct span text, const char *const words[3])
{
	for (size_t i = 0; i < 3; i++) {
		if (strlen(words[i]) == text.len && memcmp(words[i], text.at, text.len) == 0)
			return true;
	}
	return false;
}

/* Drop what of `set` is in front, and tell how much that was. */
static size_t skip_any(struct span *text, const char *set)
{
	size_t n = 0;

	while (n < text->len && text->at[n] != '\0' && strchr(set, text->at[n]) != NULL)
		n++;
	text->at += n;
	text->len -= n;
	return n;
}

/* Drop one character of `set`, if there is one in front. */
static bool skip_one(struct span *text, const char *set)
{
	if (text->len == 0 || text->at[0] == '\0' || strchr(set, text->at[0]) == NULL)
		return false;
	text->at++;
	text->len--;
	return true;
}

/* [-+]?[0-9]+ or 0o[0-7]+ or 0x[0-9a-fA-F]+; `text` becomes the digits. */
static bool is_integer(struct span *text, unsigned *base, bool *negative)
{
	const char *digits = decimal;
	struct span rest;

	*base = 10;
	*negative = false;
	if (text->len > 2 && text->at[0] == '0' && (text->at[1] == 'o' || text->at[1] == 'x')) {
		*base = text->at[1] == 'o' ? 8 : 16;
		digits = *base == 8 ? "01234567" : "0123456789abcdefABCDEF";
		text->at += 2;
		text->len -= 2;
	} else {
		*negative = text->len > 0 && text->at[0] == '-';
		(void)skip_one(text, "-+"); /* a sign is optional */
	}
	rest = *text;
	return skip_any(&rest, digits) > 0 && rest.len == 0;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(struct span text)
{
	size_t whole, fraction = 0;

	(void)skip_one(&text, "-+"); /* a sign is optional */
	whole = skip_any(&text, decimal);
	if (skip_one(&text, "."))
		fraction = skip_any(&text, decimal);
	if (whole + fraction == 0)
		return false;
	if (skip_one(&text, "eE")) {
		(void)skip_one(&text, "-+"); /* a sign is optional */
		if (skip_any(&text, decimal) == 0)
			return false;
	}
	return text.len == 0;
}

bool wlt_yaml_plain(const char *text, size_t len, struct json_object **out, bool *too_large)
{
	static const char *const nulls[] = {"null", "Null", "NULL"};
	static const char *const trues[] = {"true", "True", "TRUE"};
	static const char *const falses[] = {"false", "False", "FALSE"};
	struct span span = {text, len};
	struct span digits = span;
	bool negative, fits;
	unsigned base;

	*out = NULL;
	*too_large = false;
	if (len == 0 || (len == 1 && text[0] == '~') || is_one_of(span, nulls))
		return true;
	if (is_one_of(span, trues) || is_one_of(span, falses)) {
		*out = json_object_new_boolean(text[0] == 't' || text[0] == 'T');
	} else if (is_integer(&digits, &base, &negative)) {
		*out = wlt_number_integer(digits.at, digits.len, base, negative, &fits);
		*too_large = !fits;
	} else if (is_float(span)) {
		*out = wlt_number_float(text, len);
	} else {
		*out = json_object_new_string_len(text, (int)len);
	}
	return *out != NULL;
}
