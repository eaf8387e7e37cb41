/* SPDX-License-Identifier: MIT */
/* Opening every package that the existing tool, or openssl and GNU tar, left as a vector. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "opened.h"
#include "vectors.h"

static struct sandbox box;

static void setup(void)
{
	sandbox_make(&box);
}

static void teardown(void)
{
	sandbox_remove(&box);
}

static struct wlt_key *vector_key(void)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;
	size_t len;
	WLT_AUTOFREE char *pem = vectors_get("bob-private.pem", &len);

	sandbox_put_bytes(&box, "vector.pem", pem, len);
	ck_assert_int_eq(sandbox_sh(&box, "chmod 0600 vector.pem"), 0);
	ck_assert_msg(wlt_key_load_private(box.fd, "vector.pem", &key, &err), "%s",
		      wlt_error_text(&err));
	return key;
}

static struct wlt_raw vector_raw(const char *name)
{
	struct wlt_raw raw = {-1, NULL, 0};
	size_t len;

	raw.memory = (const uint8_t *)vectors_get(name, &len);
	raw.size = len;
	return raw;
}

static void check_listed(const struct wlt_package *package, struct json_object *files)
{
	size_t j = 0;

	ck_assert_uint_eq(package->n_entries, json_object_array_length(files) + 1);
	for (size_t i = 0; i < package->n_entries; i++) {
		struct json_object *file = json_object_array_get_idx(files, j);

		if (strcmp(package->entries[i].path, "manifest.yaml") == 0)
			continue;
		ck_assert_str_eq(package->entries[i].path,
				 json_object_get_string(json_object_array_get_idx(file, 0)));
		ck_assert_int_eq((int64_t)package->entries[i].size,
				 json_object_get_int64(json_object_array_get_idx(file, 1)));
		ck_assert_str_eq(package->manifest->files[j].sha256,
				 json_object_get_string(json_object_array_get_idx(file, 2)));
		j++;
	}
}

/* What expected.json says of every package, as far as it says it. */
static void check_expected(const struct wlt_package *package, struct json_object *expected)
{
	static const char *const members[] = {"import_id", "payload_sha256", "scope", "envelope",
					      "format_version"};
	const char *found[] = {package->import_id, package->manifest->payload_sha256,
			       wlt_scope_name(package->manifest->scope),
			       wlt_envelope_kind_name(package->envelope),
			       package->manifest->format_version};
	const char *canonical = wlt_json_string(expected, "canonical");
	struct wlt_buf bytes = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *value = wlt_json_string(expected, members[i]);

		if (value != NULL)
			ck_assert_msg(strcmp(found[i], value) == 0, "%s: %s, not %s", members[i],
				      found[i], value);
	}
	ck_assert(wlt_manifest_canonical(package->manifest->tree, &bytes, &err));
	if (canonical != NULL)
		ck_assert_str_eq(bytes.data, canonical);
	wlt_buf_free(&bytes);
	if (wlt_json_array(expected, "files") != NULL)
		check_listed(package, wlt_json_array(expected, "files"));
}

/* All of them: none may be forgotten when more are added. */
START_TEST(vectors_opened)
{
	struct wlt_key *key = vector_key();
	struct wlt_open_options options = opened_options(key);
	struct json_object *root = NULL;
	const char *passphrase;
	size_t opened = 0;

	(void)vectors_expected("full.walnut", &root);
	passphrase = wlt_json_string(root, "passphrase");
	options.passphrase = passphrase;
	options.passphrase_len = strlen(passphrase);
	json_object_object_foreach(wlt_json_object(root, "packages"), name, expected)
	{
		struct wlt_raw raw = vector_raw(name);

		if (strcmp(name, "rsa-not-bob.walnut") == 0) {
			opened_refused_raw(&raw, &options, WLT_NO_KEY, "f699107cdcb33de5");
		} else {
			struct wlt_package *package = opened_raw(&raw, &options);

			check_expected(package, expected);
			wlt_package_free(package);
			opened++;
		}
		free((void *)(uintptr_t)raw.memory);
	}
	ck_assert_uint_ge(opened, 20);
	json_object_put(root);
	wlt_key_unref(key);
}
END_TEST

/* `_core/` content, as it lies in the package. */
START_TEST(vectors_1_1)
{
	static const char *const names[] = {"v1-full.walnut", "legacy-1.1-pass.walnut",
					    "legacy-1.1-rsa.walnut", "legacy-1.1-rsa-short.walnut"};
	static const enum wlt_envelope_kind kinds[] = {WLT_ENVELOPE_PLAIN,
						       WLT_ENVELOPE_LEGACY_PASSPHRASE,
						       WLT_ENVELOPE_LEGACY_RSA,
						       WLT_ENVELOPE_LEGACY_RSA};
	struct wlt_key *key = vector_key();
	struct wlt_open_options options = opened_options(key);
	struct wlt_raw raw = vector_raw(names[_i]);
	struct wlt_package *package;
	WLT_AUTOFREE char *content = NULL;

	options.passphrase = "correct horse battery staple";
	options.passphrase_len = strlen(options.passphrase);
	package = opened_raw(&raw, &options);
	ck_assert_int_eq(package->envelope, kinds[_i]);
	ck_assert(package->manifest->v1);
	ck_assert_str_eq(package->manifest->payload_sha256, "");
	ck_assert_uint_eq(package->n_entries, 9);
	ck_assert_str_eq(package->entries[1].path, "_core/_capsules/pruning/v0.1.md");
	ck_assert_str_eq(package->entries[7].path, "_core/tasks.md");
	ck_assert_str_eq(package->entries[8].path, "manifest.yaml");
	content = opened_content(package, 8);
	ck_assert_ptr_nonnull(strstr(content, "format_version: \"1.1.0\""));
	wlt_package_free(package);
	free((void *)(uintptr_t)raw.memory);
	wlt_key_unref(key);
}
END_TEST

START_TEST(vectors_refused)
{
	static const struct {
		const char *name;
		const char *passphrase;
		const char *part;
	} cases[] = {
		{"passphrase.walnut", NULL, "sealed with a passphrase, and none was given"},
		{"passphrase-evp-md5.walnut", NULL, "sealed with a passphrase"},
		{"passphrase-100k.walnut", "correct horse battery stapl", "does not open it"},
		{"rsa-not-bob.walnut", "correct horse battery staple", "f699107cdcb33de5"},
		{"legacy-2.0-passphrase.walnut", NULL, "sealed with a passphrase"},
		{"legacy-1.1-pass.walnut", "", "the passphrase does not open it"},
		{"legacy-2.0-rsa-bob.walnut", "x", "sealed for a private key"},
		{"legacy-1.1-rsa.walnut", "x", "sealed for a private key"},
	};
	struct wlt_open_options options = opened_options(NULL);
	struct wlt_raw raw = vector_raw(cases[_i].name);

	options.passphrase = cases[_i].passphrase;
	options.passphrase_len = options.passphrase != NULL ? strlen(options.passphrase) : 0;
	opened_refused_raw(&raw, &options, WLT_NO_KEY, cases[_i].part);
	free((void *)(uintptr_t)raw.memory);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("open_vectors");
	TCase *tcase = tcase_create("vectors");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 300);
	if (vectors_dir() != NULL) {
		tcase_add_test(tcase, vectors_opened);
		tcase_add_loop_test(tcase, vectors_1_1, 0, 4);
		tcase_add_loop_test(tcase, vectors_refused, 0, 8);
	}
	suite_add_tcase(suite, tcase);
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
