/* SPDX-License-Identifier: MIT */
/*
 * Drops: their life in the outbox, and what programs do to them.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "post/post_private.h"

const char *wlt_drop_state_name(enum wlt_drop_state state)
{
	switch (state) {
	case WLT_DROP_STAGING:
		return "staging";
	case WLT_DROP_INTERRUPTED:
		return "interrupted";
	case WLT_DROP_PACKING:
		return "packing";
	case WLT_DROP_QUEUED:
		return "queued";
	case WLT_DROP_PUSHING:
		return "pushing";
	case WLT_DROP_SENT:
		return "sent";
	case WLT_DROP_REJECTED:
		break;
	}
	return "rejected";
}

/* --- references --------------------------------------------------------------------------------- */

struct wlt_drop *wlt_drop_new(struct wlt_post *post, const char *id, struct wlt_error *err)
{
	struct wlt_drop *drop = calloc(1, sizeof(*drop));

	if (drop == NULL) {
		(void)wlt_fail_memory(err);
		return NULL;
	}
	drop->post = post;
	atomic_init(&drop->refs, 1);
	(void)snprintf(drop->id, sizeof(drop->id), "%s", id);
	drop->created = wlt_clock_now();
	drop->since = drop->created;
	drop->state = WLT_DROP_STAGING;
	drop->completion.last = wlt_clock_monotonic();
	drop->options = json_object_new_object();
	drop->tree = calloc(1, sizeof(*drop->tree));
	if (drop->tree != NULL)
		drop->tree->fd = -1;
	if (drop->tree == NULL || drop->options == NULL) {
		wlt_drop_unref(drop);
		(void)wlt_fail_memory(err);
		return NULL;
	}
	return drop;
}

struct wlt_drop *wlt_drop_ref(struct wlt_drop *drop)
{
	(void)atomic_fetch_add(&drop->refs, 1);
	return drop;
}

void wlt_drop_unref(struct wlt_drop *drop)
{
	if (drop == NULL || atomic_fetch_sub(&drop->refs, 1) != 1)
		return;
	wlt_drop_forget_writers_locked(drop); /* nobody else has it any more */
	if (drop->tree != NULL && drop->tree->fd >= 0)
		(void)close(drop->tree->fd);
	free(drop->tree);
	free(drop->peer);
	free(drop->name);
	if (drop->options != NULL)
		json_object_put(drop->options);
	free(drop->reason);
	free(drop->package);
	free(drop->import_id);
	free(drop->attempt);
	free(drop);
}

void wlt_drop_insert_locked(struct wlt_drop *drop)
{
	drop->next = drop->post->drops;
	drop->post->drops = drop;
}

void wlt_drop_detach_locked(struct wlt_drop *drop)
{
	struct wlt_drop **link = &drop->post->drops;

	while (*link != NULL && *link != drop)
		link = &(*link)->next;
	if (*link == drop)
		*link = drop->next;
	drop->next = NULL;
	drop->gone = true;
	atomic_store(&drop->cancel, true);
	wlt_drop_forget_writers_locked(drop);
}

/* --- states ------------------------------------------------------------------------------------- */

void wlt_drop_enter_locked(struct wlt_drop *drop, enum wlt_drop_state state, int errnum,
			   const char *reason)
{
	free(drop->reason);
	drop->reason = reason == NULL ? NULL : strdup(reason); /* the state counts more */
	drop->errnum = errnum;
	if (drop->state != state) {
		drop->state = state;
		drop->since = wlt_clock_now();
	}
	drop->dirty = true;
}

enum wlt_drop_state wlt_drop_shown_state_locked(const struct wlt_drop *drop)
{
	/* Nobody shall take it for complete before a crash would. */
	if (drop->state == WLT_DROP_PACKING &&
	    (drop->saved_state != WLT_DROP_PACKING || drop->saved_generation != drop->generation))
		return WLT_DROP_STAGING;
	return drop->state;
}

void wlt_drop_unseal_locked(struct wlt_drop *drop)
{
	if (drop->attempt != NULL)
		wlt_sender_abandon_locked(drop->post, drop->peer, drop->attempt);
	free(wlt_take(drop->attempt));
	free(wlt_take(drop->package));
	free(wlt_take(drop->import_id));
	drop->size = 0;
}

