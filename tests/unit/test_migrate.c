/* SPDX-License-Identifier: MIT */
/* Migration of whole trees: each rule on a tree built for it, and the packages of the existing tool. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "migrate_help.h"
#include "vectors.h"

/* --- flat trees -------------------------------------------------------------------------------- */

START_TEST(test_flat)
{
	put_kernel();
	put_bundle("alpha");
	sandbox_put(&migrate_box, "alpha/tasks.md", "- [ ] stays\n");
	assert_no_op();
	assert_tree(
		"_kernel/\n_kernel/key.md\nalpha/\nalpha/context.manifest.yaml\nalpha/tasks.md");
}
END_TEST

START_TEST(test_no_package)
{
	sandbox_put(&migrate_box, "notes.md", "");
	assert_refuses(WLT_REFUSED, "no package was unpacked here");
	assert_tree("notes.md");
}
END_TEST

/* A live file may be called so. */
START_TEST(test_file_called_bundles)
{
	put_kernel();
	sandbox_put(&migrate_box, "bundles", "of wood\n");
	assert_no_op();
}
END_TEST

/* --- v2 ---------------------------------------------------------------------------------------- */

START_TEST(test_v2)
{
	put_kernel();
	sandbox_put(&migrate_box, "_kernel/_generated/now.json", "{}");
	sandbox_put(&migrate_box, "_kernel/_generated/a/b/c", "");
	put_bundle("bundles/alpha");
	sandbox_put(&migrate_box, "bundles/alpha/raw/notes.md", "n");
	sandbox_put(&migrate_box, "bundles/alpha/tasks.md",
		    "---\nx: y\n---\n- [ ] One\n- [x] Two @s\n");
	put_bundle("bundles/beta");
	sandbox_put(&migrate_box, "notes.md", "live");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.actions, "removed _kernel/_generated",
		       "moved bundles/alpha to alpha", "moved bundles/beta to beta",
		       "removed the empty bundles/",
		       "converted alpha/tasks.md to alpha/tasks.json: 2 tasks");
	ASSERT_STRINGS(migrate_result.bundles_migrated, "alpha", "beta");
	ck_assert_uint_eq(migrate_result.warnings.n, 0);
	ck_assert_uint_eq(migrate_result.tasks_converted, 2);
	assert_tree("_kernel/\n_kernel/key.md\nalpha/\nalpha/context.manifest.yaml\nalpha/raw/\n"
		    "alpha/raw/notes.md\nalpha/tasks.json\nbeta/\nbeta/context.manifest.yaml\n"
		    "notes.md");
	assert_no_op();
}
END_TEST

START_TEST(test_v2_generated_alone)
{
	put_kernel();
	sandbox_put(&migrate_box, "_kernel/_generated/now.json", "{}");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.actions, "removed _kernel/_generated");
	assert_tree("_kernel/\n_kernel/key.md");
}
END_TEST

START_TEST(test_v2_empty_bundles)
{
	put_kernel();
	sandbox_dir(&migrate_box, "bundles");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.actions, "removed the empty bundles/");
	assert_tree("_kernel/\n_kernel/key.md");
}
END_TEST

START_TEST(test_v2_clash)
{
	put_kernel();
	put_bundle("bundles/alpha");
	sandbox_put(&migrate_box, "bundles/alpha/tasks.md", "- [ ] One\n");
	sandbox_put(&migrate_box, "alpha/live.md", "live");
	put_bundle("bundles/beta");
	sandbox_put(&migrate_box, "beta", "a file");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.bundles_migrated, "alpha-imported", "beta-imported");
	assert_content("alpha/live.md", "live");
	assert_content("beta", "a file");
	assert_content(
		"alpha-imported/tasks.json",
		"{\n  \"tasks\": [\n    {\n      \"id\": \"t-001\",\n      \"title\": \"One\",\n"
		"      \"status\": \"active\",\n      \"priority\": \"normal\",\n"
		"      \"assignee\": null,\n      \"due\": null,\n      \"tags\": [],\n"
		"      \"created\": \"2026-04-07T10:15:00Z\",\n      \"session\": \"sess-0001\",\n"
		"      \"bundle\": \"alpha-imported\"\n    }\n  ]\n}\n");
	assert_no_op();
}
END_TEST

