/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/package.h"
#include "sandbox.h"

#define MANIFEST "context.manifest.yaml"

static struct sandbox box;

static void put(const char *path, const char *content)
{
	char full[300];

	(void)snprintf(full, sizeof(full), "orchard/%s", path);
	sandbox_put(&box, full, content);
}

static void set_up(void)
{
	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
	sandbox_make(&box);
	put("_kernel/key.md", "---\ntype: venture\n---\nOrchard\n");
	put("_kernel/log.md", "---\nwalnut: orchard\n---\nhistory\n");
	put("_kernel/insights.md", "standing\n");
	put("_kernel/tasks.json", "{\"tasks\": [1]}\n");
	put("plan.md", "plan\n");
}

static void tear_down(void)
{
	sandbox_remove(&box);
}

static bool try_stage(const struct wlt_stage_options *wanted, struct wlt_stage **stage,
		      struct wlt_error *err)
{
	struct wlt_stage_options options = *wanted;

	if (options.session == NULL)
		options.session = "sess-1";
	if (options.sender == NULL)
		options.sender = "patrick";
	*stage = NULL;
	return wlt_stage_walnut(sandbox_open_dir(&box, "orchard"), "orchard", &options, stage, err);
}

static struct wlt_stage *stage_ok(const struct wlt_stage_options *options)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_stage *stage;

	ck_assert_msg(try_stage(options, &stage, &err), "%s", wlt_error_text(&err));
	return stage;
}

static struct wlt_stage *stage_full(void)
{
	return stage_ok(&(struct wlt_stage_options){.scope = WLT_SCOPE_FULL});
}

/* Staging fails like this, and says `needle`. */
static void check_refused(const struct wlt_stage_options *options, enum wlt_kind kind,
			  const char *needle)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_stage *stage;

	ck_assert(!try_stage(options, &stage, &err));
	ck_assert_ptr_null(stage);
	ck_assert_msg(strstr(wlt_error_text(&err), needle) != NULL, "%s", wlt_error_text(&err));
	ck_assert_msg(err.kind == kind, "%s: %s", wlt_kind_name(err.kind), wlt_error_text(&err));
	wlt_error_clear(&err);
}

/* The members are these, blank-separated, in byte order. */
static void check_members(const struct wlt_stage *stage, const char *expected)
{
	struct wlt_buf paths = WLT_BUF_INIT;

	for (size_t i = 0; i < stage->n_members; i++)
		wlt_buf_printf(&paths, "%s%s", i == 0 ? "" : " ", stage->members[i].path);
	ck_assert_str_eq(paths.data, expected);
	wlt_buf_free(&paths);
}

static bool has(const struct wlt_stage *stage, const char *path)
{
	for (size_t i = 0; i < stage->n_members; i++)
		if (strcmp(stage->members[i].path, path) == 0)
			return true;
	return false;
}

static const struct wlt_member *find(const struct wlt_stage *stage, const char *path)
{
	for (size_t i = 0; i < stage->n_members; i++)
		if (strcmp(stage->members[i].path, path) == 0)
			return &stage->members[i];
	ck_abort_msg("no member %s", path);
}

/* How many warnings say `needle`. */
static size_t warned(const struct wlt_stage *stage, const char *needle)
{
	size_t n = 0;

	for (size_t i = 0; i < stage->warnings.n; i++)
		n += strstr(stage->warnings.items[i], needle) != NULL;
	return n;
}

#define KERNEL                                                                      \
	"_kernel/completed.json _kernel/insights.md _kernel/key.md _kernel/log.md " \
	"_kernel/tasks.json"

/* --- scopes ------------------------------------------------------------------------------------ */

