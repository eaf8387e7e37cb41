/* SPDX-License-Identifier: MIT */
/* The tar of a payload, after decryption and inflation: what its members may be called and hold. */
#include "config.h"

#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "package/contents.h"

const char fuzz_target[] = "tar";

static void require_found(const struct wlt_contents *contents, size_t i)
{
	const struct wlt_found *found = &contents->found[i];
	size_t n = strlen(found->entry.path);

	fuzz_require_path(found->entry.path);
	fuzz_require(i == 0 || strcmp(contents->found[i - 1].entry.path, found->entry.path) < 0);
	if (found->folder) {
		fuzz_require(found->entry.size == 0);
		return;
	}
	fuzz_require_content(contents->plain, found->entry.offset, found->entry.size,
			     found->sha256);
	for (size_t j = 0; j < contents->n; j++) {
		const char *other = contents->found[j].entry.path;

		fuzz_require(strncmp(other, found->entry.path, n) != 0 || other[n] != '/');
	}
}

static void require_contents(const struct wlt_contents *contents,
			     const struct wlt_open_options *options)
{
	uint64_t sum = 0;

	fuzz_require(contents->n <= options->max_members);
	for (size_t i = 0; i < contents->n; i++) {
		require_found(contents, i);
		sum += contents->found[i].entry.size;
	}
	fuzz_require(sum == wlt_plain_size(contents->plain));
	fuzz_require(sum <= options->max_expanded);
	fuzz_require(wlt_plain_memory(contents->plain) <= options->memory_limit);
}

/* On to what a package does with them. */
static void compare(const struct wlt_contents *contents)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_manifest_cleanup) struct wlt_manifest *manifest = NULL;
	enum wlt_check check;

	if (!wlt_contents_manifest(contents, &check, &manifest, &err)) {
		fuzz_require(manifest == NULL);
		fuzz_require_refusal(&err);
		return;
	}
	fuzz_require_manifest(manifest);
	if (!wlt_contents_verify(contents, manifest, &check, &err))
		fuzz_require_refusal(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct wlt_open_options options = fuzz_options();
	struct wlt_raw raw = {-1, bytes, len};
	int fd = fuzz_free_fd();

	{
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		WLT_AUTO(wlt_source_cleanup) struct wlt_source *source = NULL;
		WLT_AUTO(wlt_contents_free) struct wlt_contents contents = {0};

		fuzz_require(wlt_source_raw(&raw, 0, raw.size, &source, &err));
		if (wlt_contents_read(source, &options, &contents, &err)) {
			require_contents(&contents, &options);
			compare(&contents);
		} else {
			fuzz_require_refusal(&err);
		}
	}
	fuzz_require(fuzz_free_fd() == fd);
	return 0;
}
