/* SPDX-License-Identifier: MIT */
/* The signature of a manifest, made for openssl and by it, and every verdict. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "packages.h"

static const char text[] =
	"format_version: \"2.1.0\"\n"
	"created: \"2026-04-07T10:15:00Z\"\n"
	"scope: \"full\"\n"
	"source:\n"
	"  walnut: \"nova-station\"\n"
	"payload_sha256: \"ae8e33113a7ca56a567925f36d8d171aeec6ae715377e1309d8351866210ddc7\"\n"
	"files: []\n";

static struct sandbox box;

static struct wlt_key *pair;     /* patrick's */
static struct wlt_key *stranger; /* somebody else's */

static void setup(void)
{
	sandbox_make(&box);
	pair = packages_key(&box, "patrick");
	stranger = packages_key(&box, "stranger");
}

static void teardown(void)
{
	wlt_key_unref(pair);
	wlt_key_unref(stranger);
	sandbox_remove(&box);
}

static struct wlt_manifest *unsigned_manifest(void)
{
	struct wlt_manifest *manifest = NULL;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_manifest_parse(text, strlen(text), &manifest, &err), "%s",
		      wlt_error_text(&err));
	return manifest;
}

static char *canonical(struct json_object *tree)
{
	struct wlt_buf out = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_manifest_canonical(tree, &out, &err), "%s", wlt_error_text(&err));
	return wlt_buf_take(&out);
}

/* A keyring with nobody in it. */
static struct wlt_keyring *new_ring(const char *name)
{
	struct wlt_keyring *ring = NULL;
	struct wlt_error err = WLT_ERROR_INIT;
	char path[128];

	sandbox_dir(&box, name);
	(void)snprintf(path, sizeof(path), "%s/%s", box.path, name);
	ck_assert_msg(wlt_keyring_load(path, &ring, &err), "%s", wlt_error_text(&err));
	return ring;
}

static void pin(struct wlt_keyring *ring, const char *peer, const char *pem)
{
	struct wlt_key *key = NULL;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_key_load_public(box.fd, pem, &key, &err), "%s", wlt_error_text(&err));
	ck_assert_msg(wlt_keyring_pin(ring, peer, key, "accept", false, &err), "%s",
		      wlt_error_text(&err));
	wlt_key_unref(key);
}

static struct wlt_manifest *signed_manifest(void)
{
	struct wlt_manifest *manifest = unsigned_manifest();
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_manifest_sign(manifest->tree, pair, &err), "%s", wlt_error_text(&err));
	return manifest;
}

static enum wlt_verdict verdict(const struct wlt_manifest *manifest, const struct wlt_keyring *ring,
				const char *sender, const char *own_name,
				char signer[WLT_KEY_ID_BYTES])
{
	struct wlt_error err = WLT_ERROR_INIT;
	uint8_t digest[WLT_SHA256_BYTES];

	ck_assert(wlt_manifest_digest(manifest->tree, digest, &err));
	return wlt_manifest_verdict(manifest, digest, ring, sender, own_name, signer);
}

START_TEST(signature_for_openssl)
{
	struct wlt_manifest *manifest = signed_manifest();
	struct json_object *signature = wlt_json_object(manifest->tree, "signature");
	WLT_AUTOFREE char *bytes = canonical(manifest->tree);

	ck_assert_int_eq(json_object_object_length(signature), 4);
	ck_assert_str_eq(wlt_json_string(signature, "algo"), "rsa-pss-sha256");
	ck_assert_str_eq(wlt_json_string(signature, "signed_bytes"), "manifest-canonical-json-v1");
	ck_assert_str_eq(wlt_json_string(signature, "pubkey_id"), wlt_key_id(pair));
	ck_assert_ptr_null(strstr(bytes, "signature"));
	sandbox_put(&box, "canonical", bytes);
	sandbox_put(&box, "sig.b64", wlt_json_string(signature, "sig_b64"));
	ck_assert_int_eq(sandbox_sh(&box,
				    "base64 -d sig.b64 >sig && openssl dgst -sha256 -verify "
				    "patrick.pub.pem -sigopt rsa_padding_mode:pss -sigopt "
				    "rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256 -signature sig "
				    "canonical >/dev/null"),
			 0);
	wlt_manifest_free(manifest);
}
END_TEST

