/* SPDX-License-Identifier: MIT */
/* From v2: bundles lie in `bundles/`, projections in `_kernel/_generated/`. */
#include "config.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "receive/plan.h"
#include "receive/staged.h"

#define BUNDLES   "bundles"
#define GENERATED "_kernel/_generated"

/* Bundles that will move, side by side with where to. */
struct moves {
	struct wlt_strings from; /* paths */
	struct wlt_strings to;   /* names */
};

static void free_moves(struct moves *moves)
{
	wlt_strings_free(&moves->from);
	wlt_strings_free(&moves->to);
}

static bool plan_move(struct wlt_migrate_plan *plan, const char *name, struct moves *moves,
		      bool *is_bundle, struct wlt_error *err)
{
	WLT_AUTOFREE char *path = wlt_path_join(BUNDLES, name);
	WLT_AUTOFREE char *place = NULL;
	enum wlt_staged what;

	if (path == NULL)
		return wlt_fail_memory(err);
	if (!wlt_staged_look(plan->top, path, &what, err))
		return false;
	*is_bundle = what == WLT_STAGED_FOLDER && name[0] != '.';
	if (!*is_bundle)
		return wlt_plan_warn(plan, err, "%s stays where it is: it is no bundle", path);
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
	       wlt_strings_add(&moves->from, path, err) && wlt_strings_add(&moves->to, place, err);
}

static bool plan_moves(struct wlt_migrate_plan *plan, struct moves *moves, struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings names = {.n = 0};

	if (!wlt_staged_names(plan->top, BUNDLES, &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++) {
		bool is_bundle = false;

		if (!plan_move(plan, names.items[i], moves, &is_bundle, err))
			return false;
	}
	if (moves->from.n < names.n) /* something stays in it */
		return true;
	return wlt_plan_add(plan,
			    &(struct wlt_migrate_step){
				    .kind = WLT_MIGRATE_REMOVE_EMPTY,
				    .path = BUNDLES,
			    },
			    err);
}

static bool plan_bundle_tasks(struct wlt_migrate_plan *plan, const char *folder, const char *name,
			      struct wlt_error *err)
{
	WLT_AUTOFREE char *list = wlt_path_join(folder, "tasks.md");
	WLT_AUTOFREE char *rival = wlt_path_join(folder, "tasks.json");
	WLT_AUTOFREE char *path = wlt_path_join(name, "tasks.md");
	WLT_AUTOFREE char *to = wlt_path_join(name, "tasks.json");
	const struct wlt_migrate_step step = {
		.kind = WLT_MIGRATE_TASKS,
		.path = path,
		.to = to,
		.name = name,
	};
	bool added;

	if (list == NULL || rival == NULL || path == NULL || to == NULL)
		return wlt_fail_memory(err);
	return wlt_plan_tasks(plan, list, rival, &step, &added, err);
}

static bool plan_bundles(struct wlt_migrate_plan *plan, struct wlt_error *err)
{
	WLT_AUTO(free_moves) struct moves moves = {.from = {.n = 0}};

	if (!plan_moves(plan, &moves, err))
		return false;
	for (size_t i = 0; i < moves.from.n; i++) {
		if (!plan_bundle_tasks(plan, moves.from.items[i], moves.to.items[i], err))
			return false;
	}
	return true;
}

bool wlt_plan_v2(struct wlt_migrate_plan *plan, struct wlt_error *err)
{
	enum wlt_staged generated, bundles;

	if (!wlt_staged_look(plan->top, GENERATED, &generated, err) ||
	    !wlt_staged_look(plan->top, BUNDLES, &bundles, err))
		return false;
	if (generated != WLT_STAGED_ABSENT && !wlt_plan_add(plan,
							    &(struct wlt_migrate_step){
								    .kind = WLT_MIGRATE_REMOVE,
								    .path = GENERATED,
							    },
							    err))
		return false;
	return bundles != WLT_STAGED_FOLDER || plan_bundles(plan, err);
}
