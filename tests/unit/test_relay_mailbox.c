/* SPDX-License-Identifier: MIT */
/* Most tests run twice: on a folder, and through a git daemon. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include "relay_help.h"

enum { by_folder, by_daemon, ways };

static const char *relay_url(int way)
{
	const char *path = help_bare("relay.git");

	return way == by_folder ? path : help_daemon_url("relay.git");
}

static const char *relay(void)
{
	return help_path("relay.git");
}

/* --- listing ----------------------------------------------------------------------------------- */

static bool note_mail(void *context, const struct wlt_mail *mail, struct wlt_error *err)
{
	struct wlt_buf *seen = context;

	(void)err;
	wlt_buf_printf(seen, "%s", mail->sender);
	if (mail->file != NULL)
		wlt_buf_printf(seen, "/%s:%llu:%.7s", mail->file, (unsigned long long)mail->size,
			       mail->oid);
	wlt_buf_puts(seen, " ");
	return true;
}

static void expect_mail(struct wlt_mirror *mirror, const char *expected)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_buf seen = WLT_BUF_INIT;

	help_ok(wlt_mailbox_list(mirror, note_mail, &seen, &err), &err);
	ck_assert_str_eq(seen.data != NULL ? seen.data : "", expected);
	wlt_buf_free(&seen);
}

static bool copy_blob(void *context, const void *bytes, size_t len, struct wlt_error *err)
{
	(void)err;
	wlt_buf_append(context, bytes, len);
	return true;
}

START_TEST(test_empty)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", relay_url(_i), "alice");
	struct wlt_buf text = WLT_BUF_INIT;
	bool changed = true;

	ck_assert_str_eq(wlt_mirror_tip(mirror), "");
	help_ok(wlt_mirror_fetch(mirror, &changed, &err), &err);
	ck_assert(!changed);
	ck_assert_str_eq(wlt_mirror_tip(mirror), "");
	expect_mail(mirror, "");
	help_failed(wlt_mirror_file(mirror, "keys/a.pem", 100, &text, &err), &err, WLT_MISSING,
		    "keys/a.pem");
	wlt_mirror_free(mirror);
}
END_TEST

/* A relay that git filled, read by us. */
START_TEST(test_list)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(_i);
	const char *work = help_path("work");
	struct wlt_buf blob = WLT_BUF_INIT;
	bool changed = false;

	free(HELP_GIT("init", "--quiet", "--initial-branch=main", work));
	for (int i = 0; i < 6; i++) {
		static const char *const folders[] = {"",           "/inbox",
						      "/inbox/ben", "/inbox/ben-x",
						      "/inbox/b.d", "/keys"};

		(void)mkdir(help_path("work%s", folders[i]), 0700);
	}
	help_write(help_path("work/inbox/ben/b.walnut"), "second");
	help_write(help_path("work/inbox/ben/a.walnut"), "first");
	help_write(help_path("work/inbox/ben/notes.txt"), "no package");
	help_write(help_path("work/inbox/ben/.gitkeep"), "");
	help_write(help_path("work/inbox/ben-x/.gitkeep"), "");
	help_write(help_path("work/inbox/b.d/c.walnut"), "no peer's name");
	help_write(help_path("work/inbox/stray.walnut"), "in no folder");
	ck_assert_int_eq(symlink("/etc/passwd", help_path("work/inbox/ben/link.walnut")), 0);
	help_write(help_path("work/keys/alice.pem"), "PEM");
	free(HELP_GIT("-C", work, "add", "."));
	free(HELP_GIT("-C", work, "commit", "--quiet", "-m", "filled"));
	free(HELP_GIT("-C", work, "push", "--quiet", relay(), "HEAD:main"));

	struct wlt_mirror *mirror = help_mirror("m", url, "alice");

	help_ok(wlt_mirror_fetch(mirror, &changed, &err), &err);
	ck_assert(changed);
	HELP_GIT_SAYS(wlt_mirror_tip(mirror), "-C", relay(), "rev-parse", "main");
	/* printf first | git hash-object --stdin, and so on */
	expect_mail(mirror, "ben ben/a.walnut:5:fe4f02a ben/b.walnut:6:2147e41 ben-x ");

	help_ok(wlt_mirror_fetch(mirror, &changed, &err), &err);
	ck_assert(!changed);

	char *oid = HELP_GIT("-C", relay(), "rev-parse", "main:inbox/ben/a.walnut");

	help_ok(wlt_mirror_blob(mirror, oid, copy_blob, &blob, &err), &err);
	ck_assert_str_eq(blob.data, "first");
	wlt_buf_free(&blob);
	free(oid);
	help_ok(wlt_mirror_file(mirror, "keys/alice.pem", 3, &blob, &err), &err);
	ck_assert_str_eq(blob.data, "PEM");
	wlt_buf_free(&blob);
	help_failed(wlt_mirror_file(mirror, "keys/alice.pem", 2, &blob, &err), &err, WLT_TOO_BIG,
		    "keys/alice.pem");
	help_failed(wlt_mirror_file(mirror, "inbox/ben/link.walnut", 99, &blob, &err), &err,
		    WLT_MISSING, "link");
	help_failed(wlt_mirror_blob(mirror, wlt_mirror_tip(mirror), copy_blob, &blob, &err), &err,
		    WLT_DAMAGED, "not a file");
	help_failed(wlt_mirror_blob(mirror, "0123456789012345678901234567890123456789", copy_blob,
				    &blob, &err),
		    &err, WLT_DAMAGED, "0123456789");
	help_failed(wlt_mirror_blob(mirror, "nonsense", copy_blob, &blob, &err), &err, WLT_USAGE,
		    "");
	wlt_mirror_free(mirror);

	/* Another process finds the mirror as it was left. */
	mirror = help_mirror("m", url, "alice");
	HELP_GIT_SAYS(wlt_mirror_tip(mirror), "-C", relay(), "rev-parse", "main");
	wlt_mirror_free(mirror);
}
END_TEST

