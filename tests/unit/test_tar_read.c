/* SPDX-License-Identifier: MIT */
/* The tar reader: what it reads, and each rule of what it refuses, on archives made byte by byte. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "package/tar_read.h"
#include "tar_forge.h"

static const struct wlt_tar_limits roomy = {100, 1 << 20, 2 << 20};

/* "path:mode:size=content;" for every member, or "!sentence". */
static char *listing(const struct forge *forge, const struct wlt_tar_limits *limits)
{
	struct wlt_raw raw = {-1, forge->bytes, forge->len};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_buf out = WLT_BUF_INIT;
	struct wlt_source *source = NULL;
	struct wlt_tar *tar = NULL;
	struct wlt_tar_member member;
	bool found = true;
	bool good;

	good = wlt_source_raw(&raw, 0, raw.size, &source, &err) &&
	       wlt_tar_open(source, limits, &tar, &err);
	while (good && found) {
		uint8_t bytes[7];
		size_t got = 1;

		good = wlt_tar_next(tar, &member, &found, &err);
		if (!good || !found)
			break;
		wlt_buf_printf(&out, "%s:%s:%llu=", member.path,
			       member.folder       ? "folder"
			       : member.executable ? "x"
						   : "-",
			       (unsigned long long)member.size);
		while (good && got > 0) {
			good = wlt_tar_read(tar, bytes, sizeof(bytes), &got, &err);
			wlt_buf_append(&out, bytes, got);
		}
		wlt_buf_putc(&out, ';');
	}
	if (!good) {
		wlt_buf_free(&out);
		wlt_buf_printf(&out, "!%s", wlt_error_text(&err));
	}
	wlt_tar_close(tar);
	wlt_source_close(source);
	return wlt_buf_take(&out);
}

static void expect_limited(struct forge *forge, const struct wlt_tar_limits *limits,
			   const char *expected)
{
	WLT_AUTOFREE char *got = listing(forge, limits);

	ck_assert_str_eq(got, expected);
	forge_free(forge);
}

static void expect(struct forge *forge, const char *expected)
{
	expect_limited(forge, &roomy, expected);
}

/* Refused, with `part` in the sentence. */
static void refused(struct forge *forge, const char *part)
{
	WLT_AUTOFREE char *got = listing(forge, &roomy);

	ck_assert_msg(got[0] == '!' && strstr(got, part) != NULL, "not refused for \"%s\": %s",
		      part, got);
	forge_free(forge);
}

static void refused_name(const char *name)
{
	struct forge forge = FORGE_INIT;
	struct forge again = FORGE_INIT;

	forge_file(&forge, name, "x");
	forge_end(&forge);
	refused(&forge, "");
	/* The same name behind an innocent one. */
	forge_pax(&again, 'x', "path", name, strlen(name));
	forge_file(&again, "innocent", "x");
	forge_end(&again);
	refused(&again, "");
}

/* --- what it reads ------------------------------------------------------------------------------ */

START_TEST(files_and_folders)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block;

	forge_member(&forge, '5', "notes/", "");
	forge_file(&forge, "notes/a.md", "hello, world");
	block = forge_header(&forge, '0', "run.sh", 2);
	memcpy(block + 100, "0000755", 8);
	forge_checksum(block);
	forge_data(&forge, "#!", 2);
	forge_file(&forge, "empty", "");
	forge_end(&forge);
	expect(&forge, "notes:folder:0=;notes/a.md:-:12=hello, world;run.sh:x:2=#!;empty:-:0=;");
}
END_TEST

START_TEST(ustar_prefix)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block = forge_header(&forge, '0', "leaf", 0);

	memcpy(block + 345, "a/prefix", 8);
	forge_checksum(block);
	forge_end(&forge);
	expect(&forge, "a/prefix/leaf:-:0=;");
}
END_TEST

START_TEST(gnu_has_no_prefix)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block = forge_header(&forge, '0', "leaf", 0);

	memcpy(block + 257, "ustar  ", 8);
	memcpy(block + 345, "14473563044", 11); /* access time there */
	forge_checksum(block);
	forge_end(&forge);
	expect(&forge, "leaf:-:0=;");
}
END_TEST

START_TEST(v7)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block = forge_header(&forge, '\0', "old/", 0);

	memset(block + 257, 0, 8);
	forge_checksum(block);
	block = forge_header(&forge, '\0', "old/a", 1);
	memset(block + 257, 0, 8);
	forge_checksum(block);
	forge_data(&forge, "1", 1);
	forge_end(&forge);
	expect(&forge, "old:folder:0=;old/a:-:1=1;");
}
END_TEST

