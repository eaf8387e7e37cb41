/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/clock.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "scratch.h"

static void unset_all(void)
{
	ck_assert_int_eq(unsetenv("WALNUT_NOW"), 0);
	ck_assert_int_eq(unsetenv("SOURCE_DATE_EPOCH"), 0);
}

static const int64_t moments[] = {
	0,          -1,         951782399,  951782400,    951868800, /* around a leap day */
	1775556900, 4107542399, 4107542400, 253402300799, -62167219200, 1, 86399, 86400, 1709164800,
};

START_TEST(test_iso_as_the_date_program)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf expected = WLT_BUF_INIT;
	char at[40], iso[WLT_ISO_BYTES], stamp[WLT_STAMP_BYTES];
	const char *const argv[] = {"date", "-u", "-d", at, "+%Y-%m-%dT%H:%M:%SZ %Y%m%d-%H%M%S",
				    NULL};
	int64_t back = 1;

	(void)snprintf(at, sizeof(at), "@%" PRId64, moments[_i]);
	ck_assert_int_eq(scratch_run(argv, NULL, 0, &expected), 0);
	wlt_clock_iso(moments[_i], iso);
	wlt_clock_stamp(moments[_i], stamp);
	ck_assert_int_eq(strncmp(expected.data, iso, 20), 0);
	ck_assert_int_eq(strncmp(expected.data + 21, stamp, 15), 0);
	ck_assert(wlt_clock_parse_iso(iso, &back));
	ck_assert_int_eq(back, moments[_i]);
	back = 1;
	ck_assert(wlt_clock_parse_stamp(stamp, &back));
	ck_assert_int_eq(back, moments[_i]);
}
END_TEST

START_TEST(test_times_without_four_digit_years_are_clamped)
{
	char iso[WLT_ISO_BYTES];

	wlt_clock_iso(INT64_MAX, iso);
	ck_assert_str_eq(iso, "9999-12-31T23:59:59Z");
	wlt_clock_iso(INT64_MIN, iso);
	ck_assert_str_eq(iso, "0000-01-01T00:00:00Z");
}
END_TEST

static const char *const bad_iso[] = {
	"",
	"2026-04-07",
	"2026-04-07T10:15:00",
	"2026-04-07T10:15:00z",
	"2026-04-07 10:15:00Z",
	"2026-04-07T10:15:00+00:00",
	"2026-04-07T10:15:00ZZ",
	"2026-04-07T10:15:00.5Z",
	"2026-4-07T10:15:00Z",
	" 026-04-07T10:15:00Z",
	"-026-04-07T10:15:00Z",
	"2026-00-07T10:15:00Z",
	"2026-13-07T10:15:00Z",
	"2026-04-00T10:15:00Z",
	"2026-04-31T10:15:00Z",
	"2026-02-29T10:15:00Z",
	"1900-02-29T10:15:00Z",
	"2026-04-07T24:00:00Z",
	"2026-04-07T10:60:00Z",
	"2026-04-07T10:15:60Z",
};

START_TEST(test_iso_refuses)
{
	int64_t seconds;

	ck_assert(!wlt_clock_parse_iso(bad_iso[_i], &seconds));
}
END_TEST

START_TEST(test_stamp_is_read_to_its_end_only)
{
	int64_t seconds = 0;

	ck_assert(wlt_clock_parse_stamp("20260407-101500-0a1b2c3d.walnut", &seconds));
	ck_assert_int_eq(seconds, 1775556900);
	ck_assert(wlt_clock_parse_stamp("20000229-000000", &seconds));
	ck_assert(!wlt_clock_parse_stamp("20260407-10150", &seconds));
	ck_assert(!wlt_clock_parse_stamp("20260407T101500", &seconds));
	ck_assert(!wlt_clock_parse_stamp("20261407-101500", &seconds));
	ck_assert(!wlt_clock_parse_stamp("", &seconds));
}
END_TEST

START_TEST(test_environment_fixes_the_clock)
{
	unset_all();
	ck_assert(!wlt_clock_is_fixed());
	ck_assert_int_ge(wlt_clock_now(), 1700000000);
	ck_assert_int_eq(setenv("SOURCE_DATE_EPOCH", "1234567890", 1), 0);
	ck_assert(wlt_clock_is_fixed());
	ck_assert_int_eq(wlt_clock_now(), 1234567890);
	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
	ck_assert_int_eq(wlt_clock_now(), 1775556900);
	ck_assert_int_eq(setenv("WALNUT_NOW", "", 1), 0); /* empty is unset */
	ck_assert_int_eq(wlt_clock_now(), 1234567890);
}
END_TEST

static const struct {
	const char *name, *value;
	bool good;
} settings[] = {
	{"WALNUT_NOW", "2026-04-07T10:15:00Z", true},
	{"WALNUT_NOW", "", true},
	{"WALNUT_NOW", "yesterday", false},
	{"WALNUT_NOW", "2026-04-07T10:15:00", false},
	{"SOURCE_DATE_EPOCH", "0", true},
	{"SOURCE_DATE_EPOCH", "253402300799", true},
	{"SOURCE_DATE_EPOCH", "253402300800", false},
	{"SOURCE_DATE_EPOCH", "99999999999999999999999999", false},
	{"SOURCE_DATE_EPOCH", "-1", false},
	{"SOURCE_DATE_EPOCH", "1e9", false},
	{"SOURCE_DATE_EPOCH", " 1", false},
};

START_TEST(test_environment_is_checked)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	unset_all();
	ck_assert_int_eq(setenv(settings[_i].name, settings[_i].value, 1), 0);
	if (settings[_i].good) {
		ck_assert_works(wlt_clock_check_environment(&err), &err);
		return;
	}
	ck_assert_fails(wlt_clock_check_environment(&err), &err, WLT_USAGE);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), settings[_i].name));
	ck_assert(!wlt_clock_is_fixed());
	ck_assert_int_ge(wlt_clock_now(), 1700000000);
}
END_TEST

START_TEST(test_monotonic_does_not_go_back)
{
	int64_t last = wlt_clock_monotonic();

	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = wlt_clock_monotonic();

		ck_assert_int_ge(now, last);
		last = now;
	}
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tc = tcase_create("clock");

	tcase_add_loop_test(tc, test_iso_as_the_date_program, 0, COUNT(moments));
	tcase_add_test(tc, test_times_without_four_digit_years_are_clamped);
	tcase_add_loop_test(tc, test_iso_refuses, 0, COUNT(bad_iso));
	tcase_add_test(tc, test_stamp_is_read_to_its_end_only);
	tcase_add_test(tc, test_environment_fixes_the_clock);
	tcase_add_loop_test(tc, test_environment_is_checked, 0, COUNT(settings));
	tcase_add_test(tc, test_monotonic_does_not_go_back);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
