/* SPDX-License-Identifier: MIT */
/* Opening what openssl sealed: envelopes, signatures, and every kind of damage. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "opened.h"
#include "package/contents.h"

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

/* Flips outside the payload. A package whose envelope still says the same opens the same way, and an
 * RSA operation is spared. */
static void flip_envelope(const struct wlt_raw *raw, const struct wlt_open_options *options,
			  const struct wlt_envelope *sound, const struct wlt_package *original)
{
	for (size_t bit = 0; bit < raw->size * 8; bit++) {
		struct wlt_envelope envelope = {0};
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		if (bit == sound->payload_offset * 8)
			bit += sound->payload_size * 8;
		opened_flip(raw, bit);
		if (!wlt_envelope_read(raw, &envelope, &err))
			ck_assert_msg(err.kind == WLT_DAMAGED || err.kind == WLT_TOO_BIG, "%s",
				      wlt_error_text(&err));
		else if (envelope.kind != sound->kind ||
			 envelope.payload_offset != sound->payload_offset ||
			 envelope.payload_size != sound->payload_size ||
			 memcmp(envelope.iv, sound->iv, sizeof(sound->iv)) != 0 ||
			 envelope.n_recipients != 1 ||
			 strcmp(envelope.recipients->pubkey_id, sound->recipients->pubkey_id) !=
				 0 ||
			 envelope.recipients->wrapped_len != sound->recipients->wrapped_len ||
			 memcmp(envelope.recipients->wrapped, sound->recipients->wrapped,
				sound->recipients->wrapped_len) != 0)
			(void)opened_same_or_refused(raw, options, original);
		wlt_envelope_free(&envelope);
		opened_flip(raw, bit);
	}
}

/* The pipeline behind the RSA operation, as wlt_package_open() puts it together. */
static bool read_payload(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
			 const uint8_t *key, struct wlt_contents *contents,
			 struct wlt_manifest **manifest, struct wlt_error *err)
{
	struct wlt_open_options options = opened_options(NULL);
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *tar = NULL;
	struct wlt_source *encrypted = NULL;
	struct wlt_source *clear = NULL;
	enum wlt_check check;

	return wlt_source_raw(raw, envelope->payload_offset, envelope->payload_size, &encrypted,
			      err) &&
	       wlt_source_cbc(encrypted, key, envelope->iv, &clear, err) &&
	       wlt_source_payload(clear, true, envelope->payload_size, &tar, err) &&
	       wlt_contents_read(tar, &options, contents, err) &&
	       wlt_contents_manifest(contents, &check, manifest, err) &&
	       wlt_contents_verify(contents, *manifest, &check, err);
}

static void flip_payload(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
			 const uint8_t *key)
{
	size_t first = envelope->payload_offset * 8;

	for (size_t bit = first; bit < first + envelope->payload_size * 8; bit++) {
		WLT_AUTO(wlt_contents_free) struct wlt_contents contents = {0};
		WLT_AUTO(wlt_manifest_cleanup) struct wlt_manifest *manifest = NULL;
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		opened_flip(raw, bit);
		/* A flip garbles a whole block of the stream: no content survives that. */
		ck_assert_msg(!read_payload(raw, envelope, key, &contents, &manifest, &err),
			      "bit %zu", bit);
		ck_assert_msg(err.kind == WLT_DAMAGED || err.kind == WLT_TOO_BIG, "%s",
			      wlt_error_text(&err));
		opened_flip(raw, bit);
	}
}

START_TEST(every_bit_of_a_sealed_package)
{
	struct wlt_open_options options = opened_options(bob);
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_contents_free) struct wlt_contents contents = {0};
	WLT_AUTO(wlt_manifest_cleanup) struct wlt_manifest *manifest = NULL;
	struct wlt_package *original;
	struct wlt_envelope envelope;
	struct wlt_raw raw;
	WLT_AUTOFREE char *key = NULL;

	packages_plain(&box, "payload", "-b 1 --format=ustar");
	packages_seal(&box, "payload", "bob", "p");
	key = sandbox_get(&box, "key", NULL);
	original = opened_file(&box, "p", &options);
	raw = packages_raw(&box, "p");
	ck_assert(wlt_envelope_read(&raw, &envelope, &err));
	ck_assert_msg(read_payload(&raw, &envelope, (const uint8_t *)key, &contents, &manifest,
				   &err),
		      "%s", wlt_error_text(&err));
	if (_i == 0)
		flip_envelope(&raw, &options, &envelope, original);
	else
		flip_payload(&raw, &envelope, (const uint8_t *)key);
	wlt_envelope_free(&envelope);
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
	tcase_add_test(tcase, signatures);
	tcase_add_loop_test(tcase, every_bit_of_a_sealed_package, 0, 2);
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
