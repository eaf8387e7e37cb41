/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox.h"
#include "walnut/walnut.h"

static struct sandbox box;

static void set_up(void)
{
	sandbox_make(&box);
}

static void tear_down(void)
{
	sandbox_remove(&box);
}

/* --- string lists ------------------------------------------------------------------------------ */

START_TEST(test_strings)
{
	struct wlt_strings list = {0};
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert(!wlt_strings_contain(&list, "x"));
	wlt_strings_sort(&list);
	for (int i = 99; i >= 0; i--)
		ck_assert(wlt_strings_addf(&list, &err, "%03d", i));
	ck_assert(wlt_strings_add_unique(&list, "050", &err));
	ck_assert_uint_eq(list.n, 100);
	ck_assert_ptr_null(list.items[100]);
	ck_assert(wlt_strings_add(&list, "050", &err));
	ck_assert(wlt_strings_add_unique(&list, "\xc3\xa4", &err));
	ck_assert(wlt_strings_contain(&list, "099"));
	wlt_strings_sort(&list);
	ck_assert_str_eq(list.items[0], "000");
	ck_assert_str_eq(list.items[50], "050");
	ck_assert_str_eq(list.items[51], "050");
	ck_assert_str_eq(list.items[101], "\xc3\xa4");
	ck_assert_ptr_null(list.items[102]);
	wlt_strings_free(&list);
	ck_assert_uint_eq(list.n, 0);
	wlt_strings_free(&list);
}
END_TEST

/* --- layout ------------------------------------------------------------------------------------ */

START_TEST(test_layout)
{
	ck_assert_int_eq(wlt_walnut_layout(box.fd), WLT_LAYOUT_NONE);
	sandbox_put(&box, "_core/key.md", "x");
	ck_assert_int_eq(wlt_walnut_layout(box.fd), WLT_LAYOUT_V1);
	sandbox_put(&box, "_kernel/key.md", "x");
	ck_assert_int_eq(wlt_walnut_layout(box.fd), WLT_LAYOUT_V3);
	sandbox_dir(&box, "bundles");
	ck_assert_int_eq(wlt_walnut_layout(box.fd), WLT_LAYOUT_V2);
	ck_assert_int_eq(unlinkat(box.fd, "bundles", AT_REMOVEDIR), 0);
	sandbox_dir(&box, "_kernel/_generated");
	ck_assert_int_eq(wlt_walnut_layout(box.fd), WLT_LAYOUT_V2);
	ck_assert_int_eq(unlinkat(box.fd, "_kernel/key.md", 0), 0);
	sandbox_dir(&box, "_kernel/key.md");
	ck_assert_int_eq(wlt_walnut_layout(box.fd), WLT_LAYOUT_V1);
}
END_TEST

START_TEST(test_is_walnut)
{
	sandbox_put(&box, "a/_kernel/key.md", "x");
	sandbox_put(&box, "b/_core/key.md", "x");
	sandbox_link(&box, "c", "a");
	ck_assert(wlt_is_walnut(box.fd, "a"));
	ck_assert(!wlt_is_walnut(box.fd, "b"));
	ck_assert(!wlt_is_walnut(box.fd, "c")); /* links are never followed */
	ck_assert(!wlt_is_walnut(box.fd, "nothing"));
}
END_TEST

static void check_world(const char *below, const char *expected)
{
	WLT_AUTOFREE char *path = NULL;
	WLT_AUTOFREE char *wanted = NULL;
	WLT_AUTOFREE char *found = NULL;

	ck_assert_int_ge(asprintf(&path, "%s/%s", box.path, below), 0);
	found = wlt_world_around(path);
	if (expected == NULL) {
		ck_assert_ptr_null(found);
		return;
	}
	ck_assert_int_ge(asprintf(&wanted, "%s%s", box.path, expected), 0);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found, wanted);
}

START_TEST(test_world)
{
	sandbox_dir(&box, "world/.alive");
	sandbox_dir(&box, "world/04_Ventures/nova");
	sandbox_dir(&box, "other");
	check_world("world/04_Ventures/nova", "/world");
	check_world("world", "/world");
	check_world("world/not/there/yet", "/world");
	check_world("other", NULL);
	sandbox_put(&box, "world/04_Ventures/.alive", "no folder");
	check_world("world/04_Ventures/nova", "/world");
	ck_assert_ptr_null(wlt_world_around("relative/path"));
	ck_assert_ptr_null(wlt_world_around("/"));
}
END_TEST

