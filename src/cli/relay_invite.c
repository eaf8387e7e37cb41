/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "relay/relay.h"

static const struct wlt_usage usage = {
	.verb = "relay invite",
	.synopsis = "PEER",
	.details = "Makes a place for PEER in your relay, and says what to tell PEER.\n"
		   "PEER is the name that PEER's own relay was set up with.\n",
};

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void report(struct json_object *reply, const char *peer)
{
	const char *url = wlt_json_string(reply, "url");
	WLT_AUTOFREE char *local = wlt_url_local_path(url);

	wlt_terminal_strong(stdout, peer);
	(void)puts(" has a place in your relay now.");
	if (local == NULL)
		(void)printf("Where it is hosted, give %s write access to the repository.\n", peer);
	(void)printf("Tell %s to run, once:\n    walnut relay accept ", peer);
	wlt_terminal_word(stdout, url);
	(void)puts("\nand to compare the fingerprint it shows with yours:");
	wlt_terminal_fingerprint(stdout, wlt_json_string(reply, "fingerprint"));
}

static bool invite(const char *peer, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_json_put) struct json_object *request = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;

	if (!wlt_peer_name_check(peer, err) || !wlt_places_find(&places, err))
		return false;
	request = wlt_places_request(&places, "invite");
	if (request == NULL || !wlt_json_set_string(request, "peer", peer))
		return wlt_fail_memory(err);
	if (!wlt_cli_errand(request, "Changing your relay ...", &reply, err))
		return false;
	report(reply, peer);
	return true;
}

int wlt_cli_relay_invite(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	int found = wlt_cli_option(&usage, argc, argv, options);

	if (found != -1)
		return wlt_cli_status(found);
	if (argc - optind != 1)
		return wlt_cli_misused(&usage, "give one peer's name");
	return invite(argv[optind], &err) ? 0 : wlt_cli_failed(&err);
}
