/* SPDX-License-Identifier: MIT */
/*
 * The packer thread: everything that takes long on this machine. In order of urgency: records that are
 * behind, drops that are complete, spool folders to be removed.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "post/backoff.h"
#include "post/packing.h"
#include "post/post_private.h"

#define RECORD_RETRY_MS 1000
#define BUSY_MOST       5u /* times that a walnut may change under us */

void wlt_packer_wake(struct wlt_post *post)
{
	(void)pthread_cond_signal(&post->work);
}

/* --- one drop ----------------------------------------------------------------------------------- */

/* What the packer works from while others change the drop. */
struct job {
	struct wlt_drop *drop; /* a reference */
	uint64_t generation;
	bool looked;
	bool by_time;
	struct timespec reopened_at;
	enum wlt_finding patience;
	char *peer;
	char *name;
	struct json_object *options;
	char *spool_path;
};

static void job_free(struct job *job)
{
	free(job->peer);
	free(job->name);
	free(job->spool_path);
	wlt_json_put(&job->options);
	wlt_drop_unref(job->drop);
}

static bool job_take_locked(struct job *job, struct wlt_drop *drop)
{
	*job = (struct job){
		.drop = wlt_drop_ref(drop),
		.generation = drop->generation,
		.looked = drop->looked,
		.by_time = drop->by_time,
		.reopened_at = drop->reopened_at,
		.patience = drop->completion.patience,
		.peer = strdup(drop->peer),
		.name = strdup(drop->name),
		.spool_path = wlt_path_join(drop->post->state_dir, "spool"),
	};
	atomic_store(&drop->cancel, atomic_load(&drop->post->stopping));
	return job->peer != NULL && job->name != NULL && job->spool_path != NULL &&
	       json_object_deep_copy(drop->options, &job->options, NULL) == 0;
}

static bool still_wanted_locked(const struct job *job)
{
	return !job->drop->gone && job->drop->state == WLT_DROP_PACKING &&
	       job->drop->generation == job->generation;
}

static struct wlt_packing packing_of(const struct job *job)
{
	const struct wlt_post *post = job->drop->post;

	return (struct wlt_packing){
		.spool_fd = post->spool_fd,
		.spool_path = job->spool_path,
		.relay_dir = post->relay_dir,
		.keys_dir = post->keys_dir,
		.world = post->world,
		.id = job->drop->id,
		.peer = job->peer,
		.name = job->name,
		.options = job->options,
		.cancel = &job->drop->cancel,
	};
}

/* Not complete after all: wait for more, longer. */
static void put_back(const struct job *job, enum wlt_finding finding, const char *path)
{
	struct wlt_drop *drop = job->drop;
	WLT_AUTOFREE char *shown = path == NULL ? NULL : wlt_text_printable(path);
	WLT_AUTOFREE char *reason = NULL;

	if (shown != NULL &&
	    asprintf(&reason, "%s looks like a file that is still being written", shown) < 0)
		reason = NULL;
	wlt_post_lock(drop->post);
	if (still_wanted_locked(job)) {
		wlt_completion_found(&drop->completion, finding);
		wlt_drop_enter_locked(drop, WLT_DROP_STAGING, 0, reason);
		drop->scheduled = false;
	}
	wlt_post_unlock(drop->post);
	wlt_desk_wake(drop->post);
}

/* Clear away what an earlier, interrupted attempt left. */
static bool sweep(const struct job *job, const struct wlt_packing *packing, struct wlt_error *err)
{
	struct wlt_strings removed = {NULL, 0};
	bool ok = job->reopened_at.tv_sec == 0 ||
		  wlt_packing_sweep(packing, &job->reopened_at, &removed, err);

	for (size_t i = 0; i < removed.n; i++) {
		WLT_AUTOFREE char *shown = wlt_text_printable(removed.items[i]);

		wlt_drop_tell(job->drop, "left_over", shown);
	}
	wlt_strings_free(&removed);
	return ok;
}

