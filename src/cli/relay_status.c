/* SPDX-License-Identifier: MIT */
/* What is known here, without asking any relay. */
#include "config.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "relay/relay.h"

static const struct wlt_usage usage = {
	.verb = "relay status",
	.synopsis = "",
	.details =
		"Shows your relay, the fingerprint of your key, and your peers. Asks no relay.\n",
};

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void print_key(const struct wlt_key *key)
{
	if (key != NULL)
		wlt_terminal_fingerprint(stdout, wlt_key_fingerprint(key));
	else
		(void)puts("    (no key)");
}

static void print_peer(const struct wlt_peer *peer, const struct wlt_keyring *ring)
{
	(void)putchar('\n');
	wlt_terminal_strong(stdout, peer->name);
	if (peer->accepted && peer->url != NULL) {
		(void)fputs("  ", stdout);
		wlt_terminal_put(stdout, peer->url);
		(void)putchar('\n');
		print_key(wlt_keyring_of_peer(ring, peer->name));
	} else {
		(void)puts("  invited; to send there: walnut relay accept URL");
	}
}

static bool show(struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;

	if (!wlt_places_find(&places, err) ||
	    !wlt_relay_config_load(places.relay_dir, &config, err) ||
	    !wlt_keyring_load(places.keys_dir, &ring, err))
		return false;

	const char *id = wlt_keyring_own_id(ring);

	wlt_terminal_strong(stdout, config->username);
	(void)fputs("  ", stdout);
	wlt_terminal_put(stdout, config->url);
	(void)putchar('\n');
	print_key(id != NULL ? wlt_keyring_by_id(ring, id, NULL) : NULL);
	if (config->n_peers == 0)
		(void)puts("\nNo peers yet: walnut relay invite NAME");
	for (size_t i = 0; i < config->n_peers; i++)
		print_peer(&config->peers[i], ring);
	return true;
}

int wlt_cli_relay_status(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	int found = wlt_cli_option(&usage, argc, argv, options);

	if (found != -1)
		return wlt_cli_status(found);
	if (optind < argc)
		return wlt_cli_misused(&usage, "`%s` is one argument too many", argv[optind]);
	return show(&err) ? 0 : wlt_cli_failed(&err);
}
