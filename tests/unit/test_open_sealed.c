/* SPDX-License-Identifier: MIT */
/* Opening what openssl sealed: envelopes, signatures, and every kind of damage. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opened.h"

static struct sandbox box;
static struct wlt_key *bob;
static struct wlt_key *carol;

static void setup(void)
{
	sandbox_make(&box);
	packages_tree(&box);
	bob = packages_key(&box, "bob");
	carol = packages_key(&box, "carol");
}

static void teardown(void)
{
	wlt_key_unref(bob);
	wlt_key_unref(carol);
	sandbox_remove(&box);
}

/* --- envelopes ----------------------------------------------------------------------------------- */

START_TEST(sealed)
{
	struct wlt_open_options for_bob = opened_options(bob);
	struct wlt_open_options for_carol = opened_options(carol);
	struct wlt_open_options nobody = opened_options(NULL);
	struct wlt_package *package;

	packages_plain(&box, "payload", "");
	packages_seal(&box, "payload", "bob", "p");
	package = opened_file(&box, "p", &for_bob);
	opened_check_tree(&box, package);
	ck_assert_int_eq(package->envelope, WLT_ENVELOPE_RSA);
	wlt_package_free(package);
	opened_refused(&box, "p", &for_carol, WLT_NO_KEY,
		       "no private key here matches any recipient");
	opened_refused(&box, "p", &for_carol, WLT_NO_KEY, wlt_key_id(bob));
	opened_refused(&box, "p", &nobody, WLT_NO_KEY, wlt_key_id(bob));
	packages_seal(&box, "payload", "carol bob", "p");
	wlt_package_free(opened_file(&box, "p", &for_bob));
	wlt_package_free(opened_file(&box, "p", &for_carol));
	/* Ids are a hint: under foreign ones it still opens. */
	ck_assert_int_eq(sandbox_sh(&box,
				    "sed -i 's/\"pubkey_id\": \"[0-9a-f]*\"/\"pubkey_id\": "
				    "\"0123456789abcdef\"/g' rsa-envelope-v1.json && tar -cf p "
				    "rsa-envelope-v1.json payload.enc"),
			 0);
	wlt_package_free(opened_file(&box, "p", &for_bob));
	wlt_package_free(opened_file(&box, "p", &for_carol));
}
END_TEST

/* A key of another length than 32 bytes is no content key. */
START_TEST(sealed_with_short_key)
{
	struct wlt_open_options for_bob = opened_options(bob);

	packages_plain(&box, "payload", "");
	packages_seal(&box, "payload", "bob", "p");
	ck_assert_int_eq(
		sandbox_sh(&box,
			   "head -c 31 key | openssl pkeyutl -encrypt -pubin -inkey "
			   "bob.pub.pem -pkeyopt rsa_padding_mode:oaep -pkeyopt "
			   "rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 | base64 -w 0 >b64 && "
			   "sed -i \"s|\\\"key_enc_b64\\\": \\\"[^\\\"]*\\\"|\\\"key_enc_b64\\\": "
			   "\\\"$(cat b64)\\\"|\" rsa-envelope-v1.json && tar -cf p "
			   "rsa-envelope-v1.json payload.enc"),
		0);
	opened_refused(&box, "p", &for_bob, WLT_NO_KEY, "no private key here");
}
END_TEST

/* Whatever is wrong inside a sealed payload: the words are the same. */
START_TEST(sealed_damage)
{
	struct wlt_open_options for_bob = opened_options(bob);

	sandbox_put(&box, "payload", "this is no gzip stream");
	packages_seal(&box, "payload", "bob", "p");
	opened_refused(&box, "p", &for_bob, WLT_DAMAGED,
		       "payload cannot be decrypted or is damaged");
	packages_plain(&box, "payload", "");
	packages_seal(&box, "payload", "bob", "p");
	ck_assert_int_eq(sandbox_sh(&box, "openssl rand 48 >payload.enc; tar -cf p "
					  "rsa-envelope-v1.json payload.enc"),
			 0);
	opened_refused(&box, "p", &for_bob, WLT_DAMAGED,
		       "payload cannot be decrypted or is damaged");
	ck_assert_int_eq(sandbox_sh(&box, "printf x >>payload"), 0);
	packages_seal(&box, "payload", "bob", "p");
	opened_refused(&box, "p", &for_bob, WLT_DAMAGED,
		       "payload cannot be decrypted or is damaged");
}
END_TEST