/* Is it really complete? Then make that durable, the tree first. `*go_on` false: not yet. */
static bool confirm(const struct job *job, bool *go_on, struct wlt_error *err)
{
	struct wlt_drop *drop = job->drop;
	struct wlt_packing packing = packing_of(job);
	WLT_AUTOFREE char *path = NULL;
	enum wlt_finding finding;

	if (!sweep(job, &packing, err))
		return false;
	finding = wlt_packing_look(&packing, job->by_time, &path);
	*go_on = finding == WLT_FOUND_NOTHING ||
		 (finding == WLT_FOUND_EMPTY && job->patience == WLT_FOUND_EMPTY);
	if (!*go_on) {
		put_back(job, finding, path);
		return true;
	}
	if (syncfs(drop->post->spool_fd) != 0)
		return wlt_fail_errno(err, errno, "cannot sync the spool");
	wlt_post_lock(drop->post);
	*go_on = still_wanted_locked(job);
	if (*go_on) {
		drop->looked = true;
		drop->dirty = true;
		wlt_drop_forget_writers_locked(drop);
	}
	wlt_post_unlock(drop->post);
	if (!*go_on)
		return true;
	wlt_drop_tell(drop, "complete", NULL);
	return wlt_drop_save(drop, err);
}

static void tell_warnings(const struct job *job, const struct wlt_strings *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		wlt_drop_tell(job->drop, "warning", warnings->items[i]);
}

static bool keep_package(const struct job *job, const struct wlt_packed *packed,
			 struct wlt_error *err)
{
	struct wlt_drop *drop = job->drop;
	WLT_AUTOFREE char *package = strdup(packed->package);
	WLT_AUTOFREE char *import_id = strdup(packed->import_id);
	bool wanted;

	if (package == NULL || import_id == NULL)
		return wlt_fail_memory(err);
	wlt_post_lock(drop->post);
	wanted = still_wanted_locked(job);
	if (wanted) {
		wlt_drop_unseal_locked(drop);
		drop->package = wlt_take(package);
		drop->import_id = wlt_take(import_id);
		drop->size = packed->size;
		drop->pack_failures = 0;
		wlt_drop_enter_locked(drop, WLT_DROP_QUEUED, 0, NULL);
	}
	wlt_post_unlock(drop->post);
	if (!wanted)
		return true;
	wlt_drop_tell(drop, "queued", NULL);
	tell_warnings(job, &packed->warnings);
	/* Not pushed before this is durable; if it fails now, it is tried again as any record. */
	return wlt_drop_save(drop, err);
}

/* It could not be packed: try again later, or tell the owner. */
static void note_failure(const struct job *job, const struct wlt_error *err)
{
	struct wlt_drop *drop = job->drop;
	bool rejected = false;

	wlt_post_lock(drop->post);
	if (still_wanted_locked(job) && err->kind != WLT_CANCELLED) {
		bool again = wlt_packing_may_pass(err) &&
			     !(err->kind == WLT_BUSY && drop->pack_failures + 1 >= BUSY_MOST);

		rejected = !again;
		drop->pack_failures++;
		drop->pack_at = wlt_clock_monotonic() +
				wlt_backoff_ms(drop->pack_failures, drop->pack_failures);
		wlt_drop_enter_locked(drop, again ? WLT_DROP_PACKING : WLT_DROP_REJECTED,
				      wlt_error_errno(err), wlt_error_text(err));
		if (rejected)
			wlt_waiters_decide_locked(drop->post, drop, drop->errnum);
	}
	wlt_post_unlock(drop->post);
	if (rejected)
		wlt_drop_tell(drop, "rejected", wlt_error_text(err));
}

static void pack(struct job *job)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_packing packing = packing_of(job);
	struct wlt_packed packed;
	bool go_on = true;

	if (!job->looked && !confirm(job, &go_on, &err)) {
		note_failure(job, &err);
		return;
	}
	if (!go_on)
		return;
	if (!wlt_pack(&packing, &packed, &err)) {
		note_failure(job, &err);
		return;
	}
	if (!keep_package(job, &packed, &err))
		note_failure(job, &err);
	wlt_strings_free(&packed.warnings);
}

