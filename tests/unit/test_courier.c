/* SPDX-License-Identifier: MIT */
/* The courier children here are this test program itself. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "post/courier.h"
#include "post/state_dir.h"
#include "relay_help.h"

/* A request with these members, pairs of strings. */
static struct json_object *request_of(const char *const members[])
{
	struct json_object *request = json_object_new_object();

	ck_assert(wlt_json_set_string(request, "mirrors", help_path("mirrors")));
	for (size_t i = 0; members[i] != NULL; i += 2)
		ck_assert(wlt_json_set_string(request, members[i], members[i + 1]));
	return request;
}

#define REQUEST(...) request_of((const char *const[]){__VA_ARGS__, NULL})

/* Run a request and drop it. */
static bool run(struct json_object *request, int bulk, int limit_ms, int cancel,
		struct json_object **reply, struct wlt_error *err)
{
	bool ok = wlt_courier_run(request, bulk, limit_ms, cancel, reply, err);

	json_object_put(request);
	return ok;
}

static struct json_object *asked(struct json_object *request)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *reply = NULL;

	help_ok(run(request, -1, WLT_COURIER_LOCAL_MS, -1, &reply, &err), &err);
	return reply;
}

/* Descriptors open in this process, and children it has. */
static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	ck_assert_int_eq(closedir(dir), 0);
	return n;
}

