/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Take what has been signalled, so that it does not strike once it is let through again. */
static bool take_signals(int fd)
{
	struct signalfd_siginfo info;
	bool any = false;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		any = true;
	return any;
}

static void *watch(void *context)
{
	struct wlt_interrupt *interrupt = context;
	struct pollfd fds[] = {{.fd = interrupt->signals, .events = POLLIN},
			       {.fd = interrupt->quit, .events = POLLIN}};

	while (fds[1].revents == 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL; /* out of kernel memory: the work just cannot be stopped */
		if (take_signals(interrupt->signals))
			atomic_store(&interrupt->stop, true);
	}
	return NULL;
}

/* Add the signals that are not ignored: a blocked one would be queued in spite of that. */
static void choose_signals(sigset_t *stops)
{
	static const int candidates[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;

	(void)sigemptyset(stops);
	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		if (sigaction(candidates[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(stops, candidates[i]);
	}
}

bool wlt_interrupt_begin(struct wlt_interrupt *interrupt, struct wlt_error *err)
{
	sigset_t stops;
	int errnum;

	choose_signals(&stops);
	/* Before the watcher is there: it and every later thread inherit the mask. */
	errnum = pthread_sigmask(SIG_BLOCK, &stops, &interrupt->before);
	if (errnum != 0)
		return wlt_fail_errno(err, errnum, "signals cannot be held back");
	interrupt->blocked = true;
	interrupt->signals = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	interrupt->quit = eventfd(0, EFD_CLOEXEC);
	if (interrupt->signals < 0 || interrupt->quit < 0)
		return wlt_fail_errno(err, errno, "signals cannot be watched");
	errnum = pthread_create(&interrupt->watcher, NULL, watch, interrupt);
	if (errnum != 0)
		return wlt_fail_errno(err, errnum, "signals cannot be watched");
	interrupt->watching = true;
	return true;
}

void wlt_interrupt_end(struct wlt_interrupt *interrupt)
{
	const uint64_t one = 1;

	/* An eventfd that nobody has written to takes a 1. */
	if (interrupt->watching && write(interrupt->quit, &one, sizeof(one)) == sizeof(one))
		(void)pthread_join(interrupt->watcher, NULL);
	if (interrupt->signals >= 0)
		(void)take_signals(interrupt->signals);
	wlt_cleanup_close(&interrupt->signals);
	wlt_cleanup_close(&interrupt->quit);
	if (interrupt->blocked)
		(void)pthread_sigmask(SIG_SETMASK, &interrupt->before, NULL); /* a valid mask */
}
