/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "package/staging.h"

#define MAX_LISTED 20 /* names in one warning */

bool wlt_staging_mark(struct wlt_staging *s, const char *source, const char *path,
		      struct wlt_error *err)
{
	struct wlt_marker *items = reallocarray(s->markers, s->n_markers + 1, sizeof(*items));

	if (items == NULL)
		return wlt_fail_memory(err);
	s->markers = items;
	items += s->n_markers++;
	*items = (struct wlt_marker){strdup(source), strdup(path)};
	return (items->source != NULL && items->path != NULL) || wlt_fail_memory(err);
}

/* Does anything below this folder of the package go along? Members are sorted. */
static bool has_members(const struct wlt_stage *stage, const char *folder)
{
	size_t len = strlen(folder);
	size_t low = 0;
	size_t high = stage->n_members;

	if (len == 0)
		return true;
	/* The first member that does not sort before "FOLDER/". */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *path = stage->members[middle].path;
		int order = strncmp(path, folder, len);

		if (order < 0 || (order == 0 && (unsigned char)path[len] < '/'))
			low = middle + 1;
		else
			high = middle;
	}
	return low < stage->n_members && strncmp(stage->members[low].path, folder, len) == 0 &&
	       stage->members[low].path[len] == '/';
}

/* A bundle that was left out whole by exclusions restricts nothing. */
static bool check_sensitivity(struct wlt_staging *s, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf names = WLT_BUF_INIT;
	bool several = false;

	if (s->options->allow_restricted)
		return true;
	for (size_t i = 0; i < s->n_markers; i++) {
		const struct wlt_marker *marker = &s->markers[i];
		bool restricted;

		if (!has_members(s->stage, marker->path))
			continue;
		if (!wlt_is_restricted(s->stage->walnut_fd, marker->source, &restricted, err))
			return wlt_fail_context(err, "cannot tell whether it may be shared");
		if (!restricted)
			continue;
		several = names.len > 0;
		wlt_buf_printf(&names, "%s%s%s", several ? ", " : "",
			       *marker->path == '\0' ? "walnut " : "",
			       *marker->path == '\0' ? s->stage->walnut_name : marker->path);
	}
	if (!wlt_buf_ok(&names, err))
		return false;
	if (names.len == 0)
		return true;
	return wlt_fail(err, WLT_REFUSED,
			"%s %s marked as restricted or with personal data; share %s only by "
			"allowing it explicitly%s%s",
			names.data, several ? "are" : "is", several ? "them" : "it",
			s->options->allow_with == NULL ? "" : " with ",
			s->options->allow_with == NULL ? "" : s->options->allow_with);
}

static const char *origin(const struct wlt_member *member)
{
	return member->source == NULL ? "a generated file" : member->source;
}

/* No path twice, and none that is a file here and a folder there. */
static bool check_clashes(const struct wlt_stage *stage, struct wlt_error *err)
{
	for (size_t i = 0; i < stage->n_members; i++) {
		const struct wlt_member *member = &stage->members[i];
		WLT_AUTOFREE char *folder = strdup(member->path);
		char *slash;

		if (folder == NULL)
			return wlt_fail_memory(err);
		if (i > 0 && strcmp(member[-1].path, member->path) == 0)
			return wlt_fail(err, WLT_REFUSED,
					"%s and %s would both be %s in the package",
					origin(&member[-1]), origin(member), member->path);
		while ((slash = strrchr(folder, '/')) != NULL) {
			const struct wlt_member *file;

			*slash = '\0';
			file = wlt_stage_find(stage, folder);
			if (file != NULL)
				return wlt_fail(err, WLT_REFUSED,
						"%s would be a file (%s) and a folder (%s) in the "
						"package",
						folder, origin(file), origin(member));
		}
	}
	return true;
}

static bool warn_patterns(struct wlt_staging *s, struct wlt_error *err)
{
	for (size_t i = 0; i < s->stage->exclusions.n; i++)
		if (s->hits[i] == 0 &&
		    !wlt_strings_addf(&s->stage->warnings, err,
				      "exclusion pattern '%s' leaves nothing out",
				      s->stage->exclusions.items[i]))
			return false;
	return true;
}

static bool looks_sensitive(const char *path)
{
	while (*path != '\0') {
		size_t len = strcspn(path, "/");
		char name[WLT_NAME_BYTES + 1];

		if (len < sizeof(name)) {
			memcpy(name, path, len);
			name[len] = '\0';
			if (wlt_name_looks_sensitive(name))
				return true;
		}
		path += len;
		path += *path == '/';
	}
	return false;
}

static bool warn_names(struct wlt_staging *s, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf names = WLT_BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < s->stage->n_members; i++) {
		const char *path = s->stage->members[i].path;

		if (s->stage->members[i].source == NULL || !looks_sensitive(path))
			continue;
		if (n++ < MAX_LISTED)
			wlt_buf_printf(&names, "%s%s", n > 1 ? ", " : "", path);
	}
	if (n == 0 || !wlt_buf_ok(&names, err))
		return n == 0;
	s->stage->looks_sensitive = true;
	if (n > MAX_LISTED)
		wlt_buf_printf(&names, " and %zu more", n - MAX_LISTED);
	return wlt_buf_ok(&names, err) &&
	       wlt_strings_addf(&s->stage->warnings, err, "these look sensitive and go along: %s",
				names.data);
}

bool wlt_staging_check(struct wlt_staging *s, struct wlt_error *err)
{
	wlt_staging_sort(s);
	wlt_strings_sort(&s->stage->removed);
	return check_clashes(s->stage, err) && check_sensitivity(s, err) && warn_patterns(s, err) &&
	       warn_names(s, err);
}