START_TEST(names_that_fill_their_field)
{
	struct forge forge = FORGE_INIT;
	char name[101];
	char expected[128];

	memset(name, 'n', 100);
	name[100] = '\0';
	(void)forge_header(&forge, '0', name, 0);
	forge_end(&forge);
	(void)snprintf(expected, sizeof(expected), "%s:-:0=;", name);
	expect(&forge, expected);
}
END_TEST

START_TEST(pax_path_size_and_time)
{
	struct forge forge = FORGE_INIT;
	static const char records[] = "16 path=dir/new\n"
				      "20 mtime=-12.500000\n"
				      "9 size=5\n"
				      "21 comment=whatever=\n"
				      "31 SCHILY.xattr.user.x=\0\n\0=abc\n";

	forge_extension(&forge, 'x', records, sizeof(records) - 1);
	(void)forge_header(&forge, '0', "old", 0);
	forge_data(&forge, "fives", 5);
	forge_file(&forge, "next", "n");
	forge_end(&forge);
	expect(&forge, "dir/new:-:5=fives;next:-:1=n;");
}
END_TEST

static int64_t time_of(struct forge *forge)
{
	struct wlt_raw raw = {-1, forge->bytes, forge->len};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_source *source = NULL;
	struct wlt_tar *tar = NULL;
	struct wlt_tar_member member = {0};
	bool found;

	ck_assert(wlt_source_raw(&raw, 0, raw.size, &source, &err));
	ck_assert(wlt_tar_open(source, &roomy, &tar, &err));
	ck_assert_msg(wlt_tar_next(tar, &member, &found, &err), "%s", wlt_error_text(&err));
	ck_assert(found);
	wlt_tar_close(tar);
	wlt_source_close(source);
	forge_free(forge);
	return member.mtime;
}

START_TEST(times)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {{"0", 0},
		     {"1795240641.0291011", 1795240641},
		     {"-1", -1},
		     {"-1.5", -2},
		     {"-1.0", -1},
		     {"12.", 12},
		     {"4294967296.9", 4294967296}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct forge forge = FORGE_INIT;

		forge_pax(&forge, 'x', "mtime", cases[i].text, strlen(cases[i].text));
		forge_file(&forge, "a", "");
		forge_end(&forge);
		ck_assert_int_eq(time_of(&forge), cases[i].seconds);
	}
}
END_TEST

START_TEST(global_time)
{
	struct forge forge = FORGE_INIT;

	forge_pax(&forge, 'g', "mtime", "77", 2);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	ck_assert_int_eq(time_of(&forge), 77);
	forge_pax(&forge, 'g', "mtime", "77", 2);
	forge_pax(&forge, 'x', "mtime", "78", 2);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	ck_assert_int_eq(time_of(&forge), 78);
}
END_TEST

START_TEST(gnu_long_name)
{
	struct forge forge = FORGE_INIT;
	char name[301];
	char expected[400];

	memset(name, 'n', 300);
	name[100] = '/';
	name[200] = '/';
	name[300] = '\0';
	forge_extension(&forge, 'K', "a link's target", 16);
	forge_extension(&forge, 'L', name, sizeof(name));
	forge_file(&forge, "short", "x");
	forge_file(&forge, "next", "");
	forge_end(&forge);
	(void)snprintf(expected, sizeof(expected), "%s:-:1=x;next:-:0=;", name);
	expect(&forge, expected);
}
END_TEST

START_TEST(base_256_numbers)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block = forge_header(&forge, '0', "a", 0);

	memcpy(block + 124, "\x80\0\0\0\0\0\0\0\0\0\0\3", 12);
	memcpy(block + 136, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
	forge_checksum(block);
	forge_data(&forge, "abc", 3);
	forge_end(&forge);
	expect(&forge, "a:-:3=abc;");
	block = forge_header(&forge, '0', "a", 0);
	memcpy(block + 136, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
	forge_checksum(block);
	ck_assert_int_eq(time_of(&forge), -2);
}
END_TEST

START_TEST(dot_names)
{
	struct forge forge = FORGE_INIT;

	forge_member(&forge, '5', "./", "");
	forge_member(&forge, '5', ".", "");
	forge_file(&forge, "./a", "1");
	forge_file(&forge, "././b/c", "2");
	forge_member(&forge, '5', "./d/", "");
	forge_end(&forge);
	expect(&forge, "a:-:1=1;b/c:-:1=2;d:folder:0=;");
}
END_TEST

START_TEST(trailing_zeros)
{
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "a", "1");
	forge_end(&forge);
	forge_fill(&forge, 0, 10240 + 7);
	expect(&forge, "a:-:1=1;");
}
END_TEST

