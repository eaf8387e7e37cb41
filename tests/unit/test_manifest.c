/* SPDX-License-Identifier: MIT */
/* manifest.yaml: reading, writing and identity. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "package/manifest.h"
#include "package/package.h"
#include "sandbox.h"
#include "vectors.h"

#define SHA_A "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA_B "f0b5c2c2211c8d67ed15e75e656c7862d086e9245420892a7de62cd9ec582a06"
#define SHA_P "ae8e33113a7ca56a567925f36d8d171aeec6ae715377e1309d8351866210ddc7"

#define HEAD                                  \
	"format_version: \"2.1.0\"\n"         \
	"created: \"2026-04-07T10:15:00Z\"\n" \
	"scope: \"full\"\n"                   \
	"source:\n"                           \
	"  walnut: \"nova-station\"\n"
#define TAIL                              \
	"payload_sha256: \"" SHA_P "\"\n" \
	"files:\n"                        \
	"  - path: \"b.md\"\n"            \
	"    sha256: \"" SHA_B "\"\n"     \
	"    size: 2\n"                   \
	"  - path: \"a/\xc3\xbc.txt\"\n"  \
	"    sha256: \"" SHA_A "\"\n"     \
	"    size: 0\n"

/* Every key there is, in the layout of the format. */
static const char everything[] = "format_version: \"2.1.0\"\n"
				 "source_layout: \"v3\"\n"
				 "min_plugin_version: \"3.1.0\"\n"
				 "created: \"2026-04-07T10:15:00Z\"\n"
				 "scope: \"bundle\"\n"
				 "source:\n"
				 "  engine: \"unknown\"\n"
				 "  plugin_version: \"3.1.0\"\n"
				 "  session_id: \"manual\"\n"
				 "  walnut: \"nova-station\"\n"
				 "sender: \"patrick\"\n"
				 "description: \"says \\\"hi\\\" and back\\\\slash\"\n"
				 "note: \"two\\nlines\\r\"\n"
				 "exclusions_applied: []\n"
				 "substitutions_applied:\n"
				 "  - path: \"_kernel/log.md\"\n"
				 "    reason: \"baseline-stub\"\n"
				 "bundles:\n"
				 "  - \"shielding-review\"\n"
				 "payload_sha256: \"" SHA_P "\"\n"
				 "files:\n"
				 "  - path: \"README.md\"\n"
				 "    sha256: \"" SHA_A "\"\n"
				 "    size: 812\n"
				 "encryption: \"none\"\n"
				 "signature:\n"
				 "  algo: \"rsa-pss-sha256\"\n"
				 "  pubkey_id: \"0123456789abcdef\"\n"
				 "  sig_b64: \"AAAA\"\n"
				 "  signed_bytes: \"manifest-canonical-json-v1\"\n"
				 "a-later-key: true\n"
				 "another: 1.5\n"
				 "path: null\n"
				 "zeal:\n"
				 "  - -7\n"
				 "  - path: 1\n"
				 "    a: 2\n"
				 "  - {}\n";

static struct wlt_manifest *parse(const char *text)
{
	struct wlt_manifest *manifest = NULL;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_manifest_parse(text, strlen(text), &manifest, &err), "%s",
		      wlt_error_text(&err));
	return manifest;
}

static void refused(const char *text, enum wlt_kind kind, const char *part)
{
	struct wlt_manifest *manifest = NULL;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(!wlt_manifest_parse(text, strlen(text), &manifest, &err),
		      "taken, not refused for \"%s\": %s", part, text);
	ck_assert_msg(strstr(wlt_error_text(&err), part) != NULL, "not \"%s\": %s", part,
		      wlt_error_text(&err));
	ck_assert_int_eq(err.kind, kind);
}

static char *canonical(struct json_object *tree)
{
	struct wlt_buf out = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_manifest_canonical(tree, &out, &err), "%s", wlt_error_text(&err));
	return wlt_buf_take(&out);
}

static struct json_object *json(const char *text)
{
	struct json_object *root = NULL;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_json_parse(text, strlen(text), &root, &err), "%s", wlt_error_text(&err));
	return root;
}