int wlt_drop_reopen_locked(struct wlt_drop *drop)
{
	int errnum;

	if (drop->gone || drop->state == WLT_DROP_SENT)
		return ENOENT;
	if (drop->state == WLT_DROP_PUSHING)
		return EBUSY;
	if (drop->state == WLT_DROP_STAGING)
		return 0;
	/* On disk first: a crash from here on must not send what is about to be changed. */
	drop->generation++;
	errnum = wlt_drop_mark_reopened_locked(drop);
	if (errnum != 0) {
		drop->generation--;
		return errnum;
	}
	atomic_store(&drop->cancel, true);
	wlt_drop_unseal_locked(drop);
	wlt_drop_forget_writers_locked(drop);
	wlt_completion_restart(&drop->completion, wlt_clock_monotonic());
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &drop->reopened_at);
	drop->looked = false;
	drop->pack_failures = 0;
	drop->scheduled = false;
	wlt_drop_enter_locked(drop, WLT_DROP_STAGING, 0, NULL);
	wlt_packer_wake(drop->post);
	return 0;
}

bool wlt_doom_locked(struct wlt_post *post, const char *name)
{
	struct wlt_doomed *doomed = calloc(1, sizeof(*doomed));

	if (doomed == NULL)
		return false; /* found again at the next start */
	(void)snprintf(doomed->name, sizeof(doomed->name), "%s", name);
	doomed->next = post->doomed;
	post->doomed = doomed;
	wlt_packer_wake(post);
	return true;
}

int wlt_drop_doom_locked(struct wlt_drop *drop)
{
	struct wlt_post *post = drop->post;
	char name[WLT_DROP_ID_BYTES + sizeof(WLT_GONE_SUFFIX)];

	(void)snprintf(name, sizeof(name), "%s%s", drop->id, WLT_GONE_SUFFIX);
	if (renameat(post->spool_fd, drop->id, post->spool_fd, name) != 0 && errno != ENOENT)
		return errno;
	(void)wlt_doom_locked(post, name);
	return 0;
}

/* --- outbox ------------------------------------------------------------------------------------- */

const struct wlt_peer *wlt_post_peer_locked(struct wlt_post *post, const char *name)
{
	const struct wlt_peer *peer =
		post->config == NULL ? NULL : wlt_relay_config_peer(post->config, name);

	return peer != NULL && peer->accepted && peer->url != NULL ? peer : NULL;
}

bool wlt_post_peers(struct wlt_post *post, struct wlt_strings *out, struct wlt_error *err)
{
	bool ok = true;

	wlt_post_lock(post);
	for (size_t i = 0; ok && post->config != NULL && i < post->config->n_peers; i++) {
		const struct wlt_peer *peer = &post->config->peers[i];

		if (peer->accepted && peer->url != NULL)
			ok = wlt_strings_add(out, peer->name, err);
	}
	wlt_post_unlock(post);
	if (ok)
		wlt_strings_sort(out);
	return ok;
}

struct wlt_drop *wlt_drop_find_locked(struct wlt_post *post, const char *peer, const char *name)
{
	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		if (strcmp(drop->name, name) == 0 && strcmp(drop->peer, peer) == 0)
			return drop;
	return NULL;
}

struct wlt_drop *wlt_drop_find(struct wlt_post *post, const char *peer, const char *name)
{
	struct wlt_drop *drop;

	wlt_post_lock(post);
	drop = wlt_drop_find_locked(post, peer, name);
	if (drop != NULL)
		(void)wlt_drop_ref(drop);
	wlt_post_unlock(post);
	return drop;
}

bool wlt_drop_list(struct wlt_post *post, const char *peer, struct wlt_strings *out,
		   struct wlt_error *err)
{
	bool ok = true;

	wlt_post_lock(post);
	for (struct wlt_drop *drop = post->drops; ok && drop != NULL; drop = drop->next)
		if (strcmp(drop->peer, peer) == 0)
			ok = wlt_strings_add(out, drop->name, err);
	wlt_post_unlock(post);
	if (ok)
		wlt_strings_sort(out);
	return ok;
}

static bool make_spool(struct wlt_drop *drop, struct wlt_error *err)
{
	int spool = drop->post->spool_fd;
	char tree[WLT_DROP_ID_BYTES + 8];

	(void)snprintf(tree, sizeof(tree), "%s/tree", drop->id);
	if (mkdirat(spool, drop->id, 0700) != 0 || mkdirat(spool, tree, 0700) != 0)
		return wlt_fail_errno(err, errno, "cannot make a spool folder for %s", drop->name);
	return wlt_drop_save_first(drop, err);
}

