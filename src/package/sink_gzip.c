/* SPDX-License-Identifier: MIT */
/*
 * RFC 1952 around independently compressed blocks. Where the blocks begin depends on the input
 * alone, so the same input gives the same bytes however many threads there are.
 */
#include "config.h"

#include "package/sink.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "package/deflate_pool.h"
#include "package/deflater.h"

struct sink_gzip {
	struct wlt_sink sink;
	struct wlt_deflate_pool *pool;
	bool begun; /* the header was written */
	uint32_t crc;
	uint32_t len; /* modulo 2^32, as the trailer wants it */
};

static bool write_header(struct sink_gzip *self, struct wlt_error *err)
{
	/* Magic, deflate, no flags, mtime 0, no hint on the level, Unix. */
	static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

	if (self->begun)
		return true;
	self->begun = true;
	return wlt_sink_write(self->sink.next, header, sizeof(header), err);
}

/* Write the oldest block out. */
static bool drain(struct sink_gzip *self, const struct wlt_job *job, struct wlt_error *err)
{
	if (!job->ok)
		return wlt_fail(err, WLT_INTERNAL, "cannot compress the package");
	if (!write_header(self, err) || !wlt_sink_write(self->sink.next, job->out, job->made, err))
		return false;
	self->crc = (uint32_t)crc32_combine(self->crc, job->crc, (z_off_t)job->len);
	self->len += (uint32_t)job->len;
	wlt_pool_release(self->pool);
	return true;
}

static bool gzip_write(struct wlt_sink *sink, const void *bytes, size_t len, struct wlt_error *err)
{
	struct sink_gzip *self = (struct sink_gzip *)sink;
	const uint8_t *in = bytes;

	while (len > 0) {
		struct wlt_job *job = wlt_pool_current(self->pool);
		size_t room;

		if (job != NULL && job->len == WLT_DEFLATE_BLOCK) {
			if (!wlt_pool_submit(self->pool, false, err))
				return false;
			job = wlt_pool_current(self->pool);
		}
		if (job == NULL) {
			if (!drain(self, wlt_pool_collect(self->pool), err))
				return false;
			continue;
		}
		room = WLT_DEFLATE_BLOCK - job->len;
		room = room < len ? room : len;
		memcpy(job->in + job->len, in, room);
		job->len += room;
		in += room;
		len -= room;
	}
	return true;
}

static void put_le32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static bool gzip_finish(struct wlt_sink *sink, struct wlt_error *err)
{
	/* An empty last block, then the trailer. */
	uint8_t trailer[10] = {0x03, 0x00};
	struct sink_gzip *self = (struct sink_gzip *)sink;
	struct wlt_job *job = wlt_pool_current(self->pool);

	if (job != NULL && job->len > 0 && !wlt_pool_submit(self->pool, true, err))
		return false;
	while ((job = wlt_pool_collect(self->pool)) != NULL)
		if (!drain(self, job, err))
			return false;
	put_le32(trailer + 2, self->crc);
	put_le32(trailer + 6, self->len);
	return write_header(self, err) && wlt_sink_write(sink->next, trailer, sizeof(trailer), err);
}

static void gzip_close(struct wlt_sink *sink)
{
	struct sink_gzip *self = (struct sink_gzip *)sink;

	wlt_pool_free(self->pool);
	free(self);
}

bool wlt_sink_gzip(unsigned threads, struct wlt_sink *next, struct wlt_sink **out,
		   struct wlt_error *err)
{
	static const struct wlt_sink_ops ops = {gzip_write, gzip_finish, gzip_close};
	struct sink_gzip *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		wlt_sink_close(next);
		return wlt_fail_memory(err);
	}
	self->sink.ops = &ops;
	self->sink.next = next;
	if (!wlt_pool_new(threads, &self->pool, err)) {
		wlt_sink_close(&self->sink);
		return false;
	}
	*out = &self->sink;
	return true;
}
