/* SPDX-License-Identifier: MIT */
/* Putting a manifest together for a package that is being made. */
#ifndef WLT_PACKAGE_MANIFEST_MAKE_H
#define WLT_PACKAGE_MANIFEST_MAKE_H

#include "package/package.h"

/* The free text in `options` and of the stage. */
bool wlt_manifest_check_options(const struct wlt_stage *stage,
				const struct wlt_create_options *options, struct wlt_error *err);

/* The manifest's tree, signed when there is a signer. `files` are the stage's members in order. */
bool wlt_manifest_make(const struct wlt_stage *stage, const struct wlt_create_options *options,
		       const struct wlt_manifest_file *files, struct json_object **out,
		       struct wlt_error *err);

#endif