START_TEST(not_opened)
{
	struct wlt_open_options for_bob = opened_options(bob);

	packages_plain(&box, "payload", "");
	ck_assert_int_eq(sandbox_sh(&box,
				    "openssl enc -aes-256-cbc -pbkdf2 -iter 1000 -pass pass:x "
				    "-in payload -out p"),
			 0);
	opened_refused(&box, "p", &for_bob, WLT_NO_KEY, "sealed with a passphrase");
	ck_assert_int_eq(sandbox_sh(&box,
				    "mkdir w && cp t/manifest.yaml w && cp p w/payload.enc && "
				    "tar -C w -czf p manifest.yaml payload.enc"),
			 0);
	opened_refused(&box, "p", &for_bob, WLT_UNSUPPORTED, "a legacy wrapper");
	ck_assert_int_eq(sandbox_sh(&box, "printf x >w/payload.key; tar -C w -czf p ."), 0);
	opened_refused(&box, "p", &for_bob, WLT_UNSUPPORTED, "a legacy wrapper");
	/* A file that only has that name. */
	ck_assert_int_eq(sandbox_sh(&box, "cp w/payload.enc t/"), 0);
	packages_manifest(&box);
	packages_plain(&box, "p", "");
	wlt_package_free(opened_file(&box, "p", &for_bob));
}
END_TEST

/* --- signatures ---------------------------------------------------------------------------------- */

static struct wlt_keyring *ring_with(const char *peer, const struct wlt_key *pair)
{
	struct wlt_keyring *ring = NULL;
	struct wlt_key *key = NULL;
	struct wlt_error err = WLT_ERROR_INIT;
	char name[32];
	char path[128];

	(void)snprintf(name, sizeof(name), "keys-%s", peer);
	sandbox_dir(&box, name);
	(void)snprintf(path, sizeof(path), "%s/%s", box.path, name);
	ck_assert(wlt_keyring_load(path, &ring, &err));
	ck_assert(wlt_key_load_public(box.fd, pair == bob ? "bob.pub.pem" : "carol.pub.pem", &key,
				      &err));
	ck_assert_msg(wlt_keyring_pin(ring, peer, key, "accept", false, &err), "%s",
		      wlt_error_text(&err));
	wlt_key_unref(key);
	return ring;
}

START_TEST(signatures)
{
	struct wlt_open_options options = opened_options(bob);
	struct wlt_keyring *knows = ring_with("patrick", carol);
	struct wlt_keyring *mistaken = ring_with("somebody", carol);
	struct wlt_package *package;

	packages_plain(&box, "unsigned", "");
	packages_sign(&box, carol);
	packages_plain(&box, "signed", "");
	ck_assert_int_eq(sandbox_sh(&box, "sed -i 's/^created: .*/created: \"2027\"/' "
					  "t/manifest.yaml"),
			 0);
	packages_plain(&box, "altered", "");

	package = opened_file(&box, "signed", &options); /* no keyring: nobody is known */
	ck_assert_int_eq(package->verdict, WLT_VERDICT_UNKNOWN_KEY);
	ck_assert_str_eq(package->signer, wlt_key_id(carol));
	opened_check_tree(&box, package); /* the identity does not depend on the signature */
	wlt_package_free(package);
	options.ring = knows;
	package = opened_file(&box, "signed", &options);
	ck_assert_int_eq(package->verdict, WLT_VERDICT_VALID);
	wlt_package_free(package);
	opened_refused(&box, "altered", &options, WLT_UNTRUSTED, "invalid");
	options.sender = "other";
	opened_refused(&box, "signed", &options, WLT_UNTRUSTED, "is not the key of other");
	options.sender = NULL;
	options.require_signature = true;
	wlt_package_free(opened_file(&box, "signed", &options));
	opened_refused(&box, "unsigned", &options, WLT_UNTRUSTED, "not signed");
	options.ring = mistaken;
	opened_refused(&box, "signed", &options, WLT_UNTRUSTED, "is not the key of patrick");
	options.ring = NULL;
	opened_refused(&box, "signed", &options, WLT_UNTRUSTED, "not known here");
	options.require_signature = false;
	wlt_package_free(opened_file(&box, "unsigned", &options));
	wlt_keyring_free(knows);
	wlt_keyring_free(mistaken);
}
END_TEST

