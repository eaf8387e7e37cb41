/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "package/tar_write.h"
#include "sandbox.h"

static struct sandbox box;

static void set_up(void)
{
	sandbox_make(&box);
}

static void tear_down(void)
{
	sandbox_remove(&box);
}

/* A path of `len` bytes: components of `part` times `c`. */
static char *make_path(size_t len, size_t part, const char *c)
{
	char *path = calloc(1, len + 8);

	ck_assert_ptr_nonnull(path);
	for (size_t at = 0; at < len; at = strlen(path))
		strcat(path, at % (part + 1) == part ? "/" : c);
	if (path[strlen(path) - 1] == '/')
		path[strlen(path) - 1] = 'z';
	return path;
}

/* Put one member into an archive; GNU tar lists it as `path` and unpacks its content. */
static void check_path(const char *path, size_t blocks)
{
	static const char zeroes[WLT_TAR_END];
	struct wlt_tar_file file = {path, 5, 1234567890, false};
	struct wlt_buf out = WLT_BUF_INIT;

	wlt_tar_put_header(&out, &file);
	ck_assert_uint_eq(out.len, blocks * WLT_TAR_BLOCK);
	wlt_buf_puts(&out, "hello");
	wlt_buf_append(&out, zeroes, wlt_tar_padding(5));
	wlt_buf_append(&out, zeroes, sizeof(zeroes));
	ck_assert(!out.failed);
	sandbox_put_bytes(&box, "a.tar", out.data, out.len);
	sandbox_put(&box, "path", path);
	ck_assert_int_eq(sandbox_sh(&box,
				    "tar --quoting-style=literal -tf a.tar | tr -d '\\n' | cmp "
				    "- path"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box, "tar -xOf a.tar | grep -qx hello"), 0);
	ck_assert_int_eq(sandbox_sh(&box, "tar --utc --full-time -tvf a.tar | grep -q '2009-02-13 "
					  "23:31:30'"),
			 0);
	wlt_buf_free(&out);
}

START_TEST(test_short_names)
{
	char *path;

	check_path("a", 1);
	path = make_path(100, 100, "x"); /* fills the name */
	check_path(path, 1);
	free(path);
	path = make_path(101, 50, "x"); /* a name and a prefix */
	check_path(path, 1);
	free(path);
	path = make_path(250, 50, "x");
	check_path(path, 1);
	free(path);
}
END_TEST

START_TEST(test_long_names)
{
	char *path;

	check_path("ünïcode-名.txt", 3);
	path = make_path(101, 200, "x"); /* no slash to cut at */
	check_path(path, 3);
	free(path);
	path = make_path(300, 50, "x");
	check_path(path, 3);
	free(path);
	path = make_path(505, 100, "x"); /* records beyond one block */
	check_path(path, 4);
	free(path);
}
END_TEST

/* Where the length of a record begins to need one digit more. */
START_TEST(test_record_lengths)
{
	for (size_t len = 985; len < 1000; len++) {
		char *path = make_path(len, 120, "y");

		check_path(path, 4);
		free(path);
	}
}
END_TEST

START_TEST(test_big_size)
{
	struct wlt_tar_file file = {"big", 8589934591ull, 0, true};
	struct wlt_buf out = WLT_BUF_INIT;

	wlt_tar_put_header(&out, &file);
	ck_assert_uint_eq(out.len, WLT_TAR_BLOCK);
	ck_assert_int_eq(memcmp(out.data + 124, "77777777777", 12), 0);
	wlt_buf_free(&out);
	file.size++;
	wlt_tar_put_header(&out, &file);
	ck_assert_uint_eq(out.len, 3 * WLT_TAR_BLOCK);
	ck_assert_str_eq(out.data + WLT_TAR_BLOCK, "19 size=8589934592\n");
	wlt_buf_free(&out);
}
END_TEST

START_TEST(test_odd_times)
{
	static const int64_t times[] = {-5, 0, 8589934591, 8589934592};
	static const char *const written[] = {"00000000000", "00000000000", "77777777777",
					      "77777777777"};

	for (int i = 0; i < 4; i++) {
		struct wlt_tar_file file = {"x", 0, times[i], false};
		struct wlt_buf out = WLT_BUF_INIT;

		wlt_tar_put_header(&out, &file);
		ck_assert_str_eq(out.data + 136, written[i]);
		wlt_buf_free(&out);
	}
}
END_TEST

START_TEST(test_padding)
{
	ck_assert_uint_eq(wlt_tar_padding(0), 0);
	ck_assert_uint_eq(wlt_tar_padding(1), 511);
	ck_assert_uint_eq(wlt_tar_padding(512), 0);
	ck_assert_uint_eq(wlt_tar_padding(513), 511);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tar_write");
	TCase *t = tcase_create("tar_write");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_short_names);
	tcase_add_test(t, test_long_names);
	tcase_add_test(t, test_record_lengths);
	tcase_add_test(t, test_big_size);
	tcase_add_test(t, test_odd_times);
	tcase_add_test(t, test_padding);
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
