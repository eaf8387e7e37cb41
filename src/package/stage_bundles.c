/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "package/staging.h"

static int compare_source(const void *source, const void *bundle)
{
	return strcmp(source, ((const struct wlt_bundle *)bundle)->path);
}

bool wlt_staging_is_bundle(const struct wlt_staging *s, const char *source, bool top_level)
{
	const struct wlt_bundle *found;

	if (s->bundles.n == 0)
		return false;
	found = bsearch(source, s->bundles.items, s->bundles.n, sizeof(*s->bundles.items),
			compare_source);
	return found != NULL && found->top_level == top_level;
}

static bool clash(const char *leaf, const char *a, const char *b, struct wlt_error *err)
{
	return wlt_fail(err, WLT_REFUSED,
			"%s and %s would both be %s/ in the package; rename one of them", a, b,
			leaf);
}

/* A name that a package cannot hold at its root, whatever it is in the walnut. */
static bool is_unshippable(const char *leaf)
{
	return *leaf == '.' || wlt_walnut_skips(leaf) || wlt_is_leftover(leaf) ||
	       wlt_never_shipped(leaf);
}

/* --- full scope -------------------------------------------------------------------------------- */

/* A bundle that moves up to the root must find its name free there. */
static bool check_free(struct wlt_staging *s, size_t at, struct wlt_error *err)
{
	const struct wlt_bundle *bundle = &s->bundles.items[at];
	struct stat st;

	for (size_t i = 0; i < at; i++)
		if (s->bundles.items[i].top_level &&
		    strcmp(s->bundles.items[i].leaf, bundle->leaf) == 0)
			return clash(bundle->leaf, s->bundles.items[i].path, bundle->path, err);
	if (bundle->leaf != bundle->path &&
	    fstatat(s->stage->walnut_fd, bundle->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return clash(bundle->leaf, bundle->leaf, bundle->path, err);
	return true;
}

static bool add_top_level(struct wlt_staging *s, size_t at, struct wlt_error *err)
{
	const struct wlt_bundle *bundle = &s->bundles.items[at];
	struct wlt_place place = {bundle->path, bundle->leaf, false};

	return check_free(s, at, err) && wlt_strings_add(&s->stage->bundles, bundle->leaf, err) &&
	       wlt_staging_tree(s, &place, err);
}

/* Capsules belong to the v1 layout. Where the kernel has moved on and they stayed behind, say so. */
static bool find_capsules(struct wlt_staging *s, struct wlt_error *err)
{
	struct wlt_bundles left = {0};
	bool ok;

	if (wlt_walnut_layout(s->stage->walnut_fd) == WLT_LAYOUT_V1)
		return wlt_walnut_capsules(s->stage->walnut_fd, &s->bundles, err);
	ok = wlt_walnut_capsules(s->stage->walnut_fd, &left, err);
	for (size_t i = 0; ok && i < left.n; i++)
		ok = wlt_strings_addf(&s->stage->warnings, err,
				      "%s is left out: a capsule of the old layout in a walnut of "
				      "a newer one; share it by name, or move it to the root",
				      left.items[i].path);
	wlt_bundles_free(&left);
	return ok;
}

static bool add_all(struct wlt_staging *s, struct wlt_error *err)
{
	if (!find_capsules(s, err))
		return false;
	for (size_t i = 0; i < s->bundles.n; i++) {
		const struct wlt_bundle *bundle = &s->bundles.items[i];
		bool ok = true;

		if (!bundle->top_level)
			ok = wlt_strings_addf(&s->stage->warnings, err,
					      "%s is left out: a nested bundle; move it to the "
					      "walnut's root to share it",
					      bundle->path);
		else if (!is_unshippable(bundle->leaf))
			ok = add_top_level(s, i, err);
		if (!ok)
			return false;
	}
	wlt_strings_sort(&s->stage->bundles);
	return true;
}

/* --- bundle scope ------------------------------------------------------------------------------ */

/* Says where a bundle of that name is nested, or which there are. */
static bool unknown_bundle(struct wlt_staging *s, const char *name, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf known = WLT_BUF_INIT;

	for (size_t i = 0; i < s->bundles.n; i++) {
		const struct wlt_bundle *bundle = &s->bundles.items[i];

		if (strcmp(bundle->leaf, name) == 0 && !bundle->top_level)
			return wlt_fail(err, WLT_REFUSED,
					"bundle %s is nested (at %s); only a bundle at the "
					"walnut's root can be shared: move it there",
					name, bundle->path);
		if (bundle->top_level)
			wlt_buf_printf(&known, "%s%s", known.len == 0 ? "" : ", ", bundle->leaf);
	}
	if (!wlt_buf_ok(&known, err))
		return false;
	return wlt_fail(err, WLT_MISSING, "no bundle %s in walnut %s (there are: %s)", name,
			s->stage->walnut_name, known.len == 0 ? "none" : known.data);
}

/* Where the bundle is; nowhere is no error, but leaves `*source` NULL. */
static bool resolve(struct wlt_staging *s, const char *name, char **source, struct wlt_error *err)
{
	static const char *const containers[] = {"", "bundles/", "_core/_capsules/"};
	WLT_AUTO(wlt_strings_free) struct wlt_strings found = {0};

	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
		WLT_AUTO(wlt_buf_free) struct wlt_buf path = WLT_BUF_INIT;

		wlt_buf_printf(&path, "%s%s", containers[i], name);
		if (!wlt_buf_ok(&path, err))
			return false;
		if (wlt_bundle_marker(s->stage->walnut_fd, path.data) != NULL &&
		    !wlt_is_walnut(s->stage->walnut_fd, path.data) &&
		    !wlt_strings_add(&found, path.data, err))
			return false;
	}
	if (found.n > 1)
		return clash(name, found.items[0], found.items[1], err);
	if (found.n == 0)
		return true;
	*source = strdup(found.items[0]);
	return *source != NULL || wlt_fail_memory(err);
}

static bool add_named(struct wlt_staging *s, const char *name, struct wlt_error *err)
{
	WLT_AUTOFREE char *source = NULL;

	if (strpbrk(name, "/\\") != NULL)
		return wlt_fail(err, WLT_USAGE,
				"bundle %s: give its name alone, without the folders it is in",
				name);
	if (wlt_strings_contain(&s->stage->bundles, name))
		return wlt_fail(err, WLT_USAGE, "bundle %s is named twice", name);
	if (*name == '\0' || is_unshippable(name))
		return unknown_bundle(s, name, err);
	if (!resolve(s, name, &source, err))
		return false;
	if (source == NULL)
		return unknown_bundle(s, name, err);
	return wlt_strings_add(&s->stage->bundles, name, err) &&
	       wlt_staging_tree(s, &(struct wlt_place){source, name, false}, err);
}

bool wlt_staging_bundles(struct wlt_staging *s, struct wlt_error *err)
{
	const struct wlt_strings *named = s->options->bundles;

	if (s->stage->scope == WLT_SCOPE_SNAPSHOT)
		return true;
	if (!wlt_walnut_bundles(s->stage->walnut_fd, &s->bundles, err))
		return false;
	if (s->stage->scope == WLT_SCOPE_FULL)
		return add_all(s, err);
	for (size_t i = 0; i < named->n; i++)
		if (!add_named(s, named->items[i], err))
			return false;
	return true;
}
