/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "receive/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "receive/staged.h"
#include "receive/tasks.h"

#define PLAN         ".alive-migration.json"
#define PLAN_BYTES   (16u << 20)
#define PLAN_VERSION 1

/* As they are called in the file. */
static const char *const kinds[WLT_MIGRATE_KINDS] = {
	[WLT_MIGRATE_FOLDER] = "folder", [WLT_MIGRATE_REMOVE] = "remove",
	[WLT_MIGRATE_MOVE] = "move",     [WLT_MIGRATE_REMOVE_EMPTY] = "remove-empty",
	[WLT_MIGRATE_TASKS] = "tasks",   [WLT_MIGRATE_DESCRIBE] = "describe",
};

/* By these names a tree tells its layout, and tools find their own things. */
static const char *const reserved[] = {"_kernel", "_core", "bundles", ".alive", ".git"};

bool wlt_plan_begin(struct wlt_migrate_plan *plan, int top,
		    const struct wlt_migrate_options *options, struct wlt_error *err)
{
	*plan = (struct wlt_migrate_plan){
		.top = top,
		.options = options,
		.root = json_object_new_object(),
		.places = json_object_new_object(),
	};
	if (plan->root != NULL && plan->places != NULL &&
	    wlt_json_set_int(plan->root, "version", PLAN_VERSION) &&
	    wlt_json_set(plan->root, "steps", json_object_new_array()) &&
	    wlt_json_set(plan->root, "warnings", json_object_new_array()))
		return true;
	return wlt_fail_memory(err);
}

void wlt_plan_end(struct wlt_migrate_plan *plan)
{
	json_object_put(plan->root);
	json_object_put(plan->places);
	plan->root = NULL;
	plan->places = NULL;
}

static struct json_object *steps_of(const struct wlt_migrate_plan *plan)
{
	return wlt_json_array(plan->root, "steps");
}

/* Takes `item` over. */
static bool append(struct json_object *array, struct json_object *item, struct wlt_error *err)
{
	if (item != NULL && json_object_array_add(array, item) == 0)
		return true;
	json_object_put(item);
	return wlt_fail_memory(err);
}

/* --- making one -------------------------------------------------------------------------------- */

bool wlt_plan_add(struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		  struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *object = json_object_new_object();

	if (object == NULL || !wlt_json_set_string(object, "do", kinds[step->kind]) ||
	    !wlt_json_set_string(object, "path", step->path) ||
	    (step->to != NULL && !wlt_json_set_string(object, "to", step->to)) ||
	    (step->name != NULL && !wlt_json_set_string(object, "name", step->name)) ||
	    (step->kind == WLT_MIGRATE_TASKS &&
	     (!wlt_json_set_int(object, "tasks", step->tasks) ||
	      !wlt_json_set_int(object, "others", step->others))))
		return wlt_fail_memory(err);
	return append(steps_of(plan), wlt_take(object), err);
}

bool wlt_plan_warn(struct wlt_migrate_plan *plan, struct wlt_error *err, const char *fmt, ...)
{
	WLT_AUTOFREE char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return wlt_fail_memory(err);
	}
	return append(wlt_json_array(plan->root, "warnings"), json_object_new_string(text), err);
}

static bool is_reserved(const char *name)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(reserved[i], name) == 0)
			return true;
	return false;
}

static bool is_free(const struct wlt_migrate_plan *plan, const char *name, bool *is,
		    struct wlt_error *err)
{
	enum wlt_staged there;

	if (!wlt_staged_look(plan->top, name, &there, err))
		return false;
	*is = there == WLT_STAGED_ABSENT && !json_object_object_get_ex(plan->places, name, NULL);
	return true;
}

/* `notes.md` becomes `notes-imported.md`; a folder's name, or a hidden one, is not split. */
static char *imported(const char *name, bool is_file)
{
	const char *dot = is_file ? strrchr(name, '.') : NULL;
	size_t stem = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
	char *text = NULL;

	if (asprintf(&text, "%.*s-imported%s", (int)stem, name, name + stem) < 0)
		return NULL;
	return text;
}

bool wlt_plan_place(struct wlt_migrate_plan *plan, const char *what, const char *name, bool is_file,
		    char **place, struct wlt_error *err)
{
	WLT_AUTOFREE char *second = imported(name, is_file);
	const char *chosen = name;
	bool good = false;

	if (second == NULL)
		return wlt_fail_memory(err);
	if (!is_reserved(name) && !is_free(plan, name, &good, err))
		return false;
	if (!good) {
		chosen = second;
		if (!wlt_name_check(chosen, err))
			return wlt_fail_context(err, "%s cannot move to the top", what);
		if (!is_free(plan, chosen, &good, err))
			return false;
	}
	if (!good)
		return wlt_fail(err, WLT_EXISTS,
				"%s cannot move to the top: %s and %s are taken there; rename one "
				"of them and migrate again",
				what, name, second);
	*place = strdup(chosen);
	return (*place != NULL && wlt_json_set_bool(plan->places, chosen, true)) ||
	       wlt_fail_memory(err);
}

