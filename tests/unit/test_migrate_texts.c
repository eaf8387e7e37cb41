/* SPDX-License-Identifier: MIT */
/* What migration makes of texts: task lists, and companions of capsules. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "receive/companion.h"
#include "receive/tasks.h"

#define NOW 1775556900 /* 2026-04-07T10:15:00Z, says date(1) */

/* The one line that tasks.json would be, or the error's text. */
static char *converted_bytes(const char *text, size_t len, size_t *others)
{
	const struct wlt_tasks_origin origin = {.now = NOW, .session = "ours", .bundle = "b"};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_tasks_free) struct wlt_tasks tasks = {.file = NULL};
	struct wlt_buf out = WLT_BUF_INIT;

	if (!wlt_tasks_convert(text, len, &origin, &tasks, &err))
		return strdup(wlt_error_text(&err));
	ck_assert_uint_eq(tasks.n, json_object_array_length(wlt_json_array(tasks.file, "tasks")));
	wlt_json_format_line(&out, tasks.file);
	if (others != NULL)
		*others = tasks.others;
	return wlt_buf_take(&out);
}

static char *converted(const char *text)
{
	return converted_bytes(text, strlen(text), NULL);
}

/* A list of one task. */
#define ONE(title, status, priority, session)                                                      \
	"{\"tasks\":[{\"id\":\"t-001\",\"title\":\"" title "\",\"status\":\"" status               \
	"\",\"priority\":\"" priority "\",\"assignee\":null,\"due\":null,\"tags\":[],\"created\":" \
	"\"2026-04-07T10:15:00Z\",\"session\":\"" session "\",\"bundle\":\"b\"}]}"
#define NONE "{\"tasks\":[]}"

static const struct {
	const char *text, *json;
} lists[] = {
	{"- [ ] First\n", ONE("First", "active", "normal", "ours")},
	{"- [~] First\n", ONE("First", "active", "high", "ours")},
	{"- [x] First\n", ONE("First", "done", "normal", "ours")},
	{"- [X] First", ONE("First", "done", "normal", "ours")},
	{"- [ ] First @s1\n", ONE("First", "active", "normal", "s1")},
	{"- [ ]   First \t @s1 \t\r\n", ONE("First", "active", "normal", "s1")},
	{"\t - [ ] Below another\r\n", ONE("Below another", "active", "normal", "ours")},
	{"- [ ] mail bob@home\n", ONE("mail bob@home", "active", "normal", "ours")},
	{"- [ ] at @ last\n", ONE("at @ last", "active", "normal", "ours")},
	{"- [ ] end in @\n", ONE("end in @", "active", "normal", "ours")},
	{"- [ ] a @b @c\n", ONE("a @b", "active", "normal", "c")},
	{"- [ ] @alone\n", ONE("@alone", "active", "normal", "ours")},
	{"- [ ] d\xC3\xB6n\xC3\xA8 \"\\\n",
	 ONE("d\xC3\xB6n\xC3\xA8 \\\"\\\\", "active", "normal", "ours")},
	{"---\n- [ ] not this\n---\n- [ ] this\n", ONE("this", "active", "normal", "ours")},
	{"\xEF\xBB\xBF---\na: [\n--- \n- [ ] this\n", ONE("this", "active", "normal", "ours")},
	{"\xEF\xBB\xBF- [ ] this\n", ONE("this", "active", "normal", "ours")},
	{"---\n- [ ] never closed\n", ONE("never closed", "active", "normal", "ours")},
	{"\n---\n- [ ] a rule, no front matter\n---\n",
	 ONE("a rule, no front matter", "active", "normal", "ours")},
	{"", NONE},
	{"---", NONE},
	{"---\n---", NONE},
	{"- [ ]\n- [ ] \n- [x]\t\n", NONE},
	{"- [] a\n- [-] a\n- [ ]a\n-[ ] a\n* [ ] a\n- [  ] a\n- a\n# - [ ] a\n", NONE},
};

START_TEST(test_list)
{
	WLT_AUTOFREE char *json = converted(lists[_i].text);

	ck_assert_str_eq(json, lists[_i].json);
}
END_TEST