static void expect_no_child(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* The only child of a process. */
static pid_t child_of(pid_t pid)
{
	char path[64];
	char *text;
	pid_t child;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	text = help_read(path);
	child = (pid_t)atoi(text);
	free(text);
	ck_assert_int_gt(child, 0);
	return child;
}

static struct json_object *mute_request(int *server)
{
	char url[64];
	int port = 0;

	*server = help_mute_server(&port);
	(void)snprintf(url, sizeof(url), "git://127.0.0.1:%d/r.git", port);
	return REQUEST("op", "poll", "url", url);
}

/* --- operations -------------------------------------------------------------------------------- */

static struct json_object *put_request(const char *url, const char *id, const char *path,
				       const char *disk_path)
{
	struct json_object *request = REQUEST("op", "apply", "url", url, "author", "alice", "id",
					      id, "message", "a change");
	struct json_object *edits = json_object_new_array();
	struct json_object *edit = json_object_new_object();

	ck_assert(wlt_json_set_string(edit, "path", path));
	if (disk_path != NULL)
		ck_assert(wlt_json_set_string(edit, "disk_path", disk_path));
	ck_assert_int_eq(json_object_array_add(edits, edit), 0);
	ck_assert(wlt_json_set(request, "edits", edits));
	return request;
}

START_TEST(test_mail)
{
	const char *url = help_bare("relay.git");
	const char *package = help_path("package");
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *reply;
	char *tip;
	int before = count_descriptors();

	help_write(package, "no envelope at all");
	reply = asked(put_request(url, "a1", "inbox/alice/x.walnut", package));
	HELP_GIT_SAYS(wlt_json_string(reply, "commit"), "-C", url, "rev-parse", "main");
	json_object_put(reply);

	reply = asked(REQUEST("op", "poll", "url", url, "tip", ""));
	tip = HELP_GIT("-C", url, "rev-parse", "main");
	ck_assert_str_eq(wlt_json_string(reply, "tip"), tip);
	ck_assert(wlt_json_bool(reply, "changed", false));

	struct json_object *senders = wlt_json_array(reply, "senders");
	struct json_object *packages = wlt_json_array(reply, "packages");

	ck_assert_uint_eq(json_object_array_length(senders), 1);
	ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(senders, 0)), "alice");
	ck_assert_uint_eq(json_object_array_length(packages), 1);

	struct json_object *found = json_object_array_get_idx(packages, 0);
	char *oid = strdup(wlt_json_string(found, "oid"));

	HELP_GIT_SAYS(oid, "-C", url, "rev-parse", "main:inbox/alice/x.walnut");
	ck_assert_str_eq(wlt_json_string(found, "sender"), "alice");
	ck_assert_str_eq(wlt_json_string(found, "file"), "x.walnut");
	ck_assert_int_eq(wlt_json_int(found, "size", 0), 18);
	ck_assert_ptr_nonnull(wlt_json_string(wlt_json_object(found, "envelope"), "error"));
	json_object_put(reply);

	/* Nothing new: nothing listed. */
	reply = asked(REQUEST("op", "poll", "url", url, "tip", tip));
	ck_assert(!wlt_json_bool(reply, "changed", true));
	ck_assert_ptr_null(wlt_json_array(reply, "packages"));
	json_object_put(reply);

	/* What is known is not looked into again. */
	struct json_object *request = REQUEST("op", "poll", "url", url, "tip", "");
	struct json_object *known = json_object_new_array();

	ck_assert_int_eq(json_object_array_add(known, json_object_new_string(oid)), 0);
	ck_assert(wlt_json_set(request, "known", known));
	reply = asked(request);
	found = json_object_array_get_idx(wlt_json_array(reply, "packages"), 0);
	ck_assert_str_eq(wlt_json_string(found, "oid"), oid);
	ck_assert_ptr_null(wlt_json_object(found, "envelope"));
	json_object_put(reply);

	int bulk = open(help_path("copy"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(bulk, 0);
	reply = NULL;
	help_ok(run(REQUEST("op", "export", "url", url, "oid", oid), bulk, WLT_COURIER_LOCAL_MS, -1,
		    &reply, &err),
		&err);
	ck_assert_int_eq(wlt_json_int(reply, "size", 0), 18);
	ck_assert_int_eq(close(bulk), 0);
	json_object_put(reply);

	char *copy = help_read(help_path("copy"));

	ck_assert_str_eq(copy, "no envelope at all");
	free(copy);

	reply = asked(put_request(url, "a2", "inbox/alice/x.walnut", NULL));
	json_object_put(reply);
	HELP_GIT_SAYS("", "-C", url, "ls-tree", "-r", "--name-only", "main");
	json_object_put(asked(REQUEST("op", "forget", "url", url, "id", "a1")));
	free(oid);
	free(tip);
	expect_no_child();
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

/* A blob that is damaged in the relay: its package is listed with the reason, the others as ever. */
START_TEST(test_damaged_blob)
{
	const char *url = help_bare("relay.git");
	const char *package = help_path("package");
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *reply = NULL;
	char *oid;

	help_write(package, "good");
	json_object_put(asked(put_request(url, "a1", "inbox/alice/good.walnut", package)));
	help_write(package, "bad");
	json_object_put(asked(put_request(url, "a2", "inbox/alice/bad.walnut", package)));
	oid = HELP_GIT("-C", url, "rev-parse", "main:inbox/alice/bad.walnut");

	const char *object = help_path("relay.git/objects/%.2s/%s", oid, oid + 2);

	/* A new file, for the mirror of the sender shares the old one. */
	ck_assert_int_eq(unlink(object), 0);
	if (_i == 0)
		help_write(object, "no object");
	ck_assert_int_eq(rename(help_path("mirrors"), help_path("sent-mirrors")), 0);

	if (_i == 1) {
		/* Not even there: the relay cannot be read whole, and that is said. */
		help_failed(run(REQUEST("op", "poll", "url", url, "tip", ""), -1,
				WLT_COURIER_LOCAL_MS, -1, &reply, &err),
			    &err, WLT_DAMAGED, url);
		free(oid);
		return;
	}
	reply = asked(REQUEST("op", "poll", "url", url, "tip", ""));

	struct json_object *packages = wlt_json_array(reply, "packages");
	struct json_object *bad = json_object_array_get_idx(packages, 0);

	ck_assert_uint_eq(json_object_array_length(packages), 2);
	ck_assert_str_eq(wlt_json_string(bad, "oid"), oid);
	ck_assert_ptr_nonnull(wlt_json_string(wlt_json_object(bad, "envelope"), "error"));
	ck_assert_str_eq(wlt_json_string(json_object_array_get_idx(packages, 1), "file"),
			 "good.walnut");
	json_object_put(reply);
	free(oid);
}
END_TEST

/* Many known object ids make a request that no pipe would hold. */
START_TEST(test_long_request)
{
	const char *url = help_bare("relay.git");
	struct json_object *request = REQUEST("op", "poll", "url", url, "tip", "x");
	struct json_object *known = json_object_new_array();
	char oid[WLT_OID_BYTES];

	for (int i = 0; i < 20000; i++) {
		(void)snprintf(oid, sizeof(oid), "%040d", i);
		ck_assert_int_eq(json_object_array_add(known, json_object_new_string(oid)), 0);
	}
	ck_assert(wlt_json_set(request, "known", known));

	struct json_object *reply = asked(request);

	ck_assert_str_eq(wlt_json_string(reply, "tip"), "");
	json_object_put(reply);
}
END_TEST

START_TEST(test_acts)
{
	struct json_object *setup = REQUEST("op", "setup", "dir", help_path("a/relay"), "keys_dir",
					    help_path("a/keys"), "username", "alice");
	struct json_object *reply;
	char *fingerprint;
	char *url;

	ck_assert(wlt_json_set_int(setup, "key_bits", 2048));
	reply = asked(setup);
	ck_assert_str_eq(wlt_json_string(reply, "username"), "alice");
	ck_assert_str_eq(wlt_json_string(reply, "url"), help_path("a/relay/repo.git"));
	fingerprint = strdup(wlt_json_string(reply, "fingerprint"));
	url = strdup(wlt_json_string(reply, "url"));
	json_object_put(reply);

	setup = REQUEST("op", "setup", "dir", help_path("b/relay"), "keys_dir", help_path("b/keys"),
			"username", "ben");
	ck_assert(wlt_json_set_int(setup, "key_bits", 2048));
	json_object_put(asked(setup));

	reply = asked(REQUEST("op", "invite", "dir", help_path("a/relay"), "keys_dir",
			      help_path("a/keys"), "peer", "ben"));
	ck_assert_str_eq(wlt_json_string(reply, "fingerprint"), fingerprint);
	HELP_GIT_SAYS("inbox/ben/.gitkeep", "-C", url, "ls-tree", "-r", "--name-only", "main",
		      "inbox/");
	json_object_put(reply);

	reply = asked(REQUEST("op", "accept", "dir", help_path("b/relay"), "keys_dir",
			      help_path("b/keys"), "url", url));
	ck_assert_str_eq(wlt_json_string(reply, "peer"), "alice");
	ck_assert_str_eq(wlt_json_string(reply, "fingerprint"), fingerprint);
	ck_assert_uint_eq(strlen(wlt_json_string(reply, "pubkey_id")), 16);
	json_object_put(reply);
	free(fingerprint);
	free(url);
}
END_TEST

/* A failure comes over whole: kind, system error and sentence. */
START_TEST(test_errors)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *reply = NULL;
	const char *url = help_bare("relay.git");

	help_failed(run(REQUEST("op", "poll", "url", help_path("gone")), -1, WLT_COURIER_LOCAL_MS,
			-1, &reply, &err),
		    &err, WLT_UNREACHABLE, help_path("gone"));
	help_failed(run(REQUEST("op", "poll", "url", "http://h/r"), -1, WLT_COURIER_LOCAL_MS, -1,
			&reply, &err),
		    &err, WLT_USAGE, "https");
	help_failed(run(REQUEST("op", "dance"), -1, WLT_COURIER_LOCAL_MS, -1, &reply, &err), &err,
		    WLT_INTERNAL, "dance");
	help_failed(run(REQUEST("url", url), -1, WLT_COURIER_LOCAL_MS, -1, &reply, &err), &err,
		    WLT_INTERNAL, "op");

	ck_assert_ptr_null(reply);
	expect_no_child();
}
END_TEST

START_TEST(test_export_nowhere)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *reply = NULL;
	const char *url = help_bare("relay.git");
	const char *package = help_path("package");
	char *oid;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	help_write(package, "bytes");
	json_object_put(asked(put_request(url, "a1", "x", package)));
	oid = HELP_GIT("-C", url, "rev-parse", "main:x");
	ck_assert(!run(REQUEST("op", "export", "url", url, "oid", oid), full, WLT_COURIER_LOCAL_MS,
		       -1, &reply, &err));
	ck_assert_int_eq(err.kind, WLT_SYSTEM);
	ck_assert_int_eq(err.errnum, ENOSPC);
	wlt_error_clear(&err);
	ck_assert_int_eq(close(full), 0);
	free(oid);
}
END_TEST

