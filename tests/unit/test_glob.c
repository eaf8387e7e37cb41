/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walnut/walnut.h"

static const struct row {
	const char *pattern;
	const char *path;
	bool matches;
} table[] = {
	/* Without a slash: the base name, at any depth. */
	{"a.tmp", "a.tmp", true},
	{"a.tmp", "x/y/a.tmp", true},
	{"a.tmp", "x/aa.tmp", false},
	{"a.tmp", "a.tmp/x", false},
	{"*.tmp", "a.tmp", true},
	{"*.tmp", "x/y/.tmp", true},
	{"*.tmp", "x.tmp/y", false},
	{"pricing*", "pricing-2026.md", true},
	{"pricing*", "x/pricing", true},
	{"pricing*", "pricing/x", false},
	{"*", "x/y", true},
	{"raw", "x/raw/y", false},
	/* With one: the whole path. */
	{"x/*.md", "x/a.md", true},
	{"x/*.md", "y/x/a.md", false},
	{"x/*.md", "x/y/a.md", false},
	{"x/y", "x/y/z", false},
	{"/x", "x", false},
	{"*/x", "a/x", true},
	{"*/x", "x", false},
	{"*/*", "a/b/c", false},
	{"x/*", "x/", true},
	/* `?` */
	{"?.md", "a.md", true},
	{"?.md", "ab.md", false},
	{"?.md", "名.md", true},
	{"x?y/z", "x/y/z", false},
	{"a/?", "a/b", true},
	{"a/?", "a/bc", false},
	/* Double stars: any run, and the slash behind is optional. */
	{"**/x", "x", true},
	{"**/x", "a/x", true},
	{"**/x", "a/b/x", true},
	{"**/x", "a/b/x/c", false},
	{"**/observations.md", "pruning/observations.md", true},
	{"a/**", "a/b", true},
	{"a/**", "a/b/c/d", true},
	{"a/**", "b/a/c", false},
	{"a/**", "ab/c", false},
	{"a/**/z", "a/z", true},
	{"a/**/z", "a/b/z", true},
	{"a/**/z", "a/b/c/z", true},
	{"a/**/z", "a/b/c/y", false},
	{"**", "a/b/c", true},
	{"**/*.md", "a/b.md", true},
	{"**/*.md", "b.md", true},
	{"a/**/**/z", "a/z", true},
	{"***/x", "a/b/x", true},
	{"a**", "x/ab/c", true},
	/* A trailing slash: all below the folder. */
	{"raw/", "raw/x", true},
	{"raw/", "raw/x/y", true},
	{"raw/", "raw", false},
	{"raw/", "x/raw/y", false},
	{"x/raw/", "x/raw/y", true},
	{"**/raw/", "x/raw/y/z", true},
	{"r*/", "raw/x/y", true},
	{"r*/", "x/y", false},
	/* Classes, as regular expressions have them. */
	{"[abc].md", "b.md", true},
	{"[abc].md", "d.md", false},
	{"[a-c]x", "bx", true},
	{"[a-c]x", "dx", false},
	{"[^a-c]x", "dx", true},
	{"[^a-c]x", "ax", false},
	{"[!a]x", "!x", true},
	{"[!a]x", "bx", false},
	{"[a-]x", "-x", true},
	{"[ä-ü]x", "öx", true},
	{"[ä-ü]x", "ax", false},
	{"[名]", "名", true},
	{"x[^a]y/z", "x/y/z", true},
	{"[ab", "[ab", true},
	{"[ab", "a", false},
	{"[]x", "[]x", true},
	{"[^]x", "[^]x", true},
	/* Everything else stands for itself. */
	{"a+b", "a+b", true},
	{"a+b", "aab", false},
	{"a.b", "axb", false},
	{"a\\*", "a\\bc", true},
	{"(x|y)", "(x|y)", true},
	{"notes (final).md", "cider press/notes (final).md", true},
	{"ünïcode*", "assets/ünïcode-名.txt", true},
	{"", "x", false},
	{"x", "", false},
	{"A", "a", false},
};

START_TEST(test_table)
{
	const struct row *row = &table[_i];

	ck_assert_msg(wlt_glob_match(row->pattern, row->path) == row->matches, "%s against %s",
		      row->pattern, row->path);
}
END_TEST

/* Each of these takes an implementation that backtracks longer than the test may run. */
static const char *const bombs[] = {"a*", "**a", "*a*", "**/a", "?*", "[ab]*"};

START_TEST(test_bombs)
{
	char pattern[WLT_PATTERN_BYTES + 1] = "";
	char path[4096];
	size_t unit = strlen(bombs[_i]);

	for (size_t at = 0; at + unit + 2 < sizeof(pattern) && at < 3000; at += unit)
		memcpy(pattern + at, bombs[_i], unit + 1);
	strcat(pattern, "z");
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert(!wlt_glob_match(pattern, path));
	path[sizeof(path) - 2] = 'z';
	ck_assert(wlt_glob_match(pattern, path));
}
END_TEST

START_TEST(test_longest)
{
	char pattern[WLT_PATTERN_BYTES + 2];

	memset(pattern, '*', sizeof(pattern));
	pattern[WLT_PATTERN_BYTES] = '\0';
	ck_assert(wlt_glob_match(pattern, "a/b"));
	pattern[WLT_PATTERN_BYTES] = '*';
	pattern[WLT_PATTERN_BYTES + 1] = '\0';
	ck_assert(!wlt_glob_match(pattern, "a/b"));
}
END_TEST

/* Any bytes at all, cut from their buffers exactly, so that a sanitizer sees a step too far. */
START_TEST(test_noise)
{
	static const char alphabet[] = "ab/*?[]^-\xc3\xa4\xf0\xff";
	unsigned noise = (unsigned)_i;

	for (int round = 0; round < 2000; round++) {
		char *texts[2];

		for (int k = 0; k < 2; k++) {
			size_t len = (noise = noise * 1664525u + 1013904223u) >> 28;

			texts[k] = calloc(1, len + 1);
			ck_assert_ptr_nonnull(texts[k]);
			for (size_t i = 0; i < len; i++) {
				noise = noise * 1664525u + 1013904223u;
				texts[k][i] = alphabet[(noise >> 16) % (sizeof(alphabet) - 1)];
			}
		}
		/* A double star in front takes whatever the rest takes. */
		if (wlt_glob_match(texts[0], texts[1]) && strchr(texts[0], '/') == NULL) {
			char with[64];

			(void)snprintf(with, sizeof(with), "**/%s", texts[0]);
			ck_assert_msg(wlt_glob_match(with, texts[1]), "%s against %s", with,
				      texts[1]);
		}
		free(texts[0]);
		free(texts[1]);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("glob");
	TCase *t = tcase_create("glob");

	tcase_add_loop_test(t, test_table, 0, sizeof(table) / sizeof(table[0]));
	tcase_add_loop_test(t, test_bombs, 0, sizeof(bombs) / sizeof(bombs[0]));
	tcase_add_test(t, test_longest);
	tcase_add_loop_test(t, test_noise, 0, 10);
	tcase_set_timeout(t, 20);
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
