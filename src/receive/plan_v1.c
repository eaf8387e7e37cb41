/* SPDX-License-Identifier: MIT */
/* From v1: everything lies in `_core/`, bundles ("capsules") in `_core/_capsules/`. */
#include "config.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "receive/companion.h"
#include "receive/plan.h"
#include "receive/staged.h"

#define CORE     "_core"
#define CAPSULES "_core/_capsules"

static bool add(struct wlt_migrate_plan *plan, enum wlt_migrate_kind kind, const char *path,
		const char *to, struct wlt_error *err)
{
	const struct wlt_migrate_step step = {.kind = kind, .path = path, .to = to};

	return wlt_plan_add(plan, &step, err);
}

/* --- what becomes `_kernel/` ------------------------------------------------------------------- */

static bool plan_kernel_file(struct wlt_migrate_plan *plan, const char *name,
			     struct wlt_strings *handled, struct wlt_error *err)
{
	WLT_AUTOFREE char *path = wlt_path_join(CORE, name);
	WLT_AUTOFREE char *to = wlt_path_join("_kernel", name);
	enum wlt_staged from, there;

	if (path == NULL || to == NULL)
		return wlt_fail_memory(err);
	if (!wlt_staged_look(plan->top, path, &from, err) ||
	    !wlt_staged_look(plan->top, to, &there, err))
		return false;
	if (from != WLT_STAGED_FILE)
		return true;
	if (there != WLT_STAGED_ABSENT)
		return wlt_fail(err, WLT_EXISTS,
				"%s cannot move to %s, which is there already; remove one of them "
				"and migrate again",
				path, to);
	return add(plan, WLT_MIGRATE_MOVE, path, to, err) && wlt_strings_add(handled, name, err);
}

static bool plan_kernel(struct wlt_migrate_plan *plan, struct wlt_strings *handled,
			struct wlt_error *err)
{
	static const char *const files[] = {"key.md", "log.md", "insights.md"};
	const struct wlt_migrate_step tasks = {
		.kind = WLT_MIGRATE_TASKS,
		.path = CORE "/tasks.md",
		.to = "_kernel/tasks.json",
	};
	enum wlt_staged kernel, now;
	bool added;

	if (!wlt_staged_look(plan->top, "_kernel", &kernel, err) ||
	    !wlt_staged_look(plan->top, CORE "/now.md", &now, err))
		return false;
	if (kernel == WLT_STAGED_ABSENT && !add(plan, WLT_MIGRATE_FOLDER, "_kernel", NULL, err))
		return false;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!plan_kernel_file(plan, files[i], handled, err))
			return false;
	}
	if (!wlt_plan_tasks(plan, tasks.path, tasks.to, &tasks, &added, err) ||
	    (added && !wlt_strings_add(handled, "tasks.md", err)))
		return false;
	if (now != WLT_STAGED_FILE)
		return true;
	return add(plan, WLT_MIGRATE_REMOVE, CORE "/now.md", NULL, err) &&
	       wlt_strings_add(handled, "now.md", err);
}

/* --- capsules ---------------------------------------------------------------------------------- */

/* A manifest can be made from it: shown by making it. */
static bool try_companion(const struct wlt_migrate_plan *plan, const char *path, const char *name,
			  struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf made = WLT_BUF_INIT;
	mode_t mode;

	if (!wlt_staged_read(plan->top, path, WLT_COMPANION_BYTES, &text, &mode, err))
		return false;
	return wlt_companion_describe(text.data, text.len, name, &made, err) ||
	       wlt_fail_context(err, "%s", path);
}

