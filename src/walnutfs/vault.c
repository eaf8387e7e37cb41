/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/vault.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Two packages are opened at a time: a large one does not keep a small one waiting, and more would only
 * multiply the memory in use. */
#define VAULT_THREADS 2

struct wlt_text {
	atomic_uint refs;
	struct wlt_plain *plain;
};

/* Somebody who waits for a box. */
struct waiter {
	void (*opened)(void *context, int errnum); /* one of the two */
	void (*fetched)(void *context, int errnum, int fd);
	void *context;
	STAILQ_ENTRY(waiter) next;
};
STAILQ_HEAD(waiters, waiter);

struct wlt_box {
	struct wlt_vault *vault;
	char *sender;
	char *name;
	char *envelope;
	char oid[WLT_OID_BYTES];
	uint64_t size;
	int64_t stamp;
	uint64_t memory_limit;

	/* guarded by the vault's lock */
	unsigned refs;
	struct wlt_package *contents; /* set once */
	struct wlt_text *text;
	uint64_t used;              /* bytes of `text` in memory */
	struct waiters opening;     /* not empty: a job is queued or running */
	TAILQ_ENTRY(wlt_box) order; /* only while `text` is set; least recently used first */
};

struct job {
	struct wlt_box *box; /* a reference */
	struct waiter *raw;  /* NULL: open the box for its waiters */
	STAILQ_ENTRY(job) next;
};

struct wlt_vault {
	struct wlt_post *post;
	uint64_t limit;
	pthread_t threads[VAULT_THREADS];
	unsigned n_threads;

	pthread_mutex_t lock;
	pthread_cond_t work;
	bool stopping;
	STAILQ_HEAD(, job) jobs;
	void *boxes; /* tsearch() by oid, sender and name */
	TAILQ_HEAD(, wlt_box) order;
	uint64_t used;
};

/* --- text -------------------------------------------------------------------------------------- */

static struct wlt_text *text_new(struct wlt_plain *plain)
{
	struct wlt_text *text = calloc(1, sizeof(*text));

	if (text == NULL)
		return NULL;
	atomic_init(&text->refs, 1);
	text->plain = plain;
	return text;
}

void wlt_text_unref(struct wlt_text *text)
{
	if (text == NULL || atomic_fetch_sub(&text->refs, 1) != 1)
		return;
	wlt_plain_free(text->plain);
	free(text);
}

const struct wlt_plain *wlt_text_plain(const struct wlt_text *text)
{
	return text->plain;
}

/* --- boxes ------------------------------------------------------------------------------------- */

static void box_free(struct wlt_box *box)
{
	wlt_package_free(box->contents);
	wlt_text_unref(box->text);
	free(box->sender);
	free(box->name);
	free(box->envelope);
	free(box);
}

static struct wlt_box *box_new(struct wlt_vault *vault, const struct wlt_arrival *arrival)
{
	struct wlt_box *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return NULL;
	box->vault = vault;
	box->sender = strdup(arrival->sender);
	box->name = strdup(arrival->name);
	box->envelope = strdup(arrival->envelope == NULL ? "" : arrival->envelope);
	memcpy(box->oid, arrival->oid, sizeof(box->oid));
	box->size = arrival->size;
	box->stamp = arrival->stamp;
	box->memory_limit = vault->limit;
	box->refs = 1;
	STAILQ_INIT(&box->opening);
	if (box->sender == NULL || box->name == NULL || box->envelope == NULL) {
		box_free(box);
		return NULL;
	}
	return box;
}

static int compare_boxes(const void *a, const void *b)
{
	const struct wlt_box *x = a;
	const struct wlt_box *y = b;
	int order = strcmp(x->oid, y->oid);

	if (order == 0)
		order = strcmp(x->sender, y->sender);
	return order != 0 ? order : strcmp(x->name, y->name);
}

