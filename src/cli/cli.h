/* SPDX-License-Identifier: MIT */
/*
 * The `walnut` program: a table of sub-commands, and what its verbs share.
 *
 * A verb is one function in a file of its own name. It gets its own part of the command line (argv[0]
 * is the verb) and returns the exit status: 0 done, 1 refused or failed, 2 missing or bad usage. Results
 * go to stdout, one line `walnut: …` to stderr on failure.
 */
#ifndef WLT_CLI_CLI_H
#define WLT_CLI_CLI_H

#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct wlt_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* Run the command that argv[1] names. `prefix` is what was typed so far ("walnut relay"). Knows --help,
 * and prints the table for it and for an empty command line. */
int wlt_cli_dispatch(const char *prefix, const struct wlt_command *commands, size_t n, int argc,
		     char **argv);

/* --- options of a verb ------------------------------------------------------------------------- */

struct wlt_usage {
	const char *verb;     /* "relay setup" */
	const char *synopsis; /* "[--url URL] [--username NAME]" */
	const char *details;  /* the rest of --help, ends in LF */
};

/* getopt_long() with `help` handled and bad options reported. Returns the option's `val`, -1 at the end,
 * or one of the two below, when the verb returns wlt_cli_status(). */
#define WLT_OPTION_HELP 1000
#define WLT_OPTION_BAD  1001
int wlt_cli_option(const struct wlt_usage *usage, int argc, char **argv,
		   const struct option *options);
int wlt_cli_status(int option);

/* Bad usage: one line that ends in where to read more. Returns 2. */
int wlt_cli_misused(const struct wlt_usage *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Report a failure and give its exit status. */
int wlt_cli_failed(const struct wlt_error *err);

/* --- where things are -------------------------------------------------------------------------- */

struct wlt_places {
	char *relay_dir;
	char *keys_dir;
	char *mirrors_dir;
	char *token_env;
	bool require_signature;
};

bool wlt_places_find(struct wlt_places *places, struct wlt_error *err);
void wlt_places_free(struct wlt_places *places);

/* A request for a courier with `op` and the places in it; NULL when out of memory. */
struct json_object *wlt_places_request(const struct wlt_places *places, const char *op);

/* --- relay operations -------------------------------------------------------------------------- */

/* Run a request in a courier; Ctrl-C stops it. `note` says on a terminal what is being waited for. */
bool wlt_cli_errand(struct json_object *request, const char *note, struct json_object **reply,
		    struct wlt_error *err);

/* What a person typed for a relay: a folder named by a relative path becomes an absolute one. malloc()ed;
 * NULL when out of memory. */
char *wlt_cli_url(const char *typed);

/* --- verbs ------------------------------------------------------------------------------------- */

int wlt_cli_migrate(int argc, char **argv);
int wlt_cli_relay(int argc, char **argv);
int wlt_cli_relay_setup(int argc, char **argv);
int wlt_cli_relay_invite(int argc, char **argv);
int wlt_cli_relay_accept(int argc, char **argv);
int wlt_cli_relay_status(int argc, char **argv);
int wlt_cli_create(int argc, char **argv);
int wlt_cli_info(int argc, char **argv);
int wlt_cli_verify(int argc, char **argv);
int wlt_cli_extract(int argc, char **argv);
int wlt_cli_list_bundles(int argc, char **argv);
int wlt_cli_keys(int argc, char **argv);
int wlt_cli_keys_list(int argc, char **argv);
int wlt_cli_keys_show(int argc, char **argv);
int wlt_cli_keys_add(int argc, char **argv);
int wlt_cli_keys_trust(int argc, char **argv);
int wlt_cli_keys_remove(int argc, char **argv);

#endif
