/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "cli/keys.h"

static const struct wlt_usage usage = {
	.verb = "keys add",
	.synopsis = "PEER FILE",
	.details =
		"Trusts the public key in FILE (PEM) as that of PEER. When another key of PEER is "
		"trusted\nalready, this is refused: see `walnut keys trust`.\n",
};

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool add(const char *peer, const char *file, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;

	if (!wlt_peer_name_check(peer, err) || !wlt_keys_load(&places, &ring, err) ||
	    !wlt_key_load_public(AT_FDCWD, file, &key, err) ||
	    !wlt_keyring_pin(ring, peer, key, "add", false, err))
		return false;
	wlt_keys_print(peer, key);
	(void)printf(
		"Compare it with what %s sees in `walnut keys show`, by telephone for example.\n",
		peer);
	return true;
}

int wlt_cli_keys_add(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	int found = wlt_cli_option(&usage, argc, argv, options);

	if (found != -1)
		return wlt_cli_status(found);
	if (argc - optind != 2)
		return wlt_cli_misused(&usage, "give a peer and a file");
	return add(argv[optind], argv[optind + 1], &err) ? 0 : wlt_cli_failed(&err);
}