struct wlt_box *wlt_vault_box(struct wlt_vault *vault, const struct wlt_arrival *arrival)
{
	struct wlt_box *fresh = box_new(vault, arrival);
	struct wlt_box *box = NULL;
	struct wlt_box **found;

	if (fresh == NULL)
		return NULL;
	(void)pthread_mutex_lock(&vault->lock);
	found = tsearch(fresh, &vault->boxes, compare_boxes);
	if (found != NULL)
		box = *found;
	if (box == fresh)
		fresh = NULL;
	else if (box != NULL)
		box->refs++;
	(void)pthread_mutex_unlock(&vault->lock);
	if (fresh != NULL)
		box_free(fresh);
	return box;
}

struct wlt_box *wlt_box_ref(struct wlt_box *box)
{
	(void)pthread_mutex_lock(&box->vault->lock);
	box->refs++;
	(void)pthread_mutex_unlock(&box->vault->lock);
	return box;
}

/* Takes the plaintext out of the cache; the caller lets go of it without the lock. Lock held. */
static struct wlt_text *take_text(struct wlt_vault *vault, struct wlt_box *box)
{
	struct wlt_text *text = box->text;

	if (text == NULL)
		return NULL;
	TAILQ_REMOVE(&vault->order, box, order);
	vault->used -= box->used;
	box->text = NULL;
	return text;
}

void wlt_box_unref(struct wlt_box *box)
{
	struct wlt_vault *vault = box->vault;
	struct wlt_text *text = NULL;
	bool last;

	(void)pthread_mutex_lock(&vault->lock);
	last = --box->refs == 0;
	if (last) {
		text = take_text(vault, box);
		(void)tdelete(box, &vault->boxes, compare_boxes);
	}
	(void)pthread_mutex_unlock(&vault->lock);
	wlt_text_unref(text);
	if (last)
		box_free(box);
}

const char *wlt_box_sender(const struct wlt_box *box)
{
	return box->sender;
}

const char *wlt_box_oid(const struct wlt_box *box)
{
	return box->oid;
}

const char *wlt_box_name(const struct wlt_box *box)
{
	return box->name;
}

const char *wlt_box_envelope(const struct wlt_box *box)
{
	return box->envelope;
}

uint64_t wlt_box_size(const struct wlt_box *box)
{
	return box->size;
}

int64_t wlt_box_stamp(const struct wlt_box *box)
{
	return box->stamp;
}

const struct wlt_package *wlt_box_contents(struct wlt_box *box)
{
	const struct wlt_package *contents;

	(void)pthread_mutex_lock(&box->vault->lock);
	contents = box->contents;
	(void)pthread_mutex_unlock(&box->vault->lock);
	return contents;
}

struct wlt_text *wlt_box_text(struct wlt_box *box)
{
	struct wlt_vault *vault = box->vault;
	struct wlt_text *text;

	(void)pthread_mutex_lock(&vault->lock);
	text = box->text;
	if (text != NULL) {
		atomic_fetch_add(&text->refs, 1);
		TAILQ_REMOVE(&vault->order, box, order);
		TAILQ_INSERT_TAIL(&vault->order, box, order);
	}
	(void)pthread_mutex_unlock(&vault->lock);
	return text;
}

struct wlt_vault_use wlt_vault_use(struct wlt_vault *vault)
{
	struct wlt_vault_use use = {.limit = vault->limit};
	const struct wlt_box *box;

	(void)pthread_mutex_lock(&vault->lock);
	use.used = vault->used;
	TAILQ_FOREACH(box, &vault->order, order)
	use.packages++;
	(void)pthread_mutex_unlock(&vault->lock);
	return use;
}

/* --- opening ----------------------------------------------------------------------------------- */

/* Drops the plaintext of the least recently used boxes that nobody reads, until `extra` more bytes fit.
 * What is dropped is let go of one at a time, without the lock. */