/* --- what it refuses: types ---------------------------------------------------------------------- */

START_TEST(types)
{
	static const struct {
		char type;
		const char *what;
	} cases[] = {{'1', "a hard link"},
		     {'2', "a symbolic link"},
		     {'3', "a character device"},
		     {'4', "a block device"},
		     {'6', "a FIFO"},
		     {'7', "a contiguous file"},
		     {'S', "a sparse file"},
		     {'V', "a volume label"},
		     {'M', "the continuation of another volume"},
		     {'D', "of an unknown type"},
		     {'N', "of an unknown type"},
		     {'A', "of an unknown type"},
		     {'\xff', "of an unknown type"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct forge forge = FORGE_INIT;

		forge_file(&forge, "before", "x");
		(void)forge_header(&forge, cases[i].type, "the/member", 0);
		forge_end(&forge);
		refused(&forge, "the/member is ");
		forge_file(&forge, "before", "x");
		(void)forge_header(&forge, cases[i].type, "the/member", 0);
		forge_end(&forge);
		refused(&forge, cases[i].what);
	}
}
END_TEST

START_TEST(folder_with_content)
{
	struct forge forge = FORGE_INIT;

	forge_member(&forge, '5', "d/", "content");
	forge_end(&forge);
	refused(&forge, "a folder with content");
	forge_member(&forge, '0', "d/", "content");
	forge_end(&forge);
	refused(&forge, "a folder with content");
}
END_TEST

START_TEST(pax_sparse)
{
	struct forge forge = FORGE_INIT;

	forge_pax(&forge, 'x', "GNU.sparse.major", "1", 1);
	forge_file(&forge, "a", "x");
	forge_end(&forge);
	refused(&forge, "sparse");
}
END_TEST

/* --- names --------------------------------------------------------------------------------------- */

START_TEST(bad_names)
{
	static const char *const names[] = {
		"..",   "../a",      "a/../b",   "a/..", "/a",        "//a",
		"a//b", "a/./b",     "a/.",      "C:/a", "c:a",       "a\\b",
		"a\nb", "a\x7f",     "\x1b[31m", "\xff", "a\xc0\xaf", "\xed\xa0\x80",
		".//a", "a\xc2\x85", "./../a",   ".",    "./.",
	};

	refused_name(names[_i]);
}
END_TEST

#define N_BAD_NAMES 23

START_TEST(bad_folder_names)
{
	static const char *const names[] = {"/", "../", "..", "a//", "a/../", "/a/", "C:/", "a/./"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct forge forge = FORGE_INIT;

		forge_member(&forge, '5', names[i], "");
		forge_end(&forge);
		refused(&forge, "tar member refused");
	}
}
END_TEST

START_TEST(empty_name)
{
	struct forge forge = FORGE_INIT;

	(void)forge_header(&forge, '0', "", 0);
	forge_end(&forge);
	refused(&forge, "");
}
END_TEST

START_TEST(long_names)
{
	struct forge forge = FORGE_INIT;
	char name[5001];

	memset(name, 'a', 256);
	forge_pax(&forge, 'x', "path", name, 256);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "");
	for (size_t i = 0; i < 5000; i++)
		name[i] = i % 100 == 99 ? '/' : 'a';
	name[4999] = 'a';
	forge_pax(&forge, 'x', "path", name, 5000);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "");
}
END_TEST

START_TEST(nul_in_names)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block;

	forge_pax(&forge, 'x', "path", "a\0b", 3);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "NUL");
	forge_pax(&forge, 'x', "path", "a\0", 2);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "NUL");
	forge_extension(&forge, 'L', "a\0b", 4);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "NUL");
	block = forge_header(&forge, '0', "a", 0);
	block[2] = 'b';
	forge_checksum(block);
	forge_end(&forge);
	refused(&forge, "NUL");
}
END_TEST

START_TEST(two_names)
{
	struct forge forge = FORGE_INIT;
	static const char twice[] = "10 path=a\n10 path=b\n";

	forge_extension(&forge, 'L', "gnu", 4);
	forge_pax(&forge, 'x', "path", "pax", 3);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "both a pax and a GNU long name");
	forge_extension(&forge, 'x', twice, sizeof(twice) - 1);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "two paths");
	forge_pax(&forge, 'x', "path", "a", 1);
	forge_pax(&forge, 'x', "path", "b", 1);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "extension headers");
	forge_extension(&forge, 'L', "a", 2);
	forge_extension(&forge, 'L', "b", 2);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "two GNU long names");
}
END_TEST

