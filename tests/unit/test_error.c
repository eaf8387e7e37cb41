/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/error.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "scratch.h"

START_TEST(test_fail_sets_kind_and_sentence)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_str_eq(wlt_error_text(&err), "no error");
	ck_assert(!wlt_fail(&err, WLT_DAMAGED, "%s: %d of %d", "x.walnut", 1, 2));
	ck_assert_int_eq(err.kind, WLT_DAMAGED);
	ck_assert_int_eq(err.errnum, 0);
	ck_assert_str_eq(wlt_error_text(&err), "x.walnut: 1 of 2");
}
END_TEST

START_TEST(test_fail_may_quote_its_own_text)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	(void)wlt_fail(&err, WLT_BUSY, "first");
	(void)wlt_fail(&err, WLT_REFUSED, "second after %s", wlt_error_text(&err));
	ck_assert_str_eq(wlt_error_text(&err), "second after first");
}
END_TEST

START_TEST(test_text_is_safe_on_a_terminal)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	(void)wlt_fail(&err, WLT_DAMAGED, "name '\x1b[2J\n.\xff.\xc2\x9b' \xc3\xa9");
	ck_assert_str_eq(wlt_error_text(&err), "name '?[2J?.?.?' \xc3\xa9");
}
END_TEST

START_TEST(test_errno_becomes_a_kind)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert(!wlt_fail_errno(&err, EACCES, "cannot open %s", "a"));
	ck_assert_int_eq(err.kind, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, EACCES);
	ck_assert_str_eq(wlt_error_text(&err), "cannot open a: Permission denied");
	ck_assert_int_eq(wlt_error_errno(&err), EACCES);
	ck_assert_int_eq(wlt_error_exit(&err), 1);

	ck_assert(!wlt_fail_errno(&err, ENOENT, "cannot open %s", "a"));
	ck_assert_int_eq(err.kind, WLT_MISSING);
	ck_assert_int_eq(err.errnum, 0);
	ck_assert_str_eq(wlt_error_text(&err), "cannot open a: No such file or directory");

	ck_assert(!wlt_fail_errno(&err, ENOMEM, "cannot open %s", "a"));
	ck_assert_int_eq(err.kind, WLT_NO_MEMORY);
	ck_assert_str_eq(wlt_error_text(&err), "out of memory");
}
END_TEST

START_TEST(test_context_goes_in_front)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	(void)wlt_fail_errno(&err, EIO, "cannot read");
	ck_assert(!wlt_fail_context(&err, "relay %s", "bob"));
	ck_assert_str_eq(wlt_error_text(&err), "relay bob: cannot read: Input/output error");
	ck_assert_int_eq(err.kind, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, EIO);

	(void)wlt_fail_memory(&err);
	ck_assert(!wlt_fail_context(&err, "relay bob"));
	ck_assert_str_eq(wlt_error_text(&err), "relay bob: out of memory");
	ck_assert_int_eq(err.kind, WLT_NO_MEMORY);
}
END_TEST

START_TEST(test_move_and_clear)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error to = WLT_ERROR_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error from = WLT_ERROR_INIT;

	(void)wlt_fail(&to, WLT_BUSY, "old");
	(void)wlt_fail(&from, WLT_EXISTS, "new");
	wlt_error_move(&to, &from);
	ck_assert_int_eq(to.kind, WLT_EXISTS);
	ck_assert_str_eq(wlt_error_text(&to), "new");
	ck_assert_int_eq(from.kind, WLT_OK);
	ck_assert_ptr_null(from.text);
	wlt_error_move(&to, &to);
	ck_assert_str_eq(wlt_error_text(&to), "new");

	errno = EAGAIN;
	wlt_error_clear(&to);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(to.kind, WLT_OK);
	ck_assert_int_eq(wlt_error_exit(&to), 0);
	ck_assert_int_eq(wlt_error_errno(&to), 0);
}
END_TEST

static const struct {
	enum wlt_kind kind;
	int errnum, exit_code;
} promises[] = {
	{WLT_USAGE, EINVAL, 2},        {WLT_MISSING, ENOENT, 2},
	{WLT_DAMAGED, EBADMSG, 1},     {WLT_UNTRUSTED, EKEYREJECTED, 1},
	{WLT_NO_KEY, ENOKEY, 1},       {WLT_REFUSED, EPERM, 1},
	{WLT_EXISTS, EEXIST, 1},       {WLT_BUSY, EBUSY, 1},
	{WLT_TOO_BIG, EFBIG, 1},       {WLT_UNREACHABLE, EHOSTUNREACH, 1},
	{WLT_CANCELLED, ECANCELED, 1}, {WLT_NO_MEMORY, ENOMEM, 1},
	{WLT_INTERNAL, EIO, 1},        {WLT_UNSUPPORTED, EOPNOTSUPP, 1},
};

START_TEST(test_kinds_have_errno_exit_and_name)
{
	struct wlt_error err = WLT_ERROR_INIT;

	err.kind = promises[_i].kind;
	ck_assert_int_eq(wlt_error_errno(&err), promises[_i].errnum);
	ck_assert_int_eq(wlt_error_exit(&err), promises[_i].exit_code);
	ck_assert_int_eq(wlt_kind_from_name(wlt_kind_name(err.kind)), err.kind);
	ck_assert_ptr_nonnull(strchr(wlt_error_text(&err), ' ')); /* even without a text */
}
END_TEST

START_TEST(test_names_are_stable)
{
	ck_assert_str_eq(wlt_kind_name(WLT_DAMAGED), "damaged");
	ck_assert_str_eq(wlt_kind_name(WLT_UNREACHABLE), "unreachable");
	ck_assert_str_eq(wlt_kind_name((enum wlt_kind)99), "internal");
	ck_assert_int_eq(wlt_kind_from_name("nonsense"), WLT_INTERNAL);
	ck_assert_int_eq(wlt_kind_from_name("ok"), WLT_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tc = tcase_create("error");

	tcase_add_test(tc, test_fail_sets_kind_and_sentence);
	tcase_add_test(tc, test_fail_may_quote_its_own_text);
	tcase_add_test(tc, test_text_is_safe_on_a_terminal);
	tcase_add_test(tc, test_errno_becomes_a_kind);
	tcase_add_test(tc, test_context_goes_in_front);
	tcase_add_test(tc, test_move_and_clear);
	tcase_add_loop_test(tc, test_kinds_have_errno_exit_and_name, 0,
			    (int)(sizeof(promises) / sizeof(promises[0])));
	tcase_add_test(tc, test_names_are_stable);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
