/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walnutfs/packed.h"

/* Sorted by byte order, in which `a-b` and `a.md` come before `a/`. */
static struct wlt_entry entries[] = {
	{.path = (char[]){"_kernel/key.md"}, .size = 1},
	{.path = (char[]){"a-b/x.md"}, .size = 2},
	{.path = (char[]){"a.md"}, .size = 3},
	{.path = (char[]){"a/b/c/deep.md"}, .size = 4},
	{.path = (char[]){"a/b/d.md"}, .size = 5},
	{.path = (char[]){"a/z.md"}, .size = 6},
	{.path = (char[]){"a0/y.md"}, .size = 7},
	{.path = (char[]){"\xc3\xbc/umlaut.md"}, .size = 8},
};

static const struct wlt_package package = {.entries = entries,
					   .n_entries = sizeof(entries) / sizeof(entries[0])};
static const struct wlt_package nothing = {0};

/* "name:size" for a file and "name/" for a folder, joined by blanks. */
static int append(void *context, const char *name, const struct wlt_entry *file)
{
	char *text = context;
	size_t len = strlen(text);

	if (file == NULL)
		(void)snprintf(text + len, 256 - len, "%s%s/", len == 0 ? "" : " ", name);
	else
		(void)snprintf(text + len, 256 - len, "%s%s:%d", len == 0 ? "" : " ", name,
			       (int)file->size);
	return 0;
}

static void expect_listing(const char *path, const char *expected)
{
	char text[256] = "";

	ck_assert_int_eq(wlt_packed_list(&package, path, append, text), 0);
	ck_assert_str_eq(text, expected);
}

START_TEST(lists_each_name_once_in_byte_order)
{
	expect_listing("", "_kernel/ a-b/ a.md:3 a/ a0/ \xc3\xbc/");
	expect_listing("a", "b/ z.md:6");
	expect_listing("a/b", "c/ d.md:5");
	expect_listing("a/b/c", "deep.md:4");
	expect_listing("a0", "y.md:7");
}
END_TEST

START_TEST(lists_nothing_where_nothing_is)
{
	char text[256] = "";

	expect_listing("b", "");
	expect_listing("a.md", "");
	expect_listing("a/b/c/deep.md", "");
	ck_assert_int_eq(wlt_packed_list(&nothing, "", append, text), 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(finds_files_by_their_whole_path)
{
	ck_assert_ptr_eq(wlt_packed_file(&package, "a/b/d.md"), &entries[4]);
	ck_assert_ptr_eq(wlt_packed_file(&package, "a.md"), &entries[2]);
	ck_assert_ptr_null(wlt_packed_file(&package, "a"));
	ck_assert_ptr_null(wlt_packed_file(&package, "a/b"));
	ck_assert_ptr_null(wlt_packed_file(&package, "a/b/d.m"));
	ck_assert_ptr_null(wlt_packed_file(&package, "a/b/d.md2"));
	ck_assert_ptr_null(wlt_packed_file(&package, ""));
	ck_assert_ptr_null(wlt_packed_file(&nothing, "a"));
}
END_TEST

START_TEST(tells_folders_from_prefixes_of_names)
{
	ck_assert(wlt_packed_is_folder(&package, ""));
	ck_assert(wlt_packed_is_folder(&nothing, ""));
	ck_assert(wlt_packed_is_folder(&package, "a"));
	ck_assert(wlt_packed_is_folder(&package, "a/b/c"));
	ck_assert(wlt_packed_is_folder(&package, "\xc3\xbc"));
	ck_assert(!wlt_packed_is_folder(&package, "a/"));
	ck_assert(!wlt_packed_is_folder(&package, "a-"));
	ck_assert(!wlt_packed_is_folder(&package, "a.md"));
	ck_assert(!wlt_packed_is_folder(&package, "_"));
	ck_assert(!wlt_packed_is_folder(&package, "zzz"));
}
END_TEST

static int stop_at_second(void *context, const char *name, const struct wlt_entry *file)
{
	(void)name;
	(void)file;
	return ++*(int *)context == 2 ? 17 : 0;
}

START_TEST(stops_when_told)
{
	int calls = 0;

	ck_assert_int_eq(wlt_packed_list(&package, "", stop_at_second, &calls), 17);
	ck_assert_int_eq(calls, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("packed");
	TCase *cases = tcase_create("packed");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, lists_each_name_once_in_byte_order);
	tcase_add_test(cases, lists_nothing_where_nothing_is);
	tcase_add_test(cases, finds_files_by_their_whole_path);
	tcase_add_test(cases, tells_folders_from_prefixes_of_names);
	tcase_add_test(cases, stops_when_told);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
