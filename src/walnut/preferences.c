/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnut/walnut.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/yaml.h"

#define PREFERENCES      ".alive/preferences.yaml"
#define PREFERENCES_SIZE (1u << 20)

/* A text value below `object`; absent and null leave `*out` alone, any other type is an error. */
static bool take_text(struct json_object *object, const char *key, char **out,
		      struct wlt_error *err)
{
	struct json_object *value = NULL;
	char *copy;

	if (object == NULL || !json_object_object_get_ex(object, key, &value) || value == NULL)
		return true;
	if (!json_object_is_type(value, json_type_string))
		return wlt_fail(err, WLT_DAMAGED, "%s has to be a text", key);
	copy = strdup(json_object_get_string(value));
	if (copy == NULL)
		return wlt_fail_memory(err);
	free(*out);
	*out = copy;
	return true;
}

static bool take_bool(struct json_object *object, const char *key, bool *out, struct wlt_error *err)
{
	struct json_object *value = NULL;

	if (object == NULL || !json_object_object_get_ex(object, key, &value) || value == NULL)
		return true;
	if (!json_object_is_type(value, json_type_boolean))
		return wlt_fail(err, WLT_DAMAGED, "%s has to be true or false", key);
	*out = json_object_get_boolean(value);
	return true;
}

/* A mapping below `object`; absent and null give NULL. */
static bool take_mapping(struct json_object *object, const char *key, struct json_object **out,
			 struct wlt_error *err)
{
	*out = NULL;
	if (object == NULL || !json_object_object_get_ex(object, key, out) || *out == NULL)
		return true;
	if (!json_object_is_type(*out, json_type_object))
		return wlt_fail(err, WLT_DAMAGED, "%s has to be a mapping", key);
	return true;
}

static bool take_all(struct wlt_preferences *out, struct wlt_error *err)
{
	struct json_object *p2p;
	struct json_object *relay;

	return take_bool(out->tree, "discovery_hints", &out->discovery_hints, err) &&
	       take_mapping(out->tree, "p2p", &p2p, err) &&
	       take_mapping(p2p, "relay", &relay, err) &&
	       take_text(relay, "url", &out->relay_url, err) &&
	       take_text(relay, "token_env", &out->token_env, err) &&
	       take_bool(p2p, "auto_receive", &out->auto_receive, err) &&
	       take_text(p2p, "signing_key_path", &out->signing_key_path, err) &&
	       take_bool(p2p, "require_signature", &out->require_signature, err);
}

/* Read and parse the file; `out->found` stays false when it is not there. */
static bool read_tree(const char *world, struct wlt_preferences *out, struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = open(world, O_PATH | O_DIRECTORY | O_CLOEXEC);
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot open the world %s", world);
	if (!wlt_file_read(fd, PREFERENCES, PREFERENCES_SIZE, &text, err)) {
		if (err->kind != WLT_MISSING)
			return false;
		wlt_error_clear(err);
		return true;
	}
	out->found = true;
	return wlt_yaml_parse(text.data == NULL ? "" : text.data, text.len, NULL, &out->tree, err);
}

bool wlt_preferences_load(const char *world, struct wlt_preferences *out, struct wlt_error *err)
{
	*out = (struct wlt_preferences){.token_env = strdup("GH_TOKEN")};
	if (out->token_env == NULL)
		return wlt_fail_memory(err);
	if (world == NULL)
		return true;
	if (read_tree(world, out, err) && take_all(out, err))
		return true;
	wlt_preferences_free(out);
	return wlt_fail_context(err, "%s/" PREFERENCES, world);
}

void wlt_preferences_free(struct wlt_preferences *preferences)
{
	if (preferences->tree != NULL)
		(void)json_object_put(preferences->tree);
	free(preferences->relay_url);
	free(preferences->token_env);
	free(preferences->signing_key_path);
	*preferences = (struct wlt_preferences){0};
}

static bool unknown_preset(struct json_object *presets, const char *name, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf known = WLT_BUF_INIT;

	if (presets != NULL) {
		json_object_object_foreach(presets, key, value)
		{
			(void)value;
			wlt_buf_printf(&known, "%s%s", known.len == 0 ? "" : ", ", key);
		}
	}
	if (!wlt_buf_ok(&known, err))
		return false;
	return wlt_fail(err, WLT_MISSING, "no share preset %s in the preferences (known: %s)", name,
			known.len == 0 ? "none" : known.data);
}

bool wlt_preferences_preset(const struct wlt_preferences *preferences, const char *name,
			    struct wlt_strings *patterns, struct wlt_error *err)
{
	struct json_object *p2p;
	struct json_object *presets;
	struct json_object *preset;
	struct json_object *list = NULL;

	if (!take_mapping(preferences->tree, "p2p", &p2p, err) ||
	    !take_mapping(p2p, "share_presets", &presets, err) ||
	    !take_mapping(presets, name, &preset, err))
		return wlt_fail_context(err, "preferences");
	if (preset == NULL)
		return unknown_preset(presets, name, err);
	if (!json_object_object_get_ex(preset, "exclude_patterns", &list) || list == NULL)
		return true;
	if (!json_object_is_type(list, json_type_array))
		return wlt_fail(err, WLT_DAMAGED,
				"preferences: exclude_patterns of share preset %s has to be a list",
				name);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (!json_object_is_type(item, json_type_string))
			return wlt_fail(err, WLT_DAMAGED,
					"preferences: exclude_patterns[%zu] of share preset %s has "
					"to be a text; put it in quotes",
					i, name);
		if (!wlt_strings_add_unique(patterns, json_object_get_string(item), err))
			return false;
	}
	return true;
}