/* --- headers ------------------------------------------------------------------------------------- */

START_TEST(checksum)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block = forge_header(&forge, '0', "a", 0);

	block[0] = 'b';
	forge_end(&forge);
	refused(&forge, "checksum");
}
END_TEST

START_TEST(magic)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block = forge_header(&forge, '0', "a", 0);

	memcpy(block + 257, "uztar\00000", 8);
	forge_checksum(block);
	forge_end(&forge);
	refused(&forge, "unknown format");
}
END_TEST

static void bad_field(size_t at, const char *field, size_t len)
{
	struct forge forge = FORGE_INIT;
	uint8_t *block = forge_header(&forge, '0', "a", 0);

	memcpy(block + at, field, len);
	forge_checksum(block);
	forge_end(&forge);
	refused(&forge, "malformed number");
}

START_TEST(numbers)
{
	bad_field(124, "0000000000x\0", 12);
	bad_field(124, "            ", 12);
	bad_field(124, "-0000000001\0", 12);
	bad_field(124, "00000000009\0", 12);
	bad_field(124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12); /* -1 */
	bad_field(124, "\x80\0\0\1\0\0\0\0\0\0\0\0", 12);                       /* 2^64 */
	bad_field(124, "\x80\0\0\0\x80\0\0\0\0\0\0\0", 12);                     /* 2^63 */
	bad_field(124, "\x81\0\0\0\0\0\0\0\0\0\0\0", 12);
	bad_field(100, "rwxrwxrx", 8);
	bad_field(136, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
}
END_TEST

#define RECORDS(text)                  \
	{                              \
		text, sizeof(text) - 1 \
	}

START_TEST(pax_records)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		RECORDS("path=a\n"),
		RECORDS("11 path=a\n"),
		RECORDS("010 path=a\n"),
		RECORDS("10 path=a\n0"),
		RECORDS("10 path=a\n9"),
		RECORDS("10 path=ab"),
		RECORDS("4 a\n"),
		RECORDS("4 =\n"),
		RECORDS("5 =a\n"),
		RECORDS("5 ab\n"),
		RECORDS("3 \n"),
		RECORDS("-1 path=a\n"),
		RECORDS("99999999999999999999 a=b\n"),
		RECORDS("8 path=\n"),
		RECORDS("9 size=x\n"),
		RECORDS("11 size=-1\n"),
		RECORDS("8 size=\n"),
		RECORDS("28 size=9223372036854775808\n"),
		RECORDS("9 size=1\n9 size=1\n"),
		RECORDS("10 mtime=\n"),
		RECORDS("11 mtime=-\n"),
		RECORDS("12 mtime=1x\n"),
		RECORDS("12 mtime=.5\n"),
		RECORDS("13 mtime=1.x\n"),
	};
	struct forge forge = FORGE_INIT;

	forge_extension(&forge, 'x', cases[_i].text, cases[_i].len);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "a pax header has ");
}
END_TEST

#define N_PAX_RECORDS 24

START_TEST(global_path_or_size)
{
	struct forge forge = FORGE_INIT;

	forge_pax(&forge, 'g', "path", "b", 1);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "for all members");
	forge_pax(&forge, 'g', "size", "1", 1);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "for all members");
}
END_TEST

START_TEST(extension_alone)
{
	struct forge forge = FORGE_INIT;

	forge_pax(&forge, 'x', "path", "b", 1);
	forge_end(&forge);
	refused(&forge, "without a member");
}
END_TEST

START_TEST(many_extensions)
{
	struct forge forge = FORGE_INIT;

	for (unsigned i = 0; i < 100; i++)
		forge_pax(&forge, 'g', "comment", "x", 1);
	forge_file(&forge, "a", "");
	forge_end(&forge);
	refused(&forge, "too many");
}
END_TEST

START_TEST(large_extension)
{
	struct forge forge = FORGE_INIT;

	(void)forge_header(&forge, 'x', "extension", WLT_TAR_MAX_EXTENSION + 1);
	forge_fill(&forge, 'x', 4096);
	refused(&forge, "extension header of 1048577 bytes");
}
END_TEST

/* --- the end ------------------------------------------------------------------------------------- */

START_TEST(truncated)
{
	struct forge whole = FORGE_INIT;
	char text[700];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	forge_pax(&whole, 'x', "path", "b", 1);
	forge_file(&whole, "a", text);
	forge_end(&whole);
	for (size_t len = 0; len < whole.len; len++) {
		struct forge cut = FORGE_INIT;

		forge_put(&cut, whole.bytes, len);
		refused(&cut, "ends too early");
	}
	forge_free(&whole);
}
END_TEST

