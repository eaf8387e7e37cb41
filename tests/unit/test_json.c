/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/json.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static bool parse(const char *text, struct json_object **out, struct wlt_error *err)
{
	return wlt_json_parse(text, strlen(text), out, err);
}

/* --- as Python writes it ----------------------------------------------------------------------- */

/* Texts in forms that Python's json.dumps() reproduces from json.loads(). */
static const char *const texts[] = {
	"{}",
	"[]",
	"null",
	"true",
	"\"text\"",
	"-12",
	"{\"a\": [], \"b\": {}, \"c\": [[], {}], \"d\": [1, [2, {\"x\": null}], false]}",
	"{\"z\": 1, \"a\": 2, \"m\": {\"b\": 1, \"a\": 2}}",
	"\"\\\" \\\\ / \\/ \\b\\f\\n\\r\\t \\u0000\\u0001\\u001f\\u007f\\u0080\"",
	"\"\\u00e9 \\u20ac \\ud83d\\ude00 \xC3\xA9 \xF0\x9F\x98\x80 \\u2028\\uffff\"",
	"{\"\\u00e9\\n\": \"\", \"\": 0}",
	"[0, -0, 9223372036854775807, -9223372036854775808, 18446744073709551615]",
	"[9223372036854775808, 123456789012345678901234567890, -9223372036854775809]",
	"[0.0, -0.0, 1.5, 0.1, 1e+16, 1e-05, 5e-324, 1.7976931348623157e+308]",
	" \r\n\t[ 1 , 2 ] \n",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", /* 32 levels */
};

static void check_as_python(const char *text, const char *script, bool line)
{
	const char *const argv[] = {"python3", "-c", script, NULL};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf expected = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;

	ck_assert_int_eq(scratch_run(argv, text, strlen(text), &expected), 0);
	ck_assert_works(parse(text, &root, &err), &err);
	if (line)
		wlt_json_format_line(&written, root);
	else
		wlt_json_format(&written, root);
	ck_assert_works(wlt_buf_ok(&written, &err), &err);
	ck_assert_str_eq(written.data, expected.data);
	ck_assert_uint_eq(written.len, expected.len);
}

#define PYTHON(arguments)                                              \
	"import json,sys\n"                                            \
	"data = json.loads(sys.stdin.buffer.read().decode())\n"        \
	"text = json.dumps(data, ensure_ascii=False, " arguments ")\n" \
	"sys.stdout.buffer.write(text.encode())\n"

START_TEST(test_indented_as_python)
{
	check_as_python(texts[_i], PYTHON("indent=2") "sys.stdout.buffer.write(b'\\n')", false);
}
END_TEST

START_TEST(test_line_as_python)
{
	check_as_python(texts[_i], PYTHON("separators=(',',':')"), true);
}
END_TEST

static const double floats[] = {
	0.0,
	-0.0,
	1.0,
	1.5,
	-2.25,
	0.1,
	1.0 / 3,
	100.0,
	1e15,
	1e16,
	1e17,
	1e22,
	1e-4,
	1e-5,
	1.25e-7,
	123456789.125,
	5e-324,
	2.2250738585072014e-308,
	1.7976931348623157e308,
	9007199254740993.0,
	4.35,
	0.30000000000000004,
	1e100,
};

/* Floats made here have no text of their own and get the one Python gives them. */
START_TEST(test_floats_as_python)
{
	WLT_AUTO(wlt_json_put) struct json_object *number = json_object_new_double(floats[_i]);
	WLT_AUTO(wlt_buf_free) struct wlt_buf expected = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;
	char bits[64];
	const char *const argv[] = {
		"python3", "-c",
		"import json,sys; print(json.dumps(float.fromhex(sys.argv[1])), end='')", bits,
		NULL};

	(void)snprintf(bits, sizeof(bits), "%a", floats[_i]);
	ck_assert_int_eq(scratch_run(argv, NULL, 0, &expected), 0);
	wlt_json_format_line(&written, number);
	ck_assert_str_eq(written.data, expected.data);
}
END_TEST

START_TEST(test_floats_keep_their_text)
{
	const char *text = "[1.50,1E3,-0.0,1e999,0.10000000000000000000001]";
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;

	ck_assert_works(parse(text, &root, &err), &err);
	wlt_json_format_line(&written, root);
	ck_assert_str_eq(written.data, text);
	ck_assert(json_object_get_double(json_object_array_get_idx(root, 1)) > 999.0);
}
END_TEST

START_TEST(test_locale_does_not_matter)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *number = json_object_new_double(2.5);
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};

	/* Where no such locale is installed, this is one more run in the C locale. */
	for (size_t i = 0; i < 3 && setlocale(LC_ALL, names[i]) == NULL; i++)
		;
	ck_assert_works(parse("1.5", &root, &err), &err);
	ck_assert(json_object_get_double(root) > 1.4);
	wlt_json_format_line(&written, number);
	ck_assert_str_eq(written.data, "2.5");
}
END_TEST