/* --- bundles ----------------------------------------------------------------------------------- */

static void check_bundles(const char *expected)
{
	struct wlt_bundles bundles;
	struct wlt_error err = WLT_ERROR_INIT;
	char text[1000] = "";

	ck_assert_msg(wlt_walnut_bundles(box.fd, &bundles, &err), "%s", wlt_error_text(&err));
	for (size_t i = 0; i < bundles.n; i++) {
		const struct wlt_bundle *bundle = &bundles.items[i];
		const char *slash = strrchr(bundle->path, '/');

		ck_assert_str_eq(bundle->leaf, slash == NULL ? bundle->path : slash + 1);
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s",
			       i == 0 ? "" : " ", bundle->path, bundle->top_level ? "" : "!");
	}
	ck_assert_str_eq(text, expected);
	wlt_bundles_free(&bundles);
}

#define MANIFEST "context.manifest.yaml"

START_TEST(test_discovery)
{
	static const char *const skipped[] = {"_kernel",  "_core",        ".git",
					      ".alive",   "node_modules", "raw",
					      ".hidden",  "dist",         "build",
					      ".next",    "target",       "__pycache__",
					      "_archive", "_references",  "01_Archive"};
	char path[100];

	sandbox_put(&box, "_kernel/key.md", "x");
	sandbox_put(&box, MANIFEST, "x"); /* the root is no bundle */
	sandbox_put(&box, "b/" MANIFEST, "x");
	sandbox_put(&box, "b/inner/companion.md", "x");
	sandbox_put(&box, "a b/companion.md", "x");
	sandbox_put(&box, "bundles/c/" MANIFEST, "x");
	sandbox_put(&box, "bundles/c/d/" MANIFEST, "x");
	sandbox_put(&box, "plain/x.md", "x");
	sandbox_put(&box, "plain/deep/e/" MANIFEST, "x");
	sandbox_put(&box, "Z/" MANIFEST, "x");
	sandbox_put(&box, "nested/_kernel/key.md", "x");
	sandbox_put(&box, "nested/" MANIFEST, "x");
	sandbox_put(&box, "nested/f/" MANIFEST, "x");
	sandbox_dir(&box, "g/" MANIFEST); /* a folder of that name is no mark */
	sandbox_link(&box, "linked", "b");
	sandbox_link(&box, "h/" MANIFEST, "../b/" MANIFEST);
	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/x/" MANIFEST, skipped[i]);
		sandbox_put(&box, path, "x");
		(void)snprintf(path, sizeof(path), "plain/%s/" MANIFEST, skipped[i]);
		sandbox_put(&box, path, "x");
	}
	/* Byte order of the paths, `!` for those that are not top-level. */
	check_bundles("Z a b b b/inner! bundles/c bundles/c/d! plain/deep/e!");
}
END_TEST

START_TEST(test_no_bundles)
{
	check_bundles("");
}
END_TEST

START_TEST(test_marker)
{
	sandbox_put(&box, "a/" MANIFEST, "x");
	sandbox_put(&box, "a/companion.md", "x");
	sandbox_put(&box, "b/companion.md", "x");
	sandbox_put(&box, "c/x", "x");
	sandbox_put(&box, "f", "x");
	ck_assert_str_eq(wlt_bundle_marker(box.fd, "a"), MANIFEST);
	ck_assert_str_eq(wlt_bundle_marker(box.fd, "b"), "companion.md");
	ck_assert_ptr_null(wlt_bundle_marker(box.fd, "c"));
	ck_assert_ptr_null(wlt_bundle_marker(box.fd, "f"));
	ck_assert_ptr_null(wlt_bundle_marker(box.fd, "nothing"));
}
END_TEST