/* Nothing changes, not even what comes before it in the order. */
START_TEST(test_v2_double_clash)
{
	put_kernel();
	sandbox_put(&migrate_box, "_kernel/_generated/now.json", "{}");
	put_bundle("bundles/aaa");
	put_bundle("bundles/alpha");
	sandbox_dir(&migrate_box, "alpha");
	sandbox_dir(&migrate_box, "alpha-imported");
	assert_refuses(WLT_EXISTS, "alpha and alpha-imported are taken there");
	ck_assert_uint_eq(migrate_result.actions.n, 0);
	assert_tree("_kernel/\n_kernel/_generated/\n_kernel/_generated/now.json\n_kernel/key.md\n"
		    "alpha-imported/\nalpha/\nbundles/\nbundles/aaa/\n"
		    "bundles/aaa/context.manifest.yaml\nbundles/alpha/\n"
		    "bundles/alpha/context.manifest.yaml");
	ck_assert_int_eq(sandbox_sh(&migrate_box, "rmdir alpha-imported"), 0);
	assert_migrates();
	ASSERT_STRINGS(migrate_result.bundles_migrated, "aaa", "alpha-imported");
}
END_TEST

/* Two bundles must not want one place. */
START_TEST(test_v2_clash_among_bundles)
{
	put_kernel();
	sandbox_dir(&migrate_box, "alpha");
	sandbox_put(&migrate_box, "bundles/alpha/a", "first");
	sandbox_put(&migrate_box, "bundles/alpha-imported/a", "second");
	assert_migrates();
	/* In byte order alpha comes first, and is the first to choose. */
	ASSERT_STRINGS(migrate_result.bundles_migrated, "alpha-imported",
		       "alpha-imported-imported");
	assert_content("alpha-imported/a", "first");
	assert_content("alpha-imported-imported/a", "second");
}
END_TEST

/* By these names a tree tells what it is. */
START_TEST(test_v2_reserved_names)
{
	put_kernel();
	sandbox_put(&migrate_box, "bundles/_core/key.md", "evil");
	sandbox_put(&migrate_box, "bundles/_kernel/key.md", "evil");
	sandbox_put(&migrate_box, "bundles/bundles/a", "");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.bundles_migrated, "_core-imported", "_kernel-imported",
		       "bundles-imported");
	assert_content("_kernel/key.md", "---\ntype: venture\n---\n");
	assert_no_op();
}
END_TEST

START_TEST(test_v2_name_too_long)
{
	char name[256], path[300];

	memset(name, 'n', 250);
	name[250] = '\0';
	put_kernel();
	sandbox_dir(&migrate_box, name);
	(void)snprintf(path, sizeof(path), "bundles/%s/a", name);
	sandbox_put(&migrate_box, path, "");
	assert_refuses(WLT_DAMAGED, "is longer than 255 bytes");
}
END_TEST

START_TEST(test_v2_leftovers)
{
	put_kernel();
	put_bundle("bundles/alpha");
	sandbox_put(&migrate_box, "bundles/README.md", "r");
	sandbox_put(&migrate_box, "bundles/.trash/x", "x");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.actions, "moved bundles/alpha to alpha");
	ASSERT_STRINGS(migrate_result.warnings, "bundles/.trash stays where it is: it is no bundle",
		       "bundles/README.md stays where it is: it is no bundle");
	assert_tree("_kernel/\n_kernel/key.md\nalpha/\nalpha/context.manifest.yaml\nbundles/\n"
		    "bundles/.trash/\nbundles/.trash/x\nbundles/README.md");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.actions, NO_OP);
	ck_assert_uint_eq(migrate_result.warnings.n, 2);
}
END_TEST

START_TEST(test_v2_both_task_files)
{
	put_kernel();
	put_bundle("bundles/alpha");
	sandbox_put(&migrate_box, "bundles/alpha/tasks.md", "- [ ] One\n");
	sandbox_put(&migrate_box, "bundles/alpha/tasks.json", "{\"tasks\": []}\n");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.warnings,
		       "alpha/tasks.md was not converted, because there is a "
		       "tasks.json already: both are kept");
	ck_assert_uint_eq(migrate_result.tasks_converted, 0);
	assert_content("alpha/tasks.md", "- [ ] One\n");
	assert_content("alpha/tasks.json", "{\"tasks\": []}\n");
	assert_no_op();
}
END_TEST

