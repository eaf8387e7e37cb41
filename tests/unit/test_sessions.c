/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "walnut/walnut.h"

static const struct row {
	const char *text;
	const char *left;
} table[] = {
	{"", ""},
	{"a: b\n", "a: b\n"},
	{"active_sessions:\n", ""},
	{"active_sessions: []\nb: c\n", "b: c\n"},
	{"active_sessions:\n  - session: a\n    engine: x\nupdated: 1\n", "updated: 1\n"},
	{"a: b\nactive_sessions:\n\t- x\nc: d", "a: b\nc: d"},
	{"active_sessions:\n  - x", ""},
	{"active_sessions :\n  - x\nb: c\n", "b: c\n"},
	{"active_sessions\t \t:\n  - x\nb: c\n", "b: c\n"},
	{"active_sessions:[x]\nb: c\n", "b: c\n"},
	/* Twice. */
	{"active_sessions:\n  - x\nactive_sessions:\n  - y\nb: c\n", "b: c\n"},
	/* Other line ends, and none at the end. */
	{"active_sessions:\r\n  - x\r\nb: c\r\n", "b: c\r\n"},
	{"active_sessions:", ""},
	/* A list at the margin belongs to the key, a document mark does not. */
	{"active_sessions:\n- x\n-\n- y: z\n  w: v\nb: c\n", "b: c\n"},
	{"active_sessions:\n- x\n-", ""},
	{"active_sessions:\n  - x\n---\n  b\n", "---\n  b\n"},
	{"active_sessions:\n  - x\n-y: z\n", "-y: z\n"},
	/* Blank lines and comments at the margin stay, but end nothing. */
	{"active_sessions:\n\n  - x\n# c\n  - y\nb: c\n", "\n# c\nb: c\n"},
	{"active_sessions:\n  - x\n\nb: c\n", "\nb: c\n"},
	/* Not the key. */
	{"  active_sessions:\n    - x\n", "  active_sessions:\n    - x\n"},
	{"active_sessions2:\n  - x\n", "active_sessions2:\n  - x\n"},
	{"active_session:\n  - x\n", "active_session:\n  - x\n"},
	{"active_sessions\n  - x\n", "active_sessions\n  - x\n"},
	{"active_sessions", "active_sessions"},
	{"x: active_sessions:\n  - x\n", "x: active_sessions:\n  - x\n"},
	{"#active_sessions:\n  - x\n", "#active_sessions:\n  - x\n"},
	{"- a\n- b\n", "- a\n- b\n"},
	{"\n\n\n", "\n\n\n"},
};

START_TEST(test_table)
{
	const struct row *row = &table[_i];
	struct wlt_buf out = WLT_BUF_INIT;

	wlt_strip_active_sessions(row->text, strlen(row->text), &out);
	ck_assert(!out.failed);
	ck_assert_str_eq(out.data == NULL ? "" : out.data, row->left);
	wlt_buf_free(&out);
}
END_TEST

/* However the text is cut, the same stays. */
START_TEST(test_pieces)
{
	const struct row *row = &table[_i];
	size_t len = strlen(row->text);

	for (size_t piece = 1; piece <= len; piece++) {
		struct wlt_session_filter filter = {0};
		struct wlt_buf out = WLT_BUF_INIT;

		for (size_t at = 0; at < len; at += piece)
			wlt_session_filter_feed(&filter, row->text + at,
						len - at < piece ? len - at : piece, &out);
		wlt_session_filter_finish(&filter, &out);
		ck_assert_str_eq(out.data == NULL ? "" : out.data, row->left);
		wlt_buf_free(&out);
	}
}
END_TEST

START_TEST(test_endless_space)
{
	/* What looks like the key for longer than anybody would write it is kept. */
	char text[400];
	struct wlt_buf out = WLT_BUF_INIT;

	memset(text, ' ', sizeof(text));
	memcpy(text, "active_sessions", 15);
	memcpy(text + sizeof(text) - 3, ":\n", 3);
	wlt_strip_active_sessions(text, strlen(text), &out);
	ck_assert_str_eq(out.data, text);
	wlt_buf_free(&out);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sessions");
	TCase *t = tcase_create("sessions");

	tcase_add_loop_test(t, test_table, 0, sizeof(table) / sizeof(table[0]));
	tcase_add_loop_test(t, test_pieces, 0, sizeof(table) / sizeof(table[0]));
	tcase_add_test(t, test_endless_space);
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
