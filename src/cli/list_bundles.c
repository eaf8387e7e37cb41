/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "walnut/walnut.h"

static const struct wlt_usage usage = {
	.verb = "list-bundles",
	.synopsis = "--walnut DIR [--json]",
	.details = "Lists the bundles of the walnut DIR. Only the top-level ones can be shared.\n\n"
		   "  --walnut DIR  the walnut's folder\n"
		   "  --json        one JSON list\n",
};

static const struct option options[] = {
	{"walnut", required_argument, NULL, 'w'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool find_bundles(const char *dir, struct wlt_bundles *bundles, struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum wlt_layout layout;

	if (fd < 0)
		return errno == ENOTDIR ? wlt_fail(err, WLT_MISSING, "%s is not a folder", dir)
					: wlt_fail_errno(err, errno, "cannot open %s", dir);
	layout = wlt_walnut_layout(fd);
	if (layout == WLT_LAYOUT_NONE)
		return wlt_fail(err, WLT_MISSING,
				"%s is not a walnut: there is no _kernel/key.md in it", dir);
	return (wlt_walnut_bundles(fd, bundles, err) &&
		(layout != WLT_LAYOUT_V1 || wlt_walnut_capsules(fd, bundles, err))) ||
	       wlt_fail_context(err, "%s", dir);
}

static struct json_object *describe(const struct wlt_bundle *bundle, const char *dir)
{
	WLT_AUTO(wlt_json_put) struct json_object *entry = json_object_new_object();
	WLT_AUTOFREE char *path = wlt_path_join(dir, bundle->path);

	if (entry == NULL || path == NULL || !wlt_json_set_string(entry, "name", bundle->leaf) ||
	    !wlt_json_set_string(entry, "relpath", bundle->path) ||
	    !wlt_json_set_string(entry, "abs_path", path) ||
	    !wlt_json_set_bool(entry, "top_level", bundle->top_level))
		return NULL;
	return wlt_take(entry);
}

static bool print_json(const struct wlt_bundles *bundles, const char *dir, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *list = json_object_new_array();
	WLT_AUTOFREE char *absolute = realpath(dir, NULL);

	if (absolute == NULL)
		return wlt_fail_errno(err, errno, "cannot look at %s", dir);
	if (list == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < bundles->n; i++) {
		struct json_object *entry = describe(&bundles->items[i], absolute);

		if (entry == NULL || json_object_array_add(list, entry) != 0) {
			json_object_put(entry);
			return wlt_fail_memory(err);
		}
	}
	return wlt_terminal_json(stdout, list, err);
}

static void print_lines(const struct wlt_bundles *bundles)
{
	for (size_t i = 0; i < bundles->n; i++) {
		const struct wlt_bundle *bundle = &bundles->items[i];

		wlt_terminal_strong(stdout, bundle->leaf);
		if (strcmp(bundle->path, bundle->leaf) != 0) {
			(void)fputs("  ", stdout);
			wlt_terminal_put(stdout, bundle->path);
		}
		(void)puts(bundle->top_level ? "" : "  (nested: cannot be shared)");
	}
	if (bundles->n == 0)
		(void)puts("No bundles.");
}

static bool list_bundles(const char *dir, bool json, struct wlt_error *err)
{
	WLT_AUTO(wlt_bundles_free) struct wlt_bundles bundles = {.items = NULL};

	if (!find_bundles(dir, &bundles, err))
		return false;
	if (json)
		return print_json(&bundles, dir, err);
	print_lines(&bundles);
	return true;
}

int wlt_cli_list_bundles(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	const char *dir = NULL;
	bool json = false;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == 'w')
			dir = optarg;
		else if (found == 'j')
			json = true;
		else
			return wlt_cli_status(found);
	}
	if (optind < argc)
		return wlt_cli_misused(&usage, "`%s` is one argument too many", argv[optind]);
	if (dir == NULL)
		return wlt_cli_misused(&usage, "--walnut is needed");
	return list_bundles(dir, json, &err) ? 0 : wlt_cli_failed(&err);
}
