/* SPDX-License-Identifier: MIT */
/* Trees that no honest package gives: links, odd files, bad texts, forged plans, two at once. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "migrate_help.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

/* Links to what a victim has, and how the sentence begins. */
static const struct {
	const char *link, *target, *sentence;
} links[] = {
	{"bundles", "victim", "bundles is, or lies behind, a symbolic link"},
	{"_kernel", "victim", "_kernel is"},
	{"_core", "victim", "_core is"},
	{"_kernel/_generated", "../victim", "_kernel/_generated is"},
	{"bundles/alpha", "../victim", "bundles/alpha is"},
	{"bundles/alpha/tasks.md", "../../victim/tasks.md", "bundles/alpha/tasks.md is"},
	{"bundles/alpha/tasks.json", "nowhere", "bundles/alpha/tasks.json is"},
	{".alive-migration.json", "victim/plan", ".alive-migration.json is"},
};

START_TEST(test_symbolic_links)
{
	sandbox_put(&migrate_box, "victim/tasks.md", "- [ ] mine\n");
	sandbox_put(&migrate_box, "victim/now.json", "{}");
	if (strncmp(links[_i].link, "_kernel", 7) != 0)
		put_kernel();
	if (strcmp(links[_i].link, "bundles") != 0 && strcmp(links[_i].link, "bundles/alpha") != 0)
		put_bundle("bundles/alpha");
	sandbox_link(&migrate_box, links[_i].link, links[_i].target);
	assert_refuses(WLT_REFUSED, links[_i].sentence);
	assert_content("victim/tasks.md", "- [ ] mine\n");
	assert_content("victim/now.json", "{}");
}
END_TEST

static const char *const v1_links[] = {
	"_core/key.md",    "_core/tasks.md",    "_core/now.md",
	"_core/_capsules", "_core/_capsules/a", "_core/_capsules/b/companion.md",
	"_core/anything",
};

START_TEST(test_v1_symbolic_links)
{
	sandbox_put(&migrate_box, "victim", "mine");
	sandbox_put(&migrate_box, "_core/log.md", "l");
	sandbox_link(&migrate_box, v1_links[_i], "/etc");
	assert_refuses(WLT_REFUSED, "a symbolic link, which no package holds");
	assert_content("_core/log.md", "l");
}
END_TEST

START_TEST(test_special_file)
{
	put_kernel();
	put_bundle("bundles/alpha");
	ck_assert_int_eq(mkfifoat(migrate_box.fd, "bundles/alpha/tasks.md", 0600), 0);
	assert_refuses(WLT_REFUSED, "bundles/alpha/tasks.md is neither a file nor a folder");
}
END_TEST

/* A folder of that name is no list. */
START_TEST(test_folder_called_tasks)
{
	put_kernel();
	sandbox_put(&migrate_box, "bundles/alpha/tasks.md/a", "");
	assert_migrates();
	ck_assert_uint_eq(migrate_result.tasks_converted, 0);
	assert_content("alpha/tasks.md/a", "");
}
END_TEST

START_TEST(test_huge_list)
{
	put_kernel();
	put_bundle("bundles/alpha");
	sandbox_put(&migrate_box, "bundles/alpha/tasks.md", "");
	ck_assert_int_eq(sandbox_sh(&migrate_box, "truncate -s 1T bundles/alpha/tasks.md"), 0);
	assert_refuses(WLT_TOO_BIG, "bundles/alpha/tasks.md is larger than");
	ck_assert_uint_eq(migrate_result.actions.n, 0);
}
END_TEST

START_TEST(test_list_in_latin_1)
{
	put_kernel();
	put_bundle("bundles/alpha");
	sandbox_put(&migrate_box, "bundles/alpha/tasks.md", "- [ ] d\xF6ner\n");
	assert_refuses(WLT_DAMAGED, "bundles/alpha/tasks.md: it is not text in UTF-8");
	ck_assert_uint_eq(migrate_result.actions.n, 0);
}
END_TEST

