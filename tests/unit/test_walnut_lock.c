/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "walnut/walnut.h"

#define WALNUT "/srv/world/nova station"

static struct sandbox box;

static void set_up(void)
{
	sandbox_make(&box);
	ck_assert_int_eq(setenv("HOME", box.path, 1), 0);
	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
}

static void tear_down(void)
{
	sandbox_remove(&box);
}

START_TEST(test_file)
{
	struct wlt_walnut_lock lock = {0};
	struct wlt_error err = WLT_ERROR_INIT;
	char expected[80];
	char *content;
	struct stat st;

	wlt_walnut_lock_release(&lock);
	ck_assert_msg(wlt_walnut_lock_take(WALNUT, "share", &lock, &err), "%s",
		      wlt_error_text(&err));
	/* The name, by another program. */
	ck_assert_int_eq(sandbox_sh(&box, "test -f .alive/locks/$(printf '%%s' '" WALNUT
					  "' | sha256sum | cut -c1-16).lock"),
			 0);
	(void)snprintf(expected, sizeof(expected),
		       "pid=%ld\nstarted=2026-04-07T10:15:00Z\naction=share\n", (long)getpid());
	content = sandbox_get(&box, lock.path + strlen(box.path) + 1, NULL);
	ck_assert_str_eq(content, expected);
	free(content);
	ck_assert_int_eq(sandbox_sh(&box, "! flock -n .alive/locks/*.lock true"), 0);
	wlt_walnut_lock_release(&lock);
	ck_assert_ptr_null(lock.path);
	ck_assert_int_eq(sandbox_sh(&box, "rmdir .alive/locks"), 0); /* nothing is left */
	ck_assert_int_eq(fstatat(box.fd, ".alive", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
}
END_TEST

/* A child that holds the lock until it is killed; its pid. */
static pid_t start_holder(void)
{
	struct wlt_walnut_lock lock = {0};
	struct wlt_error err = WLT_ERROR_INIT;
	int ready[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (!wlt_walnut_lock_take(WALNUT, "receive", &lock, &err) ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(close(ready[1]), 0);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(close(ready[0]), 0);
	return pid;
}

START_TEST(test_holders)
{
	struct wlt_walnut_lock lock = {0};
	struct wlt_walnut_lock other = {0};
	struct wlt_error err = WLT_ERROR_INIT;
	pid_t holder = start_holder();
	char pid[32];
	int status;

	ck_assert(!wlt_walnut_lock_take(WALNUT, "share", &lock, &err));
	ck_assert_int_eq(err.kind, WLT_BUSY);
	(void)snprintf(pid, sizeof(pid), "(pid %ld)", (long)holder);
	ck_assert_int_eq(strncmp(wlt_error_text(&err), "busy: ", 6), 0);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), WALNUT));
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), pid));
	wlt_walnut_lock_release(&lock); /* a failure leaves nothing to release */
	/* Another walnut is free, and the lock of the dead is taken over. */
	ck_assert(wlt_walnut_lock_take(WALNUT "2", "share", &other, &err));
	ck_assert_int_eq(kill(holder, SIGKILL), 0);
	ck_assert_int_eq(waitpid(holder, &status, 0), holder);
	ck_assert_msg(wlt_walnut_lock_take(WALNUT, "share", &lock, &err), "%s",
		      wlt_error_text(&err));
	wlt_walnut_lock_release(&lock);
	wlt_walnut_lock_release(&other);
	ck_assert_int_eq(sandbox_sh(&box, "rmdir .alive/locks"), 0);
	wlt_error_clear(&err);
}
END_TEST

START_TEST(test_no_home)
{
	struct wlt_walnut_lock lock = {0};
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_int_eq(setenv("HOME", "relative", 1), 0);
	ck_assert(!wlt_walnut_lock_take(WALNUT, "share", &lock, &err));
	ck_assert_int_eq(err.kind, WLT_USAGE);
	ck_assert_ptr_null(wlt_walnut_lock_path(WALNUT));
	ck_assert_int_eq(setenv("HOME", "/proc/self/environ", 1), 0);
	ck_assert(!wlt_walnut_lock_take(WALNUT, "share", &lock, &err));
	ck_assert_int_eq(err.kind, WLT_SYSTEM);
	wlt_error_clear(&err);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("walnut lock");
	TCase *t = tcase_create("lock");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_file);
	tcase_add_test(t, test_holders);
	tcase_add_test(t, test_no_home);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
