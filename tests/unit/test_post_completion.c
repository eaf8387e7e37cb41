/* SPDX-License-Identifier: MIT */
/* Sequences of events with a clock made by hand. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "post/completion.h"
#include "scratch.h"

#define GRACE  200
#define SETTLE 3000

static const struct wlt_completion_times times = {.grace_ms = GRACE, .settle_ms = SETTLE};

/*
 * A script is a list of words `EVENT@TIME`:
 *   B begin   E end   O opened   C closed   J a writer joins
 *   s f u     a writer leaves: with success, failed, unknown
 *   w         an operation of somebody unknown
 *   x         a write failed   h held   l let go   !  forced
 *   e t       a look finds it empty, or temporary names
 *   R         restart
 */
static void apply(struct wlt_completion *completion, char event, int64_t now)
{
	switch (event) {
	case 'B':
		wlt_completion_begin(completion, now);
		break;
	case 'E':
		wlt_completion_end(completion, now);
		break;
	case 'O':
		wlt_completion_opened(completion, now);
		break;
	case 'C':
		wlt_completion_closed(completion, now);
		break;
	case 'J':
		wlt_completion_joined(completion);
		break;
	case 's':
		wlt_completion_left(completion, WLT_WRITER_SUCCEEDED, now);
		break;
	case 'f':
		wlt_completion_left(completion, WLT_WRITER_FAILED, now);
		break;
	case 'u':
		wlt_completion_left(completion, WLT_WRITER_UNKNOWN, now);
		break;
	case 'w':
		completion->unknown = true;
		break;
	case 'x':
		completion->spoiled = ENOSPC;
		break;
	case 'h':
		completion->held = true;
		break;
	case 'l':
		completion->held = false;
		break;
	case '!':
		completion->forced = true;
		break;
	case 'e':
		wlt_completion_found(completion, WLT_FOUND_EMPTY);
		break;
	case 't':
		wlt_completion_found(completion, WLT_FOUND_TEMPORARY);
		break;
	case 'R':
		wlt_completion_restart(completion, now);
		break;
	default:
		ck_abort_msg("no event %c", event);
	}
}

static const struct sequence {
	const char *script;
	int64_t due; /* when it is done; WLT_NEVER */
	enum wlt_step step;
	bool by_time;
} sequences[] = {
	/* One program that exits with success: the grace after its exit. */
	{"J0 B0 E10 s20", 20 + GRACE, WLT_STEP_COMPLETE, false},
	/* Nobody known has written (renamed, an option set): the grace. */
	{"R0", GRACE, WLT_STEP_COMPLETE, false},
	/* The exit comes long after the last operation. */
	{"J0 B0 E10 s2000", 2000 + GRACE, WLT_STEP_COMPLETE, false},
	/* A writer that lives on: the settle time after the last operation. */
	{"J0 B0 E10", 10 + SETTLE, WLT_STEP_COMPLETE, true},
	/* Two writers, one of them lives on. */
	{"J0 B0 E1 J2 B2 E3 s4", 4 + SETTLE, WLT_STEP_COMPLETE, true},
	{"J0 B0 E1 J2 B2 E3 s4 s9", 9 + GRACE, WLT_STEP_COMPLETE, false},
	/* A writer whose end tells nothing, and one that could not be watched. */
	{"J0 B0 E10 u20", 20 + SETTLE, WLT_STEP_COMPLETE, true},
	{"w0 B0 E10", 10 + SETTLE, WLT_STEP_COMPLETE, true},
	{"w0 J0 B0 E10 s20", 20 + SETTLE, WLT_STEP_COMPLETE, true},
	/* An operation in progress, or an open handle, is waited for, however long. */
	{"J0 B0 s20", WLT_NEVER, WLT_STEP_WAIT, false},
	{"J0 O0 B0 E1 s20", WLT_NEVER, WLT_STEP_WAIT, false},
	{"J0 O0 B0 E1 s20 C9000", 9000 + GRACE, WLT_STEP_COMPLETE, false},
	{"J0 O0 O0 C1 s20", WLT_NEVER, WLT_STEP_WAIT, false},
	/* The quiet time begins anew with each operation. */
	{"J0 B0 E1 B2900 E2900", 2900 + SETTLE, WLT_STEP_COMPLETE, true},
	/* A program that failed or was killed. */
	{"J0 B0 E10 f20", 20 + GRACE, WLT_STEP_INTERRUPT, false},
	{"J0 B0 E1 J2 f4 s9", 9 + GRACE, WLT_STEP_INTERRUPT, false},
	/* … while another one is still busy: not before that is quiet. */
	{"J0 B0 E1 J2 B2 E3 f4", 4 + SETTLE, WLT_STEP_INTERRUPT, true},
	/* … and again, from the beginning, with success. */
	{"J0 B0 E10 f20 R5000 J5000 B5000 E5001 s5002", 5002 + GRACE, WLT_STEP_COMPLETE, false},
	/* A write failed: interrupted even when the program exits with success. */
	{"J0 B0 x0 E10 s20", 20 + GRACE, WLT_STEP_INTERRUPT, false},
	{"J0 B0 x0 E10 s20 R30 J30 s40", 40 + GRACE, WLT_STEP_COMPLETE, false},
	/* Held by its user, until it is not. */
	{"h0 J0 B0 E10 s20", WLT_NEVER, WLT_STEP_WAIT, false},
	{"h0 J0 B0 E10 s20 l9000", 20 + GRACE, WLT_STEP_COMPLETE, false},
	{"h0 J0 B0 E10 s20 !30", WLT_NEVER, WLT_STEP_WAIT, false},
	/* A hold does not hide a failure. */
	{"h0 J0 B0 E10 f20", 20 + GRACE, WLT_STEP_INTERRUPT, false},
	/* Asked for now: no quiet time, but no operation is cut in two. */
	{"J0 B0 E10 !20", 10, WLT_STEP_COMPLETE, false},
	{"J0 B0 !20", WLT_NEVER, WLT_STEP_WAIT, false},
	{"J0 B0 E10 f15 !20", 15, WLT_STEP_INTERRUPT, false},
	{"J0 B0 x5 E10 s15 !20", 15, WLT_STEP_INTERRUPT, false},
	/* Found empty: longer; then its emptiness is somebody else's judgement. */
	{"J0 B0 E10 s20 e220", 20 + SETTLE, WLT_STEP_COMPLETE, false},
	{"J0 B0 E10 s20 e220 B300 E300", 300 + GRACE, WLT_STEP_COMPLETE, false},
	/* Unfinished files: much longer, and if they are still there nobody is going to finish. */
	{"J0 B0 E10 t3010", 10 + WLT_TEMPORARY_PATIENCE *SETTLE, WLT_STEP_INTERRUPT, true},
	{"J0 B0 E10 t3010 B4000 E4000", 4000 + SETTLE, WLT_STEP_COMPLETE, true},
	{"J0 B0 E10 t3010 !3011", 10, WLT_STEP_COMPLETE, false},
};