/* --- deadlines --------------------------------------------------------------------------------- */

START_TEST(test_deadline)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *reply = NULL;
	int server;
	struct json_object *request = mute_request(&server);
	int before = count_descriptors();
	long long start = help_now();

	help_failed(run(request, -1, 300, -1, &reply, &err), &err, WLT_UNREACHABLE, "git://127");
	ck_assert_int_ge(help_now() - start, 300);
	ck_assert_int_lt(help_now() - start, 3000);
	expect_no_child();
	ck_assert_int_eq(count_descriptors(), before);
	ck_assert_int_eq(close(server), 0);
}
END_TEST

START_TEST(test_cancel)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *reply = NULL;
	int server;
	struct json_object *request = mute_request(&server);
	int cancel = eventfd(1, EFD_CLOEXEC);
	long long start = help_now();

	ck_assert_int_ge(cancel, 0);
	help_failed(run(request, -1, 60000, cancel, &reply, &err), &err, WLT_CANCELLED, "");
	ck_assert_int_lt(help_now() - start, 3000);
	expect_no_child();
	ck_assert_int_eq(close(cancel), 0);
	ck_assert_int_eq(close(server), 0);
}
END_TEST

START_TEST(test_kill)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_courier *courier = NULL;
	int server;
	struct json_object *request = mute_request(&server);
	int before = count_descriptors();
	bool done = true;

	wlt_courier_kill(NULL);
	help_ok(wlt_courier_start(request, -1, &courier, &err), &err);
	wlt_courier_step(courier, &done);
	ck_assert(!done);

	/* Even a stopped child goes. */
	ck_assert_int_eq(kill(child_of(getpid()), SIGSTOP), 0);
	wlt_courier_kill(courier);
	json_object_put(request);
	expect_no_child();
	ck_assert_int_eq(count_descriptors(), before);
	ck_assert_int_eq(close(server), 0);
}
END_TEST

