/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "cli/keys.h"

static const struct wlt_usage usage = {
	.verb = "keys remove",
	.synopsis = "PEER",
	.details = "Forgets the key of PEER: nothing is sealed for it any more, and what it has "
		   "signed "
		   "is\nsigned by nobody known.\n",
};

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool forget(const char *peer, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;

	if (!wlt_keys_load(&places, &ring, err) || !wlt_keyring_remove(ring, peer, err))
		return false;
	(void)printf("The key of %s is no longer trusted.\n", peer);
	return true;
}

int wlt_cli_keys_remove(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	int found = wlt_cli_option(&usage, argc, argv, options);

	if (found != -1)
		return wlt_cli_status(found);
	if (argc - optind != 1)
		return wlt_cli_misused(&usage, "give one peer");
	return forget(argv[optind], &err) ? 0 : wlt_cli_failed(&err);
}