/* What is said is shown in JSON, so it is UTF-8. */
START_TEST(test_name_in_latin_1)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *object = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *back = NULL;

	put_kernel();
	sandbox_put(&migrate_box, "bundles/d\xF6ner/a", "");
	assert_refuses(WLT_DAMAGED, "is not valid UTF-8");
	object = wlt_migration_json(&migrate_result);
	ck_assert_ptr_nonnull(object);
	wlt_json_format(&text, object);
	ck_assert(wlt_json_parse(text.data, text.len, &back, &migrate_failure));
}
END_TEST

/* A stranger may send something that looks like our own notes. */
static const char *const plans[] = {
	"",
	"[]",
	"{\"version\": 1}",
	"{\"version\": 2, \"steps\": [], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [1], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"remove\"}], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"burn\", \"path\": \"a\"}], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"move\", \"path\": \"a\"}], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"remove\", \"path\": \"../a\"}], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"remove\", \"path\": \"/tmp\"}], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"move\", \"path\": \"a\", \"to\": \"../a\"}], "
	"\"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"move\", \"path\": \"a\", \"to\": \"b\", \"name\": "
	"\"x/y\"}], \"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"describe\", \"path\": \"a\", \"to\": \"b\"}], "
	"\"warnings\": []}",
	"{\"version\": 1, \"steps\": [{\"do\": \"tasks\", \"path\": \"a\", \"to\": \"b\", "
	"\"tasks\": "
	"-1}], \"warnings\": []}",
};

START_TEST(test_forged_plan)
{
	put_kernel();
	sandbox_put(&migrate_box, "a", "mine");
	put_bundle("bundles/alpha");
	sandbox_put(&migrate_box, ".alive-migration.json", plans[_i]);
	assert_refuses(WLT_DAMAGED,
		       ".alive-migration.json is not the plan of a migration that was interrupted");
	assert_content("a", "mine");
	assert_content("bundles/alpha/context.manifest.yaml", "goal: a\n");
}
END_TEST

/* A well-formed one moves what is beneath the folder, and through no link. */
START_TEST(test_forged_plan_through_a_link)
{
	put_kernel();
	sandbox_put(&migrate_box, "victim/a", "mine");
	sandbox_link(&migrate_box, "link", "victim");
	sandbox_put(&migrate_box, ".alive-migration.json",
		    "{\"version\": 1, \"steps\": [{\"do\": \"remove\", \"path\": \"link/a\"}], "
		    "\"warnings\": []}");
	assert_refuses(WLT_REFUSED, "link/a is, or lies behind, a symbolic link");
	assert_content("victim/a", "mine");
}
END_TEST

START_TEST(test_two_at_once)
{
	WLT_AUTOCLOSE int other = sandbox_open_dir(&migrate_box, ".");

	put_kernel();
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_refuses(WLT_BUSY, "another program is working on this folder");
	ck_assert_int_eq(flock(other, LOCK_UN), 0);
	assert_no_op();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate_hostile");
	TCase *tcase = migrate_tcase(suite, "hostile");

	tcase_add_loop_test(tcase, test_symbolic_links, 0, COUNT(links));
	tcase_add_loop_test(tcase, test_v1_symbolic_links, 0, COUNT(v1_links));
	tcase_add_test(tcase, test_special_file);
	tcase_add_test(tcase, test_folder_called_tasks);
	tcase_add_test(tcase, test_huge_list);
	tcase_add_test(tcase, test_list_in_latin_1);
	tcase_add_test(tcase, test_name_in_latin_1);
	tcase_add_loop_test(tcase, test_forged_plan, 0, COUNT(plans));
	tcase_add_test(tcase, test_forged_plan_through_a_link);
	tcase_add_test(tcase, test_two_at_once);
	return migrate_run_suite(suite);
}