static void make_room(struct wlt_vault *vault, uint64_t extra)
{
	struct wlt_text *text;

	do {
		struct wlt_box *box;

		text = NULL;
		(void)pthread_mutex_lock(&vault->lock);
		if (vault->used + extra > vault->limit) {
			TAILQ_FOREACH(box, &vault->order, order)
			{
				/* Ours is the only reference: no open file holds it. */
				if (atomic_load(&box->text->refs) == 1)
					break;
			}
			if (box != NULL)
				text = take_text(vault, box);
		}
		(void)pthread_mutex_unlock(&vault->lock);
		wlt_text_unref(text);
	} while (text != NULL);
}

/* Puts an opened package into its box. */
static void box_fill(struct wlt_box *box, struct wlt_package *package, struct wlt_text *text)
{
	struct wlt_vault *vault = box->vault;

	(void)pthread_mutex_lock(&vault->lock);
	if (box->contents == NULL) {
		box->contents = package;
		package = NULL;
	}
	box->text = text;
	box->used = wlt_plain_memory(text->plain);
	vault->used += box->used;
	TAILQ_INSERT_TAIL(&vault->order, box, order);
	(void)pthread_mutex_unlock(&vault->lock);
	/* The same bytes gave the same contents before. */
	wlt_package_free(package);
}

static int open_box(struct wlt_box *box)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_package *package = NULL;
	struct wlt_text *text;
	int errnum;

	make_room(box->vault, box->size);
	if (!wlt_post_open(box->vault->post, box->sender, box->oid, box->memory_limit, &package,
			   &err)) {
		errnum = wlt_error_errno(&err);
		wlt_error_clear(&err);
		return errnum;
	}
	text = text_new(package->plain);
	if (text == NULL) {
		wlt_package_free(package);
		return ENOMEM;
	}
	package->plain = NULL;
	box_fill(box, package, text);
	make_room(box->vault, 0);
	return 0;
}

/* Queues a job that holds the box; false when out of memory. Lock held. */
static bool enqueue(struct wlt_box *box, struct waiter *raw)
{
	struct wlt_vault *vault = box->vault;
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return false;
	box->refs++;
	job->box = box;
	job->raw = raw;
	STAILQ_INSERT_TAIL(&vault->jobs, job, next);
	(void)pthread_cond_signal(&vault->work);
	return true;
}

void wlt_box_open(struct wlt_box *box, void (*done)(void *context, int errnum), void *context)
{
	struct wlt_vault *vault = box->vault;
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	int errnum = ENOMEM;

	(void)pthread_mutex_lock(&vault->lock);
	if (waiter != NULL && vault->stopping)
		errnum = ECANCELED;
	else if (waiter != NULL && (!STAILQ_EMPTY(&box->opening) || enqueue(box, NULL)))
		errnum = 0;
	if (errnum == 0) {
		waiter->opened = done;
		waiter->context = context;
		STAILQ_INSERT_TAIL(&box->opening, waiter, next);
		waiter = NULL;
	}
	(void)pthread_mutex_unlock(&vault->lock);
	free(waiter);
	if (errnum != 0)
		done(context, errnum);
}

void wlt_box_raw(struct wlt_box *box, void (*done)(void *context, int errnum, int fd),
		 void *context)
{
	struct wlt_vault *vault = box->vault;
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	int errnum = ENOMEM;

	(void)pthread_mutex_lock(&vault->lock);
	if (waiter != NULL && vault->stopping) {
		errnum = ECANCELED;
	} else if (waiter != NULL) {
		waiter->fetched = done;
		waiter->context = context;
		if (enqueue(box, waiter))
			errnum = 0;
	}
	(void)pthread_mutex_unlock(&vault->lock);
	if (errnum != 0) {
		free(waiter);
		done(context, errnum, -1);
	}
}

