/* SPDX-License-Identifier: MIT */
/*
 * The deflate engine below wlt_source_gunzip(): ISA-L where it was built in, zlib otherwise. Only raw
 * deflate is left to the library; the gzip around it is read by source_gunzip.c, so that both builds
 * accept and refuse the same files.
 */
#ifndef WLT_PACKAGE_INFLATE_H
#define WLT_PACKAGE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct wlt_inflate;

enum wlt_inflate_status {
	WLT_INFLATE_MORE, /* input used up or output full */
	WLT_INFLATE_END,  /* the stream's last byte has been put out */
	WLT_INFLATE_BAD,  /* not deflate */
};

struct wlt_inflate_step {
	uint8_t *in; /* moved on by what was used */
	size_t in_len;
	uint8_t *out; /* moved on by what was made */
	size_t out_len;
	/* With WLT_INFLATE_END: bytes behind the stream that the engine had already taken in; the
	 * caller reads them first. */
	uint8_t spare[8];
	size_t n_spare;
};

bool wlt_inflate_new(struct wlt_inflate **out, struct wlt_error *err);
void wlt_inflate_free(struct wlt_inflate *inflate); /* NULL is allowed */

/* Begin a new stream. */
void wlt_inflate_reset(struct wlt_inflate *inflate);
enum wlt_inflate_status wlt_inflate_run(struct wlt_inflate *inflate, struct wlt_inflate_step *step);
/* CRC-32 of what the stream has given so far. */
uint32_t wlt_inflate_crc(const struct wlt_inflate *inflate);

#endif
