/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/deflater.h"

#define ZLIB_CONST
#include <stdlib.h>
#include <zlib.h>

#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

struct zlib_deflater {
	struct wlt_deflater deflater;
	z_stream stream;
};

static bool zlib_run(struct wlt_deflater *deflater, const uint8_t *in, size_t len, uint8_t *out,
		     size_t *made, uint32_t *crc)
{
	struct zlib_deflater *self = (struct zlib_deflater *)deflater;
	z_stream *stream = &self->stream;

	if (deflateReset(stream) != Z_OK)
		return false;
	stream->next_in = in;
	stream->avail_in = (uInt)len;
	stream->next_out = out;
	stream->avail_out = WLT_DEFLATE_BOUND;
	if (deflate(stream, Z_FULL_FLUSH) != Z_OK || stream->avail_in != 0 ||
	    stream->avail_out == 0)
		return false;
	*made = WLT_DEFLATE_BOUND - stream->avail_out;
	*crc = (uint32_t)crc32(crc32(0, NULL, 0), in, (uInt)len);
	return true;
}

static void zlib_free(struct wlt_deflater *deflater)
{
	struct zlib_deflater *self = (struct zlib_deflater *)deflater;

	(void)deflateEnd(&self->stream); /* says only that output was discarded */
	free(self);
}

struct wlt_deflater *wlt_deflater_zlib(void)
{
	struct zlib_deflater *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return NULL;
	self->deflater.run = zlib_run;
	self->deflater.free = zlib_free;
	if (deflateInit2(&self->stream, 6, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(self);
		return NULL;
	}
	return &self->deflater;
}

#ifdef HAVE_ISAL

/* Level 3 comes closest to `gzip -6` in size, at many times its speed. */
#define ISAL_LEVEL      3
#define ISAL_LEVEL_ROOM ISAL_DEF_LVL3_DEFAULT

struct isal_deflater {
	struct wlt_deflater deflater;
	struct isal_zstream stream;
	uint8_t room[ISAL_LEVEL_ROOM];
};

static bool isal_run(struct wlt_deflater *deflater, const uint8_t *in, size_t len, uint8_t *out,
		     size_t *made, uint32_t *crc)
{
	struct isal_deflater *self = (struct isal_deflater *)deflater;
	struct isal_zstream *stream = &self->stream;

	isal_deflate_init(stream);
	stream->level = ISAL_LEVEL;
	stream->level_buf = self->room;
	stream->level_buf_size = sizeof(self->room);
	stream->flush = FULL_FLUSH;
	stream->next_in = (uint8_t *)(uintptr_t)in; /* only read; the interface lacks a const */
	stream->avail_in = (uint32_t)len;
	stream->next_out = out;
	stream->avail_out = WLT_DEFLATE_BOUND;
	if (isal_deflate(stream) != COMP_OK || stream->avail_in != 0 || stream->avail_out == 0)
		return false;
	*made = WLT_DEFLATE_BOUND - stream->avail_out;
	*crc = crc32_gzip_refl(0, in, len);
	return true;
}

static void isal_free(struct wlt_deflater *deflater)
{
	free(deflater);
}

struct wlt_deflater *wlt_deflater_isal(void)
{
	struct isal_deflater *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return NULL;
	self->deflater.run = isal_run;
	self->deflater.free = isal_free;
	return &self->deflater;
}

#else

struct wlt_deflater *wlt_deflater_isal(void)
{
	return NULL;
}

#endif

struct wlt_deflater *wlt_deflater_fast(void)
{
#ifdef HAVE_ISAL
	return wlt_deflater_isal();
#else
	return wlt_deflater_zlib();
#endif
}

void wlt_deflater_free(struct wlt_deflater *deflater)
{
	if (deflater != NULL)
		deflater->free(deflater);
}