static bool insert(struct wlt_drop *drop, struct wlt_error *err)
{
	struct wlt_post *post = drop->post;
	bool ok = true;

	wlt_post_lock(post);
	if (wlt_post_peer_locked(post, drop->peer) == NULL)
		ok = wlt_fail(err, WLT_MISSING, "%s is no peer that can be sent to", drop->peer);
	else if (wlt_drop_find_locked(post, drop->peer, drop->name) != NULL)
		ok = wlt_fail(err, WLT_EXISTS, "%s/%s is already in the outbox", drop->peer,
			      drop->name);
	else
		wlt_drop_insert_locked(wlt_drop_ref(drop));
	wlt_post_unlock(post);
	return ok;
}

bool wlt_drop_create(struct wlt_post *post, const char *peer, const char *name,
		     struct wlt_drop **out, struct wlt_error *err)
{
	char id[WLT_DROP_ID_BYTES];
	struct wlt_drop *drop;

	if (!wlt_peer_name_check(peer, err) || !wlt_name_check(name, err) ||
	    !wlt_random_hex(sizeof(id) / 2, id, err))
		return false;
	drop = wlt_drop_new(post, id, err);
	if (drop == NULL)
		return false;
	drop->peer = strdup(peer);
	drop->name = strdup(name);
	drop->completion.unnamed = wlt_name_is_unfinished(name);
	if (drop->peer == NULL || drop->name == NULL) {
		wlt_drop_unref(drop);
		return wlt_fail_memory(err);
	}
	if (!make_spool(drop, err) || !insert(drop, err)) {
		wlt_post_lock(post);
		(void)wlt_drop_doom_locked(drop); /* what was made goes away again */
		wlt_post_unlock(post);
		wlt_drop_unref(drop);
		return false;
	}
	wlt_desk_wake(post);
	*out = drop;
	return true;
}

