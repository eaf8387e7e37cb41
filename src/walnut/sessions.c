/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnut/walnut.h"

#include <string.h>

#include "base/buf.h"

static const char key[] = "active_sessions";
#define KEY_LEN (sizeof(key) - 1)

enum verdict { UNDECIDED, KEEP, DROP };

/* Is the line that begins like this the key? White space may stand before the colon. */
static enum verdict judge_key(const char *line, size_t len)
{
	size_t at = KEY_LEN;

	if (memcmp(line, key, len < KEY_LEN ? len : KEY_LEN) != 0)
		return KEEP;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	if (at >= len)
		return UNDECIDED;
	return line[at] == ':' ? DROP : KEEP;
}

/* What becomes of the line that begins with these `len` > 0 bytes. */
static enum verdict judge(struct wlt_session_filter *filter, const char *line, size_t len)
{
	enum verdict verdict;

	if (filter->in_block) {
		if (line[0] == ' ' || line[0] == '\t')
			return DROP;
		if (line[0] == '\n' || line[0] == '\r' || line[0] == '#')
			return KEEP;
		if (line[0] == '-' && len < 2)
			return UNDECIDED;
		if (line[0] == '-' && strchr(" \t\r\n", line[1]) != NULL && line[1] != '\0')
			return DROP;
		filter->in_block = false;
	}
	verdict = judge_key(line, len);
	if (verdict == DROP)
		filter->in_block = true;
	return verdict;
}

static void decide(struct wlt_session_filter *filter, enum verdict verdict, struct wlt_buf *out)
{
	filter->decided = true;
	filter->keep = verdict == KEEP;
	if (filter->keep)
		wlt_buf_append(out, filter->line, filter->held);
	filter->held = 0;
}

/* Take in one byte of a line that is not decided. */
static void examine(struct wlt_session_filter *filter, char c, struct wlt_buf *out)
{
	enum verdict verdict;

	filter->line[filter->held++] = c;
	verdict = judge(filter, filter->line, filter->held);
	/* Nobody puts that much white space in front of a colon. */
	if (verdict == UNDECIDED && filter->held == sizeof(filter->line))
		verdict = KEEP;
	if (verdict != UNDECIDED)
		decide(filter, verdict, out);
}

void wlt_session_filter_feed(struct wlt_session_filter *filter, const char *text, size_t len,
			     struct wlt_buf *out)
{
	const char *end = text + len;

	while (text < end) {
		const char *stop;

		if (!filter->decided) {
			examine(filter, *text++, out);
			if (filter->decided && text[-1] == '\n')
				filter->decided = false;
			continue;
		}
		stop = memchr(text, '\n', (size_t)(end - text));
		filter->decided = stop == NULL;
		stop = stop == NULL ? end : stop + 1;
		if (filter->keep)
			wlt_buf_append(out, text, (size_t)(stop - text));
		text = stop;
	}
}

void wlt_session_filter_finish(struct wlt_session_filter *filter, struct wlt_buf *out)
{
	/* A lone dash that ends the text inside the block is an empty item of its list. */
	bool item = filter->in_block && filter->held == 1 && filter->line[0] == '-';

	if (filter->held > 0)
		decide(filter, item ? DROP : KEEP, out);
	*filter = (struct wlt_session_filter){0};
}

void wlt_strip_active_sessions(const char *text, size_t len, struct wlt_buf *out)
{
	struct wlt_session_filter filter = {0};

	wlt_session_filter_feed(&filter, text, len, out);
	wlt_session_filter_finish(&filter, out);
}
