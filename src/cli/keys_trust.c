/* SPDX-License-Identifier: MIT */
/*
 * A peer's key has changed, which may be an attack as well as a new computer: the old key and the new
 * one are shown, and somebody has to say yes. The network is not asked: what is trusted is the key that
 * was met when the relay was last fetched, or one in a file.
 */
#include "config.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "cli/ask.h"
#include "cli/keys.h"
#include "cli/terminal.h"
#include "relay/relay.h"

static const struct wlt_usage usage = {
	.verb = "keys trust",
	.synopsis = "PEER [FILE | --url URL] [--fingerprint HEX | --yes]",
	.details =
		"Trusts a new key of PEER instead of the one that was trusted so far. The key is "
		"that in "
		"FILE\n(PEM), or the one in PEER's relay as it was last fetched. Ask PEER for the "
		"fingerprint of\nthe new key, over another way than the relay.\n\n"
		"  --url URL          the relay, when it is not where it was accepted\n"
		"  --fingerprint HEX  the fingerprint PEER told you: any other key is refused\n"
		"  --yes              do not ask\n",
};

static const struct option options[] = {
	{"url", required_argument, NULL, 'u'},
	{"fingerprint", required_argument, NULL, 'f'},
	{"yes", no_argument, NULL, 'y'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct wish {
	const char *peer;
	const char *file; /* NULL: from the relay */
	const char *url;  /* NULL: where the peer was accepted */
	const char *fingerprint;
	bool yes;
};

/* --- the new key ------------------------------------------------------------------------------- */

/* The URL of the peer's relay; malloc()ed. */
static bool find_url(const struct wish *wish, const struct wlt_places *places, char **url,
		     struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	const struct wlt_peer *peer;

	if (wish->url != NULL) {
		*url = wlt_cli_url(wish->url);
		return *url != NULL || wlt_fail_memory(err);
	}
	if (!wlt_relay_config_load(places->relay_dir, &config, err))
		return false;
	peer = wlt_relay_config_peer(config, wish->peer);
	if (peer == NULL || peer->url == NULL)
		return wlt_fail(err, WLT_MISSING,
				"no relay of %s was accepted: give --url URL, or the key's FILE",
				wish->peer);
	*url = strdup(peer->url);
	return *url != NULL || wlt_fail_memory(err);
}

static bool fetch_key(const struct wish *wish, const struct wlt_places *places,
		      struct wlt_key **key, struct wlt_error *err)
{
	WLT_AUTOFREE char *url = NULL;
	bool ok;

	if (wish->file != NULL)
		return wlt_key_load_public(AT_FDCWD, wish->file, key, err);
	if (!find_url(wish, places, &url, err) || !wlt_url_check(url, err) || !wlt_git_start(err))
		return false;
	ok = wlt_relay_fetched_key(places->mirrors_dir, url, key, err);
	wlt_git_stop();
	return ok;
}

/* --- consent ----------------------------------------------------------------------------------- */

/* Fingerprints are read aloud and typed: blanks and case do not matter. */
static bool same_fingerprint(const char *typed, const char *real)
{
	for (;;) {
		while (isspace((unsigned char)*typed))
			typed++;
		while (*real == ' ')
			real++;
		if (*typed == '\0' || *real == '\0')
			return *typed == *real;
		if (tolower((unsigned char)*typed++) != tolower((unsigned char)*real++))
			return false;
	}
}

static void compare(const char *peer, const struct wlt_key *old, const struct wlt_key *key)
{
	if (old != NULL) {
		(void)printf("The key of %s that is trusted now:\n", peer);
		wlt_terminal_fingerprint(stdout, wlt_key_fingerprint(old));
	}
	(void)printf("The %skey of %s:\n", old != NULL ? "new " : "", peer);
	wlt_terminal_fingerprint(stdout, wlt_key_fingerprint(key));
	(void)fflush(stdout); /* before any question */
}

static bool agree(const struct wish *wish, const struct wlt_key *key, struct wlt_error *err)
{
	bool yes = false;

	if (wish->fingerprint != NULL)
		return same_fingerprint(wish->fingerprint, wlt_key_fingerprint(key)) ||
		       wlt_fail(err, WLT_UNTRUSTED,
				"the key offered for %s has not the fingerprint you gave: it is %s",
				wish->peer, wlt_key_fingerprint(key));
	if (wish->yes)
		return true;
	if (!wlt_ask_possible())
		return wlt_fail(err, WLT_REFUSED,
				"nobody is there to be asked about the key of %s: compare the "
				"fingerprints, then give --fingerprint or --yes",
				wish->peer);
	return wlt_ask_yes("Have you compared the fingerprint? Trust this key?", &yes, err) &&
	       (yes || wlt_fail(err, WLT_REFUSED, "the key of %s was not changed", wish->peer));
}

static bool trust(const struct wish *wish, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	const struct wlt_key *old;

	if (!wlt_peer_name_check(wish->peer, err) || !wlt_keys_load(&places, &ring, err) ||
	    !fetch_key(wish, &places, &key, err))
		return false;
	old = wlt_keyring_of_peer(ring, wish->peer);
	if (old != NULL && strcmp(wlt_key_id(old), wlt_key_id(key)) == 0) {
		(void)printf("This key of %s is trusted already:\n", wish->peer);
		wlt_terminal_fingerprint(stdout, wlt_key_fingerprint(key));
		return true;
	}
	compare(wish->peer, old, key);
	if (!agree(wish, key, err) || !wlt_keyring_pin(ring, wish->peer, key, "trust", true, err))
		return false;
	(void)printf("It is trusted now.\n");
	return true;
}

int wlt_cli_keys_trust(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wish wish = {.peer = NULL};
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == 'u')
			wish.url = optarg;
		else if (found == 'f')
			wish.fingerprint = optarg;
		else if (found == 'y')
			wish.yes = true;
		else
			return wlt_cli_status(found);
	}
	if (optind == argc || argc - optind > 2)
		return wlt_cli_misused(&usage, "give a peer, and perhaps a file");
	wish.peer = argv[optind];
	if (argc - optind == 2)
		wish.file = argv[optind + 1];
	if (wish.file != NULL && wish.url != NULL)
		return wlt_cli_misused(&usage, "give one of FILE and --url");
	return trust(&wish, &err) ? 0 : wlt_cli_failed(&err);
}