/* --- changing ---------------------------------------------------------------------------------- */

START_TEST(test_deposit_and_remove)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", relay_url(_i), "alice");
	const char *package = help_path("package");
	char commit[WLT_OID_BYTES];

	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
	help_write(package, "sealed bytes\n");

	const struct wlt_edit edits[] = {
		{.path = "inbox/alice/a.walnut", .disk_path = package},
		{.path = "inbox/alice/.gitkeep", .bytes = "", .len = 0},
	};

	help_ok(wlt_mailbox_apply(mirror, "a1", edits, 2, "deposit: a 20260407-101500", commit,
				  &err),
		&err);
	HELP_GIT_SAYS(commit, "-C", relay(), "rev-parse", "main");
	HELP_GIT_SAYS("alice <alice@walnut.invalid> 1775556900 deposit: a 20260407-101500", "-C",
		      relay(), "log", "-1", "--format=%an <%ae> %at %s", "main");
	HELP_GIT_SAYS("sealed bytes", "-C", relay(), "show", "main:inbox/alice/a.walnut");
	HELP_GIT_SAYS("100644 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\t.gitkeep", "-C",
		      relay(), "ls-tree", "main:inbox/alice", ".gitkeep");
	free(HELP_GIT("-C", relay(), "fsck", "--strict", "--full"));
	expect_mail(mirror, "alice alice/a.walnut:13:879f3a1 ");

	const struct wlt_edit removal = {.path = "inbox/alice/a.walnut"};

	help_ok(wlt_mailbox_apply(mirror, "a2", &removal, 1, "received: a.walnut", commit, &err),
		&err);
	HELP_GIT_SAYS(".gitkeep", "-C", relay(), "ls-tree", "--name-only", "main:inbox/alice");
	HELP_GIT_SAYS("received: a.walnut", "-C", relay(), "log", "-1", "--format=%s", "main");
	HELP_GIT_SAYS("2", "-C", relay(), "rev-list", "--count", "main");
	free(HELP_GIT("-C", relay(), "fsck", "--strict", "--full"));
	wlt_mirror_free(mirror);
}
END_TEST

/* What is so already makes no commit. */
START_TEST(test_nothing_to_do)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", relay_url(_i), "alice");
	char commit[WLT_OID_BYTES] = "x";

	help_ok(help_put(mirror, "a1", "inbox/a/x.walnut", "one", commit, &err), &err);
	help_ok(help_put(mirror, "a2", "inbox/a/x.walnut", "one", commit, &err), &err);
	ck_assert_str_eq(commit, "");
	help_ok(help_put(mirror, "a3", "inbox/a/none.walnut", NULL, commit, &err), &err);
	ck_assert_str_eq(commit, "");
	help_ok(help_put(mirror, "a4", "nowhere/none.walnut", NULL, NULL, &err), &err);
	HELP_GIT_SAYS("1", "-C", relay(), "rev-list", "--count", "main");
	wlt_mirror_free(mirror);
}
END_TEST

