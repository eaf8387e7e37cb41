/* SPDX-License-Identifier: MIT */
/* From a drop on one side to an open package on the other, with real relays. */
#include "config.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "post_help.h"
#include "scratch.h"

static struct help_user alice;
static struct help_user bob;

static void two_users(void)
{
	help_folder();
	help_user_make(&alice, "alice");
	help_user_make(&bob, "bob");
	help_users_meet(&alice, "alice", &bob, "bob");
}

static size_t count_arrivals(struct wlt_post *post, const char *sender)
{
	const struct wlt_arrivals *arrivals = wlt_post_arrivals(post);
	size_t n;

	(void)wlt_arrivals_of(arrivals, sender, &n);
	wlt_arrivals_release(arrivals);
	return n;
}

/* The first package of `sender`, whose oid goes to `oid`. */
static void first_arrival(struct wlt_post *post, const char *sender, char oid[WLT_OID_BYTES])
{
	const struct wlt_arrivals *arrivals = wlt_post_arrivals(post);
	size_t n;
	const struct wlt_arrival *item = wlt_arrivals_of(arrivals, sender, &n);

	ck_assert_uint_ge(n, 1);
	ck_assert_msg(item->openable, "%s", item->reason);
	(void)memcpy(oid, item->oid, WLT_OID_BYTES);
	wlt_arrivals_release(arrivals);
}

/* --- what the observer was told ----------------------------------------------------------------- */

static atomic_int inbox_changes;
static atomic_int drops_gone;
static atomic_int peer_changes;

static void on_inbox(void *context)
{
	(void)context;
	(void)atomic_fetch_add(&inbox_changes, 1);
}

static void on_gone(void *context, const char *peer, const char *name)
{
	(void)context;
	ck_assert_str_eq(peer, "bob");
	ck_assert_str_eq(name, "nova");
	(void)atomic_fetch_add(&drops_gone, 1);
}

static void on_peers(void *context)
{
	(void)context;
	(void)atomic_fetch_add(&peer_changes, 1);
}

static const struct wlt_post_observer observer = {
	.inbox_changed = on_inbox,
	.drop_gone = on_gone,
	.peers_changed = on_peers,
};

/* --- tests -------------------------------------------------------------------------------------- */

START_TEST(arrives_and_opens)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_post *from = help_office(&alice, &observer);
	struct wlt_post *to = help_office(&bob, &observer);
	struct wlt_drop *drop = help_dropped(from, "bob", "nova", HELP_EXIT_0);
	struct wlt_package *package = NULL;
	char oid[WLT_OID_BYTES];
	char text[64] = "";
	size_t got = 0;

	/* Nobody polls: bob's relay is on this machine, so its change is seen. */
	HELP_WAIT(count_arrivals(to, "alice") == 1);
	HELP_WAIT(atomic_load(&drops_gone) == 1);
	ck_assert_int_ge(atomic_load(&inbox_changes), 1);
	ck_assert_ptr_null(wlt_drop_find(from, "bob", "nova"));
	ck_assert_int_eq(wlt_drop_begin(drop, getpid()), ENOENT);
	wlt_drop_unref(drop);
	ck_assert_int_eq(help_packages_ever(&bob), 1);
	ck_assert_int_eq(help_events(&alice, "sent"), 1);
	ck_assert_int_eq(help_events(&bob, "arrived"), 1);

	first_arrival(to, "alice", oid);
	ck_assert_works(wlt_post_open(to, "alice", oid, 1 << 20, &package, &err), &err);
	ck_assert_int_eq(package->verdict, WLT_VERDICT_VALID);
	ck_assert_str_eq(package->manifest->walnut, "nova");
	ck_assert_str_eq(package->manifest->sender, "alice");
	for (size_t i = 0; i < package->n_entries; i++) {
		const struct wlt_entry *entry = &package->entries[i];

		if (strcmp(entry->path, "notes.md") == 0)
			ck_assert_works(wlt_plain_read(package->plain, text, entry->size,
						       entry->offset, &got, &err),
					&err);
	}
	ck_assert_str_eq(text, "some notes\n");
	wlt_package_free(package);
	wlt_post_stop(from);
	wlt_post_stop(to);
}
END_TEST

