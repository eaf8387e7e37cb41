/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/inflate.h"

#include <limits.h>
#include <stdlib.h>

#ifdef HAVE_ISAL

#include <isa-l/igzip_lib.h>

struct wlt_inflate {
	struct inflate_state state;
};

bool wlt_inflate_new(struct wlt_inflate **out, struct wlt_error *err)
{
	struct wlt_inflate *self = malloc(sizeof(*self));

	if (self == NULL)
		return wlt_fail_memory(err);
	isal_inflate_init(&self->state);
	wlt_inflate_reset(self);
	*out = self;
	return true;
}

void wlt_inflate_free(struct wlt_inflate *self)
{
	free(self);
}

void wlt_inflate_reset(struct wlt_inflate *self)
{
	isal_inflate_reset(&self->state);
	self->state.crc_flag = ISAL_GZIP_NO_HDR; /* raw deflate, and the CRC of what comes out */
}

/* ISA-L fetches input in words; give back the whole bytes that lie behind the stream's end. */
static void return_spare(struct inflate_state *state, struct wlt_inflate_step *step)
{
	unsigned bits = state->read_in_length > 0 ? (unsigned)state->read_in_length : 0;
	uint64_t word = state->read_in >> (bits % 8);

	step->n_spare = bits / 8;
	for (size_t i = 0; i < step->n_spare; i++)
		step->spare[i] = (uint8_t)(word >> (8 * i));
}

enum wlt_inflate_status wlt_inflate_run(struct wlt_inflate *self, struct wlt_inflate_step *step)
{
	struct inflate_state *state = &self->state;
	int rc;

	state->next_in = step->in;
	state->avail_in = (uint32_t)(step->in_len < UINT_MAX ? step->in_len : UINT_MAX);
	state->next_out = step->out;
	state->avail_out = (uint32_t)(step->out_len < UINT_MAX ? step->out_len : UINT_MAX);
	rc = isal_inflate(state);
	step->in_len -= (size_t)(state->next_in - step->in);
	step->in = state->next_in;
	step->out_len -= (size_t)(state->next_out - step->out);
	step->out = state->next_out;
	step->n_spare = 0;
	if (rc != ISAL_DECOMP_OK)
		return WLT_INFLATE_BAD;
	if (state->block_state != ISAL_BLOCK_FINISH)
		return WLT_INFLATE_MORE;
	return_spare(state, step);
	return WLT_INFLATE_END;
}

uint32_t wlt_inflate_crc(const struct wlt_inflate *self)
{
	return self->state.crc;
}

#else /* zlib */

#include <zlib.h>

struct wlt_inflate {
	z_stream stream;
	uLong crc;
};

bool wlt_inflate_new(struct wlt_inflate **out, struct wlt_error *err)
{
	struct wlt_inflate *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return wlt_fail_memory(err);
	if (inflateInit2(&self->stream, -MAX_WBITS) != Z_OK) {
		free(self);
		return wlt_fail_memory(err);
	}
	*out = self;
	return true;
}

void wlt_inflate_free(struct wlt_inflate *self)
{
	if (self == NULL)
		return;
	(void)inflateEnd(&self->stream); /* fails only for a stream that never was one */
	free(self);
}

void wlt_inflate_reset(struct wlt_inflate *self)
{
	(void)inflateReset(&self->stream); /* likewise */
	self->crc = 0;
}

enum wlt_inflate_status wlt_inflate_run(struct wlt_inflate *self, struct wlt_inflate_step *step)
{
	z_stream *stream = &self->stream;
	uint8_t *made = step->out;
	int rc;

	stream->next_in = step->in;
	stream->avail_in = (uInt)(step->in_len < UINT_MAX ? step->in_len : UINT_MAX);
	stream->next_out = step->out;
	stream->avail_out = (uInt)(step->out_len < UINT_MAX ? step->out_len : UINT_MAX);
	rc = inflate(stream, Z_NO_FLUSH);
	step->in_len -= (size_t)(stream->next_in - step->in);
	step->in = stream->next_in;
	step->out_len -= (size_t)(stream->next_out - step->out);
	step->out = stream->next_out;
	step->n_spare = 0; /* zlib takes no byte it does not use */
	self->crc = crc32_z(self->crc, made, (size_t)(step->out - made));
	if (rc == Z_STREAM_END)
		return WLT_INFLATE_END;
	/* Z_BUF_ERROR: nothing could be done with what was there, which is no fault. */
	return rc == Z_OK || rc == Z_BUF_ERROR ? WLT_INFLATE_MORE : WLT_INFLATE_BAD;
}

uint32_t wlt_inflate_crc(const struct wlt_inflate *self)
{
	return (uint32_t)self->crc;
}

#endif
