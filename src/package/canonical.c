/* SPDX-License-Identifier: MIT */
/*
 * The canonical bytes of a manifest: what its identity and its signature are made over. They equal
 * Python's json.dumps(…, sort_keys=True, separators=(",", ":"), ensure_ascii=False) of the same values.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "package/manifest.h"

/* A manifest is two collections deep below its root; a little more for trees made by hand. */
#define MAX_DEPTH 8u

/* --- scalars ----------------------------------------------------------------------------------- */

static void put_escaped(struct wlt_buf *out, unsigned char c)
{
	static const char short_forms[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
					   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

	if (c < sizeof(short_forms) && short_forms[c] != 0)
		wlt_buf_printf(out, "\\%c", short_forms[c]);
	else
		wlt_buf_printf(out, "\\u%04x", c);
}

static void put_string(struct wlt_buf *out, const char *text, size_t len)
{
	size_t start = 0;

	wlt_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		wlt_buf_append(out, text + start, i - start);
		put_escaped(out, c);
		start = i + 1;
	}
	wlt_buf_append(out, text + start, len - start);
	wlt_buf_putc(out, '"');
}

/* The fewest significant digits that read back as the same number; `*exponent` is that of the first. */
static void shortest(double value, char digits[DBL_DECIMAL_DIG + 1], int *exponent)
{
	char text[32];
	size_t n = 0;

	for (int precision = 0; precision < DBL_DECIMAL_DIG; precision++) {
		(void)snprintf(text, sizeof(text), "%.*e", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	for (const char *c = text; *c != 'e'; c++) {
		if (*c >= '0' && *c <= '9' && n < DBL_DECIMAL_DIG)
			digits[n++] = *c;
	}
	digits[n] = '\0';
	*exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

void wlt_put_double(struct wlt_buf *out, double value)
{
	char digits[DBL_DECIMAL_DIG + 1];
	int exponent;
	int n;

	if (isnan(value)) {
		wlt_buf_puts(out, "NaN");
		return;
	}
	wlt_buf_puts(out, signbit(value) ? "-" : "");
	if (isinf(value)) {
		wlt_buf_puts(out, "Infinity");
		return;
	}
	shortest(fabs(value), digits, &exponent);
	n = (int)strlen(digits);
	if (exponent < -4 || exponent >= 16)
		wlt_buf_printf(out, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1,
			       exponent < 0 ? '-' : '+', abs(exponent));
	else if (exponent < 0)
		wlt_buf_printf(out, "0.%.*s%s", -exponent - 1, "000", digits);
	else if (n <= exponent + 1)
		wlt_buf_printf(out, "%s%.*s.0", digits, exponent + 1 - n, "0000000000000000");
	else
		wlt_buf_printf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

static bool put_scalar(struct wlt_buf *out, struct json_object *value, struct wlt_error *err)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		wlt_buf_puts(out, "null");
		return true;
	case json_type_boolean:
		wlt_buf_puts(out, json_object_get_boolean(value) ? "true" : "false");
		return true;
	case json_type_int:
		/* json-c prints both its signed and its unsigned integers. */
		wlt_buf_puts(out, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
		return true;
	case json_type_double:
		wlt_put_double(out, json_object_get_double(value));
		return true;
	case json_type_string:
		put_string(out, json_object_get_string(value),
			   (size_t)json_object_get_string_len(value));
		return true;
	case json_type_object:
	case json_type_array:
	default:
		return wlt_fail(err, WLT_INTERNAL,
				"manifest: a collection where a value has to be");
	}
}

/* --- collections ------------------------------------------------------------------------------- */

struct item {
	const char *key;   /* what it is sorted by; NULL in a list that keeps its order */
	const char *label; /* the key in an object, NULL in a list */
	struct json_object *value;
	size_t index; /* equal keys keep their order */
};

struct frame {
	struct item *items;
	size_t n;
	size_t next;
	bool object;
};

static int compare_items(const void *a, const void *b)
{
	const struct item *left = a;
	const struct item *right = b;
	int order = strcmp(left->key, right->key);

	if (order != 0)
		return order;
	return left->index < right->index ? -1 : 1;
}

enum list_order { AS_IT_IS, BY_TEXT, BY_PATH };

static enum list_order order_of(const char *label, size_t depth)
{
	if (depth != 1 || label == NULL)
		return AS_IT_IS;
	if (strcmp(label, "files") == 0 || strcmp(label, "substitutions_applied") == 0)
		return BY_PATH;
	if (strcmp(label, "bundles") == 0 || strcmp(label, "exclusions_applied") == 0)
		return BY_TEXT;
	return AS_IT_IS;
}

static bool list_items(struct json_object *list, enum list_order order, struct frame *frame,
		       struct wlt_error *err)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *value = json_object_array_get_idx(list, i);
		struct item *item = &frame->items[frame->n++];

		*item = (struct item){NULL, NULL, value, i};
		if (order == AS_IT_IS)
			continue;
		if (order == BY_PATH)
			item->key = wlt_json_string(value, "path");
		else if (json_object_is_type(value, json_type_string))
			item->key = json_object_get_string(value);
		if (item->key == NULL)
			return wlt_fail(
				err, WLT_DAMAGED,
				"manifest: a list to be sorted holds something else than %s",
				order == BY_PATH ? "mappings with a `path`" : "texts");
	}
	if (order != AS_IT_IS)
		qsort(frame->items, frame->n, sizeof(*frame->items), compare_items);
	return true;
}

static void object_items(struct json_object *object, bool root, struct frame *frame)
{
	json_object_object_foreach(object, key, value)
	{
		if (root && strcmp(key, "signature") == 0)
			continue;
		frame->items[frame->n] = (struct item){key, key, value, frame->n};
		frame->n++;
	}
	qsort(frame->items, frame->n, sizeof(*frame->items), compare_items);
}

/* Open the collection `value`, which stands under `label` in a collection `depth` deep. */
static bool push(struct frame *frame, struct json_object *value, const char *label, size_t depth,
		 struct wlt_error *err)
{
	size_t n;

	*frame = (struct frame){0};
	frame->object = json_object_is_type(value, json_type_object);
	n = frame->object ? (size_t)json_object_object_length(value)
			  : json_object_array_length(value);
	frame->items = calloc(n + 1, sizeof(*frame->items));
	if (frame->items == NULL)
		return wlt_fail_memory(err);
	if (!frame->object)
		return list_items(value, order_of(label, depth), frame, err);
	object_items(value, depth == 0, frame);
	return true;
}

static bool is_collection(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) ||
	       json_object_is_type(value, json_type_array);
}