/* Between our fetch and our push somebody else pushes: both are there afterwards. */
START_TEST(test_moved)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(_i);
	struct wlt_mirror *ours = help_mirror("ours", url, "alice");
	struct wlt_mirror *theirs = help_mirror("theirs", url, "ben");

	help_ok(help_put(theirs, "b1", "inbox/ben/1.walnut", "1", NULL, &err), &err);
	help_ok(wlt_mirror_fetch(ours, NULL, &err), &err);
	help_ok(help_put(theirs, "b2", "inbox/ben/2.walnut", "2", NULL, &err), &err);
	help_ok(help_put(ours, "a1", "inbox/alice/3.walnut", "3", NULL, &err), &err);
	help_ok(help_put(theirs, "b3", "inbox/ben/4.walnut", "4", NULL, &err), &err);
	HELP_GIT_SAYS("inbox/alice/3.walnut\ninbox/ben/1.walnut\ninbox/ben/2.walnut\n"
		      "inbox/ben/4.walnut",
		      "-C", relay(), "ls-tree", "-r", "--name-only", "main");
	HELP_GIT_SAYS("4", "-C", relay(), "rev-list", "--count", "main");
	wlt_mirror_free(ours);
	wlt_mirror_free(theirs);
}
END_TEST

/* --- lost answers ------------------------------------------------------------------------------ */

/* The push arrived, the sender never learnt it: the same change again is found to be done. */
START_TEST(test_lost_answer)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(_i);
	struct wlt_mirror *sender = help_mirror("sender", url, "alice");
	struct wlt_mirror *owner = help_mirror("owner", url, "ben");
	char first[WLT_OID_BYTES];
	char again[WLT_OID_BYTES];

	help_ok(help_put(sender, "a1-1", "inbox/alice/p.walnut", "p", first, &err), &err);
	wlt_mirror_free(sender);
	sender = help_mirror("sender", url, "alice");
	help_ok(help_put(sender, "a1-1", "inbox/alice/p.walnut", "p", again, &err), &err);
	ck_assert_str_eq(first, again);
	HELP_GIT_SAYS("1", "-C", relay(), "rev-list", "--count", "main");

	/* Even when the owner has taken the package away meanwhile: it has been delivered. */
	help_ok(help_put(owner, "b1", "inbox/alice/p.walnut", NULL, NULL, &err), &err);
	help_ok(help_put(sender, "a1-1", "inbox/alice/p.walnut", "p", again, &err), &err);
	ck_assert_str_eq(first, again);
	HELP_GIT_SAYS("2", "-C", relay(), "rev-list", "--count", "main");
	HELP_GIT_SAYS("", "-C", relay(), "ls-tree", "-r", "--name-only", "main");

	/* Forgotten, the id is free for a change like any other. */
	help_ok(wlt_mailbox_forget(sender, "a1-1", &err), &err);
	help_ok(wlt_mailbox_forget(sender, "a1-1", &err), &err);
	help_ok(help_put(sender, "a1-1", "inbox/alice/p.walnut", "p", again, &err), &err);
	ck_assert_str_ne(first, again);
	HELP_GIT_SAYS("3", "-C", relay(), "rev-list", "--count", "main");
	wlt_mirror_free(sender);
	wlt_mirror_free(owner);
}
END_TEST

/* The push did not arrive: while the remote has not moved, the very same commit goes out. */
START_TEST(test_lost_push)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", relay_url(_i), "alice");
	char base[WLT_OID_BYTES];
	char first[WLT_OID_BYTES];
	char again[WLT_OID_BYTES];

	help_ok(help_put(mirror, "a0", "README", "r", base, &err), &err);
	help_ok(help_put(mirror, "a1", "inbox/alice/p.walnut", "p", first, &err), &err);
	free(HELP_GIT("-C", relay(), "update-ref", "refs/heads/main", base));
	ck_assert_int_eq(setenv("WALNUT_NOW", "2031-01-01T00:00:00Z", 1), 0);
	help_ok(help_put(mirror, "a1", "inbox/alice/p.walnut", "p", again, &err), &err);
	ck_assert_str_eq(first, again);
	HELP_GIT_SAYS(first, "-C", relay(), "rev-parse", "main");

	/* It has moved: a new commit for the same change. */
	free(HELP_GIT("-C", relay(), "update-ref", "refs/heads/main", base));
	help_ok(help_put(mirror, "b1", "inbox/ben/q.walnut", "q", NULL, &err), &err);
	help_ok(help_put(mirror, "a1", "inbox/alice/p.walnut", "p", again, &err), &err);
	ck_assert_str_ne(first, again);
	HELP_GIT_SAYS("README\ninbox/alice/p.walnut\ninbox/ben/q.walnut", "-C", relay(), "ls-tree",
		      "-r", "--name-only", "main");
	wlt_mirror_free(mirror);
}
END_TEST

