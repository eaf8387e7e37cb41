/* SPDX-License-Identifier: MIT */
/*
 * JSON files and values on json-c. json-c objects are also the value tree for YAML (base/yaml.h).
 *
 * Text is written as the other ALIVE tools write it: indent 2, `": "` and `,` LF between members,
 * `[]` and `{}` for empty ones, UTF-8 and `/` not escaped, a final LF.
 * Ownership follows json-c: json_object_put() what you were given as an out parameter.
 * Different trees may be used by different threads; one tree by one thread at a time.
 */
#ifndef WLT_BASE_JSON_H
#define WLT_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Parse exactly one value, strictly (RFC 8259: no comments, no trailing text, valid UTF-8, no
 * duplicate member, at most 32 levels). WLT_DAMAGED on malformed text. */
bool wlt_json_parse(const char *text, size_t len, struct json_object **out, struct wlt_error *err);

/* Read and parse a file of at most `max` bytes whose root must be an object. WLT_MISSING when it
 * is not there; parse errors name the file. */
bool wlt_json_load(int dirfd, const char *path, size_t max, struct json_object **out,
		   struct wlt_error *err);

/* Atomic replacement through wlt_file_replace(). */
bool wlt_json_save(int dirfd, const char *path, struct json_object *root, mode_t mode,
		   struct wlt_error *err);

/* The indented text, with final LF. */
void wlt_json_format(struct wlt_buf *out, struct json_object *root);

/* One line without spaces and without LF, as for `events`. Members keep their order. */
void wlt_json_format_line(struct wlt_buf *out, struct json_object *root);

/* Members of an object: NULL, the fallback or false when absent or of another type. Borrowed. */
const char *wlt_json_string(struct json_object *object, const char *key);
int64_t wlt_json_int(struct json_object *object, const char *key, int64_t fallback);
bool wlt_json_bool(struct json_object *object, const char *key, bool fallback);
struct json_object *wlt_json_array(struct json_object *object, const char *key);
struct json_object *wlt_json_object(struct json_object *object, const char *key);

/* Set a member; NULL text gives JSON null. wlt_json_set() takes `value` over in any case; NULL is a
 * failed allocation there. False only when out of memory. */
bool wlt_json_set_string(struct json_object *object, const char *key, const char *text);
bool wlt_json_set_int(struct json_object *object, const char *key, int64_t value);
bool wlt_json_set_bool(struct json_object *object, const char *key, bool value);
bool wlt_json_set(struct json_object *object, const char *key, struct json_object *value);

/* Clean-up for WLT_AUTO(wlt_json_put). */
static inline void wlt_json_put(struct json_object **object)
{
	if (*object != NULL)
		json_object_put(*object);
}

#endif