START_TEST(test_full)
{
	struct wlt_stage *stage;

	put("README.md", "the walnut's own\n");
	put("manifest.yaml", "not: a package's\n");
	put("_kernel/now.json", "{}");
	put("_kernel/imports.json", "{}");
	put("_kernel/people.yaml", "a: b");
	put("_kernel/history/chapter-01.md", "old");
	put("_kernel/config.yaml", "a: b\n");
	put(".hidden/x", "x");
	put(".env", "x");
	put("node_modules/x.js", "x");
	put("raw/r.md", "x");
	put("pruning/" MANIFEST, "goal: x\n");
	put("pruning/raw/photo.bin", "x");
	put("pruning/.DS_Store", "x");
	put("pruning/._photo.bin", "x");
	put("pruning/.goutputstream-AB12CD", "x");
	put("notes/.~tmp~/x", "x");
	put("notes/draft.md.kate-swp", "x");
	put("notes/.keep", "x");
	stage = stage_full();
	check_members(stage, "README.md _kernel/completed.json _kernel/config.yaml "
			     "_kernel/insights.md _kernel/key.md _kernel/log.md "
			     "_kernel/tasks.json notes/.keep plan.md pruning/" MANIFEST
			     " pruning/raw/photo.bin");
	ck_assert_uint_eq(stage->n_substitutions, 2);
	ck_assert_str_eq(stage->substitutions[0].path, "_kernel/log.md");
	ck_assert_str_eq(stage->substitutions[0].reason, "baseline-stub");
	ck_assert_str_eq(stage->substitutions[1].path, "_kernel/insights.md");
	ck_assert_uint_eq(stage->bundles.n, 1);
	ck_assert_str_eq(stage->bundles.items[0], "pruning");
	ck_assert_uint_eq(warned(stage, "manifest.yaml"), 1);
	ck_assert_uint_eq(stage->warnings.n, 1);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_stubs)
{
	static const char log_head[] = "---\nwalnut: orchard\nstubbed_at: 2026-04-07T10:15:00Z\n"
				       "stubbed_by: squirrel:sess-1\nreason: ";
	static const char insights_tail[] =
		"\n---\n\n## Strategy\n(stubbed)\n\n## Technical\n(stubbed)\n";
	struct wlt_stage *stage = stage_full();
	const char *log = find(stage, "_kernel/log.md")->content;
	const char *insights = find(stage, "_kernel/insights.md")->content;
	const char *readme = find(stage, "README.md")->content;

	ck_assert_int_eq(strncmp(log, log_head, strlen(log_head)), 0);
	ck_assert_ptr_nonnull(strstr(log, "\nentry-count: 0\n---\n"));
	ck_assert_ptr_nonnull(strstr(log, "patrick"));
	ck_assert_int_eq(strncmp(insights, log_head, strlen("---\nwalnut: orchard\nstubbed_at: ")),
			 0);
	ck_assert_str_eq(insights + strlen(insights) - strlen(insights_tail), insights_tail);
	ck_assert_int_eq(strncmp(readme, "# orchard\n", 10), 0);
	ck_assert_str_eq(find(stage, "_kernel/completed.json")->content, "{\"completed\": []}\n");
	ck_assert_ptr_null(find(stage, "_kernel/tasks.json")->content);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_stub_of_odd_name)
{
	struct wlt_stage_options options = {.session = "s", .sender = "p"};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_stage *stage = NULL;

	ck_assert(wlt_stage_walnut(sandbox_open_dir(&box, "orchard"), "a: b #c\\", &options, &stage,
				   &err));
	ck_assert_ptr_nonnull(
		strstr(find(stage, "_kernel/log.md")->content, "\nwalnut: \"a: b #c\\\\\"\n"));
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_full_history)
{
	struct wlt_stage_options options = {.include_full_history = true};
	struct wlt_stage *stage = stage_ok(&options);

	ck_assert_str_eq(find(stage, "_kernel/log.md")->source, "_kernel/log.md");
	ck_assert_uint_eq(stage->n_substitutions, 0);
	wlt_stage_free(stage);
	ck_assert_int_eq(unlinkat(box.fd, "orchard/_kernel/log.md", 0), 0);
	stage = stage_ok(&options);
	ck_assert_ptr_nonnull(find(stage, "_kernel/log.md")->content);
	ck_assert_uint_eq(stage->n_substitutions, 1);
	ck_assert_uint_eq(warned(stage, "_kernel/log.md"), 1);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_snapshot)
{
	struct wlt_stage *stage;

	put("pruning/" MANIFEST, "goal: x\n");
	stage = stage_ok(&(struct wlt_stage_options){.scope = WLT_SCOPE_SNAPSHOT});
	check_members(stage, "README.md _kernel/insights.md _kernel/key.md");
	ck_assert_uint_eq(stage->n_substitutions, 1);
	ck_assert_str_eq(stage->substitutions[0].path, "_kernel/insights.md");
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_not_a_walnut)
{
	ck_assert_int_eq(unlinkat(box.fd, "orchard/_kernel/key.md", 0), 0);
	check_refused(&(struct wlt_stage_options){0}, WLT_MISSING, "orchard is not a walnut");
	sandbox_link(&box, "orchard/_kernel/key.md", "../plan.md");
	check_refused(&(struct wlt_stage_options){0}, WLT_MISSING, "orchard is not a walnut");
}
END_TEST

/* --- bundles ----------------------------------------------------------------------------------- */

static void bundle_options(struct wlt_stage_options *options, struct wlt_strings *names,
			   const char *first, const char *second)
{
	struct wlt_error err = WLT_ERROR_INIT;

	*names = (struct wlt_strings){0};
	ck_assert(wlt_strings_add(names, first, &err));
	if (second != NULL)
		ck_assert(wlt_strings_add(names, second, &err));
	*options = (struct wlt_stage_options){.scope = WLT_SCOPE_BUNDLE, .bundles = names};
}

