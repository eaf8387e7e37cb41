/* SPDX-License-Identifier: MIT */
/*
 * The entries of one folder for as long as it is open. A handle that is rewound gets them afresh; while
 * one reading goes on they stay as they are, so that no entry is shown twice or left out.
 *
 * Belongs to one open folder; the lock in it serialises readers that share the descriptor.
 */
#ifndef WLT_WALNUTFS_LISTING_H
#define WLT_WALNUTFS_LISTING_H

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct wlt_mount;
struct wlt_node;

struct wlt_listed {
	char *name;
	uint64_t ino;
	mode_t type; /* S_IFDIR, S_IFREG … */
};

struct wlt_listing {
	pthread_mutex_t lock;
	struct wlt_listed *items;
	size_t n;
	size_t capacity;
	bool started; /* something has been read since it was filled */
};

/* Ask the node's room for its entries. 0 and a new listing, or an errno. */
int wlt_listing_open(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing **out);
void wlt_listing_free(struct wlt_listing *listing); /* NULL is allowed */

/* For a room's list(): add one entry (the name is copied; `ino` 0 when not known yet). 0 or ENOMEM. */
int wlt_listing_add(struct wlt_listing *listing, const char *name, uint64_t ino, mode_t type);

/* Answer readdir, or readdirplus when `plus`. */
void wlt_listing_reply(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		       struct wlt_listing *listing, size_t size, off_t offset, bool plus);

#endif
