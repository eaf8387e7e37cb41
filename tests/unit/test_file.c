/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "scratch.h"

static void assert_content(const char *path, const char *expected)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf content = scratch_read(path);

	ck_assert_str_eq(content.data, expected);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* --- reading ----------------------------------------------------------------------------------- */

START_TEST(test_read_appends)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;

	scratch_write("bytes", "a\0b", 3);
	wlt_buf_puts(&out, "x");
	ck_assert_works(wlt_file_read(AT_FDCWD, "bytes", 3, &out, &err), &err);
	ck_assert_uint_eq(out.len, 4);
	ck_assert_mem_eq(out.data, "xa\0b", 5);
	scratch_puts("empty", "");
	ck_assert_works(wlt_file_read(AT_FDCWD, "empty", 0, &out, &err), &err);
	ck_assert_uint_eq(out.len, 4);
}
END_TEST

START_TEST(test_read_files_without_a_size)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;

	ck_assert_works(wlt_file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &out, &err), &err);
	ck_assert_int_eq(strncmp(out.data, "Name:\t", 6), 0);
	ck_assert_fails(wlt_file_read(AT_FDCWD, "/proc/self/status", 50, &out, &err), &err,
			WLT_TOO_BIG);
}
END_TEST

START_TEST(test_read_refuses)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;

	wlt_buf_puts(&out, "kept");
	ck_assert_fails(wlt_file_read(AT_FDCWD, "absent", 10, &out, &err), &err, WLT_MISSING);
	scratch_puts("large", "12345678901");
	ck_assert_fails(wlt_file_read(AT_FDCWD, "large", 10, &out, &err), &err, WLT_TOO_BIG);
	ck_assert_int_eq(mkfifo("fifo", 0644), 0); /* must not wait for a writer */
	ck_assert_fails(wlt_file_read(AT_FDCWD, "fifo", 10, &out, &err), &err, WLT_REFUSED);
	ck_assert_fails(wlt_file_read(AT_FDCWD, ".", 10, &out, &err), &err, WLT_REFUSED);
	ck_assert_fails(wlt_file_read(AT_FDCWD, "/dev/zero", 10, &out, &err), &err, WLT_REFUSED);
	ck_assert_str_eq(out.data, "kept");
}
END_TEST

START_TEST(test_full_reads_and_writes)
{
	WLT_AUTOCLOSE int fd = open("full", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char back[16] = "";
	size_t got = 99;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(wlt_write_all(fd, "0123456789", 10), 0);
	ck_assert_int_eq(wlt_pwrite_all(fd, "ab", 2, 8), 0);
	ck_assert_int_eq(wlt_pread_full(fd, back, 4, 6, &got), 0);
	ck_assert_uint_eq(got, 4);
	ck_assert_mem_eq(back, "67ab", 4);
	ck_assert_int_eq(wlt_pread_full(fd, back, 16, 5, &got), 0);
	ck_assert_uint_eq(got, 5);
	ck_assert_int_eq(lseek(fd, 9, SEEK_SET), 9);
	ck_assert_int_eq(wlt_read_full(fd, back, 16, &got), 0);
	ck_assert_uint_eq(got, 1);
	ck_assert_int_eq(wlt_read_full(fd, back, 16, &got), 0);
	ck_assert_uint_eq(got, 0);
	ck_assert_int_eq(wlt_read_full(-1, back, 16, &got), EBADF);
	ck_assert_int_eq(wlt_pread_full(-1, back, 16, 0, &got), EBADF);
	ck_assert_int_eq(wlt_write_all(-1, "x", 1), EBADF);
	ck_assert_int_eq(wlt_pwrite_all(-1, "x", 1, 0), EBADF);
}
END_TEST

static void on_alarm(int number)
{
	(void)number;
}

/* A pipe gives and takes a little at a time, and a signal comes between. */
START_TEST(test_short_counts_and_signals)
{
	const struct sigaction act = {.sa_handler = on_alarm}; /* without SA_RESTART */
	static char data[1 << 20], back[1 << 20];
	const size_t len = sizeof(data);
	int ends[2];
	pid_t child;
	size_t got = 0;
	int status;

	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 31 >> 3);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(sigaction(SIGALRM, &act, NULL), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)close(ends[0]);
		for (size_t at = 0; at < len; at += len / 8) {
			(void)kill(getppid(), SIGALRM);
			if (wlt_write_all(ends[1], data + at, len / 8) != 0)
				_exit(1);
		}
		_exit(0);
	}
	(void)close(ends[1]);
	ck_assert_int_eq(wlt_read_full(ends[0], back, len, &got), 0);
	ck_assert_uint_eq(got, len);
	ck_assert_int_eq(memcmp(data, back, len), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	(void)close(ends[0]);
}
END_TEST

