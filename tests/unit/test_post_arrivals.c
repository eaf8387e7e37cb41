/* SPDX-License-Identifier: MIT */
/* What is known of the relay from poll to poll, and the pictures made of it. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "post/arrivals.h"
#include "post/known.h"
#include "scratch.h"

#define OID_A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OID_B  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OID_C  "cccccccccccccccccccccccccccccccccccccccc"
#define OID_D  "dddddddddddddddddddddddddddddddddddddddd"
#define OUR_ID "0123456789abcdef"
#define URL    "/relays/own.git"

static const struct wlt_strings no_peers = {NULL, 0};

static void update(struct wlt_known *known, const char *reply_text, int64_t now)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;
	struct wlt_known next;

	ck_assert_works(wlt_json_parse(reply_text, strlen(reply_text), &reply, &err), &err);
	ck_assert_works(wlt_known_update(known, URL, reply, now, &next, &err), &err);
	ck_assert_works(wlt_known_hand_on(known, &next, &err), &err);
	wlt_known_free(known);
	*known = next;
}

static const struct wlt_arrivals *picture(const struct wlt_known *known, const char *policy)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	const struct wlt_arrivals *out = NULL;

	ck_assert_works(wlt_arrivals_build(known, &no_peers, OUR_ID, policy, 7, &out, &err), &err);
	return out;
}

static const char first_reply[] =
	"{\"tip\":\"1\",\"changed\":true,\"senders\":[\"ben\",\"zoe\"],\"packages\":["
	"{\"sender\":\"zoe\",\"file\":\"odd.walnut\",\"oid\":\"" OID_B "\",\"size\":20,"
	"\"envelope\":{\"error\":\"neither gzip nor tar\"}},"
	"{\"sender\":\"ben\",\"file\":\"nova-20260407-141200-a1b2c3d4.walnut\",\"oid\":\"" OID_A
	"\",\"size\":10,\"envelope\":{\"kind\":\"rsa\",\"recipients\":[\"ffffffffffffffff\","
	"\"" OUR_ID "\"]}},"
	"{\"sender\":\"ben\",\"file\":\"alien.walnut\",\"oid\":\"" OID_C
	"\",\"size\":30,\"envelope\":{\"kind\":\"rsa\",\"recipients\":[\"ffffffffffffffff\"]}},"
	"{\"sender\":\"ben\",\"file\":\"word.walnut\",\"oid\":\"" OID_D
	"\",\"size\":2000000000,\"envelope\":{\"kind\":\"passphrase\",\"recipients\":[]}}]}";

START_TEST(envelope_decides)
{
	struct wlt_known known;
	const struct wlt_arrivals *arrivals;
	const struct wlt_arrival *item;
	size_t n;

	(void)memset(&known, 0, sizeof(known));
	update(&known, first_reply, 1000);
	arrivals = picture(&known, "p");
	ck_assert_uint_eq(arrivals->n_items, 4);
	ck_assert_uint_eq(arrivals->n_senders, 2);
	ck_assert_uint_eq(arrivals->generation, 7);
	(void)wlt_arrivals_of(arrivals, "ben", &n);
	ck_assert_uint_eq(n, 3);
	(void)wlt_arrivals_of(arrivals, "nobody", &n);
	ck_assert_uint_eq(n, 0);

	item = wlt_arrivals_find(arrivals, "ben", "nova-20260407-141200-a1b2c3d4");
	ck_assert_ptr_nonnull(item);
	ck_assert(item->openable);
	ck_assert_int_eq(item->refusal, 0);
	ck_assert_int_eq(item->stamp, 1775571120); /* date -u -d '2026-04-07 14:12:00' +%s */
	ck_assert_str_eq(item->envelope, "rsa");
	item = wlt_arrivals_find(arrivals, "ben", "alien");
	ck_assert_int_eq(item->refusal, ENOKEY);
	ck_assert_ptr_nonnull(strstr(item->reason, "ffffffffffffffff"));
	ck_assert_int_eq(item->stamp, 1000);
	item = wlt_arrivals_find(arrivals, "zoe", "odd");
	ck_assert_int_eq(item->refusal, EBADMSG);
	ck_assert_str_eq(item->reason, "neither gzip nor tar");
	ck_assert_ptr_null(item->envelope);
	item = wlt_arrivals_find(arrivals, "ben", "word");
	ck_assert_int_eq(item->refusal, EFBIG);
	ck_assert_ptr_null(wlt_arrivals_find(arrivals, "zoe", "nova"));
	wlt_arrivals_release(arrivals);
	wlt_known_free(&known);
}
END_TEST

