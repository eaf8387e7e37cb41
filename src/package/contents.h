/* SPDX-License-Identifier: MIT */
/*
 * What a payload turned out to hold: its members' names, sizes and SHA-256, and their content in a
 * plaintext store that nobody else knows of yet.
 */
#ifndef WLT_PACKAGE_CONTENTS_H
#define WLT_PACKAGE_CONTENTS_H

#include "package/package.h"
#include "package/source.h"

struct wlt_found {
	struct wlt_entry entry;
	char sha256[WLT_SHA256_HEX]; /* of a file */
	bool folder;
};

struct wlt_contents {
	struct wlt_found *found; /* sorted by path, byte order; folders included */
	size_t n;
	size_t capacity;
	struct wlt_plain *plain; /* sealed */
};

/* Read the whole of `tar`, and check that its names can live together (package format, section 6).
 * `*out` has to be zeroed, or to hold no more than what was adopted. */
bool wlt_contents_read(struct wlt_source *tar, const struct wlt_open_options *options,
		       struct wlt_contents *out, struct wlt_error *err);
void wlt_contents_free(struct wlt_contents *contents);

/* Copy the file `path` of `from` to `*to`, zeroed, whose `tar` is still to be read. */
bool wlt_contents_adopt(const struct wlt_contents *from, const char *path,
			const struct wlt_open_options *options, struct wlt_contents *to,
			struct wlt_error *err);

/* The member of this path, or NULL. Borrowed. */
const struct wlt_found *wlt_contents_find(const struct wlt_contents *contents, const char *path);

/* Parse the `manifest.yaml` among them. `*check` tells what is being looked at. */
bool wlt_contents_manifest(const struct wlt_contents *contents, enum wlt_check *check,
			   struct wlt_manifest **out, struct wlt_error *err);

/* Compare with the manifest: every listed file is there as listed, and nothing else is. */
bool wlt_contents_verify(const struct wlt_contents *contents, const struct wlt_manifest *manifest,
			 enum wlt_check *check, struct wlt_error *err);

/* Hand entries and store on to `package`. */
bool wlt_contents_release(struct wlt_contents *contents, struct wlt_package *package,
			  struct wlt_error *err);

#endif
