/* SPDX-License-Identifier: MIT */
/*
 * Gzip (RFC 1952) around the deflate engine: header, trailer, several members in a row, and the rule
 * that nothing follows the last.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "package/inflate.h"
#include "package/source.h"

#define FLAG_HCRC     0x02u
#define FLAG_EXTRA    0x04u
#define FLAG_NAME     0x08u
#define FLAG_COMMENT  0x10u
#define FLAG_RESERVED 0xe0u
#define TRAILER_BYTES 8u
#define HEADROOM      8u /* for what the engine gives back */

struct gunzip_source {
	struct wlt_source base;
	struct wlt_source *inner;
	struct wlt_inflate *inflate;
	bool sealed;
	bool in_member; /* between a member's header and trailer */
	bool ended;
	bool any;             /* a member has been read */
	uint64_t member_size; /* bytes put out by this member */
	size_t at;            /* next byte of `buffer` */
	size_t end;           /* behind its last */
	uint8_t buffer[HEADROOM + WLT_SOURCE_BUFFER];
};

static bool fault(const struct gunzip_source *self, const char *text, struct wlt_error *err)
{
	return wlt_fail(err, WLT_DAMAGED, "%s", self->sealed ? WLT_SEALED_FAULT : text);
}

static bool truncated(const struct gunzip_source *self, struct wlt_error *err)
{
	return fault(self, "the gzip stream ends too early (package cut short)", err);
}

/* See to it that there is input; `*any` is false only at the end. */
static bool have_input(struct gunzip_source *self, bool *any, struct wlt_error *err)
{
	size_t n;

	*any = self->at < self->end;
	if (*any)
		return true;
	self->at = HEADROOM;
	self->end = HEADROOM;
	if (!wlt_source_read(self->inner, self->buffer + HEADROOM, WLT_SOURCE_BUFFER, &n, err))
		return false;
	self->end += n;
	*any = n > 0;
	return true;
}

/* Exactly `len` bytes of header or trailer. */
static bool take(struct gunzip_source *self, uint8_t *out, size_t len, struct wlt_error *err)
{
	for (size_t i = 0; i < len; i++) {
		bool any;

		if (!have_input(self, &any, err))
			return false;
		if (!any)
			return truncated(self, err);
		out[i] = self->buffer[self->at++];
	}
	return true;
}

static bool take_header(struct gunzip_source *self, uint8_t *out, size_t len, uLong *crc,
			struct wlt_error *err)
{
	if (!take(self, out, len, err))
		return false;
	*crc = crc32_z(*crc, out, len);
	return true;
}

static bool skip_text(struct gunzip_source *self, uLong *crc, struct wlt_error *err)
{
	uint8_t c = 0;

	do {
		if (!take_header(self, &c, 1, crc, err))
			return false;
	} while (c != 0);
	return true;
}

static bool skip_extra(struct gunzip_source *self, uLong *crc, struct wlt_error *err)
{
	uint8_t len[2] = {0};
	uint8_t c = 0;

	if (!take_header(self, len, sizeof(len), crc, err))
		return false;
	for (unsigned left = len[0] | (unsigned)len[1] << 8; left > 0; left--) {
		if (!take_header(self, &c, 1, crc, err))
			return false;
	}
	return true;
}

static bool check_header_crc(struct gunzip_source *self, uLong crc, struct wlt_error *err)
{
	uint8_t stored[2] = {0};

	if (!take(self, stored, sizeof(stored), err))
		return false;
	if ((crc & 0xffffu) != (stored[0] | (uLong)stored[1] << 8))
		return fault(self, "a gzip header's CRC is wrong (package damaged)", err);
	return true;
}

static bool read_magic(struct gunzip_source *self, uLong *crc, struct wlt_error *err)
{
	static const uint8_t magic[] = {0x1f, 0x8b};

	for (size_t i = 0; i < sizeof(magic); i++) {
		uint8_t c = 0;

		if (!take_header(self, &c, 1, crc, err))
			return false;
		if (c != magic[i])
			return fault(self,
				     self->any ? "bytes follow the end of the gzip stream"
					       : "no gzip stream",
				     err);
	}
	return true;
}

