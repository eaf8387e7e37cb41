/* SPDX-License-Identifier: MIT */
/* The plaintext store, in memory and spilled. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/package.h"
#include "sandbox.h"

#define TOTAL 300007u

static struct sandbox box;
static uint8_t content[TOTAL];

static void setup(void)
{
	uint32_t state = 1;

	sandbox_make(&box);
	for (size_t i = 0; i < TOTAL; i++) {
		state = state * 1664525u + 1013904223u;
		content[i] = (uint8_t)(state >> 24);
	}
}

static void teardown(void)
{
	sandbox_remove(&box);
}

/* The content, appended in pieces of `step` and sealed. */
static struct wlt_plain *store(uint64_t memory_limit, int dirfd, size_t step)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_plain *plain = NULL;

	ck_assert_msg(wlt_plain_new(memory_limit, dirfd, &plain, &err), "%s", wlt_error_text(&err));
	for (size_t at = 0; at < TOTAL; at += step) {
		size_t n = TOTAL - at < step ? TOTAL - at : step;

		ck_assert_msg(wlt_plain_append(plain, content + at, n, &err), "%s",
			      wlt_error_text(&err));
	}
	ck_assert_uint_eq(wlt_plain_size(plain), TOTAL);
	ck_assert_int_eq(wlt_plain_fd(plain), -1);
	ck_assert_msg(wlt_plain_seal(plain, &err), "%s", wlt_error_text(&err));
	return plain;
}

static void check_range(const struct wlt_plain *plain, uint64_t offset, size_t len)
{
	static uint8_t out[TOTAL + 100];
	struct wlt_error err = WLT_ERROR_INIT;
	size_t expected = offset >= TOTAL        ? 0
			  : len > TOTAL - offset ? (size_t)(TOTAL - offset)
						 : len;
	size_t got = 1;

	memset(out, 0xaa, sizeof(out));
	ck_assert_msg(wlt_plain_read(plain, out, len, offset, &got, &err), "%s",
		      wlt_error_text(&err));
	ck_assert_uint_eq(got, expected);
	if (got > 0)
		ck_assert_mem_eq(out, content + offset, got);
	ck_assert_uint_eq(out[got], 0xaa);
}

static void check_ranges(const struct wlt_plain *plain)
{
	static const size_t lengths[] = {0, 1, 15, 16, 17, 4096, 65535, 65536, 65537, TOTAL};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (uint64_t offset = 0; offset < 40; offset++)
			check_range(plain, offset, lengths[i]);
		check_range(plain, 65536, lengths[i]);
		check_range(plain, TOTAL - 1, lengths[i]);
		check_range(plain, TOTAL, lengths[i]);
		check_range(plain, UINT64_MAX, lengths[i]);
	}
}

START_TEST(in_memory)
{
	struct wlt_plain *plain = store(TOTAL, -1, 1000);
	int fd = wlt_plain_fd(plain);

	ck_assert_uint_eq(wlt_plain_memory(plain), TOTAL);
	ck_assert_int_ge(fd, 0);
	check_ranges(plain);
	wlt_plain_free(plain);
}
END_TEST

START_TEST(sealed_against_change)
{
	struct wlt_plain *plain = store(TOTAL, -1, TOTAL);
	struct wlt_error err = WLT_ERROR_INIT;
	int fd = wlt_plain_fd(plain);

	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(pwrite(fd, "x", 1, TOTAL), -1);
	ck_assert_int_eq(ftruncate(fd, 1), -1);
	ck_assert_int_eq(ftruncate(fd, TOTAL + 1), -1);
	ck_assert_ptr_eq(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), -1);
	ck_assert(!wlt_plain_append(plain, "x", 1, &err));
	ck_assert_int_eq(err.kind, WLT_INTERNAL);
	wlt_error_clear(&err);
	check_range(plain, 0, TOTAL);
	wlt_plain_free(plain);
}
END_TEST

START_TEST(spilled)
{
	static const uint64_t limits[] = {0, 1, 99999, TOTAL - 1};
	static const size_t steps[] = {100, 4097, 70001, TOTAL};

	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 4; j++) {
			struct wlt_plain *plain = store(limits[i], box.fd, steps[j]);

			ck_assert_uint_eq(wlt_plain_memory(plain), 0);
			ck_assert_int_eq(wlt_plain_fd(plain), -1);
			check_range(plain, 0, TOTAL);
			if (j == 1)
				check_ranges(plain);
			wlt_plain_free(plain);
		}
	}
	/* It has no name. */
	ck_assert_int_eq(sandbox_sh(&box, "test -z \"$(ls -A)\""), 0);
}
END_TEST

