/* SPDX-License-Identifier: MIT */
/*
 * inotify: relay.json changed, or something arrived in a relay on this machine.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "post/post_private.h"

#define CHANGES (IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_ONLYDIR)

static void unwatch(struct wlt_post *post, int *wd)
{
	if (*wd >= 0)
		(void)inotify_rm_watch(post->inotify_fd, *wd);
	*wd = -1;
}

/* The folder of relay.json, or the nearest above it, so that its being made is seen. */
static void watch_config(struct wlt_post *post)
{
	WLT_AUTOFREE char *path = strdup(post->relay_dir);
	struct wlt_watch *watch = &post->watch;
	int wd = -1;

	watch->config_far = false;
	while (path != NULL) {
		char *slash = strrchr(path, '/');

		wd = inotify_add_watch(post->inotify_fd, path, CHANGES);
		if (wd >= 0 || errno != ENOENT || slash == NULL || slash == path)
			break;
		*slash = '\0';
		watch->config_far = true;
	}
	/* Without a watch, changes are seen at the next poll. */
	if (watch->config_wd >= 0 && watch->config_wd != wd)
		unwatch(post, &watch->config_wd);
	watch->config_wd = wd;
}

static void watch_relay(struct wlt_post *post)
{
	static const char *const folders[2] = {"", "refs/heads"};
	WLT_AUTOFREE char *local = NULL;

	wlt_post_lock(post);
	if (post->config != NULL && post->config->url != NULL)
		local = wlt_url_local_path(post->config->url);
	wlt_post_unlock(post);
	for (size_t i = 0; i < 2; i++) {
		WLT_AUTOFREE char *path = local == NULL ? NULL : wlt_path_join(local, folders[i]);
		int wd = path == NULL ? -1 : inotify_add_watch(post->inotify_fd, path, CHANGES);

		if (post->watch.relay_wd[i] >= 0 && post->watch.relay_wd[i] != wd)
			unwatch(post, &post->watch.relay_wd[i]);
		post->watch.relay_wd[i] = wd;
	}
}

void wlt_watch_update(struct wlt_post *post)
{
	watch_config(post);
	watch_relay(post);
}

/* Names that git uses while it writes. */
static bool is_lock(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".lock") == 0;
}

static void read_event(struct wlt_watch *watch, const struct inotify_event *event, bool *config,
		       bool *relay)
{
	const char *name = event->len > 0 ? event->name : "";

	if ((event->mask & IN_Q_OVERFLOW) != 0)
		*config = *relay = true;
	if (event->wd == watch->config_wd) {
		if ((event->mask & IN_IGNORED) != 0)
			watch->config_wd = -1;
		if ((event->mask & IN_IGNORED) != 0 || strcmp(name, "relay.json") == 0 ||
		    (watch->config_far && (event->mask & IN_ISDIR) != 0))
			*config = true;
	}
	for (size_t i = 0; i < 2; i++) {
		if (event->wd != watch->relay_wd[i])
			continue;
		if ((event->mask & IN_IGNORED) != 0)
			watch->relay_wd[i] = -1;
		if (!is_lock(name))
			*relay = true;
	}
}

void wlt_watch_read(struct wlt_post *post, bool *config, bool *relay)
{
	alignas(struct inotify_event) char
		buffer[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	ssize_t got;

	while ((got = read(post->inotify_fd, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + got;) {
			const struct inotify_event *event = (const void *)at;

			read_event(&post->watch, event, config, relay);
			at += sizeof(*event) + event->len;
		}
	}
}
