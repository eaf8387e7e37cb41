/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/events.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

static int open_for_append(int dirfd, off_t *size)
{
	int fd = openat(dirfd, "events", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
			0600);
	struct stat st;

	*size = 0;
	if (fd >= 0 && fstat(fd, &st) == 0)
		*size = st.st_size;
	return fd;
}

bool wlt_events_open(struct wlt_events *events, int dirfd, struct wlt_error *err)
{
	events->dirfd = dirfd;
	events->most = WLT_EVENTS_BYTES;
	events->fd = open_for_append(dirfd, &events->size);
	if (events->fd < 0)
		return wlt_fail_errno(err, errno,
				      "cannot open the events file of the state folder");
	(void)pthread_mutex_init(&events->mutex,
				 NULL); /* cannot fail on Linux without attributes */
	return true;
}

void wlt_events_close(struct wlt_events *events)
{
	if (events->fd < 0)
		return;
	(void)close(events->fd);
	events->fd = -1;
	(void)pthread_mutex_destroy(&events->mutex);
}

static void put(struct json_object *line, const char *key, const char *text)
{
	/* Out of memory loses the member, like a full disk loses the line. */
	if (text != NULL)
		(void)wlt_json_set_string(line, key, text);
}

static bool format(const struct wlt_event *event, struct wlt_buf *text)
{
	WLT_AUTO(wlt_json_put) struct json_object *line = json_object_new_object();
	char now[WLT_ISO_BYTES];

	if (line == NULL)
		return false;
	wlt_clock_iso(wlt_clock_now(), now);
	put(line, "time", now);
	put(line, "event", event->event);
	put(line, "peer", event->peer);
	put(line, "drop", event->drop);
	put(line, "id", event->id);
	put(line, "package", event->package);
	put(line, "import_id", event->import_id);
	put(line, "reason", event->reason);
	wlt_json_format_line(text, line);
	wlt_buf_putc(text, '\n');
	return !text->failed;
}

/* A rotation that fails leaves the old file growing, which is better than losing events. */
static void rotate(struct wlt_events *events)
{
	off_t size = 0;
	int fd;

	if (renameat(events->dirfd, "events", events->dirfd, "events.1") != 0)
		return;
	fd = open_for_append(events->dirfd, &size);
	if (fd < 0) {
		(void)renameat(events->dirfd, "events.1", events->dirfd, "events");
		return;
	}
	(void)close(events->fd);
	events->fd = fd;
	events->size = size;
}

void wlt_events_append(struct wlt_events *events, const struct wlt_event *event)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	if (!format(event, &text))
		return;
	(void)pthread_mutex_lock(&events->mutex);
	if (events->size > 0 && events->size + (off_t)text.len > events->most)
		rotate(events);
	if (wlt_write_all(events->fd, text.data, text.len) == 0)
		events->size += (off_t)text.len;
	else if (ftruncate(events->fd, events->size) != 0)
		wlt_buf_free(&text); /* half a line stays: readers skip what is no JSON */
	(void)pthread_mutex_unlock(&events->mutex);
}

int wlt_events_reader(struct wlt_events *events)
{
	int fd;

	(void)pthread_mutex_lock(&events->mutex);
	fd = openat(events->dirfd, "events", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	(void)pthread_mutex_unlock(&events->mutex);
	return fd;
}

int64_t wlt_events_size(struct wlt_events *events)
{
	int64_t size;

	(void)pthread_mutex_lock(&events->mutex);
	size = (int64_t)events->size;
	(void)pthread_mutex_unlock(&events->mutex);
	return size;
}
