/* SPDX-License-Identifier: MIT */
/*
 * The parent's side of a courier.
 *
 * The request goes over in a memfd, so that nothing here ever waits for the child to read; the reply
 * comes through a pipe whose end says that the child has gone, whatever became of it: the child is the
 * only one that has the other end.
 */
#include "config.h"

#include "post/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#define MAX_REPLY   (64u << 20)
#define PIECE       65536
#define FIRST_SPARE 10 /* descriptors from here on cannot be in the way of the child's 0, 1 and 3 */

extern char **environ;

struct wlt_courier {
	pid_t pid;
	int fd; /* the reply, non-blocking */
	struct wlt_buf reply;
	bool ended;    /* nothing more will come */
	bool too_long; /* the reply was cut off */
};

/* --- starting ---------------------------------------------------------------------------------- */

/* The same file under a number that is out of the way. */
static int move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_SPARE);
	int saved = errno;

	(void)close(fd);
	errno = saved;
	return moved;
}

static bool write_request(struct json_object *request, int *fd, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTOCLOSE int file = wlt_memfd("walnut-request");
	int errnum;

	wlt_json_format_line(&text, request);
	if (!wlt_buf_ok(&text, err))
		return false;
	if (file < 0)
		return wlt_fail_errno(err, errno, "a request cannot be handed over");
	file = move_up(file);
	errnum = file < 0 ? errno : wlt_pwrite_all(file, text.data, text.len, 0);
	if (errnum != 0)
		return wlt_fail_errno(err, errnum, "a request cannot be handed over");
	*fd = wlt_take_fd(&file);
	return true;
}

static bool make_pipe(int *from_child, int *to_parent, struct wlt_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return wlt_fail_errno(err, errno, "no pipe for a reply");
	*from_child = move_up(ends[0]);
	*to_parent = move_up(ends[1]);
	if (*from_child < 0 || *to_parent < 0 || fcntl(*from_child, F_SETFL, O_NONBLOCK) < 0)
		return wlt_fail_errno(err, errno, "no pipe for a reply");
	return true;
}

/* Descriptors 0, 1, 2 and perhaps 3, nothing else. 0 or an errno. */
static int plan_descriptors(posix_spawn_file_actions_t *actions, int request, int reply, int bulk)
{
	int errnum = posix_spawn_file_actions_adddup2(actions, request, STDIN_FILENO);

	if (errnum == 0)
		errnum = posix_spawn_file_actions_adddup2(actions, reply, STDOUT_FILENO);
	if (errnum == 0 && bulk >= 0)
		errnum = posix_spawn_file_actions_adddup2(actions, bulk, 3);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_addclosefrom_np(actions, bulk >= 0 ? 4 : 3);
	return errnum;
}

/* Signals as a fresh program has them, whatever the calling thread blocks; and a process group of its
 * own, so that Ctrl-C on the terminal reaches the parent alone, which then decides. 0 or an errno. */
static int plan_signals(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;
	int errnum;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	errnum = posix_spawnattr_setsigmask(attributes, &none);
	if (errnum == 0)
		errnum = posix_spawnattr_setsigdefault(attributes, &all);
	if (errnum == 0)
		errnum = posix_spawnattr_setpgroup(attributes, 0);
	if (errnum == 0)
		errnum = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
								      POSIX_SPAWN_SETSIGDEF |
								      POSIX_SPAWN_SETPGROUP);
	return errnum;
}