/* Answers everybody who waits for the box to be open. */
static void answer_waiters(struct wlt_box *box, int errnum)
{
	struct wlt_vault *vault = box->vault;
	struct waiters waiting = STAILQ_HEAD_INITIALIZER(waiting);
	struct waiter *waiter;

	(void)pthread_mutex_lock(&vault->lock);
	STAILQ_CONCAT(&waiting, &box->opening);
	(void)pthread_mutex_unlock(&vault->lock);
	while ((waiter = STAILQ_FIRST(&waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&waiting, next);
		waiter->opened(waiter->context, errnum);
		free(waiter);
	}
}

static void run_open(struct wlt_box *box, bool cancelled)
{
	struct wlt_text *text = wlt_box_text(box);
	int errnum = 0;

	if (cancelled)
		errnum = ECANCELED;
	else if (text == NULL)
		errnum = open_box(box);
	/* The waiters find the plaintext while this reference holds it in the cache. */
	if (errnum == 0 && text == NULL)
		text = wlt_box_text(box);
	answer_waiters(box, errnum);
	wlt_text_unref(text);
}

static void run_raw(struct wlt_box *box, struct waiter *waiter, bool cancelled)
{
	struct wlt_error err = WLT_ERROR_INIT;
	int errnum = cancelled ? ECANCELED : 0;
	int fd = -1;

	if (!cancelled && !wlt_post_raw(box->vault->post, box->oid, &fd, &err)) {
		errnum = wlt_error_errno(&err);
		fd = -1;
	}
	wlt_error_clear(&err);
	waiter->fetched(waiter->context, errnum, fd);
	free(waiter);
}

static void *work(void *argument)
{
	struct wlt_vault *vault = argument;
	struct job *job;
	bool stopping;

	for (;;) {
		(void)pthread_mutex_lock(&vault->lock);
		while (STAILQ_EMPTY(&vault->jobs) && !vault->stopping)
			(void)pthread_cond_wait(&vault->work, &vault->lock);
		stopping = vault->stopping;
		job = STAILQ_FIRST(&vault->jobs);
		if (job != NULL)
			STAILQ_REMOVE_HEAD(&vault->jobs, next);
		(void)pthread_mutex_unlock(&vault->lock);
		if (job == NULL)
			return NULL;
		if (job->raw != NULL)
			run_raw(job->box, job->raw, stopping);
		else
			run_open(job->box, stopping);
		wlt_box_unref(job->box);
		free(job);
	}
}

/* --- life -------------------------------------------------------------------------------------- */

struct wlt_vault *wlt_vault_start(struct wlt_post *post, uint64_t limit)
{
	struct wlt_vault *vault = calloc(1, sizeof(*vault));

	if (vault == NULL)
		return NULL;
	vault->post = post;
	vault->limit = limit;
	STAILQ_INIT(&vault->jobs);
	TAILQ_INIT(&vault->order);
	if (pthread_mutex_init(&vault->lock, NULL) != 0) {
		free(vault);
		return NULL;
	}
	if (pthread_cond_init(&vault->work, NULL) != 0) {
		(void)pthread_mutex_destroy(&vault->lock);
		free(vault);
		return NULL;
	}
	while (vault->n_threads < VAULT_THREADS &&
	       pthread_create(&vault->threads[vault->n_threads], NULL, work, vault) == 0)
		vault->n_threads++;
	if (vault->n_threads < VAULT_THREADS) {
		wlt_vault_stop(vault);
		wlt_vault_free(vault);
		return NULL;
	}
	return vault;
}

void wlt_vault_stop(struct wlt_vault *vault)
{
	(void)pthread_mutex_lock(&vault->lock);
	vault->stopping = true;
	(void)pthread_cond_broadcast(&vault->work);
	(void)pthread_mutex_unlock(&vault->lock);
	while (vault->n_threads > 0)
		(void)pthread_join(vault->threads[--vault->n_threads], NULL);
}

void wlt_vault_free(struct wlt_vault *vault)
{
	if (vault == NULL)
		return;
	(void)pthread_cond_destroy(&vault->work);
	(void)pthread_mutex_destroy(&vault->lock);
	free(vault);
}
