/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/completion.h"

#include <ctype.h>
#include <string.h>

void wlt_completion_restart(struct wlt_completion *completion, int64_t now)
{
	completion->last = now;
	completion->running = 0;
	completion->unknown = false;
	completion->failed = false;
	completion->spoiled = 0;
	completion->forced = false;
	completion->patience = WLT_FOUND_NOTHING;
}

void wlt_completion_begin(struct wlt_completion *completion, int64_t now)
{
	completion->operations++;
	completion->last = now;
	completion->patience = WLT_FOUND_NOTHING;
}

void wlt_completion_end(struct wlt_completion *completion, int64_t now)
{
	if (completion->operations > 0)
		completion->operations--;
	completion->last = now;
}

void wlt_completion_opened(struct wlt_completion *completion, int64_t now)
{
	completion->handles++;
	completion->last = now;
}

void wlt_completion_closed(struct wlt_completion *completion, int64_t now)
{
	if (completion->handles > 0)
		completion->handles--;
	completion->last = now;
}

void wlt_completion_joined(struct wlt_completion *completion)
{
	completion->running++;
}

void wlt_completion_left(struct wlt_completion *completion, enum wlt_writer_end end, int64_t now)
{
	if (completion->running > 0)
		completion->running--;
	if (end == WLT_WRITER_FAILED)
		completion->failed = true;
	else if (end == WLT_WRITER_UNKNOWN)
		completion->unknown = true;
	completion->last = now;
}

void wlt_completion_found(struct wlt_completion *completion, enum wlt_finding finding)
{
	completion->patience = finding;
}

bool wlt_completion_by_time(const struct wlt_completion *completion)
{
	return !completion->forced && (completion->unknown || completion->running > 0);
}

static int64_t quiet_needed(const struct wlt_completion *completion,
			    const struct wlt_completion_times *times)
{
	if (completion->patience == WLT_FOUND_TEMPORARY)
		return WLT_TEMPORARY_PATIENCE * times->settle_ms;
	if (completion->patience == WLT_FOUND_EMPTY || wlt_completion_by_time(completion))
		return times->settle_ms;
	return times->grace_ms;
}

enum wlt_step wlt_completion_step(const struct wlt_completion *completion,
				  const struct wlt_completion_times *times, int64_t now,
				  int64_t *wake)
{
	bool broken = completion->failed || completion->spoiled != 0;
	int64_t due = completion->last;

	*wake = WLT_NEVER;
	if (completion->operations > 0 || completion->handles > 0)
		return WLT_STEP_WAIT;
	if (!broken && (completion->held || completion->unnamed))
		return WLT_STEP_WAIT;
	if (!completion->forced)
		due += quiet_needed(completion, times);
	if (now < due) {
		*wake = due;
		return WLT_STEP_WAIT;
	}
	/* Half a file is still there after all that time: somebody gave up. */
	if (broken || (completion->patience == WLT_FOUND_TEMPORARY && !completion->forced))
		return WLT_STEP_INTERRUPT;
	return WLT_STEP_COMPLETE;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name);
	size_t end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static bool starts_with(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

/* `.NAME.XXXXXX` as mktemp() makes it. Six lower-case letters alone are left to real names such as
 * `.editor.config`; a random suffix looks like that once in two hundred times. */
static bool is_mktemp_name(const char *name)
{
	size_t len = strlen(name);
	bool looks_random = false;

	if (len < 9 || name[0] != '.' || name[len - 7] != '.')
		return false;
	for (size_t i = len - 6; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (!isalnum(c))
			return false;
		looks_random |= isupper(c) || isdigit(c);
	}
	return looks_random;
}

bool wlt_name_is_temporary(const char *name)
{
	static const char *const ends[] = {".part", ".filepart", ".crdownload", ".kate-swp"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(name, ends[i]))
			return true;
	return strcmp(name, ".~tmp~") == 0 || wlt_name_is_left_over(name);
}

bool wlt_name_is_left_over(const char *name)
{
	return starts_with(name, ".goutputstream-") || is_mktemp_name(name);
}

bool wlt_name_is_unfinished(const char *name)
{
	return name[0] == '.' || ends_with(name, ".part") || ends_with(name, ".crdownload");
}