/* Is `needle` in the open file `fd`? */
static bool file_holds(int fd, const void *needle, size_t len)
{
	static uint8_t bytes[TOTAL + 1];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

	return n > 0 && memmem(bytes, (size_t)n, needle, len) != NULL;
}

/* Every file descriptor of ours that lies in the box: none of them holds any of the content. */
START_TEST(spilled_encrypted)
{
	struct wlt_plain *plain = store(1000, box.fd, 4096);
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat st;
	struct stat box_st;
	unsigned files = 0;

	ck_assert_ptr_nonnull(dir);
	ck_assert_int_eq(fstat(box.fd, &box_st), 0);
	while ((entry = readdir(dir)) != NULL) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] == '.' || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		    st.st_size != TOTAL)
			continue;
		ck_assert_uint_eq(st.st_nlink, 0);
		ck_assert_uint_eq(st.st_mode & 07777, 0600);
		for (size_t at = 0; at + 16 < TOTAL; at += 9973)
			ck_assert(!file_holds(fd, content + at, 16));
		files++;
	}
	ck_assert_int_eq(closedir(dir), 0);
	ck_assert_uint_eq(files, 1);
	wlt_plain_free(plain);
}
END_TEST

START_TEST(nowhere_to_spill)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_plain *plain = NULL;

	ck_assert(wlt_plain_new(10, -1, &plain, &err));
	ck_assert(wlt_plain_append(plain, "0123456789", 10, &err));
	ck_assert(!wlt_plain_append(plain, "x", 1, &err));
	ck_assert_int_eq(err.kind, WLT_TOO_BIG);
	wlt_error_clear(&err);
	wlt_plain_free(plain);
	/* A folder that takes no file. */
	ck_assert(wlt_plain_new(10, open("/proc", O_PATH | O_CLOEXEC), &plain, &err));
	ck_assert(!wlt_plain_append(plain, "0123456789x", 11, &err));
	ck_assert_str_ne(wlt_error_text(&err), "");
	wlt_error_clear(&err);
	wlt_plain_free(plain);
	wlt_plain_free(NULL);
}
END_TEST

START_TEST(empty)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_plain *plain = NULL;
	char c;
	size_t got = 1;

	ck_assert(wlt_plain_new(0, -1, &plain, &err));
	ck_assert(wlt_plain_append(plain, "", 0, &err));
	ck_assert(wlt_plain_seal(plain, &err));
	ck_assert_uint_eq(wlt_plain_size(plain), 0);
	ck_assert_int_ge(wlt_plain_fd(plain), 0);
	ck_assert(wlt_plain_read(plain, &c, 1, 0, &got, &err));
	ck_assert_uint_eq(got, 0);
	wlt_plain_free(plain);
}
END_TEST

static void *reader(void *context)
{
	const struct wlt_plain *plain = context;
	uint8_t out[1000];
	struct wlt_error err = WLT_ERROR_INIT;
	size_t wrong = 0;

	for (size_t at = 0; at < TOTAL; at += 777) {
		size_t got;

		if (!wlt_plain_read(plain, out, sizeof(out), at, &got, &err) ||
		    memcmp(out, content + at, got) != 0)
			wrong++;
	}
	return (void *)wrong;
}

START_TEST(many_readers)
{
	struct wlt_plain *plain = store(_i == 0 ? TOTAL : 0, box.fd, 4096);
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, plain), 0);
	for (size_t i = 0; i < 4; i++) {
		void *wrong;

		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
	wlt_plain_free(plain);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("plain");
	TCase *tcase = tcase_create("store");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, in_memory);
	tcase_add_test(tcase, sealed_against_change);
	tcase_add_test(tcase, spilled);
	tcase_add_test(tcase, spilled_encrypted);
	tcase_add_test(tcase, nowhere_to_spill);
	tcase_add_test(tcase, empty);
	tcase_add_loop_test(tcase, many_readers, 0, 2);
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
