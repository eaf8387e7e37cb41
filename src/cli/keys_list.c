/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/keys.h"
#include "cli/terminal.h"

static const struct wlt_usage usage = {
	.verb = "keys list",
	.synopsis = "[--json]",
	.details = "Lists your key and the keys of peers that are trusted, with their "
		   "fingerprints.\n\n"
		   "  --json  one JSON object\n",
};

static const struct option options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool add_peers(const struct wlt_keyring *ring, struct json_object *list)
{
	const char *peer;

	for (size_t i = 0; i < wlt_keyring_count(ring); i++) {
		const struct wlt_key *key = wlt_keyring_at(ring, i, &peer);
		struct json_object *entry = wlt_keys_describe(peer, key);

		if (entry == NULL || json_object_array_add(list, entry) != 0) {
			json_object_put(entry);
			return false;
		}
	}
	return true;
}

static bool print_json(const struct wlt_keyring *ring, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *report = json_object_new_object();
	const struct wlt_key *own = wlt_keys_own(ring);
	struct json_object *list = json_object_new_array();

	if (report == NULL) {
		json_object_put(list);
		return wlt_fail_memory(err);
	}
	/* Without a key of one's own the member is null. */
	if (own != NULL ? !wlt_json_set(report, "own", wlt_keys_describe(NULL, own))
			: !wlt_json_set_string(report, "own", NULL)) {
		json_object_put(list);
		return wlt_fail_memory(err);
	}
	if (!wlt_json_set(report, "peers", list) || !add_peers(ring, list))
		return wlt_fail_memory(err);
	return wlt_terminal_json(stdout, report, err);
}

static void print_lines(const struct wlt_keyring *ring)
{
	const struct wlt_key *own = wlt_keys_own(ring);
	const char *peer;

	if (own != NULL)
		wlt_keys_print("You", own);
	else
		(void)puts("You have no key yet: walnut relay setup");
	for (size_t i = 0; i < wlt_keyring_count(ring); i++) {
		const struct wlt_key *key = wlt_keyring_at(ring, i, &peer);

		wlt_keys_print(peer, key);
	}
}

static bool list(bool json, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;

	if (!wlt_keys_load(&places, &ring, err))
		return false;
	if (json)
		return print_json(ring, err);
	print_lines(ring);
	return true;
}

int wlt_cli_keys_list(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	bool json = false;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found != 'j')
			return wlt_cli_status(found);
		json = true;
	}
	if (optind < argc)
		return wlt_cli_misused(&usage, "`%s` is one argument too many", argv[optind]);
	return list(json, &err) ? 0 : wlt_cli_failed(&err);
}
