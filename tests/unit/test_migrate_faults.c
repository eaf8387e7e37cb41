/* SPDX-License-Identifier: MIT */
/* Every file-system call and every allocation of a migration fails once, or is the last one; a second
 * run always brings the tree to what an undisturbed one gives. */
#include "config.h"

#include "faults.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "receive/receive.h"
#include "scratch.h"

#define MANY 3000 /* more calls than a migration here makes */

static void shell(const char *command)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	ck_assert_msg(scratch_run(argv, NULL, 0, NULL) == 0, "%s", command);
}

/* A tree of each layout, in `master`. */
static const char *const trees[] = {
	"mkdir -p master/_kernel/_generated/a master/bundles/alpha master/bundles/beta "
	"master/bundles/gamma master/alpha && cd master && : >_kernel/key.md && "
	": >_kernel/_generated/now.json && : >_kernel/_generated/a/b && : >alpha/live.md && "
	"printf -- '- [ ] One @s\\n- [~] Two\\n' >bundles/alpha/tasks.md && "
	"printf -- '- [x] Three\\nprose\\n' >bundles/beta/tasks.md && "
	"printf -- '- [ ] kept\\n' >bundles/gamma/tasks.md && echo '{}' >bundles/gamma/tasks.json",

	"mkdir -p master/_core/_capsules/a master/_core/_capsules/b master/_core/_working master/b "
	"&& "
	"cd master && echo k >_core/key.md && echo l >_core/log.md && : >_core/now.md && "
	"printf -- '- [ ] One\\n' >_core/tasks.md && : >_core/_working/w && : >_core/plan.md && "
	"printf -- '---\\nstatus: draft\\n---\\n' >_core/_capsules/a/companion.md && "
	"printf -- '---\\npii: true\\n---\\n' >_core/_capsules/b/companion.md",
};

static int tree_fd = -1;

static bool migrate(struct wlt_migration *out, struct wlt_error *err)
{
	const struct wlt_migrate_options how = {.now = 1775556900, .session = "ours"};

	return wlt_migrate_staging(tree_fd, &how, out, err);
}

static void begin(void)
{
	if (tree_fd >= 0)
		ck_assert_int_eq(close(tree_fd), 0);
	shell("rm -rf tree && cp -a master tree");
	tree_fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(tree_fd, 0);
}

/* The tree as it was, and in `wanted` what becomes of it undisturbed. */
static void prepare(int tree)
{
	WLT_AUTO(wlt_migration_free) struct wlt_migration out = {.tasks_converted = 0};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	shell("rm -rf master wanted");
	shell(trees[tree]);
	begin();
	ck_assert_works(migrate(&out, &err), &err);
	shell("mv tree wanted && ! diff -rq master wanted >difference");
}

/* One more run finishes it, and reports all that was to do, unless it had been done. */
static void finish(int tree)
{
	static const size_t tasks[] = {3, 1};
	WLT_AUTO(wlt_migration_free) struct wlt_migration out = {.tasks_converted = 0};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_works(migrate(&out, &err), &err);
	shell("diff -r wanted tree");
	ck_assert_uint_gt(out.actions.n, 0);
	ck_assert_uint_eq(out.errors.n, 0);
	if (strncmp(out.actions.items[0], "no-op", 5) != 0)
		ck_assert_uint_eq(out.tasks_converted, tasks[tree]);
}

static void attempt(void)
{
	struct wlt_migration out = {.tasks_converted = 0};
	struct wlt_error err = WLT_ERROR_INIT;

	(void)migrate(&out, &err); /* its end is not lived to see */
}

START_TEST(test_crashes)
{
	unsigned n = 1;

	prepare(_i);
	for (bool survived = false; !survived; n++) {
		ck_assert_uint_lt(n, MANY);
		begin();
		survived = faults_survives(n, attempt);
		finish(_i);
	}
	ck_assert_uint_gt(n, 100); /* there was much to interrupt */
}
END_TEST

START_TEST(test_faults)
{
	static const int faults[] = {EIO, ENOSPC};
	bool happened = true;

	prepare(_i);
	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_migration_free) struct wlt_migration out = {.tasks_converted = 0};
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		begin();
		faults_arm(FAULT_FILES, n, faults[n % 2]);
		good = migrate(&out, &err);
		happened = faults_disarm();
		ck_assert_uint_eq(out.errors.n, good ? 0 : 1);
		if (good)
			shell("diff -r wanted tree");
		else
			ck_assert_str_eq(out.errors.items[0], wlt_error_text(&err));
		finish(_i);
	}
}
END_TEST

START_TEST(test_lack_of_memory)
{
	bool happened = true;

	prepare(_i);
	for (unsigned n = 1; happened; n += 7) { /* there are many */
		WLT_AUTO(wlt_migration_free) struct wlt_migration out = {.tasks_converted = 0};
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		bool good;

		ck_assert_uint_lt(n, MANY);
		begin();
		faults_arm(FAULT_MEMORY, n, ENOMEM);
		good = migrate(&out, &err);
		happened = faults_disarm();
		ck_assert_int_eq(good, !happened);
		if (!good)
			ck_assert_int_eq(err.kind, WLT_NO_MEMORY);
		finish(_i);
	}
}
END_TEST

/* A file system without RENAME_NOREPLACE. */
START_TEST(test_plain_rename)
{
	unsigned moved = 0;
	bool happened = true;

	prepare(_i);
	for (unsigned n = 1; happened; n++) {
		WLT_AUTO(wlt_migration_free) struct wlt_migration out = {.tasks_converted = 0};
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

		ck_assert_uint_lt(n, MANY);
		begin();
		faults_arm(FAULT_FILES, n, ENOSYS);
		if (migrate(&out, &err))
			moved++;
		happened = faults_disarm();
		finish(_i);
	}
	ck_assert_uint_ge(moved, 6); /* at least the renames */
}
END_TEST

int main(void)
{
	/* Where syncing costs nothing, when there is such a place. */
	const char *fast =
		getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NULL;
	Suite *suite = suite_create("migrate_faults");
	TCase *tcase = tcase_create("faults");

	if (fast != NULL && setenv("TMPDIR", fast, 1) != 0)
		return EXIT_FAILURE;
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_crashes, 0, 2);
	tcase_add_loop_test(tcase, test_faults, 0, 2);
	tcase_add_loop_test(tcase, test_lack_of_memory, 0, 2);
	tcase_add_loop_test(tcase, test_plain_rename, 0, 1);
	return scratch_run_suite(suite);
}