START_TEST(test_deep_trees_made_here_can_be_written)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_array();
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;
	struct json_object *at = root;

	for (int i = 0; i < 999; i++) {
		struct json_object *inner = json_object_new_array();

		ck_assert_int_eq(json_object_array_add(at, inner), 0);
		at = inner;
	}
	wlt_json_format_line(&written, root);
	ck_assert_uint_eq(written.len, 2000);
}
END_TEST

/* --- refused ----------------------------------------------------------------------------------- */

static const char *const refused[] = {
	"",
	" ",
	"[1,]",
	"[,1]",
	"[1 2]",
	"[",
	"[1",
	"]",
	"[}",
	"{\"a\":1,}",
	"{,}",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\" 1}",
	"{\"a\":1 \"b\":2}",
	"{a:1}",
	"{1:1}",
	"{\"a\":1",
	"{\"a\":1,\"a\":2}",
	"{\"a\":{},\"b\":1,\"\\u0061\":2}", /* the same name, written otherwise */
	"{\"a\\u0000b\":1}",
	"01",
	"-01",
	"1.",
	".5",
	"-",
	"+1",
	"1e",
	"1e+",
	"1.e5",
	"0x10",
	"1_000",
	"NaN",
	"Infinity",
	"-Infinity",
	"nul",
	"True",
	"nulll",
	"'a'",
	"\"a",
	"\"\\",
	"\"\\u12",
	"\"\\u12G4\"",
	"\"\\x41\"",
	"\"\\ud800\"",
	"\"\\udc00\"",
	"\"\\ud800\\n\"",
	"\"\\ud800\\u0041\"",
	"\"\\ud800\\ud800\"",
	"\"a\nb\"",
	"\"a\tb\"",
	"\"a\x01\"",
	"\"\xFF\"",
	"\"\xC0\x80\"",
	"\"\xED\xA0\x80\"",
	"\xEF\xBB\xBF{}",
	"/* c */ 1",
	"1 // c",
	"1 2",
	"{} x",
	"\v1",
	"\xC2\xA0[]",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", /* 33 levels */
};

START_TEST(test_refused)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(parse(refused[_i], &root, &err), &err, WLT_DAMAGED);
	ck_assert_ptr_null(root);
}
END_TEST

START_TEST(test_nul_in_the_text_is_refused)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(wlt_json_parse("{}\0", 3, &root, &err), &err, WLT_DAMAGED);
	ck_assert_fails(wlt_json_parse("\"a\0\"", 4, &root, &err), &err, WLT_DAMAGED);
	ck_assert_fails(wlt_json_parse("\"\\\0\"", 4, &root, &err), &err, WLT_DAMAGED);
	ck_assert_fails(wlt_json_parse("1\0", 2, &root, &err), &err, WLT_DAMAGED);
	ck_assert_fails(wlt_json_parse(NULL, 0, &root, &err), &err, WLT_DAMAGED);
}
END_TEST

/* Cut anywhere, the text is refused, and nothing behind the cut is looked at. */
START_TEST(test_every_truncation_is_refused)
{
	const char *text = "{\"a\": [1.5e3, true, \"\\ud83d\\ude00\\n\", null], \"b\": {\"c\": 1}}";
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	for (size_t len = 0; len < strlen(text); len++) {
		WLT_AUTOFREE char *cut = malloc(len + 1);
		struct json_object *root = NULL;

		ck_assert_ptr_nonnull(cut);
		memcpy(cut + 1, text, len); /* ends where the block ends, for the sanitizer */
		ck_assert_fails(wlt_json_parse(cut + 1, len, &root, &err), &err, WLT_DAMAGED);
	}
}
END_TEST

START_TEST(test_fault_is_located)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(parse("{\n  \"a\": 1,\n  \"a\": 2\n}", &root, &err), &err, WLT_DAMAGED);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "line 3, column 3"));
}
END_TEST

START_TEST(test_many_members_take_linear_time)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;

	wlt_buf_putc(&text, '{');
	for (int i = 0; i < 200000; i++) /* quadratic work would hit the time limit */
		wlt_buf_printf(&text, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	wlt_buf_putc(&text, '}');
	ck_assert_works(wlt_json_parse(text.data, text.len, &root, &err), &err);
	ck_assert_int_eq(json_object_object_length(root), 200000);
}
END_TEST

/* --- files ------------------------------------------------------------------------------------- */

