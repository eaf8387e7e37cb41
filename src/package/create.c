/* SPDX-License-Identifier: MIT */
/*
 * Making a package in two passes over the members: the manifest comes first in the archive and has
 * their checksums, so they are read once for it and once more to be packed. The second reading is
 * compared with the first; nothing but the package is ever written.
 */
#include "config.h"

#include "package/package.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "package/digest.h"
#include "package/envelope_write.h"
#include "package/manifest_make.h"
#include "package/member.h"
#include "package/sink.h"
#include "package/tar_write.h"

struct packing {
	const struct wlt_stage *stage;
	const struct wlt_create_options *options;
	const struct wlt_manifest_file *files;
	struct wlt_sealing sealing;
	struct wlt_sink *sink;
	struct wlt_sha256 sha;
	struct wlt_buf header; /* reused */
	uint8_t *block;        /* WLT_MEMBER_STEP bytes, reused */
	uint64_t done;
	uint64_t total;
};

static void free_packing(struct packing *packing)
{
	wlt_sink_close(packing->sink);
	wlt_sha256_free(&packing->sha);
	wlt_buf_free(&packing->header);
	free(packing->block);
}

static bool write_zeroes(struct packing *packing, size_t n, struct wlt_error *err)
{
	static const uint8_t zeroes[WLT_TAR_END];

	return n == 0 || wlt_sink_write(packing->sink, zeroes, n, err);
}

static bool write_header(struct packing *packing, const struct wlt_tar_file *file,
			 struct wlt_error *err)
{
	packing->header.len = 0;
	wlt_tar_put_header(&packing->header, file);
	return wlt_buf_ok(&packing->header, err) &&
	       wlt_sink_write(packing->sink, packing->header.data, packing->header.len, err);
}

static bool pack_manifest(struct packing *packing, const struct wlt_buf *text,
			  struct wlt_error *err)
{
	struct wlt_tar_file file = {"manifest.yaml", text->len, wlt_clock_now(), false};

	return write_header(packing, &file, err) &&
	       wlt_sink_write(packing->sink, text->data, text->len, err) &&
	       write_zeroes(packing, wlt_tar_padding(text->len), err);
}

/* The second reading of a member. A size that differs is seen before the archive is out of step. */
static bool pack_bytes(struct packing *packing, struct wlt_member_reader *reader, uint64_t size,
		       struct wlt_error *err)
{
	uint64_t written = 0;
	size_t got;

	for (;;) {
		if (wlt_cancelled(packing->options->cancel, err) ||
		    !wlt_member_read(reader, packing->block, WLT_MEMBER_STEP, &got, err))
			return false;
		written += got;
		if (written > size || (got == 0 && written < size))
			return wlt_member_changed(reader->member, err);
		if (got == 0)
			return true;
		if (!wlt_sha256_update(&packing->sha, packing->block, got, err) ||
		    !wlt_sink_write(packing->sink, packing->block, got, err))
			return false;
		packing->done += got;
		if (packing->options->progress != NULL)
			packing->options->progress(packing->options->progress_context,
						   WLT_STEP_PACK, packing->done, packing->total);
	}
}

static bool pack_member(struct packing *packing, size_t at, struct wlt_error *err)
{
	WLT_AUTO(wlt_member_close) struct wlt_member_reader reader = {.fd = -1};
	const struct wlt_member *member = &packing->stage->members[at];
	const struct wlt_manifest_file *listed = &packing->files[at];
	struct wlt_tar_file file = {member->path, listed->size, member->mtime, member->executable};
	char sha256[WLT_SHA256_HEX];

	if (!wlt_member_open(packing->stage->walnut_fd, member, &reader, err) ||
	    !write_header(packing, &file, err) || !wlt_sha256_begin(&packing->sha, err) ||
	    !pack_bytes(packing, &reader, listed->size, err) ||
	    !wlt_sha256_end(&packing->sha, sha256, err))
		return false;
	if (strcmp(sha256, listed->sha256) != 0)
		return wlt_member_changed(member, err);
	return write_zeroes(packing, wlt_tar_padding(listed->size), err);
}