START_TEST(known_envelopes_are_kept)
{
	struct wlt_known known;

	(void)memset(&known, 0, sizeof(known));
	update(&known, first_reply, 1000);
	ck_assert(known.items[0].fresh);
	/* One came, two went, one was renamed by its sender, one stayed; envelopes only of the new. */
	update(&known,
	       "{\"tip\":\"2\",\"senders\":[\"ben\"],\"packages\":["
	       "{\"sender\":\"ben\",\"file\":\"alien.walnut\",\"oid\":\"" OID_C
	       "\",\"size\":30},{\"sender\":\"ben\",\"file\":\"moved.walnut\",\"oid\":\"" OID_A
	       "\",\"size\":10},{\"sender\":\"ben\",\"file\":\"new.walnut\",\"oid\":"
	       "\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\",\"size\":5,\"envelope\":"
	       "{\"kind\":\"plain\",\"recipients\":[]}}]}",
	       2000);
	ck_assert_str_eq(known.tip, "2");
	ck_assert_uint_eq(known.n, 3);
	ck_assert_str_eq(known.items[0].file, "alien.walnut");
	ck_assert_str_eq(known.items[0].envelope, "rsa");
	ck_assert_uint_eq(known.items[0].recipients.n, 1);
	ck_assert_int_eq(known.items[0].first_seen, 1000);
	ck_assert(!known.items[0].fresh);
	ck_assert_str_eq(known.items[1].file, "moved.walnut");
	ck_assert_uint_eq(known.items[1].recipients.n, 2);
	ck_assert_str_eq(known.items[2].envelope, "plain");
	ck_assert_int_eq(known.items[2].first_seen, 2000);
	ck_assert(known.items[2].fresh);
	wlt_known_free(&known);
}
END_TEST

START_TEST(refusals_are_remembered)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error damaged = WLT_ERROR_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error untrusted = WLT_ERROR_INIT;
	struct wlt_known known;
	const struct wlt_arrivals *arrivals;

	(void)memset(&known, 0, sizeof(known));
	update(&known, first_reply, 1000);
	(void)wlt_fail(&damaged, WLT_DAMAGED, "a bit is wrong");
	(void)wlt_fail(&untrusted, WLT_UNTRUSTED, "not signed");
	ck_assert_works(wlt_known_refuse(&known, "ben", OID_D, &damaged, NULL, &err), &err);
	ck_assert_works(wlt_known_refuse(&known, "ben", OID_A, &untrusted, "p", &err), &err);
	ck_assert_ptr_nonnull(wlt_known_refusal(&known, "ben", OID_A, "p"));
	ck_assert_ptr_null(wlt_known_refusal(&known, "ben", OID_A, "other"));
	ck_assert_ptr_nonnull(wlt_known_refusal(&known, "ben", OID_D, "other"));
	ck_assert_ptr_null(wlt_known_refusal(&known, "ben", OID_B, "p"));
	arrivals = picture(&known, "p");
	ck_assert_int_eq(
		wlt_arrivals_find(arrivals, "ben", "nova-20260407-141200-a1b2c3d4")->refusal,
		EKEYREJECTED);
	ck_assert_int_eq(wlt_arrivals_find(arrivals, "ben", "word")->refusal, EBADMSG);
	wlt_arrivals_release(arrivals);
	/* Other keys, another policy: another look. */
	arrivals = picture(&known, "q");
	ck_assert(wlt_arrivals_find(arrivals, "ben", "nova-20260407-141200-a1b2c3d4")->openable);
	wlt_arrivals_release(arrivals);
	/* The same bytes from somebody else are another matter. */
	ck_assert_ptr_null(wlt_known_refusal(&known, "zoe", OID_A, "p"));
	ck_assert_works(wlt_known_refuse(&known, "zoe", OID_A, &untrusted, "p", &err), &err);
	ck_assert_uint_eq(known.n_refusals, 3);
	/* Refused again, the newer reason counts; with the package goes its refusal. */
	ck_assert_works(wlt_known_refuse(&known, "ben", OID_A, &damaged, NULL, &err), &err);
	ck_assert_int_eq(wlt_known_refusal(&known, "ben", OID_A, "q")->kind, WLT_DAMAGED);
	ck_assert_uint_eq(known.n_refusals, 3);
	update(&known,
	       "{\"tip\":\"3\",\"senders\":[],\"packages\":[{\"sender\":\"ben\",\"file\":"
	       "\"word.walnut\",\"oid\":\"" OID_D "\",\"size\":3}]}",
	       3000);
	ck_assert_uint_eq(known.n_refusals, 1);
	ck_assert_ptr_null(wlt_known_refusal(&known, "ben", OID_A, "q"));
	ck_assert_ptr_nonnull(wlt_known_refusal(&known, "ben", OID_D, "q"));
	wlt_known_free(&known);
}
END_TEST

