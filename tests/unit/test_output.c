/* SPDX-License-Identifier: MIT */
/* A file that appears complete or not at all, also when any of its file-system calls fails or is the
 * last one, and where files without a name cannot be had. */
#include "config.h"

#include "faults.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/output.h"
#include "scratch.h"

#define TARGET "folder/x.walnut"
#define NEW    "all of the new content\n"
#define OLD    "the old content\n"
#define MANY   100 /* more calls than it takes */

static bool put(struct wlt_error *err)
{
	WLT_AUTO(wlt_output_end) struct wlt_output output;

	return wlt_output_begin(&output, TARGET, err) &&
	       wlt_write_all(output.fd, NEW, strlen(NEW)) == 0 && wlt_output_publish(&output, err);
}

/* An empty folder, or one with the old content in it. */
static void begin(bool old)
{
	const char *const remove[] = {"rm", "-rf", "folder", NULL};

	ck_assert_int_eq(scratch_run(remove, NULL, 0, NULL), 0);
	ck_assert_int_eq(mkdir("folder", 0755), 0);
	if (old)
		scratch_puts(TARGET, OLD);
}

static bool holds(const char *content)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf found = WLT_BUF_INIT;

	if (access(TARGET, F_OK) != 0)
		return content == NULL;
	found = scratch_read(TARGET);
	return content != NULL && found.len == strlen(content) &&
	       memcmp(found.data, content, found.len) == 0;
}

START_TEST(test_appears)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_output output;
	struct stat st;

	begin(false);
	(void)umask(027);
	ck_assert_works(wlt_output_begin(&output, TARGET, &err), &err);
	ck_assert_int_eq(wlt_write_all(output.fd, NEW, strlen(NEW)), 0);
	ck_assert(holds(NULL));
	ck_assert_works(wlt_output_publish(&output, &err), &err);
	ck_assert(holds(NEW));
	wlt_output_end(&output);
	ck_assert_uint_eq(scratch_count("folder"), 1);
	ck_assert_int_eq(stat(TARGET, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	/* One that is not published is gone. */
	begin(true);
	ck_assert_works(wlt_output_begin(&output, TARGET, &err), &err);
	wlt_output_end(&output);
	ck_assert(holds(OLD));
	ck_assert_uint_eq(scratch_count("folder"), 1);
}
END_TEST

/* Somebody else made one of that name meanwhile: it is replaced like one that was there before. */
START_TEST(test_overtaken)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_output output;

	begin(false);
	ck_assert_works(wlt_output_begin(&output, TARGET, &err), &err);
	ck_assert_int_eq(wlt_write_all(output.fd, NEW, strlen(NEW)), 0);
	scratch_puts(TARGET, OLD);
	ck_assert_works(wlt_output_publish(&output, &err), &err);
	wlt_output_end(&output);
	ck_assert(holds(NEW));
	ck_assert_uint_eq(scratch_count("folder"), 1);
	/* But not a folder. */
	begin(false);
	ck_assert_works(wlt_output_begin(&output, TARGET, &err), &err);
	ck_assert_int_eq(mkdir(TARGET, 0755), 0);
	ck_assert_fails(wlt_output_publish(&output, &err), &err, WLT_REFUSED);
	wlt_output_end(&output);
	ck_assert_uint_eq(scratch_count("folder"), 1);
}
END_TEST

/* What a file system without them says about files without a name. */
static const int refusals[] = {EOPNOTSUPP, EISDIR, EINVAL};

START_TEST(test_without_nameless_files)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_output output;

	for (int old = 0; old < 2; old++) {
		begin(old == 1);
		/* Open the folder, look at what is there, open the file. */
		faults_arm(FAULT_FILES, 3, refusals[_i]);
		ck_assert_works(wlt_output_begin(&output, TARGET, &err), &err);
		ck_assert(faults_disarm());
		ck_assert_int_eq(wlt_write_all(output.fd, NEW, strlen(NEW)), 0);
		ck_assert_uint_eq(scratch_count("folder"), (size_t)old + 1);
		ck_assert(holds(old == 1 ? OLD : NULL));
		ck_assert_works(wlt_output_publish(&output, &err), &err);
		wlt_output_end(&output);
		ck_assert(holds(NEW));
		ck_assert_uint_eq(scratch_count("folder"), 1);
	}
	begin(false);
	faults_arm(FAULT_FILES, 3, refusals[_i]);
	ck_assert_works(wlt_output_begin(&output, TARGET, &err), &err);
	ck_assert(faults_disarm());
	wlt_output_end(&output);
	ck_assert_uint_eq(scratch_count("folder"), 0);
}
END_TEST

START_TEST(test_every_call_fails)
{
	unsigned struck = 0;

	for (unsigned nth = 1; nth < MANY; nth++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool ok;
		bool there;

		begin(_i == 1);
		faults_arm(FAULT_FILES, nth, EIO);
		ok = put(&err);
		if (!faults_disarm()) {
			ck_assert_works(ok, &err);
			break;
		}
		struck++;
		there = access(TARGET, F_OK) == 0;
		ck_assert(holds(NEW) || (!ok && holds(_i == 1 ? OLD : NULL)));
		ck_assert_uint_eq(scratch_count("folder"), there);
	}
	ck_assert_uint_ge(struck, 6);
}
END_TEST

static void attempt(void)
{
	struct wlt_error err = WLT_ERROR_INIT;

	if (!put(&err))
		_exit(1);
}

START_TEST(test_every_call_is_the_last)
{
	unsigned nth = 1;

	for (; nth < MANY; nth++) {
		begin(_i == 1);
		if (faults_survives(nth, attempt))
			break;
		ck_assert(holds(NEW) || holds(_i == 1 ? OLD : NULL));
		if (_i == 0) /* only where one has to be replaced there is a draft for a moment */
			ck_assert_uint_eq(scratch_count("folder"), access(TARGET, F_OK) == 0);
	}
	ck_assert_uint_gt(nth, 6);
	ck_assert(holds(NEW));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("output");
	TCase *t = tcase_create("output");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_appears);
	tcase_add_test(t, test_overtaken);
	tcase_add_loop_test(t, test_without_nameless_files, 0, 3);
	tcase_add_loop_test(t, test_every_call_fails, 0, 2);
	tcase_add_loop_test(t, test_every_call_is_the_last, 0, 2);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return scratch_run_suite(suite());
}