START_TEST(test_capsules)
{
	struct wlt_bundles bundles = {0};
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert(wlt_walnut_capsules(box.fd, &bundles, &err));
	ck_assert_uint_eq(bundles.n, 0);
	sandbox_put(&box, "_core/_capsules/jam/companion.md", "x");
	sandbox_put(&box, "_core/_capsules/bread/" MANIFEST, "x");
	sandbox_put(&box, "_core/_capsules/none/x.md", "x");
	sandbox_put(&box, "_core/_capsules/.hidden/companion.md", "x");
	ck_assert(wlt_walnut_capsules(box.fd, &bundles, &err));
	ck_assert_uint_eq(bundles.n, 2);
	ck_assert_str_eq(bundles.items[0].path, "_core/_capsules/bread");
	ck_assert_str_eq(bundles.items[1].leaf, "jam");
	ck_assert(bundles.items[1].top_level);
	wlt_bundles_free(&bundles);
}
END_TEST

START_TEST(test_deep_discovery)
{
	struct wlt_bundles bundles = {0};
	struct wlt_error err = WLT_ERROR_INIT;

	char name[201];
	int fd = dup(box.fd);

	/* Deeper than a path can be long. Where the kernel opens paths in one step that is an
	 * error, where they are opened component by component it is not. */
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 30; i++) {
		int next;

		ck_assert_int_eq(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(next, 0);
		ck_assert_int_eq(close(fd), 0);
		fd = next;
	}
	ck_assert_int_eq(close(fd), 0);
	if (wlt_walnut_bundles(box.fd, &bundles, &err))
		ck_assert_uint_eq(bundles.n, 0);
	else
		ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "cannot read folder"));
	wlt_error_clear(&err);
}
END_TEST

/* --- names ------------------------------------------------------------------------------------- */

START_TEST(test_never_shipped)
{
	static const char *const never[] = {"_kernel/now.json",
					    "_kernel/_generated",
					    "_kernel/_generated/x.json",
					    "_kernel/history/c.md",
					    "_kernel/links.yaml",
					    "_kernel/people.yaml",
					    "_kernel/imports.json",
					    ".alive/_squirrels/x",
					    "desktop.ini",
					    "x/desktop.ini",
					    ".DS_Store",
					    "a/b/.DS_Store",
					    "Thumbs.db",
					    "._x",
					    "a/._b/c",
					    "._",
					    "branch/_kernel/now.json",
					    "x/.alive/_squirrels"};
	static const char *const fine[] = {"_kernel/key.md",
					   "now.json",
					   "x/now.json",
					   "_kernel",
					   "_kernels/now.json",
					   "x_kernel/now.json",
					   "history/x.md",
					   ".x",
					   "a._b",
					   "desktop.ini2",
					   "_squirrels/x",
					   "_kernel/x/now.json",
					   "DS_Store",
					   ""};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		ck_assert_msg(wlt_never_shipped(never[i]), "%s", never[i]);
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		ck_assert_msg(!wlt_never_shipped(fine[i]), "%s", fine[i]);
}
END_TEST

START_TEST(test_leftovers)
{
	ck_assert(wlt_is_leftover(".goutputstream-X1Y2Z3"));
	ck_assert(wlt_is_leftover(".~tmp~"));
	ck_assert(wlt_is_leftover("plan.md.kate-swp"));
	ck_assert(wlt_is_leftover("__MACOSX"));
	ck_assert(!wlt_is_leftover("plan.md"));
	ck_assert(!wlt_is_leftover("goutputstream-x"));
}
END_TEST