START_TEST(queue_lists_what_was_sent)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf queue = WLT_BUF_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *status = NULL;
	struct wlt_post *from = help_office(&alice, NULL);

	wlt_drop_unref(help_dropped(from, "bob", "nova", HELP_EXIT_0));
	HELP_WAIT(help_events(&alice, "sent") == 1);
	wlt_post_queue(from, &queue);
	status = wlt_post_status(from);
	wlt_post_stop(from);
	ck_assert_ptr_nonnull(strstr(queue.data, "\"drops\": []"));
	ck_assert_ptr_nonnull(strstr(queue.data, "\"name\": \"nova\""));
	ck_assert_ptr_nonnull(strstr(queue.data, "\"import_id\": \""));
	ck_assert_str_eq(wlt_json_string(wlt_json_object(status, "relay"), "username"), "alice");
	ck_assert_ptr_nonnull(wlt_json_object(wlt_json_object(status, "peers"), "bob"));

	/* The spool is empty again, and the next run knows it too. */
	from = help_office(&alice, NULL);
	wlt_buf_free(&queue);
	wlt_post_queue(from, &queue);
	HELP_WAIT(scratch_count("alice/state/spool") == 0);
	wlt_post_stop(from);
	ck_assert_ptr_nonnull(strstr(queue.data, "\"drops\": []"));
	ck_assert_ptr_nonnull(strstr(queue.data, "\"name\": \"nova\""));
	ck_assert_int_eq(help_packages_ever(&bob), 1);
}
END_TEST

START_TEST(many_go_together)
{
	struct wlt_post *from;
	struct wlt_drop *drops[5];
	WLT_AUTO(wlt_buf_free) struct wlt_buf log = WLT_BUF_INIT;
	const char *const argv[] = {"git", "-C", bob.repo, "log", "--format=%s", "HEAD", NULL};

	/* Bob's relay is away until all of them wait. */
	ck_assert_int_eq(rename("bob/relay/repo.git", "bob/away.git"), 0);
	from = help_office(&alice, NULL);
	for (size_t i = 0; i < 5; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "walnut-%zu", i);
		drops[i] = help_dropped(from, "bob", name, HELP_EXIT_0);
	}
	for (size_t i = 0; i < 5; i++)
		HELP_WAIT(help_state_is(drops[i], "queued"));
	HELP_WAIT(help_events(&alice, "waiting") >= 1);
	ck_assert_int_eq(rename("bob/away.git", "bob/relay/repo.git"), 0);
	wlt_post_poll(from);
	for (size_t i = 0; i < 5; i++) {
		HELP_WAIT(help_state_is(drops[i], "sent"));
		wlt_drop_unref(drops[i]);
	}
	wlt_post_stop(from);
	ck_assert_int_eq(help_packages_ever(&bob), 5);
	ck_assert_int_eq(scratch_run(argv, NULL, 0, &log), 0);
	ck_assert_msg(strstr(log.data, "packages\n") != NULL, "no common commit: %s", log.data);
}
END_TEST

START_TEST(one_of_many_can_still_be_taken_back)
{
	struct wlt_post *from;
	struct wlt_drop *stays;
	struct wlt_drop *goes;

	ck_assert_int_eq(rename("bob/relay/repo.git", "bob/away.git"), 0);
	from = help_office(&alice, NULL);
	stays = help_dropped(from, "bob", "stays", HELP_EXIT_0);
	goes = help_dropped(from, "bob", "goes", HELP_EXIT_0);
	HELP_WAIT(help_state_is(stays, "queued") && help_state_is(goes, "queued"));
	/* Both are in one attempt, whose outcome nobody knows, and it is known so after a restart. */
	wlt_post_poll(from);
	HELP_WAIT(help_events(&alice, "waiting") >= 2);
	HELP_WAIT(wlt_drop_remove(goes) == 0);
	wlt_drop_unref(goes);
	wlt_drop_unref(stays);
	wlt_post_stop(from);
	ck_assert_int_eq(rename("bob/away.git", "bob/relay/repo.git"), 0);
	from = help_office(&alice, NULL);
	HELP_WAIT(help_events(&alice, "sent") == 1);
	ck_assert_ptr_null(wlt_drop_find(from, "bob", "goes"));
	wlt_post_stop(from);
	ck_assert_int_eq(help_packages_ever(&bob), 1);
}
END_TEST

