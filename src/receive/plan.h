/* SPDX-License-Identifier: MIT */
/*
 * The plan of a migration: steps that are decided, and checked to be possible, before the first is
 * taken. The plan is kept as a file of the staging folder while they are, so that whoever comes after a
 * crash goes on with the same decisions. Every step can be taken again.
 */
#ifndef WLT_RECEIVE_PLAN_H
#define WLT_RECEIVE_PLAN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "receive/receive.h"

enum wlt_migrate_kind {
	WLT_MIGRATE_FOLDER,       /* make the folder `path` */
	WLT_MIGRATE_REMOVE,       /* remove `path` and what is in it */
	WLT_MIGRATE_REMOVE_EMPTY, /* remove the folder `path`, now empty */
	WLT_MIGRATE_MOVE,     /* move `path` to `to`; `name`: it is a bundle of that name there */
	WLT_MIGRATE_TASKS,    /* turn the list `path` into `to`; `name`: the bundle it is of */
	WLT_MIGRATE_DESCRIBE, /* make `to` from the companion `path` of the capsule `name` */
	WLT_MIGRATE_KINDS,
};

struct wlt_migrate_step {
	enum wlt_migrate_kind kind;
	const char *path;
	const char *to;
	const char *name; /* may be NULL, except for DESCRIBE */
	int64_t tasks;    /* TASKS: how many there are */
	int64_t others;   /* TASKS: how many lines are not carried over */
};

struct wlt_migrate_plan {
	int top; /* the staging folder; borrowed */
	const struct wlt_migrate_options *options;
	struct json_object *root;   /* as it is saved */
	struct json_object *places; /* names at the top that steps will take */
};

bool wlt_plan_begin(struct wlt_migrate_plan *plan, int top,
		    const struct wlt_migrate_options *options, struct wlt_error *err);
void wlt_plan_end(struct wlt_migrate_plan *plan);

/* --- making one -------------------------------------------------------------------------------- */

bool wlt_plan_add(struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		  struct wlt_error *err);
bool wlt_plan_warn(struct wlt_migrate_plan *plan, struct wlt_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Find a place at the top for the folder or file `what`, which is called `name`: that name, or with
 * `-imported` behind it (before a file's suffix) when it is taken, or one by which layouts are told.
 * WLT_EXISTS when both are taken. The place is taken then; malloc()ed. */
bool wlt_plan_place(struct wlt_migrate_plan *plan, const char *what, const char *name, bool is_file,
		    char **place, struct wlt_error *err);

/* Add the TASKS step (its numbers are filled in) unless there is no list, `list` being where it lies
 * now, or there is a `tasks.json` already, `rival`: then both stay, with a warning. */
bool wlt_plan_tasks(struct wlt_migrate_plan *plan, const char *list, const char *rival,
		    const struct wlt_migrate_step *step, bool *added, struct wlt_error *err);

/* The steps from the older layouts. */
bool wlt_plan_v2(struct wlt_migrate_plan *plan, struct wlt_error *err);
bool wlt_plan_v1(struct wlt_migrate_plan *plan, struct wlt_error *err);

/* --- keeping it -------------------------------------------------------------------------------- */

/* The plan that an earlier call left; `*found` tells whether there is one. WLT_DAMAGED when it is not
 * a plan. */
bool wlt_plan_load(struct wlt_migrate_plan *plan, bool *found, struct wlt_error *err);
bool wlt_plan_save(const struct wlt_migrate_plan *plan, struct wlt_error *err);
bool wlt_plan_forget(const struct wlt_migrate_plan *plan, struct wlt_error *err);

/* --- following it ------------------------------------------------------------------------------ */

size_t wlt_plan_length(const struct wlt_migrate_plan *plan);

/* The step `i`, borrowed from the plan. */
bool wlt_plan_step(const struct wlt_migrate_plan *plan, size_t i, struct wlt_migrate_step *step,
		   struct wlt_error *err);

/* Append the plan's warnings. */
bool wlt_plan_warnings(const struct wlt_migrate_plan *plan, struct wlt_strings *warnings,
		       struct wlt_error *err);

/* Take a step, and report it. */
bool wlt_plan_take(const struct wlt_migrate_plan *plan, const struct wlt_migrate_step *step,
		   struct wlt_migration *out, struct wlt_error *err);

#endif
