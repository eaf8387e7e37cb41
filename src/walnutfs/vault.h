/* SPDX-License-Identifier: MIT */
/*
 * The vault: opened packages. A package is opened and verified once, at the first look into it, whoever
 * asks; its plaintext stays in memory as long as the cache has room, its table of contents for as long as
 * the kernel knows a node of it.
 *
 * Opening blocks (a child process, decryption), so it happens on the vault's own threads: what has to wait
 * for it hands in a function that is called when it is done.
 *
 * One mutex guards all boxes and the order in which they were used. Opening is done without it.
 */
#ifndef WLT_WALNUTFS_VAULT_H
#define WLT_WALNUTFS_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "post/post.h"

struct wlt_vault;

/* One package of the inbox as the mount knows it. Reference-counted. */
struct wlt_box;

/* Verified plaintext, held in memory for as long as somebody refers to it. */
struct wlt_text;

/* `limit`: bytes of plaintext kept in memory. NULL when out of memory or threads. */
struct wlt_vault *wlt_vault_start(struct wlt_post *post, uint64_t limit);

/* Wait for what the threads are doing, which wlt_post_cancel() cuts short; everything still waiting is
 * answered with ECANCELED. All boxes have to be released before wlt_vault_free(). */
void wlt_vault_stop(struct wlt_vault *vault);
void wlt_vault_free(struct wlt_vault *vault);

/* How much plaintext is kept, and of how many packages. */
struct wlt_vault_use {
	uint64_t limit;
	uint64_t used;
	uint64_t packages;
};
struct wlt_vault_use wlt_vault_use(struct wlt_vault *vault);

/* The box of an arrival, one per sender and oid for as long as it is referred to. NULL when out of memory. */
struct wlt_box *wlt_vault_box(struct wlt_vault *vault, const struct wlt_arrival *arrival);
struct wlt_box *wlt_box_ref(struct wlt_box *box);
void wlt_box_unref(struct wlt_box *box);

/* Facts that never change. */
const char *wlt_box_sender(const struct wlt_box *box);
const char *wlt_box_oid(const struct wlt_box *box);
const char *wlt_box_name(const struct wlt_box *box);     /* without `.walnut` */
const char *wlt_box_envelope(const struct wlt_box *box); /* "" when it is none */
uint64_t wlt_box_size(const struct wlt_box *box);        /* of the raw package */
int64_t wlt_box_stamp(const struct wlt_box *box);

/* The opened package without its plaintext (`plain` is NULL), or NULL while it has not been opened. Stays
 * valid and unchanged while the box is referred to. */
const struct wlt_package *wlt_box_contents(struct wlt_box *box);

/* The plaintext if it is at hand, as a reference for the caller; NULL: ask wlt_box_open(). */
struct wlt_text *wlt_box_text(struct wlt_box *box);
void wlt_text_unref(struct wlt_text *text);
const struct wlt_plain *wlt_text_plain(const struct wlt_text *text);

/*
 * Open the package (again, when only its plaintext has been dropped). `done` is called exactly once, on
 * another thread, with 0 or an errno; the box is referred to meanwhile. Calls that come while one is under
 * way share it.
 */
void wlt_box_open(struct wlt_box *box, void (*done)(void *context, int errnum), void *context);

/* A thread of the vault fetches the raw bytes: `done` gets a descriptor that it owns, or -1 and an errno. */
void wlt_box_raw(struct wlt_box *box, void (*done)(void *context, int errnum, int fd),
		 void *context);

#endif