/* --- replacing --------------------------------------------------------------------------------- */

START_TEST(test_replace_creates_and_replaces)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int dir = -1;

	(void)umask(022);
	ck_assert_int_eq(mkdir("replace", 0755), 0);
	dir = open("replace", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_works(wlt_file_replace(dir, "new", "one", 3, 0600, &err), &err);
	assert_content("replace/new", "one");
	ck_assert_uint_eq(mode_of("replace/new"), 0600);
	ck_assert_int_eq(chmod("replace/new", 0666), 0);
	ck_assert_works(wlt_file_replace(AT_FDCWD, "replace/new", "two", 3, 0600, &err), &err);
	assert_content("replace/new", "two");
	ck_assert_uint_eq(mode_of("replace/new"), 0666); /* whatever the umask */
	ck_assert_int_eq(chmod("replace/new", 0400), 0);
	ck_assert_works(wlt_file_replace(AT_FDCWD, "./replace/new", "", 0, 0644, &err), &err);
	assert_content("replace/new", "");
	ck_assert_uint_eq(mode_of("replace/new"), 0400);
	ck_assert_uint_eq(scratch_count("replace"), 1);
}
END_TEST

START_TEST(test_replace_takes_the_longest_name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	ck_assert_works(wlt_file_replace(AT_FDCWD, name, "x", 1, 0644, &err), &err);
	assert_content(name, "x");
}
END_TEST

START_TEST(test_replace_refuses)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_int_eq(mkdir("refuse", 0755), 0);
	scratch_puts("refuse/target", "kept");
	ck_assert_int_eq(symlink("target", "refuse/link"), 0);
	ck_assert_int_eq(mkdir("refuse/folder", 0755), 0);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "refuse/link", "x", 1, 0644, &err), &err,
			WLT_REFUSED);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "refuse/folder", "x", 1, 0644, &err), &err,
			WLT_REFUSED);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "refuse/", "x", 1, 0644, &err), &err, WLT_USAGE);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "refuse/..", "x", 1, 0644, &err), &err,
			WLT_USAGE);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "absent/x", "x", 1, 0644, &err), &err,
			WLT_MISSING);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "refuse/target/x", "x", 1, 0644, &err), &err,
			WLT_SYSTEM);
	assert_content("refuse/target", "kept");
	ck_assert_uint_eq(scratch_count("refuse"), 3);
}
END_TEST

/* When the disk is full the old content stays, and nothing else. */
START_TEST(test_failed_write_leaves_no_trace)
{
	const struct rlimit small = {4096, 4096};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	static char large[8192];

	ck_assert_int_eq(mkdir("trace", 0755), 0);
	scratch_puts("trace/file", "old");
	ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "trace/file", large, sizeof(large), 0644, &err),
			&err, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, EFBIG);
	ck_assert_fails(wlt_file_create(AT_FDCWD, "trace/new", large, sizeof(large), 0644, &err),
			&err, WLT_SYSTEM);
	ck_assert_uint_eq(scratch_count("trace"), 1);
	assert_content("trace/file", "old");
}
END_TEST

START_TEST(test_folder_without_write_permission)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	scratch_drop_root();
	ck_assert_int_eq(mkdir("readonly", 0755), 0);
	scratch_puts("readonly/file", "old");
	ck_assert_int_eq(chmod("readonly", 0555), 0);
	ck_assert_fails(wlt_file_replace(AT_FDCWD, "readonly/file", "x", 1, 0644, &err), &err,
			WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, EACCES);
	ck_assert_int_eq(chmod("readonly", 0755), 0);
	assert_content("readonly/file", "old");
}
END_TEST

START_TEST(test_create_never_overwrites)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_int_eq(mkdir("create", 0755), 0);
	ck_assert_works(wlt_file_create(AT_FDCWD, "create/file", "one", 3, 0600, &err), &err);
	ck_assert_uint_eq(mode_of("create/file"), 0600);
	ck_assert_fails(wlt_file_create(AT_FDCWD, "create/file", "two", 3, 0600, &err), &err,
			WLT_EXISTS);
	assert_content("create/file", "one");
	ck_assert_int_eq(symlink("nowhere", "create/link"), 0);
	ck_assert_fails(wlt_file_create(AT_FDCWD, "create/link", "two", 3, 0600, &err), &err,
			WLT_EXISTS);
	ck_assert_uint_eq(scratch_count("create"), 2);
}
END_TEST