static int64_t play(const char *script, struct wlt_completion *completion)
{
	char copy[256];
	char *rest = copy;
	char *word;
	int64_t now = 0;

	(void)memset(completion, 0, sizeof(*completion));
	(void)strncpy(copy, script, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	while ((word = strsep(&rest, " ")) != NULL) {
		now = strtoll(word + 1, NULL, 10);
		apply(completion, word[0], now);
	}
	return now;
}

START_TEST(sequence_comes_to_its_end)
{
	const struct sequence *sequence = &sequences[_i];
	struct wlt_completion completion;
	int64_t now = play(sequence->script, &completion);
	int64_t wake = 0;
	enum wlt_step step = wlt_completion_step(&completion, &times, now, &wake);

	ck_assert_int_eq(wlt_completion_by_time(&completion), sequence->by_time);
	if (sequence->due == WLT_NEVER) {
		ck_assert_int_eq(step, WLT_STEP_WAIT);
		ck_assert_int_eq(wake, WLT_NEVER);
		ck_assert_int_eq(wlt_completion_step(&completion, &times, now + 1000000000, &wake),
				 WLT_STEP_WAIT);
		return;
	}
	if (now < sequence->due) {
		ck_assert_msg(step == WLT_STEP_WAIT, "%s: too early", sequence->script);
		ck_assert_msg(wake == sequence->due, "%s: due %lld", sequence->script,
			      (long long)wake);
		ck_assert_int_eq(wlt_completion_step(&completion, &times, wake - 1, &wake),
				 WLT_STEP_WAIT);
	}
	now = now < sequence->due ? sequence->due : now;
	ck_assert_msg(wlt_completion_step(&completion, &times, now, &wake) == sequence->step,
		      "%s: other outcome", sequence->script);
}
END_TEST

START_TEST(unbalanced_events_do_no_harm)
{
	struct wlt_completion completion;
	int64_t wake;

	(void)play("E0 C0 s0 E1", &completion);
	ck_assert_uint_eq(completion.operations, 0);
	ck_assert_uint_eq(completion.handles, 0);
	ck_assert_uint_eq(completion.running, 0);
	ck_assert_int_eq(wlt_completion_step(&completion, &times, 1 + GRACE, &wake),
			 WLT_STEP_COMPLETE);
}
END_TEST

START_TEST(temporary_names)
{
	static const char *const yes[] = {
		".notes.md.x8Kq2Z", ".goutputstream-ABC123",
		"film.part",        "a.filepart",
		"b.crdownload",     "c.kate-swp",
		".~tmp~",           ".a.Bcdefg",
	};
	static const char *const no[] = {
		"notes.md", ".editor.config", ".gitignore", "part",  ".part", "a.parts",
		".x8Kq2Z",  "x.y.x8Kq2Z",     ".a.x8Kq2",   "~tmp~", "",      ".a.x8K-2Z",
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		ck_assert_msg(wlt_name_is_temporary(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ck_assert_msg(!wlt_name_is_temporary(no[i]), "%s", no[i]);
}
END_TEST

START_TEST(unfinished_names)
{
	ck_assert(wlt_name_is_unfinished(".nova.walnut.x8Kq2Z"));
	ck_assert(wlt_name_is_unfinished("nova.walnut.part"));
	ck_assert(wlt_name_is_unfinished("nova.walnut.crdownload"));
	ck_assert(!wlt_name_is_unfinished("nova"));
	ck_assert(!wlt_name_is_unfinished("nova.walnut"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("post: completion");
	TCase *tcase = tcase_create("sequences");

	tcase_add_loop_test(tcase, sequence_comes_to_its_end, 0,
			    (int)(sizeof(sequences) / sizeof(sequences[0])));
	tcase_add_test(tcase, unbalanced_events_do_no_harm);
	tcase_add_test(tcase, temporary_names);
	tcase_add_test(tcase, unfinished_names);
	suite_add_tcase(suite, tcase);
	return scratch_run_suite(suite);
}
