/* SPDX-License-Identifier: MIT */
/*
 * post/ – sending and fetching as background work: what has arrived, what is being dropped, what waits
 * to be sent. Knows nothing of FUSE: the mount shows what is here and tells it what programs do.
 *
 * Threads. One *desk* thread runs an event loop that owns every time-out, every courier child and every
 * writer's pidfd (desk.c); one *packer* thread packs, signs and seals complete drops and removes spool
 * folders, because both take long (packer.c). Callers come from any thread. One mutex guards all of
 * `struct wlt_post`; it is never held across a system call that can take long (no packing, no network, no
 * fsync, no tree removal), so every function here returns at once unless it says otherwise.
 *
 * On disk, under the state folder (0700, one instance at a time by `lock`):
 *
 *   mirrors/HASH.git      bare mirrors
 *   arrivals.json         what the own relay held at the last poll, with each package's envelope facts
 *   spool/ID/drop.json    one drop: its peer, options, state, package name, import_id (durable)
 *   spool/ID/tree/NAME    what was dropped, as it was dropped, until it has been sent
 *   spool/ID/package      the sealed package, until it has been sent
 *   sent.json             the drops that were sent, newest last, the last 1,000
 *   events                one JSON line per event; `events.1` is the older part
 *
 * Depends on package/, relay/, walnut/, keys/, base/.
 */
#ifndef WLT_POST_POST_H
#define WLT_POST_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "package/package.h"
#include "relay/relay.h"

struct wlt_post;

/* --- life -------------------------------------------------------------------------------------- */

/* Something that is shown has changed. Called from the desk or packer thread without a lock held;
 * must not call back into the post office and must not block. */
struct wlt_post_observer {
	void *context;
	void (*inbox_changed)(
		void *context); /* folders or packages came or went: take a new snapshot */
	/* A drop left the outbox (sent, or taken away by the worker). */
	void (*drop_gone)(void *context, const char *peer, const char *name);
	void (*peers_changed)(void *context); /* relay.json has other peers now */
};

struct wlt_post_options {
	const char *state_dir; /* $XDG_STATE_HOME/walnutfs */
	const char *relay_dir; /* ~/.alive/relay */
	const char *keys_dir;
	const char *world; /* may be NULL */
	int poll_seconds;  /* 0: never by itself */
	int grace_ms;      /* after the last writer exited with success */
	int settle_ms;     /* quiet time where no exit status can be had */
	struct wlt_post_observer observer;
};

/* Take the lock, read the state, recover what a crash left (drops that were being written become
 * `interrupted`, complete ones go on), start the threads. Does not wait for the network. A missing
 * relay.json is not an error: the mount is then empty but for the sentence in status. WLT_BUSY when
 * another instance runs on this state folder. */
bool wlt_post_start(const struct wlt_post_options *options, struct wlt_post **out,
		    struct wlt_error *err);

/* Begin to stop: what blocks in wlt_post_raw() and wlt_post_open() comes back with WLT_CANCELLED, now and from
 * now on, and the threads wind down. May be called more than once. */
void wlt_post_cancel(struct wlt_post *post);

/* Stop both threads, kill couriers, leave everything resumable. At most a second or two, whatever the
 * network does. Fails all waiters with WLT_CANCELLED. */
void wlt_post_stop(struct wlt_post *post);

/* Poll now; the answer comes through the observer. */
void wlt_post_poll(struct wlt_post *post);

/* Forks nothing, blocks on nothing: what `.walnutfs/` shows. The status is the caller's to put, and to add to;
 * NULL when out of memory. The queue is appended as text. */
struct json_object *wlt_post_status(struct wlt_post *post);
void wlt_post_queue(struct wlt_post *post, struct wlt_buf *out);
/* Open the events file for reading. A descriptor for the caller, or -1 with errno. */
int wlt_post_events_open(struct wlt_post *post);
int64_t wlt_post_events_size(struct wlt_post *post);

/* --- arrivals ---------------------------------------------------------------------------------- */

struct wlt_arrival {
	char *sender;
	char *name; /* without `.walnut` */
	char *file; /* with it */
	char oid[WLT_OID_BYTES];
	uint64_t size;
	int64_t stamp;  /* from the name, else when it was first seen */
	char *envelope; /* "rsa" "passphrase" "plain", NULL when it is none */
	bool openable; /* shown as a folder: names our key (or is plain) and has not been refused */
	int refusal;   /* errno for what is shown as a file, 0 while openable */
	char *reason;  /* the sentence for it, NULL while openable */
};

/* An immutable picture of the inbox, shared by reference count. */
struct wlt_arrivals {
	char **senders; /* sorted; every folder of the relay and every peer */
	size_t n_senders;
	struct wlt_arrival *items; /* sorted by sender, then name */
	size_t n_items;
	uint64_t generation; /* grows with each new picture */
};

const struct wlt_arrivals *wlt_post_arrivals(struct wlt_post *post); /* never NULL */
void wlt_arrivals_release(const struct wlt_arrivals *arrivals);

/* The slice of items of one sender; `*n` 0 when there is none. */
const struct wlt_arrival *wlt_arrivals_of(const struct wlt_arrivals *arrivals, const char *sender,
					  size_t *n);
