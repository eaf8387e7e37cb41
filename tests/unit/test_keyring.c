/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "keys/keys.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void shell(const char *command)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	ck_assert_msg(scratch_run(argv, NULL, 0, NULL) == 0, "%s", command);
}

/* Once, before the cases: pairs made by the openssl program. */
static void make_keys(void)
{
	shell("umask 077; for k in own bob carol; do "
	      "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $k.pem && "
	      "openssl pkey -in $k.pem -pubout -out $k.pub || exit 1; done");
}

static struct wlt_key *load_key(const char *path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;

	ck_assert_works(wlt_key_load_public(AT_FDCWD, path, &key, &err), &err);
	return key;
}

static struct wlt_keyring *load_ring(const char *dir)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_keyring *ring = NULL;

	ck_assert_works(wlt_keyring_load(dir, &ring, &err), &err);
	return ring;
}

static void pin(struct wlt_keyring *ring, const char *peer, struct wlt_key *key, bool replace)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_works(wlt_keyring_pin(ring, peer, key, "accept", replace, &err), &err);
}

/* A keyring on disk with bob pinned, and `bob` as his key. */
static struct wlt_keyring *ring_with_bob(const char *dir, struct wlt_key **bob)
{
	struct wlt_keyring *ring = load_ring(dir);

	*bob = load_key("bob.pub");
	pin(ring, "bob", *bob, false);
	return ring;
}

static void assert_file_is(const char *path, const char *expected)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf content = scratch_read(path);

	ck_assert_str_eq(content.data, expected);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(test_absent_folder_is_an_empty_ring)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = load_ring("absent/keys");
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *pair = NULL;
	const char *peer = "unset";

	ck_assert_str_eq(wlt_keyring_dir(ring), "absent/keys");
	ck_assert_ptr_null(wlt_keyring_own_id(ring));
	ck_assert_ptr_null(wlt_keyring_of_peer(ring, "bob"));
	ck_assert_ptr_null(wlt_keyring_by_id(ring, "0123456789abcdef", &peer));
	ck_assert_ptr_null(peer);
	ck_assert_fails(wlt_keyring_own_pair(ring, &pair, &err), &err, WLT_MISSING);
	ck_assert_int_ne(access("absent", F_OK), 0); /* loading makes nothing */
	wlt_keyring_free(NULL);
}
END_TEST

START_TEST(test_pin_writes_pem_and_index)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *again = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf expected = WLT_BUF_INIT;
	const char *peer = NULL;

	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
	ring = ring_with_bob("fresh/keys", &bob);
	wlt_buf_printf(&expected,
		       "{\n  \"pubkeys\": {\n    \"%s\": {\n      \"peer_name\": \"bob\",\n"
		       "      \"path\": \"peers/bob.pem\",\n"
		       "      \"added_at\": \"2026-04-07T10:15:00Z\",\n"
		       "      \"added_by\": \"accept\"\n    }\n  }\n}\n",
		       wlt_key_id(bob));
	assert_file_is("fresh/keys/index.json", expected.data);
	shell("cmp bob.pub fresh/keys/peers/bob.pem");
	ck_assert_uint_eq(mode_of("fresh/keys"), 0700);
	ck_assert_uint_eq(mode_of("fresh/keys/peers"), 0700);
	ck_assert_uint_eq(mode_of("fresh/keys/index.json"), 0600);

	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(bob));
	again = load_ring("fresh/keys");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(again, "bob")), wlt_key_id(bob));
	ck_assert_ptr_nonnull(wlt_keyring_by_id(again, wlt_key_id(bob), &peer));
	ck_assert_str_eq(peer, "bob");
	ck_assert_ptr_null(wlt_keyring_of_peer(again, "carol"));
	ck_assert_ptr_null(wlt_keyring_of_peer(again, "../bob"));
}
END_TEST

