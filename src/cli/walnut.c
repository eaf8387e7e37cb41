/* SPDX-License-Identifier: MIT */
/* The program: its verbs, and what every one of them needs before it starts. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "keys/keys.h"
#include "post/courier.h"

static const struct wlt_command commands[] = {
	{"create", wlt_cli_create, "make a package of a walnut"},
	{"info", wlt_cli_info, "show what a package is"},
	{"verify", wlt_cli_verify, "check a package"},
	{"extract", wlt_cli_extract, "put the files of a package into a folder"},
	{"list-bundles", wlt_cli_list_bundles, "list the bundles of a walnut"},
	{"migrate", wlt_cli_migrate, "bring an unpacked older package to the present layout"},
	{"relay", wlt_cli_relay, "set up a relay, invite and accept peers"},
	{"keys", wlt_cli_keys, "see and manage the keys of peers"},
};

static int run(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)printf("walnut %s\n", PACKAGE_VERSION);
		return 0;
	}
	return wlt_cli_dispatch("walnut", commands, sizeof commands / sizeof commands[0], argc,
				argv);
}

int main(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	int status;

	if (argc == 2 && strcmp(argv[1], WLT_COURIER_ARGUMENT) == 0)
		return wlt_courier_child();
	if (!wlt_clock_check_environment(&err) || !wlt_keys_secure_memory(false, &err))
		return wlt_cli_failed(&err);

	status = run(argc, argv);
	if (!wlt_terminal_flush() && status == 0) {
		(void)wlt_fail_errno(&err, errno, "the result cannot be written");
		status = wlt_cli_failed(&err);
	}
	return status;
}