START_TEST(test_other_lines_are_counted)
{
	static const char text[] = "---\nx: y\n---\n# Tasks\n\n- [ ] a\n  why\n- not a task\n \t\n";
	size_t others = 0;
	WLT_AUTOFREE char *json = converted_bytes(text, sizeof(text) - 1, &others);

	ck_assert_str_eq(json, ONE("a", "active", "normal", "ours"));
	ck_assert_uint_eq(others, 2);
}
END_TEST

START_TEST(test_numbers_of_tasks)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTOFREE char *json = NULL;
	WLT_AUTOFREE char *refusal = NULL;

	for (int i = 0; i < WLT_TASKS_MAX; i++)
		wlt_buf_puts(&text, "- [ ] a\n");
	json = converted_bytes(text.data, text.len, NULL);
	ck_assert_ptr_nonnull(strstr(json, "\"t-009\""));
	ck_assert_ptr_nonnull(strstr(json, "\"t-099\""));
	ck_assert_ptr_nonnull(strstr(json, "\"t-1000\""));
	ck_assert_ptr_nonnull(strstr(json, "\"t-10000\""));
	wlt_buf_puts(&text, "- [ ] a\n");
	refusal = converted_bytes(text.data, text.len, NULL);
	ck_assert_str_eq(refusal, "there are more than the 10000 tasks allowed in one list");
}
END_TEST

START_TEST(test_not_text)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {{"- [ ] a\xFF\n", 9},
		   {"- [ ] \xC3", 7},
		   {"- [ ] a\0b\n", 10},
		   {"\xED\xA0\x80", 3}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		WLT_AUTOFREE char *text = converted_bytes(bad[i].text, bad[i].len, NULL);

		ck_assert_str_eq(text, "it is not text in UTF-8, so its tasks cannot be read");
	}
}
END_TEST

/* --- companions -------------------------------------------------------------------------------- */

static char *described(const char *text)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;

	if (!wlt_companion_describe(text, strlen(text), "pruning", &out, &err)) {
		ck_assert_int_eq(err.kind, WLT_DAMAGED);
		return strdup("refused");
	}
	return wlt_buf_take(&out);
}

static const struct {
	const char *text, *manifest;
} companions[] = {
	{"---\ngoal: Prune\nstatus: draft\nsensitivity: restricted\n---\nbody\n",
	 "goal: \"Prune\"\nstatus: \"draft\"\nsensitivity: \"restricted\"\n"},
	{"---\ntags: [a, 'b c']\npii: true\nupdated: 2026-01-02\ncreated: '2026-01-01'\nother: x\n"
	 "goal: \"say \\\"hi\\\"\\n\"\n---\n",
	 "goal: \"say \\\"hi\\\"\\n\"\ncreated: \"2026-01-01\"\nupdated: \"2026-01-02\"\npii: "
	 "true\n"
	 "tags: [\"a\",\"b c\"]\n"},
	{"---\ntags:\n  - a\n---\n", "goal: \"pruning\"\ntags: [\"a\"]\n"},
	{"---\ngoal:\nstatus: ~\n---\n", "goal: \"pruning\"\n"},
	{"---\ngoal: ''\n---\n", "goal: \"pruning\"\n"},
	{"---\ngoal: 2026\n---\n", "goal: 2026\n"},
	{"no front matter\n", "goal: \"pruning\"\n"},
	{"", "goal: \"pruning\"\n"},
	{"---\ngoal: a: b\n---\n", "refused"},
	{"---\nsensitivity: [restricted\n---\n", "refused"},
	{"---\ngoal: \xFF\n---\n", "refused"},
	{"---\ngoal: \"\\x7f\"\n---\n", "refused"}, /* YAML wants it escaped, JSON does not */
};

START_TEST(test_companion)
{
	WLT_AUTOFREE char *manifest = described(companions[_i].text);

	ck_assert_str_eq(manifest, companions[_i].manifest);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate_texts");
	TCase *tcase = tcase_create("texts");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_list, 0, (int)(sizeof(lists) / sizeof(lists[0])));
	tcase_add_test(tcase, test_other_lines_are_counted);
	tcase_add_test(tcase, test_numbers_of_tasks);
	tcase_add_test(tcase, test_not_text);
	tcase_add_loop_test(tcase, test_companion, 0,
			    (int)(sizeof(companions) / sizeof(companions[0])));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
