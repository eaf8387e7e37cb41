/* SPDX-License-Identifier: MIT */
/* Opening what a passphrase or an older release sealed: all made here with tar, gzip and openssl. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "opened.h"

#define PASSPHRASE     \
	"corr\xc3\xa9" \
	"ct horse"
#define NEWEST "-pbkdf2 -iter 600000"

static struct sandbox box;
static struct wlt_key *bob; /* in some */

static void setup(void)
{
	sandbox_make(&box);
	packages_tree(&box);
}

static void setup_with_key(void)
{
	setup();
	bob = packages_key(&box, "bob");
}

static void teardown(void)
{
	wlt_key_unref(bob);
	sandbox_remove(&box);
}

static struct wlt_open_options with(const char *passphrase)
{
	struct wlt_open_options options = opened_options(NULL);

	options.passphrase = passphrase;
	options.passphrase_len = passphrase != NULL ? strlen(passphrase) : 0;
	return options;
}

/* `openssl enc` of the file `from`. */
static void seal(const char *derivation, const char *from, const char *to)
{
	ck_assert_int_eq(sandbox_sh(&box,
				    "openssl enc -aes-256-cbc %s -pass 'pass:" PASSPHRASE
				    "' -in %s -out %s 2>/dev/null",
				    derivation, from, to),
			 0);
}

/* --- openssl enc -------------------------------------------------------------------------------- */

static const char *const derivations[] = {NEWEST, "-pbkdf2 -iter 100000",
					  "-pbkdf2 -iter 10000 -md sha256", "-md sha256",
					  "-md md5"};

START_TEST(every_derivation)
{
	struct wlt_open_options options = with(PASSPHRASE);
	struct wlt_package *package;

	packages_plain(&box, "payload", "");
	seal(derivations[_i], "payload", "p");
	package = opened_file(&box, "p", &options);
	opened_check_tree(&box, package);
	ck_assert_int_eq(package->envelope, WLT_ENVELOPE_PASSPHRASE);
	wlt_package_free(package);
}
END_TEST

START_TEST(wrong_passphrases)
{
	static const char *const wrong[] = {"correct horse", PASSPHRASE " ", ""};
	struct wlt_open_options options = with(NULL);

	packages_plain(&box, "payload", "");
	seal(NEWEST, "payload", "p");
	opened_refused(&box, "p", &options, WLT_NO_KEY, "none was given");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		options = with(wrong[i]);
		opened_refused(&box, "p", &options, WLT_NO_KEY, "the passphrase does not open it");
	}
}
END_TEST

START_TEST(unknown_derivations)
{
	static const char *const others[] = {"-pbkdf2 -iter 1000", "-pbkdf2 -iter 600000 -md sha1",
					     "-md sha1"};
	struct wlt_open_options options = with(PASSPHRASE);

	packages_plain(&box, "payload", "");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		seal(others[i], "payload", "p");
		opened_refused(&box, "p", &options, WLT_NO_KEY, "the passphrase does not open it");
	}
}
END_TEST

/* The right key, and yet no package: it has to unpad and to begin as gzip does. */
START_TEST(no_gzip_inside)
{
	struct wlt_open_options options = with(PASSPHRASE);

	sandbox_put(&box, "payload", "");
	seal(NEWEST, "payload", "p"); /* one block of padding */
	opened_refused(&box, "p", &options, WLT_NO_KEY, "the passphrase does not open it");
	sandbox_put(&box, "payload", "this is no gzip stream, but it unpads");
	seal(NEWEST, "payload", "p");
	opened_refused(&box, "p", &options, WLT_NO_KEY, "the passphrase does not open it");
	ck_assert_int_eq(sandbox_sh(&box, "head -c 480 /dev/zero >payload"), 0);
	seal(NEWEST " -nopad", "payload", "p");
	opened_refused(&box, "p", &options, WLT_NO_KEY, "the passphrase does not open it");
	ck_assert_int_eq(sandbox_sh(&box, "printf 'Salted__12345678' >p"), 0);
	opened_refused(&box, "p", &options, WLT_DAMAGED, "whole blocks");
}
END_TEST

