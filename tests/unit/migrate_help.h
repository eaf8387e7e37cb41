/* SPDX-License-Identifier: MIT */
/*
 * Migrations in a sandbox. Each test gets a new one, `migrate_box`, from the fixture that
 * migrate_tcase() adds; everything here aborts the test that finds something else than it says.
 */
#ifndef WLT_TESTS_MIGRATE_HELP_H
#define WLT_TESTS_MIGRATE_HELP_H

#include <check.h>

#include "receive/receive.h"
#include "sandbox.h"

#define NO_OP "no-op (already v3 layout)"

extern struct sandbox migrate_box;
extern struct wlt_migration migrate_result; /* of the last migration */
extern struct wlt_error migrate_failure;

TCase *migrate_tcase(Suite *suite, const char *name);
int migrate_run_suite(Suite *suite);

/* Migrate the sandbox on 2026-04-07T10:15:00Z, as session `sess-0001`. */
void assert_migrates(void);
void assert_no_op(void);

/* It fails with this kind, and a sentence of that text, which is also the one error. */
void assert_refuses(enum wlt_kind kind, const char *text);

/* All paths in the sandbox, sorted, folders with a slash behind. */
void assert_tree(const char *expected);
void assert_content(const char *path, const char *expected);

void assert_strings(const struct wlt_strings *strings, size_t n, const char *const *expected);
#define ASSERT_STRINGS(strings, ...)                                                             \
	do {                                                                                     \
		static const char *const expected_[] = {__VA_ARGS__};                            \
		assert_strings(&(strings), sizeof(expected_) / sizeof(expected_[0]), expected_); \
	} while (0)

/* What makes a walnut; what makes a folder a bundle. */
void put_kernel(void);
void put_bundle(const char *folder);

#endif
