/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay_help.h"

/* A user NAME with a home of that name. */
static struct wlt_setup setup_of(const char *name)
{
	const struct wlt_setup setup = {
		.dir = help_path("%s/.alive/relay", name),
		.keys_dir = help_path("%s/.alive/relay/keys", name),
		.mirrors_dir = help_path("%s/mirrors", name),
		.username = name,
		.key_bits = 2048, /* fast; the program makes 4096 */
	};

	return setup;
}

static struct wlt_relay_config *set_up(const char *name)
{
	const struct wlt_setup setup = setup_of(name);
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = NULL;

	help_ok(wlt_relay_setup(&setup, &config, &err), &err);
	return config;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	ck_assert_msg(stat(path, &st) == 0, "%s", path);
	return st.st_mode & 07777;
}

START_TEST(test_setup)
{
	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);

	struct wlt_relay_config *config = set_up("alice");
	const char *repo = help_path("alice/.alive/relay/repo.git");
	char *expected = NULL;

	ck_assert_str_eq(config->url, repo);
	ck_assert_str_eq(config->username, "alice");
	ck_assert_uint_eq(mode_of(help_path("alice/.alive/relay")), 0700);
	ck_assert_uint_eq(mode_of(help_path("alice/.alive/relay/relay.json")), 0600);
	ck_assert_uint_eq(mode_of(help_path("alice/.alive/relay/keys")), 0700);
	ck_assert_uint_eq(mode_of(help_path("alice/.alive/relay/keys/private.pem")), 0600);
	ck_assert_uint_eq(mode_of(repo) & 0777, 0700);

	char *json = help_read(help_path("alice/.alive/relay/relay.json"));

	ck_assert_int_ge(asprintf(&expected,
				  "{\n"
				  "  \"version\": 1,\n"
				  "  \"relay\": {\n"
				  "    \"url\": \"%s\",\n"
				  "    \"username\": \"alice\",\n"
				  "    \"created_at\": \"2026-04-07T10:15:00Z\"\n"
				  "  },\n"
				  "  \"peers\": {}\n"
				  "}\n",
				  repo),
			 0);
	ck_assert_str_eq(json, expected);
	free(json);
	free(expected);

	HELP_GIT_SAYS("refs/heads/main", "-C", repo, "symbolic-ref", "HEAD");
	HELP_GIT_SAYS("alive-relay: set up by alice", "-C", repo, "log", "--format=%s", "main");
	HELP_GIT_SAYS(".alive-relay/relay.json\nkeys/alice.pem\nkeys/peers/.gitkeep", "-C", repo,
		      "ls-tree", "-r", "--name-only", "main");
	HELP_GIT_SAYS("{\n  \"version\": 1,\n  \"created_at\": \"2026-04-07T10:15:00Z\"\n}", "-C",
		      repo, "show", "main:.alive-relay/relay.json");

	char *pem = help_read(help_path("alice/.alive/relay/keys/public.pem"));
	char *shown = HELP_GIT("-C", repo, "show", "main:keys/alice.pem");

	ck_assert_int_eq(strncmp(pem, shown, strlen(shown)), 0);
	free(pem);
	free(shown);
	wlt_relay_config_free(config);
}
END_TEST

START_TEST(test_setup_again)
{
	struct wlt_setup setup = setup_of("alice");
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = set_up("alice");

	wlt_relay_config_free(config);
	config = NULL;
	help_failed(wlt_relay_setup(&setup, &config, &err), &err, WLT_EXISTS, "relay.json");

	/* As after a failure just before the end: the same keys, the same relay, no second commit. */
	char *before = help_read(help_path("alice/.alive/relay/keys/private.pem"));

	ck_assert_int_eq(unlink(help_path("alice/.alive/relay/relay.json")), 0);
	help_ok(wlt_relay_setup(&setup, &config, &err), &err);

	char *after = help_read(help_path("alice/.alive/relay/keys/private.pem"));

	ck_assert_str_eq(before, after);
	HELP_GIT_SAYS("1", "-C", help_path("alice/.alive/relay/repo.git"), "rev-list", "--count",
		      "main");
	free(before);
	free(after);
	wlt_relay_config_free(config);
}
END_TEST

