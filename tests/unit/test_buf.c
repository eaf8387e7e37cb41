/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/buf.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "scratch.h"

START_TEST(test_everything_is_appended_in_order)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf buf = WLT_BUF_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	wlt_buf_puts(&buf, "a");
	wlt_buf_putc(&buf, 'b');
	wlt_buf_append(&buf, "c\0d", 3);
	wlt_buf_printf(&buf, "%05d", 42);
	ck_assert_works(wlt_buf_ok(&buf, &err), &err);
	ck_assert_uint_eq(buf.len, 10);
	ck_assert_mem_eq(buf.data, "abc\0d00042", 11);
}
END_TEST

START_TEST(test_growing_keeps_what_was_there)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf buf = WLT_BUF_INIT;

	for (int i = 0; i < 20000; i++) {
		wlt_buf_printf(&buf, "%04d", i % 10000);
		ck_assert_int_eq(buf.data[buf.len], '\0');
	}
	ck_assert_uint_eq(buf.len, 80000);
	ck_assert_mem_eq(buf.data + 4 * 12345, "2345", 4);
}
END_TEST

START_TEST(test_reserve_gives_room_and_a_terminator)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf buf = WLT_BUF_INIT;
	char *room;

	wlt_buf_puts(&buf, "ab");
	room = wlt_buf_reserve(&buf, 1000);
	ck_assert_ptr_eq(room, buf.data + 2);
	ck_assert_uint_eq(buf.len, 2);
	memset(room, 'x', 1000);
	buf.len += 1000;
	ck_assert_int_eq(buf.data[1002], '\0');
}
END_TEST

START_TEST(test_failure_sticks_and_keeps_the_content)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf buf = WLT_BUF_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	wlt_buf_puts(&buf, "kept");
	ck_assert_ptr_null(wlt_buf_reserve(&buf, SIZE_MAX - 2));
	ck_assert(buf.failed);
	wlt_buf_puts(&buf, "ignored");
	wlt_buf_printf(&buf, "%s", "ignored");
	ck_assert_str_eq(buf.data, "kept");
	ck_assert_fails(wlt_buf_ok(&buf, &err), &err, WLT_NO_MEMORY);
	ck_assert_ptr_null(wlt_buf_take(&buf));
	ck_assert_ptr_null(buf.data);
	ck_assert(!buf.failed);
}
END_TEST

START_TEST(test_take_hands_the_text_over)
{
	struct wlt_buf buf = WLT_BUF_INIT;
	WLT_AUTOFREE char *empty = wlt_buf_take(&buf);
	WLT_AUTOFREE char *text = NULL;

	ck_assert_str_eq(empty, "");
	wlt_buf_puts(&buf, "text");
	text = wlt_buf_take(&buf);
	ck_assert_str_eq(text, "text");
	ck_assert_ptr_null(buf.data);
	ck_assert_uint_eq(buf.capacity, 0);
}
END_TEST

START_TEST(test_wipe_resets)
{
	struct wlt_buf buf = WLT_BUF_INIT;

	wlt_buf_wipe(&buf); /* of nothing */
	wlt_buf_puts(&buf, "secret");
	wlt_buf_wipe(&buf);
	ck_assert_ptr_null(buf.data);
	ck_assert_uint_eq(buf.len, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, test_everything_is_appended_in_order);
	tcase_add_test(tc, test_growing_keeps_what_was_there);
	tcase_add_test(tc, test_reserve_gives_room_and_a_terminator);
	tcase_add_test(tc, test_failure_sticks_and_keeps_the_content);
	tcase_add_test(tc, test_take_hands_the_text_over);
	tcase_add_test(tc, test_wipe_resets);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
