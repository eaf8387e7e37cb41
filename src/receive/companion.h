/* SPDX-License-Identifier: MIT */
/*
 * The `companion.md` of a v1 capsule: its front matter becomes a bundle's `context.manifest.yaml`.
 * Pure; thread-safe.
 */
#ifndef WLT_RECEIVE_COMPANION_H
#define WLT_RECEIVE_COMPANION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define WLT_COMPANION_BYTES (4u << 20) /* longest companion.md */

/* Append goal, status, created, updated, sensitivity, pii and tags, those that are there; the goal falls
 * back to `name`. Front matter that cannot be read is an error: it may say that the capsule is
 * restricted. */
bool wlt_companion_describe(const char *text, size_t len, const char *name, struct wlt_buf *out,
			    struct wlt_error *err);

#endif
