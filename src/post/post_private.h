/* SPDX-License-Identifier: MIT */
/*
 * The post office from inside: its one struct, what guards what, and the functions its modules offer each
 * other.
 *
 * Locks, in the order in which they may be taken:
 *   record_mutex   order of writes of drop.json; held across fsync; taken by desk and packer only
 *   mutex          everything below it in the struct; never held across anything slow
 * Events and keys have a lock of their own that is never held together with another.
 *
 * A function with `_locked` in its name is called with `mutex` held; every other one takes it itself.
 */
#ifndef WLT_POST_POST_PRIVATE_H
#define WLT_POST_POST_PRIVATE_H

#include <json-c/json.h>
#include <pthread.h>
#include <stdatomic.h>

#include "post/completion.h"
#include "post/courier.h"
#include "post/events.h"
#include "post/known.h"
#include "post/post.h"

#define WLT_DROP_ID_BYTES 33 /* 32 hex digits and NUL */
#define WLT_GONE_SUFFIX   ".gone"
#define WLT_SENT_MOST     1000
#define WLT_SYNC_MS       60000

/* --- drops -------------------------------------------------------------------------------------- */

struct wlt_writer {
	uint64_t serial; /* tells its pidfd to the event loop */
	pid_t process;
	int pidfd;
	int64_t ask_at; /* when to ask for its exit status again; WLT_NEVER before its end */
	unsigned asked;
};

/* The folder spool/ID/tree, opened when first asked for. */
struct wlt_drop_tree {
	int fd;
};

struct wlt_drop {
	/* Constant. */
	struct wlt_post *post; /* not used by wlt_drop_unref(): it may outlive the post office */
	char id[WLT_DROP_ID_BYTES];
	int64_t created;
	atomic_uint refs;
	atomic_bool cancel; /* stop packing it: the result is not wanted any more */

	/* Guarded by post->mutex. */
	struct wlt_drop *next;
	struct wlt_drop_tree *tree;
	char *peer;
	char *name;
	struct json_object *options; /* attribute name → text */
	enum wlt_drop_state state;
	int64_t since;               /* of the state */
	char *reason;                /* why it is interrupted or rejected, or not sent yet */
	int errnum;                  /* the same as an errno, for who waits */
	bool gone;                   /* sent or removed */
	uint64_t generation;         /* one more with each return to staging */
	struct timespec reopened_at; /* when that was, by the clock of files; 0 for never */

	bool dirty;                      /* drop.json is behind */
	enum wlt_drop_state saved_state; /* what is durable in drop.json */
	uint64_t saved_generation;

	struct wlt_completion completion;
	struct wlt_writer *writers;
	size_t n_writers;
	bool scheduled; /* the desk will look at it by itself */
	bool by_time;   /* was found complete by quiet time alone */
	bool looked;    /* the packer has looked into it: its tree is on disk, and goes out */

	unsigned pack_failures;
	int64_t pack_at; /* not before */

	/* Of the sealed package, while queued or being pushed. */
	char *package; /* file name, fixed once */
	char *import_id;
	uint64_t size;
	char *attempt;   /* id of the change that deposits it, once it has been tried */
	size_t together; /* how many drops that change deposits */
};

/* A program that waits for a drop to be pushed. */
struct wlt_waiter {
	struct wlt_waiter *next;
	struct wlt_drop *drop; /* a reference */
	void (*done)(void *context, int errnum);
	void *context;
	int64_t deadline;
	int result; /* -1 until it is decided */
};

/* --- desk state --------------------------------------------------------------------------------- */

/* What waits for one peer. Couriers and batch belong to the desk thread alone; the rest is shown. */
struct wlt_lane {
	struct wlt_lane *next;
	char *peer;
	struct wlt_courier *courier;
	bool forgetting; /* the courier only drops a finished attempt */
	int64_t deadline;
	struct wlt_drop **batch; /* references */
	size_t n_batch;
	char *url;
	char *attempt; /* of the batch; of the change to forget */
	bool single;   /* push one by one: somebody in the last batch was refused */

	/* Guarded by post->mutex. */
	struct wlt_strings abandoned; /* attempts to forget */
	bool tried;                   /* something has been pushed, or was to be */
	unsigned failures;
	int64_t next_attempt;
	char *error;
};

struct wlt_poll {
	struct wlt_courier *courier; /* desk only */
	int64_t deadline;
	int64_t earliest; /* not before: keeps bursts of arrivals apart */
	bool slow;        /* the last one ran out of time: allow more */
	char *url;

	/* Guarded by post->mutex. */
	bool wanted;
	int64_t next; /* monotonic; WLT_NEVER */
	int64_t last; /* wall clock, 0 for never */
	char *error;
};