/* `folder` is the capsule's now, `place` its name afterwards. */
static bool plan_description(struct wlt_migrate_plan *plan, const char *folder, const char *name,
			     const char *place, struct wlt_error *err)
{
	WLT_AUTOFREE char *companion = wlt_path_join(folder, "companion.md");
	WLT_AUTOFREE char *manifest = wlt_path_join(folder, "context.manifest.yaml");
	WLT_AUTOFREE char *path = wlt_path_join(place, "companion.md");
	WLT_AUTOFREE char *to = wlt_path_join(place, "context.manifest.yaml");
	enum wlt_staged source, there;

	if (companion == NULL || manifest == NULL || path == NULL || to == NULL)
		return wlt_fail_memory(err);
	if (!wlt_staged_look(plan->top, companion, &source, err) ||
	    !wlt_staged_look(plan->top, manifest, &there, err))
		return false;
	if (there != WLT_STAGED_ABSENT)
		return true;
	if (source != WLT_STAGED_FILE)
		return wlt_plan_warn(plan, err, "%s has no companion.md, so it is not a bundle",
				     folder);
	return try_companion(plan, companion, name, err) &&
	       wlt_plan_add(plan,
			    &(struct wlt_migrate_step){
				    .kind = WLT_MIGRATE_DESCRIBE,
				    .path = path,
				    .to = to,
				    .name = name,
			    },
			    err);
}

/* `*moves` is false for what is no capsule. */
static bool plan_capsule(struct wlt_migrate_plan *plan, const char *name, bool *moves,
			 struct wlt_error *err)
{
	WLT_AUTOFREE char *path = wlt_path_join(CAPSULES, name);
	WLT_AUTOFREE char *place = NULL;
	enum wlt_staged what;

	if (path == NULL)
		return wlt_fail_memory(err);
	if (!wlt_staged_look(plan->top, path, &what, err))
		return false;
	*moves = what == WLT_STAGED_FOLDER && name[0] != '.';
	if (!*moves)
		return true;
	if (!wlt_plan_place(plan, path, name, false, &place, err))
		return false;
	return wlt_plan_add(plan,
			    &(struct wlt_migrate_step){
				    .kind = WLT_MIGRATE_MOVE,
				    .path = path,
				    .to = place,
				    .name = place,
			    },
			    err) &&
	       plan_description(plan, path, name, place, err);
}

/* What is no capsule goes with the rest of `_core/`, in its folder. */
static bool plan_capsules(struct wlt_migrate_plan *plan, struct wlt_strings *handled,
			  struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings names = {.n = 0};
	enum wlt_staged what;
	bool all = true;

	if (!wlt_staged_look(plan->top, CAPSULES, &what, err))
		return false;
	if (what != WLT_STAGED_FOLDER)
		return true;
	if (!wlt_staged_names(plan->top, CAPSULES, &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++) {
		bool moves = false;

		if (!plan_capsule(plan, names.items[i], &moves, err))
			return false;
		all = all && moves;
	}
	if (!all)
		return true;
	return add(plan, WLT_MIGRATE_REMOVE_EMPTY, CAPSULES, NULL, err) &&
	       wlt_strings_add(handled, wlt_path_leaf(CAPSULES), err);
}

/* --- the rest ---------------------------------------------------------------------------------- */

static bool plan_rest(struct wlt_migrate_plan *plan, const char *name, struct wlt_error *err)
{
	WLT_AUTOFREE char *path = wlt_path_join(CORE, name);
	WLT_AUTOFREE char *place = NULL;
	const char *wanted = name[0] == '_' && name[1] != '\0' ? name + 1 : name;
	enum wlt_staged what;

	if (path == NULL)
		return wlt_fail_memory(err);
	return wlt_staged_look(plan->top, path, &what, err) &&
	       wlt_plan_place(plan, path, wanted, what == WLT_STAGED_FILE, &place, err) &&
	       add(plan, WLT_MIGRATE_MOVE, path, place, err);
}

bool wlt_plan_v1(struct wlt_migrate_plan *plan, struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings handled = {.n = 0};
	WLT_AUTO(wlt_strings_free) struct wlt_strings names = {.n = 0};

	if (!plan_kernel(plan, &handled, err) || !plan_capsules(plan, &handled, err) ||
	    !wlt_staged_names(plan->top, CORE, &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++) {
		if (!wlt_strings_contain(&handled, names.items[i]) &&
		    !plan_rest(plan, names.items[i], err))
			return false;
	}
	return add(plan, WLT_MIGRATE_REMOVE_EMPTY, CORE, NULL, err);
}
