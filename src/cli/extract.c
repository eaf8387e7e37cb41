/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/opening.h"
#include "cli/terminal.h"
#include "cli/unpack.h"

static const struct wlt_usage usage = {
	.verb = "extract",
	.synopsis = "PACKAGE --output DIR " WLT_CREDENTIAL_SYNOPSIS,
	.details =
		"Puts the files of PACKAGE, after all of it has been checked, into the new folder "
		"DIR.\n\n"
		"  --output DIR          must not exist yet\n" WLT_CREDENTIAL_DETAILS,
};

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},
	WLT_CREDENTIAL_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void report(const struct wlt_package *package, const char *dir)
{
	(void)printf("%zu files are in ", package->n_entries);
	wlt_terminal_put(stdout, dir);
	(void)printf(" (signature: %s).\n", wlt_verdict_name(package->verdict));
}

static bool unpack(struct wlt_opening *opening, struct wlt_unpacking *unpacking,
		   const atomic_bool *cancel, struct wlt_error *err)
{
	WLT_AUTO(wlt_progress_end) struct wlt_progress progress;
	struct wlt_package *package = NULL;
	bool ok;

	wlt_progress_begin(&progress);
	if (!wlt_opening_open(opening, unpacking->parent, cancel, NULL, &package, err))
		return false;
	ok = wlt_unpack_package(unpacking, package, cancel, &progress, err);
	wlt_progress_end(&progress);
	if (ok)
		report(package, unpacking->dir);
	wlt_package_free(package);
	return ok;
}

static bool extract(const char *path, const char *dir, const struct wlt_credentials *credentials,
		    struct wlt_error *err)
{
	WLT_AUTO(wlt_interrupt_end) struct wlt_interrupt interrupt = WLT_INTERRUPT_INIT;
	WLT_AUTO(wlt_opening_end) struct wlt_opening opening = WLT_OPENING_INIT;
	WLT_AUTO(wlt_unpack_end) struct wlt_unpacking unpacking = WLT_UNPACKING_INIT;

	return wlt_interrupt_begin(&interrupt, err) &&
	       wlt_opening_begin(&opening, path, credentials, err) &&
	       wlt_unpack_begin(&unpacking, dir, err) &&
	       unpack(&opening, &unpacking, &interrupt.stop, err);
}

int wlt_cli_extract(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_credentials credentials = {NULL, NULL};
	const char *dir = NULL;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == 'o')
			dir = optarg;
		else if (!wlt_credentials_take(&credentials, found))
			return wlt_cli_status(found);
	}
	if (argc - optind != 1)
		return wlt_cli_misused(&usage, "give one package");
	if (dir == NULL)
		return wlt_cli_misused(&usage, "--output is needed");
	return extract(argv[optind], dir, &credentials, &err) ? 0 : wlt_cli_failed(&err);
}
