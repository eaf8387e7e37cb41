/* SPDX-License-Identifier: MIT */
/* The stages of the reading pipeline, on what gzip and openssl make. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "package/source.h"
#include "sandbox.h"

#define KEY_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define IV_HEX  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static struct sandbox box;

/* text: 2 MB that compress well; noise: 1.5 MB that do not. */
static void setup(void)
{
	sandbox_make(&box);
	ck_assert_int_eq(sandbox_sh(&box, "seq 1 300000 >text"), 0);
	ck_assert_int_eq(sandbox_sh(&box,
				    "head -c 1500001 text | openssl enc -aes-256-ctr -K " KEY_HEX
				    " -iv " IV_HEX " >noise"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box, "printf hello >small; : >empty"), 0);
}

static void teardown(void)
{
	sandbox_remove(&box);
}

/* --- helpers ------------------------------------------------------------------------------------ */

struct bytes {
	char *data;
	size_t len;
};

static struct bytes load(const char *name)
{
	struct bytes bytes;

	bytes.data = sandbox_get(&box, name, &bytes.len);
	return bytes;
}

static struct wlt_source *raw_of(struct bytes bytes)
{
	struct wlt_raw raw = {-1, (const uint8_t *)bytes.data, bytes.len};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_source *source = NULL;

	ck_assert(wlt_source_raw(&raw, 0, raw.size, &source, &err));
	return source;
}

static struct wlt_source *gunzip_of(struct bytes bytes)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_source *source = raw_of(bytes);

	ck_assert(wlt_source_gunzip(source, false, &source, &err));
	return source;
}

static struct wlt_source *cbc_of(struct bytes bytes, uint8_t first_key_byte)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_source *source = raw_of(bytes);
	uint8_t key[32];
	uint8_t iv[16];

	ck_assert(wlt_hex_decode(KEY_HEX, key, sizeof(key)));
	ck_assert(wlt_hex_decode(IV_HEX, iv, sizeof(iv)));
	key[0] = first_key_byte;
	ck_assert(wlt_source_cbc(source, key, iv, &source, &err));
	return source;
}

/* Read all of it, `step` bytes at a time; closes. On failure the error is in `err`. */
static bool drain(struct wlt_source *source, size_t step, struct wlt_buf *out,
		  struct wlt_error *err)
{
	size_t got = 1;
	bool good = true;

	while (good && got > 0) {
		char *at = wlt_buf_reserve(out, step);

		ck_assert_ptr_nonnull(at);
		good = wlt_source_read(source, (uint8_t *)at, step, &got, err);
		if (good)
			out->len += got;
	}
	wlt_source_close(source);
	return good;
}

static void expect(struct wlt_source *source, size_t step, struct bytes expected)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(drain(source, step, &out, &err), "%s", wlt_error_text(&err));
	ck_assert_uint_eq(out.len, expected.len);
	ck_assert(out.len == 0 || memcmp(out.data, expected.data, out.len) == 0);
}

static void refused(struct wlt_source *source, const char *part)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert(!drain(source, 4096, &out, &err));
	ck_assert_int_eq(err.kind, WLT_DAMAGED);
	ck_assert_msg(strstr(wlt_error_text(&err), part) != NULL, "not \"%s\": %s", part,
		      wlt_error_text(&err));
}

static void refused_gzip(struct bytes bytes, size_t len, const char *part)
{
	bytes.len = len;
	refused(gunzip_of(bytes), part);
}

/* --- raw ---------------------------------------------------------------------------------------- */

