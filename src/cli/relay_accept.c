/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "relay/relay.h"

static const struct wlt_usage usage = {
	.verb = "relay accept",
	.synopsis = "URL [--peer NAME]",
	.details = "Takes the key of a peer who has invited you from the peer's relay at URL, "
		   "keeps it, "
		   "and\nshows its fingerprint. From then on you can send to that peer.\n\n"
		   "  --peer NAME  what to call the peer here (default: the name in the relay)\n",
};

static const struct option options[] = {
	{"peer", required_argument, NULL, 'p'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void report(struct json_object *reply)
{
	const char *peer = wlt_json_string(reply, "peer");

	(void)fputs("You can send to ", stdout);
	wlt_terminal_strong(stdout, peer);
	(void)printf(" now: copy a walnut into outbox/%s/ of the mount.\n", peer);
	(void)printf("The fingerprint of %s's key is\n", peer);
	wlt_terminal_fingerprint(stdout, wlt_json_string(reply, "fingerprint"));
	(void)printf("Compare it with what %s sees in `walnut relay status`, by telephone for "
		     "example,\nbefore you send anything that matters.\n",
		     peer);
	(void)printf("To let %s send to you:\n    walnut relay invite %s\n", peer, peer);
}

static bool accept_peer(const char *typed, const char *peer, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_json_put) struct json_object *request = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;
	WLT_AUTOFREE char *url = wlt_cli_url(typed);

	if (url == NULL)
		return wlt_fail_memory(err);
	if (!wlt_url_check(url, err) || !wlt_places_find(&places, err))
		return false;
	request = wlt_places_request(&places, "accept");
	if (request == NULL || !wlt_json_set_string(request, "url", url) ||
	    (peer != NULL && !wlt_json_set_string(request, "peer", peer)))
		return wlt_fail_memory(err);
	if (!wlt_cli_errand(request, "Asking the relay ...", &reply, err))
		return false;
	report(reply);
	return true;
}

int wlt_cli_relay_accept(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	const char *peer = NULL;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found != 'p')
			return wlt_cli_status(found);
		peer = optarg;
	}
	if (argc - optind != 1)
		return wlt_cli_misused(&usage, "give the URL of one relay");
	return accept_peer(argv[optind], peer, &err) ? 0 : wlt_cli_failed(&err);
}
