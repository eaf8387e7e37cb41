/* SPDX-License-Identifier: MIT */
/* Drops: what programs do to them, their records, and what a restart makes of them. No relay answers. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "post/post_private.h"
#include "post_help.h"
#include "scratch.h"

static struct help_user amy;

static void one_user(void)
{
	help_folder();
	help_user_forge(&amy, "amy");
}

static struct wlt_drop *make_drop(struct wlt_post *post, const char *peer, const char *name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_drop *drop = NULL;

	ck_assert_works(wlt_drop_create(post, peer, name, &drop, &err), &err);
	return drop;
}

/* The number in an attribute-like member of the record on disk. */
static char *record_text(const struct wlt_drop *drop)
{
	char path[256];
	struct wlt_buf text;

	(void)snprintf(path, sizeof(path), "amy/state/spool/%s/drop.json", drop->id);
	text = scratch_read(path);
	return text.data;
}

static bool record_says(const struct wlt_drop *drop, const char *words)
{
	WLT_AUTOFREE char *text = record_text(drop);

	return strstr(text, words) != NULL;
}

/* --- the outbox --------------------------------------------------------------------------------- */

START_TEST(names_and_peers)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_strings_free) struct wlt_strings list = {NULL, 0};
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = make_drop(post, "ben", "nova");
	struct wlt_drop *none = NULL;

	ck_assert_works(wlt_post_peers(post, &list, &err), &err);
	ck_assert_uint_eq(list.n, 2);
	ck_assert_str_eq(list.items[0], "ben");
	ck_assert_str_eq(list.items[1], "dan");
	ck_assert_fails(wlt_drop_create(post, "ben", "nova", &none, &err), &err, WLT_EXISTS);
	ck_assert_fails(wlt_drop_create(post, "cara", "nova", &none, &err), &err, WLT_MISSING);
	ck_assert_fails(wlt_drop_create(post, "nobody", "nova", &none, &err), &err, WLT_MISSING);
	ck_assert(!wlt_drop_create(post, "ben", "..", &none, &err));
	ck_assert(!wlt_drop_create(post, "../x", "nova", &none, &err));
	HELP_WAIT(scratch_count("amy/state/spool") == 1);
	wlt_strings_free(&list);
	ck_assert_works(wlt_drop_list(post, "ben", &list, &err), &err);
	ck_assert_uint_eq(list.n, 1);
	ck_assert_ptr_null(wlt_drop_find(post, "dan", "nova"));
	none = wlt_drop_find(post, "ben", "nova");
	ck_assert_ptr_eq(none, drop);
	wlt_drop_unref(none);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(second_instance_is_refused)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_post_options options = help_options(&amy);
	struct wlt_post *other = NULL;

	ck_assert_fails(wlt_post_start(&options, &other, &err), &err, WLT_BUSY);
	wlt_post_stop(post);
	post = help_office(&amy, NULL);
	wlt_post_stop(post);
}
END_TEST