START_TEST(test_v2_tasks_keep_their_mode)
{
	struct stat st;

	put_kernel();
	sandbox_put(&migrate_box, "bundles/alpha/tasks.md", "- [ ] One\nand why\n");
	ck_assert_int_eq(fchmodat(migrate_box.fd, "bundles/alpha/tasks.md", 0640, 0), 0);
	assert_migrates();
	ck_assert_int_eq(fstatat(migrate_box.fd, "alpha/tasks.json", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ASSERT_STRINGS(
		migrate_result.actions, "moved bundles/alpha to alpha",
		"removed the empty bundles/",
		"converted alpha/tasks.md to alpha/tasks.json: 1 task; 1 other line was left "
		"out");
}
END_TEST

/* --- v1 ---------------------------------------------------------------------------------------- */

START_TEST(test_v1)
{
	sandbox_put(&migrate_box, "_core/key.md", "k");
	sandbox_put(&migrate_box, "_core/log.md", "l");
	sandbox_put(&migrate_box, "_core/insights.md", "i");
	sandbox_put(&migrate_box, "_core/now.md", "now");
	sandbox_put(&migrate_box, "_core/tasks.md", "- [ ] One\n- [x] Two @s\n");
	sandbox_put(&migrate_box, "_core/_capsules/pruning/companion.md",
		    "---\ngoal: Prune\nstatus: draft\nsensitivity: restricted\n---\nbody\n");
	sandbox_put(&migrate_box, "_core/_capsules/pruning/v0.1.md", "v");
	sandbox_put(&migrate_box, "_core/_capsules/grafting/companion.md", "no front matter\n");
	sandbox_put(&migrate_box, "_core/_working/w.md", "w");
	sandbox_put(&migrate_box, "_core/plan.md", "p");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.actions, "made _kernel/",
		       "moved _core/key.md to _kernel/key.md",
		       "moved _core/log.md to _kernel/log.md",
		       "moved _core/insights.md to _kernel/insights.md",
		       "converted _core/tasks.md to _kernel/tasks.json: 2 tasks",
		       "removed _core/now.md", "moved _core/_capsules/grafting to grafting",
		       "made grafting/context.manifest.yaml from companion.md",
		       "moved _core/_capsules/pruning to pruning",
		       "made pruning/context.manifest.yaml from companion.md",
		       "removed the empty _core/_capsules/", "moved _core/_working to working",
		       "moved _core/plan.md to plan.md", "removed the empty _core/");
	ASSERT_STRINGS(migrate_result.bundles_migrated, "grafting", "pruning");
	ck_assert_uint_eq(migrate_result.warnings.n, 0);
	ck_assert_uint_eq(migrate_result.tasks_converted, 2);
	assert_tree("_kernel/\n_kernel/insights.md\n_kernel/key.md\n_kernel/log.md\n"
		    "_kernel/tasks.json\ngrafting/\ngrafting/companion.md\n"
		    "grafting/context.manifest.yaml\nplan.md\npruning/\npruning/companion.md\n"
		    "pruning/context.manifest.yaml\npruning/v0.1.md\nworking/\nworking/w.md");
	assert_content("grafting/context.manifest.yaml", "goal: \"grafting\"\n");
	assert_content("pruning/context.manifest.yaml",
		       "goal: \"Prune\"\nstatus: \"draft\"\nsensitivity: \"restricted\"\n");
	assert_no_op();
}
END_TEST

/* Tasks of the walnut itself are of no bundle. */
START_TEST(test_v1_tasks)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTOFREE char *text = NULL;
	struct json_object *task, *bundle;

	sandbox_put(&migrate_box, "_core/tasks.md", "- [~] One @s\n");
	assert_migrates();
	text = sandbox_get(&migrate_box, "_kernel/tasks.json", NULL);
	ck_assert(wlt_json_parse(text, strlen(text), &root, &migrate_failure));
	task = json_object_array_get_idx(wlt_json_array(root, "tasks"), 0);
	ck_assert_str_eq(wlt_json_string(task, "priority"), "high");
	ck_assert_str_eq(wlt_json_string(task, "session"), "s");
	ck_assert(json_object_object_get_ex(task, "bundle", &bundle));
	ck_assert_ptr_null(bundle);
}
END_TEST