START_TEST(test_setup_elsewhere)
{
	struct wlt_setup setup = setup_of("alice");
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = NULL;

	(void)help_bare("hosted.git");
	setup.url = help_daemon_url("hosted.git");
	help_ok(wlt_relay_setup(&setup, &config, &err), &err);
	ck_assert_str_eq(config->url, setup.url);
	HELP_GIT_SAYS(".alive-relay/relay.json\nkeys/alice.pem\nkeys/peers/.gitkeep", "-C",
		      help_path("hosted.git"), "ls-tree", "-r", "--name-only", "main");
	wlt_relay_config_free(config);
	config = NULL;

	/* Somebody else's relay, and one's own name with another key. */
	setup = setup_of("ben");
	setup.url = help_daemon_url("hosted.git");
	help_failed(wlt_relay_setup(&setup, &config, &err), &err, WLT_EXISTS, "belongs to alice");
	setup.username = "alice";
	help_failed(wlt_relay_setup(&setup, &config, &err), &err, WLT_EXISTS, "another key");
	ck_assert_int_eq(access(help_path("ben/.alive/relay/relay.json"), F_OK), -1);
}
END_TEST

START_TEST(test_setup_refused)
{
	struct wlt_setup setup = setup_of("alice");
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = NULL;

	setup.username = "al ice";
	help_failed(wlt_relay_setup(&setup, &config, &err), &err, WLT_USAGE, "");
	setup.username = "alice";
	setup.url = "http://example.org/r.git";
	help_failed(wlt_relay_setup(&setup, &config, &err), &err, WLT_USAGE, "https");
	setup.url = help_path("not-there.git");
	help_failed(wlt_relay_setup(&setup, &config, &err), &err, WLT_UNREACHABLE, "not-there");
	/* Nothing was begun that could not be finished. */
	ck_assert_int_eq(access(help_path("alice/.alive/relay/keys/private.pem"), F_OK), -1);
	ck_assert_int_eq(access(help_path("alice/.alive/relay/relay.json"), F_OK), -1);
}
END_TEST

START_TEST(test_invite)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *alice = set_up("alice");
	const char *mirrors = help_path("alice/mirrors");

	help_ok(wlt_relay_invite(alice, mirrors, NULL, "ben", &err), &err);
	HELP_GIT_SAYS("alive-relay: invite ben", "-C", alice->url, "log", "-1", "--format=%s");
	HELP_GIT_SAYS("inbox/ben/.gitkeep", "-C", alice->url, "ls-tree", "-r", "--name-only",
		      "main", "inbox/");
	ck_assert_uint_eq(alice->n_peers, 1);
	ck_assert_ptr_null(alice->peers[0].url);
	ck_assert(!alice->peers[0].accepted);
	/* Again: nothing changes. */
	help_ok(wlt_relay_invite(alice, mirrors, NULL, "ben", &err), &err);
	HELP_GIT_SAYS("2", "-C", alice->url, "rev-list", "--count", "main");
	help_failed(wlt_relay_invite(alice, mirrors, NULL, "../ben", &err), &err, WLT_USAGE, "");
	wlt_relay_config_free(alice);
}
END_TEST

static bool accept_as(struct wlt_relay_config *config, const char *user, const char *url,
		      const char *peer, struct wlt_error *err)
{
	struct wlt_keyring *ring = NULL;
	struct wlt_key *key = NULL;
	char *name = NULL;
	bool ok;

	help_ok(wlt_keyring_load(help_path("%s/.alive/relay/keys", user), &ring, err), err);
	ok = wlt_relay_accept(config, ring, help_path("%s/mirrors", user), NULL, url, peer, &name,
			      &key, err);
	if (ok) {
		ck_assert_ptr_nonnull(wlt_relay_config_peer(config, name));
		ck_assert(!wlt_key_is_private(key));
		ck_assert_str_eq(wlt_key_id(wlt_keyring_of_peer(ring, name)), wlt_key_id(key));
	}
	free(name);
	wlt_key_unref(key);
	wlt_keyring_free(ring);
	return ok;
}