START_TEST(attributes)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_strings_free) struct wlt_strings names = {NULL, 0};
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = make_drop(post, "ben", "nova");
	char *value = NULL;

	ck_assert_int_eq(wlt_drop_set(drop, "scope", "full", 4), 0);
	ck_assert_int_eq(wlt_drop_set(drop, "scope", "everything", 10), EINVAL);
	ck_assert_int_eq(wlt_drop_set(drop, "description", "a plan", 6), 0);
	ck_assert_int_eq(wlt_drop_set(drop, "note", "two\nlines", 9), EINVAL);
	ck_assert_int_eq(wlt_drop_set(drop, "note", "a \"quote\"", 9), EINVAL);
	ck_assert_int_eq(wlt_drop_set(drop, "note", "\xff", 1), EINVAL);
	ck_assert_int_eq(wlt_drop_set(drop, "note", "a\0b", 3), EINVAL);
	ck_assert_int_eq(wlt_drop_set(drop, "exclude", "*.psd\nraw/**", 12), 0);
	ck_assert_int_eq(wlt_drop_set(drop, "hold", "", 0), 0);
	ck_assert_int_eq(wlt_drop_set(drop, "hold", "maybe", 5), EINVAL);
	ck_assert_int_eq(wlt_drop_set(drop, "state", "sent", 4), EPERM);
	ck_assert_int_eq(wlt_drop_set(drop, "colour", "red", 3), EINVAL);
	ck_assert_int_eq(wlt_drop_unset(drop, "state"), EPERM);
	ck_assert_int_eq(wlt_drop_unset(drop, "preset"), ENODATA);
	ck_assert_int_eq(wlt_drop_unset(drop, "colour"), ENODATA);
	help_attribute_has(drop, "exclude", "*.psd,raw/**");
	help_attribute_has(drop, "state", "staging");
	ck_assert_int_eq(wlt_drop_get(drop, "error", &value), ENODATA);
	ck_assert_int_eq(wlt_drop_get(drop, "package", &value), ENODATA);
	ck_assert_works(wlt_drop_attributes(drop, &names, &err), &err);
	ck_assert(wlt_strings_contain(&names, "state"));
	ck_assert(wlt_strings_contain(&names, "hold"));
	ck_assert(!wlt_strings_contain(&names, "error"));
	HELP_WAIT(record_says(drop, "\"description\": \"a plan\""));
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

/* --- completion --------------------------------------------------------------------------------- */

