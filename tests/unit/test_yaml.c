/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/yaml.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static bool parse(const char *text, struct json_object **out, struct wlt_error *err)
{
	return wlt_yaml_parse(text, strlen(text), NULL, out, err);
}

static const struct {
	const char *yaml, *json;
} accepted[] = {
	{"", "{}"},
	{"---\n", "{}"},
	{"# nothing\n\n", "{}"},
	{"a: b", "{\"a\":\"b\"}"},
	{"\xEF\xBB\xBF"
	 "a: b",
	 "{\"a\":\"b\"}"},
	{"--- {a: 1}\n...\n", "{\"a\":1}"},
	{"{}", "{}"},
	{"a: [x, [y], {z: 1}]\nb:\n- 1\n- c: 2\n  d: 3\n",
	 "{\"a\":[\"x\",[\"y\"],{\"z\":1}],\"b\":[1,{\"c\":2,\"d\":3}]}"},
	{"z: 1\na: 2\n", "{\"z\":1,\"a\":2}"},
	{"a: []\nb: {}\n", "{\"a\":[],\"b\":{}}"},
	/* null */
	{"a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: nULL\ng: []\n",
	 "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":\"nULL\",\"g\":[]}"},
	/* bool */
	{"a: [true, True, TRUE, false, False, FALSE, tRUE, yes, no, on, off, y]",
	 "{\"a\":[true,true,true,false,false,false,\"tRUE\",\"yes\",\"no\",\"on\",\"off\",\"y\"]}"},
	/* integers */
	{"a: [0, 7, -7, +7, 007, -0, 0o17, 0xfF, 0x, 0o8, 0b1, 1_000, 0xg, -0x1]",
	 "{\"a\":[0,7,-7,7,7,0,15,255,\"0x\",\"0o8\",\"0b1\",\"1_000\",\"0xg\",\"-0x1\"]}"},
	{"a: [9223372036854775807, -9223372036854775808, 18446744073709551615, 0xffffffffffffffff]",
	 "{\"a\":[9223372036854775807,-9223372036854775808,18446744073709551615,"
	 "18446744073709551615]}"},
	/* floats: as written where JSON can write it so */
	{"a: [1.50, -2.5, 1e3, 1E-2, 0.10, 2.1]", "{\"a\":[1.50,-2.5,1e3,1E-2,0.10,2.1]}"},
	{"a: [.5, 1., +1.5, -.25, 01.5, 1.e2]", "{\"a\":[0.5,1.0,1.5,-0.25,1.5,100.0]}"},
	{"a: [., 1e, e1, 1.2.3, .inf, -.inf, .nan, 1e+, +]",
	 "{\"a\":[\".\",\"1e\",\"e1\",\"1.2.3\",\".inf\",\"-.inf\",\".nan\",\"1e+\",\"+\"]}"},
	/* strings */
	{"a: ['1', \"true\", \"\", '~', 2026-04-07, 10:15, a b]",
	 "{\"a\":[\"1\",\"true\",\"\",\"~\",\"2026-04-07\",\"10:15\",\"a b\"]}"},
	{"a: |\n  1\n  2\nb: >-\n  x\n  y\n", "{\"a\":\"1\\n2\\n\",\"b\":\"x y\"}"},
	{"a: \"\\u00e9\\x07\\0\"", "{\"a\":\"\xC3\xA9\\u0007\\u0000\"}"},
	{"a: it's # comment\n", "{\"a\":\"it's\"}"},
	{"a: x:y\nb: \xE2\x82\xAC\n", "{\"a\":\"x:y\",\"b\":\"\xE2\x82\xAC\"}"},
	/* keys are strings, whatever they look like */
	{"1: a\ntrue: b\n~: c\n'<<': d\n", "{\"1\":\"a\",\"true\":\"b\",\"~\":\"c\",\"<<\":\"d\"}"},
	{"a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}"},
};

START_TEST(test_accepted)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;

	ck_assert_works(parse(accepted[_i].yaml, &root, &err), &err);
	wlt_json_format_line(&written, root);
	ck_assert_str_eq(written.data, accepted[_i].json);
}
END_TEST

