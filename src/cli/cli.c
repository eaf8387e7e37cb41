/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/terminal.h"

/* --- dispatch ---------------------------------------------------------------------------------- */

static void print_table(FILE *out, const char *prefix, const struct wlt_command *commands, size_t n)
{
	(void)fprintf(out, "usage: %s COMMAND [ARGUMENT]...\n\n", prefix);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
	(void)fprintf(out, "\n`%s COMMAND --help` says more.\n", prefix);
}

int wlt_cli_dispatch(const char *prefix, const struct wlt_command *commands, size_t n, int argc,
		     char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	if (argc < 2) {
		print_table(stderr, prefix, commands, n);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_table(stdout, prefix, commands, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	(void)wlt_fail(&err, WLT_USAGE, "there is no command `%s` (see `%s --help`)", argv[1],
		       prefix);
	return wlt_cli_failed(&err);
}

/* --- options ----------------------------------------------------------------------------------- */

int wlt_cli_option(const struct wlt_usage *usage, int argc, char **argv,
		   const struct option *options)
{
	int found;

	opterr = 0; /* reported here, in our own words */
	found = getopt_long(argc, argv, ":h", options, NULL);
	if (found == 'h' || found == WLT_OPTION_HELP) {
		(void)printf("usage: walnut %s %s\n\n%s", usage->verb, usage->synopsis,
			     usage->details);
		return WLT_OPTION_HELP;
	}
	if (found == ':') {
		(void)wlt_cli_misused(usage, "`%s` needs a value", argv[optind - 1]);
		return WLT_OPTION_BAD;
	}
	if (found == '?') {
		(void)wlt_cli_misused(usage, "there is no option `%s`", argv[optind - 1]);
		return WLT_OPTION_BAD;
	}
	return found;
}

int wlt_cli_status(int option)
{
	return option == WLT_OPTION_HELP ? 0 : 2;
}

/* --- failures ---------------------------------------------------------------------------------- */

int wlt_cli_misused(const struct wlt_usage *usage, const char *fmt, ...)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOFREE char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		(void)wlt_fail_memory(&err);
	} else {
		(void)wlt_fail(&err, WLT_USAGE, "%s: %s (see `walnut %s --help`)", usage->verb,
			       text, usage->verb);
	}
	return wlt_cli_failed(&err);
}

int wlt_cli_failed(const struct wlt_error *err)
{
	/* There is nowhere to report a failure to write this. */
	(void)fputs("walnut: ", stderr);
	wlt_terminal_put(stderr, wlt_error_text(err));
	(void)fputc('\n', stderr);
	return wlt_error_exit(err);
}
