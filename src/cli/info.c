/* SPDX-License-Identifier: MIT */
/* What a package is; of a sealed one, without a key for it, what can be known from outside. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/opening.h"
#include "cli/terminal.h"

static const struct wlt_usage usage = {
	.verb = "info",
	.synopsis = "PACKAGE " WLT_CREDENTIAL_SYNOPSIS " [--json]",
	.details =
		"Shows what PACKAGE is, after it has been checked. Of a sealed one that cannot be "
		"opened\nit shows for whom it is.\n\n" WLT_CREDENTIAL_DETAILS
		"  --json                one JSON object\n",
};

static const struct option options[] = {
	WLT_CREDENTIAL_OPTIONS,
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* --- gathering --------------------------------------------------------------------------------- */

static const char *encryption(enum wlt_envelope_kind kind)
{
	return kind == WLT_ENVELOPE_PLAIN ? "none" : wlt_envelope_kind_name(kind);
}

/* The members that every report begins with. */
static struct json_object *new_report(const struct wlt_opening *opening, const char *sealing)
{
	WLT_AUTO(wlt_json_put) struct json_object *report = json_object_new_object();
	WLT_AUTOFREE char *path = realpath(opening->path, NULL);

	if (report == NULL ||
	    !wlt_json_set_string(report, "package", path != NULL ? path : opening->path) ||
	    !wlt_json_set_int(report, "size", (int64_t)opening->raw.size) ||
	    !wlt_json_set_string(report, "encryption", sealing))
		return NULL;
	return wlt_take(report);
}

/* The manifest's list, or an empty one. */
static struct json_object *list_of(const struct wlt_manifest *manifest, const char *key)
{
	struct json_object *list = wlt_json_array(manifest->tree, key);

	return list != NULL ? json_object_get(list) : json_object_new_array();
}

static struct json_object *report_opened(const struct wlt_opening *opening,
					 const struct wlt_package *package)
{
	const struct wlt_manifest *manifest = package->manifest;
	WLT_AUTO(wlt_json_put)
	struct json_object *report = new_report(opening, encryption(package->envelope));
	const char *layout = manifest->source_layout;
	const char *sender = manifest->sender;

	if (report == NULL ||
	    !wlt_json_set_string(report, "format_version", manifest->format_version) ||
	    !wlt_json_set_string(report, "source_layout", layout != NULL ? layout : "") ||
	    !wlt_json_set_string(report, "scope", wlt_scope_name(manifest->scope)) ||
	    !wlt_json_set_string(report, "sender", sender[0] != '\0' ? sender : "unknown") ||
	    !wlt_json_set_string(report, "created", manifest->created) ||
	    !wlt_json_set(report, "bundles", list_of(manifest, "bundles")) ||
	    !wlt_json_set(report, "exclusions_applied", list_of(manifest, "exclusions_applied")) ||
	    !wlt_json_set_int(report, "file_count", (int64_t)manifest->n_files) ||
	    !wlt_json_set_string(report, "signature", wlt_verdict_name(package->verdict)) ||
	    !wlt_json_set_string(report, "import_id", package->import_id))
		return NULL;
	return wlt_take(report);
}

static bool add_recipients(struct json_object *report, const struct wlt_envelope *envelope)
{
	struct json_object *list = json_object_new_array();

	if (!wlt_json_set(report, "recipients", list))
		return false;
	for (size_t i = 0; i < envelope->n_recipients; i++) {
		struct json_object *id = json_object_new_string(envelope->recipients[i].pubkey_id);

		if (id == NULL || json_object_array_add(list, id) != 0) {
			json_object_put(id);
			return false;
		}
	}
	return true;
}

/* What would open it. */
static const char *note_for(enum wlt_envelope_kind kind)
{
	switch (kind) {
	case WLT_ENVELOPE_PASSPHRASE:
		return "sealed with a passphrase: --passphrase-env VAR opens it";
	case WLT_ENVELOPE_RSA:
		return "sealed for the keys of its recipients: --private-key FILE opens it";
	case WLT_ENVELOPE_PLAIN: /* so it is from outside */
	case WLT_ENVELOPE_LEGACY_PASSPHRASE:
	case WLT_ENVELOPE_LEGACY_RSA:
	default:
		return "sealed by an older ALIVE: --passphrase-env VAR or --private-key FILE opens "
		       "it";
	}
}

static bool report_sealed(const struct wlt_opening *opening, struct json_object **out,
			  struct wlt_error *err)
{
	WLT_AUTO(wlt_envelope_free) struct wlt_envelope envelope = {0};
	WLT_AUTO(wlt_json_put) struct json_object *report = NULL;

