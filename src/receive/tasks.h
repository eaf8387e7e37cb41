/* SPDX-License-Identifier: MIT */
/*
 * Task lists: `tasks.md` of older layouts, one task a line, becomes `tasks.json`.
 *
 *   - [ ] TITLE @SESSION      active, normal
 *   - [~] TITLE               active, high
 *   - [x] TITLE               done, normal
 *
 * Indented tasks count too. Front matter is skipped. Pure; thread-safe.
 */
#ifndef WLT_RECEIVE_TASKS_H
#define WLT_RECEIVE_TASKS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WLT_TASKS_BYTES (4u << 20) /* longest tasks.md */
#define WLT_TASKS_MAX   10000      /* most tasks in one */

struct wlt_tasks_origin {
	int64_t now;
	const char *session; /* of a task that names none */
	const char *bundle;  /* NULL: of the walnut itself */
};

struct wlt_tasks {
	struct json_object *file; /* what tasks.json holds */
	size_t n;
	size_t others; /* lines that are no task, no heading and not blank: they are not in `file` */
};

/* WLT_DAMAGED for what is not UTF-8 text, WLT_TOO_BIG for too many tasks. */
bool wlt_tasks_convert(const char *text, size_t len, const struct wlt_tasks_origin *origin,
		       struct wlt_tasks *out, struct wlt_error *err);
void wlt_tasks_free(struct wlt_tasks *tasks);

#endif
