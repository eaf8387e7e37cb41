/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/source.h"

#include <stdlib.h>

#include "base/cleanup.h"

/* From this size on inflating on another core pays for the thread. */
#define THREAD_FROM (256u << 10)

bool wlt_source_read(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		     struct wlt_error *err)
{
	*got = 0;
	return len == 0 || source->ops->read(source, out, len, got, err);
}

bool wlt_source_fill(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		     struct wlt_error *err)
{
	*got = 0;
	while (*got < len) {
		size_t n;

		if (!wlt_source_read(source, out + *got, len - *got, &n, err))
			return false;
		if (n == 0)
			break;
		*got += n;
	}
	return true;
}

bool wlt_source_skip(struct wlt_source *source, uint64_t len, uint64_t *passed,
		     struct wlt_error *err)
{
	WLT_AUTOFREE uint8_t *scratch = NULL;

	*passed = 0;
	if (source->ops->skip != NULL)
		return source->ops->skip(source, len, passed, err);
	scratch = malloc(WLT_SOURCE_BUFFER);
	if (scratch == NULL)
		return wlt_fail_memory(err);
	while (*passed < len) {
		uint64_t left = len - *passed;
		size_t n;

		if (!wlt_source_read(source, scratch,
				     left < WLT_SOURCE_BUFFER ? (size_t)left : WLT_SOURCE_BUFFER,
				     &n, err))
			return false;
		if (n == 0)
			break;
		*passed += n;
	}
	return true;
}

void wlt_source_close(struct wlt_source *source)
{
	if (source != NULL)
		source->ops->close(source);
}

bool wlt_source_payload(struct wlt_source *inner, bool sealed, uint64_t size,
			struct wlt_source **out, struct wlt_error *err)
{
	struct wlt_source *source = NULL;

	return wlt_source_gunzip(inner, sealed, &source, err) &&
	       wlt_source_ahead(source, size >= THREAD_FROM, out, err);
}
