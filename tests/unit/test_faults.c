/* SPDX-License-Identifier: MIT */
/* Every file-system call and every allocation of the base room fails once, or is the last one. */
#include "config.h"

#include "faults.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "base/path_private.h"
#include "base/yaml.h"
#include "scratch.h"

#define MANY 1000 /* more calls than any operation here makes */

static const int faults[] = {EIO, ENOSPC, EACCES};

static void shell(const char *command)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	ck_assert_msg(scratch_run(argv, NULL, 0, NULL) == 0, "%s", command);
}

/* "old" or "new", whatever `path` holds. Anything else aborts the test. */
static bool is_new(const char *path)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf content = scratch_read(path);

	ck_assert(strcmp(content.data, "old") == 0 || strcmp(content.data, "new") == 0);
	return content.data[0] == 'n';
}

static bool replace(struct wlt_error *err)
{
	return wlt_file_replace(AT_FDCWD, "r/file", "new", 3, 0600, err);
}

static bool create(struct wlt_error *err)
{
	return wlt_file_create(AT_FDCWD, "r/file", "new", 3, 0600, err);
}

START_TEST(test_replace_with_faults)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		shell("rm -rf r && mkdir r && printf old > r/file");
		faults_arm(FAULT_FILES, n, faults[_i]);
		good = replace(&err);
		happened = faults_disarm();
		if (good)
			ck_assert(is_new("r/file"));
		else
			ck_assert_int_eq(wlt_error_errno(&err), faults[_i]);
		(void)is_new("r/file");
		ck_assert_uint_eq(scratch_count("r"), 1); /* no temporary file */
	}
}
END_TEST

START_TEST(test_create_with_faults)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		shell("rm -rf r && mkdir r");
		faults_arm(FAULT_FILES, n, faults[_i]);
		good = create(&err);
		happened = faults_disarm();
		if (!good)
			ck_assert_int_eq(wlt_error_errno(&err), faults[_i]);
		if (good || access("r/file", F_OK) == 0)
			ck_assert(is_new("r/file"));
		ck_assert_uint_eq(scratch_count("r"), access("r/file", F_OK) == 0 ? 1 : 0);
	}
}
END_TEST

/* A file system without RENAME_NOREPLACE. */
START_TEST(test_create_by_hard_link)
{
	int linked = 0;

	for (unsigned n = 1; n < 40; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		shell("rm -rf r && mkdir r");
		faults_arm(FAULT_FILES, n, EINVAL);
		good = create(&err);
		if (faults_disarm() && good) {
			ck_assert(is_new("r/file"));
			ck_assert_uint_eq(scratch_count("r"), 1);
			linked++;
		}
	}
	/* The rename, the sync of the folder, closing the folder. */
	ck_assert_int_eq(linked, 3);
}
END_TEST

static void attempt_replace(void)
{
	struct wlt_error err = WLT_ERROR_INIT;

	(void)replace(&err); /* its end is not lived to see */
}

START_TEST(test_replace_with_crashes)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	bool survived = false, old_seen = false;

	for (unsigned n = 1; !survived; n++) {
		ck_assert_uint_lt(n, MANY);
		shell("rm -rf r && mkdir r && printf old > r/file");
		survived = faults_survives(n, attempt_replace);
		old_seen |= !is_new("r/file");
		ck_assert_works(replace(&err), &err); /* nothing left that is in its way */
		ck_assert(is_new("r/file"));
	}
	ck_assert(old_seen);
}
END_TEST

START_TEST(test_tree_remove_with_faults)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		shell("rm -rf t && mkdir -p t/a/b/c t/d && : > t/a/b/c/f && : > t/d/g && : > t/h");
		faults_arm(FAULT_FILES, n, EIO);
		good = wlt_tree_remove(AT_FDCWD, "t", &err);
		happened = faults_disarm();
		ck_assert_int_eq(good, access("t", F_OK) != 0);
		if (!good) {
			ck_assert_int_eq(wlt_error_errno(&err), EIO);
			ck_assert_works(wlt_tree_remove(AT_FDCWD, "t", &err), &err);
			ck_assert_int_ne(access("t", F_OK), 0);
		}
	}
}
END_TEST

START_TEST(test_read_with_faults)
{
	bool happened = true;

	scratch_puts("content", "new");
	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		wlt_buf_puts(&out, "x");
		faults_arm(FAULT_FILES, n, EIO);
		good = wlt_file_read(AT_FDCWD, "content", 10, &out, &err);
		happened = faults_disarm();
		ck_assert_str_eq(out.data, good ? "xnew" : "x");
		if (!good)
			ck_assert_int_eq(wlt_error_errno(&err), EIO);
	}
}
END_TEST