/* The owner has replaced the history by one commit: nothing of ours is an ancestor any more. */
START_TEST(test_replaced_history)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", relay_url(_i), "alice");
	bool changed = false;

	help_ok(help_put(mirror, "a1", "inbox/alice/p.walnut", "p", NULL, &err), &err);
	help_ok(help_put(mirror, "a2", "inbox/alice/q.walnut", "q", NULL, &err), &err);

	char *orphan =
		HELP_GIT("-C", relay(), "commit-tree", "main^{tree}", "-m", "alive-relay: compact");

	free(HELP_GIT("-C", relay(), "update-ref", "refs/heads/main", orphan));
	free(orphan);
	free(HELP_GIT("-C", relay(), "gc", "--quiet", "--prune=now"));
	help_ok(wlt_mirror_fetch(mirror, &changed, &err), &err);
	ck_assert(changed);
	help_ok(help_put(mirror, "a3", "inbox/alice/r.walnut", "r", NULL, &err), &err);
	HELP_GIT_SAYS("2", "-C", relay(), "rev-list", "--count", "main");
	free(HELP_GIT("-C", relay(), "fsck", "--strict", "--full"));
	wlt_mirror_free(mirror);
}
END_TEST

/* --- many at once ------------------------------------------------------------------------------ */

enum { senders = 4, packages = 6 };

static int send_all(const char *url, int sender)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const struct wlt_transport transport = {.author = "sender"};
	struct wlt_mirror *mirror = NULL;
	char mirrors[64];
	char path[64];
	char id[32];
	bool ok;

	(void)snprintf(mirrors, sizeof(mirrors), "m%d", sender);
	ok = wlt_git_start(&err) &&
	     wlt_mirror_open(help_path("%s", mirrors), url, &transport, &mirror, &err);
	for (int i = 0; ok && i < packages; i++) {
		(void)snprintf(path, sizeof(path), "inbox/s%d/%d.walnut", sender, i);
		(void)snprintf(id, sizeof(id), "%d-%d", sender, i);
		ok = help_put(mirror, id, path, path, NULL, &err);
	}
	if (!ok)
		(void)fprintf(stderr, "sender %d: %s\n", sender, wlt_error_text(&err));
	wlt_mirror_free(mirror);
	return ok ? 0 : 1;
}

START_TEST(test_concurrent)
{
	const char *url = relay_url(_i);
	pid_t pids[senders];

	for (int sender = 0; sender < senders; sender++) {
		pids[sender] = fork();
		ck_assert_int_ge(pids[sender], 0);
		if (pids[sender] == 0)
			_exit(send_all(url, sender));
	}
	for (int sender = 0; sender < senders; sender++) {
		int status = -1;

		ck_assert_int_eq(waitpid(pids[sender], &status, 0), pids[sender]);
		ck_assert_int_eq(status, 0);
	}

	struct wlt_buf expected = WLT_BUF_INIT;

	for (int sender = 0; sender < senders; sender++) {
		for (int i = 0; i < packages; i++)
			wlt_buf_printf(&expected, "%sinbox/s%d/%d.walnut",
				       expected.len > 0 ? "\n" : "", sender, i);
	}
	HELP_GIT_SAYS(expected.data, "-C", relay(), "ls-tree", "-r", "--name-only", "main");
	wlt_buf_free(&expected);
	/* Once each. */
	HELP_GIT_SAYS("24", "-C", relay(), "rev-list", "--count", "main");
	free(HELP_GIT("-C", relay(), "fsck", "--strict", "--full"));
}
END_TEST

