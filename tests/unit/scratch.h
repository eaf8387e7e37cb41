/* SPDX-License-Identifier: MIT */
/*
 * A scratch folder for unit tests, and other programs for known answers.
 *
 * Tests run with an empty folder as their current one, which is removed at the end; each uses names
 * of its own in it.
 */
#ifndef WLT_TESTS_SCRATCH_H
#define WLT_TESTS_SCRATCH_H

#include <check.h>
#include <stddef.h>

#include "base/buf.h"

/* Run a suite in a scratch folder. Returns what main() does. */
int scratch_run_suite(Suite *suite);

/* Write or replace a file with exactly these bytes and the mode 0644. Aborts the test on failure. */
void scratch_write(const char *path, const void *bytes, size_t len);
void scratch_puts(const char *path, const char *text);

/* The content of a file. Aborts the test on failure. The caller frees the buffer. */
struct wlt_buf scratch_read(const char *path);

/* Run a program with `input` (may be NULL) on its standard input and append what it prints to `out`
 * (may be NULL). `argv` ends with NULL. Returns its exit status, or 128 + the signal. */
int scratch_run(const char *const argv[], const char *input, size_t len, struct wlt_buf *out);

/* How many names a folder has, but for `.` and `..`. */
size_t scratch_count(const char *folder);

/* For root, become an ordinary user until the end of this test, so that modes count. The scratch
 * folder is his then. */
void scratch_drop_root(void);

/* `condition` failed with a kind other than `expected`, or without a sentence: abort the test. */
#define ck_assert_fails(condition, err, expected)                                  \
	do {                                                                       \
		ck_assert_msg(!(condition), "succeeded: %s", #condition);          \
		ck_assert_msg((err)->kind == (expected), "is %s, not %s: %s",      \
			      wlt_kind_name((err)->kind), wlt_kind_name(expected), \
			      wlt_error_text(err));                                \
		ck_assert_ptr_nonnull(strchr(wlt_error_text(err), ' '));           \
	} while (0)

/* `condition` succeeded, else abort the test with the sentence. */
#define ck_assert_works(condition, err) \
	ck_assert_msg((condition), "%s: %s", #condition, wlt_error_text(err))

#endif
