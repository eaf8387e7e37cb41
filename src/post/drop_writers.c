/* SPDX-License-Identifier: MIT */
/*
 * Who writes into a drop: one pidfd per process and drop, watched by the desk's event loop.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "post/post_private.h"
#include "post/writers.h"

void wlt_drop_forget_writers_locked(struct wlt_drop *drop)
{
	/* Closing the only descriptor also takes it out of the event loop. */
	for (size_t i = 0; i < drop->n_writers; i++)
		if (drop->writers[i].pidfd >= 0)
			(void)close(drop->writers[i].pidfd);
	free(drop->writers);
	drop->writers = NULL;
	drop->n_writers = 0;
}

static bool known_locked(const struct wlt_drop *drop, pid_t process)
{
	for (size_t i = 0; i < drop->n_writers; i++)
		if (drop->writers[i].process == process && drop->writers[i].ask_at == WLT_NEVER)
			return true;
	return false;
}

static bool add_locked(struct wlt_drop *drop, pid_t process, int pidfd)
{
	struct wlt_post *post = drop->post;
	struct wlt_writer *grown =
		realloc(drop->writers, (drop->n_writers + 1) * sizeof(*drop->writers));
	uint64_t serial = ++post->last_serial;

	if (grown == NULL)
		return false;
	drop->writers = grown;
	if (!wlt_desk_watch(post, pidfd, WLT_TAG_WRITER, serial, true))
		return false;
	grown[drop->n_writers++] = (struct wlt_writer){
		.serial = serial,
		.process = process,
		.pidfd = pidfd,
		.ask_at = WLT_NEVER,
	};
	wlt_completion_joined(&drop->completion);
	return true;
}

static bool is_known(struct wlt_drop *drop, pid_t process)
{
	bool known;

	wlt_post_lock(drop->post);
	known = known_locked(drop, process);
	wlt_post_unlock(drop->post);
	return known;
}

void wlt_drop_note_writer(struct wlt_drop *drop, pid_t thread)
{
	WLT_AUTOCLOSE int pidfd = -1;
	pid_t process;

	if (is_known(drop, thread)) /* the common case: its main thread, again */
		return;
	process = wlt_writer_process(thread);
	if (process > 0 && process != thread && is_known(drop, process))
		return;
	pidfd = process > 0 ? wlt_writer_watch(process) : -1;
	wlt_post_lock(drop->post);
	if (!known_locked(drop, process)) {
		if (pidfd >= 0 && add_locked(drop, process, pidfd))
			(void)wlt_take_fd(&pidfd);
		else
			drop->completion.unknown = true;
	}
	wlt_post_unlock(drop->post);
}

/* Ask how writer `i` ended; it leaves the list once that is known or will never be. */
static void ask_locked(struct wlt_drop *drop, size_t i, int64_t now)
{
	struct wlt_writer *writer = &drop->writers[i];
	enum wlt_writer_end end;

	if (!wlt_writer_ended(writer->pidfd, writer->process, &end) &&
	    ++writer->asked < WLT_WRITER_ASK_MOST) {
		writer->ask_at = now + WLT_WRITER_ASK_MS;
		return;
	}
	wlt_completion_left(&drop->completion, end, now);
	(void)close(writer->pidfd);
	drop->writers[i] = drop->writers[--drop->n_writers];
}

void wlt_writers_ended(struct wlt_post *post, uint64_t serial, int64_t now)
{
	wlt_post_lock(post);
	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		for (size_t i = 0; i < drop->n_writers; i++)
			if (drop->writers[i].serial == serial) {
				ask_locked(drop, i, now);
				wlt_post_unlock(post);
				return;
			}
	wlt_post_unlock(post);
}

void wlt_drop_ask_writers_locked(struct wlt_drop *drop, int64_t now, int64_t *wake)
{
	for (size_t i = drop->n_writers; i-- > 0;) {
		if (drop->writers[i].ask_at <= now)
			ask_locked(drop, i, now);
	}
	for (size_t i = 0; i < drop->n_writers; i++)
		if (drop->writers[i].ask_at < *wake)
			*wake = drop->writers[i].ask_at;
}