START_TEST(signature_by_openssl)
{
	struct wlt_manifest *manifest = unsigned_manifest();
	WLT_AUTOFREE char *bytes = canonical(manifest->tree);
	WLT_AUTOFREE char *base64 = NULL;
	WLT_AUTOFREE char *id = NULL;
	struct wlt_keyring *ring = new_ring("keys");
	struct json_object *signature = json_object_new_object();
	char signer[WLT_KEY_ID_BYTES];

	sandbox_put(&box, "canonical", bytes);
	ck_assert_int_eq(sandbox_sh(&box,
				    "openssl dgst -sha256 -sign patrick.pem -sigopt "
				    "rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 canonical | "
				    "base64 -w 0 >sig.b64; openssl pkey -in patrick.pem -pubout "
				    "-outform DER | sha256sum | cut -c 1-16 | tr -d '\\n' >id"),
			 0);
	base64 = sandbox_get(&box, "sig.b64", NULL);
	id = sandbox_get(&box, "id", NULL);
	ck_assert(wlt_json_set_string(signature, "algo", "rsa-pss-sha256"));
	ck_assert(wlt_json_set_string(signature, "pubkey_id", id));
	ck_assert(wlt_json_set_string(signature, "sig_b64", base64));
	ck_assert(wlt_json_set_string(signature, "signed_bytes", "manifest-canonical-json-v1"));
	ck_assert(wlt_json_set(manifest->tree, "signature", signature));
	pin(ring, "patrick", "patrick.pub.pem");
	ck_assert_int_eq(verdict(manifest, ring, "patrick", NULL, signer), WLT_VERDICT_VALID);
	ck_assert_str_eq(signer, id);
	wlt_keyring_free(ring);
	wlt_manifest_free(manifest);
}
END_TEST

START_TEST(verdicts)
{
	struct wlt_manifest *plain = unsigned_manifest();
	struct wlt_manifest *manifest = signed_manifest();
	struct wlt_keyring *ring = new_ring("keys");
	struct wlt_keyring *own = new_ring("own");
	struct wlt_error err = WLT_ERROR_INIT;
	char signer[WLT_KEY_ID_BYTES] = "x";

	ck_assert_int_eq(verdict(plain, ring, "patrick", NULL, signer), WLT_VERDICT_ABSENT);
	ck_assert_str_eq(signer, "");
	ck_assert_int_eq(verdict(manifest, NULL, "patrick", NULL, signer), WLT_VERDICT_UNKNOWN_KEY);
	ck_assert_str_eq(signer, wlt_key_id(pair));
	ck_assert_int_eq(verdict(manifest, ring, "patrick", NULL, signer), WLT_VERDICT_UNKNOWN_KEY);
	pin(ring, "patrick", "patrick.pub.pem");
	pin(ring, "other", "stranger.pub.pem");
	ck_assert_int_eq(verdict(manifest, ring, "patrick", NULL, signer), WLT_VERDICT_VALID);
	ck_assert_int_eq(verdict(manifest, ring, "other", NULL, signer), WLT_VERDICT_MISMATCH);
	ck_assert_int_eq(verdict(manifest, ring, "nobody", NULL, signer), WLT_VERDICT_MISMATCH);
	ck_assert_int_eq(verdict(manifest, ring, "", NULL, signer), WLT_VERDICT_MISMATCH);
	/* Our own key, under our own name only. */
	ck_assert_msg(wlt_keyring_set_own(own, pair, &err), "%s", wlt_error_text(&err));
	ck_assert_int_eq(sandbox_sh(&box, "cp patrick.pub.pem own/public.pem"), 0);
	wlt_keyring_free(own);
	{
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/own", box.path);
		ck_assert_msg(wlt_keyring_load(path, &own, &err), "%s", wlt_error_text(&err));
	}
	ck_assert_int_eq(verdict(manifest, own, "me", "me", signer), WLT_VERDICT_VALID);
	ck_assert_int_eq(verdict(manifest, own, "me", NULL, signer), WLT_VERDICT_MISMATCH);
	ck_assert_int_eq(verdict(manifest, own, "patrick", "me", signer), WLT_VERDICT_MISMATCH);
	wlt_keyring_free(own);
	wlt_keyring_free(ring);
	wlt_manifest_free(manifest);
	wlt_manifest_free(plain);
}
END_TEST

