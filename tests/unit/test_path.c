/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/path.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path_private.h"
#include "scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static char *repeat(const char *part, size_t times)
{
	struct wlt_buf buf = WLT_BUF_INIT;

	for (size_t i = 0; i < times; i++)
		wlt_buf_puts(&buf, part);
	return wlt_buf_take(&buf);
}

/* --- checks ------------------------------------------------------------------------------------ */

static const char *const good_names[] = {"a",  "...",      ".hidden", "a b",
					 "C:", "\xC3\xA9", "-x",      "a..b"};
static const char *const bad_names[] = {"",         ".",        "..",   "a/b",
					"/",        "a\\b",     "a\nb", "a\x7f",
					"\xC2\x85", "\xC3\x28", "\xff", "a\x1b[2J"};

START_TEST(test_good_name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_works(wlt_name_check(good_names[_i], &err), &err);
}
END_TEST

START_TEST(test_bad_name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_fails(wlt_name_check(bad_names[_i], &err), &err, WLT_DAMAGED);
}
END_TEST

static const char *const good_paths[] = {"a",    "a/b/c", ".hidden/...", "a/C:",
					 "ab:c", "1:",    "\xC3\xA9/b"};
static const char *const bad_paths[] = {
	"",           "/",      "/a",           "a/",   "a//b",           "./a",
	"a/.",        "a/./b",  "..",           "../a", "a/../b",         "a/..",
	"C:",         "c:/a",   "Z:a",          "a\\b", "a/b\\c",         "a/\n",
	"a/\xC2\x80", "a/\xff", "a/\xC0\xAF/b", "//a",  "a/b/../../../c",
};

START_TEST(test_good_path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_works(wlt_path_check(good_paths[_i], &err), &err);
}
END_TEST

START_TEST(test_bad_path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_fails(wlt_path_check(bad_paths[_i], &err), &err, WLT_DAMAGED);
}
END_TEST

START_TEST(test_limits)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOFREE char *name = repeat("n", WLT_NAME_BYTES);
	WLT_AUTOFREE char *long_name = repeat("n", WLT_NAME_BYTES + 1);
	WLT_AUTOFREE char *deep = repeat("a/", WLT_PATH_DEPTH);
	WLT_AUTOFREE char *too_deep = repeat("a/", WLT_PATH_DEPTH + 1);
	WLT_AUTOFREE char *longest = repeat("123456789012345678901234567890/", 132);
	WLT_AUTOFREE char *too_long = repeat("0123456789abcdef0123456789abcdef/", 127);

	ck_assert_works(wlt_name_check(name, &err), &err);
	ck_assert_fails(wlt_name_check(long_name, &err), &err, WLT_DAMAGED);
	ck_assert_fails(wlt_path_check(long_name, &err), &err, WLT_DAMAGED);
	deep[strlen(deep) - 1] = '\0';
	too_deep[strlen(too_deep) - 1] = '\0';
	ck_assert_works(wlt_path_check(deep, &err), &err);
	ck_assert_fails(wlt_path_check(too_deep, &err), &err, WLT_DAMAGED);
	/* 4091 bytes in 132 components are too deep; in 127 of 33 bytes, 4190, too long. */
	ck_assert_fails(wlt_path_check(longest, &err), &err, WLT_DAMAGED);
	too_long[WLT_PATH_BYTES] = '\0';
	ck_assert_int_ne(too_long[WLT_PATH_BYTES - 1], '/');
	ck_assert_works(wlt_path_check(too_long, &err), &err);
	too_long[WLT_PATH_BYTES] = 'x';
	too_long[WLT_PATH_BYTES + 1] = '\0';
	ck_assert_fails(wlt_path_check(too_long, &err), &err, WLT_DAMAGED);
}
END_TEST

START_TEST(test_peer_names)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	static const char *const bad[] = {"",         ".",   "..",   "a.b",  "a/b", "a b",
					  "\xC3\xA9", "a\n", "a%00", "../x", "a\\b"};
	WLT_AUTOFREE char *longest = repeat("n", 39);
	WLT_AUTOFREE char *too_long = repeat("n", 40);

	ck_assert_works(wlt_peer_name_check("Bob-2_x", &err), &err);
	ck_assert_works(wlt_peer_name_check(longest, &err), &err);
	ck_assert_fails(wlt_peer_name_check(too_long, &err), &err, WLT_USAGE);
	for (int i = 0; i < COUNT(bad); i++)
		ck_assert_fails(wlt_peer_name_check(bad[i], &err), &err, WLT_USAGE);
}
END_TEST

