/* SPDX-License-Identifier: MIT */
/* The first pass over the members: SHA-256 and size of each, on several threads. */
#ifndef WLT_PACKAGE_DIGEST_H
#define WLT_PACKAGE_DIGEST_H

#include <openssl/evp.h>

#include "package/package.h"

/* A SHA-256 that is used again and again. */
struct wlt_sha256 {
	EVP_MD *algorithm;
	EVP_MD_CTX *context;
};

bool wlt_sha256_new(struct wlt_sha256 *sha, struct wlt_error *err);
bool wlt_sha256_begin(struct wlt_sha256 *sha, struct wlt_error *err);
bool wlt_sha256_update(struct wlt_sha256 *sha, const void *bytes, size_t len,
		       struct wlt_error *err);
bool wlt_sha256_end(struct wlt_sha256 *sha, char out[WLT_SHA256_HEX], struct wlt_error *err);
void wlt_sha256_free(struct wlt_sha256 *sha);

/* `files` has room for every member of `stage` and is filled in the same order. Of `options`, the
 * progress is told and the cancel looked at. */
bool wlt_digest_members(const struct wlt_stage *stage, const struct wlt_create_options *options,
			struct wlt_manifest_file *files, struct wlt_error *err);

bool wlt_cancelled(const atomic_bool *cancel, struct wlt_error *err); /* false: go on */

#endif
