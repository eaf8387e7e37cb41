/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/keys.h"
#include "cli/terminal.h"

static const struct wlt_usage usage = {
	.verb = "keys show",
	.synopsis = "[PEER] [--pem | --json]",
	.details = "Shows your key, or the trusted key of PEER. Fingerprints are compared over "
		   "another "
		   "way\nthan the one the key came by, by telephone for example.\n\n"
		   "  --pem   print the public key itself, for `walnut keys add` elsewhere\n"
		   "  --json  one JSON object\n",
};

static const struct option options[] = {
	{"pem", no_argument, NULL, 'm'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

enum form { FORM_LINES, FORM_PEM, FORM_JSON };

static bool print_json(const char *peer, const struct wlt_key *key, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *report = wlt_keys_describe(peer, key);

	return report != NULL ? wlt_terminal_json(stdout, report, err) : wlt_fail_memory(err);
}

static bool print_pem(const struct wlt_key *key, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = WLT_BUF_INIT;

	if (!wlt_key_format_public(key, &pem, err))
		return false;
	(void)fwrite(pem.data, 1, pem.len, stdout); /* looked at when it is flushed */
	return true;
}

/* Borrowed from the ring. */
static const struct wlt_key *find_key(const struct wlt_keyring *ring, const char *peer,
				      struct wlt_error *err)
{
	const struct wlt_key *key;

	if (peer != NULL && !wlt_peer_name_check(peer, err))
		return NULL;
	key = peer != NULL ? wlt_keyring_of_peer(ring, peer) : wlt_keys_own(ring);
	if (key == NULL && peer != NULL)
		(void)wlt_fail(err, WLT_MISSING, "no key of %s is trusted here", peer);
	else if (key == NULL)
		(void)wlt_fail(err, WLT_MISSING,
			       "you have no key yet: `walnut relay setup` makes one");
	return key;
}

static bool show(const char *peer, enum form form, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	const struct wlt_key *key;

	if (!wlt_keys_load(&places, &ring, err))
		return false;
	key = find_key(ring, peer, err);
	if (key == NULL)
		return false;
	if (form == FORM_JSON)
		return print_json(peer, key, err);
	if (form == FORM_PEM)
		return print_pem(key, err);
	wlt_keys_print(peer != NULL ? peer : "You", key);
	return true;
}

int wlt_cli_keys_show(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	enum form form = FORM_LINES;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found != 'j' && found != 'm')
			return wlt_cli_status(found);
		if (form != FORM_LINES)
			return wlt_cli_misused(&usage, "give one of --pem and --json");
		form = found == 'j' ? FORM_JSON : FORM_PEM;
	}
	if (argc - optind > 1)
		return wlt_cli_misused(&usage, "`%s` is one argument too many", argv[optind + 1]);
	return show(optind < argc ? argv[optind] : NULL, form, &err) ? 0 : wlt_cli_failed(&err);
}