/* A listening socket that nobody serves; its URL in `url`. */
static int mute_relay(char url[64])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(url, 64, "git://127.0.0.1:%d/relay.git", ntohs(address.sin_port));
	return fd;
}

START_TEST(mute_relay_holds_nobody_up)
{
	char url[64];
	int fd = mute_relay(url);
	WLT_AUTOFREE char *works = NULL;
	struct wlt_post *from;
	struct wlt_drop *drop;
	long long begin;

	help_user_move_peer(&alice, "bob", url);
	from = help_office(&alice, NULL);
	drop = help_dropped(from, "bob", "nova", HELP_EXIT_0);
	HELP_WAIT(help_state_is(drop, "pushing"));
	/* On its way it can neither be changed nor taken back. */
	ck_assert_int_eq(wlt_drop_begin(drop, getpid()), EBUSY);
	ck_assert_int_eq(wlt_drop_remove(drop), EBUSY);
	ck_assert_int_eq(wlt_drop_rename(drop, "bob", "other"), EBUSY);
	ck_assert_int_eq(wlt_drop_set(drop, "note", "x", 1), EBUSY);
	wlt_drop_unref(drop);
	begin = help_clock();
	wlt_post_stop(from);
	ck_assert_int_lt(help_clock() - begin, 2000);
	ck_assert_int_eq(close(fd), 0);
	/* The peer has moved to a relay that works: the drop is still there, and goes out once. */
	works = realpath("bob/relay/repo.git", NULL);
	help_user_move_peer(&alice, "bob", works);
	from = help_office(&alice, NULL);
	HELP_WAIT(help_events(&alice, "sent") == 1);
	wlt_post_stop(from);
	ck_assert_int_eq(help_packages_ever(&bob), 1);
}
END_TEST

START_TEST(peers_are_seen_as_they_come)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_strings_free) struct wlt_strings peers = {NULL, 0};
	struct wlt_post *from;
	const struct wlt_arrivals *arrivals;
	size_t n;

	ck_assert_int_eq(rename("alice/relay/relay.json", "alice/relay.json"), 0);
	from = help_office(&alice, &observer);
	ck_assert_works(wlt_post_peers(from, &peers, &err), &err);
	ck_assert_uint_eq(peers.n, 0);
	ck_assert_int_eq(rename("alice/relay.json", "alice/relay/relay.json"), 0);
	HELP_WAIT(atomic_load(&peer_changes) == 1);
	ck_assert_works(wlt_post_peers(from, &peers, &err), &err);
	ck_assert_uint_eq(peers.n, 1);
	arrivals = wlt_post_arrivals(from);
	ck_assert_uint_eq(arrivals->n_senders, 1);
	ck_assert_str_eq(arrivals->senders[0], "bob");
	(void)wlt_arrivals_of(arrivals, "bob", &n);
	ck_assert_uint_eq(n, 0);
	wlt_arrivals_release(arrivals);
	wlt_post_stop(from);
}
END_TEST

START_TEST(setup_after_the_start_is_seen)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_strings_free) struct wlt_strings peers = {NULL, 0};
	struct wlt_post *from;

	/* Not even the folder is there at first. */
	ck_assert_int_eq(rename("alice/relay", "relay-to-be"), 0);
	from = help_office(&alice, &observer);
	ck_assert_int_eq(rename("relay-to-be", "alice/relay"), 0);
	HELP_WAIT(atomic_load(&peer_changes) >= 1);
	ck_assert_works(wlt_post_peers(from, &peers, &err), &err);
	ck_assert_uint_eq(peers.n, 1);
	wlt_drop_unref(help_dropped(from, "bob", "nova", HELP_EXIT_0));
	HELP_WAIT(help_events(&alice, "sent") == 1);
	wlt_post_stop(from);
}
END_TEST

START_TEST(relay_that_is_away_is_waited_for)
{
	struct wlt_post *from;
	struct wlt_drop *drop;

	ck_assert_int_eq(rename("bob/relay/repo.git", "bob/away.git"), 0);
	from = help_office(&alice, NULL);
	drop = help_dropped(from, "bob", "nova", HELP_EXIT_0);
	HELP_WAIT(help_events(&alice, "waiting") >= 1);
	HELP_WAIT(help_state_is(drop, "queued"));
	wlt_drop_unref(drop);
	wlt_post_stop(from);
	ck_assert_int_eq(rename("bob/away.git", "bob/relay/repo.git"), 0);
	from = help_office(&alice, NULL);
	HELP_WAIT(help_events(&alice, "sent") == 1);
	wlt_post_stop(from);
	ck_assert_int_eq(help_packages_ever(&bob), 1);
}
END_TEST