START_TEST(test_v1_clashes)
{
	sandbox_put(&migrate_box, "README.md", "made by the sender");
	sandbox_put(&migrate_box, "working/x", "");
	sandbox_put(&migrate_box, "_core/key.md", "k");
	sandbox_put(&migrate_box, "_core/README.md", "mine");
	sandbox_put(&migrate_box, "_core/_working/w.md", "w");
	sandbox_put(&migrate_box, "_core/_capsules/plan/companion.md", "---\nstatus: x\n---\n");
	sandbox_put(&migrate_box, "_core/_plan/p.md", "p");
	sandbox_put(&migrate_box, "_core/__kernel/key.md", "evil");
	sandbox_put(&migrate_box, "_core/_bundles/b", "");
	sandbox_put(&migrate_box, "_core/_", "underscore");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.bundles_migrated, "plan");
	assert_tree("README-imported.md\nREADME.md\n_\n_kernel-imported/\n_kernel-imported/key.md\n"
		    "_kernel/\n_kernel/key.md\nbundles-imported/\nbundles-imported/b\n"
		    "plan-imported/\nplan-imported/p.md\nplan/\nplan/companion.md\n"
		    "plan/context.manifest.yaml\nworking-imported/\nworking-imported/w.md\n"
		    "working/\nworking/x");
	assert_content("_kernel/key.md", "k");
	assert_content("README-imported.md", "mine");
	assert_no_op();
}
END_TEST

/* A renamed capsule keeps the name it had as its goal. */
START_TEST(test_v1_capsule_clash)
{
	sandbox_put(&migrate_box, "_core/key.md", "k");
	sandbox_put(&migrate_box, "_core/_capsules/plan/companion.md", "text\n");
	sandbox_dir(&migrate_box, "plan");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.bundles_migrated, "plan-imported");
	assert_content("plan-imported/context.manifest.yaml", "goal: \"plan\"\n");
}
END_TEST

START_TEST(test_v1_double_clash)
{
	sandbox_put(&migrate_box, "_core/key.md", "k");
	sandbox_put(&migrate_box, "_core/a.md", "");
	sandbox_put(&migrate_box, "a.md", "");
	sandbox_put(&migrate_box, "a-imported.md", "");
	assert_refuses(WLT_EXISTS, "a.md and a-imported.md are taken there");
	assert_tree("_core/\n_core/a.md\n_core/key.md\na-imported.md\na.md");
}
END_TEST

START_TEST(test_v1_kernel_clash)
{
	sandbox_put(&migrate_box, "_core/key.md", "k");
	sandbox_put(&migrate_box, "_core/log.md", "mine");
	sandbox_put(&migrate_box, "_kernel/log.md", "there");
	assert_refuses(WLT_EXISTS, "_core/log.md cannot move to _kernel/log.md");
	assert_content("_kernel/log.md", "there");
}
END_TEST

START_TEST(test_v1_odd_capsules)
{
	sandbox_put(&migrate_box, "_core/key.md", "k");
	sandbox_put(&migrate_box, "_core/_capsules/index.md", "of capsules");
	sandbox_put(&migrate_box, "_core/_capsules/bare/x.md", "x");
	sandbox_put(&migrate_box, "_core/_capsules/new/companion.md", "---\ngoal: a\n---\n");
	sandbox_put(&migrate_box, "_core/_capsules/new/context.manifest.yaml", "goal: b\n");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.warnings,
		       "_core/_capsules/bare has no companion.md, so it is not a bundle");
	assert_tree(
		"_kernel/\n_kernel/key.md\nbare/\nbare/x.md\ncapsules/\ncapsules/index.md\nnew/\n"
		"new/companion.md\nnew/context.manifest.yaml");
	assert_content("new/context.manifest.yaml", "goal: b\n");
}
END_TEST

START_TEST(test_v1_both_task_files)
{
	sandbox_put(&migrate_box, "_core/tasks.md", "- [ ] One\n");
	sandbox_put(&migrate_box, "_kernel/tasks.json", "{\"tasks\": []}\n");
	assert_migrates();
	ck_assert_uint_eq(migrate_result.warnings.n, 1);
	assert_tree("_kernel/\n_kernel/tasks.json\ntasks.md");
}
END_TEST

/* It may say that the capsule is restricted. */
START_TEST(test_v1_unreadable_companion)
{
	sandbox_put(&migrate_box, "_core/key.md", "k");
	sandbox_put(&migrate_box, "_core/_capsules/a/companion.md", "---\nsensitivity: [\n---\n");
	assert_refuses(WLT_DAMAGED, "_core/_capsules/a/companion.md: front matter");
	assert_tree("_core/\n_core/_capsules/\n_core/_capsules/a/\n_core/_capsules/a/companion.md\n"
		    "_core/key.md");
}
END_TEST

/* --- packages of the existing tool ------------------------------------------------------------- */