/* Whether a key fits is decided at the ends: what is wrong between them is damage, and told as such. */
START_TEST(damage_in_the_middle)
{
	struct wlt_open_options options = with(PASSPHRASE);
	struct wlt_package *package;
	struct wlt_raw raw;

	ck_assert_int_eq(sandbox_sh(&box, "head -c 3000000 /dev/zero | openssl enc -aes-256-ctr -K "
					  "00 -iv 00 >t/noise 2>/dev/null"),
			 0);
	packages_manifest(&box);
	packages_plain(&box, "payload", "");
	seal("-md sha256", "payload", "p");
	package = opened_file(&box, "p", &options);
	ck_assert_uint_eq(package->n_entries, 7);
	wlt_package_free(package);
	raw = packages_raw(&box, "p");
	opened_flip(&raw, raw.size * 4);
	opened_refused_raw(&raw, &options, WLT_DAMAGED, "");
	opened_flip(&raw, raw.size * 4);
	opened_flip(&raw, raw.size * 8 - 1);
	opened_refused_raw(&raw, &options, WLT_NO_KEY, "the passphrase does not open it");
	free((void *)(uintptr_t)raw.memory);
}
END_TEST

/* --- legacy wrappers ---------------------------------------------------------------------------- */

/* `t/` as an older release listed it: `w/manifest.yaml` in clear, and what it lists packed as `inner`.
 * `canonical` is made anew by hand. */
static void legacy_tree(const char *version)
{
	const char *extra = strcmp(version, "1.1.0") == 0
				    ? "sed -i '/^payload_sha256/d' w/manifest.yaml && sed -i "
				      "'s/\"payload_sha256\":\"[0-9a-f]*\",//' canonical"
				    : ":";

	ck_assert_int_eq(
		sandbox_sh(&box,
			   "mkdir -p w && sed 's/^format_version: .*/format_version: \"%s\"\\n"
			   "encrypted: true/' t/manifest.yaml >w/manifest.yaml && "
			   "touch -d 2026-04-07T10:15:00Z w/manifest.yaml && "
			   "sed -i 's/\"format_version\":\"2.1.0\"/\"format_version\":\"%s\"/; "
			   "s/,\"files\":/,\"encrypted\":true,\"files\":/' canonical && %s && "
			   "tar -C t --exclude=./manifest.yaml -czf inner .",
			   version, version, extra),
		0);
}

/* `w/payload.key`: the file `key` for bob. */
static void wrap_key(void)
{
	ck_assert_int_eq(sandbox_sh(&box,
				    "openssl pkeyutl -encrypt -pubin -inkey bob.pub.pem -pkeyopt "
				    "rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt "
				    "rsa_mgf1_md:sha256 -in key -out w/payload.key"),
			 0);
}

/* `w/payload.enc` out of `inner`, under the 48 bytes of the file `key`, made here. */
static void seal_2_0(void)
{
	ck_assert_int_eq(sandbox_sh(&box,
				    "hex() { od -An -v -tx1 $1 | tr -d ' \\n'; }; openssl rand 48 "
				    ">key && head -c 32 key >k && tail -c 16 key >iv && openssl "
				    "enc -aes-256-cbc -K $(hex k) -iv $(hex iv) -in inner -out "
				    "w/payload.enc"),
			 0);
	wrap_key();
}

static void wrap(const char *name, const char *tar_arguments)
{
	ck_assert_int_eq(sandbox_sh(&box, "tar -C w -czf %s %s", name, tar_arguments), 0);
}

static void check_legacy(const char *name, const struct wlt_open_options *options,
			 enum wlt_envelope_kind kind, bool v1)
{
	struct wlt_package *package = opened_file(&box, name, options);

	opened_check_tree(&box, package);
	ck_assert_int_eq(package->envelope, kind);
	ck_assert_str_eq(wlt_envelope_kind_name(package->envelope), "legacy");
	ck_assert_int_eq(package->manifest->v1, v1);
	wlt_package_free(package);
}

