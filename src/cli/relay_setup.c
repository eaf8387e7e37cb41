/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "relay/relay.h"

#define MAX_NAME 39

static const struct wlt_usage usage = {
	.verb = "relay setup",
	.synopsis = "[--url URL] [--username NAME]",
	.details =
		"Makes your key pair and your relay: the git repository that others put packages\n"
		"for you into. Nothing that exists is overwritten.\n\n"
		"  --url URL        an empty repository you may push to (an absolute path,\n"
		"                   file://, ssh://, https://, git:// or USER@HOST:PATH); without\n"
		"                   it a folder is made, ~/.alive/relay/repo.git, which only your\n"
		"                   own programs on this machine can reach\n"
		"  --username NAME  what your peers call you (default: $GH_USER, else your login\n"
		"                   name)\n",
};

static const struct option options[] = {
	{"url", required_argument, NULL, 'u'},
	{"username", required_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* The login name with `-` for what a peer's name may not have. */
static char *login_name(void)
{
	const struct passwd *entry = getpwuid(geteuid());
	char *name = strndup(entry != NULL ? entry->pw_name : "user", MAX_NAME);

	for (char *c = name; c != NULL && *c != '\0'; c++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
			   *c) == NULL)
			*c = '-';
	}
	return name;
}

static bool choose_name(const char *given, char **name, struct wlt_error *err)
{
	const char *github = getenv("GH_USER");

	if (given != NULL)
		*name = strdup(given);
	else if (github != NULL && github[0] != '\0')
		*name = strdup(github);
	else
		*name = login_name();
	if (*name == NULL)
		return wlt_fail_memory(err);
	return wlt_peer_name_check(*name, err) ||
	       wlt_fail_context(err, "%s", given != NULL ? "--username" : "GH_USER");
}

static void report(struct json_object *reply)
{
	const char *url = wlt_json_string(reply, "url");
	WLT_AUTOFREE char *local = wlt_url_local_path(url);

	(void)fputs("Your relay is ready: ", stdout);
	wlt_terminal_strong(stdout, url);
	(void)fputs("\nYou are ", stdout);
	wlt_terminal_strong(stdout, wlt_json_string(reply, "username"));
	(void)fputs(", and the fingerprint of your key is\n", stdout);
	wlt_terminal_fingerprint(stdout, wlt_json_string(reply, "fingerprint"));
	if (local != NULL)
		(void)puts("Only your own programs on this machine can reach it: peers elsewhere "
			   "need\na relay on a host (--url).");
	(void)puts("\nNext, for everyone who may send to you:\n"
		   "    walnut relay invite NAME\n"
		   "and for everyone you want to send to, with the URL they tell you:\n"
		   "    walnut relay accept URL");
}

static bool set_up(const char *url, const char *username, struct wlt_error *err)
{
	WLT_AUTO(wlt_places_free) struct wlt_places places = {.relay_dir = NULL};
	WLT_AUTO(wlt_json_put) struct json_object *request = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;
	WLT_AUTOFREE char *name = NULL;
	WLT_AUTOFREE char *full_url = NULL;

	if (!choose_name(username, &name, err) || !wlt_places_find(&places, err))
		return false;
	request = wlt_places_request(&places, "setup");
	if (url != NULL)
		full_url = wlt_cli_url(url);
	if (request == NULL || (url != NULL && full_url == NULL) ||
	    !wlt_json_set_string(request, "username", name) ||
	    (url != NULL && !wlt_json_set_string(request, "url", full_url)))
		return wlt_fail_memory(err);
	if (!wlt_cli_errand(request, "Making keys and the relay ...", &reply, err))
		return false;
	report(reply);
	return true;
}

int wlt_cli_relay_setup(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	const char *url = NULL;
	const char *username = NULL;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == 'u')
			url = optarg;
		else if (found == 'n')
			username = optarg;
		else
			return wlt_cli_status(found);
	}
	if (optind < argc)
		return wlt_cli_misused(&usage, "`%s` is one argument too many", argv[optind]);
	return set_up(url, username, &err) ? 0 : wlt_cli_failed(&err);
}