static const struct {
	const char *yaml, *what; /* part of the sentence */
} refused[] = {
	{"- a", "no mapping"},
	{"[a]", "no mapping"},
	{"text", "no mapping"},
	{"~", "no mapping"},
	{"42", "no mapping"},
	{"\"\"", "no mapping"},
	{"a: &x 1", "an anchor"},
	{"a: &x [1]", "an anchor"},
	{"&x a: 1", "an anchor"},
	{"&x {a: 1}", "an anchor"},
	{"a: *x", "an alias"},
	{"*x : 1", "an alias"},
	{"a: !!str 1", "a tag"},
	{"a: !local x", "a tag"},
	{"a: ! x", "a tag"},
	{"a: !!python/object:os.system {}", "a tag"},
	{"a: !!seq []", "a tag"},
	{"!!map {a: 1}", "a tag"},
	{"<<: {a: 1}", "a merge key"},
	{"b: 1\nc:\n  <<: {a: 1}", "a merge key"},
	{"a: 1\na: 2", "second time"},
	{"a: 1\n'a': 2", "second time"},
	{"x: {b: 1, \"\\x62\": 2}", "second time"},
	{"? [a]\n: 1", "collection"},
	{"{[a]: 1}", "collection"},
	{"? {a: b}\n: 1", "collection"},
	{"? \n: 1", "empty key"},
	{"\"a\\0b\": 1", "NUL"},
	{"a: 1\n---\nb: 2", "second document"},
	{"---\n---\n", "second document"},
	{"%YAML 1.1\n---\na: 1", "directive"},
	{"%TAG ! tag:x,2000:\n---\na: 1", "directive"},
	{"a: 18446744073709551616", "64 bits"},
	{"a: -9223372036854775809", "64 bits"},
	{"a: 0x10000000000000000", "64 bits"},
	{"a: 99999999999999999999999999999999", "64 bits"},
	{"a: [", ""},
	{"a: {", ""},
	{"a: 'x", ""},
	{"a: b: c", ""},
	{"\ta: 1", ""},
	{"a: 1\n b: 2", ""},
	{"a: \"\\q\"", ""},
	{"a: \xFF", "byte 3"},
	{"a: \xC0\x80", ""},
	{"a: \xED\xA0\x80", ""},
	{"a: \x01", "byte 3"},
	{"a: \x7F", ""},
	{"\xFF\xFE"
	 "a\0:\0",
	 ""}, /* UTF-16 is not guessed */
};

START_TEST(test_refused)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(parse(refused[_i].yaml, &root, &err), &err, WLT_DAMAGED);
	ck_assert_msg(strstr(wlt_error_text(&err), refused[_i].what) != NULL, "%s",
		      wlt_error_text(&err));
	ck_assert_ptr_null(root);
}
END_TEST

START_TEST(test_nul_byte_is_refused)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(wlt_yaml_parse("a: 1\0b", 6, NULL, &root, &err), &err, WLT_DAMAGED);
	ck_assert_works(wlt_yaml_parse(NULL, 0, NULL, &root, &err), &err);
	json_object_put(root);
}
END_TEST

START_TEST(test_billion_laughs)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(parse("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
			      "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n",
			      &root, &err),
			&err, WLT_DAMAGED);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "line 1, column 4"));
}
END_TEST

START_TEST(test_depth_is_counted_below_the_root)
{
	const struct wlt_yaml_limits limits = {.bytes = 1000, .depth = 2, .nodes = 100};
	const char *two = "a: [{b: 1}]", *three = "a: [{b: []}]";
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_works(wlt_yaml_parse(two, strlen(two), &limits, &root, &err), &err);
	json_object_put(root);
	root = NULL;
	ck_assert_fails(wlt_yaml_parse(three, strlen(three), &limits, &root, &err), &err,
			WLT_DAMAGED);
	ck_assert_ptr_null(root);
}
END_TEST

/* Whatever limit is asked for: neither libyaml nor json-c may be led into deep recursion. */
START_TEST(test_depth_has_an_end)
{
	const struct wlt_yaml_limits limits = {.bytes = 1000000,
					       .depth = 1000000,
					       .nodes = 1000000};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	struct json_object *root = NULL;

	wlt_buf_puts(&text, "a: ");
	for (int i = 0; i < 100000; i++)
		wlt_buf_putc(&text, '[');
	ck_assert_fails(wlt_yaml_parse(text.data, text.len, &limits, &root, &err), &err,
			WLT_DAMAGED);
}
END_TEST

START_TEST(test_collections_are_limited_apart)
{
	const struct wlt_yaml_limits limits = {.bytes = 100,
					       .depth = 3,
					       .nodes = 50,
					       .collections = 3};
	const char *three = "{a: [[], 1, 2, 3]}";
	const char *four = "{a: [[], 1, {}]}";
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_works(wlt_yaml_parse(three, strlen(three), &limits, &root, &err), &err);
	json_object_put(root);
	root = NULL;
	ck_assert_fails(wlt_yaml_parse(four, strlen(four), &limits, &root, &err), &err,
			WLT_DAMAGED);
	ck_assert_ptr_null(root);
}
END_TEST

