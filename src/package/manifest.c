/* SPDX-License-Identifier: MIT */
/*
 * From a value tree to a checked manifest. What a stranger wrote is taken at its word nowhere: types,
 * required members, paths and limits are all looked at here, so that later stages need not.
 */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "base/yaml.h"
#include "package/digest.h"
#include "package/manifest.h"

static const char *const scope_names[] = {
	[WLT_SCOPE_FULL] = "full",
	[WLT_SCOPE_BUNDLE] = "bundle",
	[WLT_SCOPE_SNAPSHOT] = "snapshot",
};

const char *wlt_scope_name(enum wlt_scope scope)
{
	return scope_names[scope];
}

static bool fault(const char *what, struct wlt_error *err)
{
	return wlt_fail(err, WLT_DAMAGED, "manifest: %s", what);
}

/* --- text members ------------------------------------------------------------------------------ */

static bool is_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) &&
	       strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value);
}

static bool take_required(struct json_object *tree, const char *key, const char **out,
			  struct wlt_error *err)
{
	struct json_object *value;

	if (!json_object_object_get_ex(tree, key, &value))
		return wlt_fail(err, WLT_DAMAGED, "manifest: `%s` is missing", key);
	if (!is_text(value) || json_object_get_string_len(value) == 0)
		return wlt_fail(err, WLT_DAMAGED, "manifest: `%s` is not a text", key);
	*out = json_object_get_string(value);
	return true;
}

/* Absent and null give the fallback. */
static bool take_optional(struct json_object *tree, const char *key, const char *fallback,
			  const char **out, struct wlt_error *err)
{
	struct json_object *value;

	*out = fallback;
	if (!json_object_object_get_ex(tree, key, &value) || value == NULL)
		return true;
	if (!is_text(value))
		return wlt_fail(err, WLT_DAMAGED, "manifest: `%s` is not a text", key);
	*out = json_object_get_string(value);
	return true;
}

/* --- members with rules of their own ------------------------------------------------------------ */

/* Digits, then, when there is a point, digits again. */
static bool skip_digits(const char **text)
{
	const char *start = *text;

	while (isdigit((unsigned char)**text))
		(*text)++;
	return *text != start;
}

/* MAJOR.MINOR or MAJOR.MINOR.PATCH */
static bool is_version(const char *text, char major)
{
	if (text[0] != major || text[1] != '.')
		return false;
	text += 2;
	if (!skip_digits(&text))
		return false;
	if (*text == '.') {
		text++;
		if (!skip_digits(&text))
			return false;
	}
	return *text == '\0';
}

static bool take_version(struct wlt_manifest *manifest, struct wlt_error *err)
{
	WLT_AUTOFREE char *shown = NULL;

	if (!take_required(manifest->tree, "format_version", &manifest->format_version, err))
		return false;
	manifest->v1 = is_version(manifest->format_version, '1');
	if (manifest->v1 || is_version(manifest->format_version, '2'))
		return true;
	if (is_version(manifest->format_version, '3'))
		return wlt_fail(err, WLT_UNSUPPORTED,
				"manifest: format_version %s is newer than 2.x, which is what can "
				"be opened here: upgrade walnutfs, or ask the sender for an older "
				"package",
				manifest->format_version);
	shown = wlt_text_printable(manifest->format_version);
	return wlt_fail(err, WLT_DAMAGED, "manifest: format_version \"%s\" is not of the form 2.N",
			shown != NULL ? shown : "?");
}

static bool take_scope(struct wlt_manifest *manifest, struct wlt_error *err)
{
	const char *name = NULL;
	WLT_AUTOFREE char *shown = NULL;

	if (!take_required(manifest->tree, "scope", &name, err))
		return false;
	/* What bundles were called in 1.x. */
	if (manifest->v1 && strcmp(name, "capsule") == 0)
		name = scope_names[WLT_SCOPE_BUNDLE];
	for (size_t i = 0; i < sizeof(scope_names) / sizeof(scope_names[0]); i++) {
		if (strcmp(name, scope_names[i]) == 0) {
			manifest->scope = (enum wlt_scope)i;
			return true;
		}
	}
	shown = wlt_text_printable(name);
	return wlt_fail(err, WLT_DAMAGED,
			"manifest: scope \"%s\" is none of full, bundle and snapshot",
			shown != NULL ? shown : "?");
}

static bool take_source(struct json_object *tree, const char **walnut, struct wlt_error *err)
{
	struct json_object *source = wlt_json_object(tree, "source");

	if (source == NULL)
		return fault("`source` is missing or not a mapping", err);
	return take_optional(source, "walnut", "", walnut, err);
}