static bool read_header(struct gunzip_source *self, struct wlt_error *err)
{
	uint8_t head[8] = {0}; /* behind the magic: method, flags, time, hints */
	uLong crc = 0;

	if (!read_magic(self, &crc, err) || !take_header(self, head, sizeof(head), &crc, err))
		return false;
	if (head[0] != 8 || (head[1] & FLAG_RESERVED) != 0)
		return fault(self, "a gzip header asks for an unknown method or flag", err);
	if ((head[1] & FLAG_EXTRA) != 0 && !skip_extra(self, &crc, err))
		return false;
	if ((head[1] & FLAG_NAME) != 0 && !skip_text(self, &crc, err))
		return false;
	if ((head[1] & FLAG_COMMENT) != 0 && !skip_text(self, &crc, err))
		return false;
	if ((head[1] & FLAG_HCRC) != 0 && !check_header_crc(self, crc, err))
		return false;
	wlt_inflate_reset(self->inflate);
	self->in_member = true;
	self->any = true;
	self->member_size = 0;
	return true;
}

static uint32_t little_endian(const uint8_t bytes[4])
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static bool read_trailer(struct gunzip_source *self, struct wlt_error *err)
{
	uint8_t tail[TRAILER_BYTES] = {0};

	if (!take(self, tail, sizeof(tail), err))
		return false;
	if (little_endian(tail) != wlt_inflate_crc(self->inflate))
		return fault(self, "the CRC of the gzip stream is wrong (package damaged)", err);
	if (little_endian(tail + 4) != (uint32_t)self->member_size)
		return fault(self, "the length of the gzip stream is wrong (package damaged)", err);
	self->in_member = false;
	return true;
}

/* Inflate into `out` until it is full, the input at hand is used up or the member ends. */
static bool inflate_some(struct gunzip_source *self, uint8_t *out, size_t len, size_t *got,
			 struct wlt_error *err)
{
	struct wlt_inflate_step step = {0};
	enum wlt_inflate_status status;

	step.in = self->buffer + self->at;
	step.in_len = self->end - self->at;
	step.out = out;
	step.out_len = len;
	status = wlt_inflate_run(self->inflate, &step);
	self->at = self->end - step.in_len;
	*got = len - step.out_len;
	self->member_size += *got;
	if (status == WLT_INFLATE_BAD)
		return fault(self, "the gzip stream is damaged", err);
	if (status == WLT_INFLATE_MORE)
		return true;
	/* `at` is never below HEADROOM, so there is room in front whatever the buffer holds. */
	self->at -= step.n_spare;
	memcpy(self->buffer + self->at, step.spare, step.n_spare);
	return read_trailer(self, err);
}

static bool gunzip_read(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
			struct wlt_error *err)
{
	struct gunzip_source *self = (struct gunzip_source *)source;

	*got = 0;
	while (*got == 0 && !self->ended) {
		bool any;

		if (!have_input(self, &any, err))
			return false;
		if (!self->in_member) {
			if (any || !self->any) {
				if (!read_header(self, err))
					return false;
				continue;
			}
			self->ended = true;
			break;
		}
		/* With no input left the engine may still hold back output. */
		if (!inflate_some(self, out, len, got, err))
			return false;
		if (!any && *got == 0 && self->in_member)
			return truncated(self, err);
	}
	return true;
}

static void gunzip_close(struct wlt_source *source)
{
	struct gunzip_source *self = (struct gunzip_source *)source;

	wlt_inflate_free(self->inflate);
	wlt_source_close(self->inner);
	free(self);
}

static const struct wlt_source_ops gunzip_ops = {gunzip_read, NULL, gunzip_close};

bool wlt_source_gunzip(struct wlt_source *inner, bool sealed, struct wlt_source **out,
		       struct wlt_error *err)
{
	struct gunzip_source *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		wlt_source_close(inner);
		return wlt_fail_memory(err);
	}
	self->base.ops = &gunzip_ops;
	self->inner = inner;
	self->sealed = sealed;
	self->at = HEADROOM;
	self->end = HEADROOM;
	if (!wlt_inflate_new(&self->inflate, err)) {
		gunzip_close(&self->base);
		return false;
	}
	*out = &self->base;
	return true;
}