/* --- locks ------------------------------------------------------------------------------------- */

START_TEST(test_lock_excludes)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int held = -1;
	WLT_AUTOCLOSE int second = -1;
	char expected[32];

	ck_assert_works(wlt_lock_take(AT_FDCWD, "lock", NULL, &held, &err), &err);
	ck_assert_uint_eq(mode_of("lock"), 0600);
	(void)snprintf(expected, sizeof(expected), "pid=%ld\n", (long)getpid());
	assert_content("lock", expected);
	ck_assert_fails(wlt_lock_take(AT_FDCWD, "lock", "x", &second, &err), &err, WLT_BUSY);
	expected[strlen(expected) - 1] = '\0';
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), expected));
	ck_assert_int_eq(second, -1);

	ck_assert_int_eq(close(wlt_take_fd(&held)), 0);
	ck_assert_works(wlt_lock_take(AT_FDCWD, "lock", "pid=1\nx=y\n", &second, &err), &err);
	assert_content("lock", "pid=1\nx=y\n");
}
END_TEST

START_TEST(test_lock_of_a_dead_process_is_free)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int fd = -1;
	int ready[2], status;
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (!wlt_lock_take(AT_FDCWD, "dead", "pid=child\n", &fd, &err) ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
	}
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_fails(wlt_lock_take(AT_FDCWD, "dead", NULL, &fd, &err), &err, WLT_BUSY);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "(pid=child)"));
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_works(wlt_lock_take(AT_FDCWD, "dead", NULL, &fd, &err), &err);
}
END_TEST

START_TEST(test_lock_survives_being_unlinked)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int old = -1;
	WLT_AUTOCLOSE int fresh = -1;
	WLT_AUTOCLOSE int third = -1;

	ck_assert_works(wlt_lock_take(AT_FDCWD, "unlinked", NULL, &old, &err), &err);
	ck_assert_int_eq(unlink("unlinked"), 0);
	ck_assert_works(wlt_lock_take(AT_FDCWD, "unlinked", NULL, &fresh, &err), &err);
	ck_assert_fails(wlt_lock_take(AT_FDCWD, "unlinked", NULL, &third, &err), &err, WLT_BUSY);
}
END_TEST

START_TEST(test_lock_refuses)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	int fd = -1;

	scratch_puts("precious", "kept");
	ck_assert_int_eq(symlink("precious", "locklink"), 0);
	ck_assert_fails(wlt_lock_take(AT_FDCWD, "locklink", NULL, &fd, &err), &err, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, ELOOP);
	assert_content("precious", "kept");
	ck_assert_fails(wlt_lock_take(AT_FDCWD, "absent/lock", NULL, &fd, &err), &err, WLT_MISSING);
}
END_TEST

START_TEST(test_memfd)
{
	WLT_AUTOCLOSE int fd = wlt_memfd("walnut-test");
	char path[64], name[64] = "";

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_gt(readlink(path, name, sizeof(name) - 1), 0);
	ck_assert_ptr_nonnull(strstr(name, "walnut-test"));
	ck_assert_int_eq(wlt_write_all(fd, "x", 1), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	ck_assert_int_eq(wlt_write_all(fd, "x", 1), EPERM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *tc = tcase_create("file");

	tcase_add_test(tc, test_read_appends);
	tcase_add_test(tc, test_read_files_without_a_size);
	tcase_add_test(tc, test_read_refuses);
	tcase_add_test(tc, test_full_reads_and_writes);
	tcase_add_test(tc, test_short_counts_and_signals);
	tcase_add_test(tc, test_replace_creates_and_replaces);
	tcase_add_test(tc, test_replace_takes_the_longest_name);
	tcase_add_test(tc, test_replace_refuses);
	tcase_add_test(tc, test_failed_write_leaves_no_trace);
	tcase_add_test(tc, test_folder_without_write_permission);
	tcase_add_test(tc, test_create_never_overwrites);
	tcase_add_test(tc, test_lock_excludes);
	tcase_add_test(tc, test_lock_of_a_dead_process_is_free);
	tcase_add_test(tc, test_lock_survives_being_unlinked);
	tcase_add_test(tc, test_lock_refuses);
	tcase_add_test(tc, test_memfd);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
