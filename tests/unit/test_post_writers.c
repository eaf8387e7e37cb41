/* SPDX-License-Identifier: MIT */
/* Real processes, and how their end is seen. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "post/writers.h"
#include "scratch.h"

/* A child that waits to be told; `*go` closed lets it end. */
static pid_t spawn(int status, int *go)
{
	int ends[2];
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		_exit(status);
	}
	(void)close(ends[0]);
	*go = ends[1];
	return pid;
}

/* Wait for the pidfd, then for the status, as the desk does. */
static enum wlt_writer_end end_of(int pidfd, pid_t pid)
{
	struct pollfd ready = {.fd = pidfd, .events = POLLIN};
	enum wlt_writer_end end = WLT_WRITER_UNKNOWN;

	ck_assert_int_eq(poll(&ready, 1, 10000), 1);
	for (unsigned i = 0; i < WLT_WRITER_ASK_MOST && !wlt_writer_ended(pidfd, pid, &end); i++)
		(void)poll(NULL, 0, WLT_WRITER_ASK_MS);
	return end;
}

/* Does this kernel tell after the parent has asked (6.15 and later)? Found out with a child. */
static bool kernel_tells(void)
{
	int go;
	pid_t pid = spawn(0, &go);
	WLT_AUTOCLOSE int pidfd = wlt_writer_watch(pid);

	(void)close(go);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return end_of(pidfd, pid) == WLT_WRITER_SUCCEEDED;
}

static void check_end(int status, int signum, bool reap_first, enum wlt_writer_end expected)
{
	bool tells = kernel_tells();
	int go;
	pid_t pid = spawn(status, &go);
	WLT_AUTOCLOSE int pidfd = wlt_writer_watch(pid);

	ck_assert_int_ge(pidfd, 0);
	if (signum != 0)
		ck_assert_int_eq(kill(pid, signum), 0);
	(void)close(go);
	if (reap_first)
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	/* A parent that has not asked leaves the answer in /proc, whatever the kernel. */
	if (!reap_first)
		tells = true;
	ck_assert_int_eq(end_of(pidfd, pid), tells ? expected : WLT_WRITER_UNKNOWN);
	if (!reap_first)
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(success_is_seen)
{
	check_end(0, 0, false, WLT_WRITER_SUCCEEDED);
	check_end(0, 0, true, WLT_WRITER_SUCCEEDED);
}
END_TEST

START_TEST(failure_is_seen)
{
	check_end(3, 0, false, WLT_WRITER_FAILED);
	check_end(3, 0, true, WLT_WRITER_FAILED);
}
END_TEST

START_TEST(kill_is_seen)
{
	check_end(0, SIGKILL, false, WLT_WRITER_FAILED);
	check_end(0, SIGKILL, true, WLT_WRITER_FAILED);
}
END_TEST

START_TEST(living_process_is_not_readable)
{
	int go;
	pid_t pid = spawn(0, &go);
	WLT_AUTOCLOSE int pidfd = wlt_writer_watch(pid);
	struct pollfd ready = {.fd = pidfd, .events = POLLIN};

	ck_assert_int_eq(poll(&ready, 1, 0), 0);
	(void)close(go);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

static void *tell_thread_id(void *out)
{
	pid_t thread = (pid_t)syscall(SYS_gettid);

	/* The answer is asked for while the thread is there. */
	*(pid_t *)out = wlt_writer_process(thread) == getpid() ? thread : -1;
	return NULL;
}

START_TEST(thread_belongs_to_its_process)
{
	pthread_t thread;
	pid_t seen = 0;

	ck_assert_int_eq(wlt_writer_process(getpid()), getpid());
	ck_assert_int_eq(pthread_create(&thread, NULL, tell_thread_id, &seen), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_gt(seen, 0);
	ck_assert_int_ne(seen, getpid());
}
END_TEST

START_TEST(nobody_has_no_process)
{
	int go;
	pid_t pid = spawn(0, &go);

	(void)close(go);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(wlt_writer_process(pid), 0);
	ck_assert_int_eq(wlt_writer_process(0), 0);
	ck_assert_int_eq(wlt_writer_process(-1), 0);
	ck_assert_int_lt(wlt_writer_watch(pid), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("post: writers");
	TCase *tcase = tcase_create("processes");

	tcase_add_test(tcase, success_is_seen);
	tcase_add_test(tcase, failure_is_seen);
	tcase_add_test(tcase, kill_is_seen);
	tcase_add_test(tcase, living_process_is_not_readable);
	tcase_add_test(tcase, thread_belongs_to_its_process);
	tcase_add_test(tcase, nobody_has_no_process);
	suite_add_tcase(suite, tcase);
	return scratch_run_suite(suite);
}
