/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "migrate_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define NOW 1775556900 /* 2026-04-07T10:15:00Z, says date(1) */

struct sandbox migrate_box;
struct wlt_migration migrate_result;
struct wlt_error migrate_failure;

static void setup(void)
{
	sandbox_make(&migrate_box);
	migrate_failure = (struct wlt_error)WLT_ERROR_INIT;
	migrate_result = (struct wlt_migration){.tasks_converted = 0};
}

static void teardown(void)
{
	wlt_error_clear(&migrate_failure);
	wlt_migration_free(&migrate_result);
	sandbox_remove(&migrate_box);
}

static bool migrate(void)
{
	const struct wlt_migrate_options how = {.now = NOW, .session = "sess-0001"};

	wlt_error_clear(&migrate_failure);
	wlt_migration_free(&migrate_result);
	return wlt_migrate_staging(migrate_box.fd, &how, &migrate_result, &migrate_failure);
}

void assert_migrates(void)
{
	ck_assert_msg(migrate(), "%s", wlt_error_text(&migrate_failure));
	ck_assert_uint_eq(migrate_result.errors.n, 0);
}

void assert_refuses(enum wlt_kind kind, const char *text)
{
	ck_assert(!migrate());
	ck_assert_msg(migrate_failure.kind == kind, "%s: %s", wlt_kind_name(migrate_failure.kind),
		      wlt_error_text(&migrate_failure));
	ck_assert_msg(strstr(wlt_error_text(&migrate_failure), text) != NULL, "%s",
		      wlt_error_text(&migrate_failure));
	ck_assert_ptr_null(strchr(wlt_error_text(&migrate_failure), '\n'));
	ck_assert_uint_eq(migrate_result.errors.n, 1);
}

void assert_tree(const char *expected)
{
	ck_assert_msg(
		sandbox_sh(&migrate_box,
			   "export LC_ALL=C; got=$(find . -mindepth 1 -type d -printf '%%P/\n' "
			   "-o -mindepth 1 -printf '%%P\n' | sort); "
			   "[ \"$got\" = '%s' ] || { echo \"$got\" >&2; false; }",
			   expected) == 0,
		"wanted %s", expected);
}

void assert_content(const char *path, const char *expected)
{
	WLT_AUTOFREE char *content = sandbox_get(&migrate_box, path, NULL);

	ck_assert_str_eq(content, expected);
}

void assert_strings(const struct wlt_strings *strings, size_t n, const char *const *expected)
{
	for (size_t i = 0; i < strings->n && i < n; i++)
		ck_assert_str_eq(strings->items[i], expected[i]);
	ck_assert_uint_eq(strings->n, n);
}

void assert_no_op(void)
{
	assert_migrates();
	ASSERT_STRINGS(migrate_result.actions, NO_OP);
	ck_assert_uint_eq(migrate_result.warnings.n, 0);
	ck_assert_uint_eq(migrate_result.bundles_migrated.n, 0);
	ck_assert_uint_eq(migrate_result.tasks_converted, 0);
}

void put_kernel(void)
{
	sandbox_put(&migrate_box, "_kernel/key.md", "---\ntype: venture\n---\n");
}

void put_bundle(const char *folder)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/context.manifest.yaml", folder);
	sandbox_put(&migrate_box, path, "goal: a\n");
}

TCase *migrate_tcase(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int migrate_run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