struct walk {
	struct frame frames[MAX_DEPTH];
	size_t depth;
};

static void free_walk(struct walk *walk)
{
	for (size_t i = 0; i < MAX_DEPTH; i++)
		free(walk->frames[i].items);
}

static bool enter(struct walk *walk, struct wlt_buf *out, struct json_object *value,
		  const char *label, struct wlt_error *err)
{
	if (walk->depth == MAX_DEPTH)
		return wlt_fail(err, WLT_DAMAGED, "manifest: nested more than %u deep", MAX_DEPTH);
	if (!push(&walk->frames[walk->depth], value, label, walk->depth, err))
		return false;
	wlt_buf_putc(out, walk->frames[walk->depth].object ? '{' : '[');
	walk->depth++;
	return true;
}

static void leave(struct walk *walk, struct wlt_buf *out)
{
	struct frame *frame = &walk->frames[--walk->depth];

	wlt_buf_putc(out, frame->object ? '}' : ']');
	free(frame->items);
	frame->items = NULL;
}

bool wlt_manifest_canonical(struct json_object *tree, struct wlt_buf *out, struct wlt_error *err)
{
	WLT_AUTO(free_walk) struct walk walk = {0};

	if (!json_object_is_type(tree, json_type_object))
		return wlt_fail(err, WLT_DAMAGED, "manifest: not a mapping");
	if (!enter(&walk, out, tree, NULL, err))
		return false;
	while (walk.depth > 0) {
		struct frame *frame = &walk.frames[walk.depth - 1];
		struct item *item = &frame->items[frame->next];

		if (frame->next == frame->n) {
			leave(&walk, out);
			continue;
		}
		if (frame->next++ > 0)
			wlt_buf_putc(out, ',');
		if (item->label != NULL) {
			put_string(out, item->label, strlen(item->label));
			wlt_buf_putc(out, ':');
		}
		if (is_collection(item->value) ? !enter(&walk, out, item->value, item->label, err)
					       : !put_scalar(out, item->value, err))
			return false;
	}
	return wlt_buf_ok(out, err);
}

bool wlt_manifest_digest(struct json_object *tree, uint8_t digest[WLT_SHA256_BYTES],
			 struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf bytes = WLT_BUF_INIT;
	size_t len = WLT_SHA256_BYTES;

	if (!wlt_manifest_canonical(tree, &bytes, err))
		return false;
	if (EVP_Q_digest(NULL, "SHA256", NULL, bytes.data, bytes.len, digest, &len) != 1)
		return wlt_fail(err, WLT_INTERNAL, "SHA-256 is not to be had from OpenSSL");
	return true;
}