START_TEST(legacy_passphrase)
{
	struct wlt_open_options options = with(PASSPHRASE);
	struct wlt_open_options wrong = with("x");

	legacy_tree(_i % 2 == 0 ? "2.0.0" : "1.1.0");
	seal(_i < 2 ? NEWEST : "-md md5", "inner", "w/payload.enc");
	wrap("p", ".");
	check_legacy("p", &options, WLT_ENVELOPE_LEGACY_PASSPHRASE, _i % 2 == 1);
	opened_refused(&box, "p", &wrong, WLT_NO_KEY, "the passphrase does not open it");
	wrong = with(NULL);
	opened_refused(&box, "p", &wrong, WLT_NO_KEY, "none was given");
}
END_TEST

START_TEST(legacy_2_0_rsa)
{
	struct wlt_open_options options = opened_options(bob);
	struct wlt_key *carol = packages_key(&box, "carol");
	struct wlt_open_options wrong = opened_options(carol);

	legacy_tree("2.0.0");
	seal_2_0();
	wrap("p", "payload.enc payload.key manifest.yaml");
	check_legacy("p", &options, WLT_ENVELOPE_LEGACY_RSA, false);
	opened_refused(&box, "p", &wrong, WLT_NO_KEY, "the private key here does not open it");
	wrong = with(PASSPHRASE);
	opened_refused(&box, "p", &wrong, WLT_NO_KEY, "sealed for a private key");
	wlt_key_unref(carol);
}
END_TEST

/* What openssl takes for a password out of 32 bytes, which it reads as a line. */
START_TEST(legacy_1_1_rsa)
{
	static const struct {
		const char *key;  /* for printf(1); filled up with x */
		const char *kept; /* what openssl takes of it */
	} cases[] = {
		{"0123456789abcdef0123456789abcdef", NULL},
		{"ab\\377cdef\\n", "ab\\377cdef"},
		{"abcdef\\000g", "abcdef"},
		{"a\\nb\\000c", "a"},
		{"a\\000b\\nc", "a"},
		{"\\n", ""},
	};
	struct wlt_open_options options = opened_options(bob);

	legacy_tree("1.1.0");
	ck_assert_int_eq(sandbox_sh(&box,
				    "printf '%s' >key; printf %%032d 0 | tr 0 x >>key; truncate -s "
				    "32 key; openssl enc -aes-256-cbc " NEWEST
				    " -pass file:key -in inner -out w/payload.enc",
				    cases[_i].key),
			 0);
	wrap_key();
	wrap("p", ".");
	check_legacy("p", &options, WLT_ENVELOPE_LEGACY_RSA, true);
	/* It is that part indeed, and not the whole. */
	if (cases[_i].kept != NULL && *cases[_i].kept != '\0')
		ck_assert_int_eq(sandbox_sh(&box,
					    "openssl enc -d -aes-256-cbc " NEWEST
					    " -pass \"pass:$(printf '%s')\" -in w/payload.enc | "
					    "cmp - inner",
					    cases[_i].kept),
				 0);
}
END_TEST

START_TEST(legacy_large_and_spilled)
{
	struct wlt_open_options options = with(PASSPHRASE);
	struct wlt_package *package;
	WLT_AUTOFREE char *got = NULL;
	WLT_AUTOFREE char *expected = NULL;
	size_t len;

	ck_assert_int_eq(sandbox_sh(&box, "head -c 3000000 /dev/zero | openssl enc -aes-256-ctr -K "
					  "00 -iv 00 >t/noise 2>/dev/null"),
			 0);
	packages_manifest(&box);
	legacy_tree("2.0.0");
	seal(NEWEST, "inner", "w/payload.enc");
	wrap("p", ".");
	/* Both in memory; the content spilled; both spilled. */
	options.memory_limit = _i == 0 ? 7000000 : _i == 1 ? 4000000 : 1000000;
	opened_refused(&box, "p",
		       &(struct wlt_open_options){.passphrase = PASSPHRASE,
						  .passphrase_len = strlen(PASSPHRASE),
						  .memory_limit = 4000000,
						  .spill_dirfd = -1},
		       WLT_TOO_BIG, "may be kept in memory");
	options.spill_dirfd = box.fd;
	package = opened_file(&box, "p", &options);
	ck_assert_int_eq(wlt_plain_fd(package->plain) >= 0, _i == 0);
	ck_assert_str_eq(package->entries[4].path, "noise");
	got = opened_content(package, 4);
	expected = sandbox_get(&box, "t/noise", &len);
	ck_assert_uint_eq(package->entries[4].size, len);
	ck_assert(memcmp(got, expected, len) == 0);
	wlt_package_free(package);
}
END_TEST