START_TEST(test_leaf_and_join)
{
	WLT_AUTOFREE char *plain = wlt_path_join("a", "b");
	WLT_AUTOFREE char *slash = wlt_path_join("/", "b");
	WLT_AUTOFREE char *empty = wlt_path_join("", "b");

	ck_assert_str_eq(wlt_path_leaf("a/b/c"), "c");
	ck_assert_str_eq(wlt_path_leaf("c"), "c");
	ck_assert_str_eq(wlt_path_leaf("a/"), "");
	ck_assert_str_eq(plain, "a/b");
	ck_assert_str_eq(slash, "/b");
	ck_assert_str_eq(empty, "b");
}
END_TEST

/* --- opening beneath --------------------------------------------------------------------------- */

typedef int open_function(int dirfd, const char *path, int flags, mode_t mode);

/* All three must answer alike. */
static open_function *const openers[] = {wlt_open_beneath, wlt_open_beneath_kernel,
					 wlt_open_beneath_walk};

static const struct {
	const char *path;
	int flags;
	int fault; /* 0: opens */
} attempts[] = {
	{"file", O_RDONLY, 0},
	{"sub/file", O_RDONLY, 0},
	{"sub/deep/file", O_RDONLY, 0},
	{"sub//deep/./file", O_RDONLY, 0},
	{"./sub", O_RDONLY | O_DIRECTORY, 0},
	{"sub/", O_PATH, 0},
	{".", O_RDONLY, 0},
	{"new", O_WRONLY | O_CREAT | O_EXCL, 0},
	{"sub/new", O_WRONLY | O_CREAT, 0},
	{"file", O_WRONLY | O_CREAT | O_EXCL, EEXIST},
	{"absent", O_RDONLY, ENOENT},
	{"absent/file", O_RDONLY, ENOENT},
	{"file/x", O_RDONLY, ENOTDIR},
	{"file/", O_RDONLY, ENOTDIR},
	{"file", O_RDONLY | O_DIRECTORY, ENOTDIR},
	{"file", O_PATH, 0},
	/* links, whether they lead out or not */
	{"link", O_RDONLY, ELOOP},
	{"link", O_PATH, ELOOP},
	{"link", O_PATH | O_NOFOLLOW, ELOOP},
	{"link", O_WRONLY | O_TRUNC, ELOOP},
	{"outside", O_RDONLY, ELOOP},
	{"dangling", O_WRONLY | O_CREAT, ELOOP},
	{"linkdir", O_RDONLY | O_DIRECTORY, ELOOP},
	{"linkdir", O_PATH | O_DIRECTORY, ELOOP},
	{"linkdir/file", O_RDONLY, ELOOP},
	{"etc/passwd", O_RDONLY, ELOOP},
	{"sub/up/file", O_RDONLY, ELOOP},
	{"link/x", O_RDONLY, ELOOP},
	{"loop", O_RDONLY, ELOOP},
};

static void make_tree(void)
{
	static const char *const dirs[] = {"tree", "tree/sub", "tree/sub/deep"};
	static const char *const files[] = {"beside", "tree/file", "tree/sub/file",
					    "tree/sub/deep/file"};
	static const char *const links[][2] = {
		{"file", "tree/link"},   {"../beside", "tree/outside"}, {"gone", "tree/dangling"},
		{"sub", "tree/linkdir"}, {"/etc", "tree/etc"},          {"..", "tree/sub/up"},
		{"loop", "tree/loop"},
	};
	const char *const clean[] = {"rm", "-rf", "tree", NULL};

	ck_assert_int_eq(scratch_run(clean, NULL, 0, NULL), 0);
	for (int i = 0; i < COUNT(dirs); i++)
		ck_assert_int_eq(mkdir(dirs[i], 0755), 0);
	for (int i = 0; i < COUNT(files); i++)
		scratch_puts(files[i], files[i]);
	for (int i = 0; i < COUNT(links); i++)
		ck_assert_int_eq(symlink(links[i][0], links[i][1]), 0);
}

