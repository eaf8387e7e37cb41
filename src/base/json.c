/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/json.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

bool wlt_json_load(int dirfd, const char *path, size_t max, struct json_object **out,
		   struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;

	if (!wlt_file_read(dirfd, path, max, &text, err))
		return false;
	if (!wlt_json_parse(text.data != NULL ? text.data : "", text.len, &root, err))
		return wlt_fail_context(err, "%s", path);
	if (!json_object_is_type(root, json_type_object))
		return wlt_fail(err, WLT_DAMAGED, "%s: the JSON in it is no object", path);
	*out = wlt_take(root);
	return true;
}

bool wlt_json_save(int dirfd, const char *path, struct json_object *root, mode_t mode,
		   struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_json_format(&text, root);
	return wlt_buf_ok(&text, err) &&
	       wlt_file_replace(dirfd, path, text.data, text.len, mode, err);
}

/* The member of that type, else NULL. */
static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *wlt_json_string(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_string);
	const char *text = value != NULL ? json_object_get_string(value) : NULL;

	/* With a NUL inside, a C string would show only the front of it. */
	if (text == NULL || strlen(text) != (size_t)json_object_get_string_len(value))
		return NULL;
	return text;
}

int64_t wlt_json_int(struct json_object *object, const char *key, int64_t fallback)
{
	struct json_object *value = member(object, key, json_type_int);

	return value != NULL ? json_object_get_int64(value) : fallback;
}

bool wlt_json_bool(struct json_object *object, const char *key, bool fallback)
{
	struct json_object *value = member(object, key, json_type_boolean);

	return value != NULL ? json_object_get_boolean(value) : fallback;
}

struct json_object *wlt_json_array(struct json_object *object, const char *key)
{
	return member(object, key, json_type_array);
}

struct json_object *wlt_json_object(struct json_object *object, const char *key)
{
	return member(object, key, json_type_object);
}

bool wlt_json_set_string(struct json_object *object, const char *key, const char *text)
{
	if (text == NULL)
		return json_object_object_add(object, key, NULL) == 0;
	return wlt_json_set(object, key, json_object_new_string(text));
}

bool wlt_json_set_int(struct json_object *object, const char *key, int64_t value)
{
	return wlt_json_set(object, key, json_object_new_int64(value));
}

bool wlt_json_set_bool(struct json_object *object, const char *key, bool value)
{
	return wlt_json_set(object, key, json_object_new_boolean(value));
}

bool wlt_json_set(struct json_object *object, const char *key, struct json_object *value)
{
	if (value == NULL)
		return false;
	if (json_object_object_add(object, key, value) != 0) {
		json_object_put(value);
		return false;
	}
	return true;
}