/* More than a few objects go another way than a few; both kinds of relay give them out again. */
START_TEST(test_many_objects)
{
	enum { many = 300 };
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(_i);
	struct wlt_mirror *sender = help_mirror("sender", url, "alice");
	struct wlt_mirror *owner = help_mirror("owner", url, "ben");
	struct wlt_edit *edits = calloc(many, sizeof(*edits));
	char paths[many][48];
	struct wlt_buf seen = WLT_BUF_INIT;

	ck_assert_ptr_nonnull(edits);
	for (int i = 0; i < many; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "inbox/alice/%03d.walnut", i);
		edits[i].path = paths[i];
		edits[i].bytes = paths[i];
		edits[i].len = strlen(paths[i]);
	}
	help_ok(wlt_mailbox_apply(sender, "a1", edits, many, "many", NULL, &err), &err);
	HELP_GIT_SAYS("1", "-C", relay(), "rev-list", "--count", "main");
	free(HELP_GIT("-C", relay(), "fsck", "--strict", "--full"));
	help_ok(wlt_mirror_fetch(owner, NULL, &err), &err);
	help_ok(wlt_mailbox_list(owner, note_mail, &seen, &err), &err);
	ck_assert_ptr_nonnull(strstr(seen.data, "alice/000.walnut:22:"));
	ck_assert_ptr_nonnull(strstr(seen.data, "alice/299.walnut:22:"));
	wlt_buf_free(&seen);
	free(edits);
	wlt_mirror_free(sender);
	wlt_mirror_free(owner);
}
END_TEST

/* The mirror is complete: git finds every object of the tip in it. */
START_TEST(test_mirror_is_complete)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(_i);
	struct wlt_mirror *sender = help_mirror("sender", url, "alice");
	struct wlt_mirror *owner = help_mirror("owner", url, "ben");
	char id[16];
	char path[64];

	for (int i = 0; i < 5; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		(void)snprintf(path, sizeof(path), "inbox/alice/%d/%d.walnut", i % 2, i);
		/* The same bytes in several places, and folders that are equal. */
		help_ok(help_put(sender, id, path, i < 3 ? "same" : path, NULL, &err), &err);
		if (i == 2)
			free(HELP_GIT("-C", relay(), "gc", "--quiet", "--prune=now"));
		if (i % 2 == 0)
			help_ok(wlt_mirror_fetch(owner, NULL, &err), &err);
	}
	wlt_mirror_free(owner);
	wlt_mirror_free(sender);

	DIR *dir = opendir(help_path("owner"));
	struct dirent *entry;
	int checked = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;

		const char *mirror = help_path("owner/%s", entry->d_name);

		HELP_GIT_SAYS("5", "-C", mirror, "rev-list", "--count", "refs/walnut/tip");
		free(HELP_GIT("-C", mirror, "fsck", "--strict", "--full"));
		checked++;
	}
	ck_assert_int_eq(closedir(dir), 0);
	ck_assert_int_eq(checked, 1);
}
END_TEST

/* --- refusals ---------------------------------------------------------------------------------- */

START_TEST(test_unreachable)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", help_path("gone.git"), "alice");
	int port = 0;
	char url[64];

	help_failed(wlt_mirror_fetch(mirror, NULL, &err), &err, WLT_UNREACHABLE, "gone.git");
	help_failed(help_put(mirror, "a1", "x", "x", NULL, &err), &err, WLT_UNREACHABLE,
		    "gone.git");
	ck_assert_int_eq(mkdir(help_path("gone.git"), 0700), 0);
	help_failed(wlt_mirror_fetch(mirror, NULL, &err), &err, WLT_UNREACHABLE,
		    "no git repository");
	/* It comes back, and all is well. */
	(void)help_bare("gone.git");
	help_ok(help_put(mirror, "a1", "x", "x", NULL, &err), &err);
	wlt_mirror_free(mirror);

	ck_assert_int_eq(close(help_mute_server(&port)), 0);
	(void)snprintf(url, sizeof(url), "git://127.0.0.1:%d/r.git", port);
	mirror = help_mirror("m", url, "alice");
	help_failed(wlt_mirror_fetch(mirror, NULL, &err), &err, WLT_UNREACHABLE, url);
	wlt_mirror_free(mirror);
}
END_TEST

