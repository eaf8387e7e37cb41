/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/path.h"
#include "package/staging.h"
#include "package/tar_write.h"

/* What listing a file costs in manifest.yaml besides its name, and a member of pax headers. */
#define MANIFEST_LINES 120u
#define PAX_BLOCKS     (3 * WLT_TAR_BLOCK)

static bool is_protected(enum wlt_scope scope, const char *path)
{
	/* How many of them, counted from the front, no exclusion can touch. */
	static const char *const kernel[] = {"_kernel/key.md", "_kernel/insights.md",
					     "_kernel/log.md", "_kernel/tasks.json",
					     "_kernel/completed.json"};
	static const size_t n[] = {
		[WLT_SCOPE_FULL] = 5, [WLT_SCOPE_BUNDLE] = 1, [WLT_SCOPE_SNAPSHOT] = 2};

	for (size_t i = 0; i < n[scope]; i++)
		if (strcmp(kernel[i], path) == 0)
			return true;
	return false;
}

/* Every pattern is tried, so that those which match nothing can be told. */
static bool is_excluded(struct wlt_staging *s, const char *path)
{
	const struct wlt_strings *patterns = &s->stage->exclusions;
	bool excluded = false;

	for (size_t i = 0; i < patterns->n; i++) {
		if (wlt_glob_match(patterns->items[i], path)) {
			s->hits[i]++;
			excluded = true;
		}
	}
	return excluded;
}

bool wlt_staging_wants(struct wlt_staging *s, const char *path, bool *wanted, struct wlt_error *err)
{
	*wanted = false;
	if (wlt_is_leftover(wlt_path_leaf(path)) || wlt_never_shipped(path))
		return true;
	if (!is_protected(s->stage->scope, path) && is_excluded(s, path))
		return wlt_strings_add(&s->stage->removed, path, err);
	*wanted = true;
	if (!wlt_path_check(path, err)) {
		WLT_AUTOFREE char *shown = wlt_text_printable(path);

		return wlt_fail_context(err, "%s cannot go into a package; rename or exclude it",
					shown == NULL ? "a file" : shown);
	}
	return true;
}

/* Count one more member of `size` bytes against the limits. */
static bool account(struct wlt_staging *s, const char *path, uint64_t size, struct wlt_error *err)
{
	const char *name = s->stage->walnut_name;
	uint32_t max_members =
		s->options->max_members > 0 ? s->options->max_members : WLT_MAX_MEMBERS;
	uint64_t max_expanded =
		s->options->max_expanded > 0 ? s->options->max_expanded : WLT_MAX_EXPANDED;

	s->expanded += size + wlt_tar_padding(size) + PAX_BLOCKS + MANIFEST_LINES + strlen(path);
	if (s->stage->n_members + 1 >= max_members)
		return wlt_fail(err, WLT_TOO_BIG,
				"%s has more files than a package may hold, %u with its own "
				"manifest.yaml (the next is %s); exclude some, or share single "
				"bundles",
				name, max_members, path);
	if (size > max_expanded || s->expanded > max_expanded)
		return wlt_fail(err, WLT_TOO_BIG,
				"%s has more content than a package may hold, %llu MiB (the next "
				"is %s); exclude some, or share single bundles",
				name, (unsigned long long)(max_expanded >> 20), path);
	return true;
}

/* A new member at the end, zeroed but for its path and size; NULL on failure. */
static struct wlt_member *append(struct wlt_staging *s, const char *path, uint64_t size,
				 struct wlt_error *err)
{
	struct wlt_stage *stage = s->stage;
	struct wlt_member *member;

	if (!account(s, path, size, err))
		return NULL;
	if (stage->n_members == s->capacity) {
		size_t capacity = s->capacity == 0 ? 64 : 2 * s->capacity;

		member = reallocarray(stage->members, capacity, sizeof(*member));
		if (member == NULL) {
			(void)wlt_fail_memory(err);
			return NULL;
		}
		stage->members = member;
		s->capacity = capacity;
	}
	member = &stage->members[stage->n_members];
	*member = (struct wlt_member){.path = strdup(path), .size = size};
	if (member->path == NULL) {
		(void)wlt_fail_memory(err);
		return NULL;
	}
	stage->n_members++;
	return member;
}

static bool is_yaml(const char *path)
{
	const char *dot = strrchr(wlt_path_leaf(path), '.');

	return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

bool wlt_staging_add_file(struct wlt_staging *s, const char *path, const char *source,
			  const struct stat *st, struct wlt_error *err)
{
	struct wlt_member *member = append(s, path, (uint64_t)st->st_size, err);

	if (member == NULL)
		return false;
	member->source = strdup(source);
	if (member->source == NULL)
		return wlt_fail_memory(err);
	member->mtime = st->st_mtim.tv_sec;
	member->executable = (st->st_mode & S_IXUSR) != 0;
	/* Either name may be the one that makes it YAML: a link can have another than its file. */
	member->filtered = is_yaml(path) || is_yaml(source);
	return true;
}

bool wlt_staging_add_text(struct wlt_staging *s, const char *path, struct wlt_buf *text,
			  struct wlt_error *err)
{
	struct wlt_member *member;
	bool wanted;

	if (!wlt_buf_ok(text, err) || !wlt_staging_wants(s, path, &wanted, err))
		return false;
	if (!wanted)
		return true;
	member = append(s, path, text->len, err);
	if (member == NULL)
		return false;
	member->content_len = text->len;
	member->content = wlt_buf_take(text);
	if (member->content == NULL)
		return wlt_fail_memory(err);
	member->mtime = wlt_clock_now();
	return true;
}

bool wlt_staging_substitute(struct wlt_staging *s, const char *path, const char *reason,
			    struct wlt_error *err)
{
	struct wlt_stage *stage = s->stage;
	struct wlt_substitution *items =
		reallocarray(stage->substitutions, stage->n_substitutions + 1, sizeof(*items));

	if (items == NULL)
		return wlt_fail_memory(err);
	stage->substitutions = items;
	items += stage->n_substitutions++;
	items->path = strdup(path);
	items->reason = strdup(reason);
	return (items->path != NULL && items->reason != NULL) || wlt_fail_memory(err);
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct wlt_member *)a)->path, ((const struct wlt_member *)b)->path);
}

void wlt_staging_sort(struct wlt_staging *s)
{
	if (s->stage->n_members > 1)
		qsort(s->stage->members, s->stage->n_members, sizeof(*s->stage->members),
		      compare_members);
}

static int compare_path(const void *path, const void *member)
{
	return strcmp(path, ((const struct wlt_member *)member)->path);
}

const struct wlt_member *wlt_stage_find(const struct wlt_stage *stage, const char *path)
{
	if (stage->n_members == 0)
		return NULL;
	return bsearch(path, stage->members, stage->n_members, sizeof(*stage->members),
		       compare_path);
}