START_TEST(raw_window)
{
	struct bytes all = load("text");
	struct bytes part = {all.data + 1000, 70000};
	int fd = openat(box.fd, "text", O_RDONLY | O_CLOEXEC);
	struct wlt_raw raw = {fd, NULL, all.len};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_source *source = NULL;
	uint64_t passed;

	ck_assert(wlt_source_raw(&raw, 1000, 70000, &source, &err));
	expect(source, 4099, part);
	ck_assert(wlt_source_raw(&raw, 900, 70100, &source, &err));
	ck_assert(wlt_source_skip(source, 100, &passed, &err));
	ck_assert_uint_eq(passed, 100);
	expect(source, 1 << 20, part);
	ck_assert(wlt_source_raw(&raw, 0, 10, &source, &err));
	ck_assert(wlt_source_skip(source, 100, &passed, &err));
	ck_assert_uint_eq(passed, 10);
	wlt_source_close(source);
	ck_assert(!wlt_source_raw(&raw, all.len, 1, &source, &err));
	ck_assert(!wlt_source_raw(&raw, UINT64_MAX, 2, &source, &err));
	ck_assert_int_eq(close(fd), 0);
	free(all.data);
}
END_TEST

START_TEST(raw_became_shorter)
{
	int fd = openat(box.fd, "small", O_RDONLY | O_CLOEXEC);
	struct wlt_raw raw = {fd, NULL, 50};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_source *source = NULL;

	ck_assert(wlt_source_raw(&raw, 0, 50, &source, &err));
	refused(source, "became shorter");
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* --- gunzip ------------------------------------------------------------------------------------- */

START_TEST(gzip_program)
{
	static const char *const commands[] = {
		"gzip -1 <text >z",   "gzip -9 <text >z", "gzip -6 <noise >z",
		"gzip -N -c text >z", "gzip <small >z",   "gzip <empty >z",
	};
	static const char *const plain[] = {"text", "text", "noise", "text", "small", "empty"};
	static const size_t steps[] = {1 << 20, 512, 65537, 4096, 1, 100};
	struct bytes expected = load(plain[_i]);
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "%s", commands[_i]), 0);
	z = load("z");
	expect(gunzip_of(z), steps[_i], expected);
	free(z.data);
	free(expected.data);
}
END_TEST

START_TEST(gzip_members)
{
	struct bytes expected;
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "for f in small noise empty small text empty; do "
					  "cat $f >>all; gzip -c $f >>z; done"),
			 0);
	expected = load("all");
	z = load("z");
	expect(gunzip_of(z), 50000, expected);
	expect(gunzip_of(z), 7, expected);
	free(z.data);
	free(expected.data);
}
END_TEST

/* Many small members: every one begins at another place of the engine's bit buffer. */
START_TEST(gzip_many_members)
{
	struct bytes expected;
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "for n in $(seq 1 300); do head -c $n noise >one; "
					  "cat one >>all; gzip -n <one >>z; done"),
			 0);
	expected = load("all");
	z = load("z");
	expect(gunzip_of(z), 1000, expected);
	free(z.data);
	free(expected.data);
}
END_TEST

START_TEST(gzip_optional_fields)
{
	/* FHCRC FEXTRA FNAME FCOMMENT; the body is "a" in a fixed block, made by gzip. */
	static const char head[] = "\x1f\x8b\x08\x1e\0\0\0\0\0\x03"
				   "\x04\0EXTR"
				   "name\0"
				   "comment";
	struct bytes expected = {(char[]){"a"}, 1};
	struct bytes z;
	char *bytes;
	size_t n;

	/* CRC-32 of the header, from gzip's own trailer over the same bytes. */
	sandbox_put_bytes(&box, "head", head, sizeof(head));
	ck_assert_int_eq(sandbox_sh(&box, "gzip -n <head | tail -c 8 | head -c 2 >crc; "
					  "printf a | gzip -n | tail -c +11 >body; "
					  "cat head crc body >z"),
			 0);
	z = load("z");
	expect(gunzip_of(z), 100, expected);
	/* Every byte of the header is under that CRC, and the CRC itself. */
	for (n = 2; n < sizeof(head) + 2; n++) {
		bytes = z.data;
		bytes[n] = (char)(bytes[n] ^ 1);
		refused_gzip(z, z.len, "gzip");
		bytes[n] = (char)(bytes[n] ^ 1);
	}
	free(z.data);
}
END_TEST