/* For an event loop: readable, step, collect. */
START_TEST(test_steps)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_courier *courier = NULL;
	struct json_object *request = REQUEST("op", "poll", "url", help_bare("relay.git"));
	struct json_object *reply = NULL;
	bool done = false;

	help_ok(wlt_courier_start(request, -1, &courier, &err), &err);
	while (!done) {
		struct pollfd fd = {.fd = wlt_courier_fd(courier), .events = POLLIN};

		ck_assert_int_eq(poll(&fd, 1, 30000), 1);
		wlt_courier_step(courier, &done);
	}
	help_ok(wlt_courier_collect(courier, &reply, &err), &err);
	ck_assert_str_eq(wlt_json_string(reply, "tip"), "");
	json_object_put(reply);
	json_object_put(request);
	expect_no_child();
}
END_TEST

/* A child that dies without a reply is reported as such, at once. */
START_TEST(test_crash)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_courier *courier = NULL;
	struct json_object *reply = NULL;
	int server;
	struct json_object *request = mute_request(&server);
	bool done = false;

	help_ok(wlt_courier_start(request, -1, &courier, &err), &err);
	ck_assert_int_eq(kill(child_of(getpid()), SIGKILL), 0);

	struct pollfd fd = {.fd = wlt_courier_fd(courier), .events = POLLIN};

	ck_assert_int_eq(poll(&fd, 1, 30000), 1);
	wlt_courier_step(courier, &done);
	ck_assert(done);
	help_failed(wlt_courier_collect(courier, &reply, &err), &err, WLT_INTERNAL, "Killed");
	json_object_put(request);
	expect_no_child();
	ck_assert_int_eq(close(server), 0);
}
END_TEST