START_TEST(writer_that_failed_interrupts)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = help_dropped(post, "ben", "nova", HELP_EXIT_3);
	struct wlt_drop *killed = help_dropped(post, "dan", "nova", HELP_KILLED);

	HELP_WAIT(!help_state_is(drop, "staging") && !help_state_is(killed, "staging"));
	/* An older kernel cannot tell: the drop is complete by time then, and lacks a key. */
	if (help_state_is(drop, "interrupted")) {
		help_attribute_has(drop, "error", "failed or was killed");
		ck_assert(help_state_is(killed, "interrupted"));
		ck_assert_int_eq(help_events(&amy, "interrupted"), 2);
		/* Copied again, with success this time: it goes on. */
		ck_assert_int_eq(wlt_drop_begin(drop, 0), 0);
		ck_assert(help_state_is(drop, "staging"));
		wlt_drop_end(drop);
		HELP_WAIT(help_state_is(drop, "rejected"));
	}
	wlt_drop_unref(killed);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(no_key_is_a_reason)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = help_dropped(post, "ben", "nova", HELP_EXIT_0);

	HELP_WAIT(help_state_is(drop, "rejected"));
	help_attribute_has(drop, "error", "no key for ben");
	ck_assert_int_eq(help_events(&amy, "rejected"), 1);
	HELP_WAIT(record_says(drop, "\"state\": \"rejected\""));
	wlt_drop_unref(drop);
	wlt_post_stop(post);
	/* It stays so, with its reason, over a restart. */
	post = help_office(&amy, NULL);
	drop = wlt_drop_find(post, "ben", "nova");
	ck_assert_ptr_nonnull(drop);
	ck_assert(help_state_is(drop, "rejected"));
	help_attribute_has(drop, "error", "no key for ben");
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(spoiled_drop_is_not_sent)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = make_drop(post, "ben", "nova");

	ck_assert_int_eq(wlt_drop_begin(drop, 0), 0);
	wlt_drop_spoiled(drop, ENOSPC);
	wlt_drop_end(drop);
	HELP_WAIT(help_state_is(drop, "interrupted"));
	help_attribute_has(drop, "error", "No space left");
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(not_a_walnut)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = make_drop(post, "ben", "empty");
	long long begin = help_clock();

	ck_assert_int_eq(wlt_drop_begin(drop, getpid()), 0);
	ck_assert_int_eq(mkdirat(wlt_drop_tree_fd(drop), "empty", 0755), 0);
	wlt_drop_end(drop);
	HELP_WAIT(help_state_is(drop, "rejected"));
	/* Something may still have come into it. */
	ck_assert_int_ge(help_clock() - begin, HELP_SETTLE_MS);
	help_attribute_has(drop, "error", "not a walnut");
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(unfinished_files_are_waited_for)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = make_drop(post, "ben", "nova");
	pid_t pid = help_drop_walnut(drop, "nova", HELP_LIVES_ON);
	int tree = wlt_drop_tree_fd(drop);
	long long begin = help_clock();

	ck_assert_int_eq(close(openat(tree, "nova/.big.bin.Xy12Zq", O_WRONLY | O_CREAT, 0600)), 0);
	HELP_WAIT(help_state_is(drop, "interrupted"));
	ck_assert_int_ge(help_clock() - begin, WLT_TEMPORARY_PATIENCE * HELP_SETTLE_MS - 50);
	help_attribute_has(drop, "error", ".big.bin.Xy12Zq");
	/* Finished after all. */
	ck_assert_int_eq(wlt_drop_begin(drop, pid), 0);
	ck_assert_int_eq(renameat(tree, "nova/.big.bin.Xy12Zq", tree, "nova/big.bin"), 0);
	wlt_drop_end(drop);
	HELP_WAIT(help_state_is(drop, "rejected"));
	help_writer_stop(pid);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(remains_of_the_first_attempt_go)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = make_drop(post, "ben", "nova");
	pid_t pid = help_drop_walnut(drop, "nova", HELP_LIVES_ON);
	int tree = wlt_drop_tree_fd(drop);

	ck_assert_int_eq(close(openat(tree, "nova/.big.bin.Xy12Zq", O_WRONLY | O_CREAT, 0600)), 0);
	ck_assert_int_eq(close(openat(tree, "nova/film.part", O_WRONLY | O_CREAT, 0600)), 0);
	wlt_drop_spoiled(drop, EIO);
	HELP_WAIT(help_state_is(drop, "interrupted"));
	help_writer_stop(pid);
	/* Resumed by a program that ends with success, and leaves a file that only looks like one. */
	ck_assert_int_eq(wlt_drop_begin(drop, 0), 0);
	ck_assert_int_eq(close(openat(tree, "nova/.own.name.Ab34Cd", O_WRONLY | O_CREAT, 0600)), 0);
	wlt_drop_end(drop);
	HELP_WAIT(help_events(&amy, "left_over") == 1);
	ck_assert_int_ne(faccessat(tree, "nova/.big.bin.Xy12Zq", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(tree, "nova/film.part", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(tree, "nova/.own.name.Ab34Cd", F_OK, 0), 0);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(held_until_let_go)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = make_drop(post, "ben", "nova");
	struct wlt_drop *other;

	ck_assert_int_eq(wlt_drop_set(drop, "hold", "1", 1), 0);
	(void)help_drop_walnut(drop, "nova", HELP_EXIT_0);
	/* Long enough for another one, dropped later, to be through. */
	other = help_dropped(post, "dan", "nova", HELP_EXIT_0);
	HELP_WAIT(help_state_is(other, "rejected"));
	ck_assert(help_state_is(drop, "staging"));
	ck_assert_int_eq(wlt_drop_unset(drop, "hold"), 0);
	HELP_WAIT(help_state_is(drop, "rejected"));
	wlt_drop_unref(other);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(hidden_name_waits_for_its_real_one)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = help_dropped(post, "ben", ".nova.x8Kq2Z", HELP_EXIT_0);
	struct wlt_drop *other = help_dropped(post, "dan", "nova", HELP_EXIT_0);

	HELP_WAIT(help_state_is(other, "rejected"));
	ck_assert(help_state_is(drop, "staging"));
	ck_assert_int_eq(wlt_drop_rename(drop, "dan", "nova"), EEXIST);
	ck_assert_int_eq(wlt_drop_rename(drop, "ben", "a/b"), EINVAL);
	ck_assert_int_eq(wlt_drop_rename(drop, "ben", "nova"), 0);
	ck_assert_int_eq(faccessat(wlt_drop_tree_fd(drop), "nova/notes.md", R_OK, 0), 0);
	HELP_WAIT(help_state_is(drop, "rejected"));
	/* To another peer: judged anew, for that peer. */
	ck_assert_int_eq(wlt_drop_rename(drop, "dan", "nova2"), 0);
	HELP_WAIT(help_state_is(drop, "rejected"));
	help_attribute_has(drop, "error", "no key for dan");
	wlt_drop_unref(other);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(removed_drop_is_gone)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = help_dropped(post, "ben", "nova", HELP_EXIT_0);

	ck_assert_int_eq(wlt_drop_remove(drop), 0);
	ck_assert_int_eq(wlt_drop_remove(drop), ENOENT);
	ck_assert_int_eq(wlt_drop_begin(drop, getpid()), ENOENT);
	ck_assert_int_eq(wlt_drop_rename(drop, "ben", "x"), ENOENT);
	ck_assert_ptr_null(wlt_drop_find(post, "ben", "nova"));
	HELP_WAIT(scratch_count("amy/state/spool") == 0);
	/* Its name is free again. */
	wlt_drop_unref(make_drop(post, "ben", "nova"));
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

/* --- waiting ------------------------------------------------------------------------------------ */

static atomic_int answers;
static atomic_int answer;

static void on_answer(void *context, int errnum)
{
	(void)context;
	atomic_store(&answer, errnum);
	(void)atomic_fetch_add(&answers, 1);
}

START_TEST(who_waits_is_told_why_not)
{
	struct wlt_post *post = help_office(&amy, NULL);
	struct wlt_drop *drop = help_dropped(post, "ben", "nova", HELP_EXIT_0);

	atomic_store(&answers, 0);
	wlt_drop_sync(drop, on_answer, NULL);
	HELP_WAIT(atomic_load(&answers) == 1);
	ck_assert_int_eq(atomic_load(&answer), ENOKEY);
	/* Held: not even when asked for. */
	ck_assert_int_eq(wlt_drop_set(drop, "hold", "1", 1), 0);
	wlt_drop_sync(drop, on_answer, NULL);
	HELP_WAIT(atomic_load(&answers) == 2);
	ck_assert_int_eq(atomic_load(&answer), EBUSY);
	ck_assert_int_eq(wlt_drop_unset(drop, "hold"), 0);
	HELP_WAIT(help_state_is(drop, "rejected"));
	/* Removed under somebody who waits. */
	ck_assert_int_eq(wlt_drop_begin(drop, 0), 0);
	wlt_drop_sync(drop, on_answer, NULL);
	ck_assert_int_eq(wlt_drop_remove(drop), 0);
	HELP_WAIT(atomic_load(&answers) == 3);
	ck_assert_int_eq(atomic_load(&answer), ECANCELED);
	wlt_drop_end(drop);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

/* --- restart ------------------------------------------------------------------------------------ */

/* A spool folder as another run would have left it. */
static void leave_behind(const char *id, const char *state, const char *more, bool package)
{
	WLT_AUTOFREE char *script = NULL;
	const char *argv[] = {"sh", "-c", NULL, NULL};

	ck_assert_int_ge(
		asprintf(
			&script,
			"d=amy/state/spool/%s; mkdir -p $d/tree/nova-%.4s/_kernel && echo key > "
			"$d/tree/nova-%.4s/_kernel/key.md && printf '%%s' '{\"version\": 1, "
			"\"id\": \"%s\", \"peer\": \"ben\", \"name\": \"nova-%.4s\", \"created\": "
			"\"2026-04-07T14:12:00Z\", \"state\": \"%s\", \"since\": "
			"\"2026-04-07T14:12:00Z\", \"generation\": 3, \"reason\": null, \"errno\": "
			"0, \"options\": {\"note\": \"hi\"}%s}' > $d/drop.json%s",
			id, id, id, id, id, state, more,
			package ? " && echo seal > $d/package" : ""),
		0);
	argv[2] = script;
	ck_assert_int_eq(scratch_run(argv, NULL, 0, NULL), 0);
}

#define SEALED                                                                             \
	", \"package\": \"nova-20260407-141200-a1b2c3d4.walnut\", \"import_id\": \"77\", " \
	"\"size\": "                                                                       \
	"5, \"attempt\": \"abcd\", \"together\": 1"

static struct wlt_drop *found(struct wlt_post *post, const char *name)
{
	struct wlt_drop *drop = wlt_drop_find(post, "ben", name);

	ck_assert_msg(drop != NULL, "%s is not there", name);
	return drop;
}

static void check_found(struct wlt_post *post, const char *name, const char *state)
{
	struct wlt_drop *drop = found(post, name);
	WLT_AUTOFREE char *value = NULL;

	ck_assert_int_eq(wlt_drop_get(drop, "state", &value), 0);
	ck_assert_msg(strcmp(value, state) == 0, "%s is %s, not %s", name, value, state);
	help_attribute_has(drop, "note", "hi");
	wlt_drop_unref(drop);
}

START_TEST(restart_recovers)
{
	struct wlt_post *post;
	struct wlt_drop *drop;
	struct stat st;

	leave_behind("1111000000000000000000000000abcd", "staging", "", false);
	leave_behind("2222000000000000000000000000abcd", "queued", SEALED, true);
	leave_behind("3333000000000000000000000000abcd", "pushing", SEALED, true);
	leave_behind("4444000000000000000000000000abcd", "queued", SEALED, true);
	leave_behind("5555000000000000000000000000abcd", "packing", "", false);
	leave_behind("6666000000000000000000000000abcd", "queued", SEALED, true);
	leave_behind("7777000000000000000000000000abcd", "pushing", SEALED, true);
	leave_behind("8888000000000000000000000000abcd.gone", "queued", SEALED, true);
	leave_behind("9999000000000000000000000000abcd", "interrupted", "", false);
	/* 4444 was being changed again, 5555 and 6666 had been and were complete after that. */
	ck_assert_int_eq(symlink("4", "amy/state/spool/4444000000000000000000000000abcd/reopened"),
			 0);
	ck_assert_int_eq(symlink("3", "amy/state/spool/6666000000000000000000000000abcd/reopened"),
			 0);
	ck_assert_int_eq(symlink("9", "amy/state/spool/5555000000000000000000000000abcd/reopened"),
			 0);
	/* Only half a folder, and one that nobody can read. */
	ck_assert_int_eq(mkdir("amy/state/spool/aaaa000000000000000000000000abcd", 0700), 0);
	ck_assert_int_eq(mkdir("amy/state/spool/bbbb000000000000000000000000abcd", 0700), 0);
	ck_assert_int_eq(mkdir("amy/state/spool/bbbb000000000000000000000000abcd/tree", 0700), 0);
	ck_assert_int_eq(mkdir("amy/state/spool/bbbb000000000000000000000000abcd/tree/x", 0700), 0);
	scratch_puts("amy/state/spool/bbbb000000000000000000000000abcd/drop.json", "{");
	/* 7777 had been sent. */
	scratch_puts("amy/state/sent.json", "{\"version\": 1, \"sent\": [{\"id\": "
					    "\"7777000000000000000000000000abcd\"}]}\n");
	post = help_office(&amy, NULL);
	check_found(post, "nova-1111", "interrupted");
	check_found(post, "nova-4444", "interrupted");
	check_found(post, "nova-5555", "interrupted");
	check_found(post, "nova-9999", "interrupted");
	drop = found(post, "nova-3333");
	help_attribute_has(drop, "package", "nova-20260407-141200-a1b2c3d4.walnut");
	help_attribute_has(drop, "import_id", "77");
	wlt_drop_unref(drop);
	wlt_drop_unref(found(post, "nova-2222"));
	wlt_drop_unref(found(post, "nova-6666"));
	ck_assert_ptr_null(wlt_drop_find(post, "ben", "nova-7777"));
	ck_assert_ptr_null(wlt_drop_find(post, "ben", "nova-8888"));
	/* 1111 2222 3333 4444 5555 6666 9999 and, untouched, bbbb. */
	HELP_WAIT(scratch_count("amy/state/spool") == 8);
	ck_assert_int_eq(stat("amy/state/spool/bbbb000000000000000000000000abcd/tree/x", &st), 0);
	ck_assert_int_eq(help_events(&amy, "damaged"), 1);
	wlt_post_stop(post);
}
END_TEST

START_TEST(complete_drop_is_packed_again)
{
	struct wlt_post *post;
	struct wlt_drop *drop;

	leave_behind("5555000000000000000000000000abcd", "packing", "", false);
	leave_behind("6666000000000000000000000000abcd", "queued", SEALED, false);
	post = help_office(&amy, NULL);
	/* There is no key for ben, which is as far as packing comes here. */
	drop = found(post, "nova-5555");
	HELP_WAIT(help_state_is(drop, "rejected"));
	help_attribute_has(drop, "error", "no key for ben");
	wlt_drop_unref(drop);
	drop = found(post, "nova-6666");
	HELP_WAIT(help_state_is(drop, "rejected"));
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(reopening_is_on_disk_before_it_counts)
{
	struct wlt_post *post;
	struct wlt_drop *drop;
	char target[32] = "";

	leave_behind("2222000000000000000000000000abcd", "queued", SEALED, true);
	post = help_office(&amy, NULL);
	drop = found(post, "nova-2222");
	/* While its relay is not there it is queued, but for the moments in which that is tried. */
	HELP_WAIT(wlt_drop_begin(drop, 0) == 0);
	ck_assert_int_gt(readlink("amy/state/spool/2222000000000000000000000000abcd/reopened",
				  target, 31),
			 0);
	ck_assert_str_eq(target, "4");
	ck_assert(help_state_is(drop, "staging"));
	ck_assert_int_eq(wlt_drop_get(drop, "package", &(char *){NULL}), ENODATA);
	wlt_drop_end(drop);
	wlt_drop_unref(drop);
	wlt_post_stop(post);
}
END_TEST

START_TEST(nothing_but_a_folder)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *status = NULL;
	struct wlt_post_options options = help_options(&amy);
	struct wlt_post *post = NULL;
	struct stat st;

	/* No relay.json, no keys: an empty mount with a sentence. */
	options.relay_dir = "elsewhere/relay";
	options.keys_dir = "elsewhere/relay/keys";
	options.state_dir = "elsewhere/state";
	ck_assert_works(wlt_post_start(&options, &post, &err), &err);
	status = wlt_post_status(post);
	ck_assert_ptr_nonnull(strstr(wlt_json_string(wlt_json_object(status, "relay"), "error"),
				     "walnut relay setup"));
	ck_assert_int_eq(stat("elsewhere/state", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	wlt_post_poll(post);
	wlt_post_stop(post);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("post: drops");
	TCase *tcase = tcase_create("outbox");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, one_user, NULL);
	tcase_add_test(tcase, names_and_peers);
	tcase_add_test(tcase, second_instance_is_refused);
	tcase_add_test(tcase, attributes);
	tcase_add_test(tcase, writer_that_failed_interrupts);
	tcase_add_test(tcase, no_key_is_a_reason);
	tcase_add_test(tcase, spoiled_drop_is_not_sent);
	tcase_add_test(tcase, not_a_walnut);
	tcase_add_test(tcase, unfinished_files_are_waited_for);
	tcase_add_test(tcase, remains_of_the_first_attempt_go);
	tcase_add_test(tcase, held_until_let_go);
	tcase_add_test(tcase, hidden_name_waits_for_its_real_one);
	tcase_add_test(tcase, removed_drop_is_gone);
	tcase_add_test(tcase, who_waits_is_told_why_not);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("restart");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, one_user, NULL);
	tcase_add_test(tcase, restart_recovers);
	tcase_add_test(tcase, complete_drop_is_packed_again);
	tcase_add_test(tcase, reopening_is_on_disk_before_it_counts);
	tcase_add_test(tcase, nothing_but_a_folder);
	suite_add_tcase(suite, tcase);
	return help_post_main(argc, argv, suite);
}