START_TEST(file_brings_it_back)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_error_clear) struct wlt_error why = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTOCLOSE int dirfd = -1;
	struct wlt_known known;
	struct wlt_known again;
	const struct wlt_arrivals *before;
	const struct wlt_arrivals *after;

	ck_assert_int_eq(mkdir("saved", 0700), 0);
	dirfd = open("saved", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)memset(&known, 0, sizeof(known));
	update(&known, first_reply, 1000);
	(void)wlt_fail(&why, WLT_TOO_BIG, "it grows");
	ck_assert_works(wlt_known_refuse(&known, "ben", OID_A, &why, NULL, &err), &err);
	ck_assert_works(wlt_known_format(&known, &text, &err), &err);
	scratch_write("saved/arrivals.json", text.data, text.len);
	ck_assert_works(wlt_known_load(dirfd, &again, &err), &err);
	ck_assert_str_eq(again.url, URL);
	ck_assert_str_eq(again.tip, "1");
	before = picture(&known, "p");
	after = picture(&again, "p");
	ck_assert(wlt_arrivals_same(before, after));
	wlt_arrivals_release(before);
	wlt_arrivals_release(after);
	wlt_known_free(&again);

	/* A damaged file is as good as none: the next poll makes it anew. */
	scratch_puts("saved/arrivals.json", "{\"packages\": [{\"sender\": 3}]}");
	ck_assert_works(wlt_known_load(dirfd, &again, &err), &err);
	ck_assert_uint_eq(again.n, 0);
	ck_assert_ptr_null(again.url);
	wlt_known_free(&again);
	wlt_known_free(&known);
}
END_TEST

START_TEST(peers_have_a_folder)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	char *names[] = {(char[]){"amy"}, (char[]){"ben"}, NULL};
	const struct wlt_strings peers = {names, 2};
	struct wlt_known known;
	const struct wlt_arrivals *arrivals = NULL;

	(void)memset(&known, 0, sizeof(known));
	update(&known, first_reply, 1000);
	ck_assert_works(wlt_arrivals_build(&known, &peers, NULL, "", 1, &arrivals, &err), &err);
	ck_assert_uint_eq(arrivals->n_senders, 3);
	ck_assert_str_eq(arrivals->senders[0], "amy");
	ck_assert_str_eq(arrivals->senders[1], "ben");
	ck_assert_str_eq(arrivals->senders[2], "zoe");
	/* Without a key of our own nothing sealed opens. */
	ck_assert(!wlt_arrivals_find(arrivals, "ben", "nova-20260407-141200-a1b2c3d4")->openable);
	ck_assert_ptr_eq(wlt_arrivals_ref(arrivals), arrivals);
	wlt_arrivals_release(arrivals);
	ck_assert_str_eq(arrivals->senders[0], "amy");
	wlt_arrivals_release(arrivals);
	wlt_known_free(&known);
}
END_TEST

START_TEST(hostile_replies_are_refused)
{
	static const char *const replies[] = {
		"{\"tip\":\"1\",\"packages\":[{}]}",
		"{\"tip\":\"1\",\"packages\":[{\"sender\":\"a\",\"file\":\"b.walnut\"}]}",
		"{\"tip\":\"1\",\"packages\":[{\"sender\":\"a\",\"file\":\"b\",\"oid\":\"12\"}]}",
		"{\"tip\":\"1\",\"packages\":[3]}",
	};
	struct wlt_known known;

	(void)memset(&known, 0, sizeof(known));
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;
		struct wlt_known next;

		ck_assert_works(wlt_json_parse(replies[i], strlen(replies[i]), &reply, &err), &err);
		ck_assert_fails(wlt_known_update(&known, URL, reply, 1, &next, &err), &err,
				WLT_DAMAGED);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("post: arrivals");
	TCase *tcase = tcase_create("pictures");

	tcase_add_test(tcase, envelope_decides);
	tcase_add_test(tcase, known_envelopes_are_kept);
	tcase_add_test(tcase, refusals_are_remembered);
	tcase_add_test(tcase, file_brings_it_back);
	tcase_add_test(tcase, peers_have_a_folder);
	tcase_add_test(tcase, hostile_replies_are_refused);
	suite_add_tcase(suite, tcase);
	return scratch_run_suite(suite);
}