/* A parent that is killed takes its courier with it. We inherit the orphan and see how it ended. */
START_TEST(test_orphan)
{
	int ends[2];
	int status = 0;
	pid_t parent;
	pid_t orphan = 0;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	ck_assert_int_ge(parent, 0);
	if (parent == 0) {
		struct wlt_error err = WLT_ERROR_INIT;
		struct wlt_courier *courier = NULL;
		int server;
		struct json_object *request = mute_request(&server);
		int caller;

		help_ok(wlt_courier_start(request, -1, &courier, &err), &err);
		/* Once it talks to the server it has arranged everything. */
		caller = accept(server, NULL, NULL);
		orphan = child_of(getpid());
		if (caller >= 0 && write(ends[1], &orphan, sizeof(orphan)) > 0)
			(void)raise(SIGKILL);
		_exit(1);
	}
	ck_assert_int_eq(read(ends[0], &orphan, sizeof(orphan)), sizeof(orphan));
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(waitpid(orphan, &status, 0), orphan);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

/* The child gets three descriptors and the bulk file, whatever else is open here. */
START_TEST(test_descriptors)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_courier *courier = NULL;
	int server;
	struct json_object *request = mute_request(&server);
	int leak = open("/dev/null", O_RDONLY);
	int caller;
	struct dirent *entry;
	char path[64];
	char target[256];
	int sockets = 0;
	DIR *dir;

	ck_assert_int_ge(leak, 0);
	help_ok(wlt_courier_start(request, -1, &courier, &err), &err);
	caller = accept(server, NULL, NULL);
	ck_assert_int_ge(caller, 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)child_of(getpid()));
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) < 3)
			continue;

		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		ck_assert_int_gt(len, 0);
		target[len] = '\0';
		ck_assert_str_ne(target, "/dev/null");
		if (strncmp(target, "socket:", 7) == 0)
			sockets++;
	}
	ck_assert_int_eq(closedir(dir), 0);
	ck_assert_int_eq(sockets, 1); /* its own, to the server */
	wlt_courier_kill(courier);
	json_object_put(request);
	ck_assert_int_eq(close(caller), 0);
	ck_assert_int_eq(close(server), 0);
	ck_assert_int_eq(close(leak), 0);
}
END_TEST

/* --- the state folder -------------------------------------------------------------------------- */

static void expect_state(const char *state_home, const char *home, const char *expected)
{
	char *found;

	ck_assert_int_eq(state_home != NULL ? setenv("XDG_STATE_HOME", state_home, 1)
					    : unsetenv("XDG_STATE_HOME"),
			 0);
	ck_assert_int_eq(home != NULL ? setenv("HOME", home, 1) : unsetenv("HOME"), 0);
	found = wlt_state_default_dir();
	if (expected == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_str_eq(found, expected);
	free(found);
}

START_TEST(test_state_dir)
{
	expect_state("/state", "/home/a", "/state/walnutfs");
	expect_state(NULL, "/home/a", "/home/a/.local/state/walnutfs");
	expect_state("", "/home/a", "/home/a/.local/state/walnutfs");
	expect_state("relative", "/home/a", "/home/a/.local/state/walnutfs");
	expect_state(NULL, NULL, NULL);
	expect_state(NULL, "", NULL);
}
END_TEST

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], WLT_COURIER_ARGUMENT) == 0)
		return wlt_courier_child();

	Suite *suite = suite_create("courier");
	TCase *tcase = tcase_create("courier");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, help_begin, help_end);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_mail);
	tcase_add_loop_test(tcase, test_damaged_blob, 0, 2);
	tcase_add_test(tcase, test_long_request);
	tcase_add_test(tcase, test_acts);
	tcase_add_test(tcase, test_errors);
	tcase_add_test(tcase, test_export_nowhere);
	tcase_add_test(tcase, test_deadline);
	tcase_add_test(tcase, test_cancel);
	tcase_add_test(tcase, test_kill);
	tcase_add_test(tcase, test_steps);
	tcase_add_test(tcase, test_crash);
	tcase_add_test(tcase, test_orphan);
	tcase_add_test(tcase, test_descriptors);
	tcase_add_test(tcase, test_state_dir);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