static int open_tree(void)
{
	int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(test_open_beneath)
{
	int which = _i % COUNT(openers), attempt = _i / COUNT(openers);
	WLT_AUTOCLOSE int tree = -1;
	WLT_AUTOCLOSE int fd = -1;
	int fault;

	make_tree();
	tree = open_tree();
	fd = openers[which](tree, attempts[attempt].path, attempts[attempt].flags, 0640);
	fault = fd < 0 ? errno : 0;
	if (which == 1 && fault == ENOSYS)
		return; /* an old kernel: the walk is all there is */
	ck_assert_msg(fault == attempts[attempt].fault, "opener %d, %s: %s", which,
		      attempts[attempt].path, strerror(fault));
	if (fd >= 0)
		ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_ne(access("tree/gone", F_OK), 0); /* nothing made through a link */
}
END_TEST

START_TEST(test_ways_out_are_refused)
{
	static const char *const ways[] = {"..", "../beside", "/etc/passwd", "sub/../../beside",
					   "/",  "sub/..",    "sub/../file", "sub/deep/../../.."};
	WLT_AUTOCLOSE int tree = -1;

	make_tree();
	tree = open_tree();
	ck_assert_int_eq(wlt_open_beneath(tree, ways[_i], O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(test_empty_path_is_the_folder)
{
	WLT_AUTOCLOSE int tree = -1;
	WLT_AUTOCLOSE int fd = -1;
	struct stat one, two;

	make_tree();
	tree = open_tree();
	fd = wlt_open_beneath(tree, "", O_PATH | O_DIRECTORY, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(tree, &one), 0);
	ck_assert_int_eq(fstat(fd, &two), 0);
	ck_assert_uint_eq(one.st_ino, two.st_ino);
}
END_TEST

START_TEST(test_created_with_mode)
{
	WLT_AUTOCLOSE int tree = -1;
	struct stat st;

	make_tree();
	tree = open_tree();
	(void)umask(0);
	for (int i = 0; i < COUNT(openers); i++) {
		WLT_AUTOCLOSE int fd =
			openers[i](tree, "made", O_WRONLY | O_CREAT | O_EXCL, S_IFREG | 0640);

		if (i == 1 && fd < 0 && errno == ENOSYS)
			continue; /* an old kernel: the walk is all there is */
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_uint_eq(st.st_mode & 07777, 0640);
		ck_assert_int_eq(unlinkat(tree, "made", 0), 0);
	}
}
END_TEST

/* From now on openat2() gives `fault` to this process. */
static void forbid_openat2(int fault)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)fault),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {COUNT(code), code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

START_TEST(test_kernel_or_sandbox_without_openat2)
{
	static const int answers[] = {ENOSYS, EPERM};
	WLT_AUTOCLOSE int tree = -1;
	WLT_AUTOCLOSE int fd = -1;

	make_tree();
	tree = open_tree();
	forbid_openat2(answers[_i]);
	ck_assert_int_eq(wlt_open_beneath_kernel(tree, "file", O_RDONLY, 0), -1);
	fd = wlt_open_beneath(tree, "sub/deep/file", O_RDONLY, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(wlt_open_beneath(tree, "linkdir/file", O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(wlt_open_beneath(tree, "../beside", O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(test_walk_refuses_long_components)
{
	WLT_AUTOFREE char *name = repeat("n", WLT_NAME_BYTES + 1);

	ck_assert_int_eq(wlt_open_beneath_walk(AT_FDCWD, name, O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
	ck_assert_int_eq(wlt_open_beneath_walk(AT_FDCWD, "/x", O_RDONLY, 0), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(test_open_parent)
{
	const char *path = "sub/deep/file";
	WLT_AUTOFREE char *too_long = repeat("n/", 2100);
	WLT_AUTOCLOSE int tree = -1;
	WLT_AUTOCLOSE int parent = -1;
	WLT_AUTOCLOSE int same = -1;
	const char *leaf = NULL;
	struct stat one, two;

	make_tree();
	tree = open_tree();
	parent = wlt_open_parent(tree, path, &leaf);
	ck_assert_int_ge(parent, 0);
	ck_assert_ptr_eq(leaf, path + 9);
	ck_assert_int_eq(faccessat(parent, leaf, F_OK, 0), 0);
	same = wlt_open_parent(tree, "absent", &leaf);
	ck_assert_int_ge(same, 0);
	ck_assert_int_eq(fstat(tree, &one), 0);
	ck_assert_int_eq(fstat(same, &two), 0);
	ck_assert_uint_eq(one.st_ino, two.st_ino);

	ck_assert_int_eq(wlt_open_parent(tree, "linkdir/file", &leaf), -1);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(wlt_open_parent(tree, "../beside", &leaf), -1);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(wlt_open_parent(tree, "sub/", &leaf), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(wlt_open_parent(tree, "sub/..", &leaf), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(wlt_open_parent(tree, "", &leaf), -1);
	ck_assert_int_eq(errno, EINVAL);
	too_long[4199] = 'x';
	ck_assert_int_eq(wlt_open_parent(tree, too_long, &leaf), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

/* --- folders ----------------------------------------------------------------------------------- */

START_TEST(test_dir_ensure)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct stat st;

	ck_assert_works(wlt_dir_ensure("ensured/a//b/", 0700, &err), &err);
	ck_assert_works(wlt_dir_ensure("ensured/a/b", 0755, &err), &err);
	ck_assert_int_eq(stat("ensured/a/b", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_works(wlt_dir_ensure("/", 0700, &err), &err);
	ck_assert_fails(wlt_dir_ensure("", 0700, &err), &err, WLT_USAGE);
	ck_assert_works(wlt_dir_ensure("/tmp", 0700, &err), &err);
	scratch_puts("ensured/file", "");
	ck_assert_fails(wlt_dir_ensure("ensured/file", 0700, &err), &err, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, ENOTDIR);
	ck_assert_fails(wlt_dir_ensure("ensured/file/x", 0700, &err), &err, WLT_SYSTEM);
	ck_assert_int_eq(symlink("a", "ensured/link"), 0); /* the user's own arrangement */
	ck_assert_works(wlt_dir_ensure("ensured/link/c", 0700, &err), &err);
	ck_assert_int_eq(access("ensured/a/c", F_OK), 0);
}
END_TEST

START_TEST(test_dir_ensure_beneath)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOFREE char *long_name = repeat("n", WLT_NAME_BYTES + 1);
	WLT_AUTOCLOSE int tree = -1;

	make_tree();
	tree = open_tree();
	ck_assert_works(wlt_dir_ensure_beneath(tree, "sub/x/y/z", 0700, &err), &err);
	ck_assert_works(wlt_dir_ensure_beneath(tree, "sub/x/y/z", 0700, &err), &err);
	ck_assert_works(wlt_dir_ensure_beneath(tree, "", 0700, &err), &err);
	ck_assert_int_eq(access("tree/sub/x/y/z", F_OK), 0);
	ck_assert_fails(wlt_dir_ensure_beneath(tree, "linkdir/x", 0700, &err), &err, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, ELOOP);
	ck_assert_fails(wlt_dir_ensure_beneath(tree, "etc/x", 0700, &err), &err, WLT_SYSTEM);
	ck_assert_fails(wlt_dir_ensure_beneath(tree, "dangling/x", 0700, &err), &err, WLT_SYSTEM);
	ck_assert_fails(wlt_dir_ensure_beneath(tree, "file/x", 0700, &err), &err, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, ENOTDIR);
	ck_assert_fails(wlt_dir_ensure_beneath(tree, "../x", 0700, &err), &err, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, EXDEV);
	ck_assert_fails(wlt_dir_ensure_beneath(tree, long_name, 0700, &err), &err, WLT_SYSTEM);
	ck_assert_int_ne(access("tree/sub/deep/x", F_OK), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("path");
	TCase *tc = tcase_create("path");

	tcase_add_loop_test(tc, test_good_name, 0, COUNT(good_names));
	tcase_add_loop_test(tc, test_bad_name, 0, COUNT(bad_names));
	tcase_add_loop_test(tc, test_good_path, 0, COUNT(good_paths));
	tcase_add_loop_test(tc, test_bad_path, 0, COUNT(bad_paths));
	tcase_add_test(tc, test_limits);
	tcase_add_test(tc, test_peer_names);
	tcase_add_test(tc, test_leaf_and_join);
	tcase_add_loop_test(tc, test_open_beneath, 0, COUNT(attempts) * COUNT(openers));
	tcase_add_loop_test(tc, test_ways_out_are_refused, 0, 8);
	tcase_add_test(tc, test_empty_path_is_the_folder);
	tcase_add_test(tc, test_created_with_mode);
	tcase_add_loop_test(tc, test_kernel_or_sandbox_without_openat2, 0, 2);
	tcase_add_test(tc, test_walk_refuses_long_components);
	tcase_add_test(tc, test_open_parent);
	tcase_add_test(tc, test_dir_ensure);
	tcase_add_test(tc, test_dir_ensure_beneath);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
