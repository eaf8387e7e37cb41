/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/deflate_pool.h"
#include "package/deflater.h"
#include "package/sink.h"
#include "sandbox.h"

static struct sandbox box;

static void set_up(void)
{
	sandbox_make(&box);
}

static void tear_down(void)
{
	sandbox_remove(&box);
}

/* Bytes of three kinds in turn, by the 100 KiB: noise, text, zeroes. */
static char *make_input(size_t len)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog, again and again. ";
	char *bytes = malloc(len + 1);
	unsigned noise = 1;

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < len; i++) {
		noise = noise * 1664525u + 1013904223u;
		switch (i / 102400 % 3) {
		case 0:
			bytes[i] = (char)(noise >> 24);
			break;
		case 1:
			bytes[i] = noise >> 28 == 0 ? 'x' : text[i % (sizeof(text) - 1)];
			break;
		default:
			bytes[i] = 0;
		}
	}
	return bytes;
}

/* Send `len` bytes in pieces of `piece` through gzip into FILE. */
static void zip(const char *file, unsigned threads, const char *bytes, size_t len, size_t piece)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_sink *sink = NULL;
	int fd = sandbox_create(&box, file);

	ck_assert(wlt_sink_fd(fd, &sink, &err));
	ck_assert(wlt_sink_gzip(threads, sink, &sink, &err));
	for (size_t at = 0; at < len; at += piece)
		ck_assert(wlt_sink_write(sink, bytes + at, len - at < piece ? len - at : piece,
					 &err));
	ck_assert(wlt_sink_finish(sink, &err));
	wlt_sink_close(sink);
	ck_assert_int_eq(close(fd), 0);
}

/* Around the borders of a block, and enough blocks that every place of the pool is used again. */
static const size_t sizes[] = {0,
			       1,
			       1000,
			       WLT_DEFLATE_BLOCK - 1,
			       WLT_DEFLATE_BLOCK,
			       WLT_DEFLATE_BLOCK + 1,
			       2 * WLT_DEFLATE_BLOCK,
			       25 * WLT_DEFLATE_BLOCK + 77};

START_TEST(test_gunzip_agrees)
{
	char *bytes = make_input(sizes[_i]);

	sandbox_put_bytes(&box, "in", bytes, sizes[_i]);
	zip("one.gz", 1, bytes, sizes[_i], 1 << 20);
	zip("four.gz", 4, bytes, sizes[_i], 70001);
	zip("auto.gz", 0, bytes, sizes[_i], 262144);
	ck_assert_int_eq(sandbox_sh(&box, "gzip -dc one.gz | cmp - in && gzip -t one.gz"), 0);
	/* The bytes do not depend on threads or on how the input was cut. */
	ck_assert_int_eq(sandbox_sh(&box, "cmp one.gz four.gz && cmp one.gz auto.gz"), 0);
	free(bytes);
}
END_TEST

/* Something like prose: made-up words, the first of the list by far the most frequent. */
static char *make_prose(size_t len)
{
	static char words[2000][12];
	char *text = malloc(len + 16);
	unsigned noise = 3;
	size_t at = 0;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < 2000; i++) {
		noise = noise * 1664525u + 1013904223u;
		for (unsigned k = 0; k < 2 + (noise >> 24) % 8; k++)
			words[i][k] = (char)('a' + (noise >> k) % 26);
	}
	while (at < len) {
		double where;

		noise = noise * 1664525u + 1013904223u;
		where = (noise >> 8) / 16777216.0;
		strcpy(text + at, words[(size_t)(where * where * where * 2000)]);
		at += strlen(text + at);
		text[at++] = noise >> 28 == 0 ? '\n' : ' ';
	}
	return text;
}

/* As small as gzip makes it, but for a per cent or two, where most walnuts lie; words in random order
 * suit the fast compressor least, and real trees come out much closer than this. */
static const struct {
	size_t len;
	int percent;
} nearness[] = {{10000, 101},
		{100000, 101},
		{(size_t)WLT_THOROUGH_BLOCKS * WLT_DEFLATE_BLOCK, 102},
		{8u << 20, 125}};

START_TEST(test_size_near_gzip)
{
	size_t len = nearness[_i].len;
	char *text = make_prose(len);

	sandbox_put_bytes(&box, "in", text, len);
	zip("ours.gz", 0, text, len, 262144);
	ck_assert_int_eq(sandbox_sh(&box,
				    "gzip -6c in >theirs.gz; test $(stat -c %%s ours.gz) -le "
				    "$(($(stat -c %%s theirs.gz) * %d / 100))",
				    nearness[_i].percent),
			 0);
	free(text);
}
END_TEST

