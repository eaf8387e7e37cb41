/* SPDX-License-Identifier: MIT */
/*
 * How far something has come, on one line of stderr: only when that is a terminal, only once the
 * work takes more than half a second, and gone when it is done.
 */
#ifndef WLT_CLI_PROGRESS_H
#define WLT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct wlt_progress {
	bool wanted;
	bool shown;
	int64_t begun; /* milliseconds, monotonic */
	int64_t last;  /* when it was drawn */
	const char *what;
	int64_t what_begun;
	uint64_t what_done; /* at that time */
};

void wlt_progress_begin(struct wlt_progress *progress);

/* `what` is being done ("packing"; it stays borrowed) and has come to `done` of `total` bytes. Cheap
 * enough to be called for every block. */
void wlt_progress_tell(struct wlt_progress *progress, const char *what, uint64_t done,
		       uint64_t total);

/* Wipe the line. May be called again, and for one that is all zero. */
void wlt_progress_end(struct wlt_progress *progress);

#endif
