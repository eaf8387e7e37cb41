/* SPDX-License-Identifier: MIT */
/*
 * Read-ahead: the stages below run in large steps, and on another core than the reader when there is
 * enough to do. A ring of slots; the producer fills the next free one, the consumer empties the oldest
 * full one. Only the counters are shared: a slot belongs to one side at a time.
 */
#include "config.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "package/source.h"

#define RING_SLOTS 4u

struct slot {
	size_t len;
	uint8_t bytes[WLT_SOURCE_BUFFER];
};

struct ahead_source {
	struct wlt_source base;
	struct wlt_source *inner;
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the five below */
	pthread_cond_t changed;
	uint64_t filled;        /* slots filled so far */
	uint64_t freed;         /* slots emptied so far */
	bool ended;             /* the producer will fill no more */
	bool stop;              /* the consumer wants no more */
	struct wlt_error error; /* why the producer ended, or WLT_OK */
	size_t at;              /* consumer: next byte in its slot */
	size_t n_slots;
	struct slot slots[];
};

static struct slot *slot_of(struct ahead_source *self, uint64_t number)
{
	return &self->slots[number % self->n_slots];
}

/* --- producer ---------------------------------------------------------------------------------- */

static bool wait_for_room(struct ahead_source *self)
{
	bool go;

	(void)pthread_mutex_lock(&self->lock); /* a plain mutex: none of these can fail */
	while (!self->stop && self->filled - self->freed == self->n_slots)
		(void)pthread_cond_wait(&self->changed, &self->lock);
	go = !self->stop;
	(void)pthread_mutex_unlock(&self->lock);
	return go;
}

static void publish(struct ahead_source *self, bool more, struct wlt_error *err)
{
	(void)pthread_mutex_lock(&self->lock);
	if (more) {
		self->filled++;
	} else {
		self->ended = true;
		wlt_error_move(&self->error, err);
	}
	(void)pthread_cond_signal(&self->changed);
	(void)pthread_mutex_unlock(&self->lock);
}

static void *produce(void *context)
{
	struct ahead_source *self = context;
	struct wlt_error err = WLT_ERROR_INIT;
	uint64_t number = 0;

	while (wait_for_room(self)) {
		struct slot *slot = slot_of(self, number);
		bool good = wlt_source_read(self->inner, slot->bytes, sizeof(slot->bytes),
					    &slot->len, &err);
		bool more = good && slot->len > 0;

		publish(self, more, &err);
		if (!more)
			break;
		number++;
	}
	wlt_error_clear(&err);
	return NULL;
}

/* --- consumer ---------------------------------------------------------------------------------- */

static void free_slot(struct ahead_source *self)
{
	(void)pthread_mutex_lock(&self->lock);
	self->freed++;
	(void)pthread_cond_signal(&self->changed);
	(void)pthread_mutex_unlock(&self->lock);
	self->at = 0;
}

/* The slot to read from, NULL at the end. */
static bool next_slot(struct ahead_source *self, struct slot **slot, struct wlt_error *err)
{
	bool good = true;

	(void)pthread_mutex_lock(&self->lock);
	while (self->filled == self->freed && !self->ended)
		(void)pthread_cond_wait(&self->changed, &self->lock);
	*slot = NULL;
	if (self->filled != self->freed) {
		*slot = slot_of(self, self->freed);
	} else if (self->error.kind != WLT_OK) {
		wlt_error_move(err, &self->error);
		good = false;
	}
	(void)pthread_mutex_unlock(&self->lock);
	return good;
}

static bool fill_here(struct ahead_source *self, struct wlt_error *err)
{
	struct slot *slot = slot_of(self, 0);

	self->at = 0;
	if (!wlt_source_read(self->inner, slot->bytes, sizeof(slot->bytes), &slot->len, err)) {
		slot->len = 0;
		return false;
	}
	return true;
}

static bool ahead_read(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		       struct wlt_error *err)
{
	struct ahead_source *self = (struct ahead_source *)source;
	struct slot *slot = slot_of(self, 0);

	if (self->threaded) {
		if (!next_slot(self, &slot, err))
			return false;
		if (slot == NULL)
			return true;
	} else if (self->at == slot->len && !fill_here(self, err)) {
		return false;
	}
	if (len > slot->len - self->at)
		len = slot->len - self->at;
	memcpy(out, slot->bytes + self->at, len);
	self->at += len;
	*got = len;
	if (self->threaded && self->at == slot->len)
		free_slot(self);
	return true;
}

static void ahead_close(struct wlt_source *source)
{
	struct ahead_source *self = (struct ahead_source *)source;

	if (self->threaded) {
		(void)pthread_mutex_lock(&self->lock);
		self->stop = true;
		(void)pthread_cond_signal(&self->changed);
		(void)pthread_mutex_unlock(&self->lock);
		(void)pthread_join(self->thread, NULL); /* joined once, by its maker */
	}
	(void)pthread_cond_destroy(&self->changed);
	(void)pthread_mutex_destroy(&self->lock);
	wlt_error_clear(&self->error);
	wlt_source_close(self->inner);
	OPENSSL_cleanse(self->slots, self->n_slots * sizeof(self->slots[0]));
	free(self);
}

static const struct wlt_source_ops ahead_ops = {ahead_read, NULL, ahead_close};

/* Signals are for the program's own threads. */
static bool start_thread(struct ahead_source *self)
{
	sigset_t all;
	sigset_t before;
	int rc;

	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	rc = pthread_create(&self->thread, NULL, produce, self);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0;
}

bool wlt_source_ahead(struct wlt_source *inner, bool threaded, struct wlt_source **out,
		      struct wlt_error *err)
{
	size_t n_slots = threaded ? RING_SLOTS : 1;
	struct ahead_source *self = calloc(1, sizeof(*self) + n_slots * sizeof(struct slot));

	if (self == NULL) {
		wlt_source_close(inner);
		return wlt_fail_memory(err);
	}
	self->base.ops = &ahead_ops;
	self->inner = inner;
	self->n_slots = n_slots;
	/* With default attributes neither can fail on Linux. */
	(void)pthread_mutex_init(&self->lock, NULL);
	(void)pthread_cond_init(&self->changed, NULL);
	/* Without a thread the first slot is filled on demand: slower, not wrong. */
	self->threaded = threaded && start_thread(self);
	*out = &self->base;
	return true;
}