START_TEST(gzip_trailing)
{
	static const struct {
		const char *tail;
		size_t len;
		const char *what;
	} cases[] = {{"x", 1, "bytes follow"},
		     {"\0", 1, "bytes follow"},
		     {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, "bytes follow"},
		     {"\x1f", 1, "too early"},
		     {"\x1f\x8b", 2, "too early"},
		     {"\x1f\x8c\x08", 3, "bytes follow"},
		     {"\x1f\x8b\x08\x20\0\0\0\0\0\x03", 10, "unknown method or flag"},
		     {"\x1f\x8b\x07\0\0\0\0\0\0\x03", 10, "unknown method or flag"}};
	struct wlt_buf buf = WLT_BUF_INIT;
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "gzip -n <text >z"), 0);
	z = load("z");
	wlt_buf_append(&buf, z.data, z.len);
	wlt_buf_append(&buf, cases[_i].tail, cases[_i].len);
	refused_gzip((struct bytes){buf.data, buf.len}, buf.len, cases[_i].what);
	wlt_buf_free(&buf);
	free(z.data);
}
END_TEST

START_TEST(gzip_truncated)
{
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "head -c 3000 noise >n; head -c 3000 text >>n; "
					  "gzip -n <n >z; gzip -n <small >>z"),
			 0);
	z = load("z");
	for (size_t len = 0; len < z.len; len++) {
		struct bytes cut = {z.data, len};
		WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		/* Only at the seam of the two members is a shorter file a whole one. */
		if (drain(gunzip_of(cut), 999, &out, &err))
			ck_assert_uint_eq(out.len, 6000);
		else
			ck_assert_msg(strstr(wlt_error_text(&err), "too early") != NULL, "%s",
				      wlt_error_text(&err));
	}
	free(z.data);
}
END_TEST

/* Whatever bit is wrong: an error, or (header fields that say nothing) the very same content. */
START_TEST(gzip_flipped)
{
	struct bytes expected;
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "head -c 400 noise >n; head -c 1500 text >>n; "
					  "gzip -n <n >z; gzip -n <small >>z; cat small >>n"),
			 0);
	expected = load("n");
	z = load("z");
	for (size_t bit = 0; bit < z.len * 8; bit++) {
		WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		z.data[bit / 8] = (char)(z.data[bit / 8] ^ 1 << bit % 8);
		if (drain(gunzip_of(z), 999, &out, &err)) {
			ck_assert_uint_eq(out.len, expected.len);
			ck_assert_mem_eq(out.data, expected.data, expected.len);
		} else {
			ck_assert_int_eq(err.kind, WLT_DAMAGED);
		}
		z.data[bit / 8] = (char)(z.data[bit / 8] ^ 1 << bit % 8);
	}
	free(expected.data);
	free(z.data);
}
END_TEST

START_TEST(gzip_not)
{
	refused(gunzip_of((struct bytes){(char[]){"plain text"}, 10}), "no gzip stream");
	refused(gunzip_of((struct bytes){(char[]){""}, 0}), "too early");
}
END_TEST

/* --- AES-256-CBC -------------------------------------------------------------------------------- */

START_TEST(cbc_openssl)
{
	static const char *const plain[] = {"text", "noise", "small", "empty"};
	struct bytes expected = load(plain[_i]);
	struct bytes sealed;

	ck_assert_int_eq(sandbox_sh(&box,
				    "openssl enc -aes-256-cbc -K " KEY_HEX " -iv " IV_HEX
				    " -in %s -out sealed",
				    plain[_i]),
			 0);
	sealed = load("sealed");
	expect(cbc_of(sealed, 0), 1 << 20, expected);
	expect(cbc_of(sealed, 0), 65, expected);
	expect(cbc_of(sealed, 0), 64, expected);
	expect(cbc_of(sealed, 0), 1, expected);
	refused(cbc_of(sealed, 1), WLT_SEALED_FAULT); /* wrong key: the padding is wrong */
	sealed.len--;
	refused(cbc_of(sealed, 0), WLT_SEALED_FAULT);
	sealed.len = 0;
	refused(cbc_of(sealed, 0), WLT_SEALED_FAULT);
	free(sealed.data);
	free(expected.data);
}
END_TEST

