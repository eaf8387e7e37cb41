/* SPDX-License-Identifier: MIT */
/* A manifest: parsed, written, and parsed again it is the same manifest. */
#include "config.h"

#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"

const char fuzz_target[] = "manifest";

/* Not every text that can be read can be written: a manifest has no way to say most control
 * characters. That has to be said, then. */
static bool format(const struct wlt_manifest *manifest, struct wlt_buf *out)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	if (wlt_manifest_format(manifest->tree, out, &err))
		return true;
	fuzz_require(err.kind == WLT_USAGE);
	return false;
}

static void require_same(const struct wlt_manifest *first, const struct wlt_buf *text)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_manifest_cleanup) struct wlt_manifest *second = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf again = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf canonical = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf same = WLT_BUF_INIT;

	fuzz_require(wlt_manifest_parse(text->data, text->len, &second, &err));
	fuzz_require_manifest(second);
	fuzz_require(wlt_manifest_canonical(first->tree, &canonical, &err));
	fuzz_require(wlt_manifest_canonical(second->tree, &same, &err));
	fuzz_require(canonical.len == same.len);
	fuzz_require(memcmp(canonical.data, same.data, same.len) == 0);
	fuzz_require(format(second, &again));
	fuzz_require(again.len == text->len);
	fuzz_require(memcmp(again.data, text->data, again.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_manifest_cleanup) struct wlt_manifest *manifest = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	uint8_t digest[WLT_SHA256_BYTES];

	if (!wlt_manifest_parse((const char *)bytes, len, &manifest, &err)) {
		fuzz_require(manifest == NULL);
		fuzz_require_refusal(&err);
		return 0;
	}
	fuzz_require_manifest(manifest);
	/* Whatever was accepted has an identity. */
	fuzz_require(wlt_manifest_digest(manifest->tree, digest, &err));
	if (format(manifest, &text))
		require_same(manifest, &text);
	return 0;
}