const struct wlt_arrival *wlt_arrivals_find(const struct wlt_arrivals *arrivals, const char *sender,
					    const char *name);

/* The raw bytes of a package as a read-only descriptor on an unlinked file in the state folder.
 * Blocks (disk, a child): call it from a thread that may. WLT_CANCELLED when the post office stops. */
bool wlt_post_raw(struct wlt_post *post, const char *oid, int *fd, struct wlt_error *err);

/* Open and verify a package: wlt_post_raw() and wlt_package_open() with the own keys, the pinned keys and
 * the signature policy. Blocks likewise. A package that is damaged, not for us or refused is remembered
 * as such by its sender and oid, is a file from then on, and an event says so. */
bool wlt_post_open(struct wlt_post *post, const char *sender, const char *oid,
		   uint64_t memory_limit, struct wlt_package **out, struct wlt_error *err);

/* --- drops ------------------------------------------------------------------------------------- */

enum wlt_drop_state {
	WLT_DROP_STAGING,     /* being written */
	WLT_DROP_INTERRUPTED, /* a writer failed: never sent by itself */
	WLT_DROP_PACKING,     /* complete; being checked and sealed */
	WLT_DROP_QUEUED,      /* sealed; waits for its relay */
	WLT_DROP_PUSHING,
	WLT_DROP_SENT,
	WLT_DROP_REJECTED, /* cannot be sent as it is: reason says why */
};

const char *wlt_drop_state_name(enum wlt_drop_state state);

/* A drop: one entry directly under outbox/PEER/. Reference-counted; the value outlives its removal from
 * the outbox for as long as the mount knows nodes in it. */
struct wlt_drop;

/* The peers that can be sent to, sorted; a copy for the caller (wlt_strings_free()). */
bool wlt_post_peers(struct wlt_post *post, struct wlt_strings *out, struct wlt_error *err);

/* A new, empty drop `name` for `peer`, with a spool folder of its own; nothing is in its tree yet.
 * WLT_EXISTS when the name is taken, WLT_MISSING for an unknown peer. A reference for the caller. */
bool wlt_drop_create(struct wlt_post *post, const char *peer, const char *name,
		     struct wlt_drop **out, struct wlt_error *err);

/* Find by name; NULL when there is none. A reference for the caller. */
struct wlt_drop *wlt_drop_find(struct wlt_post *post, const char *peer, const char *name);

/* Names of the drops of `peer`, for listing. */
bool wlt_drop_list(struct wlt_post *post, const char *peer, struct wlt_strings *out,
		   struct wlt_error *err);

void wlt_drop_unref(struct wlt_drop *drop);
struct wlt_drop *wlt_drop_ref(struct wlt_drop *drop);

/* The folder spool/ID/tree, O_PATH-usable, for as long as the reference lives: the drop's entry is the
 * one name in it. */
int wlt_drop_tree_fd(const struct wlt_drop *drop);

/*
 * What programs do to it, told by the mount.
 *
 * wlt_drop_begin() comes before every operation that changes something in the drop: it notes the writer
 * (`pid` as FUSE gives it: a thread's id) and takes a drop that is interrupted, rejected, packing or queued
 * back to staging. Returns 0; EBUSY while the drop is being pushed; ENOENT when it has been sent or
 * removed. wlt_drop_end() comes after it and starts the quiet time anew.
 */
int wlt_drop_begin(struct wlt_drop *drop, pid_t pid);
void wlt_drop_end(struct wlt_drop *drop);
void wlt_drop_handle_opened(struct wlt_drop *drop); /* a handle that may write */
void wlt_drop_handle_closed(struct wlt_drop *drop);

/* A write failed for lack of space or with an I/O error: the drop becomes interrupted at its end even
 * when the writer exits with success. */
void wlt_drop_spoiled(struct wlt_drop *drop, int errnum);

/* The entry itself is renamed (within a peer or to another one), or removed (its tree is already gone or
 * is removed with it). What was queued for it moves or is cancelled with it. 0 or a positive errno. */
int wlt_drop_rename(struct wlt_drop *drop, const char *new_peer, const char *new_name);
int wlt_drop_remove(struct wlt_drop *drop);

/* `sync outbox/PEER/NAME`: complete it now. `done` is called exactly once, from the desk thread (or at once,
 * without memory), with 0 when it has been pushed or a positive errno; after 60 s with ETIMEDOUT. */
void wlt_drop_sync(struct wlt_drop *drop, void (*done)(void *context, int errnum), void *context);

/* Extended attributes of a drop, without the `user.walnut.` prefix. Options (`scope description note
 * preset exclude bundles full_history allow_restricted hold`) can be set and removed; `state`, `error`,
 * `package`, `import_id` can be read. 0 or a positive errno (ENODATA, EPERM, EINVAL). `*value` is
 * malloc()ed. */
int wlt_drop_get(struct wlt_drop *drop, const char *name, char **value);
int wlt_drop_set(struct wlt_drop *drop, const char *name, const char *value, size_t len);
int wlt_drop_unset(struct wlt_drop *drop, const char *name);
bool wlt_drop_attributes(struct wlt_drop *drop, struct wlt_strings *names, struct wlt_error *err);

#endif
