/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "relay/relay.h"

#define STAMP 1775571120 /* date -u -d '2026-04-07 14:12:00' +%s */

static void expect(const char *walnut, const char *stem)
{
	struct wlt_error err = WLT_ERROR_INIT;
	char name[WLT_PACKAGE_NAME_BYTES];
	char middle[] = "-20260407-141200-";
	size_t len = strlen(stem);
	int64_t stamp = 0;

	ck_assert(wlt_package_name_make(walnut, STAMP, name, &err));
	ck_assert_msg(strncmp(name, stem, len) == 0, "%s", name);
	ck_assert_int_eq(strncmp(name + len, middle, strlen(middle)), 0);
	ck_assert_uint_eq(strspn(name + len + strlen(middle), "0123456789abcdef"), 8);
	ck_assert_str_eq(name + len + strlen(middle) + 8, ".walnut");
	ck_assert(wlt_package_name_parse(name, &stamp));
	ck_assert_int_eq(stamp, STAMP);
}

START_TEST(test_make)
{
	expect("nova-station", "nova-station");
	expect("Über Café", "Über-Café");
	expect("a/b\\c:d*e?f\"g<h>i|j", "a-b-c-d-e-f-g-h-i-j");
	expect("tab\tand\nline", "tab-and-line");
	expect(".hidden", "-hidden");
	expect("", "walnut");
	expect("broken\xff\xc3", "broken--");
}
END_TEST

START_TEST(test_make_long)
{
	struct wlt_error err = WLT_ERROR_INIT;
	char walnut[1001];
	char name[WLT_PACKAGE_NAME_BYTES];

	/* Two-byte characters: the cut must not leave half of one. */
	for (size_t i = 0; i < 1000; i += 2)
		memcpy(walnut + i, "\xc3\xbc", 2);
	walnut[1000] = '\0';
	ck_assert(wlt_package_name_make(walnut, STAMP, name, &err));
	ck_assert_uint_le(strlen(name), 255);
	ck_assert_uint_ge(strlen(name), 254);
	ck_assert(wlt_package_name_parse(name, NULL));
}
END_TEST

START_TEST(test_make_differs)
{
	struct wlt_error err = WLT_ERROR_INIT;
	char one[WLT_PACKAGE_NAME_BYTES];
	char two[WLT_PACKAGE_NAME_BYTES];

	ck_assert(wlt_package_name_make("n", STAMP, one, &err));
	ck_assert(wlt_package_name_make("n", STAMP, two, &err));
	ck_assert_str_ne(one, two);
}
END_TEST

START_TEST(test_parse)
{
	static const char *const stampless[] = {
		"a.walnut",
		"nova-20260407-141200-a1b2c3d.walnut",
		"nova-20260407-141200-a1b2c3dg.walnut",
		"nova-20261307-141200-a1b2c3d4.walnut",
		"nova-20260407_141200-a1b2c3d4.walnut",
		"-20260407-141200-a1b2c3d4.walnut",
	};
	static const char *const refused[] = {
		"",
		".walnut",
		"a.walnut.part",
		"a.WALNUT",
		"walnut",
		"../a.walnut",
		"a/b.walnut",
		"a\\b.walnut",
		"a\nb.walnut",
		"\xff.walnut",
		".gitkeep",
	};
	int64_t stamp;

	for (size_t i = 0; i < sizeof(stampless) / sizeof(stampless[0]); i++) {
		stamp = 1;
		ck_assert_msg(wlt_package_name_parse(stampless[i], &stamp), "%s", stampless[i]);
		ck_assert_msg(stamp == 0, "%s", stampless[i]);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ck_assert_msg(!wlt_package_name_parse(refused[i], &stamp), "%s", refused[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relay names");
	TCase *tcase = tcase_create("names");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, test_make);
	tcase_add_test(tcase, test_make_long);
	tcase_add_test(tcase, test_make_differs);
	tcase_add_test(tcase, test_parse);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
