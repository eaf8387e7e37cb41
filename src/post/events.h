/* SPDX-License-Identifier: MIT */
/*
 * The file `events`: one JSON line per event, appended, in the order they happened.
 *
 * Beyond WLT_EVENTS_BYTES it becomes `events.1` (replacing the older one) and a new file is begun.
 * Thread-safe by a lock of its own that is never held together with another.
 */
#ifndef WLT_POST_EVENTS_H
#define WLT_POST_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define WLT_EVENTS_BYTES (4 << 20)

struct wlt_events {
	pthread_mutex_t mutex; /* guards the rest */
	int dirfd;             /* borrowed */
	int fd;
	off_t size;
	off_t most; /* WLT_EVENTS_BYTES */
};

/* What an event is about; NULL members are left out. */
struct wlt_event {
	const char *event;
	const char *peer;
	const char *drop;
	const char *id;
	const char *package;
	const char *import_id;
	const char *reason;
};

bool wlt_events_open(struct wlt_events *events, int dirfd, struct wlt_error *err);
void wlt_events_close(struct wlt_events *events);

/* A line that cannot be written (full disk) is dropped: events tell, they do not decide. */
void wlt_events_append(struct wlt_events *events, const struct wlt_event *event);

int wlt_events_reader(struct wlt_events *events); /* a descriptor for the caller, -1 with errno */
int64_t wlt_events_size(struct wlt_events *events);

#endif
