/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "scratch.h"

#define BYTES(text) (text), sizeof(text) - 1

static const char *const well_formed[] = {
	"",
	"plain",
	"\xC2\x80",         /* U+0080 */
	"\xDF\xBF",         /* U+07FF */
	"\xE0\xA0\x80",     /* U+0800 */
	"\xED\x9F\xBF",     /* U+D7FF */
	"\xEE\x80\x80",     /* U+E000 */
	"\xEF\xBF\xBF",     /* U+FFFF */
	"\xF0\x90\x80\x80", /* U+10000 */
	"\xF4\x8F\xBF\xBF", /* U+10FFFF */
};

static const char *const malformed[] = {
	"\x80", /* continuation alone */
	"\xBF",
	"\xC0\x80",         /* overlong NUL */
	"\xC1\xBF",         /* overlong U+007F */
	"\xE0\x9F\xBF",     /* overlong U+07FF */
	"\xF0\x8F\xBF\xBF", /* overlong U+FFFF */
	"\xED\xA0\x80",     /* U+D800 */
	"\xED\xBF\xBF",     /* U+DFFF */
	"\xF4\x90\x80\x80", /* U+110000 */
	"\xF5\x80\x80\x80",
	"\xFE",
	"\xFF",
	"\xC3", /* cut short */
	"\xE2\x82",
	"\xF0\x9F\x98",
	"\xC3(",
	"\xE2(\xA1",
	"\xE2\x82(",
	"\xF0\x9F\x98(",
	"a\xC3\xA9\xC3",
};

START_TEST(test_utf8_accepts)
{
	ck_assert(wlt_utf8_valid(well_formed[_i], strlen(well_formed[_i])));
}
END_TEST

START_TEST(test_utf8_refuses)
{
	ck_assert(!wlt_utf8_valid(malformed[_i], strlen(malformed[_i])));
}
END_TEST

/* Every two-byte string, and every three bytes that begin like a sequence of three: as many as are
 * well-formed by RFC 3629. */
START_TEST(test_utf8_counts)
{
	size_t two = 0, three = 0;

	for (unsigned i = 0; i < 0x10000; i++) {
		const char bytes[] = {(char)(i >> 8), (char)i};

		two += wlt_utf8_valid(bytes, sizeof(bytes));
	}
	ck_assert_uint_eq(two, 128 * 128 + 30 * 64);
	for (unsigned i = 0xE00000; i < 0xF00000; i++) {
		const char bytes[] = {(char)(i >> 16), (char)(i >> 8), (char)i};

		three += wlt_utf8_valid(bytes, sizeof(bytes));
	}
	ck_assert_uint_eq(three, 0x10000 - 0x800 - 0x800); /* less shorter forms and surrogates */
}
END_TEST

START_TEST(test_utf8_does_not_read_beyond)
{
	char *bytes = malloc(2); /* a sanitizer watches its end */

	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, "\xF0\x9F", 2);
	ck_assert(!wlt_utf8_valid(bytes, 2));
	free(bytes);
}
END_TEST

START_TEST(test_control_characters)
{
	ck_assert(!wlt_text_has_control(BYTES("plain \xC3\xA9 \xC2\xA0")));
	ck_assert(!wlt_text_has_control(BYTES("")));
	ck_assert(wlt_text_has_control(BYTES("a\nb")));
	ck_assert(wlt_text_has_control(BYTES("a\0b")));
	ck_assert(wlt_text_has_control(BYTES("\x1f")));
	ck_assert(wlt_text_has_control(BYTES("\x7f")));
	ck_assert(wlt_text_has_control(BYTES("\xC2\x80")));
	ck_assert(wlt_text_has_control(BYTES("\xC2\x9F")));
	ck_assert(!wlt_text_has_control(BYTES("\xC3\x80"))); /* 80 as a continuation is none */
}
END_TEST

START_TEST(test_printable)
{
	WLT_AUTOFREE char *same = wlt_text_printable("na\xC3\xAFve \xF0\x9F\x98\x80");
	WLT_AUTOFREE char *safe =
		wlt_text_printable("\x1b]0;x\x07 \xC2\x9B \xff\xC3 \xED\xA0\x80 \x7f\r\n\t");

	ck_assert_str_eq(same, "na\xC3\xAFve \xF0\x9F\x98\x80");
	ck_assert_str_eq(safe, "?]0;x? ? ?? ??? ????");
}
END_TEST

