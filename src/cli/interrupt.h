/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C for work that has to tidy up behind itself.
 *
 * From begin to end, SIGINT, SIGTERM and SIGHUP kill nobody: they set `stop`, which the work looks at
 * now and then and hands down as its `cancel`. A signal that was ignored from the beginning (nohup)
 * stays ignored. There is at most one of these at a time in a process.
 */
#ifndef WLT_CLI_INTERRUPT_H
#define WLT_CLI_INTERRUPT_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct wlt_interrupt {
	atomic_bool stop;
	int signals; /* a signalfd */
	int quit;    /* an eventfd: the watcher may go */
	bool blocked;
	bool watching;
	pthread_t watcher;
	sigset_t before;
};

#define WLT_INTERRUPT_INIT                \
	{                                 \
		.signals = -1, .quit = -1 \
	}

/* `interrupt`, initialized, must stay where it is until the end. Ending is right in any case. */
bool wlt_interrupt_begin(struct wlt_interrupt *interrupt, struct wlt_error *err);
void wlt_interrupt_end(struct wlt_interrupt *interrupt);

#endif