/* --- reading ------------------------------------------------------------------------------------ */

START_TEST(members)
{
	struct wlt_manifest *manifest = parse(HEAD "sender: \"patrick\"\nnote: \"n\"\n" TAIL);

	ck_assert_str_eq(manifest->format_version, "2.1.0");
	ck_assert_str_eq(manifest->created, "2026-04-07T10:15:00Z");
	ck_assert_int_eq(manifest->scope, WLT_SCOPE_FULL);
	ck_assert_str_eq(manifest->walnut, "nova-station");
	ck_assert_str_eq(manifest->sender, "patrick");
	ck_assert_str_eq(manifest->note, "n");
	ck_assert_str_eq(manifest->description, "");
	ck_assert_ptr_null(manifest->source_layout);
	ck_assert_str_eq(manifest->payload_sha256, SHA_P);
	ck_assert_uint_eq(manifest->n_files, 2);
	ck_assert_str_eq(manifest->files[0].path, "a/\xc3\xbc.txt");
	ck_assert_str_eq(manifest->files[0].sha256, SHA_A);
	ck_assert_uint_eq(manifest->files[0].size, 0);
	ck_assert_str_eq(manifest->files[1].path, "b.md");
	ck_assert_uint_eq(manifest->files[1].size, 2);
	wlt_manifest_free(manifest);
	wlt_manifest_free(NULL);
}
END_TEST

START_TEST(flow_style_and_plain_scalars)
{
	struct wlt_manifest *manifest =
		parse("{format_version: 2.1.0, created: 2026-04-07, scope: snapshot,\n"
		      " source: {}, payload_sha256: \"" SHA_P "\",\n"
		      " files: [], description: null, extra: [1, two]}\n");

	ck_assert_str_eq(manifest->format_version, "2.1.0");
	ck_assert_int_eq(manifest->scope, WLT_SCOPE_SNAPSHOT);
	ck_assert_str_eq(manifest->walnut, "");
	ck_assert_uint_eq(manifest->n_files, 0);
	wlt_manifest_free(manifest);
}
END_TEST

START_TEST(versions)
{
	static const char *const good[] = {"2.0", "2.1", "2.1.0", "2.10.99", "2.0.0"};
	static const char *const bad[] = {"2",     "2.",    "2.1.", "2.1.0.", "2.1.0.0",
					  "2.x",   "v2.1",  " 2.1", "2.1 ",   "20.1",
					  "2.1-a", "4.0.0", "",     "2..1",   "2.1\n"};
	char text[2048];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(text, sizeof(text), "format_version: \"%s\"\n%s" TAIL, good[i],
			       strchr(HEAD, '\n') + 1);
		wlt_manifest_free(parse(text));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "format_version: \"%s\"\n%s" TAIL, bad[i],
			       strchr(HEAD, '\n') + 1);
		refused(text, WLT_DAMAGED, "format_version");
	}
	(void)snprintf(text, sizeof(text), "format_version: \"3.0.0\"\n%s" TAIL,
		       strchr(HEAD, '\n') + 1);
	refused(text, WLT_UNSUPPORTED, "3.0.0 is newer");
}
END_TEST

#define HEAD_1_1                                                           \
	"format_version: \"1.1.0\"\ncreated: \"2026-03-26\"\nsource: {}\n" \
	"files:\n  - path: \"_core/key.md\"\n    sha256: \"" SHA_A "\"\n    size: 0\n"

