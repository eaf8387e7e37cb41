/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>

#include "package/source.h"

struct plain_source {
	struct wlt_source base;
	const struct wlt_plain *plain;
	uint64_t offset;
	uint64_t end;
};

static bool plain_read(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		       struct wlt_error *err)
{
	struct plain_source *self = (struct plain_source *)source;
	uint64_t left = self->end - self->offset;

	if (len > left)
		len = (size_t)left;
	if (!wlt_plain_read(self->plain, out, len, self->offset, got, err))
		return false;
	self->offset += *got;
	return true;
}

static void plain_close(struct wlt_source *source)
{
	free(source);
}

static const struct wlt_source_ops plain_ops = {plain_read, NULL, plain_close};

static bool source_plain(const struct wlt_plain *plain, uint64_t offset, uint64_t size,
			 struct wlt_source **out, struct wlt_error *err)
{
	struct plain_source *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return wlt_fail_memory(err);
	self->base.ops = &plain_ops;
	self->plain = plain;
	self->offset = offset;
	self->end = offset + size;
	*out = &self->base;
	return true;
}

bool wlt_source_span(const struct wlt_span *span, uint64_t offset, uint64_t size,
		     struct wlt_source **out, struct wlt_error *err)
{
	if (offset > span->size || size > span->size - offset)
		return wlt_fail(err, WLT_INTERNAL, "a window of %llu bytes at %llu in %llu bytes",
				(unsigned long long)size, (unsigned long long)offset,
				(unsigned long long)span->size);
	if (span->plain != NULL)
		return source_plain(span->plain, span->offset + offset, size, out, err);
	return wlt_source_raw(span->raw, span->offset + offset, size, out, err);
}