bool wlt_plan_tasks(struct wlt_migrate_plan *plan, const char *list, const char *rival,
		    const struct wlt_migrate_step *step, bool *added, struct wlt_error *err)
{
	const struct wlt_tasks_origin origin = {.session = plan->options->session};
	WLT_AUTO(wlt_tasks_free) struct wlt_tasks tasks = {.file = NULL};
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	struct wlt_migrate_step full = *step;
	enum wlt_staged md, json;
	mode_t mode;

	*added = false;
	if (!wlt_staged_look(plan->top, list, &md, err) ||
	    !wlt_staged_look(plan->top, rival, &json, err))
		return false;
	if (md != WLT_STAGED_FILE)
		return true;
	if (json != WLT_STAGED_ABSENT)
		return wlt_plan_warn(plan, err,
				     "%s was not converted, because there is a tasks.json already: "
				     "both are kept",
				     step->path);
	/* Whether it can be done shows in doing it. */
	if (!wlt_staged_read(plan->top, list, WLT_TASKS_BYTES, &text, &mode, err))
		return false;
	if (!wlt_tasks_convert(text.data, text.len, &origin, &tasks, err))
		return wlt_fail_context(err, "%s", list);
	full.tasks = (int64_t)tasks.n;
	full.others = (int64_t)tasks.others;
	*added = true;
	return wlt_plan_add(plan, &full, err);
}

/* --- keeping it -------------------------------------------------------------------------------- */

bool wlt_plan_save(const struct wlt_migrate_plan *plan, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_json_format(&text, plan->root);
	return wlt_staged_write(plan->top, PLAN, &text, S_IRUSR | S_IWUSR, err);
}

bool wlt_plan_forget(const struct wlt_migrate_plan *plan, struct wlt_error *err)
{
	/* All steps reach the disk before the plan leaves it. */
	if (fsync(plan->top) != 0 && errno != EINVAL)
		return wlt_fail_errno(err, errno, "cannot sync the folder");
	return wlt_staged_remove(plan->top, PLAN, err);
}

/* A check of every step of a file that anybody may have written. */
static bool check_steps(const struct wlt_migrate_plan *plan, struct wlt_error *err)
{
	size_t n = wlt_plan_length(plan);

	for (size_t i = 0; i < n; i++) {
		struct wlt_migrate_step step;

		if (!wlt_plan_step(plan, i, &step, err) || !wlt_path_check(step.path, err) ||
		    (step.to != NULL && !wlt_path_check(step.to, err)) ||
		    (step.name != NULL && !wlt_name_check(step.name, err)))
			return false;
	}
	return true;
}

static bool parse_plan(struct wlt_migrate_plan *plan, const struct wlt_buf *text,
		       struct wlt_error *err)
{
	json_object_put(plan->root);
	plan->root = NULL;
	if (!wlt_json_parse(text->data, text->len, &plan->root, err))
		return false;
	if (wlt_json_int(plan->root, "version", 0) != PLAN_VERSION || steps_of(plan) == NULL ||
	    wlt_json_array(plan->root, "warnings") == NULL)
		return wlt_fail(err, WLT_DAMAGED, "version, steps or warnings are missing");
	return check_steps(plan, err);
}

bool wlt_plan_load(struct wlt_migrate_plan *plan, bool *found, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	enum wlt_staged there;
	mode_t mode;

	*found = false;
	if (!wlt_staged_look(plan->top, PLAN, &there, err))
		return false;
	if (there == WLT_STAGED_ABSENT)
		return true;
	if (!wlt_staged_read(plan->top, PLAN, PLAN_BYTES, &text, &mode, err))
		return false;
	*found = true;
	if (parse_plan(plan, &text, err))
		return true;
	return wlt_fail_context(err, "%s is not the plan of a migration that was interrupted",
				PLAN);
}

/* --- following it ------------------------------------------------------------------------------ */

size_t wlt_plan_length(const struct wlt_migrate_plan *plan)
{
	return json_object_array_length(steps_of(plan));
}

bool wlt_plan_step(const struct wlt_migrate_plan *plan, size_t i, struct wlt_migrate_step *step,
		   struct wlt_error *err)
{
	struct json_object *object = json_object_array_get_idx(steps_of(plan), i);
	const char *kind = wlt_json_string(object, "do");

	*step = (struct wlt_migrate_step){
		.path = wlt_json_string(object, "path"),
		.to = wlt_json_string(object, "to"),
		.name = wlt_json_string(object, "name"),
		.tasks = wlt_json_int(object, "tasks", 0),
		.others = wlt_json_int(object, "others", 0),
	};
	while (step->kind < WLT_MIGRATE_KINDS &&
	       (kind == NULL || strcmp(kinds[step->kind], kind) != 0))
		step->kind++;
	if (step->kind < WLT_MIGRATE_KINDS && step->path != NULL && step->tasks >= 0 &&
	    step->others >= 0 && (step->to != NULL || step->kind < WLT_MIGRATE_MOVE) &&
	    (step->name != NULL || step->kind != WLT_MIGRATE_DESCRIBE))
		return true;
	return wlt_fail(err, WLT_DAMAGED, "step %zu is malformed", i + 1);
}

bool wlt_plan_warnings(const struct wlt_migrate_plan *plan, struct wlt_strings *warnings,
		       struct wlt_error *err)
{
	struct json_object *array = wlt_json_array(plan->root, "warnings");

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(array, i));

		if (text != NULL && !wlt_strings_add(warnings, text, err))
			return false;
	}
	return true;
}