START_TEST(test_refused)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = NULL;
	const struct wlt_transport transport = {.author = "alice"};

	free(HELP_GIT("init", "--quiet", help_path("copy")));
	mirror = help_mirror("m", help_path("copy"), "alice");
	help_failed(wlt_mirror_fetch(mirror, NULL, &err), &err, WLT_REFUSED, "bare");
	wlt_mirror_free(mirror);
	mirror = NULL;
	help_failed(wlt_mirror_open(help_path("m"), "http://h/r.git", &transport, &mirror, &err),
		    &err, WLT_USAGE, "https");

	mirror = help_mirror("m", relay_url(by_folder), "alice");
	help_failed(help_put(mirror, "no id", "x", "x", NULL, &err), &err, WLT_USAGE, "id");
	help_failed(help_put(mirror, "../../heads/main", "x", "x", NULL, &err), &err, WLT_USAGE,
		    "id");
	help_failed(help_put(mirror, "a1", "../x", "x", NULL, &err), &err, WLT_DAMAGED, "");
	help_failed(help_put(mirror, "a1", "/x", "x", NULL, &err), &err, WLT_DAMAGED, "");

	const struct wlt_edit missing = {.path = "x", .disk_path = help_path("not-there")};
	const struct wlt_edit folder = {.path = "x", .disk_path = help_path("m")};
	const struct wlt_edit link = {.path = "x", .disk_path = help_path("link")};

	ck_assert_int_eq(symlink("/etc/passwd", help_path("link")), 0);
	help_failed(wlt_mailbox_apply(mirror, "a1", &missing, 1, "m", NULL, &err), &err,
		    WLT_MISSING, "not-there");
	help_failed(wlt_mailbox_apply(mirror, "a1", &folder, 1, "m", NULL, &err), &err, WLT_REFUSED,
		    "regular");
	help_failed(wlt_mailbox_apply(mirror, "a1", &link, 1, "m", NULL, &err), &err, WLT_SYSTEM,
		    "link");
	HELP_GIT_SAYS("", "-C", relay(), "for-each-ref");
	wlt_mirror_free(mirror);
}
END_TEST

/* What a hook says reaches the sender, and it is not tried again and again. */
START_TEST(test_hook)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", relay_url(by_daemon), "alice");
	const char *hook = help_path("relay.git/hooks/pre-receive");

	help_write(hook, "#!/bin/sh\necho x >>calls\necho 'too large: 35 MB is the limit' >&2\n"
			 "exit 1\n");
	ck_assert_int_eq(chmod(hook, 0700), 0);
	help_failed(help_put(mirror, "a1", "inbox/a/x.walnut", "x", NULL, &err), &err, WLT_REFUSED,
		    "too large: 35 MB is the limit");

	char *calls = help_read(help_path("relay.git/calls"));

	ck_assert_str_eq(calls, "x\n");
	free(calls);
	wlt_mirror_free(mirror);
}
END_TEST

/* A process that was killed while it held the branch's lock leaves the lock behind. */
START_TEST(test_stale_lock)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = help_mirror("m", relay_url(by_folder), "alice");
	const char *lock = help_path("relay.git/refs/heads/main.lock");
	const struct utimbuf long_ago = {1000000000, 1000000000};

	help_ok(help_put(mirror, "a1", "x", "x", NULL, &err), &err);
	help_write(lock, "");
	ck_assert_int_eq(utime(lock, &long_ago), 0);
	help_ok(help_put(mirror, "a2", "y", "y", NULL, &err), &err);
	HELP_GIT_SAYS("x\ny", "-C", relay(), "ls-tree", "--name-only", "main");
	ck_assert_int_eq(access(lock, F_OK), -1);
	wlt_mirror_free(mirror);
}
END_TEST

/* The branch is the one HEAD names, whatever it is called. */
START_TEST(test_branch)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(_i);
	struct wlt_mirror *mirror = help_mirror("m", url, "alice");

	help_ok(help_put(mirror, "a1", "x", "x", NULL, &err), &err);
	free(HELP_GIT("-C", relay(), "branch", "-m", "main", "trunk"));
	HELP_GIT_SAYS("refs/heads/trunk", "-C", relay(), "symbolic-ref", "HEAD");
	help_ok(help_put(mirror, "a2", "y", "y", NULL, &err), &err);
	HELP_GIT_SAYS("x\ny", "-C", relay(), "ls-tree", "--name-only", "trunk");
	HELP_GIT_SAYS("refs/heads/trunk", "-C", relay(), "for-each-ref", "--format=%(refname)");
	wlt_mirror_free(mirror);
}
END_TEST