/* --- sync --------------------------------------------------------------------------------------- */

static atomic_int sync_result;

static void on_sync(void *context, int errnum)
{
	(void)context;
	atomic_store(&sync_result, errnum);
}

START_TEST(sync_completes_at_once)
{
	struct wlt_post *from = help_office(&alice, NULL);
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_drop *drop = NULL;
	pid_t pid;

	/* The writer lives on: only the settle time, or this, completes the drop. */
	ck_assert_works(wlt_drop_create(from, "bob", "nova", &drop, &err), &err);
	pid = help_drop_walnut(drop, "nova", HELP_LIVES_ON);
	atomic_store(&sync_result, -1);
	wlt_drop_sync(drop, on_sync, NULL);
	HELP_WAIT(atomic_load(&sync_result) >= 0);
	ck_assert_int_eq(atomic_load(&sync_result), 0);
	ck_assert(help_state_is(drop, "sent"));
	ck_assert_int_eq(help_packages_ever(&bob), 1);
	help_writer_stop(pid);
	wlt_drop_unref(drop);
	wlt_post_stop(from);
}
END_TEST

START_TEST(stop_fails_who_waits)
{
	struct wlt_post *from;
	struct wlt_drop *drop;
	long long begin;

	ck_assert_int_eq(rename("bob/relay/repo.git", "bob/away.git"), 0);
	from = help_office(&alice, NULL);
	drop = help_dropped(from, "bob", "nova", HELP_EXIT_0);
	atomic_store(&sync_result, -1);
	wlt_drop_sync(drop, on_sync, NULL);
	HELP_WAIT(help_events(&alice, "waiting") >= 1);
	wlt_drop_unref(drop);
	begin = help_clock();
	wlt_post_stop(from);
	ck_assert_int_lt(help_clock() - begin, 2000);
	ck_assert_int_eq(atomic_load(&sync_result), ECANCELED);
}
END_TEST

/* --- refusals ----------------------------------------------------------------------------------- */

START_TEST(damaged_package_becomes_a_file)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_post *from = help_office(&alice, NULL);
	struct wlt_post *to;
	struct wlt_package *package = NULL;
	const struct wlt_arrivals *arrivals;
	const struct wlt_arrival *item;
	char oid[WLT_OID_BYTES];
	size_t n;

	wlt_drop_unref(help_dropped(from, "bob", "nova", HELP_EXIT_0));
	HELP_WAIT(help_packages_ever(&bob) == 1);
	wlt_post_stop(from);
	/* Somebody with the right to push changes a few bytes of the sealed payload. */
	{
		const char *const argv[] = {
			"sh", "-c",
			"git clone -q bob/relay/repo.git work && cd work && f=$(ls "
			"inbox/alice/*.walnut) && printf 'XXXXXXXXXXXXXXXX' | dd of=\"$f\" "
			"bs=1 seek=4096 conv=notrunc 2>/dev/null && git -c user.name=m -c "
			"user.email=m@x commit -qam x && git "
			"push -q",
			NULL};

		ck_assert_int_eq(scratch_run(argv, NULL, 0, NULL), 0);
	}
	to = help_office(&bob, NULL);
	wlt_post_poll(to);
	HELP_WAIT(count_arrivals(to, "alice") == 1);
	first_arrival(to, "alice", oid);
	ck_assert(!wlt_post_open(to, "alice", oid, 1 << 20, &package, &err));
	ck_assert_int_eq(err.kind, WLT_DAMAGED);
	arrivals = wlt_post_arrivals(to);
	item = wlt_arrivals_of(arrivals, "alice", &n);
	ck_assert_uint_eq(n, 1);
	ck_assert(!item->openable);
	ck_assert_int_eq(item->refusal, EBADMSG);
	ck_assert_ptr_nonnull(item->reason);
	wlt_arrivals_release(arrivals);
	ck_assert_int_eq(help_events(&bob, "refused"), 1);
	wlt_post_stop(to);

	/* Known without another look. */
	to = help_office(&bob, NULL);
	arrivals = wlt_post_arrivals(to);
	item = wlt_arrivals_of(arrivals, "alice", &n);
	ck_assert_uint_eq(n, 1);
	ck_assert(!item->openable);
	wlt_arrivals_release(arrivals);
	wlt_post_stop(to);
}
END_TEST