START_TEST(test_own_key)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *pair = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *index = NULL;
	const char *peer = "unset";

	shell("mkdir -m 700 own && cp own.pem own/private.pem");
	ring = load_ring("own");
	ck_assert_ptr_null(wlt_keyring_own_id(ring));
	ck_assert_works(wlt_keyring_own_pair(ring, &pair, &err), &err);
	ck_assert(wlt_key_is_private(pair));
	ck_assert_works(wlt_keyring_set_own(ring, pair, &err), &err);
	ck_assert_str_eq(wlt_keyring_own_id(ring), wlt_key_id(pair));
	ck_assert_ptr_nonnull(wlt_keyring_by_id(ring, wlt_key_id(pair), &peer));
	ck_assert_ptr_null(peer);
	ck_assert(!wlt_key_is_private(wlt_keyring_by_id(ring, wlt_key_id(pair), NULL)));
	shell("cmp own.pub own/public.pem"); /* missing after a crash: made again */
	ck_assert_works(wlt_json_load(AT_FDCWD, "own/index.json", 1000, &index, &err), &err);
	ck_assert_str_eq(wlt_json_string(index, "local_pubkey_id"), wlt_key_id(pair));
}
END_TEST

START_TEST(test_unknown_members_and_mode_are_kept)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = load_key("bob.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *own = load_key("own.pub");
	WLT_AUTO(wlt_json_put) struct json_object *index = NULL;

	shell("mkdir -m 700 kept && echo '{\"x\": [1.50], \"local_pubkey_id\": null}' > "
	      "kept/index.json && chmod 640 kept/index.json");
	ring = load_ring("kept");
	pin(ring, "bob", bob, false);
	ck_assert_works(wlt_keyring_set_own(ring, own, &err), &err);
	shell("grep -q '^    1.50$' kept/index.json");
	ck_assert_works(wlt_json_load(AT_FDCWD, "kept/index.json", 1000, &index, &err), &err);
	ck_assert_str_eq(wlt_json_string(index, "local_pubkey_id"), wlt_key_id(own));
	ck_assert_uint_eq(mode_of("kept/index.json"), 0640);
}
END_TEST

START_TEST(test_same_key_again_changes_nothing)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;

	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
	ring = ring_with_bob("again", &bob);
	shell("cp again/index.json index.before");
	ck_assert_int_eq(setenv("WALNUT_NOW", "2027-01-01T00:00:00Z", 1), 0);
	pin(ring, "bob", bob, false);
	pin(ring, "bob", wlt_keyring_of_peer(ring, "bob"), true); /* even the ring's own value */
	shell("cmp again/index.json index.before");
}
END_TEST

START_TEST(test_changed_key_is_refused_until_replaced)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *other = load_key("carol.pub");
	WLT_AUTO(wlt_json_put) struct json_object *index = NULL;

	ring = ring_with_bob("changed", &bob);
	shell("cp changed/index.json index.before");
	ck_assert_fails(wlt_keyring_pin(ring, "bob", other, "accept", false, &err), &err,
			WLT_UNTRUSTED);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), wlt_key_fingerprint(bob)));
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), wlt_key_fingerprint(other)));
	shell("cmp changed/index.json index.before && cmp changed/peers/bob.pem bob.pub");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(bob));

	ck_assert_works(wlt_keyring_pin(ring, "bob", other, "trust", true, &err), &err);
	shell("cmp changed/peers/bob.pem carol.pub");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(other));
	ck_assert_ptr_null(wlt_keyring_by_id(ring, wlt_key_id(bob), NULL));
	ck_assert_works(wlt_json_load(AT_FDCWD, "changed/index.json", 1000, &index, &err), &err);
	ck_assert_int_eq(json_object_object_length(wlt_json_object(index, "pubkeys")), 1);
	shell("! grep -q replaced_by changed/index.json && grep -q '\"trust\"' changed/index.json");
}
END_TEST

