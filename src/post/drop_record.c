/* SPDX-License-Identifier: MIT */
/*
 * What is kept on disk about a drop: spool/ID/drop.json, and the mark that its tree is being changed.
 *
 * Records are written by the desk and the packer, durably, outside the main lock. `record_mutex` makes
 * the order of writes that of the states: what is written is what the drop is at that moment.
 *
 * A caller that takes a drop back to staging cannot wait for that. It leaves the link `reopened` instead,
 * which names the generation it began; a record of an earlier generation then counts for nothing. So a
 * crash at any instant finds either a tree that nobody has touched since it was complete, or the mark.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "post/post_private.h"

#define RECORD_BYTES (1u << 20)
#define PATH_BYTES   (WLT_DROP_ID_BYTES + 16)

static void path_in_drop(const struct wlt_drop *drop, const char *leaf, char out[PATH_BYTES])
{
	(void)snprintf(out, PATH_BYTES, "%s/%s", drop->id, leaf);
}

/* --- writing ------------------------------------------------------------------------------------ */

static bool format_sealed_locked(const struct wlt_drop *drop, struct json_object *root)
{
	return drop->package == NULL ||
	       (wlt_json_set_string(root, "package", drop->package) &&
		wlt_json_set_string(root, "import_id", drop->import_id) &&
		wlt_json_set_int(root, "size", (int64_t)drop->size) &&
		(drop->attempt == NULL ||
		 (wlt_json_set_string(root, "attempt", drop->attempt) &&
		  wlt_json_set_int(root, "together", (int64_t)drop->together))));
}

/* Options are copied, because the tree is used without the lock afterwards. */
static bool format_options_locked(const struct wlt_drop *drop, struct json_object *root)
{
	struct json_object *options = json_object_new_object();

	if (options == NULL || !wlt_json_set(root, "options", options))
		return false;
	json_object_object_foreach(drop->options, key, value)
	{
		if (!wlt_json_set_string(options, key, json_object_get_string(value)))
			return false;
	}
	return true;
}

/* A complete drop counts as such on disk only once its tree is known to be there. */
static enum wlt_drop_state state_to_save_locked(const struct wlt_drop *drop)
{
	return drop->state == WLT_DROP_PACKING && !drop->looked ? WLT_DROP_STAGING : drop->state;
}

static bool format_locked(const struct wlt_drop *drop, struct json_object **out,
			  struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_object();
	char created[WLT_ISO_BYTES];
	char since[WLT_ISO_BYTES];

	wlt_clock_iso(drop->created, created);
	wlt_clock_iso(drop->since, since);
	if (root == NULL || !wlt_json_set_int(root, "version", 1) ||
	    !wlt_json_set_string(root, "id", drop->id) ||
	    !wlt_json_set_string(root, "peer", drop->peer) ||
	    !wlt_json_set_string(root, "name", drop->name) ||
	    !wlt_json_set_string(root, "created", created) ||
	    !wlt_json_set_string(root, "state", wlt_drop_state_name(state_to_save_locked(drop))) ||
	    !wlt_json_set_string(root, "since", since) ||
	    !wlt_json_set_int(root, "generation", (int64_t)drop->generation) ||
	    !wlt_json_set_string(root, "reason", drop->reason) ||
	    !wlt_json_set_int(root, "errno", drop->errnum) || !format_options_locked(drop, root) ||
	    !format_sealed_locked(drop, root))
		return wlt_fail_memory(err);
	*out = wlt_take(root);
	return true;
}

/* After a record became durable: remember which, and take away a mark that is older than it. */
static void note_saved(struct wlt_drop *drop, enum wlt_drop_state state, uint64_t generation)
{
	wlt_post_lock(drop->post);
	drop->saved_state = state;
	drop->saved_generation = generation;
	if (drop->generation == generation && !drop->gone && state != WLT_DROP_STAGING)
		wlt_drop_unmark_locked(drop);
	wlt_post_unlock(drop->post);
	wlt_desk_wake(drop->post);
}

static bool save(struct wlt_drop *drop, struct wlt_error *err)
{
	struct wlt_post *post = drop->post;
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	char path[PATH_BYTES];
	enum wlt_drop_state state;
	uint64_t generation;
	bool ok;

	wlt_post_lock(post);
	if (drop->gone) {
		wlt_post_unlock(post);
		return true;
	}
	ok = format_locked(drop, &root, err);
	state = state_to_save_locked(drop);
	generation = drop->generation;
	drop->dirty = false;
	wlt_post_unlock(post);
	path_in_drop(drop, "drop.json", path);
	ok = ok && wlt_json_save(post->spool_fd, path, root, 0600, err);
	if (ok) {
		note_saved(drop, state, generation);
		return true;
	}
	wlt_post_lock(post);
	ok = drop->gone; /* its folder was moved away meanwhile: nothing left to save */
	drop->dirty = !ok;
	wlt_post_unlock(post);
	return ok || wlt_fail_context(err, "recording the drop %s", drop->id);
}

bool wlt_drop_save(struct wlt_drop *drop, struct wlt_error *err)
{
	bool ok;

	(void)pthread_mutex_lock(&drop->post->record_mutex);
	ok = save(drop, err);
	(void)pthread_mutex_unlock(&drop->post->record_mutex);
	return ok;
}

