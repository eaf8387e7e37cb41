/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "relay/relay.h"

static const char *const good[] = {
	"/srv/relay.git",
	"/srv/with space/relay.git",
	"/srv/with:colon/relay.git",
	"file:///srv/relay.git",
	"file://localhost/srv/relay.git",
	"file:///srv/a%20b.git",
	"ssh://git@example.org/ben/relay.git",
	"ssh://example.org:2222/ben/relay.git",
	"ssh://git@[::1]:22/relay.git",
	"git://127.0.0.1:9418/relay.git",
	"https://example.org/ben/relay.git",
	"https://ben@example.org/ben/relay.git",
	"git@example.org:ben/relay.git",
	"git@example.org:/srv/relay.git",
};

static const char *const bad[] = {
	"",
	"relay.git",
	"./relay.git",
	"../relay.git",
	"http://example.org/relay.git",
	"ftp://example.org/relay.git",
	"ext::sh -c id",
	"file://host/relay.git",
	"file://relay.git",
	"file:///srv/a%00b",
	"file:///srv/a%zz",
	"file:///srv/a%2",
	"ssh://",
	"ssh:///relay.git",
	"ssh://example.org",
	"ssh://example.org/",
	"ssh://-oProxyCommand=id/x",
	"https://example.org/a b",
	"example.org:relay.git",
	"-o@example.org:relay.git",
	"git@-example.org:relay.git",
	"git@example.org:",
	"/srv/re\nlay.git",
	"/srv/\xff.git",
};

START_TEST(test_good)
{
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_url_check(good[_i], &err), "%s: %s", good[_i], wlt_error_text(&err));
}
END_TEST

START_TEST(test_bad)
{
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(!wlt_url_check(bad[_i], &err), "%s", bad[_i]);
	ck_assert_int_eq(err.kind, WLT_USAGE);
	wlt_error_clear(&err);
}
END_TEST

START_TEST(test_password)
{
	static const char *const urls[] = {
		"https://ben:sesame@example.org/r.git", "ssh://ben:sesame@example.org/r.git",
		"http://ben:sesame@example.org/r.git",  "ben:sesame@example.org:r.git",
		"https://ben:ses@me@example.org/r.git",
	};
	struct wlt_error err = WLT_ERROR_INIT;

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		ck_assert_msg(!wlt_url_check(urls[i], &err), "%s", urls[i]);
		ck_assert_int_eq(err.kind, WLT_USAGE);
		/* A password that was typed here is not repeated anywhere. */
		ck_assert_ptr_null(strstr(wlt_error_text(&err), "ses"));
		wlt_error_clear(&err);
	}
}
END_TEST

static void expect_local(const char *url, const char *path)
{
	char *found = wlt_url_local_path(url);

	if (path == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_str_eq(found, path);
	free(found);
}

START_TEST(test_local_path)
{
	expect_local("/srv/a%20b", "/srv/a%20b");
	expect_local("file:///srv/a%20b%2fc", "/srv/a b/c");
	expect_local("file://localhost/srv", "/srv");
	expect_local("file://other/srv", NULL);
	expect_local("file:///srv/%0a", NULL);
	expect_local("ssh://host/srv", NULL);
	expect_local("git@host:srv", NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relay url");
	TCase *tcase = tcase_create("url");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_good, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(tcase, test_bad, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tcase, test_password);
	tcase_add_test(tcase, test_local_path);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
