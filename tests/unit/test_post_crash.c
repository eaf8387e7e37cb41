/* SPDX-License-Identifier: MIT */
/*
 * kill -9 of a post office at chosen instants, and a new one on what it left: a drop that was complete
 * arrives exactly once, one that was not is never sent by itself.
 */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "post_help.h"
#include "scratch.h"

#define SPOOL "alice/state/spool"

static struct help_user alice;
static struct help_user bob;
static char first_tip[64];

/* --- the process that is killed ----------------------------------------------------------------- */

static _Noreturn void run_office(bool drops)
{
	struct wlt_post *post = help_office(&alice, NULL);

	if (drops)
		wlt_drop_unref(help_dropped(post, "bob", "nova", HELP_EXIT_0));
	for (;;)
		(void)pause();
}

/* A process with a post office of its own, which drops something first or not. */
static pid_t start_office(bool drops)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		run_office(drops);
	_exit(99);
}

static void kill_office(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "it had ended by itself with %d", status);
}

/* --- instants ----------------------------------------------------------------------------------- */

static bool has_text(const char *path, const char *words)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	return wlt_file_read(AT_FDCWD, path, 1 << 20, &text, &ignored) && text.data != NULL &&
	       strstr(text.data, words) != NULL;
}

/* Is there a spool folder in which LEAF exists (and has `words`)? */
static bool in_spool(const char *leaf, const char *words)
{
	DIR *dir = opendir(SPOOL);
	struct dirent *entry;
	bool found = false;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		char path[sizeof(SPOOL) + 512];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), SPOOL "/%s/%s", entry->d_name, leaf);
		found = words == NULL ? access(path, F_OK) == 0 : has_text(path, words);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

static bool is_written(void)
{
	return in_spool("tree/nova/notes.md", NULL);
}

static bool is_packing(void)
{
	return in_spool("drop.json", "\"state\": \"packing\"");
}

static bool has_draft(void)
{
	return in_spool("package.new", NULL);
}

static bool has_package(void)
{
	return in_spool("package", NULL);
}

static bool is_queued(void)
{
	return in_spool("drop.json", "\"state\": \"queued\"");
}

static bool has_attempt(void)
{
	return in_spool("drop.json", "\"attempt\"");
}

static void read_tip(char out[64])
{
	const char *const argv[] = {"git", "-C", bob.repo, "rev-parse", "HEAD", NULL};
	WLT_AUTO(wlt_buf_free) struct wlt_buf tip = WLT_BUF_INIT;

	ck_assert_int_eq(scratch_run(argv, NULL, 0, &tip), 0);
	(void)snprintf(out, 64, "%.40s", tip.data);
}

static bool is_deposited(void)
{
	struct stat st;

	return stat("bob/relay/repo.git/refs/heads/main", &st) == 0 &&
	       !has_text("bob/relay/repo.git/refs/heads/main", first_tip);
}

static bool is_on_record(void)
{
	return access("alice/state/sent.json", F_OK) == 0;
}

static bool is_told(void)
{
	return has_text("alice/state/events", "\"sent\"");
}

static const struct instant {
	const char *name;
	bool (*reached)(void);
} instants[] = {
	{"written", is_written},     {"packing", is_packing},     {"draft", has_draft},
	{"package", has_package},    {"queued", is_queued},       {"attempt", has_attempt},
	{"deposited", is_deposited}, {"on record", is_on_record}, {"told", is_told},
};

/* Kill it when that point is reached, or has been passed. */
static void kill_at(pid_t office, const struct instant *instant)
{
	long long until = help_clock() + 20000;

	while (!instant->reached() && !is_told())
		ck_assert_msg(help_clock() < until, "never %s", instant->name);
	kill_office(office);
}

/* --- tests -------------------------------------------------------------------------------------- */

static void two_users(void)
{
	help_folder();
	help_user_make(&alice, "alice");
	help_user_make(&bob, "bob");
	help_users_meet(&alice, "alice", &bob, "bob");
	read_tip(first_tip);
}

static void on_sync(void *context, int errnum)
{
	(void)errnum;
	atomic_store((atomic_bool *)context, true);
}

/* A courier that was killed can leave a lock of git's, which counts as stale after two minutes: let them have
 * passed. */
static void let_locks_age(void)
{
	const char *const argv[] = {"find", ".",          "-name", "*.lock", "-exec", "touch",
				    "-d",   "1 hour ago", "{}",    "+",      NULL};

	ck_assert_int_eq(scratch_run(argv, NULL, 0, NULL), 0);
}

/* What was left is sent by a new post office; what was interrupted only when asked for. */
static void finish(void)
{
	atomic_bool told = false;
	struct wlt_post *post;
	struct wlt_drop *drop;

	let_locks_age();
	post = help_office(&alice, NULL);
	drop = wlt_drop_find(post, "bob", "nova");
	if (drop != NULL && help_state_is(drop, "interrupted")) {
		ck_assert_int_eq(help_packages_ever(&bob), 0);
		wlt_drop_sync(drop, on_sync, &told);
		HELP_WAIT(atomic_load(&told));
	}
	if (drop != NULL)
		help_wait_sent(drop);
	wlt_drop_unref(drop);
	HELP_WAIT(scratch_count(SPOOL) == 0);
	ck_assert_ptr_null(wlt_drop_find(post, "bob", "nova"));
	wlt_post_stop(post);
	ck_assert(has_text("alice/state/sent.json", "\"nova\""));
	ck_assert_int_eq(help_packages_ever(&bob), 1);
}

START_TEST(killed_once)
{
	kill_at(start_office(true), &instants[_i]);
	finish();
}
END_TEST

START_TEST(killed_again_and_again)
{
	kill_at(start_office(true), &instants[_i]);
	/* Runs of growing length, each cut off: from one that has hardly begun to one that may get through. */
	for (int ms = 1; ms < 60; ms += ms / 4 + 1) {
		pid_t office = start_office(false);

		(void)poll(NULL, 0, ms);
		kill_office(office);
	}
	finish();
}
END_TEST

/* Between the answer of the relay and its record: the worst moment, and the recipient takes the package out
 * of the relay before the sender is back. */
START_TEST(taken_before_the_sender_is_back)
{
	const char *const argv[] = {"sh", "-c",
				    "git clone -q bob/relay/repo.git work && cd work && git rm -q "
				    "inbox/alice/*.walnut && git -c user.name=b -c user.email=b@x "
				    "commit -qm received && git push -q",
				    NULL};
	pid_t office = start_office(true);
	const struct instant deposited = {"deposited", is_deposited};

	kill_at(office, &deposited);
	ck_assert_int_eq(help_packages_ever(&bob), 1);
	ck_assert_int_eq(scratch_run(argv, NULL, 0, NULL), 0);
	finish();
}
END_TEST

int main(int argc, char **argv)
{
	const int n = (int)(sizeof(instants) / sizeof(instants[0]));
	Suite *suite = suite_create("post: crashes");
	TCase *tcase = tcase_create("kill -9");

	tcase_set_timeout(tcase, 120);
	tcase_add_unchecked_fixture(tcase, help_keys, NULL);
	tcase_add_checked_fixture(tcase, two_users, NULL);
	tcase_add_loop_test(tcase, killed_once, 0, n);
	tcase_add_loop_test(tcase, killed_again_and_again, 1, n - 2);
	tcase_add_test(tcase, taken_before_the_sender_is_back);
	suite_add_tcase(suite, tcase);
	return help_post_main(argc, argv, suite);
}
