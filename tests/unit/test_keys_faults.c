/* SPDX-License-Identifier: MIT */
/* Every file-system call of key handling fails once, or is the last one: no key is lost, none is
 * half-written, and trying again works. */
#include "config.h"

#include "faults.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "keys/keys.h"
#include "scratch.h"

#define MANY         1000 /* more calls than any operation here makes */
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const int faults[] = {EIO, ENOSPC};

static void shell(const char *command)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	ck_assert_msg(scratch_run(argv, NULL, 0, NULL) == 0, "%s", command);
}

static struct wlt_key *load_key(const char *path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;

	ck_assert_works(wlt_key_load_public(AT_FDCWD, path, &key, &err), &err);
	return key;
}

/* Once, before the cases: pairs, and a keyring in which bob is pinned. */
static void make_ring(void)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *old = NULL;

	shell("umask 077; for k in old new; do "
	      "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $k.pem && "
	      "openssl pkey -in $k.pem -pubout -out $k.pub || exit 1; done");
	old = load_key("old.pub");
	ck_assert_works(wlt_keyring_load("with-bob", &ring, &err), &err);
	ck_assert_works(wlt_keyring_pin(ring, "bob", old, "accept", false, &err), &err);
	shell("mkdir -m 700 empty");
}

/* Pin the new key for bob in ./ring. */
static bool pin(struct wlt_error *err)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;

	return wlt_key_load_public(AT_FDCWD, "new.pub", &key, err) &&
	       wlt_keyring_load("ring", &ring, err) &&
	       wlt_keyring_pin(ring, "bob", key, "trust", true, err);
}

static void attempt_pin(void)
{
	struct wlt_error err = WLT_ERROR_INIT;

	(void)pin(&err); /* its end is not lived to see */
}

/* What is on disk must be readable. The id of bob's key, "" when none is pinned. */
static void bobs_id(char id[WLT_KEY_ID_BYTES])
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	const struct wlt_key *bob;

	ck_assert_works(wlt_keyring_load("ring", &ring, &err), &err);
	bob = wlt_keyring_of_peer(ring, "bob");
	memcpy(id, bob != NULL ? wlt_key_id(bob) : "", bob != NULL ? WLT_KEY_ID_BYTES : 1);
}

/* The keyrings to begin with: empty, or with an old key to be replaced. */
static const char *const beginnings[] = {"empty", "with-bob"};

static void begin(int which)
{
	const char *const copy[] = {"cp", "-a", beginnings[which], "ring", NULL};

	shell("rm -rf ring");
	ck_assert_int_eq(scratch_run(copy, NULL, 0, NULL), 0);
}

/* One key, or the other; then trying again makes it the new one and leaves nothing behind. */
static void check_end(int which, bool must_be_new)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *old = load_key("old.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *new = load_key("new.pub");
	char id[WLT_KEY_ID_BYTES];

	bobs_id(id);
	if (strcmp(id, wlt_key_id(new)) != 0) {
		ck_assert(!must_be_new);
		ck_assert_str_eq(id, which == 0 ? "" : wlt_key_id(old));
	}
	ck_assert_works(pin(&err), &err);
	bobs_id(id);
	ck_assert_str_eq(id, wlt_key_id(new));
	shell("cmp ring/peers/bob.pem new.pub && ! grep -q replaced_by ring/index.json");
}

START_TEST(test_pin_with_faults)
{
	int which = _i % COUNT(beginnings), fault = faults[_i / COUNT(beginnings)];
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		begin(which);
		faults_arm(FAULT_FILES, n, fault);
		good = pin(&err);
		happened = faults_disarm();
		if (!good)
			ck_assert_int_eq(wlt_error_errno(&err), fault);
		check_end(which, good);
	}
}
END_TEST

START_TEST(test_pin_with_crashes)
{
	bool survived = false;

	for (unsigned n = 1; !survived; n++) {
		ck_assert_uint_lt(n, MANY);
		begin(_i);
		survived = faults_survives(n, attempt_pin);
		check_end(_i, survived);
	}
}
END_TEST

START_TEST(test_pin_without_memory)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		begin(_i);
		faults_arm(FAULT_MEMORY, n, ENOMEM);
		good = pin(&err);
		happened = faults_disarm();
		if (!good)
			ck_assert_int_eq(err.kind, WLT_NO_MEMORY);
		check_end(_i, good);
	}
}
END_TEST

/* --- the own pair ------------------------------------------------------------------------------ */

static bool make_pair(struct wlt_error *err)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	WLT_AUTOCLOSE int dir = open("ring", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return wlt_fail_errno(err, errno, "cannot open ring");
	return wlt_key_generate(dir, 2048, &key, err);
}

static bool use_pair(struct wlt_error *err)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;

	return wlt_keyring_load("ring", &ring, err) && wlt_keyring_own_pair(ring, &key, err) &&
	       wlt_keyring_set_own(ring, key, err);
}

/* Setup as a user would repeat it. */
static void set_up(void)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	if (!make_pair(&err))
		ck_assert_int_eq(err.kind, WLT_EXISTS);
	ck_assert_works(use_pair(&err), &err);
	shell("openssl pkey -in ring/private.pem -pubout | cmp - ring/public.pem && "
	      "id=$(openssl pkey -pubin -in ring/public.pem -outform DER | sha256sum | cut -c1-16) "
	      "&& grep -q \"\\\"local_pubkey_id\\\": \\\"$id\\\"\" ring/index.json");
}

/* The two steps of it, each tried from its own beginning: making a pair takes long. */
static bool (*const steps[])(struct wlt_error *err) = {make_pair, use_pair};

static void begin_step(int which)
{
	begin(0);
	if (which == 1)
		shell("cp -p old.pem ring/private.pem");
}

static void attempt_make(void)
{
	struct wlt_error err = WLT_ERROR_INIT;

	(void)make_pair(&err); /* its end is not lived to see */
}

static void attempt_use(void)
{
	struct wlt_error err = WLT_ERROR_INIT;

	(void)use_pair(&err); /* its end is not lived to see */
}

START_TEST(test_own_pair_with_faults)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		begin_step(_i);
		faults_arm(FAULT_FILES, n, EIO);
		good = steps[_i](&err);
		happened = faults_disarm();
		if (!good)
			ck_assert_int_eq(wlt_error_errno(&err), EIO);
		set_up();
	}
}
END_TEST

START_TEST(test_own_pair_with_crashes)
{
	bool survived = false;

	for (unsigned n = 1; !survived; n++) {
		ck_assert_uint_lt(n, MANY);
		begin_step(_i);
		survived = faults_survives(n, _i == 0 ? attempt_make : attempt_use);
		set_up();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keys_faults");
	TCase *tc = tcase_create("keys_faults");

	tcase_set_timeout(tc, 300);
	tcase_add_unchecked_fixture(tc, make_ring, NULL);
	tcase_add_loop_test(tc, test_pin_with_faults, 0, COUNT(beginnings) * COUNT(faults));
	tcase_add_loop_test(tc, test_pin_with_crashes, 0, COUNT(beginnings));
	tcase_add_loop_test(tc, test_pin_without_memory, 0, COUNT(beginnings));
	tcase_add_loop_test(tc, test_own_pair_with_faults, 0, COUNT(steps));
	tcase_add_loop_test(tc, test_own_pair_with_crashes, 0, COUNT(steps));
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
