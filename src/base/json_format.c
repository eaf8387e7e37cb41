/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/number.h"

#define INDENT 2

/* One open array or object. */
struct level {
	struct json_object *value;
	struct lh_entry *member; /* next of an object */
	size_t index;            /* next of an array */
	bool started;
};

/* Levels lie in a buffer, so that a deep tree costs heap, not stack. */
struct writer {
	struct wlt_buf *out;
	struct wlt_buf levels;
	bool pretty;
};

static struct level *innermost(struct writer *writer)
{
	return (void *)(writer->levels.data + writer->levels.len - sizeof(struct level));
}

static size_t depth_of(const struct writer *writer)
{
	return writer->levels.len / sizeof(struct level);
}

static void put_line(struct writer *writer)
{
	if (!writer->pretty)
		return;
	wlt_buf_putc(writer->out, '\n');
	for (size_t i = 0; i < INDENT * depth_of(writer); i++)
		wlt_buf_putc(writer->out, ' ');
}

/* The short escape of a character that must have one, 0 when there is none. */
static char short_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\b':
		return 'b';
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\f':
		return 'f';
	case '\r':
		return 'r';
	default:
		return 0;
	}
}

static void put_string(struct wlt_buf *out, const char *text, size_t len)
{
	size_t plain = 0; /* where the part that needs no escape began */

	wlt_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		char escape = short_escape(text[i]);

		if (escape == 0 && c >= 0x20)
			continue;
		wlt_buf_append(out, text + plain, i - plain);
		plain = i + 1;
		if (escape != 0)
			wlt_buf_printf(out, "\\%c", escape);
		else
			wlt_buf_printf(out, "\\u%04x", c);
	}
	wlt_buf_append(out, text + plain, len - plain);
	wlt_buf_putc(out, '"');
}

/* int64 or uint64; asked for as int64, json-c gives the largest one for what is beyond. */
static void put_integer(struct wlt_buf *out, struct json_object *value)
{
	int64_t number = json_object_get_int64(value);

	if (number == INT64_MAX)
		wlt_buf_printf(out, "%" PRIu64, json_object_get_uint64(value));
	else
		wlt_buf_printf(out, "%" PRId64, number);
}

static void put_scalar(struct wlt_buf *out, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		wlt_buf_puts(out, "null");
		break;
	case json_type_boolean:
		wlt_buf_puts(out, json_object_get_boolean(value) ? "true" : "false");
		break;
	case json_type_int:
		put_integer(out, value);
		break;
	case json_type_double:
		wlt_number_format(out, value);
		break;
	case json_type_string:
		put_string(out, json_object_get_string(value),
			   (size_t)json_object_get_string_len(value));
		break;
	case json_type_object:
	case json_type_array: /* not scalars */
		break;
	}
}

/* A scalar or an empty collection at once; anything else becomes the innermost level. */
static void put_value(struct writer *writer, struct json_object *value)
{
	struct level level = {.value = value};

	if (json_object_is_type(value, json_type_object)) {
		level.member = json_object_get_object(value)->head;
		if (level.member == NULL)
			wlt_buf_puts(writer->out, "{}");
	} else if (json_object_is_type(value, json_type_array)) {
		if (json_object_array_length(value) == 0)
			wlt_buf_puts(writer->out, "[]");
	} else {
		put_scalar(writer->out, value);
		return;
	}
	if (level.member != NULL ||
	    (json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0)) {
		wlt_buf_putc(writer->out, level.member != NULL ? '{' : '[');
		wlt_buf_append(&writer->levels, &level, sizeof(level));
	}
}

static void put_separator(struct writer *writer, struct level *level)
{
	if (level->started)
		wlt_buf_putc(writer->out, ',');
	level->started = true;
	put_line(writer);
}

static void close_level(struct writer *writer, char bracket)
{
	writer->levels.len -= sizeof(struct level);
	put_line(writer);
	wlt_buf_putc(writer->out, bracket);
}

/* Write the next element of the innermost level, or end the level. */
static void step(struct writer *writer)
{
	struct level *level = innermost(writer);

	if (json_object_is_type(level->value, json_type_array)) {
		if (level->index == json_object_array_length(level->value)) {
			close_level(writer, ']');
			return;
		}
		put_separator(writer, level);
		put_value(writer, json_object_array_get_idx(level->value, level->index++));
	} else {
		struct lh_entry *member = level->member;
		const char *key;

		if (member == NULL) {
			close_level(writer, '}');
			return;
		}
		put_separator(writer, level);
		level->member = lh_entry_next(member);
		key = lh_entry_k(member);
		put_string(writer->out, key, strlen(key));
		wlt_buf_puts(writer->out, writer->pretty ? ": " : ":");
		put_value(writer, lh_entry_v(member));
	}
}

static void format(struct wlt_buf *out, struct json_object *root, bool pretty)
{
	struct writer writer = {.out = out, .levels = WLT_BUF_INIT, .pretty = pretty};

	put_value(&writer, root);
	while (writer.levels.len > 0 && !writer.levels.failed && !out->failed)
		step(&writer);
	if (writer.levels.failed)
		out->failed = true;
	wlt_buf_free(&writer.levels);
}

void wlt_json_format(struct wlt_buf *out, struct json_object *root)
{
	format(out, root, true);
	wlt_buf_putc(out, '\n');
}

void wlt_json_format_line(struct wlt_buf *out, struct json_object *root)
{
	format(out, root, false);
}