bool wlt_is_sha256_hex(const char *text)
{
	return strlen(text) == WLT_SHA256_HEX - 1 &&
	       strspn(text, "0123456789abcdef") == WLT_SHA256_HEX - 1;
}

bool wlt_is_deliverable(const char *path, struct wlt_error *err)
{
	static const char *const refused[] = {".alive", ".walnut", "__MACOSX"};
	size_t n = strcspn(path, "/");

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (n == strlen(refused[i]) && memcmp(path, refused[i], n) == 0)
			return wlt_fail(err, WLT_DAMAGED, "%s: %s/ is never taken from a package",
					path, refused[i]);
	}
	return true;
}

static bool take_payload(struct wlt_manifest *manifest, struct wlt_error *err)
{
	const char **out = &manifest->payload_sha256;

	if (manifest->v1 && !json_object_object_get_ex(manifest->tree, "payload_sha256", NULL)) {
		*out = "";
		return true;
	}
	if (!take_required(manifest->tree, "payload_sha256", out, err))
		return false;
	return wlt_is_sha256_hex(*out) ||
	       fault("`payload_sha256` is not 64 lower-case hex digits", err);
}

/* Lists that the canonical form sorts have to be what it sorts them by. */
static bool check_list(struct json_object *tree, const char *key, bool of_texts,
		       struct wlt_error *err)
{
	struct json_object *list;

	if (!json_object_object_get_ex(tree, key, &list))
		return true;
	if (!json_object_is_type(list, json_type_array))
		return wlt_fail(err, WLT_DAMAGED, "manifest: `%s` is not a list", key);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (of_texts ? !is_text(item) : wlt_json_string(item, "path") == NULL)
			return wlt_fail(err, WLT_DAMAGED, "manifest: %s[%zu] is not a %s", key, i,
					of_texts ? "text" : "mapping with a `path`");
	}
	return true;
}

/* --- files ------------------------------------------------------------------------------------- */

static bool take_file(struct json_object *entry, size_t index, struct wlt_manifest_file *out,
		      struct wlt_error *err)
{
	struct json_object *path;
	struct json_object *size;
	const char *sha256;

	if (!json_object_is_type(entry, json_type_object))
		return wlt_fail(err, WLT_DAMAGED, "manifest: files[%zu] is not a mapping", index);
	if (!json_object_object_get_ex(entry, "path", &path) || !is_text(path))
		return wlt_fail(err, WLT_DAMAGED, "manifest: files[%zu] has no `path`", index);
	out->path = json_object_get_string(path);
	if (!wlt_path_check(out->path, err) || !wlt_is_deliverable(out->path, err))
		return wlt_fail_context(err, "manifest: files[%zu]", index);
	if (strcmp(out->path, WLT_MANIFEST_NAME) == 0)
		return wlt_fail(err, WLT_DAMAGED, "manifest: files[%zu] is %s itself", index,
				WLT_MANIFEST_NAME);
	sha256 = wlt_json_string(entry, "sha256");
	if (sha256 == NULL || !wlt_is_sha256_hex(sha256))
		return wlt_fail(err, WLT_DAMAGED,
				"manifest: files[%zu] %s: `sha256` is not 64 lower-case hex digits",
				index, out->path);
	memcpy(out->sha256, sha256, WLT_SHA256_HEX);
	if (!json_object_object_get_ex(entry, "size", &size) ||
	    !json_object_is_type(size, json_type_int) || json_object_get_int64(size) < 0)
		return wlt_fail(err, WLT_DAMAGED,
				"manifest: files[%zu] %s: `size` is not a number of bytes", index,
				out->path);
	out->size = (uint64_t)json_object_get_int64(size);
	return true;
}

static int compare_files(const void *a, const void *b)
{
	const struct wlt_manifest_file *left = a;
	const struct wlt_manifest_file *right = b;

	return strcmp(left->path, right->path);
}

static bool take_files(struct wlt_manifest *manifest, struct wlt_error *err)
{
	struct json_object *list = wlt_json_array(manifest->tree, "files");
	size_t n;

	if (list == NULL)
		return fault("`files` is missing or not a list", err);
	n = json_object_array_length(list);
	if (n > WLT_MAX_LISTED)
		return wlt_fail(err, WLT_TOO_BIG, "manifest: %zu files listed, at most %u allowed",
				n, WLT_MAX_LISTED);
	manifest->files = calloc(n + 1, sizeof(*manifest->files));
	if (manifest->files == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		if (!take_file(json_object_array_get_idx(list, i), i, &manifest->files[i], err))
			return false;
	}
	manifest->n_files = n;
	qsort(manifest->files, n, sizeof(*manifest->files), compare_files);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(manifest->files[i - 1].path, manifest->files[i].path) == 0)
			return wlt_fail(err, WLT_DAMAGED, "manifest: %s is listed twice",
					manifest->files[i].path);
	}
	return true;
}

