/* SPDX-License-Identifier: MIT */
/* A relay operation run for somebody at a terminal, who may get tired of waiting. */
#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/terminal.h"
#include "post/courier.h"

/* Take what has been signalled, so that it does not strike once it is let through again. */
static void swallow(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
		continue;
}

bool wlt_cli_errand(struct json_object *request, const char *note, struct json_object **reply,
		    struct wlt_error *err)
{
	WLT_AUTOCLOSE int cancel = -1;
	sigset_t stops;
	sigset_t before;
	bool ok;

	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGINT);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &stops, &before) < 0)
		return wlt_fail_errno(err, errno, "signals cannot be held back");
	cancel = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	wlt_terminal_note(note);
	ok = cancel >= 0 ? wlt_courier_run(request, -1, WLT_COURIER_NETWORK_MS, cancel, reply, err)
			 : wlt_fail_errno(err, errno, "no signal descriptor");
	if (cancel >= 0)
		swallow(cancel);
	(void)sigprocmask(SIG_SETMASK, &before, NULL); /* cannot fail with a valid mask */
	return ok;
}
