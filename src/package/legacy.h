/* SPDX-License-Identifier: MIT */
/*
 * Legacy wrappers: how releases before 2.1 sealed a package. A tar.gz with `manifest.yaml` in clear,
 * `payload.enc` and, for RSA, `payload.key`; what was sealed is a tar.gz of the files that the manifest
 * lists.
 */
#ifndef WLT_PACKAGE_LEGACY_H
#define WLT_PACKAGE_LEGACY_H

#include "package/contents.h"

/* Is that what a plain payload turned out to be? */
bool wlt_legacy_is_wrapper(const struct wlt_contents *contents,
			   const struct wlt_manifest *manifest);

/* Open it: `*out`, which has to be zeroed, is what was sealed, and the manifest with it. `*kind` tells
 * how it was sealed. */
bool wlt_legacy_unwrap(const struct wlt_contents *wrapper, const struct wlt_open_options *options,
		       struct wlt_contents *out, enum wlt_envelope_kind *kind,
		       struct wlt_error *err);

#endif
