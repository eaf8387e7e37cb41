/* SPDX-License-Identifier: MIT */
/*
 * sent.json: the drops that were sent. An entry made durable here is the moment from which a drop counts
 * as sent; whatever is found of it in the spool afterwards is only to be cleaned up.
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "post/post_private.h"

#define SENT_FILE  "sent.json"
#define SENT_BYTES (16u << 20)

bool wlt_sent_load(struct wlt_post *post, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;
	struct json_object *list = NULL;

	if (wlt_json_load(post->state_fd, SENT_FILE, SENT_BYTES, &root, &fault)) {
		list = wlt_json_array(root, "sent");
	} else if (fault.kind != WLT_MISSING) {
		/* Going on without it could send something twice. */
		wlt_error_move(err, &fault);
		return wlt_fail_context(err, "the record of what was sent");
	}
	post->sent = list != NULL ? json_object_get(list) : json_object_new_array();
	return post->sent != NULL || wlt_fail_memory(err);
}

bool wlt_sent_contains_locked(struct wlt_post *post, const char *id)
{
	for (size_t i = json_object_array_length(post->sent); i-- > 0;) {
		const char *there = wlt_json_string(json_object_array_get_idx(post->sent, i), "id");

		if (there != NULL && strcmp(there, id) == 0)
			return true;
	}
	return false;
}

static struct json_object *entry_locked(const struct wlt_drop *drop, const char *commit)
{
	WLT_AUTO(wlt_json_put) struct json_object *entry = json_object_new_object();
	char now[WLT_ISO_BYTES];

	wlt_clock_iso(wlt_clock_now(), now);
	if (entry == NULL || !wlt_json_set_string(entry, "id", drop->id) ||
	    !wlt_json_set_string(entry, "peer", drop->peer) ||
	    !wlt_json_set_string(entry, "name", drop->name) ||
	    !wlt_json_set_string(entry, "package", drop->package) ||
	    !wlt_json_set_string(entry, "import_id", drop->import_id) ||
	    !wlt_json_set_int(entry, "size", (int64_t)drop->size) ||
	    !wlt_json_set_string(entry, "commit", commit) ||
	    !wlt_json_set_string(entry, "sent", now))
		return NULL;
	return wlt_take(entry);
}

/* A new list: the last of the old one, and the drops. Entries never change, so both may share them. */
static struct json_object *extend_locked(struct wlt_post *post, struct wlt_drop *const *drops,
					 size_t n, const char *commit)
{
	WLT_AUTO(wlt_json_put) struct json_object *list = json_object_new_array();
	size_t old = json_object_array_length(post->sent);
	size_t first = old + n > WLT_SENT_MOST ? old + n - WLT_SENT_MOST : 0;

	if (list == NULL)
		return NULL;
	for (size_t i = first; i < old; i++) {
		struct json_object *entry = json_object_array_get_idx(post->sent, i);

		if (json_object_array_add(list, json_object_get(entry)) != 0) {
			json_object_put(entry);
			return NULL;
		}
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *entry = entry_locked(drops[i], commit);

		if (entry == NULL || json_object_array_add(list, entry) != 0) {
			wlt_json_put(&entry);
			return NULL;
		}
	}
	return wlt_take(list);
}

static bool format(struct json_object *list, struct wlt_buf *text)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_object();

	if (root == NULL || !wlt_json_set_int(root, "version", 1) ||
	    !wlt_json_set(root, "sent", json_object_get(list)))
		return false;
	wlt_json_format(text, root);
	return !text->failed;
}

bool wlt_sent_add(struct wlt_post *post, struct wlt_drop *const *drops, size_t n,
		  const char *commit, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	struct json_object *list;
	struct json_object *old;
	bool ok;

	wlt_post_lock(post);
	list = extend_locked(post, drops, n, commit);
	/* json-c counts references without locking: the text is made while nobody else looks. */
	ok = list != NULL && format(list, &text);
	wlt_post_unlock(post);
	if (!ok)
		(void)wlt_fail_memory(err);
	ok = ok && wlt_file_replace(post->state_fd, SENT_FILE, text.data, text.len, 0600, err);
	wlt_post_lock(post);
	old = ok ? post->sent : list;
	if (ok)
		post->sent = list;
	wlt_json_put(&old);
	wlt_post_unlock(post);
	return ok;
}