/* 0 or an errno. */
static int spawn(int request, int reply, int bulk, pid_t *pid)
{
	char name[] = "walnut-courier";
	char argument[] = WLT_COURIER_ARGUMENT;
	char *const argv[] = {name, argument, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int errnum = posix_spawn_file_actions_init(&actions);

	if (errnum != 0)
		return errnum;
	errnum = posix_spawnattr_init(&attributes);
	if (errnum == 0) {
		errnum = plan_descriptors(&actions, request, reply, bulk);
		if (errnum == 0)
			errnum = plan_signals(&attributes);
		if (errnum == 0)
			errnum = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv,
					     environ);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return errnum;
}

bool wlt_courier_start(struct json_object *request, int bulk_fd, struct wlt_courier **out,
		       struct wlt_error *err)
{
	WLT_AUTOFREE struct wlt_courier *courier = calloc(1, sizeof *courier);
	WLT_AUTOCLOSE int request_fd = -1;
	WLT_AUTOCLOSE int from_child = -1;
	WLT_AUTOCLOSE int to_parent = -1;
	WLT_AUTOCLOSE int bulk = -1;
	int errnum;

	if (courier == NULL)
		return wlt_fail_memory(err);
	if (!write_request(request, &request_fd, err) || !make_pipe(&from_child, &to_parent, err))
		return false;
	if (bulk_fd >= 0) {
		bulk = fcntl(bulk_fd, F_DUPFD_CLOEXEC, FIRST_SPARE);
		if (bulk < 0)
			return wlt_fail_errno(err, errno, "a file cannot be handed over");
	}
	errnum = spawn(request_fd, to_parent, bulk, &courier->pid);
	if (errnum != 0)
		return wlt_fail_errno(err, errnum, "no process for a relay operation");
	courier->fd = wlt_take_fd(&from_child);
	*out = wlt_take(courier);
	return true;
}

/* --- waiting ----------------------------------------------------------------------------------- */

int wlt_courier_fd(const struct wlt_courier *courier)
{
	return courier->fd;
}

void wlt_courier_step(struct wlt_courier *courier, bool *done)
{
	while (!courier->ended) {
		char *room = wlt_buf_reserve(&courier->reply, PIECE);
		ssize_t got = room != NULL ? read(courier->fd, room, PIECE) : -1;

		if (room != NULL && got < 0 && errno == EINTR)
			continue;
		if (room != NULL && got < 0 && errno == EAGAIN)
			break;
		if (got > 0)
			courier->reply.len += (size_t)got;
		courier->too_long = courier->reply.len > MAX_REPLY;
		courier->ended = got <= 0 || courier->too_long;
	}
	*done = courier->ended;
}

/* Kill, reap, close. `*status` is the wait status. */
static void finish(struct wlt_courier *courier, int *status)
{
	/* One that has written its reply is at its very end already. */
	(void)kill(courier->pid, SIGKILL);
	while (waitpid(courier->pid, status, 0) < 0 && errno == EINTR)
		continue;
	(void)close(courier->fd);
}

void wlt_courier_kill(struct wlt_courier *courier)
{
	int status = 0;

	if (courier == NULL)
		return;
	finish(courier, &status);
	wlt_buf_free(&courier->reply);
	free(courier);
}

/* The error that the child reports. */
static bool fail_as_told(struct json_object *error, struct wlt_error *err)
{
	const char *kind = wlt_json_string(error, "kind");
	const char *text = wlt_json_string(error, "text");

	(void)wlt_fail(err, wlt_kind_from_name(kind != NULL ? kind : ""), "%s",
		       text != NULL ? text : "the operation failed without a reason");
	err->errnum = (int)wlt_json_int(error, "errnum", 0);
	return false;
}

static bool read_reply(const struct wlt_courier *courier, int status, struct json_object **reply,
		       struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;

	if (!wlt_buf_ok(&courier->reply, err))
		return false;
	if (courier->too_long)
		return wlt_fail(err, WLT_TOO_BIG, "the answer about a relay is larger than %u MiB",
				MAX_REPLY >> 20);
	if (courier->reply.len == 0 && WIFSIGNALED(status))
		return wlt_fail(err, WLT_INTERNAL, "the process for a relay operation died of %s",
				strsignal(WTERMSIG(status)));
	if (courier->reply.len == 0)
		return wlt_fail(err, WLT_INTERNAL,
				"the process for a relay operation ended without an answer");
	if (!wlt_json_parse(courier->reply.data, courier->reply.len, &root, err)) {
		err->kind = WLT_INTERNAL;
		return wlt_fail_context(err, "answer about a relay");
	}

	struct json_object *error = wlt_json_object(root, "error");

	if (error != NULL)
		return fail_as_told(error, err);
	*reply = wlt_take(root);
	return true;
}

bool wlt_courier_collect(struct wlt_courier *courier, struct json_object **reply,
			 struct wlt_error *err)
{
	int status = 0;
	bool ok;

	finish(courier, &status);
	ok = read_reply(courier, status, reply, err);
	wlt_buf_free(&courier->reply);
	free(courier);
	return ok;
}

/* --- one operation, waited for ----------------------------------------------------------------- */

static bool fail_deadline(struct json_object *request, int limit_ms, struct wlt_error *err)
{
	const char *url = wlt_json_string(request, "url");

	return wlt_fail(err, WLT_UNREACHABLE, "relay %s: no answer within %d seconds",
			url != NULL ? url : "operation", limit_ms / 1000);
}

/* Until the reply is there, time is up or the caller has had enough. */
static bool wait_for(struct wlt_courier *courier, struct json_object *request, int limit_ms,
		     int cancel_fd, struct wlt_error *err)
{
	int64_t deadline = wlt_clock_monotonic() + limit_ms;
	bool done = false;

	while (!done) {
		struct pollfd fds[] = {{.fd = courier->fd, .events = POLLIN},
				       {.fd = cancel_fd, .events = POLLIN}};
		int64_t left = deadline - wlt_clock_monotonic();
		int ready = left > 0 ? poll(fds, 2, (int)left) : 0;

		if (ready < 0 && errno != EINTR)
			return wlt_fail_errno(err, errno, "waiting for a relay");
		if (ready == 0 && left <= 0)
			return fail_deadline(request, limit_ms, err);
		if (ready > 0 && fds[1].revents != 0)
			return wlt_fail(err, WLT_CANCELLED, "stopped before the relay answered");
		if (ready > 0)
			wlt_courier_step(courier, &done);
	}
	return true;
}

bool wlt_courier_run(struct json_object *request, int bulk_fd, int limit_ms, int cancel_fd,
		     struct json_object **reply, struct wlt_error *err)
{
	struct wlt_courier *courier = NULL;

	if (!wlt_courier_start(request, bulk_fd, &courier, err))
		return false;
	if (!wait_for(courier, request, limit_ms, cancel_fd, err)) {
		wlt_courier_kill(courier);
		return false;
	}
	return wlt_courier_collect(courier, reply, err);
}