START_TEST(test_save_and_load)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *back = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	struct stat st;

	ck_assert_works(parse("{\"version\":1,\"x\":{\"y\":[true]}}", &root, &err), &err);
	ck_assert_works(wlt_json_save(AT_FDCWD, "saved.json", root, 0600, &err), &err);
	text = scratch_read("saved.json");
	ck_assert_str_eq(text.data, "{\n  \"version\": 1,\n  \"x\": {\n    \"y\": [\n      true\n"
				    "    ]\n  }\n}\n");
	ck_assert_int_eq(stat("saved.json", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_works(wlt_json_load(AT_FDCWD, "saved.json", text.len, &back, &err), &err);
	ck_assert(json_object_equal(root, back));
}
END_TEST

START_TEST(test_load_refuses)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(wlt_json_load(AT_FDCWD, "absent.json", 100, &root, &err), &err,
			WLT_MISSING);
	scratch_puts("bad.json", "{\"a\":1");
	ck_assert_fails(wlt_json_load(AT_FDCWD, "bad.json", 100, &root, &err), &err, WLT_DAMAGED);
	ck_assert_int_eq(strncmp(wlt_error_text(&err), "bad.json: ", 10), 0);
	scratch_puts("bad.json", "[]");
	ck_assert_fails(wlt_json_load(AT_FDCWD, "bad.json", 100, &root, &err), &err, WLT_DAMAGED);
	scratch_puts("bad.json", "null");
	ck_assert_fails(wlt_json_load(AT_FDCWD, "bad.json", 100, &root, &err), &err, WLT_DAMAGED);
	scratch_puts("bad.json", "");
	ck_assert_fails(wlt_json_load(AT_FDCWD, "bad.json", 100, &root, &err), &err, WLT_DAMAGED);
	scratch_puts("bad.json", "{}      ");
	ck_assert_fails(wlt_json_load(AT_FDCWD, "bad.json", 7, &root, &err), &err, WLT_TOO_BIG);
	ck_assert_ptr_null(root);
}
END_TEST

/* --- members ----------------------------------------------------------------------------------- */

START_TEST(test_getters_check_types)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;

	ck_assert_works(parse("{\"s\":\"x\",\"i\":7,\"b\":true,\"a\":[1],\"o\":{},\"n\":null,"
			      "\"nul\":\"a\\u0000b\",\"f\":1.5}",
			      &root, &err),
			&err);
	ck_assert_str_eq(wlt_json_string(root, "s"), "x");
	ck_assert_int_eq(wlt_json_int(root, "i", -1), 7);
	ck_assert(wlt_json_bool(root, "b", false));
	ck_assert_ptr_nonnull(wlt_json_array(root, "a"));
	ck_assert_ptr_nonnull(wlt_json_object(root, "o"));

	ck_assert_ptr_null(wlt_json_string(root, "i"));
	ck_assert_ptr_null(wlt_json_string(root, "n"));
	ck_assert_ptr_null(wlt_json_string(root, "absent"));
	ck_assert_ptr_null(wlt_json_string(root, "nul")); /* not a C string */
	ck_assert_int_eq(wlt_json_int(root, "s", -1), -1);
	ck_assert_int_eq(wlt_json_int(root, "f", -1), -1);
	ck_assert_int_eq(wlt_json_int(root, "b", -1), -1);
	ck_assert(wlt_json_bool(root, "i", true));
	ck_assert(!wlt_json_bool(root, "i", false));
	ck_assert_ptr_null(wlt_json_array(root, "o"));
	ck_assert_ptr_null(wlt_json_object(root, "a"));
	ck_assert_ptr_null(wlt_json_string(NULL, "s"));
	ck_assert_ptr_null(wlt_json_string(wlt_json_array(root, "a"), "s"));
}
END_TEST

START_TEST(test_setters)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_object();
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;

	ck_assert(wlt_json_set_string(root, "s", "x"));
	ck_assert(wlt_json_set_string(root, "n", NULL));
	ck_assert(wlt_json_set_int(root, "i", INT64_MIN));
	ck_assert(wlt_json_set_bool(root, "b", true));
	ck_assert(wlt_json_set(root, "o", json_object_new_object()));
	ck_assert(!wlt_json_set(root, "failed", NULL));
	ck_assert(wlt_json_set_string(root, "s", "y")); /* keeps its place */
	wlt_json_format_line(&written, root);
	ck_assert_str_eq(written.data,
			 "{\"s\":\"y\",\"n\":null,\"i\":-9223372036854775808,\"b\":true,\"o\":{}}");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tc = tcase_create("json");

	tcase_add_loop_test(tc, test_indented_as_python, 0, COUNT(texts));
	tcase_add_loop_test(tc, test_line_as_python, 0, COUNT(texts));
	tcase_add_loop_test(tc, test_floats_as_python, 0, COUNT(floats));
	tcase_add_test(tc, test_floats_keep_their_text);
	tcase_add_test(tc, test_locale_does_not_matter);
	tcase_add_test(tc, test_deep_trees_made_here_can_be_written);
	tcase_add_loop_test(tc, test_refused, 0, COUNT(refused));
	tcase_add_test(tc, test_nul_in_the_text_is_refused);
	tcase_add_test(tc, test_every_truncation_is_refused);
	tcase_add_test(tc, test_fault_is_located);
	tcase_add_test(tc, test_many_members_take_linear_time);
	tcase_add_test(tc, test_save_and_load);
	tcase_add_test(tc, test_load_refuses);
	tcase_add_test(tc, test_getters_check_types);
	tcase_add_test(tc, test_setters);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