/* What inotify looks at; desk only. */
struct wlt_watch {
	int config_wd;   /* the folder of relay.json, or the nearest one above it that exists */
	bool config_far; /* the latter */
	int relay_wd[2]; /* a relay on this machine: its folder, and refs/heads */
};

/* A spool folder that is to be removed. */
struct wlt_doomed {
	struct wlt_doomed *next;
	char name[WLT_DROP_ID_BYTES + sizeof(WLT_GONE_SUFFIX)];
};

struct wlt_keybox; /* open.c */

struct wlt_post {
	/* Constant from start to stop. */
	char *state_dir; /* absolute */
	char *mirrors_dir;
	char *relay_dir;
	char *keys_dir;
	char *world;
	int state_fd;
	int spool_fd;
	int lock_fd;
	int epoll_fd;
	int wake_fd;   /* eventfd: the desk has something to look at */
	int cancel_fd; /* eventfd: readable from the moment of stopping */
	int inotify_fd;
	int64_t poll_ms;
	struct wlt_completion_times times;
	struct wlt_post_observer observer;
	pthread_t desk;
	pthread_t packer;
	unsigned n_threads; /* how many of the two run */
	struct wlt_events events;
	struct wlt_watch watch; /* desk only */
	atomic_bool stopping;
	pthread_mutex_t keys_mutex; /* guards keys */
	struct wlt_keybox *keys;

	pthread_mutex_t record_mutex;
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t work;   /* the packer has something to do */
	pthread_cond_t quiet;  /* a visitor left, or a waiter's callback returned */

	struct wlt_drop *drops;
	struct wlt_doomed *doomed;
	struct wlt_waiter *waiters;
	uint64_t last_serial;
	struct json_object *sent;        /* array, newest last */
	struct wlt_relay_config *config; /* NULL: see config_error */
	char *config_error;
	struct wlt_lane *lanes;
	struct wlt_poll poll;
	struct wlt_known known;
	const struct wlt_arrivals *arrivals;
	bool known_dirty;   /* arrivals.json is behind */
	bool inbox_changed; /* the observer does not know the picture yet */
	unsigned visitors;
};

static inline void wlt_post_lock(struct wlt_post *post)
{
	(void)pthread_mutex_lock(&post->mutex); /* fails only on misuse */
}

static inline void wlt_post_unlock(struct wlt_post *post)
{
	(void)pthread_mutex_unlock(&post->mutex);
}

/* Let the desk, or the packer, look at the state anew. With or without the lock. */
void wlt_desk_wake(struct wlt_post *post);
void wlt_packer_wake(struct wlt_post *post);

/* --- drop.c ------------------------------------------------------------------------------------- */

struct wlt_drop *wlt_drop_new(struct wlt_post *post, const char *id, struct wlt_error *err);
struct wlt_drop *wlt_drop_find_locked(struct wlt_post *post, const char *peer, const char *name);
void wlt_drop_insert_locked(struct wlt_drop *drop); /* takes the reference over */
/* Take it out of the outbox; the reference goes to the caller, who unrefs it without the lock. */
void wlt_drop_detach_locked(struct wlt_drop *drop);

/* Enter a state. `reason` may be NULL. The record becomes dirty. */
void wlt_drop_enter_locked(struct wlt_drop *drop, enum wlt_drop_state state, int errnum,
			   const char *reason);
/* The state as others are to see it: complete only once that is durable. */
enum wlt_drop_state wlt_drop_shown_state_locked(const struct wlt_drop *drop);
/* Back to staging. 0, EBUSY, ENOENT, or why the note of it could not be made on disk. */
int wlt_drop_reopen_locked(struct wlt_drop *drop);
/* Move spool/ID out of the way and have it removed. */
int wlt_drop_doom_locked(struct wlt_drop *drop);
bool wlt_doom_locked(struct wlt_post *post, const char *name);

/* Give up what was prepared for sending. */
void wlt_drop_unseal_locked(struct wlt_drop *drop);

void wlt_drop_forget_writers_locked(struct wlt_drop *drop);

/* An event about a drop. */
void wlt_drop_tell(struct wlt_drop *drop, const char *event, const char *reason);

/* `peer` (optional) asks for sending to it: NULL when it cannot be sent to. */
const struct wlt_peer *wlt_post_peer_locked(struct wlt_post *post, const char *name);

/* --- drop_attributes.c -------------------------------------------------------------------------- */

const char *wlt_drop_option(struct json_object *options, const char *name); /* "" when not set */
bool wlt_drop_option_is_set(struct json_object *options, const char *name);

/* --- drop_writers.c ----------------------------------------------------------------------------- */

/* Note that `thread` writes into the drop. Called while the thread waits for its request. */
void wlt_drop_note_writer(struct wlt_drop *drop, pid_t thread);
/* The pidfd of writer `serial` is readable; or it is time to ask again. Called by the desk. */
void wlt_writers_ended(struct wlt_post *post, uint64_t serial, int64_t now);
void wlt_drop_ask_writers_locked(struct wlt_drop *drop, int64_t now, int64_t *wake);