/* Behind the cipher a gzip fault is told in the cipher's words. */
START_TEST(sealed_gzip)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct bytes sealed;
	struct wlt_source *source;

	ck_assert_int_eq(sandbox_sh(&box, "openssl enc -aes-256-cbc -K " KEY_HEX " -iv " IV_HEX
					  " -in text -out sealed"),
			 0);
	sealed = load("sealed");
	source = cbc_of(sealed, 0);
	ck_assert(wlt_source_gunzip(source, true, &source, &err));
	refused(source, WLT_SEALED_FAULT);
	free(sealed.data);
}
END_TEST

/* --- read-ahead --------------------------------------------------------------------------------- */

static struct wlt_source *ahead_of(struct wlt_source *source, bool threaded)
{
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert(wlt_source_ahead(source, threaded, &source, &err));
	return source;
}

START_TEST(ahead_same_bytes)
{
	struct bytes expected;
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "cat text noise text noise >all; gzip -1 <all >z"), 0);
	expected = load("all");
	z = load("z");
	expect(ahead_of(gunzip_of(z), _i == 1), 512, expected);
	expect(ahead_of(gunzip_of(z), _i == 1), 1 << 20, expected);
	expect(ahead_of(raw_of(expected), _i == 1), 100003, expected);
	free(z.data);
	free(expected.data);
}
END_TEST

START_TEST(ahead_passes_errors)
{
	struct bytes z;

	ck_assert_int_eq(sandbox_sh(&box, "cat text noise text noise | gzip -1 >z; printf x >>z"),
			 0);
	z = load("z");
	refused(ahead_of(gunzip_of(z), _i == 1), "bytes follow");
	z.len /= 2;
	refused(ahead_of(gunzip_of(z), _i == 1), "too early");
	free(z.data);
}
END_TEST

START_TEST(ahead_closed_early)
{
	struct bytes noise = load("noise");
	struct wlt_error err = WLT_ERROR_INIT;

	for (size_t n = 0; n < 50; n++) {
		struct wlt_source *source = ahead_of(raw_of(noise), _i == 1);
		uint8_t bytes[100];
		size_t got;

		ck_assert(wlt_source_fill(source, bytes, n, &got, &err));
		ck_assert_uint_eq(got, n);
		wlt_source_close(source);
	}
	free(noise.data);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("source");
	TCase *tcase = tcase_create("stages");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, raw_window);
	tcase_add_test(tcase, raw_became_shorter);
	tcase_add_loop_test(tcase, gzip_program, 0, 6);
	tcase_add_test(tcase, gzip_members);
	tcase_add_test(tcase, gzip_many_members);
	tcase_add_test(tcase, gzip_optional_fields);
	tcase_add_loop_test(tcase, gzip_trailing, 0, 8);
	tcase_add_test(tcase, gzip_truncated);
	tcase_add_test(tcase, gzip_flipped);
	tcase_add_test(tcase, gzip_not);
	tcase_add_loop_test(tcase, cbc_openssl, 0, 4);
	tcase_add_test(tcase, sealed_gzip);
	tcase_add_loop_test(tcase, ahead_same_bytes, 0, 2);
	tcase_add_loop_test(tcase, ahead_passes_errors, 0, 2);
	tcase_add_loop_test(tcase, ahead_closed_early, 0, 2);
	suite_add_tcase(suite, tcase);
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