/* --- wrappers that are none, or not in order ----------------------------------------------------- */

/* `command` alters a wrapper, or makes its parts: those that it does not make are made here. */
static void refused_wrapper(const char *command, enum wlt_kind kind, const char *part)
{
	struct wlt_open_options options = with(PASSPHRASE);

	options.pair = bob;
	ck_assert_int_eq(sandbox_sh(&box, "rm -rf w inner key; cp saved canonical"), 0);
	legacy_tree("2.0.0");
	ck_assert_int_eq(sandbox_sh(&box, "%s", command), 0);
	if (sandbox_sh(&box, "test -e key") == 0)
		wrap_key();
	else if (sandbox_sh(&box, "test -e w/payload.enc -o -e w/payload.key") != 0)
		seal_2_0();
	if (sandbox_sh(&box, "test -e w/payload.enc") != 0)
		seal("-md sha256", "inner", "w/payload.enc");
	wrap("p", ".");
	opened_refused(&box, "p", &options, kind, part);
}

START_TEST(wrappers_refused)
{
	struct wlt_open_options nobody = opened_options(NULL);

	ck_assert_int_eq(sandbox_sh(&box, "cp canonical saved"), 0);
	refused_wrapper("sed -i '/^encrypted/d' w/manifest.yaml", WLT_DAMAGED,
			"payload.enc: not listed in the manifest");
	refused_wrapper("sed -i 's/^encrypted.*/encrypted: \"true\"/' w/manifest.yaml", WLT_DAMAGED,
			"payload.enc: not listed in the manifest");
	refused_wrapper("echo x >w/more", WLT_DAMAGED, "not listed in the manifest");
	refused_wrapper("sed -i 's/\"2.0.0\"/\"3.0\"/' w/manifest.yaml", WLT_UNSUPPORTED,
			"newer than 2.x");
	refused_wrapper("rm w/manifest.yaml", WLT_DAMAGED, "no manifest.yaml");
	refused_wrapper("mkdir w/payload.enc", WLT_DAMAGED, "missing from the package");
	refused_wrapper(": >w/payload.enc", WLT_DAMAGED, "whole blocks");
	refused_wrapper("head -c 160 /dev/zero >w/payload.enc", WLT_DAMAGED, "`Salted__`");
	refused_wrapper(": >w/payload.key", WLT_DAMAGED, "not a key wrapped with RSA");
	refused_wrapper("mkdir w/payload.key", WLT_DAMAGED, "not a key wrapped with RSA");
	refused_wrapper("head -c 2000 /dev/zero >w/payload.key", WLT_DAMAGED,
			"not a key wrapped with RSA");
	refused_wrapper("head -c 256 /dev/zero >w/payload.key", WLT_NO_KEY, "does not open it");
	refused_wrapper("openssl rand 31 >key", WLT_DAMAGED, "a key of 31 bytes");
	refused_wrapper("openssl rand 49 >key", WLT_NO_KEY, "does not open it");
	refused_wrapper("openssl rand 48 >key; head -c 31 /dev/zero >w/payload.enc", WLT_DAMAGED,
			"whole blocks");
	refused_wrapper("openssl rand 48 >key; head -c 64 /dev/zero >w/payload.enc", WLT_DAMAGED,
			"cannot be decrypted or is damaged");
	refused_wrapper("openssl rand 32 >key", WLT_DAMAGED, "cannot be decrypted or is damaged");
	refused_wrapper("openssl rand 32 >key; head -c 64 /dev/zero >w/payload.enc", WLT_DAMAGED,
			"`Salted__`");
	opened_refused(&box, "p", &nobody, WLT_NO_KEY, "sealed for a private key");
}
END_TEST

