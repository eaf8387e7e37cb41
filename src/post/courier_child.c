/* SPDX-License-Identifier: MIT */
/* The child's side of a courier: one request, one reply, and then it is gone. */
#include "config.h"

#include "post/courier_child.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "post/courier.h"

#define MAX_REQUEST (64u << 20)
#define PIECE       65536

static const struct {
	const char *name;
	wlt_courier_operation *run;
} operations[] = {
	{"poll", wlt_courier_poll},     {"export", wlt_courier_export},
	{"apply", wlt_courier_apply},   {"forget", wlt_courier_forget},
	{"setup", wlt_courier_setup},   {"invite", wlt_courier_invite},
	{"accept", wlt_courier_accept},
};

const char *wlt_courier_need(struct json_object *request, const char *key, struct wlt_error *err)
{
	const char *text = wlt_json_string(request, key);

	if (text == NULL)
		(void)wlt_fail(err, WLT_INTERNAL, "a request for a relay has no %s", key);
	return text;
}

bool wlt_courier_mirror(struct json_object *request, struct wlt_mirror **mirror,
			struct wlt_error *err)
{
	const char *mirrors = wlt_courier_need(request, "mirrors", err);
	const char *url = mirrors != NULL ? wlt_courier_need(request, "url", err) : NULL;
	const struct wlt_transport transport = {.token_env = wlt_json_string(request, "token_env"),
						.author = wlt_json_string(request, "author")};

	return url != NULL && wlt_mirror_open(mirrors, url, &transport, mirror, err);
}

/* --- the frame --------------------------------------------------------------------------------- */

/* Die with the parent, also when it has died before this was arranged: then nobody has the other end of
 * the reply's pipe. */
static bool tie_to_parent(struct wlt_error *err)
{
	struct pollfd reply = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return wlt_fail_errno(err, errno, "the courier cannot be tied to its parent");
	if (poll(&reply, 1, 0) < 0)
		return wlt_fail_errno(err, errno, "the courier has no way to reply");
	return (reply.revents & POLLERR) == 0 || wlt_fail(err, WLT_CANCELLED, "nobody waits");
}

static bool read_request(struct json_object **request, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	size_t got = PIECE;

	while (got == PIECE) {
		char *room = wlt_buf_reserve(&text, PIECE);

		if (room == NULL)
			return wlt_fail_memory(err);

		int errnum = wlt_read_full(STDIN_FILENO, room, PIECE, &got);

		if (errnum != 0)
			return wlt_fail_errno(err, errnum, "a request cannot be read");
		text.len += got;
		if (text.len > MAX_REQUEST)
			return wlt_fail(err, WLT_TOO_BIG, "a request is too long");
	}
	return wlt_json_parse(text.data, text.len, request, err);
}

static bool serve(struct json_object *request, struct json_object *reply, struct wlt_error *err)
{
	const char *name = wlt_courier_need(request, "op", err);

	if (name == NULL)
		return false;
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
		if (strcmp(operations[i].name, name) == 0)
			return operations[i].run(request, reply, err);
	}
	return wlt_fail(err, WLT_INTERNAL, "a request for a relay asks for `%s`", name);
}

static bool work(struct json_object *reply, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *request = NULL;
	bool ok;

	if (!tie_to_parent(err) || !read_request(&request, err))
		return false;
	if (wlt_courier_poll_at_once(request, reply))
		return true;
	if (!wlt_keys_secure_memory(false, err) || !wlt_git_start(err))
		return false;
	ok = serve(request, reply, err);
	wlt_git_stop();
	return ok;
}

/* The reply of a failed operation has the error and nothing else. NULL when out of memory. */
static struct json_object *error_reply(const struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *reply = json_object_new_object();
	WLT_AUTO(wlt_json_put) struct json_object *error = json_object_new_object();

	if (reply == NULL || error == NULL ||
	    !wlt_json_set_string(error, "kind", wlt_kind_name(err->kind)) ||
	    !wlt_json_set_int(error, "errnum", err->errnum) ||
	    !wlt_json_set_string(error, "text", wlt_error_text(err)) ||
	    !wlt_json_set(reply, "error", json_object_get(error)))
		return NULL;
	return wlt_take(reply);
}

static int write_reply(struct json_object *reply)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_json_format_line(&text, reply);
	/* An incomplete reply is told from a complete one by the parser. */
	return text.failed || wlt_write_all(STDOUT_FILENO, text.data, text.len) != 0 ? 1 : 0;
}

int wlt_courier_child(void)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *reply = json_object_new_object();

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || reply == NULL)
		return 1;
	if (!work(reply, &err)) {
		json_object_put(reply);
		reply = error_reply(&err);
	}
	return reply != NULL ? write_reply(reply) : 1;
}