/* --- the whole --------------------------------------------------------------------------------- */

static bool take_members(struct wlt_manifest *manifest, enum wlt_check *check,
			 struct wlt_error *err)
{
	struct json_object *tree = manifest->tree;

	/* The version first: what another one asks for may be right there and wrong here. */
	*check = WLT_CHECK_VERSION;
	if (!take_version(manifest, err))
		return false;
	*check = WLT_CHECK_LAYOUT;
	if (!take_optional(tree, "source_layout", NULL, &manifest->source_layout, err))
		return false;
	*check = WLT_CHECK_SCOPE;
	if (!take_scope(manifest, err))
		return false;
	*check = WLT_CHECK_SCHEMA;
	return take_required(tree, "created", &manifest->created, err) &&
	       take_source(tree, &manifest->walnut, err) && take_payload(manifest, err) &&
	       take_optional(tree, "sender", "", &manifest->sender, err) &&
	       take_optional(tree, "description", "", &manifest->description, err) &&
	       take_optional(tree, "note", "", &manifest->note, err) &&
	       check_list(tree, "bundles", true, err) &&
	       check_list(tree, "exclusions_applied", true, err) &&
	       check_list(tree, "substitutions_applied", false, err) && take_files(manifest, err);
}

static bool from_tree(struct json_object *tree, enum wlt_check *check, struct wlt_manifest **out,
		      struct wlt_error *err)
{
	WLT_AUTO(wlt_manifest_cleanup) struct wlt_manifest *manifest = NULL;

	if (!json_object_is_type(tree, json_type_object))
		return fault("not a mapping", err);
	manifest = calloc(1, sizeof(*manifest));
	if (manifest == NULL)
		return wlt_fail_memory(err);
	manifest->tree = json_object_get(tree);
	if (!take_members(manifest, check, err))
		return false;
	*out = wlt_take(manifest);
	return true;
}

bool wlt_manifest_from_tree(struct json_object *tree, struct wlt_manifest **out,
			    struct wlt_error *err)
{
	enum wlt_check check;

	return from_tree(tree, &check, out, err);
}

bool wlt_manifest_parse_checked(const char *text, size_t len, enum wlt_check *check,
				struct wlt_manifest **out, struct wlt_error *err)
{
	/* A list entry is a mapping of three keys and values; the rest is for everything else. */
	static const struct wlt_yaml_limits limits = {
		.bytes = WLT_MAX_MANIFEST,
		.depth = 2,
		.nodes = WLT_MAX_LISTED * 8 + 100000,
		.collections = WLT_MAX_LISTED + 1000,
	};
	WLT_AUTO(wlt_json_put) struct json_object *tree = NULL;

	if (!wlt_yaml_parse(text, len, &limits, &tree, err))
		return wlt_fail_context(err, WLT_MANIFEST_NAME);
	return from_tree(tree, check, out, err);
}

bool wlt_manifest_parse(const char *text, size_t len, struct wlt_manifest **out,
			struct wlt_error *err)
{
	enum wlt_check check;

	return wlt_manifest_parse_checked(text, len, &check, out, err);
}

void wlt_manifest_free(struct wlt_manifest *manifest)
{
	if (manifest == NULL)
		return;
	json_object_put(manifest->tree);
	free(manifest->files);
	free(manifest);
}

/* --- payload_sha256 ---------------------------------------------------------------------------- */

bool wlt_manifest_payload_sha256(const struct wlt_manifest_file *files, size_t n,
				 char out[WLT_SHA256_HEX], struct wlt_error *err)
{
	WLT_AUTO(wlt_sha256_free) struct wlt_sha256 sha = {0};
	char size[24];

	if (!wlt_sha256_new(&sha, err) || !wlt_sha256_begin(&sha, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		int len = snprintf(size, sizeof(size), "%llu\n", (unsigned long long)files[i].size);

		/* Path and digest each with their NUL. */
		if (!wlt_sha256_update(&sha, files[i].path, strlen(files[i].path) + 1, err) ||
		    !wlt_sha256_update(&sha, files[i].sha256, WLT_SHA256_HEX, err) ||
		    !wlt_sha256_update(&sha, size, (size_t)len, err))
			return false;
	}
	return wlt_sha256_end(&sha, out, err);
}