static void check_deflater(struct wlt_deflater *deflater)
{
	uint8_t *out = malloc(WLT_DEFLATE_BOUND);
	static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
	static const uint8_t end[2] = {3, 0};
	/* Noise alone, which grows; and the mixture. */
	size_t lengths[] = {1, 102400, WLT_DEFLATE_BLOCK};
	char *bytes = make_input(WLT_DEFLATE_BLOCK);

	ck_assert_ptr_nonnull(deflater);
	ck_assert_ptr_nonnull(out);
	for (size_t i = 0; i < 3; i++) {
		uint32_t trailer[2] = {0, (uint32_t)lengths[i]};
		int fd = sandbox_create(&box, "x.gz");
		size_t made = 0;

		ck_assert(deflater->run(deflater, (const uint8_t *)bytes, lengths[i], out, &made,
					&trailer[0]));
		ck_assert_uint_le(made, WLT_DEFLATE_BOUND);
		ck_assert_int_eq(write(fd, head, 10), 10);
		ck_assert_int_eq(write(fd, out, made), (ssize_t)made);
		ck_assert_int_eq(write(fd, end, 2), 2);
		ck_assert_int_eq(write(fd, trailer, 8), 8); /* as it lies here: little-endian */
		ck_assert_int_eq(close(fd), 0);
		sandbox_put_bytes(&box, "in", bytes, lengths[i]);
		ck_assert_int_eq(sandbox_sh(&box, "gzip -dc x.gz | cmp - in"), 0);
	}
	free(bytes);
	free(out);
	wlt_deflater_free(deflater);
}

START_TEST(test_zlib)
{
	check_deflater(wlt_deflater_zlib());
}
END_TEST

#ifdef HAVE_ISAL
START_TEST(test_isal)
{
	check_deflater(wlt_deflater_isal());
}
END_TEST
#endif

START_TEST(test_cbc_padding)
{
	/* Lengths around the cipher's block, and one beyond the buffer inside. */
	static const size_t lengths[] = {0, 1, 15, 16, 17, 262144, 600001};
	static const uint8_t key[32] = {1, 2, 3};
	static const uint8_t iv[16] = {9, 8, 7};
	struct wlt_error err = WLT_ERROR_INIT;
	size_t len = lengths[_i];
	char *bytes = make_input(len);
	struct wlt_sink *sink = NULL;
	int fd = sandbox_create(&box, "enc");

	ck_assert(wlt_sink_fd(fd, &sink, &err) && wlt_sink_cbc(key, iv, sink, &sink, &err));
	ck_assert(len == 0 || wlt_sink_write(sink, bytes, len / 3, &err));
	ck_assert(len == 0 || wlt_sink_write(sink, bytes + len / 3, len - len / 3, &err));
	ck_assert(wlt_sink_finish(sink, &err));
	wlt_sink_close(sink);
	ck_assert_int_eq(close(fd), 0);
	sandbox_put_bytes(&box, "in", bytes, len);
	ck_assert_int_eq(
		sandbox_sh(&box,
			   "openssl enc -d -aes-256-cbc -K 010203%058d -iv 090807%026d -in "
			   "enc | cmp - in",
			   0, 0),
		0);
	free(bytes);
}
END_TEST

START_TEST(test_write_fails)
{
	/* More than the pool holds, so that writing begins before the end. */
	size_t len = 30 * (size_t)WLT_DEFLATE_BLOCK;
	char *bytes = make_input(len);
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_sink *sink = NULL;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert(wlt_sink_fd(fd, &sink, &err) && wlt_sink_gzip(2, sink, &sink, &err));
	ck_assert(!wlt_sink_write(sink, bytes, len, &err));
	ck_assert_int_eq(err.errnum, ENOSPC);
	wlt_sink_close(sink);
	ck_assert_int_eq(close(fd), 0);
	wlt_error_clear(&err);
	free(bytes);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("gzip");
	TCase *t = tcase_create("gzip");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_gunzip_agrees, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_loop_test(t, test_size_near_gzip, 0, sizeof(nearness) / sizeof(nearness[0]));
	tcase_add_test(t, test_zlib);
#ifdef HAVE_ISAL
	tcase_add_test(t, test_isal);
#endif
	tcase_add_loop_test(t, test_cbc_padding, 0, 7);
	tcase_add_test(t, test_write_fails);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