bool wlt_drop_save_first(struct wlt_drop *drop, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTOCLOSE int fd = -1;
	char path[PATH_BYTES];
	int errnum;

	/* Nobody else knows the drop yet. */
	if (!format_locked(drop, &root, err))
		return false;
	wlt_json_format(&text, root);
	if (!wlt_buf_ok(&text, err))
		return false;
	path_in_drop(drop, "drop.json", path);
	fd = openat(drop->post->spool_fd, path,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	errnum = fd < 0 ? errno : wlt_write_all(fd, text.data, text.len);
	if (errnum != 0)
		return wlt_fail_errno(err, errnum, "cannot write the record of %s", drop->name);
	return true;
}

int wlt_drop_mark_reopened_locked(struct wlt_drop *drop)
{
	char path[PATH_BYTES];
	char generation[24];

	path_in_drop(drop, "reopened", path);
	(void)snprintf(generation, sizeof(generation), "%" PRIu64, drop->generation);
	if (unlinkat(drop->post->spool_fd, path, 0) != 0 && errno != ENOENT)
		return errno;
	return symlinkat(generation, drop->post->spool_fd, path) == 0 ? 0 : errno;
}

void wlt_drop_unmark_locked(struct wlt_drop *drop)
{
	char path[PATH_BYTES];

	/* One that stays is older than the record and counts for nothing. */
	path_in_drop(drop, "reopened", path);
	(void)unlinkat(drop->post->spool_fd, path, 0);
}

/* --- reading ------------------------------------------------------------------------------------ */

static bool read_mark(const struct wlt_drop *drop, uint64_t *generation)
{
	char path[PATH_BYTES];
	char text[24];
	ssize_t len;

	path_in_drop(drop, "reopened", path);
	len = readlinkat(drop->post->spool_fd, path, text, sizeof(text) - 1);
	if (len < 0)
		return false;
	text[len] = '\0';
	*generation = strtoull(text, NULL, 10);
	return true;
}

static bool read_state(const char *name, enum wlt_drop_state *state)
{
	static const enum wlt_drop_state states[] = {
		WLT_DROP_STAGING, WLT_DROP_INTERRUPTED, WLT_DROP_PACKING,  WLT_DROP_QUEUED,
		WLT_DROP_PUSHING, WLT_DROP_SENT,        WLT_DROP_REJECTED,
	};

	for (size_t i = 0; name != NULL && i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(wlt_drop_state_name(states[i]), name) == 0) {
			*state = states[i];
			return true;
		}
	return false;
}

static bool copy(char **out, struct json_object *root, const char *key, struct wlt_error *err)
{
	const char *text = wlt_json_string(root, key);

	if (text == NULL)
		return true;
	*out = strdup(text);
	return *out != NULL || wlt_fail_memory(err);
}

static void read_time(struct json_object *root, const char *key, int64_t *out)
{
	const char *text = wlt_json_string(root, key);

	if (text == NULL || !wlt_clock_parse_iso(text, out))
		*out = wlt_clock_now();
}

static bool read_options(struct wlt_drop *drop, struct json_object *options, struct wlt_error *err)
{
	if (options == NULL)
		return true;
	json_object_object_foreach(options, key, value)
	{
		if (json_object_is_type(value, json_type_string) &&
		    !wlt_json_set_string(drop->options, key, json_object_get_string(value)))
			return wlt_fail_memory(err);
	}
	drop->completion.held = wlt_drop_option_is_set(drop->options, "hold");
	return true;
}

static bool read_record(struct wlt_drop *drop, struct json_object *root, struct wlt_error *err)
{
	if (!read_state(wlt_json_string(root, "state"), &drop->state) ||
	    wlt_json_string(root, "name") == NULL ||
	    !wlt_name_check(wlt_json_string(root, "name"), err) ||
	    wlt_json_string(root, "peer") == NULL ||
	    !wlt_peer_name_check(wlt_json_string(root, "peer"), err))
		return wlt_fail(err, WLT_DAMAGED,
				"the record of the drop %s has no state, name or peer", drop->id);
	read_time(root, "created", &drop->created);
	read_time(root, "since", &drop->since);
	drop->generation = (uint64_t)wlt_json_int(root, "generation", 0);
	drop->errnum = (int)wlt_json_int(root, "errno", 0);
	drop->size = (uint64_t)wlt_json_int(root, "size", 0);
	drop->together = (size_t)wlt_json_int(root, "together", 1);
	return copy(&drop->peer, root, "peer", err) && copy(&drop->name, root, "name", err) &&
	       copy(&drop->reason, root, "reason", err) &&
	       copy(&drop->package, root, "package", err) &&
	       copy(&drop->import_id, root, "import_id", err) &&
	       copy(&drop->attempt, root, "attempt", err) &&
	       read_options(drop, wlt_json_object(root, "options"), err);
}

bool wlt_drop_load(struct wlt_drop *drop, bool *reopened, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	uint64_t marked;
	char path[PATH_BYTES];

	path_in_drop(drop, "drop.json", path);
	if (!wlt_json_load(drop->post->spool_fd, path, RECORD_BYTES, &root, err) ||
	    !read_record(drop, root, err))
		return false;
	*reopened = read_mark(drop, &marked) && marked > drop->generation;
	if (*reopened)
		drop->generation = marked;
	drop->saved_state = drop->state;
	drop->saved_generation = drop->generation;
	return true;
}
