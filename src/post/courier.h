/* SPDX-License-Identifier: MIT */
/*
 * The courier: relay operations in a child process with a deadline.
 *
 * libgit2 can wait for a mute server for ever and holds whole blobs in memory; so everything that
 * touches a relay runs in a short-lived child of this very program (/proc/self/exe with the single
 * argument WLT_COURIER_ARGUMENT), which is killed when its time is up or nobody waits any more. The
 * child reads one JSON request from descriptor 0 and writes one JSON reply to descriptor 1; a file for
 * bulk data may be handed over as descriptor 3. It dies with its parent (PR_SET_PDEATHSIG).
 *
 * Requests (`op` decides) and replies; unknown members are ignored:
 *
 *   poll    {mirrors, url, token_env, author, tip, known: [oid…]}
 *           → {tip, changed, senders: [name…], packages: [{sender, file, oid, size, envelope}]}
 *             (senders and packages only when changed); envelope = {kind, recipients: [id…]} or
 *             {error}, absent for an oid in `known`
 *   export  {mirrors, url, oid} + descriptor 3 → {size}            (local; the blob's bytes go to 3)
 *   apply   {mirrors, url, token_env, author, id, message, edits: [{path, disk_path}|{path}]}
 *           → {commit}
 *   forget  {mirrors, url, id} → {}
 *   setup   {dir, keys_dir, mirrors, url, username, key_bits, token_env} → {url, username, pubkey_id,
 *           fingerprint}
 *   invite  {dir, keys_dir, mirrors, token_env, peer} → {url, username, pubkey_id, fingerprint}
 *   accept  {dir, keys_dir, mirrors, token_env, url, peer} → {peer, pubkey_id, fingerprint}
 *
 * A failed operation replies {error: {kind, errnum, text}}.
 */
#ifndef WLT_POST_COURIER_H
#define WLT_POST_COURIER_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

#define WLT_COURIER_ARGUMENT "--courier"

/* Time limits in milliseconds. */
#define WLT_COURIER_LOCAL_MS   120000 /* disk only */
#define WLT_COURIER_NETWORK_MS 300000 /* a whole transfer */
#define WLT_COURIER_POLL_MS    60000  /* a ref advertisement and what is new */

/* Run in the child: serve the one request and return the exit status. main() of every program calls
 * it when its only argument is WLT_COURIER_ARGUMENT, before anything else. */
int wlt_courier_child(void);

/* --- one operation, started now and collected later (for an event loop) ------------------------ */

struct wlt_courier; /* a running child */

/* Start a child for `request`. `bulk_fd` (-1: none) is passed as descriptor 3 and stays the caller's.
 * The child is killed when the calling thread ends. */
bool wlt_courier_start(struct json_object *request, int bulk_fd, struct wlt_courier **out,
		       struct wlt_error *err);

/* Readable when there is something to do; the loop then calls wlt_courier_step(). */
int wlt_courier_fd(const struct wlt_courier *courier);

/* Take what has arrived. `*done` once the reply is complete or the child has gone: then collect. */
void wlt_courier_step(struct wlt_courier *courier, bool *done);

/* The outcome: the reply for the caller to put, or the child's error; a child that died without a reply
 * is WLT_INTERNAL. Frees `courier`. */
bool wlt_courier_collect(struct wlt_courier *courier, struct json_object **reply,
			 struct wlt_error *err);

/* Kill it (also when it hangs), reap it, free it. NULL is allowed. */
void wlt_courier_kill(struct wlt_courier *courier);

/* --- one operation, waited for ----------------------------------------------------------------- */

/* Start, wait at most `limit_ms`, collect. WLT_UNREACHABLE when the time is up; WLT_CANCELLED once
 * `cancel_fd` (an eventfd, -1: none) becomes readable. */
bool wlt_courier_run(struct json_object *request, int bulk_fd, int limit_ms, int cancel_fd,
		     struct json_object **reply, struct wlt_error *err);

#endif