/* No payload_sha256, and `capsule` for what is called bundle now. */
START_TEST(version_1)
{
	struct wlt_manifest *manifest = parse(HEAD_1_1 "scope: \"capsule\"\n");

	ck_assert(manifest->v1);
	ck_assert_int_eq(manifest->scope, WLT_SCOPE_BUNDLE);
	ck_assert_str_eq(manifest->payload_sha256, "");
	wlt_manifest_free(manifest);
	manifest = parse(HEAD_1_1 "scope: \"snapshot\"\npayload_sha256: \"" SHA_P "\"\n");
	ck_assert_int_eq(manifest->scope, WLT_SCOPE_SNAPSHOT);
	ck_assert_str_eq(manifest->payload_sha256, SHA_P);
	wlt_manifest_free(manifest);
	manifest = parse(HEAD TAIL);
	ck_assert(!manifest->v1);
	wlt_manifest_free(manifest);
	refused(HEAD_1_1 "scope: \"capsule\"\npayload_sha256: \"\"\n", WLT_DAMAGED,
		"`payload_sha256`");
	refused(HEAD_1_1 "scope: \"walnut\"\n", WLT_DAMAGED, "scope \"walnut\"");
	refused(HEAD_1_1, WLT_DAMAGED, "`scope` is missing");
	refused("format_version: \"2.0.0\"\nscope: \"capsule\"\n", WLT_DAMAGED,
		"scope \"capsule\"");
}
END_TEST

START_TEST(missing_members)
{
	static const char *const keys[] = {"format_version", "created",        "scope",
					   "source",         "payload_sha256", "files"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct wlt_manifest *manifest = parse(HEAD TAIL);
		struct json_object *tree = json_object_get(manifest->tree);
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		wlt_manifest_free(manifest);
		json_object_object_del(tree, keys[i]);
		ck_assert(!wlt_manifest_from_tree(tree, &manifest, &err));
		ck_assert_int_eq(err.kind, WLT_DAMAGED);
		ck_assert_msg(strstr(wlt_error_text(&err), keys[i]) != NULL, "%s",
			      wlt_error_text(&err));
		json_object_put(tree);
	}
}
END_TEST

#define FILES(entry)                                   \
	HEAD "payload_sha256: \"" SHA_P "\"\nfiles:\n" \
	     "  - path: \"first\"\n    sha256: \"" SHA_A "\"\n    size: 1\n" entry