START_TEST(ready_packages)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_post *from = help_office(&alice, NULL);
	struct wlt_drop *drop = NULL;
	char path[512];

	/* A plain file that only has the name. */
	ck_assert_works(wlt_drop_create(from, "bob", "junk.walnut", &drop, &err), &err);
	ck_assert_int_eq(wlt_drop_begin(drop, getpid()), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/junk.walnut", wlt_drop_tree_fd(drop));
	scratch_puts(path, "junk");
	wlt_drop_end(drop);
	HELP_WAIT(help_state_is(drop, "rejected"));
	ck_assert_int_eq(wlt_drop_remove(drop), 0);
	wlt_drop_unref(drop);
	ck_assert_int_eq(help_packages_ever(&bob), 0);
	wlt_post_stop(from);
}
END_TEST

START_TEST(links_send_from_the_place)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf made = WLT_BUF_INIT;
	struct wlt_post *from = help_office(&alice, NULL);
	struct wlt_post *to = help_office(&bob, NULL);
	struct wlt_drop *drop = NULL;
	struct wlt_package *package = NULL;
	char oid[WLT_OID_BYTES];
	char target[4200];
	WLT_AUTOFREE char *here = realpath(".", NULL);
	const char *const argv[] = {"sh", "-c",
				    "mkdir -p orchard/_kernel orchard/roots && echo '# key' > "
				    "orchard/_kernel/key.md && echo 'goal: x' > "
				    "orchard/roots/context.manifest.yaml && echo deep > "
				    "orchard/roots/deep.md",
				    NULL};

	ck_assert_int_eq(scratch_run(argv, NULL, 0, &made), 0);
	(void)snprintf(target, sizeof(target), "%s/orchard/roots", here);
	ck_assert_works(wlt_drop_create(from, "bob", "bundle", &drop, &err), &err);
	ck_assert_int_eq(wlt_drop_begin(drop, 0), 0);
	ck_assert_int_eq(symlinkat(target, wlt_drop_tree_fd(drop), "bundle"), 0);
	wlt_drop_end(drop);
	HELP_WAIT(help_state_is(drop, "sent"));
	wlt_drop_unref(drop);
	HELP_WAIT(count_arrivals(to, "alice") == 1);
	first_arrival(to, "alice", oid);
	ck_assert_works(wlt_post_open(to, "alice", oid, 1 << 20, &package, &err), &err);
	ck_assert_int_eq(package->manifest->scope, WLT_SCOPE_BUNDLE);
	ck_assert_str_eq(package->manifest->walnut, "orchard");
	wlt_package_free(package);
	wlt_post_stop(from);
	wlt_post_stop(to);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("post: sending");
	TCase *tcase = tcase_create("two users");

	tcase_set_timeout(tcase, 120);
	tcase_add_unchecked_fixture(tcase, help_keys, NULL);
	tcase_add_checked_fixture(tcase, two_users, NULL);
	tcase_add_test(tcase, arrives_and_opens);
	tcase_add_test(tcase, queue_lists_what_was_sent);
	tcase_add_test(tcase, many_go_together);
	tcase_add_test(tcase, one_of_many_can_still_be_taken_back);
	tcase_add_test(tcase, mute_relay_holds_nobody_up);
	tcase_add_test(tcase, peers_are_seen_as_they_come);
	tcase_add_test(tcase, setup_after_the_start_is_seen);
	tcase_add_test(tcase, relay_that_is_away_is_waited_for);
	tcase_add_test(tcase, sync_completes_at_once);
	tcase_add_test(tcase, stop_fails_who_waits);
	tcase_add_test(tcase, damaged_package_becomes_a_file);
	tcase_add_test(tcase, ready_packages);
	tcase_add_test(tcase, links_send_from_the_place);
	suite_add_tcase(suite, tcase);
	return help_post_main(argc, argv, suite);
}
