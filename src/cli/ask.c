/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/ask.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/terminal.h"

#define ANSWER_BYTES 64

bool wlt_ask_possible(void)
{
	return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

/* Take what has been signalled, so that it does not strike once it is let through again. */
static void swallow(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		continue;
}

/* A terminal hands out a line at a time; what is longer than any answer is none. */
static bool read_answer(int signals, char answer[ANSWER_BYTES], struct wlt_error *err)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = signals, .events = POLLIN}};
	ssize_t len;

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return wlt_fail_errno(err, errno, "cannot wait for an answer");
	if (fds[1].revents != 0) {
		swallow(signals);
		return wlt_fail(err, WLT_CANCELLED, "stopped");
	}
	len = read(STDIN_FILENO, answer, ANSWER_BYTES - 1);
	if (len < 0)
		return wlt_fail_errno(err, errno, "cannot read the answer");
	answer[len] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	return true;
}

bool wlt_ask_yes(const char *question, bool *yes, struct wlt_error *err)
{
	WLT_AUTOCLOSE int signals = -1;
	char answer[ANSWER_BYTES] = "";
	sigset_t stops;
	sigset_t before;
	bool ok;

	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGINT);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &stops, &before) < 0)
		return wlt_fail_errno(err, errno, "signals cannot be held back");
	signals = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	wlt_terminal_put(stderr, question);
	(void)fputs(" [y/N] ", stderr);
	(void)fflush(stderr);
	ok = signals >= 0 ? read_answer(signals, answer, err)
			  : wlt_fail_errno(err, errno, "no signal descriptor");
	if (!ok)
		(void)fputc('\n', stderr);             /* the question has its line to itself */
	(void)sigprocmask(SIG_SETMASK, &before, NULL); /* cannot fail with a valid mask */
	*yes = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
	return ok;
}
