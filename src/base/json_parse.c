/* SPDX-License-Identifier: MIT */
/*
 * JSON text to a json-c tree.
 *
 * json-c's own tokener is not used: it overwrites duplicate members, cuts keys at \u0000, takes
 * large integers for the largest one, and reads NaN. This reader knows RFC 8259 and nothing else,
 * keeps its levels in a fixed array, and looks every key up in json-c's hash table before adding it.
 */
#include "config.h"

#include "base/json.h"

#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/text.h"

#define DEPTH 32

struct reader {
	const char *text, *at, *end;
	struct json_object *levels[DEPTH]; /* borrowed from `root`, outermost first */
	unsigned depth;
	struct json_object *root; /* owned */
	struct wlt_buf string;    /* the string read last */
	struct wlt_buf key;       /* that the next value goes under, in an object */
	struct wlt_error *err;
};

/* The line of a place, from 1; the column is counted in bytes. */
static bool fail_at(struct reader *in, const char *place, const char *what)
{
	size_t line = 1;
	const char *start = in->text;

	for (const char *at = in->text; at < place; at++) {
		if (*at == '\n') {
			line++;
			start = at + 1;
		}
	}
	return wlt_fail(in->err, WLT_DAMAGED, "not valid JSON: %s at line %zu, column %zu", what,
			line, (size_t)(place - start) + 1);
}

static bool fail_here(struct reader *in, const char *what)
{
	return fail_at(in, in->at, in->at < in->end ? what : "the text ends too early");
}