static void check_bundle_refused(const char *first, const char *second, enum wlt_kind kind,
				 const char *needle)
{
	struct wlt_stage_options options;
	struct wlt_strings names;

	bundle_options(&options, &names, first, second);
	check_refused(&options, kind, needle);
	wlt_strings_free(&names);
}

START_TEST(test_bundle_scope)
{
	struct wlt_stage_options options;
	struct wlt_strings names;
	struct wlt_stage *stage;

	put("pruning/" MANIFEST, "goal: x\n");
	put("pruning/part/" MANIFEST, "goal: nested inside\n");
	put("bundles/cider press/" MANIFEST, "goal: x\n");
	put("_core/_capsules/jam/companion.md", "old\n");
	put("other/" MANIFEST, "goal: x\n");
	bundle_options(&options, &names, "pruning", "cider press");
	ck_assert(wlt_strings_add(&names, "jam", &(struct wlt_error)WLT_ERROR_INIT));
	stage = stage_ok(&options);
	check_members(stage, "README.md _kernel/key.md cider press/" MANIFEST
			     " jam/companion.md pruning/" MANIFEST " pruning/part/" MANIFEST);
	ck_assert_uint_eq(stage->n_substitutions, 0);
	/* As asked for; sorted in the README. */
	ck_assert_uint_eq(stage->bundles.n, 3);
	ck_assert_str_eq(stage->bundles.items[0], "pruning");
	ck_assert_str_eq(stage->bundles.items[1], "cider press");
	ck_assert_ptr_nonnull(strstr(find(stage, "README.md")->content,
				     "- `cider press/`\n- `jam/`\n- `pruning/`\n"));
	wlt_stage_free(stage);
	wlt_strings_free(&names);
}
END_TEST

START_TEST(test_bundle_scope_refused)
{
	put("pruning/" MANIFEST, "goal: x\n");
	put("bundles/pruning/" MANIFEST, "goal: x\n");
	put("jam/" MANIFEST, "goal: x\n");
	put("archive/old/buried/" MANIFEST, "goal: x\n");
	put("raw/" MANIFEST, "goal: x\n");
	check_bundle_refused("nothing", NULL, WLT_MISSING, "no bundle nothing");
	check_bundle_refused("plan.md", NULL, WLT_MISSING, "no bundle plan.md");
	check_bundle_refused("raw", NULL, WLT_MISSING, "no bundle raw");
	check_bundle_refused("", NULL, WLT_MISSING, "no bundle");
	check_bundle_refused("..", NULL, WLT_MISSING, "no bundle");
	check_bundle_refused("bundles/pruning", NULL, WLT_USAGE, "bundles/pruning");
	check_bundle_refused("a\\b", NULL, WLT_USAGE, "a\\b");
	check_bundle_refused("jam", "jam", WLT_USAGE, "twice");
	check_bundle_refused("buried", NULL, WLT_REFUSED, "archive/old/buried");
	check_bundle_refused("pruning", NULL, WLT_REFUSED, "pruning and bundles/pruning");
	check_refused(&(struct wlt_stage_options){.scope = WLT_SCOPE_BUNDLE}, WLT_USAGE, "bundle");
}
END_TEST

START_TEST(test_names_only_in_bundle_scope)
{
	struct wlt_stage_options options;
	struct wlt_strings names;

	bundle_options(&options, &names, "pruning", NULL);
	options.scope = WLT_SCOPE_FULL;
	check_refused(&options, WLT_USAGE, "bundle scope only");
	wlt_strings_free(&names);
}
END_TEST

