/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "package/source.h"

struct raw_source {
	struct wlt_source base;
	struct wlt_raw raw;
	uint64_t offset;
	uint64_t end;
};

static bool raw_read(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		     struct wlt_error *err)
{
	struct raw_source *self = (struct raw_source *)source;
	uint64_t left = self->end - self->offset;
	ssize_t n;

	if (len > left)
		len = (size_t)left;
	if (len == 0)
		return true;
	if (self->raw.fd < 0) {
		memcpy(out, self->raw.memory + self->offset, len);
		n = (ssize_t)len;
	} else {
		do {
			n = pread(self->raw.fd, out, len, (off_t)self->offset);
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return wlt_fail_errno(err, errno, "cannot read the package");
		if (n == 0)
			return wlt_fail(err, WLT_DAMAGED,
					"the package ended after %llu of %llu bytes: it became "
					"shorter while it was read",
					(unsigned long long)self->offset,
					(unsigned long long)self->raw.size);
	}
	self->offset += (uint64_t)n;
	*got = (size_t)n;
	return true;
}

static bool raw_skip(struct wlt_source *source, uint64_t len, uint64_t *passed,
		     struct wlt_error *err)
{
	struct raw_source *self = (struct raw_source *)source;
	uint64_t left = self->end - self->offset;

	(void)err; /* nothing can fail here */
	*passed = len < left ? len : left;
	self->offset += *passed;
	return true;
}

static void raw_close(struct wlt_source *source)
{
	free(source);
}

static const struct wlt_source_ops raw_ops = {raw_read, raw_skip, raw_close};

bool wlt_source_raw(const struct wlt_raw *raw, uint64_t offset, uint64_t size,
		    struct wlt_source **out, struct wlt_error *err)
{
	struct raw_source *self;

	if (offset > raw->size || size > raw->size - offset)
		return wlt_fail(err, WLT_INTERNAL, "a window of %llu bytes at %llu in %llu bytes",
				(unsigned long long)size, (unsigned long long)offset,
				(unsigned long long)raw->size);
	self = calloc(1, sizeof(*self));
	if (self == NULL)
		return wlt_fail_memory(err);
	self->base.ops = &raw_ops;
	self->raw = *raw;
	self->offset = offset;
	self->end = offset + size;
	*out = &self->base;
	return true;
}