static const struct {
	const char *text;
	const char *part;
} malformed[] = {
	{"", "format_version"},
	{"- a\n", "manifest.yaml"},
	{"{", "manifest.yaml"},
	{HEAD TAIL "sender: \"a\"\nsender: \"b\"\n", "manifest.yaml"},
	{HEAD TAIL "x: &anchor 1\n", "manifest.yaml"},
	{HEAD TAIL "x: {y: {z: {}}}\n", "manifest.yaml"},
	{HEAD TAIL "---\n" HEAD TAIL, "manifest.yaml"},
	{HEAD TAIL "sender: 7\n", "`sender` is not a text"},
	{HEAD TAIL "note: []\n", "`note` is not a text"},
	{HEAD TAIL "source_layout: {}\n", "`source_layout` is not a text"},
	{HEAD TAIL "bundles: \"x\"\n", "`bundles` is not a list"},
	{HEAD TAIL "bundles:\n  - 1\n", "bundles[0] is not a text"},
	{HEAD TAIL "exclusions_applied:\n  - \"a\"\n  - {}\n", "exclusions_applied[1]"},
	{HEAD TAIL "substitutions_applied:\n  - reason: \"x\"\n", "substitutions_applied[0]"},
	{FILES("  - \"x\"\n"), "files[1] is not a mapping"},
	{FILES("  - sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1] has no `path`"},
	{FILES("  - path: 1\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1] has no `path`"},
	{FILES("  - path: \"x\"\n    size: 1\n"), "files[1] x: `sha256`"},
	{FILES("  - path: \"x\"\n    sha256: \"abc\"\n    size: 1\n"), "files[1] x: `sha256`"},
	{FILES("  - path: \"x\"\n    sha256: \"" SHA_A "0\"\n    size: 1\n"),
	 "files[1] x: `sha256`"},
	{FILES("  - path: \"x\"\n    sha256: "
	       "\"E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca4959"
	       "91b7852b855\"\n    size: 1\n"),
	 "files[1] x: `sha256`"},
	{FILES("  - path: \"x\"\n    sha256: \"" SHA_A "\"\n"), "files[1] x: `size`"},
	{FILES("  - path: \"x\"\n    sha256: \"" SHA_A "\"\n    size: -1\n"), "files[1] x: `size`"},
	{FILES("  - path: \"x\"\n    sha256: \"" SHA_A "\"\n    size: \"1\"\n"),
	 "files[1] x: `size`"},
	{FILES("  - path: \"x\"\n    sha256: \"" SHA_A "\"\n    size: 1.0\n"),
	 "files[1] x: `size`"},
	{FILES("  - path: \"first\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"),
	 "first is listed twice"},
	{FILES("  - path: \"manifest.yaml\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"),
	 "files[1] is manifest.yaml itself"},
	{FILES("  - path: \"../x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
	{FILES("  - path: \"/x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
	{FILES("  - path: \"a\\\\x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
	{FILES("  - path: \"a\\nx\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
	{FILES("  - path: \"a\\0x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "manifest"},
	{FILES("  - path: \".alive/x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
	{FILES("  - path: \".walnut/x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
	{FILES("  - path: \"__MACOSX/x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
	{FILES("  - path: \"__MACOSX\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"), "files[1]"},
};

#define N_MALFORMED (sizeof(malformed) / sizeof(malformed[0]))

START_TEST(malformed_texts)
{
	refused(malformed[_i].text, WLT_DAMAGED, malformed[_i].part);
}
END_TEST

START_TEST(names_like_reserved_ones)
{
	wlt_manifest_free(parse(
		FILES("  - path: \"__MACOSX2/x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"
		      "  - path: \"a/.alive/x\"\n    sha256: \"" SHA_A "\"\n    size: 1\n"
		      "  - path: \"a/manifest.yaml\"\n    sha256: \"" SHA_A "\"\n    size: 1\n")));
}
END_TEST

static char *many_files(unsigned n)
{
	struct wlt_buf out = WLT_BUF_INIT;

	wlt_buf_puts(&out, HEAD "payload_sha256: \"" SHA_P "\"\nfiles:\n");
	for (unsigned i = 0; i < n; i++)
		wlt_buf_printf(&out, "  - path: \"f%u\"\n    sha256: \"" SHA_A "\"\n    size: 1\n",
			       i);
	return wlt_buf_take(&out);
}

START_TEST(limits)
{
	WLT_AUTOFREE char *most = many_files(WLT_MAX_LISTED);
	WLT_AUTOFREE char *more = many_files(WLT_MAX_LISTED + 1);
	WLT_AUTOFREE char *large = malloc(WLT_MAX_MANIFEST + 2);
	struct wlt_manifest *manifest = parse(most);
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_uint_eq(manifest->n_files, WLT_MAX_LISTED);
	wlt_manifest_free(manifest);
	refused(more, WLT_TOO_BIG, "20001 files listed");
	ck_assert_ptr_nonnull(large);
	memset(large, '\n', WLT_MAX_MANIFEST + 1);
	ck_assert(!wlt_manifest_parse(large, WLT_MAX_MANIFEST + 1, &manifest, &err));
}
END_TEST

/* --- writing ------------------------------------------------------------------------------------ */

static void check_round_trip(const char *text)
{
	struct wlt_manifest *manifest = parse(text);
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_manifest_format(manifest->tree, &out, &err), "%s", wlt_error_text(&err));
	ck_assert_str_eq(out.data, text);
	wlt_manifest_free(manifest);
}

START_TEST(layout)
{
	check_round_trip(everything);
}
END_TEST

START_TEST(layout_order)
{
	struct json_object *tree =
		json("{\"zz\":1,\"aa\":\"\\t\",\"files\":[{\"z\":1,\"path\":\"p\",\"a\":{}}],"
		     "\"source\":{\"z\":\"\",\"path\":\"p\",\"a\":[]},\"odd key\":false,"
		     "\"format_version\":\"2\"}");
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_manifest_format(tree, &out, &err), "%s", wlt_error_text(&err));
	ck_assert_str_eq(out.data, "format_version: \"2\"\n"
				   "source:\n"
				   "  a: []\n"
				   "  path: \"p\"\n"
				   "  z: \"\"\n"
				   "files:\n"
				   "  - path: \"p\"\n"
				   "    a: {}\n"
				   "    z: 1\n"
				   "aa: \"\t\"\n"
				   "\"odd key\": false\n"
				   "zz: 1\n");
	json_object_put(tree);
}
END_TEST

START_TEST(unwritable)
{
	static const char *const texts[] = {"{\"a\":\"\\u0001\"}", "{\"a\":{\"b\":[1]}}",
					    "{\"a\":[[1]]}", "{\"a\":[{\"b\":{\"c\":1}}]}",
					    "{\"\\u0002\":1}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_object *tree = json(texts[i]);
		WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		ck_assert(!wlt_manifest_format(tree, &out, &err));
		ck_assert_int_eq(err.kind, WLT_USAGE);
		json_object_put(tree);
	}
}
END_TEST

/* --- identity ----------------------------------------------------------------------------------- */

START_TEST(canonical_bytes)
{
	struct wlt_manifest *manifest = parse(everything);
	WLT_AUTOFREE char *got = canonical(manifest->tree);

	ck_assert_str_eq(
		got,
		"{\"a-later-key\":true,\"another\":1.5,\"bundles\":[\"shielding-review\"],"
		"\"created\":\"2026-04-07T10:15:00Z\","
		"\"description\":\"says \\\"hi\\\" and back\\\\slash\",\"encryption\":\"none\","
		"\"exclusions_applied\":[],\"files\":[{\"path\":\"README.md\",\"sha256\":\"" SHA_A
		"\",\"size\":812}],\"format_version\":\"2.1.0\",\"min_plugin_version\":\"3.1.0\","
		"\"note\":\"two\\nlines\\r\",\"path\":null,\"payload_sha256\":\"" SHA_P
		"\",\"scope\":\"bundle\",\"sender\":\"patrick\",\"source\":{\"engine\":\"unknown\","
		"\"plugin_version\":\"3.1.0\",\"session_id\":\"manual\",\"walnut\":\"nova-"
		"station\"}"
		",\"source_layout\":\"v3\",\"substitutions_applied\":[{\"path\":\"_kernel/log.md\","
		"\"reason\":\"baseline-stub\"}],\"zeal\":[-7,{\"a\":2,\"path\":1},{}]}");
	wlt_manifest_free(manifest);
}
END_TEST

START_TEST(canonical_order)
{
	struct json_object *tree = json(
		"{\"b\":0,\"a\":0,\"B\":0,\"\xc3\xa9\":0,\"z\":0,"
		"\"files\":[{\"path\":\"b\"},{\"path\":\"a\",\"n\":2},{\"path\":\"a\",\"n\":1}],"
		"\"substitutions_applied\":[{\"path\":\"y\"},{\"path\":\"x\"}],"
		"\"bundles\":[\"b\",\"a\",\"\xf0\x9f\x8c\xb0\",\"\xef\xbf\xbd\"],"
		"\"exclusions_applied\":[\"z\",\"**/x\"],"
		"\"other\":[\"z\",\"a\"],\"source\":{\"files\":[2,1],\"signature\":1},"
		"\"signature\":{\"a\":1}}");
	WLT_AUTOFREE char *got = canonical(tree);

	ck_assert_str_eq(
		got,
		"{\"B\":0,\"a\":0,\"b\":0,"
		"\"bundles\":[\"a\",\"b\",\"\xef\xbf\xbd\",\"\xf0\x9f\x8c\xb0\"],"
		"\"exclusions_applied\":[\"**/x\",\"z\"],"
		"\"files\":[{\"n\":2,\"path\":\"a\"},{\"n\":1,\"path\":\"a\"},{\"path\":\"b\"}],"
		"\"other\":[\"z\",\"a\"],\"source\":{\"files\":[2,1],\"signature\":1},"
		"\"substitutions_applied\":[{\"path\":\"x\"},{\"path\":\"y\"}],\"z\":0,"
		"\"\xc3\xa9\":0}");
	json_object_put(tree);
}
END_TEST

START_TEST(canonical_strings)
{
	struct json_object *tree = json("{\"s\":\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f "
					"\\\"\\\\/\\u007f\\u00fc\\u2028\"}");
	WLT_AUTOFREE char *got = canonical(tree);

	ck_assert_str_eq(got, "{\"s\":\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f "
			      "\\\"\\\\/\x7f\xc3\xbc\xe2\x80\xa8\"}");
	json_object_put(tree);
}
END_TEST

START_TEST(canonical_refused)
{
	static const char *const texts[] = {
		"[]",
		"{\"files\":[1]}",
		"{\"bundles\":[{}]}",
		"{\"files\":[{}]}",
		"{\"a\":[[[[[[[[1]]]]]]]]}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_object *tree = json(texts[i]);
		WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		ck_assert(!wlt_manifest_canonical(tree, &out, &err));
		ck_assert_int_eq(err.kind, WLT_DAMAGED);
		json_object_put(tree);
	}
}
END_TEST

/* Expected: what Python's repr() gives. */
START_TEST(doubles)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0.0, "0.0"},
		     {-0.0, "-0.0"},
		     {1.0, "1.0"},
		     {0.1, "0.1"},
		     {-2.5, "-2.5"},
		     {100.0, "100.0"},
		     {123456.789, "123456.789"},
		     {0.0001, "0.0001"},
		     {0.00001, "1e-05"},
		     {0.00012345, "0.00012345"},
		     {1.5e-7, "1.5e-07"},
		     {1e15, "1000000000000000.0"},
		     {1e16, "1e+16"},
		     {1234567890123456.0, "1234567890123456.0"},
		     {12345678901234567.0, "1.2345678901234568e+16"},
		     {1e22, "1e+22"},
		     {1e100, "1e+100"},
		     {0.1 + 0.2, "0.30000000000000004"},
		     {5e-324, "5e-324"},
		     {1.7976931348623157e308, "1.7976931348623157e+308"},
		     {INFINITY, "Infinity"},
		     {-INFINITY, "-Infinity"},
		     {NAN, "NaN"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;

		wlt_put_double(&out, cases[i].value);
		ck_assert_str_eq(out.data, cases[i].text);
	}
}
END_TEST

START_TEST(integers)
{
	struct wlt_manifest *manifest = parse(HEAD TAIL "i: 9223372036854775807\nj: -1\nk: 007\n");
	WLT_AUTOFREE char *got = canonical(manifest->tree);

	ck_assert_ptr_nonnull(strstr(got, "\"i\":9223372036854775807,\"j\":-1,"));
	wlt_manifest_free(manifest);
}
END_TEST

/* --- with other programs ------------------------------------------------------------------------ */

static struct sandbox box;

static void setup(void)
{
	sandbox_make(&box);
}

static void teardown(void)
{
	sandbox_remove(&box);
}

START_TEST(digests)
{
	struct wlt_manifest *manifest = parse(HEAD TAIL);
	WLT_AUTOFREE char *bytes = canonical(manifest->tree);
	WLT_AUTOFREE char *expected = NULL;
	WLT_AUTOFREE char *payload = NULL;
	struct wlt_error err = WLT_ERROR_INIT;
	uint8_t digest[WLT_SHA256_BYTES];
	char hex[WLT_SHA256_HEX];

	sandbox_put(&box, "canonical", bytes);
	ck_assert_int_eq(sandbox_sh(&box,
				    "sha256sum <canonical | cut -c 1-64 | tr -d '\\n' >id; "
				    "printf 'a/\303\274.txt\\000" SHA_A "\\0000\\nb.md\\000" SHA_B
				    "\\0002\\n' | sha256sum | cut -c 1-64 | tr -d '\\n' >payload"),
			 0);
	expected = sandbox_get(&box, "id", NULL);
	payload = sandbox_get(&box, "payload", NULL);
	ck_assert(wlt_manifest_digest(manifest->tree, digest, &err));
	wlt_hex_encode(digest, sizeof(digest), hex);
	ck_assert_str_eq(hex, expected);
	ck_assert(wlt_manifest_payload_sha256(manifest->files, manifest->n_files, hex, &err));
	ck_assert_str_eq(hex, payload);
	wlt_manifest_free(manifest);
}
END_TEST

START_TEST(spelled_names)
{
	ck_assert_str_eq(wlt_verdict_name(WLT_VERDICT_VALID), "valid");
	ck_assert_str_eq(wlt_verdict_name(WLT_VERDICT_ABSENT), "absent");
	ck_assert_str_eq(wlt_verdict_name(WLT_VERDICT_UNKNOWN_KEY), "unknown-key");
	ck_assert_str_eq(wlt_verdict_name(WLT_VERDICT_MISMATCH), "mismatch");
	ck_assert_str_eq(wlt_verdict_name(WLT_VERDICT_INVALID), "invalid");
	ck_assert_str_eq(wlt_scope_name(WLT_SCOPE_FULL), "full");
	ck_assert_str_eq(wlt_scope_name(WLT_SCOPE_BUNDLE), "bundle");
	ck_assert_str_eq(wlt_scope_name(WLT_SCOPE_SNAPSHOT), "snapshot");
}
END_TEST

/* --- what the existing tool made ---------------------------------------------------------------- */

START_TEST(vectors)
{
	static const char *const names[] = {"full", "full-excluded", "bundle", "snapshot"};
	char file[64];
	struct json_object *root = NULL;
	struct json_object *expected;
	struct wlt_manifest *manifest;
	struct wlt_error err = WLT_ERROR_INIT;
	uint8_t digest[WLT_SHA256_BYTES];
	char hex[WLT_SHA256_HEX];
	WLT_AUTOFREE char *text = NULL;
	WLT_AUTOFREE char *bytes = NULL;

	(void)snprintf(file, sizeof(file), "%s.walnut", names[_i]);
	expected = vectors_expected(file, &root);
	(void)snprintf(file, sizeof(file), "%s.manifest.yaml", names[_i]);
	text = vectors_get(file, NULL);
	manifest = parse(text);
	bytes = canonical(manifest->tree);
	ck_assert_str_eq(bytes, wlt_json_string(expected, "canonical"));
	ck_assert(wlt_manifest_digest(manifest->tree, digest, &err));
	wlt_hex_encode(digest, sizeof(digest), hex);
	ck_assert_str_eq(hex, wlt_json_string(expected, "import_id"));
	ck_assert(wlt_manifest_payload_sha256(manifest->files, manifest->n_files, hex, &err));
	ck_assert_str_eq(hex, wlt_json_string(expected, "payload_sha256"));
	ck_assert_str_eq(hex, manifest->payload_sha256);
	check_round_trip(text);
	wlt_manifest_free(manifest);
	json_object_put(root);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("manifest");
	TCase *text = tcase_create("text");
	TCase *identity = tcase_create("identity");

	tcase_add_test(text, members);
	tcase_add_test(text, flow_style_and_plain_scalars);
	tcase_add_test(text, versions);
	tcase_add_test(text, version_1);
	tcase_add_test(text, missing_members);
	tcase_add_loop_test(text, malformed_texts, 0, (int)N_MALFORMED);
	tcase_add_test(text, names_like_reserved_ones);
	tcase_add_test(text, limits);
	tcase_add_test(text, layout);
	tcase_add_test(text, layout_order);
	tcase_add_test(text, unwritable);
	tcase_add_test(text, spelled_names);
	tcase_add_checked_fixture(identity, setup, teardown);
	tcase_add_test(identity, canonical_bytes);
	tcase_add_test(identity, canonical_order);
	tcase_add_test(identity, canonical_strings);
	tcase_add_test(identity, canonical_refused);
	tcase_add_test(identity, doubles);
	tcase_add_test(identity, integers);
	tcase_add_test(identity, digests);
	if (vectors_dir() != NULL)
		tcase_add_loop_test(identity, vectors, 0, 4);
	suite_add_tcase(suite, text);
	suite_add_tcase(suite, identity);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
