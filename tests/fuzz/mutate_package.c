/* SPDX-License-Identifier: MIT */
/*
 * fuzz_package's inputs: the tar inside is changed, and then what would give the change away is made
 * good again – checksums, the manifest's list of files, the gzip around it – or some of it is not.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "mutate_tar.h"
#include "package/digest.h"

#define ROOM          (64u << 10)
#define GZIP_WINDOW   (15 + 16)
#define NAME_LEN      100
#define LIST          "\nfiles:"
#define PAYLOAD       "payload_sha256: \""
#define MANIFEST_NAME "manifest.yaml"

/* --- gzip -------------------------------------------------------------------------------------- */

/* The length of what comes out, 0 when it is no gzip or too much. */
static size_t inflate_all(const uint8_t *bytes, size_t len, uint8_t *out, size_t max)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
			   .avail_in = (uInt)len,
			   .next_out = out,
			   .avail_out = (uInt)max};
	int rc;

	fuzz_require(inflateInit2(&stream, GZIP_WINDOW) == Z_OK);
	rc = inflate(&stream, Z_FINISH);
	(void)inflateEnd(&stream);
	return rc == Z_STREAM_END ? stream.total_out : 0;
}

static size_t deflate_all(uint8_t *bytes, size_t len, uint8_t *out, size_t max)
{
	z_stream stream = {.next_in = bytes,
			   .avail_in = (uInt)len,
			   .next_out = out,
			   .avail_out = (uInt)max};
	int rc;

	fuzz_require(deflateInit2(&stream, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) ==
		     Z_OK);
	rc = deflate(&stream, Z_FINISH);
	(void)deflateEnd(&stream);
	return rc == Z_STREAM_END ? stream.total_out : 0;
}

/* --- the manifest's list ------------------------------------------------------------------------ */

struct listing {
	struct wlt_manifest_file files[MUTATE_MEMBERS];
	char names[MUTATE_MEMBERS][NAME_LEN + 1];
	size_t n;
	const struct mutate_member *manifest; /* NULL: none */
};

static int compare_files(const void *a, const void *b)
{
	const struct wlt_manifest_file *left = a;
	const struct wlt_manifest_file *right = b;

	return strcmp(left->path, right->path);
}

static void digest(const uint8_t *bytes, size_t len, char out[WLT_SHA256_HEX])
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_sha256_free) struct wlt_sha256 sha = {0};

	fuzz_require(wlt_sha256_new(&sha, &err) && wlt_sha256_begin(&sha, &err) &&
		     wlt_sha256_update(&sha, bytes, len, &err) && wlt_sha256_end(&sha, out, &err));
}

static void list(const uint8_t *tar, const struct mutate_member *members, size_t n,
		 struct listing *out)
{
	*out = (struct listing){0};
	for (size_t i = 0; i < n; i++) {
		struct wlt_manifest_file *file = &out->files[out->n];
		char *name = out->names[out->n];

		memcpy(name, tar + members[i].header, NAME_LEN);
		name[NAME_LEN] = '\0';
		if (strcmp(name, MANIFEST_NAME) == 0) {
			out->manifest = &members[i];
			continue;
		}
		if (*name == '\0' || name[strlen(name) - 1] == '/')
			continue;
		file->path = name;
		file->size = members[i].size;
		digest(tar + members[i].content, members[i].size, file->sha256);
		out->n++;
	}
	qsort(out->files, out->n, sizeof(out->files[0]), compare_files);
}

static void put_list(struct wlt_buf *out, const struct listing *listing)
{
	wlt_buf_puts(out, listing->n > 0 ? "\nfiles:\n" : "\nfiles: []\n");
	for (size_t i = 0; i < listing->n; i++) {
		const struct wlt_manifest_file *file = &listing->files[i];

		wlt_buf_printf(out, "  - path: \"%s\"\n    sha256: \"%s\"\n    size: %llu\n",
			       file->path, file->sha256, (unsigned long long)file->size);
	}
}

/* The manifest's text with another list of files in it, and their payload_sha256. */
static void put_manifest(struct wlt_buf *out, const char *text, const struct listing *listing)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	const char *before = strstr(text, LIST);
	const char *after = before != NULL ? strchr(before + 1, '\n') : NULL;
	char payload[WLT_SHA256_HEX];
	char *at;

	while (after != NULL && after[1] == ' ')
		after = strchr(after + 1, '\n');
	wlt_buf_append(out, text, before != NULL ? (size_t)(before - text) : strlen(text));
	put_list(out, listing);
	if (after != NULL)
		wlt_buf_puts(out, after + 1);
	fuzz_require(wlt_buf_ok(out, &err));
	fuzz_require(wlt_manifest_payload_sha256(listing->files, listing->n, payload, &err));
	at = strstr(out->data, PAYLOAD);
	if (at != NULL && strlen(at) > strlen(PAYLOAD) + WLT_SHA256_HEX)
		memcpy(at + strlen(PAYLOAD), payload, WLT_SHA256_HEX - 1);
}

static size_t mend_manifest(uint8_t *tar, size_t len, size_t max)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf mended = WLT_BUF_INIT;
	WLT_AUTOFREE char *text = NULL;
	struct mutate_member members[MUTATE_MEMBERS];
	struct listing listing;

	list(tar, members, mutate_members(tar, len, members), &listing);
	if (listing.manifest == NULL)
		return len;
	text = strndup((const char *)tar + listing.manifest->content, listing.manifest->size);
	fuzz_require(text != NULL);
	put_manifest(&mended, text, &listing);
	return mutate_replace(tar, len, max, listing.manifest, mended.data, mended.len);
}

/* --- the whole --------------------------------------------------------------------------------- */

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed)
{
	WLT_AUTOFREE uint8_t *tar = malloc(ROOM);
	WLT_AUTOFREE uint8_t *packed = malloc(ROOM);
	unsigned how = seed % 32;
	size_t n = 0;

	fuzz_require(tar != NULL && packed != NULL);
	if (how != 0)
		n = inflate_all(bytes, len, tar, ROOM);
	if (n == 0)
		return LLVMFuzzerMutate(bytes, len, max);
	n = mutate_tar(tar, n, ROOM, seed / 32);
	if (how >= 4)
		n = mend_manifest(tar, n, ROOM);
	if (how >= 2)
		mutate_checksums(tar, n);
	n = deflate_all(tar, n, packed, ROOM < max ? ROOM : max);
	if (n == 0)
		return LLVMFuzzerMutate(bytes, len, max);
	memcpy(bytes, packed, n);
	return n;
}