/* --- choosing ----------------------------------------------------------------------------------- */

/* A complete drop is recorded by its packing, in its own order. */
static struct wlt_drop *find_dirty_locked(struct wlt_post *post)
{
	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		if (drop->dirty && drop->state != WLT_DROP_PACKING)
			return wlt_drop_ref(drop);
	return NULL;
}

/* The one that has waited longest; the list has the newest first. */
static struct wlt_drop *find_complete_locked(struct wlt_post *post, int64_t now, int64_t *wake)
{
	struct wlt_drop *found = NULL;

	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next) {
		if (drop->state != WLT_DROP_PACKING)
			continue;
		if (drop->pack_at <= now)
			found = drop;
		else if (drop->pack_at < *wake)
			*wake = drop->pack_at;
	}
	return found;
}

static void wait_locked(struct wlt_post *post, int64_t wake)
{
	struct timespec until = {
		.tv_sec = (time_t)(wake / 1000),
		.tv_nsec = (long)(wake % 1000) * 1000000L,
	};

	/* The condition's clock is the monotonic one. */
	if (wake == WLT_NEVER)
		(void)pthread_cond_wait(&post->work, &post->mutex);
	else
		(void)pthread_cond_timedwait(&post->work, &post->mutex, &until);
}

static bool save_record(struct wlt_drop *drop)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	bool ok = wlt_drop_save(drop, &err);

	wlt_drop_unref(drop);
	return ok;
}

static void remove_doomed(struct wlt_post *post, struct wlt_doomed *doomed)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	if (!wlt_tree_remove(post->spool_fd, doomed->name, &err)) {
		struct wlt_event line = {
			.event = "error",
			.id = doomed->name,
			.reason =
				wlt_error_text(&err), /* and it is tried again at the next start */
		};

		wlt_events_append(&post->events, &line);
	}
	free(doomed);
}

/* Do one thing; called and returns with the lock held. False when there is nothing to do until `*wake`. */
static bool work_locked(struct wlt_post *post, int64_t *save_at, int64_t *wake)
{
	int64_t now = wlt_clock_monotonic();
	struct wlt_drop *drop = now >= *save_at ? find_dirty_locked(post) : NULL;
	struct wlt_doomed *doomed = post->doomed;
	struct job job;

	*wake = now >= *save_at ? WLT_NEVER : *save_at;
	if (drop != NULL) {
		wlt_post_unlock(post);
		if (!save_record(drop))
			*save_at = now + RECORD_RETRY_MS;
		wlt_post_lock(post);
		return true;
	}
	drop = find_complete_locked(post, now, wake);
	if (drop != NULL) {
		if (!job_take_locked(&job, drop))
			drop->pack_at = now + RECORD_RETRY_MS;
		wlt_post_unlock(post);
		if (job.options != NULL)
			pack(&job);
		job_free(&job);
		wlt_post_lock(post);
		return true;
	}
	if (doomed != NULL) {
		post->doomed = doomed->next;
		wlt_post_unlock(post);
		remove_doomed(post, doomed);
		wlt_post_lock(post);
		return true;
	}
	return false;
}

void *wlt_packer_main(void *argument)
{
	struct wlt_post *post = argument;
	struct wlt_drop *drop;
	int64_t save_at = 0;
	int64_t wake;

	wlt_post_lock(post);
	while (!atomic_load(&post->stopping))
		if (!work_locked(post, &save_at, &wake) && !atomic_load(&post->stopping))
			wait_locked(post, wake);
	/* What was said about drops shall be known the next time; a disk that refuses ends it. */
	while ((drop = find_dirty_locked(post)) != NULL) {
		bool saved;

		wlt_post_unlock(post);
		saved = save_record(drop);
		wlt_post_lock(post);
		if (!saved)
			break;
	}
	wlt_post_unlock(post);
	return NULL;
}