START_TEST(stray_zero_block)
{
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "a", "x");
	forge_fill(&forge, 0, FORGE_BLOCK);
	forge_file(&forge, "b", "x");
	forge_end(&forge);
	refused(&forge, "stray zero block");
}
END_TEST

START_TEST(bytes_behind_the_end)
{
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "a", "x");
	forge_end(&forge);
	forge_file(&forge, "hidden", "x");
	forge_end(&forge);
	refused(&forge, "bytes follow the end");
	forge_file(&forge, "a", "x");
	forge_end(&forge);
	forge_fill(&forge, 0, 1000);
	forge_fill(&forge, 1, 1);
	refused(&forge, "bytes follow the end");
}
END_TEST

/* --- limits -------------------------------------------------------------------------------------- */

START_TEST(member_limit)
{
	struct wlt_tar_limits limits = {2, 1000, 1 << 20};
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "a", "");
	forge_file(&forge, "b", "");
	forge_end(&forge);
	expect_limited(&forge, &limits, "a:-:0=;b:-:0=;");
	forge_file(&forge, "a", "");
	forge_member(&forge, '5', "b", "");
	forge_file(&forge, "c", "");
	forge_end(&forge);
	expect_limited(&forge, &limits, "!the package has more than 2 members");
}
END_TEST

START_TEST(content_limit)
{
	struct wlt_tar_limits limits = {10, 10, 1 << 20};
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "a", "12345");
	forge_file(&forge, "b", "12345");
	forge_end(&forge);
	expect_limited(&forge, &limits, "a:-:5=12345;b:-:5=12345;");
	forge_file(&forge, "a", "12345");
	forge_file(&forge, "b", "123456");
	expect_limited(&forge, &limits, "!the package expands to more than the 10 bytes allowed");
	/* A size that lies is refused before a byte of it is read. */
	forge_pax(&forge, 'x', "size", "9223372036854775807", 19);
	forge_file(&forge, "a", "");
	expect_limited(&forge, &limits, "!the package expands to more than the 10 bytes allowed");
}
END_TEST

START_TEST(stream_limit)
{
	struct wlt_tar_limits limits = {10, 10, 3 * FORGE_BLOCK};
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "a", "");
	forge_end(&forge);
	expect_limited(&forge, &limits, "a:-:0=;");
	forge_file(&forge, "a", "");
	forge_end(&forge);
	forge_fill(&forge, 0, 1);
	expect_limited(&forge, &limits, "!the tar archive is larger than the 1536 bytes allowed");
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("tar_read");
	TCase *reads = tcase_create("reads");
	TCase *refuses = tcase_create("refuses");

	tcase_add_test(reads, files_and_folders);
	tcase_add_test(reads, ustar_prefix);
	tcase_add_test(reads, gnu_has_no_prefix);
	tcase_add_test(reads, v7);
	tcase_add_test(reads, names_that_fill_their_field);
	tcase_add_test(reads, pax_path_size_and_time);
	tcase_add_test(reads, times);
	tcase_add_test(reads, global_time);
	tcase_add_test(reads, gnu_long_name);
	tcase_add_test(reads, base_256_numbers);
	tcase_add_test(reads, dot_names);
	tcase_add_test(reads, trailing_zeros);
	tcase_add_test(refuses, types);
	tcase_add_test(refuses, folder_with_content);
	tcase_add_test(refuses, pax_sparse);
	tcase_add_loop_test(refuses, bad_names, 0, N_BAD_NAMES);
	tcase_add_test(refuses, bad_folder_names);
	tcase_add_test(refuses, empty_name);
	tcase_add_test(refuses, long_names);
	tcase_add_test(refuses, nul_in_names);
	tcase_add_test(refuses, two_names);
	tcase_add_test(refuses, checksum);
	tcase_add_test(refuses, magic);
	tcase_add_test(refuses, numbers);
	tcase_add_loop_test(refuses, pax_records, 0, N_PAX_RECORDS);
	tcase_add_test(refuses, global_path_or_size);
	tcase_add_test(refuses, extension_alone);
	tcase_add_test(refuses, many_extensions);
	tcase_add_test(refuses, large_extension);
	tcase_add_test(refuses, truncated);
	tcase_add_test(refuses, stray_zero_block);
	tcase_add_test(refuses, bytes_behind_the_end);
	tcase_add_test(refuses, member_limit);
	tcase_add_test(refuses, content_limit);
	tcase_add_test(refuses, stream_limit);
	suite_add_tcase(suite, reads);
	suite_add_tcase(suite, refuses);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
