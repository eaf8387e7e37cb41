/* SPDX-License-Identifier: MIT */
/* A package checked from end to end, and told check by check. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/opening.h"
#include "cli/terminal.h"

static const struct wlt_usage usage = {
	.verb = "verify",
	.synopsis = "--package PACKAGE " WLT_CREDENTIAL_SYNOPSIS " [--json]",
	.details = "Checks all of PACKAGE and prints a line for each check. The exit status is 0 "
		   "when all pass.\n\n"
		   "  --package PACKAGE     the file to check\n" WLT_CREDENTIAL_DETAILS
		   "  --json                one JSON object\n",
};

static const struct option options[] = {
	{"package", required_argument, NULL, 'p'},
	WLT_CREDENTIAL_OPTIONS,
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* What is told, in the order in which opening a package looks at it. */
static const struct {
	const char *name;
	enum wlt_check check;
} checks[] = {
	{"format version", WLT_CHECK_VERSION},
	{"layout", WLT_CHECK_LAYOUT},
	{"scope", WLT_CHECK_SCOPE},
	{"schema", WLT_CHECK_SCHEMA},
	{"files", WLT_CHECK_FILES},
	{"payload", WLT_CHECK_PAYLOAD},
	{"signature", WLT_CHECK_SIGNATURE},
};

/* --- judging ----------------------------------------------------------------------------------- */

static bool add_result(struct json_object *list, const char *name, bool passed, const char *detail)
{
	struct json_object *entry = json_object_new_object();

	if (entry == NULL || !wlt_json_set_string(entry, "name", name) ||
	    !wlt_json_set_string(entry, "result", passed ? "PASS" : "FAIL") ||
	    !wlt_json_set_string(entry, "detail", detail) ||
	    json_object_array_add(list, entry) != 0) {
		json_object_put(entry);
		return false;
	}
	return true;
}

/* What there is to say about a check that has passed; malloc()ed. */
static char *describe(const struct wlt_package *package, enum wlt_check check)
{
	const struct wlt_manifest *manifest = package->manifest;
	const char *layout = manifest->source_layout;
	char *text = NULL;
	int len;

	switch (check) {
	case WLT_CHECK_VERSION:
		len = asprintf(&text, "%s", manifest->format_version);
		break;
	case WLT_CHECK_LAYOUT:
		len = asprintf(&text, "%s", layout != NULL ? layout : "not named");
		break;
	case WLT_CHECK_SCOPE:
		len = asprintf(&text, "%s", wlt_scope_name(manifest->scope));
		break;
	case WLT_CHECK_SCHEMA:
		len = asprintf(&text, "import_id %s", package->import_id);
		break;
	case WLT_CHECK_FILES:
		len = asprintf(&text, "%zu", manifest->n_files);
		break;
	case WLT_CHECK_PAYLOAD:
		len = asprintf(&text, "%s",
			       manifest->payload_sha256[0] != '\0' ? manifest->payload_sha256
								   : "not in this version");
		break;
	case WLT_CHECK_SIGNATURE:
		len = asprintf(&text, "%s%s%s", wlt_verdict_name(package->verdict),
			       package->signer[0] != '\0' ? ", key " : "", package->signer);
		break;
	case WLT_CHECK_ARCHIVE:
	default:
		len = asprintf(&text, "read");
		break;
	}
	return len < 0 ? NULL : text;
}

static bool judge_opened(const struct wlt_package *package, struct json_object *list)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		WLT_AUTOFREE char *detail = describe(package, checks[i].check);

		if (detail == NULL || !add_result(list, checks[i].name, true, detail))
			return false;
	}
	return true;
}

/* It failed at `failed`: what comes before has passed, what comes behind was not looked at. When the
 * manifest could not even be read, the first of the checks is the one that failed. */
static bool judge_refused(enum wlt_check failed, const char *why, struct json_object *list)
{
	if (failed < checks[0].check)
		failed = checks[0].check;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		bool passed = checks[i].check < failed;
		const char *detail = passed ? "" : checks[i].check == failed ? why : "not reached";

		if (!add_result(list, checks[i].name, passed, detail))
			return false;
	}
	return true;
}

/* Is this a judgement about the package, rather than about us? */
static bool is_judgement(enum wlt_kind kind)
{
	return kind == WLT_DAMAGED || kind == WLT_TOO_BIG || kind == WLT_UNTRUSTED ||
	       kind == WLT_UNSUPPORTED;
}

/* Put one result per check into `list`. When some fail, `why` says why; false when nothing can be said
 * about the package. */
static bool judge(struct wlt_opening *opening, struct json_object *list, struct wlt_error *why,
		  struct wlt_error *err)
{
	struct wlt_package *package = NULL;
	enum wlt_check check = WLT_CHECK_ARCHIVE;
	bool ok;

	if (!wlt_opening_open(opening, -1, NULL, &check, &package, why)) {
		if (!is_judgement(why->kind)) {
			wlt_error_move(err, why);
			return false;
		}
		return judge_refused(check, wlt_error_text(why), list) || wlt_fail_memory(err);
	}
	ok = judge_opened(package, list);
	wlt_package_free(package);
	return ok || wlt_fail_memory(err);
}

/* --- telling ----------------------------------------------------------------------------------- */

static void print_checks(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		const char *detail = wlt_json_string(entry, "detail");

		(void)printf("%-15s %s", wlt_json_string(entry, "name"),
			     wlt_json_string(entry, "result"));
		if (detail[0] != '\0') {
			(void)fputs("  ", stdout);
			wlt_terminal_put(stdout, detail);
		}
		(void)putchar('\n');
	}
}

static bool print_json(struct json_object *list, bool passed, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *report = json_object_new_object();

	if (report == NULL || !wlt_json_set(report, "checks", json_object_get(list)) ||
	    !wlt_json_set_bool(report, "ok", passed))
		return wlt_fail_memory(err);
	return wlt_terminal_json(stdout, report, err);
}

static bool verify(const char *path, const struct wlt_credentials *credentials, bool json,
		   struct wlt_error *err)
{
	WLT_AUTO(wlt_opening_end) struct wlt_opening opening = WLT_OPENING_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *list = json_object_new_array();
	WLT_AUTO(wlt_error_clear) struct wlt_error why = WLT_ERROR_INIT;

	if (!wlt_opening_begin(&opening, path, credentials, err))
		return false;
	if (list == NULL)
		return wlt_fail_memory(err);
	if (!judge(&opening, list, &why, err))
		return false;
	if (json && !print_json(list, why.kind == WLT_OK, err))
		return false;
	if (!json)
		print_checks(list);
	if (why.kind == WLT_OK)
		return true;
	wlt_error_move(err, &why);
	return false;
}

int wlt_cli_verify(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_credentials credentials = {NULL, NULL};
	const char *path = NULL;
	bool json = false;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == 'j')
			json = true;
		else if (found == 'p')
			path = optarg;
		else if (!wlt_credentials_take(&credentials, found))
			return wlt_cli_status(found);
	}
	if (optind < argc)
		return wlt_cli_misused(&usage, "`%s` is one argument too many", argv[optind]);
	if (path == NULL)
		return wlt_cli_misused(&usage, "--package is needed");
	return verify(path, &credentials, json, &err) ? 0 : wlt_cli_failed(&err);
}
