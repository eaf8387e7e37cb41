/* SPDX-License-Identifier: MIT */
/* Where the relay, the keys and the mirrors are, and what the world's preferences say. */
#include "config.h"

#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "post/state_dir.h"
#include "relay/relay.h"
#include "walnut/walnut.h"

/* The world whose preferences count: ALIVE_WORLD, else the one around the current folder. */
static char *find_world(void)
{
	const char *named = getenv("ALIVE_WORLD");
	WLT_AUTOFREE char *here = NULL;

	if (named != NULL && named[0] != '\0')
		return strdup(named);
	here = getcwd(NULL, 0);
	return here != NULL ? wlt_world_around(here) : NULL;
}

static bool read_preferences(struct wlt_places *places, struct wlt_error *err)
{
	WLT_AUTO(wlt_preferences_free) struct wlt_preferences preferences = {.found = false};
	WLT_AUTOFREE char *world = find_world();

	if (!wlt_preferences_load(world, &preferences, err))
		return false;
	places->require_signature = preferences.require_signature;
	places->token_env = strdup(preferences.token_env);
	return places->token_env != NULL || wlt_fail_memory(err);
}

bool wlt_places_find(struct wlt_places *places, struct wlt_error *err)
{
	const char *home = getenv("HOME");
	WLT_AUTOFREE char *state = wlt_state_default_dir();

	*places = (struct wlt_places){.relay_dir = NULL};
	if (home == NULL || home[0] != '/')
		return wlt_fail(err, WLT_USAGE, "HOME is not set to your home folder");
	places->relay_dir = wlt_relay_default_dir();
	if (places->relay_dir != NULL)
		places->keys_dir = wlt_keyring_default_dir(places->relay_dir);
	if (state != NULL)
		places->mirrors_dir = wlt_state_mirrors_dir(state);
	if (places->keys_dir == NULL || places->mirrors_dir == NULL)
		return wlt_fail_memory(err);
	return read_preferences(places, err);
}

void wlt_places_free(struct wlt_places *places)
{
	free(places->relay_dir);
	free(places->keys_dir);
	free(places->mirrors_dir);
	free(places->token_env);
}

struct json_object *wlt_places_request(const struct wlt_places *places, const char *op)
{
	WLT_AUTO(wlt_json_put) struct json_object *request = json_object_new_object();

	if (request == NULL || !wlt_json_set_string(request, "op", op) ||
	    !wlt_json_set_string(request, "dir", places->relay_dir) ||
	    !wlt_json_set_string(request, "keys_dir", places->keys_dir) ||
	    !wlt_json_set_string(request, "mirrors", places->mirrors_dir) ||
	    !wlt_json_set_string(request, "token_env", places->token_env))
		return NULL;
	return wlt_take(request);
}

char *wlt_cli_url(const char *typed)
{
	struct stat st;

	if (typed[0] != '/' && stat(typed, &st) == 0 && S_ISDIR(st.st_mode))
		return realpath(typed, NULL);
	return strdup(typed);
}