	if (!wlt_envelope_read(&opening->raw, &envelope, err))
		return wlt_fail_context(err, "%s", opening->path);
	report = new_report(opening, envelope.kind == WLT_ENVELOPE_PLAIN
					     ? "legacy"
					     : encryption(envelope.kind));
	if (report == NULL || !add_recipients(report, &envelope) ||
	    !wlt_json_set_string(report, "note", note_for(envelope.kind)))
		return wlt_fail_memory(err);
	*out = wlt_take(report);
	return true;
}

/* Was nothing given that should have opened it? Then what is known from outside is the answer. */
static bool is_answer(const struct wlt_credentials *credentials, const struct wlt_error *err)
{
	return err->kind == WLT_NO_KEY && credentials->passphrase_env == NULL &&
	       credentials->private_key == NULL;
}

static bool gather(struct wlt_opening *opening, const struct wlt_credentials *credentials,
		   struct json_object **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;
	struct wlt_package *package = NULL;
	bool ok;

	if (!wlt_opening_open(opening, -1, NULL, NULL, &package, &fault)) {
		if (is_answer(credentials, &fault))
			return report_sealed(opening, out, err);
		wlt_error_move(err, &fault);
		return false;
	}
	*out = report_opened(opening, package);
	ok = *out != NULL || wlt_fail_memory(err);
	wlt_package_free(package);
	return ok;
}

/* --- showing ----------------------------------------------------------------------------------- */

/* In the order of the JSON members. */
static const struct {
	const char *key;
	const char *label;
} labels[] = {
	{"package", "Package"},
	{"size", "Size"},
	{"encryption", "Encryption"},
	{"format_version", "Format version"},
	{"source_layout", "Source layout"},
	{"scope", "Scope"},
	{"sender", "Sender"},
	{"created", "Created"},
	{"bundles", "Bundles"},
	{"exclusions_applied", "Exclusions"},
	{"file_count", "Files"},
	{"signature", "Signature"},
	{"import_id", "Import id"},
	{"recipients", "Recipients"},
	{"note", "Note"},
};

static void print_list(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		(void)fputs(i > 0 ? ", " : "", stdout);
		wlt_terminal_put(stdout,
				 json_object_get_string(json_object_array_get_idx(list, i)));
	}
}

/* By name where the key is known. */
static void print_recipients(const struct wlt_keyring *ring, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *id = json_object_get_string(json_object_array_get_idx(list, i));
		const char *peer = NULL;

		(void)printf("%s%s", i > 0 ? ", " : "", id);
		if (wlt_keyring_by_id(ring, id, &peer) != NULL)
			(void)printf(" (%s)", peer != NULL ? peer : "you");
	}
}

static void print_value(const struct wlt_keyring *ring, const char *key, struct json_object *value)
{
	if (strcmp(key, "recipients") == 0)
		print_recipients(ring, value);
	else if (json_object_is_type(value, json_type_array))
		print_list(value);
	else if (json_object_is_type(value, json_type_int))
		(void)printf("%" PRId64 "%s", json_object_get_int64(value),
			     strcmp(key, "size") == 0 ? " bytes" : "");
	else
		wlt_terminal_put(stdout, json_object_get_string(value));
}

static bool is_empty(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return json_object_array_length(value) == 0;
	return json_object_is_type(value, json_type_string) &&
	       json_object_get_string_len(value) == 0;
}

static void print_report(const struct wlt_keyring *ring, struct json_object *report)
{
	struct json_object *value;

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (!json_object_object_get_ex(report, labels[i].key, &value) || is_empty(value))
			continue;
		(void)printf("%-15s ", labels[i].label);
		print_value(ring, labels[i].key, value);
		(void)putchar('\n');
	}
}

static bool show(const char *path, const struct wlt_credentials *credentials, bool json,
		 struct wlt_error *err)
{
	WLT_AUTO(wlt_opening_end) struct wlt_opening opening = WLT_OPENING_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *report = NULL;

	if (!wlt_opening_begin(&opening, path, credentials, err) ||
	    !gather(&opening, credentials, &report, err))
		return false;
	if (json)
		return wlt_terminal_json(stdout, report, err);
	print_report(opening.ring, report);
	return true;
}

int wlt_cli_info(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_credentials credentials = {NULL, NULL};
	bool json = false;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == 'j')
			json = true;
		else if (!wlt_credentials_take(&credentials, found))
			return wlt_cli_status(found);
	}
	if (argc - optind != 1)
		return wlt_cli_misused(&usage, "give one package");
	return show(argv[optind], &credentials, json, &err) ? 0 : wlt_cli_failed(&err);
}
