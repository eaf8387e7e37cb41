/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "receive/companion.h"

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

static const char *const kept[] = {
	"goal", "status", "created", "updated", "sensitivity", "pii", "tags",
};

static bool ensure_goal(struct json_object *tree, const char *name, struct wlt_error *err)
{
	struct json_object *goal = NULL;

	if (json_object_object_get_ex(tree, "goal", &goal) && goal != NULL &&
	    (!json_object_is_type(goal, json_type_string) || json_object_get_string_len(goal) > 0))
		return true;
	return wlt_json_set_string(tree, "goal", name) || wlt_fail_memory(err);
}

bool wlt_companion_describe(const char *text, size_t len, const char *name, struct wlt_buf *out,
			    struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *tree = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *check = NULL;
	size_t start = out->len;

	if (!wlt_utf8_valid(text, len))
		return wlt_fail(err, WLT_DAMAGED, "it is not text in UTF-8");
	if (!wlt_front_matter_parse(text, len, &tree, NULL, err))
		return false;
	if (tree == NULL && (tree = json_object_new_object()) == NULL)
		return wlt_fail_memory(err);
	if (!ensure_goal(tree, name, err))
		return false;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		struct json_object *value = json_object_object_get(tree, kept[i]);

		if (value == NULL)
			continue;
		wlt_buf_printf(out, "%s: ", kept[i]);
		wlt_json_format_line(out, value); /* JSON is YAML … */
		wlt_buf_putc(out, '\n');
	}
	/* … but for a few characters that YAML wants escaped. */
	return wlt_buf_ok(out, err) &&
	       wlt_yaml_parse(out->data + start, out->len - start, NULL, &check, err);
}