START_TEST(test_interrupted_calls_are_repeated)
{
	for (unsigned n = 1; n < 4; n++) {
		WLT_AUTOCLOSE int fd = open("eintr", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		char back[4] = "";
		size_t got = 0;

		faults_arm(FAULT_FILES, n, EINTR);
		ck_assert_int_eq(wlt_write_all(fd, "ab", 2), 0);
		ck_assert_int_eq(wlt_pwrite_all(fd, "c", 1, 2), 0);
		(void)lseek(fd, 0, SEEK_SET); /* cannot fail on a regular file */
		ck_assert_int_eq(wlt_read_full(fd, back, 3, &got), 0);
		ck_assert(faults_disarm());
		ck_assert_str_eq(back, "abc");
	}
}
END_TEST

START_TEST(test_lock_with_faults)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		WLT_AUTOCLOSE int fd = -1;
		bool good;

		ck_assert_uint_lt(n, MANY);
		faults_arm(FAULT_FILES, n, EIO);
		good = wlt_lock_take(AT_FDCWD, "lock", NULL, &fd, &err);
		happened = faults_disarm();
		ck_assert_int_eq(good, fd >= 0);
	}
}
END_TEST

START_TEST(test_folders_with_faults)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		shell("rm -rf d");
		faults_arm(FAULT_FILES, n, EACCES);
		good = wlt_dir_ensure("d/e", 0700, &err) &&
		       wlt_dir_ensure_beneath(AT_FDCWD, "d/e/f/g", 0700, &err);
		happened = faults_disarm();
		if (good)
			ck_assert_int_eq(access("d/e/f/g", F_OK), 0);
		else
			ck_assert_int_eq(wlt_error_errno(&err), EACCES);
	}
}
END_TEST

START_TEST(test_walk_with_faults)
{
	bool happened = true;

	shell("mkdir -p w/x && : > w/x/f");
	for (unsigned n = 1; happened; n++) {
		ck_assert_uint_lt(n, MANY);
		faults_arm(FAULT_FILES, n, EIO);
		WLT_AUTOCLOSE int fd = wlt_open_beneath_walk(AT_FDCWD, "w/x/f", O_PATH, 0);
		int fault = errno;

		happened = faults_disarm();
		if (fd < 0)
			ck_assert_int_eq(fault, EIO);
	}
}
END_TEST

/* --- memory ------------------------------------------------------------------------------------ */

static bool use_json(struct wlt_error *err)
{
	static const char text[] = "{\"a\": [1, -2.5, \"x\\u00e9\", {\"b\": null}], \"c\": true}";
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *back = NULL;

	return wlt_json_parse(text, sizeof(text) - 1, &root, err) &&
	       wlt_json_save(AT_FDCWD, "memory.json", root, 0600, err) &&
	       wlt_json_load(AT_FDCWD, "memory.json", 1000, &back, err);
}

static bool use_yaml(struct wlt_error *err)
{
	static const char text[] = "---\na: [1, -2.5, x]\nb:\n  - c: 'd'\n---\n";
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;

	return wlt_front_matter_parse(text, sizeof(text) - 1, &root, NULL, err);
}

static bool use_paths(struct wlt_error *err)
{
	WLT_AUTOFREE char *path = wlt_path_join("memory", "a/b");

	if (path == NULL)
		return wlt_fail_memory(err);
	return wlt_dir_ensure(path, 0700, err) && wlt_tree_remove(AT_FDCWD, "memory", err);
}

static bool use_buffers(struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf buf = WLT_BUF_INIT;
	WLT_AUTOFREE char *text = NULL;

	for (int i = 0; i < 100; i++)
		wlt_buf_printf(&buf, "%d", i);
	text = wlt_buf_take(&buf);
	return text != NULL ? true : wlt_fail_memory(err);
}

static bool (*const uses[])(struct wlt_error *err) = {use_json, use_yaml, use_paths, use_buffers};

START_TEST(test_lack_of_memory)
{
	bool happened = true;

	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		faults_arm(FAULT_MEMORY, n, ENOMEM);
		good = uses[_i](&err);
		happened = faults_disarm();
		ck_assert_int_eq(good, !happened);
		if (!good)
			ck_assert_int_eq(err.kind, WLT_NO_MEMORY);
	}
}
END_TEST

START_TEST(test_errors_without_memory)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	faults_arm(FAULT_MEMORY, 1, ENOMEM);
	(void)wlt_fail(&err, WLT_BUSY, "text");
	ck_assert(faults_disarm());
	ck_assert_int_eq(err.kind, WLT_BUSY);
	ck_assert_ptr_null(err.text);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "memory"));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tc = tcase_create("faults");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_replace_with_faults, 0, COUNT(faults));
	tcase_add_loop_test(tc, test_create_with_faults, 0, COUNT(faults));
	tcase_add_test(tc, test_create_by_hard_link);
	tcase_add_test(tc, test_replace_with_crashes);
	tcase_add_test(tc, test_tree_remove_with_faults);
	tcase_add_test(tc, test_read_with_faults);
	tcase_add_test(tc, test_interrupted_calls_are_repeated);
	tcase_add_test(tc, test_lock_with_faults);
	tcase_add_test(tc, test_folders_with_faults);
	tcase_add_test(tc, test_walk_with_faults);
	tcase_add_loop_test(tc, test_lack_of_memory, 0, COUNT(uses));
	tcase_add_test(tc, test_errors_without_memory);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
