/* SPDX-License-Identifier: MIT */
/*
 * A manifest as text. Receivers read it line by line, so order, quoting and indentation are part of
 * the format, and no general emitter is used.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "package/manifest.h"

/* In this order; others follow in alphabetical order. */
static const char *const known_keys[] = {
	"format_version",
	"source_layout",
	"min_plugin_version",
	"created",
	"scope",
	"source",
	"sender",
	"description",
	"note",
	"exclusions_applied",
	"substitutions_applied",
	"bundles",
	"payload_sha256",
	"files",
	"encryption",
	"signature",
};

#define N_KNOWN (sizeof(known_keys) / sizeof(known_keys[0]))

/* --- values ------------------------------------------------------------------------------------ */

/* What YAML takes for a line's end or does not read as it stands, and no receiver knows an escape for:
 * DEL, the C1 controls, line and paragraph separator, byte order mark, U+FFFE and U+FFFF. */
static bool is_unreadable(const char *at, size_t left)
{
	static const char *const others[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
					     "\xef\xbf\xbe", "\xef\xbf\xbf"};
	unsigned char c = (unsigned char)*at;

	if (c == 0x7f || (c == 0xc2 && left > 1 && (unsigned char)at[1] < 0xa0))
		return true;
	for (size_t i = 0; left > 2 && i < sizeof(others) / sizeof(others[0]); i++) {
		if (memcmp(at, others[i], 3) == 0)
			return true;
	}
	return false;
}

static bool put_quoted(struct wlt_buf *out, const char *text, size_t len, struct wlt_error *err)
{
	wlt_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\\' || c == '"')
			wlt_buf_printf(out, "\\%c", c);
		else if (c == '\n')
			wlt_buf_puts(out, "\\n");
		else if (c == '\r')
			wlt_buf_puts(out, "\\r");
		else if (is_unreadable(text + i, len - i))
			return wlt_fail(err, WLT_USAGE,
					"a text with a control character or line separator that "
					"YAML cannot carry cannot be put into a manifest");
		else if (c < 0x20 && c != '\t')
			return wlt_fail(err, WLT_USAGE,
					"a text with the control character 0x%02x cannot be put "
					"into a manifest",
					c);
		else
			wlt_buf_putc(out, (char)c);
	}
	wlt_buf_putc(out, '"');
	return true;
}

/* A scalar or an empty collection: what stands on the line of its key. */
static bool put_inline(struct wlt_buf *out, struct json_object *value, struct wlt_error *err)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		return put_quoted(out, json_object_get_string(value),
				  (size_t)json_object_get_string_len(value), err);
	case json_type_double:
		wlt_put_double(out, json_object_get_double(value));
		return true;
	case json_type_array:
	case json_type_object:
		if (json_object_is_type(value, json_type_array)
			    ? json_object_array_length(value) > 0
			    : json_object_object_length(value) > 0)
			return wlt_fail(err, WLT_USAGE,
					"manifest: collections nested more than two deep cannot be "
					"written");
		wlt_buf_puts(out, json_object_is_type(value, json_type_array) ? "[]" : "{}");
		return true;
	case json_type_null:
	case json_type_boolean:
	case json_type_int:
	default:
		/* JSON's words for these are YAML's. */
		wlt_buf_puts(out, value == NULL
					  ? "null"
					  : json_object_to_json_string_ext(value,
									   JSON_C_TO_STRING_PLAIN));
		return true;
	}
}

static bool put_key(struct wlt_buf *out, const char *key, struct wlt_error *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
				    "0123456789";

	if (*key != '\0' && strspn(key, plain) == strlen(key))
		wlt_buf_puts(out, key);
	else if (!put_quoted(out, key, strlen(key), err))
		return false;
	wlt_buf_putc(out, ':');
	return true;
}

static bool put_pair(struct wlt_buf *out, const char *key, struct json_object *value,
		     struct wlt_error *err)
{
	if (!put_key(out, key, err))
		return false;
	wlt_buf_putc(out, ' ');
	if (!put_inline(out, value, err))
		return wlt_fail_context(err, "%s", key);
	wlt_buf_putc(out, '\n');
	return true;
}

/* --- collections ------------------------------------------------------------------------------- */

/* The keys of `object` in byte order, behind `path` when that goes first. NULL when out of memory. */
static const char **sorted_keys(struct json_object *object, bool path_first)
{
	size_t n = 0;
	const char **keys = calloc((size_t)json_object_object_length(object) + 1, sizeof(*keys));

	if (keys == NULL)
		return NULL;
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), wlt_compare_strings);
	for (size_t i = 0; path_first && i < n; i++) {
		if (strcmp(keys[i], "path") == 0) {
			const char *path = keys[i];

			memmove(keys + 1, keys, i * sizeof(*keys));
			keys[0] = path;
		}
	}
	return keys;
}

/* The members of `object`, one a line; as a list item the first one carries the dash. */
static bool put_mapping(struct wlt_buf *out, struct json_object *object, bool in_list,
			struct wlt_error *err)
{
	WLT_AUTOFREE const char **keys = sorted_keys(object, in_list);

	if (keys == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; keys[i] != NULL; i++) {
		wlt_buf_puts(out, !in_list ? "  " : i == 0 ? "  - " : "    ");
		if (!put_pair(out, keys[i], json_object_object_get(object, keys[i]), err))
			return false;
	}
	return true;
}

static bool put_list(struct wlt_buf *out, struct json_object *list, struct wlt_error *err)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_object) &&
		    json_object_object_length(item) > 0) {
			if (!put_mapping(out, item, true, err))
				return false;
			continue;
		}
		wlt_buf_puts(out, "  - ");
		if (!put_inline(out, item, err))
			return false;
		wlt_buf_putc(out, '\n');
	}
	return true;
}

static bool put_member(struct wlt_buf *out, const char *key, struct json_object *value,
		       struct wlt_error *err)
{
	bool list =
		json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0;
	bool mapping = json_object_is_type(value, json_type_object) &&
		       json_object_object_length(value) > 0;

	if (!list && !mapping)
		return put_pair(out, key, value, err);
	if (!put_key(out, key, err))
		return false;
	wlt_buf_putc(out, '\n');
	if (!(list ? put_list(out, value, err) : put_mapping(out, value, false, err)))
		return wlt_fail_context(err, "%s", key);
	return true;
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < N_KNOWN; i++) {
		if (strcmp(key, known_keys[i]) == 0)
			return true;
	}
	return false;
}

bool wlt_manifest_format(struct json_object *tree, struct wlt_buf *out, struct wlt_error *err)
{
	WLT_AUTOFREE const char **keys = sorted_keys(tree, false);

	if (keys == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < N_KNOWN; i++) {
		struct json_object *value;

		if (json_object_object_get_ex(tree, known_keys[i], &value) &&
		    !put_member(out, known_keys[i], value, err))
			return false;
	}
	for (size_t i = 0; keys[i] != NULL; i++) {
		if (!is_known(keys[i]) &&
		    !put_member(out, keys[i], json_object_object_get(tree, keys[i]), err))
			return false;
	}
	return wlt_buf_ok(out, err);
}
