/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "receive/tasks.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

struct span {
	const char *at;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trimmed(struct span text)
{
	while (text.len > 0 && is_blank(text.at[0])) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && is_blank(text.at[text.len - 1]))
		text.len--;
	return text;
}

/* Take the next line, without its end and the blanks around it, off the front of `rest`. */
static struct span take_line(struct span *rest)
{
	const char *lf = memchr(rest->at, '\n', rest->len);
	size_t len = lf != NULL ? (size_t)(lf - rest->at) : rest->len;
	struct span line = {rest->at, len};

	if (lf != NULL)
		len++;
	rest->at += len;
	rest->len -= len;
	return trimmed(line);
}

static bool is_fence(struct span line)
{
	return line.len == 3 && memcmp(line.at, "---", 3) == 0;
}

/* What follows the front matter; what is in that does not matter here, well-formed or not. */
static struct span skip_front_matter(struct span text)
{
	struct span rest = text;

	if (text.len >= 3 && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0) /* byte order mark */
		rest = (struct span){text.at + 3, text.len - 3};
	text = rest;
	if (rest.len < 3 || memcmp(rest.at, "---", 3) != 0 || !is_fence(take_line(&rest)))
		return text;
	while (rest.len > 0) {
		if (is_fence(take_line(&rest)))
			return rest;
	}
	return text; /* never closed: prose that begins with a rule */
}

struct task {
	struct span title;
	struct span session; /* empty when it names none */
	char mark;
};

/* Split `@SESSION` off the end of a title. */
static void split_session(struct task *task)
{
	size_t at = task->title.len;

	while (at > 0 && !is_blank(task->title.at[at - 1]))
		at--;
	if (at == 0 || task->title.len - at < 2 || task->title.at[at] != '@')
		return;
	task->session = (struct span){task->title.at + at, task->title.len - at};
	task->session.at++;
	task->session.len--;
	task->title.len = at;
	task->title = trimmed(task->title);
}

static bool parse_task(struct span line, struct task *task)
{
	if (line.len < 6 || memcmp(line.at, "- [", 3) != 0 || line.at[4] != ']' ||
	    !is_blank(line.at[5]) || strchr(" ~xX", line.at[3]) == NULL)
		return false;
	*task = (struct task){.mark = line.at[3], .title = {line.at + 6, line.len - 6}};
	task->title = trimmed(task->title);
	split_session(task);
	return task->title.len > 0;
}

static bool set_span(struct json_object *object, const char *key, struct span text)
{
	/* Not longer than the file, which is far from INT_MAX. */
	return wlt_json_set(object, key, json_object_new_string_len(text.at, (int)text.len));
}

static bool add_task(struct wlt_tasks *tasks, const struct task *task,
		     const struct wlt_tasks_origin *origin, struct wlt_error *err)
{
	struct json_object *object = json_object_new_object();
	struct span session = task->session;
	char created[WLT_ISO_BYTES];
	char id[32];

	if (object == NULL || json_object_array_add(wlt_json_array(tasks->file, "tasks"), object)) {
		json_object_put(object);
		return wlt_fail_memory(err);
	}
	if (session.len == 0)
		session = (struct span){origin->session, strlen(origin->session)};
	(void)snprintf(id, sizeof(id), "t-%03zu", ++tasks->n);
	wlt_clock_iso(origin->now, created);
	if (wlt_json_set_string(object, "id", id) && set_span(object, "title", task->title) &&
	    wlt_json_set_string(object, "status",
				task->mark == ' ' || task->mark == '~' ? "active" : "done") &&
	    wlt_json_set_string(object, "priority", task->mark == '~' ? "high" : "normal") &&
	    wlt_json_set_string(object, "assignee", NULL) &&
	    wlt_json_set_string(object, "due", NULL) &&
	    wlt_json_set(object, "tags", json_object_new_array()) &&
	    wlt_json_set_string(object, "created", created) &&
	    set_span(object, "session", session) &&
	    wlt_json_set_string(object, "bundle", origin->bundle))
		return true;
	return wlt_fail_memory(err);
}

static bool add_tasks(struct span text, const struct wlt_tasks_origin *origin,
		      struct wlt_tasks *tasks, struct wlt_error *err)
{
	struct span rest = skip_front_matter(text);

	while (rest.len > 0) {
		struct span line = take_line(&rest);
		struct task task;

		if (!parse_task(line, &task)) {
			if (line.len > 0 && line.at[0] != '#')
				tasks->others++;
			continue;
		}
		if (tasks->n == WLT_TASKS_MAX)
			return wlt_fail(err, WLT_TOO_BIG,
					"there are more than the %d tasks allowed in one list",
					WLT_TASKS_MAX);
		if (!add_task(tasks, &task, origin, err))
			return false;
	}
	return true;
}

bool wlt_tasks_convert(const char *text, size_t len, const struct wlt_tasks_origin *origin,
		       struct wlt_tasks *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_tasks_free) struct wlt_tasks tasks = {.file = json_object_new_object()};

	if (!wlt_utf8_valid(text, len) || memchr(text, '\0', len) != NULL)
		return wlt_fail(err, WLT_DAMAGED,
				"it is not text in UTF-8, so its tasks cannot be read");
	if (tasks.file == NULL || !wlt_json_set(tasks.file, "tasks", json_object_new_array()))
		return wlt_fail_memory(err);
	if (!add_tasks((struct span){text, len}, origin, &tasks, err))
		return false;
	*out = tasks;
	tasks = (struct wlt_tasks){.file = NULL};
	return true;
}

void wlt_tasks_free(struct wlt_tasks *tasks)
{
	json_object_put(tasks->file);
	*tasks = (struct wlt_tasks){.file = NULL};
}