/* The user's git configuration has no say. */
START_TEST(test_isolated)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(_i);

	help_write(help_path(".gitconfig"),
		   "[url \"/nowhere/\"]\n\tinsteadOf = /\n\tinsteadOf = git://\n"
		   "[user]\n\tname = Somebody Else\n");

	struct wlt_mirror *mirror = help_mirror("m", url, "alice");

	help_ok(help_put(mirror, "a1", "x", "x", NULL, &err), &err);
	ck_assert_int_eq(unlink(help_path(".gitconfig")), 0);
	HELP_GIT_SAYS("alice", "-C", relay(), "log", "-1", "--format=%cn", "main");
	wlt_mirror_free(mirror);
}
END_TEST

/* What is told without libgit2 agrees with what libgit2 finds, or is not told. */
START_TEST(test_is_current)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *url = relay_url(by_folder);
	const char *mirrors = help_path("m");
	struct wlt_mirror *mirror = help_mirror("m", url, "alice");
	char first[WLT_OID_BYTES];
	char second[WLT_OID_BYTES];

	ck_assert(!wlt_mirror_is_current(mirrors, url, ""));
	help_ok(help_put(mirror, "a1", "x", "x", first, &err), &err);
	ck_assert(wlt_mirror_is_current(mirrors, url, first));
	ck_assert(!wlt_mirror_is_current(help_path("other"), url, first));
	help_ok(help_put(mirror, "a2", "y", "y", second, &err), &err);
	ck_assert(!wlt_mirror_is_current(mirrors, url, first));
	ck_assert(wlt_mirror_is_current(mirrors, url, second));

	/* The relay goes back, or on: the mirror is not there. */
	free(HELP_GIT("-C", relay(), "update-ref", "refs/heads/main", first));
	ck_assert(!wlt_mirror_is_current(mirrors, url, first));
	ck_assert(!wlt_mirror_is_current(mirrors, url, second));
	free(HELP_GIT("-C", relay(), "update-ref", "refs/heads/main", second));
	ck_assert(wlt_mirror_is_current(mirrors, url, second));
	free(HELP_GIT("-C", relay(), "symbolic-ref", "HEAD", "refs/heads/other"));
	ck_assert(!wlt_mirror_is_current(mirrors, url, second));
	free(HELP_GIT("-C", relay(), "symbolic-ref", "HEAD", "refs/heads/main"));
	/* A packed reference is left to libgit2. */
	free(HELP_GIT("-C", relay(), "pack-refs", "--all"));
	ck_assert(!wlt_mirror_is_current(mirrors, url, second));
	ck_assert(!wlt_mirror_is_current(mirrors, "git://127.0.0.1/x", second));
	wlt_mirror_free(mirror);
}
END_TEST

START_TEST(test_modes)
{
	struct wlt_mirror *mirror = help_mirror("state/mirrors", "/srv/x.git", "alice");
	struct stat st;

	wlt_mirror_free(mirror);
	ck_assert_int_eq(stat(help_path("state/mirrors"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	/* printf /srv/x.git | sha256sum | cut -c1-32 */
	ck_assert_int_eq(stat(help_path("state/mirrors/"
					"ce6e70f96e4ce5c6c2ab904e4920b905.git"),
			      &st),
			 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relay mailbox");
	TCase *tcase = tcase_create("mailbox");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, help_begin, help_end);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_empty, 0, ways);
	tcase_add_loop_test(tcase, test_list, 0, ways);
	tcase_add_loop_test(tcase, test_deposit_and_remove, 0, ways);
	tcase_add_loop_test(tcase, test_nothing_to_do, 0, ways);
	tcase_add_loop_test(tcase, test_moved, 0, ways);
	tcase_add_loop_test(tcase, test_lost_answer, 0, ways);
	tcase_add_loop_test(tcase, test_lost_push, 0, ways);
	tcase_add_loop_test(tcase, test_replaced_history, 0, ways);
	tcase_add_loop_test(tcase, test_concurrent, 0, ways);
	tcase_add_loop_test(tcase, test_many_objects, 0, ways);
	tcase_add_loop_test(tcase, test_mirror_is_complete, 0, ways);
	tcase_add_test(tcase, test_is_current);
	tcase_add_test(tcase, test_unreachable);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_hook);
	tcase_add_test(tcase, test_stale_lock);
	tcase_add_loop_test(tcase, test_branch, 0, ways);
	tcase_add_loop_test(tcase, test_isolated, 0, ways);
	tcase_add_test(tcase, test_modes);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