START_TEST(test_size_and_count_are_limited)
{
	const struct wlt_yaml_limits limits = {.bytes = 20, .depth = 2, .nodes = 5};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_works(wlt_yaml_parse("a: [1, 2]", 9, &limits, &root, &err), &err);
	json_object_put(root);
	root = NULL;
	ck_assert_fails(wlt_yaml_parse("a: [1, 2, 3]", 12, &limits, &root, &err), &err,
			WLT_DAMAGED);
	ck_assert_works(wlt_yaml_parse("a: 1 # 0123456789012", 20, &limits, &root, &err), &err);
	json_object_put(root);
	root = NULL;
	ck_assert_fails(wlt_yaml_parse("a: 1 # 01234567890123", 21, &limits, &root, &err), &err,
			WLT_TOO_BIG);
}
END_TEST

START_TEST(test_every_truncation_is_survived)
{
	const char *text = "a: [1.5, true, \"\\u00e9\"]\nb:\n  - c: 'x'\n    d: |\n      y\n";
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	for (size_t len = 0; len < strlen(text); len++) {
		WLT_AUTOFREE char *cut = malloc(len + 1);
		struct json_object *root = NULL;

		ck_assert_ptr_nonnull(cut);
		memcpy(cut + 1, text, len);
		if (wlt_yaml_parse(cut + 1, len, NULL, &root, &err))
			json_object_put(root);
		else
			ck_assert_int_eq(err.kind, WLT_DAMAGED);
	}
}
END_TEST

/* --- front matter ------------------------------------------------------------------------------ */

static const struct {
	const char *text, *json, *body;
} notes[] = {
	{"---\na: 1\n---\nbody\n", "{\"a\":1}", "body\n"},
	{"---\na: 1\n---", "{\"a\":1}", ""},
	{"---\n---\nbody", "{}", "body"},
	{"--- \r\na: 1\r\n---\t\r\nbody", "{\"a\":1}", "body"},
	{"\xEF\xBB\xBF---\na: 1\n---\nx", "{\"a\":1}", "x"},
	{"---\na: |\n  ---x\n---\n---\nx", "{\"a\":\"---x\\n\"}", "---\nx"},
	{"", NULL, ""},
	{"text\n---\na: 1\n---\n", NULL, "text\n---\na: 1\n---\n"},
	{"---\na: 1\n", NULL, "---\na: 1\n"},
	{"---", NULL, "---"},
	{"----\na: 1\n---\n", NULL, "----\na: 1\n---\n"},
	{"\n---\na: 1\n---\n", NULL, "\n---\na: 1\n---\n"},
};

START_TEST(test_front_matter)
{
	const char *text = notes[_i].text;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf written = WLT_BUF_INIT;
	size_t body = 999;

	ck_assert_works(wlt_front_matter_parse(text, strlen(text), &root, &body, &err), &err);
	ck_assert_str_eq(text + body, notes[_i].body);
	if (notes[_i].json == NULL) {
		ck_assert_ptr_null(root);
		return;
	}
	wlt_json_format_line(&written, root);
	ck_assert_str_eq(written.data, notes[_i].json);
}
END_TEST

START_TEST(test_damaged_front_matter)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *root = NULL;

	ck_assert_fails(wlt_front_matter_parse("---\na: [\n---\n", 13, &root, NULL, &err), &err,
			WLT_DAMAGED);
	ck_assert_int_eq(strncmp(wlt_error_text(&err), "front matter: ", 14), 0);
	ck_assert_ptr_null(root);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("yaml");
	TCase *tc = tcase_create("yaml");

	tcase_add_loop_test(tc, test_accepted, 0, COUNT(accepted));
	tcase_add_loop_test(tc, test_refused, 0, COUNT(refused));
	tcase_add_test(tc, test_nul_byte_is_refused);
	tcase_add_test(tc, test_billion_laughs);
	tcase_add_test(tc, test_depth_is_counted_below_the_root);
	tcase_add_test(tc, test_depth_has_an_end);
	tcase_add_test(tc, test_collections_are_limited_apart);
	tcase_add_test(tc, test_size_and_count_are_limited);
	tcase_add_test(tc, test_every_truncation_is_survived);
	tcase_add_loop_test(tc, test_front_matter, 0, COUNT(notes));
	tcase_add_test(tc, test_damaged_front_matter);
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