/* The rules hold for what was sealed as for the wrapper. */
START_TEST(sealed_part_refused)
{
	ck_assert_int_eq(sandbox_sh(&box, "cp canonical saved"), 0);
	refused_wrapper("tar -C t -czf inner .", WLT_DAMAGED,
			"manifest.yaml is in the package twice");
	refused_wrapper("echo x >t/run.sh; tar -C t --exclude=./manifest.yaml -czf inner .; printf "
			"'#!/bin/sh\\n' >t/run.sh",
			WLT_DAMAGED, "run.sh: size differs");
	refused_wrapper("tar -C t --exclude=./manifest.yaml --exclude=./run.sh -czf inner .",
			WLT_DAMAGED, "run.sh: missing from the package");
	refused_wrapper(
		"ln -s /etc/passwd t/link; tar -C t --exclude=./manifest.yaml -czf inner .; "
		"rm t/link",
		WLT_DAMAGED, "link is a symbolic link");
	refused_wrapper("mkdir t/.alive; tar -C t --exclude=./manifest.yaml -czf inner .; rmdir "
			"t/.alive",
			WLT_DAMAGED, ".alive/ is never taken");
	refused_wrapper("tar -C t --exclude=./manifest.yaml -cf - . | gzip | head -c -1 >inner",
			WLT_DAMAGED, "cannot be decrypted or is damaged");
	refused_wrapper("(tar -C t --exclude=./manifest.yaml -cf - .; printf x) | gzip >inner",
			WLT_DAMAGED, "bytes follow the end");
	/* Only one is taken off. */
	refused_wrapper(
		"cp inner w/inner; openssl enc -aes-256-cbc -md sha256 -pass 'pass:" PASSPHRASE
		"' -in w/inner -out w/payload.enc 2>/dev/null; rm w/inner; tar -C w -czf "
		"inner payload.enc; rm w/payload.enc",
		WLT_DAMAGED, "payload.enc: not listed in the manifest");
	refused_wrapper("sed -i 's/^payload_sha256: .*/payload_sha256: \"'$(printf %064d 0)'\"/' "
			"w/manifest.yaml",
			WLT_DAMAGED, "payload_sha256 of the manifest");
}
END_TEST

/* Inside another envelope there are no wrappers, and a file may bear such a name. */
START_TEST(not_a_wrapper)
{
	struct wlt_open_options options = with(PASSPHRASE);
	struct wlt_package *package;

	legacy_tree("2.0.0");
	seal("-md sha256", "inner", "w/payload.enc");
	wrap("payload", ".");
	seal("-md sha256", "payload", "p");
	opened_refused(&box, "p", &options, WLT_DAMAGED, "payload.enc: not listed");
	ck_assert_int_eq(sandbox_sh(&box, "cp w/payload.enc t/"), 0);
	packages_manifest(&box);
	ck_assert_int_eq(sandbox_sh(&box, "echo 'encrypted: true' >>t/manifest.yaml"), 0);
	packages_plain(&box, "p", "");
	package = opened_file(&box, "p", &options);
	ck_assert_int_eq(package->envelope, WLT_ENVELOPE_PLAIN);
	ck_assert_uint_eq(package->n_entries, 7);
	wlt_package_free(package);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("open_passphrase");
	TCase *tcase = tcase_create("passphrase");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, every_derivation, 0, 5);
	tcase_add_test(tcase, wrong_passphrases);
	tcase_add_test(tcase, unknown_derivations);
	tcase_add_test(tcase, no_gzip_inside);
	tcase_add_test(tcase, damage_in_the_middle);
	tcase_add_loop_test(tcase, legacy_passphrase, 0, 4);
	tcase_add_loop_test(tcase, legacy_large_and_spilled, 0, 3);
	tcase_add_test(tcase, not_a_wrapper);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("wrapped keys");
	tcase_add_checked_fixture(tcase, setup_with_key, teardown);
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, legacy_2_0_rsa);
	tcase_add_loop_test(tcase, legacy_1_1_rsa, 0, 6);
	tcase_add_test(tcase, wrappers_refused);
	tcase_add_test(tcase, sealed_part_refused);
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