/* The second pass. */
static bool pack(struct packing *packing, const struct wlt_buf *manifest, struct wlt_error *err)
{
	if (!pack_manifest(packing, manifest, err))
		return false;
	for (size_t i = 0; i < packing->stage->n_members; i++)
		if (!pack_member(packing, i, err))
			return false;
	return write_zeroes(packing, WLT_TAR_END, err) && wlt_sink_finish(packing->sink, err);
}

/* The pipeline from its end on; what an envelope begins with is written at once. */
static bool begin(struct packing *packing, int out_fd, struct wlt_error *err)
{
	const struct wlt_create_options *options = packing->options;
	bool ok = wlt_sink_fd(out_fd, &packing->sink, err);

	if (ok && options->n_recipients > 0)
		ok = wlt_sealing_begin(&packing->sealing, out_fd, options->recipients,
				       options->n_recipients, &packing->sink, err);
	if (ok && options->passphrase != NULL)
		ok = wlt_sealing_passphrase(options->passphrase, options->passphrase_len,
					    &packing->sink, err);
	return ok && wlt_sink_gzip(0, wlt_take(packing->sink), &packing->sink, err);
}

static bool write_package(const struct wlt_stage *stage, const struct wlt_create_options *options,
			  const struct wlt_manifest_file *files, const struct wlt_buf *manifest,
			  int out_fd, struct wlt_error *err)
{
	WLT_AUTO(free_packing)
	struct packing packing = {.stage = stage, .options = options, .files = files};

	packing.block = malloc(WLT_MEMBER_STEP);
	if (packing.block == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < stage->n_members; i++)
		packing.total += files[i].size;
	return wlt_sha256_new(&packing.sha, err) && begin(&packing, out_fd, err) &&
	       pack(&packing, manifest, err) &&
	       (options->n_recipients == 0 || wlt_sealing_end(&packing.sealing, err));
}

static bool check_sealing(const struct wlt_create_options *options, struct wlt_error *err)
{
	if (options->n_recipients > WLT_MAX_RECIPIENTS)
		return wlt_fail(err, WLT_USAGE,
				"a package can be sealed for %u recipients, not %zu",
				WLT_MAX_RECIPIENTS, options->n_recipients);
	if (options->passphrase == NULL)
		return true;
	if (options->n_recipients > 0)
		return wlt_fail(err, WLT_USAGE,
				"a package is sealed either for recipients or with a passphrase");
	if (options->passphrase_len == 0 || options->passphrase_len > WLT_MAX_PASSPHRASE)
		return wlt_fail(err, WLT_USAGE, "a passphrase has 1 to %u bytes, not %zu",
				WLT_MAX_PASSPHRASE, options->passphrase_len);
	return true;
}

/* The manifest's text and what it is known by. */
static bool describe(const struct wlt_stage *stage, const struct wlt_create_options *options,
		     const struct wlt_manifest_file *files, struct wlt_buf *text, char *import_id,
		     struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *tree = NULL;
	uint8_t digest[WLT_SHA256_BYTES];

	if (!wlt_manifest_make(stage, options, files, &tree, err) ||
	    !wlt_manifest_digest(tree, digest, err) || !wlt_manifest_format(tree, text, err) ||
	    !wlt_buf_ok(text, err))
		return false;
	if (text->len > WLT_MAX_MANIFEST)
		return wlt_fail(err, WLT_TOO_BIG, "the manifest would have more than %u bytes",
				WLT_MAX_MANIFEST);
	wlt_hex_encode(digest, sizeof(digest), import_id);
	return true;
}

bool wlt_package_create(const struct wlt_stage *stage, const struct wlt_create_options *options,
			int out_fd, struct wlt_created *created, struct wlt_error *err)
{
	WLT_AUTOFREE struct wlt_manifest_file *files = calloc(stage->n_members + 1, sizeof(*files));
	WLT_AUTO(wlt_buf_free) struct wlt_buf manifest = WLT_BUF_INIT;
	struct stat st;

	if (files == NULL)
		return wlt_fail_memory(err);
	if (!check_sealing(options, err) || !wlt_manifest_check_options(stage, options, err) ||
	    !wlt_digest_members(stage, options, files, err) ||
	    !describe(stage, options, files, &manifest, created->import_id, err) ||
	    !write_package(stage, options, files, &manifest, out_fd, err))
		return false;
	if (fstat(out_fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot look at the finished package");
	created->size = (uint64_t)st.st_size;
	return true;
}
