/* SPDX-License-Identifier: MIT */
/*
 * The writing pipeline: bytes are pushed through stages, each of which knows only that there is a
 * next one.
 *
 *     tar members → gzip → [AES-256-CBC] → file
 *
 * A stage owns the next: closing the first closes all. After a failed call a pipeline can only be
 * closed. One thread pushes; what threads a stage uses inside is its own affair.
 */
#ifndef WLT_PACKAGE_SINK_H
#define WLT_PACKAGE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct wlt_sink;

struct wlt_sink_ops {
	bool (*write)(struct wlt_sink *sink, const void *bytes, size_t len, struct wlt_error *err);
	bool (*finish)(struct wlt_sink *sink, struct wlt_error *err);
	void (*close)(struct wlt_sink *sink); /* releases the stage itself, not the next */
};

struct wlt_sink {
	const struct wlt_sink_ops *ops;
	struct wlt_sink *next; /* NULL: the last */
};

static inline bool wlt_sink_write(struct wlt_sink *sink, const void *bytes, size_t len,
				  struct wlt_error *err)
{
	return sink->ops->write(sink, bytes, len, err);
}

/* Write out what is held back, here and in all that follow. Once, as the last call but close. */
static inline bool wlt_sink_finish(struct wlt_sink *sink, struct wlt_error *err)
{
	return sink->ops->finish(sink, err) &&
	       (sink->next == NULL || wlt_sink_finish(sink->next, err));
}

static inline void wlt_sink_close(struct wlt_sink *sink) /* NULL is allowed */
{
	while (sink != NULL) {
		struct wlt_sink *next = sink->next;

		sink->ops->close(sink);
		sink = next;
	}
}

static inline void wlt_sink_cleanup(struct wlt_sink **sink)
{
	wlt_sink_close(*sink);
}

/* Into a file at its current position; `fd` is borrowed. */
bool wlt_sink_fd(int fd, struct wlt_sink **out, struct wlt_error *err);

/* The following take `next` over, also on failure. */

/* AES-256-CBC with PKCS#7 padding. The key is copied into the cipher, which cleanses it. */
bool wlt_sink_cbc(const uint8_t key[32], const uint8_t iv[16], struct wlt_sink *next,
		  struct wlt_sink **out, struct wlt_error *err);

/* One gzip member: no name, mtime 0. The bytes do not depend on `threads`, the number that may
 * compress at a time (0: as the machine has processors); they start with the second block. */
bool wlt_sink_gzip(unsigned threads, struct wlt_sink *next, struct wlt_sink **out,
		   struct wlt_error *err);

#endif
