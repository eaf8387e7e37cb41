/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/manifest_make.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "package/free_text.h"

#define FORMAT_VERSION "2.1.0"
#define PLUGIN_VERSION "3.1.0" /* the oldest ALIVE that reads what is made here */

bool wlt_manifest_check_options(const struct wlt_stage *stage,
				const struct wlt_create_options *options, struct wlt_error *err)
{
	for (size_t i = 0; i < stage->exclusions.n; i++)
		if (!wlt_free_text_check("exclusion pattern", stage->exclusions.items[i], err))
			return false;
	return wlt_free_text_check("walnut's name", stage->walnut_name, err) &&
	       wlt_free_text_check("sender", options->sender, err) &&
	       wlt_free_text_check("session id", options->session, err) &&
	       wlt_free_text_check("engine", options->engine, err) &&
	       wlt_free_text_check("description", options->description, err) &&
	       wlt_free_text_check("note", options->note, err);
}

/* An empty member of `tree`, borrowed; NULL when out of memory. */
static struct json_object *add_child(struct json_object *tree, const char *key,
				     struct json_object *child)
{
	if (child == NULL || !wlt_json_set(tree, key, child))
		return NULL;
	return child;
}

/* An empty mapping at the end of `list`, borrowed; NULL when out of memory. */
static struct json_object *append_mapping(struct json_object *list)
{
	struct json_object *item = json_object_new_object();

	if (item != NULL && json_object_array_add(list, item) != 0) {
		(void)json_object_put(item);
		item = NULL;
	}
	return item;
}

static bool add_strings(struct json_object *tree, const char *key, const struct wlt_strings *texts)
{
	struct json_object *list = add_child(tree, key, json_object_new_array());

	if (list == NULL)
		return false;
	for (size_t i = 0; i < texts->n; i++) {
		struct json_object *item = json_object_new_string(texts->items[i]);

		if (item == NULL || json_object_array_add(list, item) != 0) {
			(void)json_object_put(item);
			return false;
		}
	}
	return true;
}

static bool add_substitutions(struct json_object *tree, const struct wlt_stage *stage)
{
	struct json_object *list =
		add_child(tree, "substitutions_applied", json_object_new_array());

	if (list == NULL)
		return false;
	for (size_t i = 0; i < stage->n_substitutions; i++) {
		struct json_object *item = append_mapping(list);

		if (item == NULL ||
		    !wlt_json_set_string(item, "path", stage->substitutions[i].path) ||
		    !wlt_json_set_string(item, "reason", stage->substitutions[i].reason))
			return false;
	}
	return true;
}

static bool add_files(struct json_object *tree, const struct wlt_manifest_file *files, size_t n)
{
	struct json_object *list = add_child(tree, "files", json_object_new_array_ext((int)n));

	if (list == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = append_mapping(list);

		if (item == NULL || !wlt_json_set_string(item, "path", files[i].path) ||
		    !wlt_json_set_string(item, "sha256", files[i].sha256) ||
		    !wlt_json_set_int(item, "size", (int64_t)files[i].size))
			return false;
	}
	return true;
}

static bool add_source(struct json_object *tree, const struct wlt_stage *stage,
		       const struct wlt_create_options *options)
{
	struct json_object *source = add_child(tree, "source", json_object_new_object());

	return source != NULL && wlt_json_set_string(source, "engine", options->engine) &&
	       wlt_json_set_string(source, "plugin_version", PLUGIN_VERSION) &&
	       wlt_json_set_string(source, "session_id", options->session) &&
	       wlt_json_set_string(source, "walnut", stage->walnut_name);
}

/* Everything but the signature. False only when out of memory. */
static bool fill(struct json_object *tree, const struct wlt_stage *stage,
		 const struct wlt_create_options *options, const struct wlt_manifest_file *files,
		 const char *payload_sha256)
{
	char created[WLT_ISO_BYTES];

	wlt_clock_iso(wlt_clock_now(), created);
	return wlt_json_set_string(tree, "format_version", FORMAT_VERSION) &&
	       wlt_json_set_string(tree, "source_layout", "v3") &&
	       wlt_json_set_string(tree, "min_plugin_version", PLUGIN_VERSION) &&
	       wlt_json_set_string(tree, "created", created) &&
	       wlt_json_set_string(tree, "scope", wlt_scope_name(stage->scope)) &&
	       add_source(tree, stage, options) &&
	       wlt_json_set_string(tree, "sender", options->sender) &&
	       wlt_json_set_string(tree, "description", options->description) &&
	       wlt_json_set_string(tree, "note", options->note) &&
	       add_strings(tree, "exclusions_applied", &stage->exclusions) &&
	       add_substitutions(tree, stage) &&
	       (stage->scope != WLT_SCOPE_BUNDLE ||
		add_strings(tree, "bundles", &stage->bundles)) &&
	       wlt_json_set_string(tree, "payload_sha256", payload_sha256) &&
	       add_files(tree, files, stage->n_members) &&
	       wlt_json_set_string(tree, "encryption", "none");
}

bool wlt_manifest_make(const struct wlt_stage *stage, const struct wlt_create_options *options,
		       const struct wlt_manifest_file *files, struct json_object **out,
		       struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *tree = json_object_new_object();
	char payload_sha256[WLT_SHA256_HEX];

	if (tree == NULL)
		return wlt_fail_memory(err);
	if (!wlt_manifest_payload_sha256(files, stage->n_members, payload_sha256, err))
		return false;
	if (!fill(tree, stage, options, files, payload_sha256))
		return wlt_fail_memory(err);
	if (options->signer != NULL && !wlt_manifest_sign(tree, options->signer, err))
		return false;
	*out = wlt_take(tree);
	return true;
}
