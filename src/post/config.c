/* SPDX-License-Identifier: MIT */
/*
 * relay.json and the preferences, as the post office uses them.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "post/post_private.h"

static bool same_config(const struct wlt_relay_config *a, const struct wlt_relay_config *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return json_object_equal(a->tree, b->tree) != 0;
}

void wlt_config_reload(struct wlt_post *post, bool *changed)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = NULL;
	char *error = NULL;

	if (!wlt_relay_config_load(post->relay_dir, &config, &err))
		error = strdup(wlt_error_text(&err));
	wlt_post_lock(post);
	/* A file that is damaged now changes nothing but what status says. */
	*changed =
		(config != NULL || err.kind == WLT_MISSING) && !same_config(config, post->config);
	if (*changed) {
		struct wlt_relay_config *old = post->config;

		post->config = config;
		config = old;
	}
	free(post->config_error);
	post->config_error = error;
	wlt_post_unlock(post);
	wlt_relay_config_free(config);
}

char *wlt_config_token_env(struct wlt_post *post)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	struct wlt_preferences preferences;
	char *name;

	/* Preferences that cannot be read are reported by what depends on them: packing. */
	(void)memset(&preferences, 0, sizeof(preferences));
	if (!wlt_preferences_load(post->world, &preferences, &ignored))
		return NULL;
	name = preferences.token_env == NULL ? NULL : strdup(preferences.token_env);
	wlt_preferences_free(&preferences);
	return name;
}

struct json_object *wlt_courier_request(struct wlt_post *post, const char *op, const char *url)
{
	WLT_AUTO(wlt_json_put) struct json_object *request = json_object_new_object();
	WLT_AUTOFREE char *token_env = wlt_config_token_env(post);
	WLT_AUTOFREE char *author = NULL;

	wlt_post_lock(post);
	if (post->config != NULL && post->config->username != NULL)
		author = strdup(post->config->username);
	wlt_post_unlock(post);
	if (request == NULL || !wlt_json_set_string(request, "op", op) ||
	    !wlt_json_set_string(request, "mirrors", post->mirrors_dir) ||
	    !wlt_json_set_string(request, "url", url) ||
	    (token_env != NULL && !wlt_json_set_string(request, "token_env", token_env)) ||
	    (author != NULL && !wlt_json_set_string(request, "author", author)))
		return NULL;
	return wlt_take(request);
}
