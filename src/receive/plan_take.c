/* SPDX-License-Identifier: MIT */
/* The steps of a migration. Each finds out for itself whether it is done already. */
#include "config.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "receive/companion.h"
#include "receive/plan.h"
#include "receive/staged.h"
#include "receive/tasks.h"

typedef bool take_fn(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		     struct wlt_migration *out, struct wlt_error *err);

static bool take_folder(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
			struct wlt_migration *out, struct wlt_error *err)
{
	return wlt_dir_ensure_beneath(plan->top, step->path, 0777, err) &&
	       wlt_strings_addf(&out->actions, err, "made %s/", step->path);
}

static bool take_remove(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
			struct wlt_migration *out, struct wlt_error *err)
{
	return wlt_staged_remove(plan->top, step->path, err) &&
	       wlt_strings_addf(&out->actions, err, "removed %s", step->path);
}

static bool take_remove_empty(const struct wlt_migrate_plan *plan,
			      const struct wlt_migrate_step *step, struct wlt_migration *out,
			      struct wlt_error *err)
{
	return wlt_staged_remove_empty(plan->top, step->path, err) &&
	       wlt_strings_addf(&out->actions, err, "removed the empty %s/", step->path);
}

static bool take_move(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		      struct wlt_migration *out, struct wlt_error *err)
{
	return wlt_staged_move(plan->top, step->path, step->to, err) &&
	       (step->name == NULL || wlt_strings_add(&out->bundles_migrated, step->name, err)) &&
	       wlt_strings_addf(&out->actions, err, "moved %s to %s", step->path, step->to);
}

/* Whether `to` is still to be made from `path`. A plan makes only what was not there before, so what is
 * there is our own. */
static bool is_due(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		   bool *due, struct wlt_error *err)
{
	enum wlt_staged there;

	if (!wlt_staged_look(plan->top, step->to, &there, err))
		return false;
	*due = there == WLT_STAGED_ABSENT;
	return true;
}

static bool convert(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		    struct wlt_error *err)
{
	const struct wlt_tasks_origin origin = {
		.now = plan->options->now,
		.session = plan->options->session,
		.bundle = step->name,
	};
	WLT_AUTO(wlt_tasks_free) struct wlt_tasks tasks = {.file = NULL};
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf made = WLT_BUF_INIT;
	mode_t mode;

	if (!wlt_staged_read(plan->top, step->path, WLT_TASKS_BYTES, &text, &mode, err))
		return false;
	if (!wlt_tasks_convert(text.data, text.len, &origin, &tasks, err))
		return wlt_fail_context(err, "%s", step->path);
	wlt_json_format(&made, tasks.file);
	return wlt_staged_write(plan->top, step->to, &made, mode, err);
}

static bool take_tasks(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		       struct wlt_migration *out, struct wlt_error *err)
{
	bool due;

	if (!is_due(plan, step, &due, err) || (due && !convert(plan, step, err)) ||
	    !wlt_staged_remove(plan->top, step->path, err))
		return false;
	out->tasks_converted += (size_t)step->tasks;
	if (step->others == 0)
		return wlt_strings_addf(&out->actions, err, "converted %s to %s: %lld %s",
					step->path, step->to, (long long)step->tasks,
					step->tasks == 1 ? "task" : "tasks");
	return wlt_strings_addf(&out->actions, err,
				"converted %s to %s: %lld %s; %lld other %s left out", step->path,
				step->to, (long long)step->tasks,
				step->tasks == 1 ? "task" : "tasks", (long long)step->others,
				step->others == 1 ? "line was" : "lines were");
}

static bool describe(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		     struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf made = WLT_BUF_INIT;
	mode_t mode;

	if (!wlt_staged_read(plan->top, step->path, WLT_COMPANION_BYTES, &text, &mode, err))
		return false;
	if (!wlt_companion_describe(text.data, text.len, step->name, &made, err))
		return wlt_fail_context(err, "%s", step->path);
	return wlt_staged_write(plan->top, step->to, &made, mode, err);
}

static bool take_describe(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
			  struct wlt_migration *out, struct wlt_error *err)
{
	bool due;

	return is_due(plan, step, &due, err) && (!due || describe(plan, step, err)) &&
	       wlt_strings_addf(&out->actions, err, "made %s from companion.md", step->to);
}

bool wlt_plan_take(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		   struct wlt_migration *out, struct wlt_error *err)
{
	static take_fn *const takes[WLT_MIGRATE_KINDS] = {
		[WLT_MIGRATE_FOLDER] = take_folder, [WLT_MIGRATE_REMOVE] = take_remove,
		[WLT_MIGRATE_MOVE] = take_move,     [WLT_MIGRATE_REMOVE_EMPTY] = take_remove_empty,
		[WLT_MIGRATE_TASKS] = take_tasks,   [WLT_MIGRATE_DESCRIBE] = take_describe,
	};

	return takes[step->kind](plan, step, out, err);
}