START_TEST(test_hex)
{
	const uint8_t bytes[] = {0x00, 0x01, 0xab, 0xff};
	uint8_t back[4];
	char text[9];

	wlt_hex_encode(bytes, sizeof(bytes), text);
	ck_assert_str_eq(text, "0001abff");
	ck_assert(wlt_hex_decode("0001ABff", back, 4));
	ck_assert_mem_eq(back, bytes, 4);
	ck_assert(wlt_hex_decode("", back, 0));
	ck_assert(!wlt_hex_decode("0001abf", back, 4));
	ck_assert(!wlt_hex_decode("0001abff0", back, 4));
	ck_assert(!wlt_hex_decode("0001abfg", back, 4));
	ck_assert(!wlt_hex_decode("0001ab f", back, 4));
	ck_assert(!wlt_hex_decode("", back, 1));
}
END_TEST

START_TEST(test_base64_as_the_base64_program)
{
	const char *const argv[] = {"base64", "-w0", NULL};
	WLT_AUTO(wlt_buf_free) struct wlt_buf expected = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	uint8_t bytes[300], back[300];
	size_t len = (size_t)_i, back_len = sizeof(back);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + len * 13);
	ck_assert_int_eq(scratch_run(argv, (const char *)bytes, len, &expected), 0);
	wlt_buf_puts(&expected, "");
	wlt_buf_puts(&text, "");
	wlt_base64_encode(&text, bytes, len);
	ck_assert_str_eq(text.data, expected.data);
	ck_assert(wlt_base64_decode(text.data, back, &back_len));
	ck_assert_uint_eq(back_len, len);
	ck_assert_mem_eq(back, bytes, len);
}
END_TEST

static const char *const bad_base64[] = {
	"Zg",    "Zg=",    "Zg===", "Z===",     "====", "Zh==", /* stray bits */
	"Zm9=",                                                 /* stray bits */
	"Zm9v ", "Zm9v\n", "Zm 9v", "Zg==Zg==", "Zm-v", "Zm_v", "=Zg=", "Z=g=", "\xC3\xA9vv",
};

START_TEST(test_base64_refuses)
{
	uint8_t bytes[32];
	size_t len = sizeof(bytes);

	ck_assert(!wlt_base64_decode(bad_base64[_i], bytes, &len));
}
END_TEST

START_TEST(test_base64_respects_the_capacity)
{
	uint8_t bytes[4] = {0, 0, 0, 0x55};
	size_t len = 2;

	ck_assert(!wlt_base64_decode("Zm9v", bytes, &len));
	len = 3;
	ck_assert(wlt_base64_decode("Zm9v", bytes, &len));
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(bytes, "foo\x55", 4);
}
END_TEST

START_TEST(test_random_hex)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	char one[101], two[101];

	ck_assert_works(wlt_random_hex(50, one, &err), &err);
	ck_assert_works(wlt_random_hex(50, two, &err), &err);
	ck_assert_uint_eq(strlen(one), 100);
	ck_assert_uint_eq(strspn(one, "0123456789abcdef"), 100);
	ck_assert_str_ne(one, two);
}
END_TEST

START_TEST(test_strings_sort_by_bytes)
{
	const char *names[] = {"b", "\xC3\xA9", "B", "a/b", "a", "a.b"};
	const char *const sorted[] = {"B", "a", "a.b", "a/b", "b", "\xC3\xA9"};

	qsort(names, 6, sizeof(names[0]), wlt_compare_strings);
	for (size_t i = 0; i < 6; i++)
		ck_assert_str_eq(names[i], sorted[i]);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, test_utf8_accepts, 0, COUNT(well_formed));
	tcase_add_loop_test(tc, test_utf8_refuses, 0, COUNT(malformed));
	tcase_add_test(tc, test_utf8_counts);
	tcase_add_test(tc, test_utf8_does_not_read_beyond);
	tcase_add_test(tc, test_control_characters);
	tcase_add_test(tc, test_printable);
	tcase_add_test(tc, test_hex);
	tcase_add_loop_test(tc, test_base64_as_the_base64_program, 0, 20);
	tcase_add_loop_test(tc, test_base64_as_the_base64_program, 255, 258);
	tcase_add_loop_test(tc, test_base64_refuses, 0, COUNT(bad_base64));
	tcase_add_test(tc, test_base64_respects_the_capacity);
	tcase_add_test(tc, test_random_hex);
	tcase_add_test(tc, test_strings_sort_by_bytes);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
