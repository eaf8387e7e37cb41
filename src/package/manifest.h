/* SPDX-License-Identifier: MIT */
/* What the manifest's sources share among themselves and with the reader of packages. */
#ifndef WLT_PACKAGE_MANIFEST_H
#define WLT_PACKAGE_MANIFEST_H

#include "package/package.h"

#define WLT_MANIFEST_NAME "manifest.yaml"

/* 64 lower-case hex digits. */
bool wlt_is_sha256_hex(const char *text);

/* 16 lower-case hex digits: a pubkey_id. */
bool wlt_is_key_id(const char *text);

/* Refuses what no package may deliver: the receiver's own folders `.alive/` and `.walnut/`, and
 * `__MACOSX/`, at the top level. */
bool wlt_is_deliverable(const char *path, struct wlt_error *err);

/* wlt_manifest_parse() that tells in `*check` what it is looking at. */
bool wlt_manifest_parse_checked(const char *text, size_t len, enum wlt_check *check,
				struct wlt_manifest **out, struct wlt_error *err);

/* Append the shortest decimal text that reads back as `value`, in the form Python gives it, which is
 * what the canonical bytes are defined by. */
void wlt_put_double(struct wlt_buf *out, double value);

#endif