START_TEST(test_key_of_another_peer_is_refused)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;

	ring = ring_with_bob("another", &bob);
	ck_assert_fails(wlt_keyring_pin(ring, "carol", bob, "trust", true, &err), &err,
			WLT_UNTRUSTED);
	ck_assert_ptr_null(wlt_keyring_of_peer(ring, "carol"));
	ck_assert_int_ne(access("another/peers/carol.pem", F_OK), 0);
}
END_TEST

START_TEST(test_hostile_peer_names)
{
	static const char *const names[] = {"", "..", "../bob", "a/b", "a.b", "/tmp/x", "a\nb"};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = load_ring("hostile");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = load_key("bob.pub");

	for (int i = 0; i < COUNT(names); i++)
		ck_assert_fails(wlt_keyring_pin(ring, names[i], bob, "trust", true, &err), &err,
				WLT_USAGE);
	ck_assert_int_ne(access("hostile", F_OK), 0);
}
END_TEST

START_TEST(test_keys_one_by_one)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = load_ring("listed");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = load_key("bob.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *carol = load_key("carol.pub");
	const char *peer = "unset";

	ck_assert_uint_eq(wlt_keyring_count(ring), 0);
	ck_assert_ptr_null(wlt_keyring_at(ring, 0, &peer));
	pin(ring, "zoe", bob, false);
	pin(ring, "Amy", carol, false);
	ck_assert_uint_eq(wlt_keyring_count(ring), 2);
	ck_assert_str_eq(wlt_key_id(wlt_keyring_at(ring, 0, &peer)), wlt_key_id(carol));
	ck_assert_str_eq(peer, "Amy");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_at(ring, 1, &peer)), wlt_key_id(bob));
	ck_assert_str_eq(peer, "zoe");
	ck_assert_ptr_null(wlt_keyring_at(ring, 2, &peer));
}
END_TEST

START_TEST(test_remove_forgets_one_key)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *after = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *carol = load_key("carol.pub");

	ring = ring_with_bob("removed", &bob);
	pin(ring, "carol", carol, false);
	ck_assert_works(wlt_keyring_remove(ring, "bob", &err), &err);
	ck_assert_ptr_null(wlt_keyring_of_peer(ring, "bob"));
	ck_assert_ptr_null(wlt_keyring_by_id(ring, wlt_key_id(bob), NULL));
	ck_assert_int_ne(access("removed/peers/bob.pem", F_OK), 0);
	after = load_ring("removed");
	ck_assert_uint_eq(wlt_keyring_count(after), 1);
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(after, "carol")), wlt_key_id(carol));
	/* Forgotten for good: another key, and the key under another name, are welcome. */
	pin(ring, "ben", bob, false);
	ck_assert_fails(wlt_keyring_remove(ring, "bob", &err), &err, WLT_MISSING);
	ck_assert_fails(wlt_keyring_remove(ring, "../keys", &err), &err, WLT_USAGE);
	ck_assert_uint_eq(wlt_keyring_count(ring), 2);
}
END_TEST

/* Another process pinned meanwhile: neither key is lost, and this ring learns of it. */
START_TEST(test_two_rings_do_not_lose_keys)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *one = load_ring("two");
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *other = load_ring("two");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = load_key("bob.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *carol = load_key("carol.pub");

	pin(one, "bob", bob, false);
	pin(other, "carol", carol, false);
	ck_assert_ptr_nonnull(wlt_keyring_of_peer(other, "bob"));
	ck_assert_ptr_nonnull(wlt_keyring_of_peer(other, "carol"));
}
END_TEST

START_TEST(test_locked_by_another_process)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *carol = load_key("carol.pub");
	WLT_AUTOCLOSE int lock = -1;

	ring = ring_with_bob("locked", &bob);
	ck_assert_works(wlt_lock_take(AT_FDCWD, "locked/.index.lock", NULL, &lock, &err), &err);
	ck_assert_fails(wlt_keyring_pin(ring, "carol", carol, "trust", false, &err), &err,
			WLT_BUSY);
	ck_assert_int_ne(access("locked/peers/carol.pem", F_OK), 0);
}
END_TEST

/* --- damage ------------------------------------------------------------------------------------ */

