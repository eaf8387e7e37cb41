/* SPDX-License-Identifier: MIT */
/* Opening packages in a test, and looking at what came out. All fail the running test. */
#ifndef WLT_TESTS_OPENED_H
#define WLT_TESTS_OPENED_H

#include <stdbool.h>
#include <stddef.h>

#include "packages.h"

/* Everything in memory, nothing required. */
struct wlt_open_options opened_options(const struct wlt_key *pair);

/* It opens. */
struct wlt_package *opened_raw(const struct wlt_raw *raw, const struct wlt_open_options *options);
struct wlt_package *opened_file(const struct sandbox *box, const char *name,
				const struct wlt_open_options *options);

/* It is refused, in this way and with `part` in the sentence. */
void opened_refused_raw(const struct wlt_raw *raw, const struct wlt_open_options *options,
			enum wlt_kind kind, const char *part);
void opened_refused(const struct sandbox *box, const char *name,
		    const struct wlt_open_options *options, enum wlt_kind kind, const char *part);

/* The content of entry `i`, NUL behind it, malloc()ed. */
char *opened_content(const struct wlt_package *package, size_t i);

/* It is packages_tree(), in full. */
void opened_check_tree(const struct sandbox *box, const struct wlt_package *package);

/* Opened or not: when it opens, it is the very same package as `original`. Returns whether it did. */
bool opened_same_or_refused(const struct wlt_raw *raw, const struct wlt_open_options *options,
			    const struct wlt_package *original);

/* Flip bit `bit` of the bytes behind `raw`. */
void opened_flip(const struct wlt_raw *raw, size_t bit);

#endif