/* --- damage -------------------------------------------------------------------------------------- */

/* One bit of every byte: an RSA operation each. */
START_TEST(every_byte_of_a_sealed_package)
{
	struct wlt_open_options options = opened_options(bob);
	struct wlt_package *original;
	struct wlt_raw raw;

	packages_plain(&box, "payload", "-b 1 --format=ustar");
	packages_seal(&box, "payload", "bob", "p");
	original = opened_file(&box, "p", &options);
	raw = packages_raw(&box, "p");
	for (size_t byte = 0; byte < raw.size; byte++) {
		opened_flip(&raw, byte * 8 + byte % 8);
		(void)opened_same_or_refused(&raw, &options, original);
		opened_flip(&raw, byte * 8 + byte % 8);
	}
	wlt_package_free(original);
	free((void *)(uintptr_t)raw.memory);
}
END_TEST

START_TEST(cut_short)
{
	struct wlt_open_options options = opened_options(bob);
	struct wlt_package *original;
	struct wlt_raw raw;
	uint64_t size;

	packages_plain(&box, "payload", "--format=pax");
	packages_seal(&box, "payload", "bob", "p");
	original = opened_file(&box, "p", &options);
	raw = packages_raw(&box, "p");
	size = raw.size;
	for (raw.size = 0; raw.size < size; raw.size += 512)
		ck_assert(!opened_same_or_refused(&raw, &options, original));
	free((void *)(uintptr_t)raw.memory);
	raw = packages_raw(&box, "payload");
	size = raw.size;
	for (raw.size = 0; raw.size < size; raw.size++)
		ck_assert(!opened_same_or_refused(&raw, &options, original));
	free((void *)(uintptr_t)raw.memory);
	/* The tar inside, cut at every block, in a gzip stream that is whole; its closing blocks are
	 * two, and zeros may follow. */
	ck_assert_int_eq(sandbox_sh(&box,
				    "tar -b 1 -C t -cf tar . && for n in $(seq 0 $(($(stat -c %%s "
				    "tar) / 512 - 1))); do head -c $((n * 512)) tar | gzip -1n "
				    ">cut$n; done; echo $n >last"),
			 0);
	for (unsigned n = 0;; n++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "cut%u", n);
		if (faccessat(box.fd, name, F_OK, 0) != 0)
			break;
		raw = packages_raw(&box, name);
		ck_assert_msg(!opened_same_or_refused(&raw, &options, original), "%s opened", name);
		free((void *)(uintptr_t)raw.memory);
	}
	wlt_package_free(original);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("open_sealed");
	TCase *tcase = tcase_create("sealed");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, sealed);
	tcase_add_test(tcase, sealed_with_short_key);
	tcase_add_test(tcase, sealed_damage);
	tcase_add_test(tcase, not_opened);
	tcase_add_test(tcase, signatures);
	tcase_add_test(tcase, every_byte_of_a_sealed_package);
	tcase_add_test(tcase, cut_short);
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