/* Run in a copy of a keyring with bob and carol pinned; $B and $C are their ids. */
static const char *const damages[] = {
	"echo '{' > index.json",
	"echo '[]' > index.json",
	": > index.json",
	"echo '{\"pubkeys\": []}' > index.json",
	"echo '{\"pubkeys\": null}' > index.json",
	"echo '{\"pubkeys\": {\"'$B'\": null}}' > index.json",
	"echo '{\"pubkeys\": {\"'$B'\": {\"peer_name\": \"bob\"}}}' > index.json",
	"sed -i 's,\"bob\",\"../bob\",' index.json",
	"sed -i 's,\"bob\",7,' index.json",
	"sed -i 's,peers/bob.pem,../bob.pub,' index.json",
	"sed -i 's,peers/bob.pem,peers/carol.pem,' index.json",
	"sed -i 's,carol,bob,' index.json", /* two keys for bob */
	"sed -i \"s,$B,0123456789abcdef,\" index.json",
	"sed -i \"s,$B,$C,\" index.json", /* the same id twice */
	"cp ../carol.pub peers/bob.pem",  /* someone put another key in place */
	"rm peers/bob.pem",
	"rm peers/bob.pem && mkdir peers/bob.pem",
	"sed -i 3d peers/bob.pem",
	": > peers/bob.pem",
	"cp ../bob.pem peers/bob.pem", /* a private key is not what belongs there */
	"echo x > public.pem",
};

START_TEST(test_damage_is_never_ignored)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_keyring *ring = NULL;
	WLT_AUTOFREE char *command = NULL;

	{
		WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
		WLT_AUTO(wlt_key_cleanup) struct wlt_key *carol = load_key("carol.pub");
		WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *good = NULL;

		shell("rm -rf damaged");
		good = ring_with_bob("damaged", &bob);
		pin(good, "carol", carol, false);
		ck_assert_int_gt(asprintf(&command,
					  "B=%s C=%s; cp damaged/index.json before; "
					  "cd damaged; %s",
					  wlt_key_id(bob), wlt_key_id(carol), damages[_i]),
				 0);
	}
	shell(command);
	ck_assert(!wlt_keyring_load("damaged", &ring, &err));
	ck_assert_msg(err.kind == WLT_DAMAGED || err.kind == WLT_REFUSED, "%s",
		      wlt_error_text(&err));
	ck_assert_int_eq(strncmp(wlt_error_text(&err), "keyring damaged: ", 17), 0);
	ck_assert_ptr_null(ring);
}
END_TEST

START_TEST(test_pin_into_a_damaged_ring_changes_nothing)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *carol = load_key("carol.pub");

	ring = ring_with_bob("later", &bob);
	scratch_puts("later/index.json", "{");
	ck_assert_fails(wlt_keyring_pin(ring, "carol", carol, "trust", true, &err), &err,
			WLT_DAMAGED);
	assert_file_is("later/index.json", "{");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(bob));
}
END_TEST

/* --- crashes ----------------------------------------------------------------------------------- */

/* A replacement of bob's key that stopped after the announcement, and with `pem` set after the file
 * was replaced. */
static void make_interrupted(const char *dir, bool pem)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *next = load_key("carol.pub");
	WLT_AUTOFREE char *command = NULL;

	ring = ring_with_bob(dir, &bob);
	ck_assert_int_gt(asprintf(&command,
				  "cd %s && sed -i 's/\"added_by\": \"accept\"/&, "
				  "\"replaced_by\": \"%s\"/' index.json && "
				  "grep -q replaced_by index.json && %s",
				  dir, wlt_key_id(next),
				  pem ? "cp ../carol.pub peers/bob.pem" : "true"),
			 0);
	shell(command);
}

START_TEST(test_crash_before_the_file_leaves_the_old_key)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *old = load_key("bob.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *next = load_key("carol.pub");

	make_interrupted("crash1", false);
	ring = load_ring("crash1");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(old));
	pin(ring, "bob", next, true);
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(next));
	shell("! grep -q replaced_by crash1/index.json");
}
END_TEST

