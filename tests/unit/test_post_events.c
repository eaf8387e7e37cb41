/* SPDX-License-Identifier: MIT */
/* The events file, and the pauses between attempts. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "post/backoff.h"
#include "post/events.h"
#include "scratch.h"

static struct wlt_events open_events(const char *folder, int *dirfd)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_events events;

	ck_assert(mkdir(folder, 0700) == 0 || errno == EEXIST);
	*dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_works(wlt_events_open(&events, *dirfd, &err), &err);
	return events;
}

START_TEST(one_line_each)
{
	const struct wlt_event first = {.event = "sent", .peer = "ben", .drop = "a \"b\"\nc"};
	const struct wlt_event second = {.event = "rejected", .reason = "why"};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *line = NULL;
	WLT_AUTOCLOSE int dirfd = -1;
	struct wlt_events events = open_events("lines", &dirfd);
	const char *end;

	wlt_events_append(&events, &first);
	wlt_events_append(&events, &second);
	text = scratch_read("lines/events");
	ck_assert_int_eq(wlt_events_size(&events), (int64_t)text.len);
	end = strchr(text.data, '\n');
	ck_assert_ptr_nonnull(end);
	ck_assert_works(wlt_json_parse(text.data, (size_t)(end - text.data), &line, &err), &err);
	ck_assert_str_eq(wlt_json_string(line, "event"), "sent");
	ck_assert_str_eq(wlt_json_string(line, "peer"), "ben");
	ck_assert_str_eq(wlt_json_string(line, "drop"), "a \"b\"\nc");
	ck_assert_uint_eq(strlen(wlt_json_string(line, "time")), 20);
	ck_assert_ptr_null(wlt_json_string(line, "reason"));
	ck_assert_ptr_nonnull(strstr(end + 1, "\"rejected\""));
	ck_assert_int_eq(text.data[text.len - 1], '\n');
	wlt_events_close(&events);

	/* A later run goes on where this one ended. */
	events = open_events("lines", &(int){-1});
	ck_assert_int_eq(wlt_events_size(&events), (int64_t)text.len);
	wlt_events_close(&events);
}
END_TEST

START_TEST(long_file_is_put_aside)
{
	const struct wlt_event event = {.event = "arrived", .reason = "0123456789"};
	WLT_AUTOCLOSE int dirfd = -1;
	WLT_AUTOCLOSE int reader = -1;
	struct wlt_events events = open_events("long", &dirfd);
	struct stat old;
	struct stat now;
	off_t before;

	events.most = 1000;
	for (int i = 0; i < 30; i++)
		wlt_events_append(&events, &event);
	ck_assert_int_eq(fstatat(dirfd, "events.1", &old, 0), 0);
	ck_assert_int_eq(fstatat(dirfd, "events", &now, 0), 0);
	ck_assert_int_le(old.st_size, 1000);
	ck_assert_int_gt(old.st_size, 800);
	ck_assert_int_le(now.st_size, 1000);
	ck_assert_int_eq(wlt_events_size(&events), now.st_size);
	/* Who has the file open sees the whole of the old one; who opens it sees the new one. */
	reader = wlt_events_reader(&events);
	ck_assert_int_ge(reader, 0);
	before = lseek(reader, 0, SEEK_END);
	ck_assert_int_eq(before, now.st_size);
	wlt_events_close(&events);
}
END_TEST

#define WRITERS 4
#define LINES   200

static void *append_many(void *events)
{
	const struct wlt_event event = {.event = "arrived", .peer = "ben"};

	for (int i = 0; i < LINES; i++)
		wlt_events_append(events, &event);
	return NULL;
}

START_TEST(threads_do_not_mix_lines)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTOCLOSE int dirfd = -1;
	struct wlt_events events = open_events("threads", &dirfd);
	pthread_t threads[WRITERS];
	size_t lines = 0;

	for (int i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, append_many, &events), 0);
	for (int i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	text = scratch_read("threads/events");
	for (char *at = text.data; *at != '\0'; lines++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		WLT_AUTO(wlt_json_put) struct json_object *line = NULL;
		char *end = strchr(at, '\n');

		ck_assert_ptr_nonnull(end);
		ck_assert_works(wlt_json_parse(at, (size_t)(end - at), &line, &err), &err);
		at = end + 1;
	}
	ck_assert_uint_eq(lines, WRITERS * LINES);
	wlt_events_close(&events);
}
END_TEST

/* --- pauses ------------------------------------------------------------------------------------- */

START_TEST(pauses_double_up_to_ten_minutes)
{
	static const int64_t full[] = {1000,  2000,   4000,   8000,   16000,  32000,
				       64000, 128000, 256000, 512000, 600000, 600000};

	for (unsigned i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		int64_t least = wlt_backoff_ms(i + 1, 0);
		int64_t most = wlt_backoff_ms(i + 1, (uint32_t)(full[i] / 2));

		ck_assert_int_eq(least, full[i] / 2);
		ck_assert_int_eq(most, full[i]);
	}
	ck_assert_int_eq(wlt_backoff_ms(4000000000u, 0), 300000);
	for (uint32_t random = 1; random != 0; random <<= 1) {
		int64_t pause = wlt_backoff_ms(3, random - 1);

		ck_assert_int_ge(pause, 2000);
		ck_assert_int_le(pause, 4000);
	}
}
END_TEST

START_TEST(what_is_tried_again)
{
	static const struct {
		enum wlt_kind kind;
		int errnum;
		bool push;
		bool packing;
	} cases[] = {
		{WLT_UNREACHABLE, 0, true, false}, {WLT_MISSING, 0, true, false},
		{WLT_REFUSED, 0, false, false},    {WLT_TOO_BIG, 0, false, false},
		{WLT_SYSTEM, ENOSPC, true, true},  {WLT_SYSTEM, EACCES, true, false},
		{WLT_BUSY, 0, true, true},         {WLT_NO_MEMORY, 0, true, true},
		{WLT_NO_KEY, 0, false, false},     {WLT_DAMAGED, 0, false, false},
		{WLT_INTERNAL, 0, true, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wlt_error err = {.kind = cases[i].kind, .errnum = cases[i].errnum};

		ck_assert_msg(wlt_push_may_pass(&err) == cases[i].push, "push %s",
			      wlt_kind_name(err.kind));
		ck_assert_msg(wlt_packing_may_pass(&err) == cases[i].packing, "packing %s",
			      wlt_kind_name(err.kind));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("post: events");
	TCase *tcase = tcase_create("file");

	tcase_add_test(tcase, one_line_each);
	tcase_add_test(tcase, long_file_is_put_aside);
	tcase_add_test(tcase, threads_do_not_mix_lines);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("pauses");
	tcase_add_test(tcase, pauses_double_up_to_ten_minutes);
	tcase_add_test(tcase, what_is_tried_again);
	suite_add_tcase(suite, tcase);
	return scratch_run_suite(suite);
}
