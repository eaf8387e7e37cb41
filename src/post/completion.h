/* SPDX-License-Identifier: MIT */
/*
 * When is a drop complete? A pure state machine: events and a clock go in, what to do and when to ask
 * again come out. Times are milliseconds of one clock that only moves forward.
 *
 *   - every writer has exited with success, no handle is open, nothing is going on: complete
 *     `grace_ms` after the last of it;
 *   - a writer is still alive, or its exit status cannot be had: complete after `settle_ms` without any
 *     operation;
 *   - a writer failed or was killed, or a write failed: interrupted, after the same quiet time, so that
 *     another writer that is still busy is not cut in two;
 *   - held, or not named yet: never by itself.
 *
 * Not thread-safe; the caller's lock guards it.
 */
#ifndef WLT_POST_COMPLETION_H
#define WLT_POST_COMPLETION_H

#include <stdbool.h>
#include <stdint.h>

#define WLT_NEVER INT64_MAX

/* A drop with temporary names left in it has to be quiet this many times longer. */
#define WLT_TEMPORARY_PATIENCE 10

struct wlt_completion_times {
	int64_t grace_ms;
	int64_t settle_ms;
};

enum wlt_writer_end { WLT_WRITER_SUCCEEDED, WLT_WRITER_FAILED, WLT_WRITER_UNKNOWN };

/* What a look into the tree found that asks for more patience. */
enum wlt_finding { WLT_FOUND_NOTHING, WLT_FOUND_EMPTY, WLT_FOUND_TEMPORARY };

enum wlt_step {
	WLT_STEP_WAIT,
	WLT_STEP_COMPLETE,
	WLT_STEP_INTERRUPT,
};

struct wlt_completion {
	int64_t last;              /* when something last happened */
	unsigned operations;       /* begun, not ended */
	unsigned handles;          /* open, may write */
	unsigned running;          /* writers that have not ended */
	bool unknown;              /* a writer's end cannot be judged */
	bool failed;               /* a writer failed */
	int spoiled;               /* errno of a write that failed, 0 for none */
	bool held;                 /* the user holds it */
	bool unnamed;              /* its name says that it is not finished */
	bool forced;               /* asked for now */
	enum wlt_finding patience; /* what the last look found */
};

/* Begin anew: what failed, was found or forced is forgotten; open handles, operations in progress and
 * holds stay. */
void wlt_completion_restart(struct wlt_completion *completion, int64_t now);

void wlt_completion_begin(struct wlt_completion *completion, int64_t now);
void wlt_completion_end(struct wlt_completion *completion, int64_t now);
void wlt_completion_opened(struct wlt_completion *completion, int64_t now);
void wlt_completion_closed(struct wlt_completion *completion, int64_t now);
void wlt_completion_joined(struct wlt_completion *completion);
void wlt_completion_left(struct wlt_completion *completion, enum wlt_writer_end end, int64_t now);

/* The drop was found complete, but a look into it asks to wait longer. */
void wlt_completion_found(struct wlt_completion *completion, enum wlt_finding finding);

/* What to do at `now`, and in `*wake` when to ask again if nothing happens (WLT_NEVER: only then). */
enum wlt_step wlt_completion_step(const struct wlt_completion *completion,
				  const struct wlt_completion_times *times, int64_t now,
				  int64_t *wake);

/* Complete only because it has been quiet: nobody's exit status vouches for it. */
bool wlt_completion_by_time(const struct wlt_completion *completion);

/* Names that programs give to what they have not finished: `.NAME.XXXXXX` (rsync), `.goutputstream-*`,
 * `*.part`, `*.filepart`, `*.crdownload`, `*.kate-swp`, `.~tmp~`. */
bool wlt_name_is_temporary(const char *name);

/* Of those, the names that no person would give: `.NAME.XXXXXX` and `.goutputstream-*`. */
bool wlt_name_is_left_over(const char *name);

/* A drop of this name waits to be renamed: hidden, `*.part` or `*.crdownload`. */
bool wlt_name_is_unfinished(const char *name);

#endif
