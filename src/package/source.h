/* SPDX-License-Identifier: MIT */
/*
 * A source: one stage of the reading pipeline, from which bytes are pulled.
 *
 *     window → [AES-256-CBC] → gunzip → read-ahead → tar reader
 *
 * A stage owns the one it pulls from and closes it; no stage knows what its neighbours are. Each
 * reads ahead no more than its own fixed buffers, so memory is bounded whatever the input says.
 * A source belongs to one thread at a time.
 */
#ifndef WLT_PACKAGE_SOURCE_H
#define WLT_PACKAGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "package/package.h"

/* Buffer of a stage: large enough that nothing is done per byte or per small call. */
#define WLT_SOURCE_BUFFER (256u << 10)

struct wlt_source;

struct wlt_source_ops {
	/* Put between 1 and `len` (> 0) bytes into `out`; 0 only at the end. */
	bool (*read)(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		     struct wlt_error *err);
	/* Pass over up to `len` bytes, less only at the end. NULL: they have to be read. */
	bool (*skip)(struct wlt_source *source, uint64_t len, uint64_t *passed,
		     struct wlt_error *err);
	void (*close)(struct wlt_source *source);
};

/* First member of every stage's own struct. */
struct wlt_source {
	const struct wlt_source_ops *ops;
};

bool wlt_source_read(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		     struct wlt_error *err);
/* Read until `len` bytes are there; fewer only at the end. */
bool wlt_source_fill(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		     struct wlt_error *err);
bool wlt_source_skip(struct wlt_source *source, uint64_t len, uint64_t *passed,
		     struct wlt_error *err);
void wlt_source_close(struct wlt_source *source); /* NULL is allowed */
static inline void wlt_source_cleanup(struct wlt_source **source)
{
	wlt_source_close(*source);
}

/* --- stages; `inner` is taken over, also on failure ------------------------------------------- */

/* The `size` bytes at `offset` of `raw`, whose bytes have to stay. */
bool wlt_source_raw(const struct wlt_raw *raw, uint64_t offset, uint64_t size,
		    struct wlt_source **out, struct wlt_error *err);

/* Bytes that can be read as often as is needed: a part of the package as it lies there or, when `plain`
 * is not NULL, of a sealed store. */
struct wlt_span {
	const struct wlt_raw *raw;
	const struct wlt_plain *plain;
	uint64_t offset;
	uint64_t size;
};

/* The `size` bytes at `offset` of `span`. */
bool wlt_source_span(const struct wlt_span *span, uint64_t offset, uint64_t size,
		     struct wlt_source **out, struct wlt_error *err);

/* AES-256-CBC with PKCS#7 padding. Key and IV are copied. */
bool wlt_source_cbc(struct wlt_source *inner, const uint8_t key[32], const uint8_t iv[16],
		    struct wlt_source **out, struct wlt_error *err);

/* Gzip: any number of members read as one, every member's CRC and length checked, nothing behind the
 * last. `sealed`: what is read was encrypted, so that its faults are told in the words that
 * wlt_source_cbc() uses for its own. */
bool wlt_source_gunzip(struct wlt_source *inner, bool sealed, struct wlt_source **out,
		       struct wlt_error *err);

/* The same bytes, fetched in large pieces; by a thread of its own, ahead of the reader, when
 * `threaded` (and there is a thread to be had). */
bool wlt_source_ahead(struct wlt_source *inner, bool threaded, struct wlt_source **out,
		      struct wlt_error *err);

/* The two stages above in a row: from a payload of `size` bytes to its tar. */
bool wlt_source_payload(struct wlt_source *inner, bool sealed, uint64_t size,
			struct wlt_source **out, struct wlt_error *err);

/* What is said of a payload that does not unpad or inflate: one sentence for both, for a cipher
 * without authentication must not be made to tell them apart. */
#define WLT_SEALED_FAULT "payload cannot be decrypted or is damaged"

#endif
