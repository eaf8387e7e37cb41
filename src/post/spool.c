/* SPDX-License-Identifier: MIT */
/*
 * Recovery: what the last run left in the spool.
 *
 *   was being written, or was complete and is being changed again   interrupted
 *   complete                                                        packed (again)
 *   sealed, with the package there                                  queued, with the attempt it had
 *   listed in sent.json, or removed                                 cleaned up
 *   no readable record                                              left alone, with an event
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "post/post_private.h"

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static DIR *open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && dir == NULL)
		(void)close(fd);
	return dir;
}

/* The one name in spool/ID/tree, malloc()ed, in `*name`; NULL when nothing has been dropped. */
static bool entry_in_tree(struct wlt_post *post, const char *id, char **name, struct wlt_error *err)
{
	char path[WLT_DROP_ID_BYTES + 8];
	struct dirent *entry;
	WLT_AUTO(close_dir) DIR *dir = NULL;

	(void)snprintf(path, sizeof(path), "%s/tree", id);
	dir = open_dir(post->spool_fd, path);
	if (dir == NULL)
		return errno == ENOENT || wlt_fail_errno(err, errno, "cannot read spool/%s", path);
	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		*name = strdup(entry->d_name);
		return *name != NULL || wlt_fail_memory(err);
	}
	return errno == 0 || wlt_fail_errno(err, errno, "cannot read spool/%s", path);
}

static bool package_is_there(const struct wlt_drop *drop)
{
	char path[WLT_DROP_ID_BYTES + 16];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/package", drop->id);
	return fstatat(drop->post->spool_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == drop->size;
}

/* Which state a recorded one is continued in. */
static void resume(struct wlt_drop *drop, bool reopened)
{
	if (reopened || drop->state == WLT_DROP_STAGING) {
		wlt_drop_enter_locked(drop, WLT_DROP_INTERRUPTED, ECANCELED,
				      "walnutfs was stopped while this was being written: copy it "
				      "again or remove it");
		return;
	}
	if (drop->state == WLT_DROP_PUSHING || drop->state == WLT_DROP_SENT)
		drop->state = WLT_DROP_QUEUED;
	if (drop->state == WLT_DROP_QUEUED && (drop->package == NULL || !package_is_there(drop)))
		wlt_drop_enter_locked(drop, WLT_DROP_PACKING, 0, NULL);
	drop->looked = true;
}

static void tell_unreadable(struct wlt_post *post, const char *id, const struct wlt_error *why)
{
	struct wlt_event line = {.event = "damaged", .id = id, .reason = wlt_error_text(why)};

	wlt_events_append(&post->events, &line);
}

/* Two drops of one name can be left by a crash between a removal and a rename: both are kept, one of
 * them under a name of its own. */
static bool settle_name(struct wlt_drop *drop, const char *entry, struct wlt_error *err)
{
	struct wlt_post *post = drop->post;
	char from[WLT_DROP_ID_BYTES + 8 + WLT_NAME_BYTES];
	char to[WLT_DROP_ID_BYTES + 8 + WLT_NAME_BYTES];
	char name[WLT_NAME_BYTES + 1];

	(void)snprintf(name, sizeof(name), "%s", entry);
	if (wlt_drop_find_locked(post, drop->peer, name) != NULL) {
		(void)snprintf(name, sizeof(name), "%.240s-%.8s", entry, drop->id);
		(void)snprintf(from, sizeof(from), "%s/tree/%s", drop->id, entry);
		(void)snprintf(to, sizeof(to), "%s/tree/%s", drop->id, name);
		if (renameat2(post->spool_fd, from, post->spool_fd, to, RENAME_NOREPLACE) != 0)
			return wlt_fail_errno(err, errno, "cannot rename %s in the spool", from);
		wlt_drop_enter_locked(drop, WLT_DROP_INTERRUPTED, ECANCELED,
				      "another drop has its name: rename or remove it");
	}
	if (strcmp(drop->name, name) != 0) {
		free(drop->name);
		drop->name = strdup(name);
		drop->dirty = true;
	}
	drop->completion.unnamed = drop->name != NULL && wlt_name_is_unfinished(drop->name);
	return drop->name != NULL || wlt_fail_memory(err);
}

/* A drop that is in sent.json: its attempt can be forgotten, and the folder goes. */
static void clean_up_sent(struct wlt_drop *drop)
{
	if (drop->attempt != NULL)
		wlt_sender_abandon_locked(drop->post, drop->peer, drop->attempt);
	(void)wlt_drop_doom_locked(drop);
}

static bool load_drop(struct wlt_post *post, const char *id, struct wlt_error *err)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;
	WLT_AUTOFREE char *entry = NULL;
	struct wlt_drop *drop;
	bool reopened = false;

	if (!entry_in_tree(post, id, &entry, err))
		return false;
	drop = wlt_drop_new(post, id, err);
	if (drop == NULL)
		return false;
	if (entry == NULL) {
		(void)wlt_drop_doom_locked(drop);
	} else if (!wlt_drop_load(drop, &reopened, &fault)) {
		tell_unreadable(post, id, &fault);
	} else if (wlt_sent_contains_locked(post, id)) {
		clean_up_sent(drop);
	} else {
		resume(drop, reopened);
		if (!settle_name(drop, entry, err)) {
			wlt_drop_unref(drop);
			return false;
		}
		wlt_drop_insert_locked(drop);
		return true;
	}
	wlt_drop_unref(drop);
	return true;
}

static bool is_id(const char *name)
{
	uint8_t bytes[WLT_DROP_ID_BYTES / 2];

	return strlen(name) == WLT_DROP_ID_BYTES - 1 && wlt_hex_decode(name, bytes, sizeof(bytes));
}

static bool is_gone(const char *name)
{
	size_t len = strlen(name);

	return len == WLT_DROP_ID_BYTES - 1 + strlen(WLT_GONE_SUFFIX) &&
	       strcmp(name + WLT_DROP_ID_BYTES - 1, WLT_GONE_SUFFIX) == 0;
}

bool wlt_spool_load(struct wlt_post *post, struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings names = {NULL, 0};
	WLT_AUTO(close_dir) DIR *dir = open_dir(post->spool_fd, ".");
	struct dirent *entry;

	if (dir == NULL)
		return wlt_fail_errno(err, errno, "cannot read the spool in %s", post->state_dir);
	/* First the names: folders are renamed while they are dealt with. */
	while ((entry = readdir(dir)) != NULL)
		if ((is_id(entry->d_name) || is_gone(entry->d_name)) &&
		    !wlt_strings_add(&names, entry->d_name, err))
			return false;
	wlt_strings_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		if (is_gone(names.items[i])) {
			if (!wlt_doom_locked(post, names.items[i]))
				return wlt_fail_memory(err);
		} else if (!load_drop(post, names.items[i], err)) {
			return wlt_fail_context(err, "recovering the drop %s", names.items[i]);
		}
	}
	return true;
}