/* --- drop_record.c, drop_load.c ----------------------------------------------------------------- */

/* Write what the drop is now, durably. Desk and packer only. */
bool wlt_drop_save(struct wlt_drop *drop, struct wlt_error *err);
/* The first record: not durable, because nothing has been dropped yet. */
bool wlt_drop_save_first(struct wlt_drop *drop, struct wlt_error *err);
/* A symbolic link in spool/ID that says: back in staging since generation N, whatever drop.json says. */
int wlt_drop_mark_reopened_locked(struct wlt_drop *drop);
void wlt_drop_unmark_locked(struct wlt_drop *drop);

/* Read one record into `drop` (its id set). *reopened: its tree was being changed. */
bool wlt_drop_load(struct wlt_drop *drop, bool *reopened, struct wlt_error *err);

/* Read the whole spool, at start. */
bool wlt_spool_load(struct wlt_post *post, struct wlt_error *err);

bool wlt_sent_load(struct wlt_post *post, struct wlt_error *err);
bool wlt_sent_contains_locked(struct wlt_post *post, const char *id);
/* Append the drops to the list of what was sent and make it durable. Desk only. */
bool wlt_sent_add(struct wlt_post *post, struct wlt_drop *const *drops, size_t n,
		  const char *commit, struct wlt_error *err);

/* --- waiters.c ---------------------------------------------------------------------------------- */

/* Decide for all who wait for `drop` (NULL: for any). The desk tells them. */
void wlt_waiters_decide_locked(struct wlt_post *post, const struct wlt_drop *drop, int result);
/* Tell those whose result is decided or whose time is up. Desk only. */
void wlt_waiters_tell(struct wlt_post *post, int64_t now, int64_t *wake);

/* --- the threads -------------------------------------------------------------------------------- */

/* Tags of what the event loop watches: the upper byte of its 64 bits; a serial in the rest. */
enum wlt_tag { WLT_TAG_WAKE = 1, WLT_TAG_INOTIFY, WLT_TAG_POLL, WLT_TAG_LANE, WLT_TAG_WRITER };

bool wlt_desk_watch(struct wlt_post *post, int fd, enum wlt_tag tag, uint64_t serial, bool once);

void *wlt_desk_main(void *post);
void *wlt_packer_main(void *post);

/* One turn each: do what is due at `now`, lower `*wake` to when to come back. Desk only. */
void wlt_sender_turn(struct wlt_post *post, int64_t now, int64_t *wake);
void wlt_poller_turn(struct wlt_post *post, int64_t now, int64_t *wake);
void wlt_sender_ready(struct wlt_post *post); /* a courier has something */
void wlt_poller_ready(struct wlt_post *post, int64_t now);
void wlt_sender_stop(struct wlt_post *post);
void wlt_poller_stop(struct wlt_post *post);

/* Have the attempt of a drop forgotten in its mirror once no other drop shares it. */
void wlt_sender_abandon_locked(struct wlt_post *post, const char *peer, const char *attempt);
void wlt_lanes_free(struct wlt_post *post);
/* Try everything that waits now. */
void wlt_sender_hurry_locked(struct wlt_post *post);

/* --- watch.c ------------------------------------------------------------------------------------ */

/* Watch relay.json, and a relay on this machine, for changes. (Again after the configuration changed.) */
void wlt_watch_update(struct wlt_post *post);
/* Read what inotify has: *config, *relay say what changed. */
void wlt_watch_read(struct wlt_post *post, bool *config, bool *relay);

/* --- config.c ----------------------------------------------------------------------------------- */

/* Read relay.json again. *changed: peers, URL or user name are others now. Desk, or at start. */
void wlt_config_reload(struct wlt_post *post, bool *changed);
/* The variable with the token, from the preferences. malloc()ed; NULL for the default. */
char *wlt_config_token_env(struct wlt_post *post);
/* Common members of a courier request: op, mirrors, url, token_env, author. NULL when out of memory. */
struct json_object *wlt_courier_request(struct wlt_post *post, const char *op, const char *url);

/* --- open.c ------------------------------------------------------------------------------------- */

/* Own key id ("" for none) and what refusals depend on, as of now. */
bool wlt_keys_look(struct wlt_post *post, char own_id[WLT_KEY_ID_BYTES],
		   char policy[WLT_POLICY_BYTES], struct wlt_error *err);
void wlt_keys_drop(struct wlt_post *post);

/* Make a new picture from what is known and show it when it differs; the desk tells the observer. */
bool wlt_post_show(struct wlt_post *post, struct wlt_error *err);

#endif