START_TEST(test_accept)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *alice = set_up("alice");
	struct wlt_relay_config *ben = set_up("ben");
	const struct wlt_peer *peer;

	help_ok(accept_as(ben, "ben", alice->url, NULL, &err), &err);
	peer = wlt_relay_config_peer(ben, "alice");
	ck_assert_ptr_nonnull(peer);
	ck_assert(peer->accepted);
	ck_assert_str_eq(peer->url, alice->url);

	char *pinned = help_read(help_path("ben/.alive/relay/keys/peers/alice.pem"));
	char *own = help_read(help_path("alice/.alive/relay/keys/public.pem"));

	ck_assert_str_eq(pinned, own);
	free(pinned);
	free(own);

	/* Again is fine, and an invitation afterwards does not take it back. */
	help_ok(accept_as(ben, "ben", alice->url, NULL, &err), &err);
	help_ok(wlt_relay_invite(ben, help_path("ben/mirrors"), NULL, "alice", &err), &err);
	ck_assert(wlt_relay_config_peer(ben, "alice")->accepted);
	/* One key, one name. */
	help_failed(accept_as(ben, "ben", alice->url, "ally", &err), &err, WLT_UNTRUSTED, "alice");
	ck_assert_uint_eq(ben->n_peers, 1);
	wlt_relay_config_free(alice);
	wlt_relay_config_free(ben);
}
END_TEST

/* Another key under a known name is not taken. */
START_TEST(test_accept_other_key)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *alice = set_up("alice");
	struct wlt_relay_config *ben = set_up("ben");
	struct wlt_relay_config *carol = set_up("carol");

	help_ok(accept_as(ben, "ben", alice->url, NULL, &err), &err);

	char *before = help_read(help_path("ben/.alive/relay/keys/peers/alice.pem"));

	help_failed(accept_as(ben, "ben", carol->url, "alice", &err), &err, WLT_UNTRUSTED,
		    "walnut keys trust alice");

	char *after = help_read(help_path("ben/.alive/relay/keys/peers/alice.pem"));

	ck_assert_str_eq(before, after);
	ck_assert_str_eq(wlt_relay_config_peer(ben, "alice")->url, alice->url);
	free(before);
	free(after);
	wlt_relay_config_free(alice);
	wlt_relay_config_free(ben);
	wlt_relay_config_free(carol);
}
END_TEST

static void push_file(const char *url, const char *path, const char *text)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("intruder", url, "mallory");

	help_ok(help_put(mirror, "f00", path, text, NULL, &err), &err);
	help_ok(wlt_mailbox_forget(mirror, "f00", &err), &err);
	wlt_mirror_free(mirror);
}

START_TEST(test_accept_refused)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *ben = set_up("ben");
	const char *empty = help_bare("empty.git");
	const char *odd = help_bare("odd.git");

	help_failed(accept_as(ben, "ben", empty, NULL, &err), &err, WLT_MISSING, "not a relay");
	push_file(odd, "keys/readme.txt", "hello");
	help_failed(accept_as(ben, "ben", odd, NULL, &err), &err, WLT_MISSING, "no owner's key");
	push_file(odd, "keys/peers/x.pem", "not at this level");
	help_failed(accept_as(ben, "ben", odd, NULL, &err), &err, WLT_MISSING, "no owner's key");
	push_file(odd, "keys/dora.pem", "no key at all");
	help_failed(accept_as(ben, "ben", odd, NULL, &err), &err, WLT_DAMAGED, "dora.pem");
	push_file(odd, "keys/evan.pem", "a second one");
	help_failed(accept_as(ben, "ben", odd, NULL, &err), &err, WLT_DAMAGED, "two owners");
	help_failed(accept_as(ben, "ben", odd, "no name", &err), &err, WLT_USAGE, "");
	help_failed(accept_as(ben, "ben", "relay.git", NULL, &err), &err, WLT_USAGE, "absolute");
	help_failed(accept_as(ben, "ben", help_path("none"), NULL, &err), &err, WLT_UNREACHABLE,
		    "none");
	ck_assert_uint_eq(ben->n_peers, 0);
	wlt_relay_config_free(ben);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relay admin");
	TCase *tcase = tcase_create("admin");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, help_begin, help_end);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_setup);
	tcase_add_test(tcase, test_setup_again);
	tcase_add_test(tcase, test_setup_elsewhere);
	tcase_add_test(tcase, test_setup_refused);
	tcase_add_test(tcase, test_invite);
	tcase_add_test(tcase, test_accept);
	tcase_add_test(tcase, test_accept_other_key);
	tcase_add_test(tcase, test_accept_refused);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