START_TEST(test_flattened)
{
	struct wlt_stage *stage;

	put("_kernel/_generated/now.json", "{}");
	put("bundles/jam/" MANIFEST, "goal: x\n");
	put("bundles/stray.md", "x\n");
	put("cider/" MANIFEST, "goal: x\n");
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " cider/" MANIFEST " jam/" MANIFEST " plan.md");
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_v1)
{
	struct wlt_stage *stage;

	ck_assert_int_eq(sandbox_sh(&box, "rm -r orchard/_kernel"), 0);
	put("_core/key.md", "---\nx: y\n---\n");
	put("_core/log.md", "history\n");
	put("_core/_capsules/jam/companion.md", "x\n");
	put("_core/_capsules/jam/v0.1.md", "x\n");
	put("_core/_capsules/no-capsule/x.md", "x\n");
	put("_core/_working/w.md", "x\n");
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " jam/companion.md jam/v0.1.md plan.md");
	ck_assert_str_eq(find(stage, "_kernel/key.md")->source, "_core/key.md");
	ck_assert_ptr_nonnull(find(stage, "_kernel/log.md")->content);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_capsules_left_behind)
{
	struct wlt_stage *stage;

	put("_core/_capsules/jam/companion.md", "x\n");
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " plan.md");
	ck_assert_uint_eq(warned(stage, "_core/_capsules/jam"), 1);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_nested_bundles_left_out)
{
	struct wlt_stage *stage;

	put("archive/old/buried/" MANIFEST, "goal: x\n");
	put("archive/old/buried/deep/x.md", "x\n");
	put("archive/old/x.md", "x\n");
	put("pruning/" MANIFEST, "goal: x\n");
	put("pruning/inner/companion.md", "x\n");
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " archive/old/x.md plan.md pruning/" MANIFEST);
	ck_assert_uint_eq(warned(stage, "archive/old/buried is left out"), 1);
	ck_assert_uint_eq(warned(stage, "pruning/inner is left out"), 1);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_leaf_names_clash)
{
	put("bundles/jam/" MANIFEST, "goal: x\n");
	put("jam/" MANIFEST, "goal: x\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "jam and bundles/jam");
	/* A folder or a file that is no bundle has the name as well. */
	ck_assert_int_eq(unlinkat(box.fd, "orchard/jam/" MANIFEST, 0), 0);
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "jam and bundles/jam");
	ck_assert_int_eq(unlinkat(box.fd, "orchard/jam", AT_REMOVEDIR), 0);
	put("jam", "a file\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "jam and bundles/jam");
}
END_TEST

START_TEST(test_file_and_folder_clash)
{
	put("README.md/" MANIFEST, "goal: x\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "README.md");
}
END_TEST

START_TEST(test_nested_walnut)
{
	struct wlt_stage *stage;

	put("branch/_kernel/key.md", "---\ntype: x\n---\n");
	put("branch/_kernel/people.yaml", "a: b\n");
	put("branch/bundle/" MANIFEST, "goal: x\n");
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " branch/_kernel/key.md branch/bundle/" MANIFEST
			     " plan.md");
	ck_assert_uint_eq(warned(stage, "branch is a walnut of its own"), 1);
	wlt_stage_free(stage);
	put("branch/_kernel/key.md", "---\nsensitivity: restricted\n---\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "branch is marked");
}
END_TEST

/* --- exclusions -------------------------------------------------------------------------------- */

static struct wlt_stage *stage_excluding(enum wlt_scope scope, const char *const *patterns,
					 size_t n)
{
	struct wlt_strings list = {0};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_stage *stage;

	for (size_t i = 0; i < n; i++)
		ck_assert(wlt_strings_add(&list, patterns[i], &err));
	stage = stage_ok(&(struct wlt_stage_options){.scope = scope, .exclusions = &list});
	wlt_strings_free(&list);
	return stage;
}

START_TEST(test_exclusions)
{
	static const char *const patterns[] = {
		"**/observations.md", "pricing*",        "a/**",   "_kernel/log.md",
		"pricing*",           "nothing-like-it", "assets/"};
	struct wlt_stage *stage;

	put("pruning/" MANIFEST, "goal: x\n");
	put("pruning/observations.md", "x\n");
	put("observations.md", "x\n");
	put("pricing-2026.md", "x\n");
	put("a/b/c/deep.md", "x\n");
	put("assets/x", "x\n");
	stage = stage_excluding(WLT_SCOPE_FULL, patterns, 7);
	check_members(stage, "README.md " KERNEL " plan.md pruning/" MANIFEST);
	/* In order, each once. */
	ck_assert_uint_eq(stage->exclusions.n, 6);
	ck_assert_str_eq(stage->exclusions.items[3], "_kernel/log.md");
	ck_assert_str_eq(stage->exclusions.items[5], "assets/");
	ck_assert_uint_eq(stage->removed.n, 5);
	ck_assert_str_eq(stage->removed.items[0], "a/b/c/deep.md");
	ck_assert_uint_eq(warned(stage, "'nothing-like-it' leaves nothing out"), 1);
	ck_assert_uint_eq(warned(stage, "'_kernel/log.md' leaves nothing out"), 1);
	ck_assert_uint_eq(warned(stage, "leaves nothing out"), 2);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_protected)
{
	static const char *const everything[] = {"**"};
	struct wlt_stage_options options;
	struct wlt_strings names;
	struct wlt_strings patterns = {0};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_stage *stage;

	put("_kernel/config.yaml", "a: b\n");
	put("pruning/" MANIFEST, "goal: x\n");
	stage = stage_excluding(WLT_SCOPE_FULL, everything, 1);
	check_members(stage, KERNEL);
	wlt_stage_free(stage);
	stage = stage_excluding(WLT_SCOPE_SNAPSHOT, everything, 1);
	check_members(stage, "_kernel/insights.md _kernel/key.md");
	wlt_stage_free(stage);
	bundle_options(&options, &names, "pruning", NULL);
	ck_assert(wlt_strings_add(&patterns, "**", &err));
	options.exclusions = &patterns;
	stage = stage_ok(&options);
	check_members(stage, "_kernel/key.md");
	wlt_stage_free(stage);
	wlt_strings_free(&patterns);
	wlt_strings_free(&names);
}
END_TEST

START_TEST(test_bad_patterns)
{
	char huge[WLT_PATTERN_BYTES + 2];
	const char *const bad[] = {"", "a\nb", "a\"b", huge};

	memset(huge, '*', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	for (size_t i = 0; i < 4; i++) {
		struct wlt_strings list = {0};
		struct wlt_error err = WLT_ERROR_INIT;

		ck_assert(wlt_strings_add(&list, bad[i], &err));
		check_refused(&(struct wlt_stage_options){.exclusions = &list}, WLT_USAGE,
			      "exclusion pattern");
		wlt_strings_free(&list);
	}
}
END_TEST

/* --- sensitivity ------------------------------------------------------------------------------- */

START_TEST(test_restricted_bundle)
{
	static const char *const whole[] = {"pruning/"};
	struct wlt_stage_options options;
	struct wlt_strings names;
	struct wlt_stage *stage;

	put("pruning/" MANIFEST, "goal: x\nsensitivity: restricted\n");
	put("jam/" MANIFEST, "goal: x\nsensitivity: private\npii: false\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "pruning is marked");
	stage = stage_ok(&(struct wlt_stage_options){.allow_restricted = true});
	ck_assert(has(stage, "pruning/" MANIFEST));
	wlt_stage_free(stage);
	/* Left out altogether, it stops nothing; with its manifest alone left out, it does. */
	stage = stage_excluding(WLT_SCOPE_FULL, whole, 1);
	wlt_stage_free(stage);
	put("pruning/x.md", "x\n");
	{
		struct wlt_strings list = {0};
		struct wlt_error err = WLT_ERROR_INIT;

		ck_assert(wlt_strings_add(&list, MANIFEST, &err));
		check_refused(&(struct wlt_stage_options){.exclusions = &list}, WLT_REFUSED,
			      "pruning is marked");
		wlt_strings_free(&list);
	}
	/* The other bundle is not concerned. */
	bundle_options(&options, &names, "jam", NULL);
	stage = stage_ok(&options);
	wlt_stage_free(stage);
	wlt_strings_free(&names);
	put("jam/" MANIFEST, "pii: true\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "jam, pruning are marked");
}
END_TEST

START_TEST(test_restricted_walnut)
{
	struct wlt_stage_options snapshot = {.scope = WLT_SCOPE_SNAPSHOT};

	put("_kernel/key.md", "---\npii: true\n---\nx\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "walnut orchard is marked");
	check_refused(&snapshot, WLT_REFUSED, "walnut orchard is marked");
	snapshot.allow_restricted = true;
	wlt_stage_free(stage_ok(&snapshot));
}
END_TEST

START_TEST(test_restricted_through_link)
{
	put("assets/meta", "sensitivity: restricted\n");
	sandbox_link(&box, "orchard/notes/" MANIFEST, "../assets/meta");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "notes is marked");
}
END_TEST

START_TEST(test_unclear_sensitivity)
{
	put("pruning/" MANIFEST, "goal: [x\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_DAMAGED, "pruning/" MANIFEST);
}
END_TEST

START_TEST(test_sensitive_names)
{
	static const char *const patterns[] = {"invoice*"};
	struct wlt_stage *stage;

	put("pricing-2026.md", "x\n");
	put("salaries/Salary.csv", "x\n");
	put("invoice-7.pdf", "x\n");
	stage = stage_excluding(WLT_SCOPE_FULL, patterns, 1);
	ck_assert_uint_eq(warned(stage, "pricing-2026.md, salaries/Salary.csv"), 1);
	ck_assert_uint_eq(warned(stage, "invoice-7.pdf"), 0);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_sessions_filtered)
{
	struct wlt_stage *stage;

	put("pruning/" MANIFEST, "active_sessions:\n  - x\n");
	put("settings.yml", "a: b\n");
	stage = stage_full();
	ck_assert(find(stage, "pruning/" MANIFEST)->filtered);
	ck_assert(find(stage, "settings.yml")->filtered);
	ck_assert(!find(stage, "plan.md")->filtered);
	wlt_stage_free(stage);
}
END_TEST

/* --- links and special files ------------------------------------------------------------------- */

static void link_to(const char *path, const char *target)
{
	char full[300];

	(void)snprintf(full, sizeof(full), "orchard/%s", path);
	(void)unlinkat(box.fd, full, 0);
	sandbox_link(&box, full, target);
}

START_TEST(test_links_inside)
{
	char absolute[200];
	struct wlt_stage *stage;

	put("assets/x.md", "x\n");
	link_to("alias.md", "plan.md");
	link_to("assets/up.md", "../plan.md");
	link_to("chain.md", "alias.md");
	(void)snprintf(absolute, sizeof(absolute), "%s/orchard/plan.md", box.path);
	link_to("absolute.md", absolute);
	link_to("round.md", "../orchard/plan.md");
	link_to("key.md", "_kernel/key.md");
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " absolute.md alias.md assets/up.md assets/x.md "
			     "chain.md key.md plan.md round.md");
	ck_assert_str_eq(find(stage, "chain.md")->source, "plan.md");
	ck_assert_str_eq(find(stage, "absolute.md")->source, "plan.md");
	ck_assert_uint_eq(stage->warnings.n, 0);
	wlt_stage_free(stage);
}
END_TEST

static const char *const outside[] = {
	"../outside.md",        "/etc/passwd", "../orchard-2/x.md", "../gone.md", "/gone",
	"assets/../../gone.md", ".."};

START_TEST(test_links_outside)
{
	static const char *const patterns[] = {"leaving"};
	struct wlt_stage *stage;

	sandbox_put(&box, "outside.md", "x\n");
	sandbox_put(&box, "orchard-2/x.md", "x\n"); /* a name that begins like ours */
	put("sub/x.md", "x\n");
	link_to("leaving", outside[_i]);
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "leaving is a symbolic link");
	/* Excluding it is a way out. */
	stage = stage_excluding(WLT_SCOPE_FULL, patterns, 1);
	ck_assert(!has(stage, "leaving"));
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_links_through_links_outside)
{
	put("sub/x.md", "x\n");
	sandbox_put(&box, "outside/x.md", "x\n");
	link_to("sub/door", "../../outside");
	link_to("sub/y.md", "door/x.md");
	check_refused(&(struct wlt_stage_options){0}, WLT_REFUSED, "is a symbolic link");
}
END_TEST

START_TEST(test_links_left_out)
{
	struct wlt_stage *stage;

	put("_kernel/people.yaml", "a: b\n");
	link_to("gone.md", "not-there.md");
	link_to("sub.md", "assets/../gone2.md");
	link_to("self", "self");
	link_to("log.md", "_kernel/log.md");
	link_to("people", "_kernel/people.yaml");
	link_to("kernel", "_kernel");
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " plan.md");
	ck_assert_uint_eq(warned(stage, "points to nothing"), 3);
	ck_assert_uint_eq(warned(stage, "of the kernel that is not shared"), 3);
	wlt_stage_free(stage);
	/* With the history shared anyway, so is a link to it. */
	stage = stage_ok(&(struct wlt_stage_options){.include_full_history = true});
	ck_assert(has(stage, "log.md"));
	ck_assert(!has(stage, "people"));
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_links_to_folders)
{
	struct wlt_stage *stage;

	put("assets/x.md", "x\n");
	put("assets/deep/y.md", "y\n");
	put("other/z.md", "z\n");
	link_to("media", "assets");
	link_to("whole", ".");
	link_to("assets/up", "..");
	link_to("assets/deep/around", "..");
	link_to("assets/aside", "../other");
	stage = stage_full();
	/* media/aside is a link to a folder inside a linked folder. */
	check_members(stage, "README.md " KERNEL " assets/aside/z.md assets/deep/y.md assets/x.md "
			     "media/deep/y.md media/x.md other/z.md plan.md");
	ck_assert_uint_eq(warned(stage, "whole is left out"), 1);
	ck_assert_str_eq(find(stage, "media/x.md")->source, "assets/x.md");
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_special_files)
{
	struct wlt_stage *stage;

	ck_assert_int_eq(mkfifoat(box.fd, "orchard/pipe", 0600), 0);
	ck_assert_int_eq(sandbox_sh(&box, "mkdir orchard/sub && mkfifo orchard/sub/p2"), 0);
	stage = stage_full();
	check_members(stage, "README.md " KERNEL " plan.md");
	ck_assert_uint_eq(warned(stage, "pipe is left out"), 1);
	ck_assert_uint_eq(warned(stage, "sub/p2 is left out"), 1);
	wlt_stage_free(stage);
}
END_TEST

/* --- names and limits -------------------------------------------------------------------------- */

static const char *const bad_names[] = {"back\\slash", "bell\a", "bad\xff", "new\nline"};

START_TEST(test_bad_names)
{
	put(bad_names[_i], "x\n");
	check_refused(&(struct wlt_stage_options){0}, WLT_DAMAGED, "rename or exclude it");
}
END_TEST

START_TEST(test_limits)
{
	struct wlt_stage_options options = {.max_members = 8};
	struct wlt_stage *stage;

	/* README.md, five kernel files, plan.md and manifest.yaml. */
	stage = stage_ok(&options);
	ck_assert_uint_eq(stage->n_members, 7);
	wlt_stage_free(stage);
	options.max_members = 7;
	check_refused(&options, WLT_TOO_BIG,
		      "may hold, 7 with its own manifest.yaml (the next is ");
	options = (struct wlt_stage_options){.max_expanded = 1 << 20};
	wlt_stage_free(stage_ok(&options));
	ck_assert_int_eq(sandbox_sh(&box, "truncate -s 1M orchard/large"), 0);
	check_refused(&options, WLT_TOO_BIG, "large");
}
END_TEST

START_TEST(test_deep_tree)
{
	/* Too deep for a package, and no danger to the stack. */
	ck_assert_int_eq(sandbox_sh(&box, "cd orchard && for i in $(seq 200); do mkdir d && cd d; "
					  "done; touch x"),
			 0);
	check_refused(&(struct wlt_stage_options){0}, WLT_DAMAGED, "d/d/d");
}
END_TEST

START_TEST(test_modes_and_times)
{
	struct wlt_stage *stage;

	put("run.sh", "x\n");
	ck_assert_int_eq(sandbox_sh(&box, "chmod 744 orchard/run.sh; touch -d @1234567890.75 "
					  "orchard/run.sh; chmod 655 orchard/plan.md"),
			 0);
	stage = stage_full();
	ck_assert(find(stage, "run.sh")->executable);
	ck_assert_int_eq(find(stage, "run.sh")->mtime, 1234567890);
	ck_assert(!find(stage, "plan.md")->executable);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_bad_options)
{
	check_refused(&(struct wlt_stage_options){.session = "a\nb"}, WLT_USAGE, "session");
	check_refused(&(struct wlt_stage_options){.sender = "a\"b"}, WLT_USAGE, "sender");
}
END_TEST

START_TEST(test_cancelled)
{
	atomic_bool cancel = true;

	put("sub/x", "x");
	check_refused(&(struct wlt_stage_options){.cancel = &cancel}, WLT_CANCELLED, "stopped");
}
END_TEST

/* --- the vectors ------------------------------------------------------------------------------- */

static char vectors[4096];

static bool find_vectors(void)
{
	const char *named = getenv("WLT_VECTORS");
	const char *source = getenv("WLT_SOURCE_DIR");

	if (named != NULL)
		(void)snprintf(vectors, sizeof(vectors), "%s", named);
	else
		(void)snprintf(vectors, sizeof(vectors), "%s/../shared/vectors",
			       source == NULL ? "." : source);
	return faccessat(AT_FDCWD, vectors, R_OK, 0) == 0;
}

static const struct vector {
	const char *manifest;
	enum wlt_scope scope;
	const char *exclusions[4];
	const char *bundles[2];
	const char *description;
	const char *note;
} vector_table[] = {
	{"full", WLT_SCOPE_FULL, {0}, {0}, "Apples & pears: it's ünïcode", "back\\slash"},
	{"full-excluded",
	 WLT_SCOPE_FULL,
	 {"**/observations.md", "pricing*", "a/**", "_kernel/log.md"},
	 {0},
	 "",
	 ""},
	{"bundle", WLT_SCOPE_BUNDLE, {0}, {"pruning", "cider press"}, "", ""},
	{"snapshot", WLT_SCOPE_SNAPSHOT, {0}, {0}, "", ""},
};

/* The manifest in a form in which only what has to agree is left: without the payload's checksum,
 * `files` sorted and without our own texts and the nested bundle. */
static const char normalise[] =
	"normalise() { awk '/^files:/{f=1; next} /^encryption/{f=0} /^payload_sha256/{next} "
	"f&&/path:/{p=$0} f&&/sha256:/{s=$0} f&&/size:/{print \"~\" p s $0} f{next} "
	"{printf \"%05d %s\\n\", ++n, $0}' \"$1\" | grep -v -e '\"README.md\"' -e "
	"'~.*\"_kernel/log.md\"' -e '~.*\"_kernel/insights.md\"' -e 'archive/old/buried' | "
	"LC_ALL=C sort; }; ";

START_TEST(test_vectors)
{
	const struct vector *vector = &vector_table[_i];
	struct wlt_create_options create = {.sender = "patrick",
					    .session = "sess-0001",
					    .engine = "unknown",
					    .description = vector->description,
					    .note = vector->note};
	struct wlt_stage_options options = {.scope = vector->scope,
					    .session = "sess-0001",
					    .sender = "patrick"};
	struct wlt_strings exclusions = {0};
	struct wlt_strings bundles = {0};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_stage *stage = NULL;
	struct wlt_created created;
	int fd = sandbox_create(&box, "p.walnut");

	for (int i = 0; i < 4 && vector->exclusions[i] != NULL; i++)
		ck_assert(wlt_strings_add(&exclusions, vector->exclusions[i], &err));
	for (int i = 0; i < 2 && vector->bundles[i] != NULL; i++)
		ck_assert(wlt_strings_add(&bundles, vector->bundles[i], &err));
	options.exclusions = &exclusions;
	options.bundles = &bundles;
	ck_assert_int_eq(sandbox_sh(&box, "tar -xf '%s/orchard-source.tar'", vectors), 0);
	ck_assert_msg(wlt_stage_walnut(sandbox_open_dir(&box, "world/04_Ventures/orchard"),
				       "orchard", &options, &stage, &err) &&
			      wlt_package_create(stage, &create, fd, &created, &err),
		      "%s", wlt_error_text(&err));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(sandbox_sh(&box, "tar -xzOf p.walnut manifest.yaml >ours"), 0);
	ck_assert_int_eq(
		sandbox_sh(&box,
			   "%snormalise ours >a; normalise '%s/%s.manifest.yaml' >b; test $(wc -l "
			   "<a) -gt 15 && diff a b",
			   normalise, vectors, vector->manifest),
		0);
	wlt_stage_free(stage);
	wlt_strings_free(&exclusions);
	wlt_strings_free(&bundles);
}
END_TEST

/* --- suite ------------------------------------------------------------------------------------- */

static TCase *new_case(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, set_up, tear_down);
	suite_add_tcase(s, t);
	return t;
}

static Suite *suite(void)
{
	Suite *s = suite_create("stage");
	TCase *t = new_case(s, "scopes");

	tcase_add_test(t, test_full);
	tcase_add_test(t, test_stubs);
	tcase_add_test(t, test_stub_of_odd_name);
	tcase_add_test(t, test_full_history);
	tcase_add_test(t, test_snapshot);
	tcase_add_test(t, test_not_a_walnut);
	t = new_case(s, "bundles");
	tcase_add_test(t, test_bundle_scope);
	tcase_add_test(t, test_bundle_scope_refused);
	tcase_add_test(t, test_names_only_in_bundle_scope);
	tcase_add_test(t, test_flattened);
	tcase_add_test(t, test_v1);
	tcase_add_test(t, test_capsules_left_behind);
	tcase_add_test(t, test_nested_bundles_left_out);
	tcase_add_test(t, test_leaf_names_clash);
	tcase_add_test(t, test_file_and_folder_clash);
	tcase_add_test(t, test_nested_walnut);
	t = new_case(s, "exclusions");
	tcase_add_test(t, test_exclusions);
	tcase_add_test(t, test_protected);
	tcase_add_test(t, test_bad_patterns);
	t = new_case(s, "sensitivity");
	tcase_add_test(t, test_restricted_bundle);
	tcase_add_test(t, test_restricted_walnut);
	tcase_add_test(t, test_restricted_through_link);
	tcase_add_test(t, test_unclear_sensitivity);
	tcase_add_test(t, test_sensitive_names);
	tcase_add_test(t, test_sessions_filtered);
	t = new_case(s, "links");
	tcase_add_test(t, test_links_inside);
	tcase_add_loop_test(t, test_links_outside, 0, sizeof(outside) / sizeof(outside[0]));
	tcase_add_test(t, test_links_through_links_outside);
	tcase_add_test(t, test_links_left_out);
	tcase_add_test(t, test_links_to_folders);
	tcase_add_test(t, test_special_files);
	t = new_case(s, "limits");
	tcase_add_loop_test(t, test_bad_names, 0, sizeof(bad_names) / sizeof(bad_names[0]));
	tcase_add_test(t, test_limits);
	tcase_add_test(t, test_deep_tree);
	tcase_add_test(t, test_modes_and_times);
	tcase_add_test(t, test_bad_options);
	tcase_add_test(t, test_cancelled);
	if (find_vectors()) {
		t = new_case(s, "vectors");
		tcase_add_loop_test(t, test_vectors, 0,
				    sizeof(vector_table) / sizeof(vector_table[0]));
	}
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
