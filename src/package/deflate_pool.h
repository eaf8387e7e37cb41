/* SPDX-License-Identifier: MIT */
/*
 * Blocks compressed on several threads and handed back in the order they went in. One thread fills
 * and collects:
 *
 *     job = wlt_pool_current()     put bytes into job->in
 *     wlt_pool_submit()            on to the next
 *     job = wlt_pool_collect()     the oldest, done; NULL when there is none
 *     wlt_pool_release()           its place is free again
 */
#ifndef WLT_PACKAGE_DEFLATE_POOL_H
#define WLT_PACKAGE_DEFLATE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum wlt_job_state { WLT_JOB_FREE, WLT_JOB_READY, WLT_JOB_TAKEN, WLT_JOB_DONE };

struct wlt_job {
	enum wlt_job_state state; /* under the pool's lock */
	bool thorough;            /* one of the first blocks */
	bool ok;
	size_t len;
	size_t made;
	uint32_t crc;
	uint8_t *in;  /* WLT_DEFLATE_BLOCK bytes */
	uint8_t *out; /* WLT_DEFLATE_BOUND bytes */
};

/* So many blocks are compressed by zlib as `gzip -6` would, the others by what is fastest: most walnuts
 * are text, fit into these, and are a tenth smaller for it, while the time of large ones hardly
 * changes. */
#define WLT_THOROUGH_BLOCKS 4

struct wlt_deflate_pool;

/* `threads` 0: one per processor, at most four. No thread runs before the second block. */
bool wlt_pool_new(unsigned threads, struct wlt_deflate_pool **out, struct wlt_error *err);
void wlt_pool_free(struct wlt_deflate_pool *pool); /* stops the threads; NULL is allowed */

/* The job to be filled, or NULL when all places are taken: collect first. */
struct wlt_job *wlt_pool_current(struct wlt_deflate_pool *pool);

/* `last`: nothing follows, so a lone block is compressed by the caller itself. */
bool wlt_pool_submit(struct wlt_deflate_pool *pool, bool last, struct wlt_error *err);

struct wlt_job *wlt_pool_collect(struct wlt_deflate_pool *pool);
void wlt_pool_release(struct wlt_deflate_pool *pool);

#endif