START_TEST(verdict_altered)
{
	struct wlt_manifest *manifest = signed_manifest();
	struct wlt_keyring *ring = new_ring("keys");
	char signer[WLT_KEY_ID_BYTES];

	pin(ring, "patrick", "patrick.pub.pem");
	ck_assert(wlt_json_set_string(manifest->tree, "note", "altered"));
	ck_assert_int_eq(verdict(manifest, ring, "patrick", NULL, signer), WLT_VERDICT_INVALID);
	ck_assert_int_eq(verdict(manifest, ring, "other", NULL, signer), WLT_VERDICT_INVALID);
	wlt_keyring_free(ring);
	wlt_manifest_free(manifest);
}
END_TEST

START_TEST(verdict_malformed)
{
	static const struct {
		const char *key;
		const char *value;
	} cases[] = {{"algo", "rsa-pkcs1-sha256"},
		     {"algo", NULL},
		     {"signed_bytes", "manifest-canonical-json-v2"},
		     {"pubkey_id", "0123456789ABCDEF"},
		     {"pubkey_id", "0123456789abcde"},
		     {"pubkey_id", NULL},
		     {"sig_b64", "!"},
		     {"sig_b64", ""},
		     {"sig_b64", NULL}};
	struct wlt_keyring *ring = new_ring("keys");
	char signer[WLT_KEY_ID_BYTES];

	pin(ring, "patrick", "patrick.pub.pem");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wlt_manifest *manifest = signed_manifest();
		struct json_object *signature = wlt_json_object(manifest->tree, "signature");

		ck_assert(wlt_json_set_string(signature, cases[i].key, cases[i].value));
		ck_assert_int_eq(verdict(manifest, ring, "patrick", NULL, signer),
				 WLT_VERDICT_INVALID);
		json_object_object_add(manifest->tree, "signature", NULL);
		ck_assert_int_eq(verdict(manifest, ring, "patrick", NULL, signer),
				 WLT_VERDICT_INVALID);
		ck_assert_str_eq(signer, "");
		wlt_manifest_free(manifest);
	}
	wlt_keyring_free(ring);
}
END_TEST

START_TEST(sign_again)
{
	struct wlt_manifest *manifest = signed_manifest();
	struct wlt_keyring *ring = new_ring("keys");
	struct wlt_error err = WLT_ERROR_INIT;
	char signer[WLT_KEY_ID_BYTES];

	ck_assert_msg(wlt_manifest_sign(manifest->tree, stranger, &err), "%s",
		      wlt_error_text(&err));
	pin(ring, "other", "stranger.pub.pem");
	ck_assert_int_eq(verdict(manifest, ring, "other", NULL, signer), WLT_VERDICT_VALID);
	wlt_keyring_free(ring);
	wlt_manifest_free(manifest);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("signature");
	TCase *tcase = tcase_create("signature");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, signature_for_openssl);
	tcase_add_test(tcase, signature_by_openssl);
	tcase_add_test(tcase, verdicts);
	tcase_add_test(tcase, verdict_altered);
	tcase_add_test(tcase, verdict_malformed);
	tcase_add_test(tcase, sign_again);
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