static void skip_blanks(struct reader *in)
{
	while (in->at < in->end &&
	       (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
		in->at++;
}

static bool next_is(const struct reader *in, char c)
{
	return in->at < in->end && *in->at == c;
}

/* --- strings ----------------------------------------------------------------------------------- */

/* Four hex digits at `in->at`, passed over. */
static bool read_hex4(struct reader *in, uint32_t *value)
{
	uint8_t bytes[2];
	char digits[5] = "";

	if (in->end - in->at < 4)
		return fail_at(in, in->at, "four hexadecimal digits are missing");
	memcpy(digits, in->at, 4);
	if (!wlt_hex_decode(digits, bytes, sizeof(bytes)))
		return fail_at(in, in->at, "four hexadecimal digits are missing");
	*value = (uint32_t)bytes[0] << 8 | bytes[1];
	in->at += 4;
	return true;
}

static void put_utf8(struct wlt_buf *out, uint32_t code)
{
	if (code < 0x80) {
		wlt_buf_putc(out, (char)code);
		return;
	}
	if (code < 0x800) {
		wlt_buf_putc(out, (char)(0xC0 | code >> 6));
	} else {
		if (code < 0x10000) {
			wlt_buf_putc(out, (char)(0xE0 | code >> 12));
		} else {
			wlt_buf_putc(out, (char)(0xF0 | code >> 18));
			wlt_buf_putc(out, (char)(0x80 | (code >> 12 & 63)));
		}
		wlt_buf_putc(out, (char)(0x80 | (code >> 6 & 63)));
	}
	wlt_buf_putc(out, (char)(0x80 | (code & 63)));
}

/* Behind `\u`. Half a surrogate pair has no UTF-8 form and is refused. */
static bool read_unicode_escape(struct reader *in)
{
	const char *start = in->at - 2;
	uint32_t code = 0, low = 0;

	if (!read_hex4(in, &code))
		return false;
	if (code >= 0xD800 && code <= 0xDFFF) {
		if (code > 0xDBFF || in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u')
			return fail_at(in, start, "half a surrogate pair");
		in->at += 2;
		if (!read_hex4(in, &low))
			return false;
		if (low < 0xDC00 || low > 0xDFFF)
			return fail_at(in, start, "half a surrogate pair");
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
	}
	put_utf8(&in->string, code);
	return true;
}

/* Behind the backslash. */
static bool read_escape(struct reader *in)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (in->at == in->end)
		return fail_here(in, "");
	if (*in->at == 'u') {
		in->at++;
		return read_unicode_escape(in);
	}
	letter = *in->at != '\0' ? strchr(letters, *in->at) : NULL;
	if (letter == NULL)
		return fail_here(in, "an unknown escape");
	wlt_buf_putc(&in->string, values[letter - letters]);
	in->at++;
	return true;
}

/* The string whose opening quote is at `in->at`, into `in->string`. */
static bool read_string(struct reader *in)
{
	in->string.len = 0;
	wlt_buf_append(&in->string, "", 0);
	in->at++;
	for (;;) {
		const char *start = in->at;

		while (in->at < in->end && *in->at != '"' && *in->at != '\\' &&
		       (unsigned char)*in->at >= 0x20)
			in->at++;
		wlt_buf_append(&in->string, start, (size_t)(in->at - start));
		if (next_is(in, '"')) {
			in->at++;
			return wlt_buf_ok(&in->string, in->err);
		}
		if (!next_is(in, '\\'))
			return fail_here(in, "a control character in a string");
		in->at++;
		if (!read_escape(in))
			return false;
	}
}

/* --- values ------------------------------------------------------------------------------------ */

/* Put `value` (taken over; NULL is JSON null) where it belongs: the root, or the innermost level. */
static bool add(struct reader *in, struct json_object *value)
{
	struct json_object *level = in->depth > 0 ? in->levels[in->depth - 1] : NULL;
	int fault = 0;

	if (level == NULL)
		in->root = value;
	else if (json_object_is_type(level, json_type_array))
		fault = json_object_array_add(level, value);
	else
		fault = json_object_object_add(level, in->key.data, value);
	if (fault == 0)
		return true;
	json_object_put(value);
	return wlt_fail_memory(in->err);
}

static bool add_made(struct reader *in, struct json_object *value)
{
	return value != NULL ? add(in, value) : wlt_fail_memory(in->err);
}

static bool read_number(struct reader *in)
{
	const char *start = in->at;
	struct json_object *value;
	bool integral, fits = false;
	bool negative = *start == '-';
	size_t len;

	while (in->at < in->end && *in->at != '\0' && strchr("+-.0123456789eE", *in->at) != NULL)
		in->at++;
	len = (size_t)(in->at - start);
	if (!wlt_number_is_json(start, len, &integral))
		return fail_at(in, start, "a malformed number");
	value = integral ? wlt_number_integer(start + negative, len - negative, 10, negative, &fits)
			 : NULL;
	if (value == NULL && !(integral && fits))
		value = wlt_number_float(start, len); /* too large integers keep their digits */
	return add_made(in, value);
}

static bool skip_word(struct reader *in, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0)
		return false;
	in->at += len;
	return true;
}

static bool open_level(struct reader *in, struct json_object *value)
{
	if (in->depth == DEPTH) {
		json_object_put(value);
		return fail_here(in, "more than 32 levels");
	}
	if (!add_made(in, value))
		return false;
	in->levels[in->depth++] = value;
	in->at++;
	return true;
}

/* One scalar, or the beginning of a collection. */
static bool read_value(struct reader *in)
{
	if (in->at == in->end)
		return fail_here(in, "");
	switch (*in->at) {
	case '{':
		return open_level(in, json_object_new_object());
	case '[':
		return open_level(in, json_object_new_array());
	case '"':
		return read_string(in) &&
		       add_made(in,
				json_object_new_string_len(in->string.data, (int)in->string.len));
	case 't':
		if (skip_word(in, "true"))
			return add_made(in, json_object_new_boolean(1));
		break;
	case 'f':
		if (skip_word(in, "false"))
			return add_made(in, json_object_new_boolean(0));
		break;
	case 'n':
		if (skip_word(in, "null"))
			return add(in, NULL);
		break;
	case '-':
	case '0' ... '9':
		return read_number(in);
	default:
		break;
	}
	return fail_here(in, "something that is no value");
}

/* A key and its colon; the key goes to `in->key`. */
static bool read_key(struct reader *in)
{
	const char *start = in->at;
	struct wlt_buf spare = in->key;

	if (!next_is(in, '"'))
		return fail_here(in, "something that is no member name");
	if (!read_string(in))
		return false;
	if (strlen(in->string.data) != in->string.len)
		return fail_at(in, start, "a member name with a NUL in it");
	in->key = in->string;
	in->string = spare;
	if (json_object_object_get_ex(in->levels[in->depth - 1], in->key.data, NULL))
		return fail_at(in, start, "a second member of the same name");
	skip_blanks(in);
	if (!next_is(in, ':'))
		return fail_here(in, "no ':' behind a member name");
	in->at++;
	skip_blanks(in);
	return true;
}

/* Inside the innermost level, which may have just begun (`first`): its end, or its next element. */
static bool read_element(struct reader *in, bool first)
{
	bool object = json_object_is_type(in->levels[in->depth - 1], json_type_object);

	if (next_is(in, object ? '}' : ']')) {
		in->at++;
		in->depth--;
		return true;
	}
	if (!first) {
		if (!next_is(in, ','))
			return fail_here(in, "no ',' between elements");
		in->at++;
		skip_blanks(in);
	}
	return (!object || read_key(in)) && read_value(in);
}

static bool read_text(struct reader *in)
{
	unsigned before = 0;

	skip_blanks(in);
	if (!read_value(in))
		return false;
	skip_blanks(in);
	while (in->depth > 0) {
		bool first = in->depth > before;

		before = in->depth;
		if (!read_element(in, first))
			return false;
		skip_blanks(in);
	}
	if (in->at != in->end)
		return fail_here(in, "more text behind the value");
	return true;
}

bool wlt_json_parse(const char *text, size_t len, struct json_object **out, struct wlt_error *err)
{
	struct reader in = {.text = text,
			    .at = text,
			    .end = text + len,
			    .string = WLT_BUF_INIT,
			    .key = WLT_BUF_INIT,
			    .err = err};
	bool good;

	if (len > INT_MAX) /* json-c counts in int */
		return wlt_fail(err, WLT_TOO_BIG, "the JSON text is larger than 2 GiB");
	if (!wlt_utf8_valid(text, len))
		return wlt_fail(err, WLT_DAMAGED, "not valid JSON: the text is not UTF-8");
	good = read_text(&in);
	wlt_buf_free(&in.string);
	wlt_buf_free(&in.key);
	if (!good) {
		json_object_put(in.root);
		return false;
	}
	*out = in.root;
	return true;
}