static void unpack(const char *name)
{
	ck_assert_int_eq(sandbox_sh(&migrate_box, "tar -xzf '%s/%s'", vectors_dir(), name), 0);
}

static const char *const v2_packages[] = {"v2-full.walnut", "v2-full-nohint.walnut"};

START_TEST(test_v2_package)
{
	static const char list[] = "alpha-imported/tasks.json";
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	struct json_object *expected, *bundles;

	(void)vectors_expected(v2_packages[_i], &root);
	expected = wlt_json_object(root, "v2_migration");
	bundles = wlt_json_array(expected, "bundles_migrated");
	unpack(v2_packages[_i]);
	assert_migrates();
	ck_assert_uint_eq(migrate_result.bundles_migrated.n, json_object_array_length(bundles));
	for (size_t i = 0; i < migrate_result.bundles_migrated.n; i++)
		ck_assert_str_eq(migrate_result.bundles_migrated.items[i],
				 json_object_get_string(json_object_array_get_idx(bundles, i)));
	ck_assert_int_eq((int64_t)migrate_result.tasks_converted,
			 wlt_json_int(expected, "tasks_converted", -1));
	assert_content(list, wlt_json_string(expected, list));
	assert_tree(
		"_kernel/\n_kernel/insights.md\n_kernel/key.md\n_kernel/log.md\nalpha-imported/\n"
		"alpha-imported/context.manifest.yaml\nalpha-imported/tasks.json\nalpha/\n"
		"alpha/live.md\nbeta/\nbeta/context.manifest.yaml\nmanifest.yaml\nnotes.md");
	assert_no_op();
}
END_TEST

START_TEST(test_v1_package)
{
	unpack("v1-full.walnut");
	assert_migrates();
	ASSERT_STRINGS(migrate_result.bundles_migrated, "pruning");
	ck_assert_uint_eq(migrate_result.tasks_converted, 2);
	assert_tree("_kernel/\n_kernel/insights.md\n_kernel/key.md\n_kernel/log.md\n"
		    "_kernel/tasks.json\nmanifest.yaml\npruning/\npruning/companion.md\n"
		    "pruning/context.manifest.yaml\npruning/v0.1.md\nworking/\nworking/w.md");
	assert_content("pruning/context.manifest.yaml",
		       "goal: \"Prune\"\nstatus: \"draft\"\nsensitivity: \"restricted\"\n");
	assert_no_op();
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static void add_v2(Suite *suite)
{
	TCase *tcase = migrate_tcase(suite, "v2");

	tcase_add_test(tcase, test_flat);
	tcase_add_test(tcase, test_no_package);
	tcase_add_test(tcase, test_file_called_bundles);
	tcase_add_test(tcase, test_v2);
	tcase_add_test(tcase, test_v2_generated_alone);
	tcase_add_test(tcase, test_v2_empty_bundles);
	tcase_add_test(tcase, test_v2_clash);
	tcase_add_test(tcase, test_v2_double_clash);
	tcase_add_test(tcase, test_v2_clash_among_bundles);
	tcase_add_test(tcase, test_v2_reserved_names);
	tcase_add_test(tcase, test_v2_name_too_long);
	tcase_add_test(tcase, test_v2_leftovers);
	tcase_add_test(tcase, test_v2_both_task_files);
	tcase_add_test(tcase, test_v2_tasks_keep_their_mode);
}

static void add_v1(Suite *suite)
{
	TCase *tcase = migrate_tcase(suite, "v1");

	tcase_add_test(tcase, test_v1);
	tcase_add_test(tcase, test_v1_tasks);
	tcase_add_test(tcase, test_v1_clashes);
	tcase_add_test(tcase, test_v1_capsule_clash);
	tcase_add_test(tcase, test_v1_double_clash);
	tcase_add_test(tcase, test_v1_kernel_clash);
	tcase_add_test(tcase, test_v1_odd_capsules);
	tcase_add_test(tcase, test_v1_both_task_files);
	tcase_add_test(tcase, test_v1_unreadable_companion);
}

int main(void)
{
	Suite *suite = suite_create("migrate");

	add_v2(suite);
	add_v1(suite);
	if (vectors_dir() != NULL) {
		TCase *tcase = migrate_tcase(suite, "packages");

		tcase_add_loop_test(tcase, test_v2_package, 0, COUNT(v2_packages));
		tcase_add_test(tcase, test_v1_package);
	}
	return migrate_run_suite(suite);
}