START_TEST(test_sensitive_names)
{
	static const char *const sensitive[] = {
		"pricing-2026.md",  "invoice", "salary.csv", "strategy",     "secrets",
		"credentials.json", ".env",    ".env.local", "Invoice-7.pdf"};

	for (size_t i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
		ck_assert_msg(wlt_name_looks_sensitive(sensitive[i]), "%s", sensitive[i]);
	ck_assert(!wlt_name_looks_sensitive("my-pricing.md"));
	ck_assert(!wlt_name_looks_sensitive("environment.md"));
	ck_assert(!wlt_name_looks_sensitive(""));
}
END_TEST

/* --- sensitivity ------------------------------------------------------------------------------- */

static const struct level {
	const char *path;
	const char *content;
	bool restricted;
} levels[] = {
	{"b/" MANIFEST, "goal: x\n", false},
	{"b/" MANIFEST, "", false},
	{"b/" MANIFEST, "sensitivity: open\n", false},
	{"b/" MANIFEST, "sensitivity: private\npii: false\n", false},
	{"b/" MANIFEST, "sensitivity: restricted\n", true},
	{"b/" MANIFEST, "sensitivity: \"restricted\"\n", true},
	{"b/" MANIFEST, "sensitivity: Restricted\n", true},
	{"b/" MANIFEST, "sensitivity: open\npii: true\n", true},
	{"b/" MANIFEST, "pii: \"true\"\n", true},
	{"b/" MANIFEST, "pii: null\n", false},
	{"b/" MANIFEST, "inner:\n  pii: true\n", false},
	{"_kernel/key.md", "---\nsensitivity: restricted\n---\nx\n", true},
	{"_kernel/key.md", "---\npii: true\n---\n", true},
	{"_kernel/key.md", "---\ntype: x\n---\nsensitivity: restricted\n", false},
	{"_kernel/key.md", "sensitivity: restricted\n", false},
	{"_kernel/key.md", "", false},
};

START_TEST(test_sensitivity)
{
	const struct level *level = &levels[_i];
	struct wlt_error err = WLT_ERROR_INIT;
	bool restricted = !level->restricted;

	sandbox_put(&box, level->path, level->content);
	ck_assert_msg(wlt_is_restricted(box.fd, level->path, &restricted, &err), "%s",
		      wlt_error_text(&err));
	ck_assert(restricted == level->restricted);
}
END_TEST

START_TEST(test_unclear_sensitivity)
{
	struct wlt_error err = WLT_ERROR_INIT;
	bool restricted = true;

	ck_assert(wlt_is_restricted(box.fd, "nothing/" MANIFEST, &restricted, &err));
	ck_assert(!restricted);
	sandbox_put(&box, "b/" MANIFEST, "goal: [x\n");
	ck_assert(!wlt_is_restricted(box.fd, "b/" MANIFEST, &restricted, &err));
	ck_assert_int_eq(err.kind, WLT_DAMAGED);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "b/" MANIFEST));
	sandbox_link(&box, "c/" MANIFEST, "../b/" MANIFEST);
	ck_assert(!wlt_is_restricted(box.fd, "c/" MANIFEST, &restricted, &err));
	sandbox_dir(&box, "d/" MANIFEST);
	ck_assert(!wlt_is_restricted(box.fd, "d/" MANIFEST, &restricted, &err));
	ck_assert_int_eq(err.kind, WLT_REFUSED);
	ck_assert_int_eq(sandbox_sh(&box, "mkdir e && truncate -s 5M e/" MANIFEST), 0);
	ck_assert(!wlt_is_restricted(box.fd, "e/" MANIFEST, &restricted, &err));
	ck_assert_int_eq(err.kind, WLT_TOO_BIG);
	wlt_error_clear(&err);
}
END_TEST

/* --- preferences ------------------------------------------------------------------------------- */

static void load(struct wlt_preferences *preferences)
{
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_preferences_load(box.path, preferences, &err), "%s",
		      wlt_error_text(&err));
}

START_TEST(test_default_preferences)
{
	struct wlt_preferences preferences;
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_strings patterns = {0};

	ck_assert(wlt_preferences_load(NULL, &preferences, &err));
	ck_assert(!preferences.found);
	wlt_preferences_free(&preferences);
	load(&preferences);
	ck_assert(!preferences.found && !preferences.auto_receive &&
		  !preferences.require_signature && !preferences.discovery_hints);
	ck_assert_str_eq(preferences.token_env, "GH_TOKEN");
	ck_assert_ptr_null(preferences.relay_url);
	ck_assert_ptr_null(preferences.signing_key_path);
	ck_assert(!wlt_preferences_preset(&preferences, "team", &patterns, &err));
	ck_assert_int_eq(err.kind, WLT_MISSING);
	wlt_error_clear(&err);
	wlt_preferences_free(&preferences);
	sandbox_put(&box, ".alive/preferences.yaml", "");
	load(&preferences);
	ck_assert(preferences.found);
	ck_assert_str_eq(preferences.token_env, "GH_TOKEN");
	wlt_preferences_free(&preferences);
}
END_TEST

