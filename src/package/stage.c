/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "package/free_text.h"
#include "package/staging.h"

static void free_staging(struct wlt_staging *s)
{
	wlt_stage_free(s->stage);
	wlt_bundles_free(&s->bundles);
	for (size_t i = 0; i < s->n_markers; i++) {
		free(s->markers[i].source);
		free(s->markers[i].path);
	}
	free(s->markers);
	free(s->hits);
	wlt_strings_free(&s->real);
}

void wlt_stage_free(struct wlt_stage *stage)
{
	if (stage == NULL)
		return;
	(void)close(stage->walnut_fd);
	free(stage->walnut_name);
	for (size_t i = 0; i < stage->n_members; i++) {
		free(stage->members[i].path);
		free(stage->members[i].source);
		free(stage->members[i].content);
	}
	free(stage->members);
	for (size_t i = 0; i < stage->n_substitutions; i++) {
		free(stage->substitutions[i].path);
		free(stage->substitutions[i].reason);
	}
	free(stage->substitutions);
	wlt_strings_free(&stage->bundles);
	wlt_strings_free(&stage->exclusions);
	wlt_strings_free(&stage->removed);
	wlt_strings_free(&stage->warnings);
	free(stage);
}

static bool check_options(const struct wlt_staging *s, struct wlt_error *err)
{
	const struct wlt_stage_options *options = s->options;
	bool named = options->bundles != NULL && options->bundles->n > 0;

	if (named != (options->scope == WLT_SCOPE_BUNDLE))
		return wlt_fail(err, WLT_USAGE,
				named ? "bundles can be named in bundle scope only"
				      : "bundle scope needs the name of a bundle");
	return wlt_free_text_check("walnut's name", s->stage->walnut_name, err) &&
	       wlt_free_text_check("session id", options->session, err) &&
	       wlt_free_text_check("sender", options->sender, err);
}

static bool take_exclusions(struct wlt_staging *s, struct wlt_error *err)
{
	const struct wlt_strings *patterns = s->options->exclusions;
	size_t n = patterns == NULL ? 0 : patterns->n;

	for (size_t i = 0; i < n; i++) {
		const char *pattern = patterns->items[i];

		if (!wlt_free_text_check("exclusion pattern", pattern, err))
			return false;
		if (*pattern == '\0' || strlen(pattern) > WLT_PATTERN_BYTES)
			return wlt_fail(err, WLT_USAGE,
					"an exclusion pattern has 1 to %d bytes, not %zu",
					WLT_PATTERN_BYTES, strlen(pattern));
		if (!wlt_strings_add_unique(&s->stage->exclusions, pattern, err))
			return false;
	}
	s->hits = calloc(n + 1, sizeof(*s->hits));
	return s->hits != NULL || wlt_fail_memory(err);
}

static bool find_kernel(struct wlt_staging *s, struct wlt_error *err)
{
	switch (wlt_walnut_layout(s->stage->walnut_fd)) {
	case WLT_LAYOUT_V3:
	case WLT_LAYOUT_V2:
		s->kernel = "_kernel";
		return true;
	case WLT_LAYOUT_V1:
		s->kernel = "_core";
		return s->stage->scope != WLT_SCOPE_FULL ||
		       wlt_strings_add(&s->stage->warnings,
				       "this walnut has the oldest layout: of _core/ only key.md, "
				       "log.md, insights.md and the capsules go along",
				       err);
	case WLT_LAYOUT_NONE:
		break;
	}
	return wlt_fail(err, WLT_MISSING, "%s is not a walnut: it has no _kernel/key.md",
			s->stage->walnut_name);
}

/* Names at the walnut's root that are no live context, whatever they are. */
static bool is_aside(const char *name)
{
	return *name == '.' || strcmp(name, "bundles") == 0 || strcmp(name, "README.md") == 0 ||
	       wlt_walnut_skips(name);
}

/* Everything at the root that nobody else stages. */
static bool add_live_context(struct wlt_staging *s, struct wlt_error *err)
{
	static const struct wlt_place root = {"", "", false};
	WLT_AUTO(wlt_strings_free) struct wlt_strings names = {0};

	if (!wlt_staging_list(s->stage->walnut_fd, "of the walnut", &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.items[i];
		bool ok;

		if (is_aside(name) || wlt_staging_is_bundle(s, name, true))
			continue;
		if (strcmp(name, "manifest.yaml") == 0)
			ok = wlt_strings_add(&s->stage->warnings,
					     "manifest.yaml is left out: a package has its own",
					     err);
		else
			ok = wlt_staging_entry(s, s->stage->walnut_fd, &root, name, err);
		if (!ok)
			return false;
	}
	return true;
}

static bool add_readme(struct wlt_staging *s, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_text_readme(&text, s->stage);
	return wlt_staging_add_text(s, "README.md", &text, err);
}

bool wlt_stage_walnut(int walnut_fd, const char *walnut_name,
		      const struct wlt_stage_options *options, struct wlt_stage **out,
		      struct wlt_error *err)
{
	WLT_AUTO(free_staging) struct wlt_staging s = {.options = options};

	s.stage = calloc(1, sizeof(*s.stage));
	if (s.stage == NULL) {
		(void)close(walnut_fd);
		return wlt_fail_memory(err);
	}
	s.stage->walnut_fd = walnut_fd;
	s.stage->scope = options->scope;
	s.stage->walnut_name = strdup(walnut_name);
	if (s.stage->walnut_name == NULL)
		return wlt_fail_memory(err);
	if (!check_options(&s, err) || !take_exclusions(&s, err) || !find_kernel(&s, err) ||
	    !wlt_staging_kernel(&s, err) || !wlt_staging_bundles(&s, err))
		return false;
	if (options->scope == WLT_SCOPE_FULL && !add_live_context(&s, err))
		return false;
	if (!add_readme(&s, err) || !wlt_staging_check(&s, err))
		return false;
	*out = wlt_take(s.stage);
	return true;
}
