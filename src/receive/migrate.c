/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "receive/plan.h"
#include "receive/receive.h"
#include "receive/staged.h"

#define NO_OP "no-op (already v3 layout)"

/* A descriptor of our own, to read from and to hold the lock with until it is closed. */
static int open_locked(int staging_fd, struct wlt_error *err)
{
	WLT_AUTOCLOSE int top = openat(staging_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0) {
		(void)wlt_fail_errno(err, errno, "cannot open the staging folder");
	} else if (flock(top, LOCK_EX | LOCK_NB) == 0) {
		return wlt_take_fd(&top);
	} else if (errno == EWOULDBLOCK) {
		(void)wlt_fail(err, WLT_BUSY,
			       "another program is working on this folder: try again later");
	} else {
		(void)wlt_fail_errno(err, errno, "cannot lock the staging folder");
	}
	return -1;
}

/* The identity in `_kernel/` makes it later than v1, whatever else lies there. */
static bool make_plan(struct wlt_migrate_plan *plan, struct wlt_error *err)
{
	enum wlt_staged kernel, key, core, bundles;

	if (!wlt_staged_look(plan->top, "_kernel", &kernel, err) ||
	    !wlt_staged_look(plan->top, "_kernel/key.md", &key, err) ||
	    !wlt_staged_look(plan->top, "_core", &core, err) ||
	    !wlt_staged_look(plan->top, "bundles", &bundles, err))
		return false;
	if (core == WLT_STAGED_FOLDER && key == WLT_STAGED_ABSENT)
		return wlt_plan_v1(plan, err);
	if (kernel == WLT_STAGED_FOLDER || bundles == WLT_STAGED_FOLDER)
		return wlt_plan_v2(plan, err);
	return wlt_fail(err, WLT_REFUSED,
			"no package was unpacked here: there is neither _kernel/, _core/ nor "
			"bundles/");
}

static bool follow(const struct wlt_migrate_plan *plan, struct wlt_migration *out,
		   struct wlt_error *err)
{
	size_t n = wlt_plan_length(plan);

	for (size_t i = 0; i < n; i++) {
		struct wlt_migrate_step step;

		if (!wlt_plan_step(plan, i, &step, err) || !wlt_plan_take(plan, &step, out, err))
			return false;
	}
	return wlt_plan_forget(plan, err);
}

static bool migrate(int staging_fd, const struct wlt_migrate_options *options,
		    struct wlt_migration *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_plan_end) struct wlt_migrate_plan plan = {.root = NULL};
	WLT_AUTOCLOSE int top = open_locked(staging_fd, err);
	bool resumed = false;

	if (top < 0 || !wlt_plan_begin(&plan, top, options, err) ||
	    !wlt_plan_load(&plan, &resumed, err) || (!resumed && !make_plan(&plan, err)) ||
	    !wlt_plan_warnings(&plan, &out->warnings, err))
		return false;
	if (!resumed && wlt_plan_length(&plan) == 0)
		return wlt_strings_add(&out->actions, NO_OP, err);
	return (resumed || wlt_plan_save(&plan, err)) && follow(&plan, out, err);
}

bool wlt_migrate_staging(int staging_fd, const struct wlt_migrate_options *options,
			 struct wlt_migration *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error second = WLT_ERROR_INIT;
	WLT_AUTOFREE char *text = NULL;

	*out = (struct wlt_migration){.tasks_converted = 0};
	if (!wlt_utf8_valid(options->session, strlen(options->session)))
		(void)wlt_fail(err, WLT_USAGE, "the session's id is not valid UTF-8");
	else if (migrate(staging_fd, options, out, err))
		return true;
	text = wlt_text_printable(wlt_error_text(err));
	/* Out of memory: then `err` alone has it. */
	(void)wlt_strings_add(&out->errors, text != NULL ? text : "out of memory", &second);
	return false;
}

void wlt_migration_free(struct wlt_migration *migration)
{
	wlt_strings_free(&migration->actions);
	wlt_strings_free(&migration->warnings);
	wlt_strings_free(&migration->bundles_migrated);
	wlt_strings_free(&migration->errors);
	migration->tasks_converted = 0;
}

static bool set_strings(struct json_object *object, const char *key,
			const struct wlt_strings *strings)
{
	struct json_object *array = json_object_new_array();

	if (!wlt_json_set(object, key, array))
		return false;
	for (size_t i = 0; i < strings->n; i++) {
		struct json_object *text = json_object_new_string(strings->items[i]);

		if (text == NULL || json_object_array_add(array, text) != 0) {
			json_object_put(text);
			return false;
		}
	}
	return true;
}

struct json_object *wlt_migration_json(const struct wlt_migration *migration)
{
	WLT_AUTO(wlt_json_put) struct json_object *object = json_object_new_object();

	if (object == NULL || !set_strings(object, "actions", &migration->actions) ||
	    !set_strings(object, "warnings", &migration->warnings) ||
	    !set_strings(object, "bundles_migrated", &migration->bundles_migrated) ||
	    !wlt_json_set_int(object, "tasks_converted", (int64_t)migration->tasks_converted) ||
	    !set_strings(object, "errors", &migration->errors))
		return NULL;
	return wlt_take(object);
}