START_TEST(test_preferences)
{
	struct wlt_preferences preferences;
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_strings patterns = {0};

	sandbox_put(&box, ".alive/preferences.yaml",
		    "discovery_hints: true\n"
		    "p2p:\n"
		    "  share_presets:\n"
		    "    external:\n"
		    "      exclude_patterns:\n"
		    "        - \"**/observations.md\"\n"
		    "        - \"pricing*\"\n"
		    "        - 'pricing*'\n"
		    "    bare: {}\n"
		    "    empty:\n"
		    "    wrong: {exclude_patterns: x}\n"
		    "    number: {exclude_patterns: [7]}\n"
		    "  relay: {url: 'https://example.org/r.git', token_env: TOKEN}\n"
		    "  auto_receive: true\n"
		    "  signing_key_path: \"/k.pem\"\n"
		    "  require_signature: true\n");
	load(&preferences);
	ck_assert(preferences.found && preferences.auto_receive && preferences.require_signature &&
		  preferences.discovery_hints);
	ck_assert_str_eq(preferences.relay_url, "https://example.org/r.git");
	ck_assert_str_eq(preferences.token_env, "TOKEN");
	ck_assert_str_eq(preferences.signing_key_path, "/k.pem");
	ck_assert(wlt_preferences_preset(&preferences, "external", &patterns, &err));
	ck_assert_uint_eq(patterns.n, 2);
	ck_assert_str_eq(patterns.items[1], "pricing*");
	ck_assert(wlt_preferences_preset(&preferences, "bare", &patterns, &err));
	ck_assert_uint_eq(patterns.n, 2);
	ck_assert(!wlt_preferences_preset(&preferences, "team", &patterns, &err));
	ck_assert_int_eq(err.kind, WLT_MISSING);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "external, bare"));
	ck_assert(!wlt_preferences_preset(&preferences, "wrong", &patterns, &err));
	ck_assert_int_eq(err.kind, WLT_DAMAGED);
	ck_assert(!wlt_preferences_preset(&preferences, "number", &patterns, &err));
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "exclude_patterns[0]"));
	wlt_error_clear(&err);
	wlt_strings_free(&patterns);
	wlt_preferences_free(&preferences);
}
END_TEST

static const char *const malformed[] = {
	"p2p: [x\n",
	"p2p: x\n",
	"p2p:\n  relay: x\n",
	"p2p:\n  relay: {url: 7}\n",
	"p2p:\n  auto_receive: sometimes\n",
	"p2p:\n  require_signature: \"yes\"\n",
	"discovery_hints: 1\n",
	"p2p: &a {}\nx: *a\n",
};

START_TEST(test_malformed_preferences)
{
	struct wlt_preferences preferences;
	struct wlt_error err = WLT_ERROR_INIT;

	sandbox_put(&box, ".alive/preferences.yaml", malformed[_i]);
	ck_assert(!wlt_preferences_load(box.path, &preferences, &err));
	ck_assert_int_eq(err.kind, WLT_DAMAGED);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), ".alive/preferences.yaml"));
	wlt_error_clear(&err);
}
END_TEST

START_TEST(test_no_world)
{
	struct wlt_preferences preferences;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert(!wlt_preferences_load("/nonexistent/world", &preferences, &err));
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "/nonexistent/world"));
	wlt_error_clear(&err);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("walnut");
	TCase *t = tcase_create("walnut");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_strings);
	tcase_add_test(t, test_layout);
	tcase_add_test(t, test_is_walnut);
	tcase_add_test(t, test_world);
	tcase_add_test(t, test_discovery);
	tcase_add_test(t, test_no_bundles);
	tcase_add_test(t, test_marker);
	tcase_add_test(t, test_capsules);
	tcase_add_test(t, test_deep_discovery);
	tcase_add_test(t, test_never_shipped);
	tcase_add_test(t, test_leftovers);
	tcase_add_test(t, test_sensitive_names);
	tcase_add_loop_test(t, test_sensitivity, 0, sizeof(levels) / sizeof(levels[0]));
	tcase_add_test(t, test_unclear_sensitivity);
	tcase_add_test(t, test_default_preferences);
	tcase_add_test(t, test_preferences);
	tcase_add_loop_test(t, test_malformed_preferences, 0,
			    sizeof(malformed) / sizeof(malformed[0]));
	tcase_add_test(t, test_no_world);
	suite_add_tcase(s, t);
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