static int open_tree(const struct wlt_drop *drop)
{
	char path[WLT_DROP_ID_BYTES + 8];

	(void)snprintf(path, sizeof(path), "%s/tree", drop->id);
	return openat(drop->post->spool_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int wlt_drop_tree_fd(const struct wlt_drop *drop)
{
	int fd;

	wlt_post_lock(drop->post);
	if (drop->tree->fd < 0 && !drop->gone)
		drop->tree->fd = open_tree(drop);
	fd = drop->tree->fd;
	wlt_post_unlock(drop->post);
	return fd;
}

/* --- what programs do --------------------------------------------------------------------------- */

/* The desk need not be told of every operation: it only has to know when to look next, and need not look
 * at all while something is going on. */
static void schedule_locked(struct wlt_drop *drop)
{
	if (!drop->scheduled && drop->completion.operations == 0 && drop->completion.handles == 0)
		wlt_desk_wake(drop->post);
}

int wlt_drop_begin(struct wlt_drop *drop, pid_t pid)
{
	int errnum;

	wlt_post_lock(drop->post);
	errnum = wlt_drop_reopen_locked(drop);
	if (errnum == 0)
		wlt_completion_begin(&drop->completion, wlt_clock_monotonic());
	wlt_post_unlock(drop->post);
	/* The operation in progress keeps the drop from completing before its writer is known. */
	if (errnum == 0)
		wlt_drop_note_writer(drop, pid);
	return errnum;
}

void wlt_drop_end(struct wlt_drop *drop)
{
	wlt_post_lock(drop->post);
	wlt_completion_end(&drop->completion, wlt_clock_monotonic());
	schedule_locked(drop);
	wlt_post_unlock(drop->post);
}

void wlt_drop_handle_opened(struct wlt_drop *drop)
{
	wlt_post_lock(drop->post);
	wlt_completion_opened(&drop->completion, wlt_clock_monotonic());
	wlt_post_unlock(drop->post);
}

void wlt_drop_handle_closed(struct wlt_drop *drop)
{
	wlt_post_lock(drop->post);
	wlt_completion_closed(&drop->completion, wlt_clock_monotonic());
	schedule_locked(drop);
	wlt_post_unlock(drop->post);
}

void wlt_drop_spoiled(struct wlt_drop *drop, int errnum)
{
	wlt_post_lock(drop->post);
	drop->completion.spoiled = errnum;
	schedule_locked(drop);
	wlt_post_unlock(drop->post);
}

/* The one name in the tree. The mount may have renamed it before it told us. */
static int rename_entry(struct wlt_drop *drop, const char *from, const char *to)
{
	char old_path[WLT_DROP_ID_BYTES + 8 + WLT_NAME_BYTES];
	char new_path[WLT_DROP_ID_BYTES + 8 + WLT_NAME_BYTES];
	int spool = drop->post->spool_fd;

	if (strcmp(from, to) == 0)
		return 0;
	(void)snprintf(old_path, sizeof(old_path), "%s/tree/%s", drop->id, from);
	(void)snprintf(new_path, sizeof(new_path), "%s/tree/%s", drop->id, to);
	if (renameat2(spool, old_path, spool, new_path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == ENOENT && faccessat(spool, new_path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno;
}

static int rename_locked(struct wlt_drop *drop, const char *new_peer, const char *new_name)
{
	struct wlt_post *post = drop->post;
	struct wlt_drop *there = wlt_drop_find_locked(post, new_peer, new_name);
	WLT_AUTOFREE char *peer = strdup(new_peer);
	WLT_AUTOFREE char *name = strdup(new_name);
	int errnum;

	if (peer == NULL || name == NULL)
		return ENOMEM;
	if (there != NULL && there != drop)
		return EEXIST;
	if (wlt_post_peer_locked(post, new_peer) == NULL)
		return ENOENT;
	/* The package is sealed for the old peer and carries the old name: it has to be made anew. An
	 * interrupted drop stays so, because its content is no better under another name. */
	if (drop->gone || drop->state != WLT_DROP_INTERRUPTED) {
		errnum = wlt_drop_reopen_locked(drop);
		if (errnum != 0)
			return errnum;
	}
	errnum = rename_entry(drop, drop->name, name);
	if (errnum != 0)
		return errnum;
	free(drop->peer);
	free(drop->name);
	drop->peer = wlt_take(peer);
	drop->name = wlt_take(name);
	drop->completion.unnamed = wlt_name_is_unfinished(drop->name);
	drop->completion.last = wlt_clock_monotonic();
	drop->dirty = true;
	return 0;
}

int wlt_drop_rename(struct wlt_drop *drop, const char *new_peer, const char *new_name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	int errnum;

	if (!wlt_name_check(new_name, &err))
		return EINVAL;
	wlt_post_lock(drop->post);
	errnum = rename_locked(drop, new_peer, new_name);
	wlt_packer_wake(drop->post);
	wlt_desk_wake(drop->post);
	wlt_post_unlock(drop->post);
	return errnum;
}

int wlt_drop_remove(struct wlt_drop *drop)
{
	struct wlt_post *post = drop->post;
	int errnum;

	wlt_post_lock(post);
	if (drop->gone)
		errnum = ENOENT;
	else if (drop->state == WLT_DROP_PUSHING)
		errnum = EBUSY;
	else
		errnum = wlt_drop_doom_locked(drop);
	if (errnum == 0) {
		wlt_drop_unseal_locked(drop);
		wlt_drop_detach_locked(drop);
		wlt_waiters_decide_locked(post, drop, ECANCELED);
	}
	wlt_post_unlock(post);
	if (errnum == 0) {
		wlt_drop_tell(drop, "removed", NULL);
		wlt_drop_unref(drop); /* the outbox's reference */
	}
	return errnum;
}

void wlt_drop_tell(struct wlt_drop *drop, const char *event, const char *reason)
{
	WLT_AUTOFREE char *peer = NULL;
	WLT_AUTOFREE char *name = NULL;
	WLT_AUTOFREE char *package = NULL;
	WLT_AUTOFREE char *import_id = NULL;
	struct wlt_event line = {.event = event, .id = drop->id, .reason = reason};

	wlt_post_lock(drop->post);
	peer = strdup(drop->peer);
	name = strdup(drop->name);
	package = drop->package == NULL ? NULL : strdup(drop->package);
	import_id = drop->import_id == NULL ? NULL : strdup(drop->import_id);
	wlt_post_unlock(drop->post);
	line.peer = peer;
	line.drop = name;
	line.package = package;
	line.import_id = import_id;
	wlt_events_append(&drop->post->events, &line);
}
