/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/path.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "scratch.h"

static bool gone(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

START_TEST(test_names)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "/", "../x", "a/"};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_fails(wlt_tree_remove(AT_FDCWD, bad[i], &err), &err, WLT_USAGE);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "absent", &err), &err);
}
END_TEST

START_TEST(test_files_and_links)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_int_eq(mkdir("target", 0755), 0);
	scratch_puts("target/kept", "x");
	scratch_puts("plain", "x");
	ck_assert_int_eq(symlink("target", "link"), 0);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "plain", &err), &err);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "link", &err), &err);
	ck_assert(gone("plain") && gone("link"));
	ck_assert(!gone("target/kept"));
}
END_TEST

START_TEST(test_everything_in_a_tree)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "all/socket"};

	ck_assert_int_eq(mkdir("beside", 0755), 0);
	scratch_puts("beside/kept", "x");
	ck_assert_int_eq(mkdir("all", 0755), 0);
	ck_assert_int_eq(mkdir("all/.moved-0000000000000000", 0755), 0); /* names used inside */
	ck_assert_int_eq(mkdir("all/.moved-0000000000000000/d", 0755), 0);
	ck_assert_int_eq(mkdir("all/.moved-0000000000000000/d/e", 0755), 0);
	scratch_puts("all/.moved-0000000000000001", "x");
	ck_assert_int_eq(mkdir("all/.moved-0000000000000002", 0755), 0);
	scratch_puts("all/.moved-0000000000000002/f", "x");
	ck_assert_int_eq(mkfifo("all/fifo", 0644), 0);
	ck_assert_int_eq(bind(listening, (const struct sockaddr *)&name, sizeof(name)), 0);
	ck_assert_int_eq(symlink("../beside", "all/out"), 0);
	ck_assert_int_eq(symlink("/etc", "all/.moved-0000000000000000/d/etc"), 0);
	ck_assert_int_eq(symlink("nowhere", "all/dangling"), 0);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "all", &err), &err);
	ck_assert(gone("all"));
	ck_assert(!gone("beside/kept"));
	ck_assert_int_eq(access("/etc/passwd", F_OK), 0);
}
END_TEST

START_TEST(test_wide_and_branching)
{
	const char *const make[] = {
		"sh", "-c",
		"for a in 1 2 3 4 5 6 7 8 9; do for b in 1 2 3 4 5 6 7 8 9; do "
		"mkdir -p wide/$a/$b/x/y; : > wide/$a/$b/f; : > wide/$a/$b/x/y/g; done; done",
		NULL};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_int_eq(scratch_run(make, NULL, 0, NULL), 0);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "wide", &err), &err);
	ck_assert(gone("wide"));
}
END_TEST

/* Deeper than a path can be long, than there are descriptors, and than a small stack would bear. */
START_TEST(test_deep)
{
	struct rlimit few;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOCLOSE int base = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(mkdir("deep", 0755), 0);
	ck_assert_int_eq(chdir("deep"), 0);
	for (int i = 0; i < 5000; i++) {
		scratch_puts("f", "x");
		ck_assert_int_eq(mkdir("sub", 0755), 0);
		ck_assert_int_eq(chdir("sub"), 0);
	}
	ck_assert_int_eq(fchdir(base), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &few), 0);
	few.rlim_cur = 20;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "deep", &err), &err);
	ck_assert(gone("deep"));
}
END_TEST

START_TEST(test_folders_closed_to_their_owner)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	scratch_drop_root();
	ck_assert_int_eq(mkdir("closed", 0755), 0);
	ck_assert_int_eq(mkdir("closed/a", 0755), 0);
	ck_assert_int_eq(mkdir("closed/a/b", 0755), 0);
	ck_assert_int_eq(mkdir("closed/a/b/c", 0755), 0);
	scratch_puts("closed/a/b/c/f", "x");
	ck_assert_int_eq(mkdir("closed/r", 0755), 0);
	scratch_puts("closed/r/f", "x");
	ck_assert_int_eq(chmod("closed/a/b/c", 0), 0);
	ck_assert_int_eq(chmod("closed/a/b", 0), 0);
	ck_assert_int_eq(chmod("closed/a", 0500), 0);
	ck_assert_int_eq(chmod("closed/r", 0500), 0);
	ck_assert_int_eq(chmod("closed", 0), 0);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "closed", &err), &err);
	ck_assert(gone("closed"));
}
END_TEST

START_TEST(test_refusal_of_the_system_is_told)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	scratch_drop_root();
	ck_assert_int_eq(mkdir("locked", 0755), 0);
	ck_assert_int_eq(mkdir("locked/tree", 0755), 0);
	scratch_puts("locked/tree/f", "x");
	ck_assert_int_eq(chmod("locked", 0500), 0);
	WLT_AUTOCLOSE int locked = open("locked", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_fails(wlt_tree_remove(locked, "tree", &err), &err, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, EACCES);
	ck_assert_int_eq(chmod("locked", 0700), 0);
	ck_assert_works(wlt_tree_remove(AT_FDCWD, "locked", &err), &err);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree_remove");
	TCase *tc = tcase_create("tree_remove");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_names);
	tcase_add_test(tc, test_files_and_links);
	tcase_add_test(tc, test_everything_in_a_tree);
	tcase_add_test(tc, test_wide_and_branching);
	tcase_add_test(tc, test_deep);
	tcase_add_test(tc, test_folders_closed_to_their_owner);
	tcase_add_test(tc, test_refusal_of_the_system_is_told);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