START_TEST(test_crash_after_the_file_leaves_the_new_key)
{
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *after = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *next = load_key("carol.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *third = load_key("own.pub");

	make_interrupted("crash2", true);
	ring = load_ring("crash2");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(next));
	pin(ring, "bob", next, false); /* ends what was begun */
	shell("! grep -q replaced_by crash2/index.json");
	after = load_ring("crash2");
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(after, "bob")), wlt_key_id(next));

	make_interrupted("crash3", true);
	wlt_keyring_free(wlt_take(ring));
	ring = load_ring("crash3");
	pin(ring, "bob", third, true);
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(third));
}
END_TEST

/* A crash between index and PEM, and one in the middle of a replacement. */
START_TEST(test_remove_and_crashes)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *half = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *bob = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *other = load_key("carol.pub");

	ring = ring_with_bob("stray", &bob);
	ck_assert_works(wlt_keyring_remove(ring, "bob", &err), &err);
	shell("cp bob.pub stray/peers/bob.pem");
	wlt_keyring_free(wlt_take(ring));
	ring = load_ring("stray");
	ck_assert_ptr_null(wlt_keyring_of_peer(ring, "bob"));
	pin(ring, "bob", other, false);
	ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, "bob")), wlt_key_id(other));

	make_interrupted("midway", true);
	half = load_ring("midway");
	ck_assert_works(wlt_keyring_remove(half, "bob", &err), &err);
	ck_assert_uint_eq(wlt_keyring_count(half), 0);
	shell("! grep -q bob midway/index.json");
}
END_TEST

START_TEST(test_default_dir)
{
	WLT_AUTOFREE char *dir = NULL;
	WLT_AUTOFREE char *empty = NULL;
	WLT_AUTOFREE char *moved = NULL;

	ck_assert_int_eq(unsetenv("ALIVE_RELAY_KEYS_DIR"), 0);
	dir = wlt_keyring_default_dir("/home/x/.alive/relay");
	ck_assert_str_eq(dir, "/home/x/.alive/relay/keys");
	ck_assert_int_eq(setenv("ALIVE_RELAY_KEYS_DIR", "", 1), 0);
	empty = wlt_keyring_default_dir("/r");
	ck_assert_str_eq(empty, "/r/keys");
	ck_assert_int_eq(setenv("ALIVE_RELAY_KEYS_DIR", "/keys", 1), 0);
	moved = wlt_keyring_default_dir("/r");
	ck_assert_str_eq(moved, "/keys");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keyring");
	TCase *tc = tcase_create("keyring");

	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, make_keys, NULL);
	tcase_add_test(tc, test_absent_folder_is_an_empty_ring);
	tcase_add_test(tc, test_pin_writes_pem_and_index);
	tcase_add_test(tc, test_own_key);
	tcase_add_test(tc, test_unknown_members_and_mode_are_kept);
	tcase_add_test(tc, test_same_key_again_changes_nothing);
	tcase_add_test(tc, test_changed_key_is_refused_until_replaced);
	tcase_add_test(tc, test_key_of_another_peer_is_refused);
	tcase_add_test(tc, test_hostile_peer_names);
	tcase_add_test(tc, test_keys_one_by_one);
	tcase_add_test(tc, test_remove_forgets_one_key);
	tcase_add_test(tc, test_two_rings_do_not_lose_keys);
	tcase_add_test(tc, test_locked_by_another_process);
	tcase_add_loop_test(tc, test_damage_is_never_ignored, 0, COUNT(damages));
	tcase_add_test(tc, test_pin_into_a_damaged_ring_changes_nothing);
	tcase_add_test(tc, test_crash_before_the_file_leaves_the_old_key);
	tcase_add_test(tc, test_crash_after_the_file_leaves_the_new_key);
	tcase_add_test(tc, test_remove_and_crashes);
	tcase_add_test(tc, test_default_dir);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
