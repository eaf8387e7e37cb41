/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "receive/receive.h"

static const struct wlt_usage usage = {
	.verb = "migrate",
	.synopsis = "--staging DIR [--json]",
	.details = "Brings an unpacked package of an older layout to the present one: a folder "
		   "that\n`walnut extract` made, for example. Can be run again at any time.\n\n"
		   "  --staging DIR  the folder\n"
		   "  --json         print the result as JSON\n",
};

static const struct option options[] = {
	{"staging", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void put_lines(const char *before, const struct wlt_strings *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		(void)fputs(before, stdout);
		wlt_terminal_put(stdout, lines->items[i]);
		(void)fputc('\n', stdout);
	}
}

static bool report(const struct wlt_migration *migration, bool json, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *object = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	if (!json) {
		put_lines("", &migration->actions);
		put_lines("warning: ", &migration->warnings);
		return true;
	}
	object = wlt_migration_json(migration);
	if (object == NULL)
		return wlt_fail_memory(err);
	wlt_json_format(&text, object);
	if (!wlt_buf_ok(&text, err))
		return false;
	(void)fwrite(text.data, 1, text.len, stdout); /* main() looks at the stream */
	return true;
}

static int migrate(int staging_fd, bool json)
{
	WLT_AUTO(wlt_migration_free) struct wlt_migration migration = {.tasks_converted = 0};
	WLT_AUTO(wlt_error_clear) struct wlt_error unreported = WLT_ERROR_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	const char *session = getenv("ALIVE_SESSION_ID");
	const struct wlt_migrate_options how = {
		.now = wlt_clock_now(),
		.session = session != NULL && session[0] != '\0' ? session : "manual",
	};
	bool good = wlt_migrate_staging(staging_fd, &how, &migration, &err);

	if (!report(&migration, json, &unreported) && good) {
		wlt_error_move(&err, &unreported);
		good = false;
	}
	if (good)
		return 0;
	(void)wlt_cli_failed(&err);
	return 1; /* whatever was missing: the folder itself was there */
}

int wlt_cli_migrate(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int fd = -1;
	const char *staging = NULL;
	bool json = false;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == 's')
			staging = optarg;
		else if (found == 'j')
			json = true;
		else
			return wlt_cli_status(found);
	}
	if (staging == NULL || optind != argc)
		return wlt_cli_misused(&usage, "name one folder with --staging");
	fd = open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return migrate(fd, json);
	if (errno == ENOTDIR)
		(void)wlt_fail(&err, WLT_USAGE, "%s is not a folder", staging);
	else
		(void)wlt_fail_errno(&err, errno, "cannot open %s", staging);
	return wlt_cli_failed(&err);
}
