/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "walnutfs/mount.h"

/* Offsets 1 and 2 stand behind `.` and `..`, offset i + 3 behind items[i]. */
#define DOT_ENTRIES 2

/* What readdir says when the number is not known before a lookup. */
#define UNKNOWN_INO 0xffffffffu

int wlt_listing_add(struct wlt_listing *listing, const char *name, uint64_t ino, mode_t type)
{
	char *copy = strdup(name);

	if (copy == NULL)
		return ENOMEM;
	if (listing->n == listing->capacity) {
		size_t capacity = listing->capacity == 0 ? 32 : listing->capacity * 2;
		struct wlt_listed *items = reallocarray(listing->items, capacity, sizeof(*items));

		if (items == NULL) {
			free(copy);
			return ENOMEM;
		}
		listing->items = items;
		listing->capacity = capacity;
	}
	listing->items[listing->n++] = (struct wlt_listed){.name = copy,
							   .ino = ino != 0 ? ino : UNKNOWN_INO,
							   .type = type};
	return 0;
}

static void empty(struct wlt_listing *listing)
{
	for (size_t i = 0; i < listing->n; i++)
		free(listing->items[i].name);
	free(listing->items);
	listing->items = NULL;
	listing->n = 0;
	listing->capacity = 0;
	listing->started = false;
}

int wlt_listing_open(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing **out)
{
	struct wlt_listing *listing = calloc(1, sizeof(*listing));
	int errnum;

	if (listing == NULL)
		return ENOMEM;
	if (pthread_mutex_init(&listing->lock, NULL) != 0) {
		free(listing);
		return ENOMEM;
	}
	errnum = node->room->list(mount, node, listing);
	if (errnum != 0) {
		wlt_listing_free(listing);
		return errnum;
	}
	*out = listing;
	return 0;
}

void wlt_listing_free(struct wlt_listing *listing)
{
	if (listing == NULL)
		return;
	empty(listing);
	(void)pthread_mutex_destroy(&listing->lock);
	free(listing);
}

/* One of the two that every folder has; they are never looked up. */
static size_t add_dot(fuse_req_t req, char *at, size_t room, const struct wlt_node *node,
		      off_t next, bool plus)
{
	struct fuse_entry_param entry;

	memset(&entry, 0, sizeof(entry));
	entry.attr.st_mode = S_IFDIR;
	entry.attr.st_ino = node->ino;
	if (plus)
		return fuse_add_direntry_plus(req, at, room, next == 1 ? "." : "..", &entry, next);
	return fuse_add_direntry(req, at, room, next == 1 ? "." : "..", &entry.attr, next);
}

/* An entry with its attributes: the kernel then holds the node as after a lookup, so one that does not fit
 * any more is given back. An entry that has vanished since is left out (0 bytes and `*gone`). */
static size_t add_plus(struct wlt_mount *mount, fuse_req_t req, char *at, size_t room,
		       struct wlt_node *node, const char *name, off_t next, bool *gone)
{
	struct fuse_entry_param entry;
	size_t used;

	memset(&entry, 0, sizeof(entry));
	*gone = node->room->entry(mount, node, name, &entry) != 0;
	if (*gone)
		return 0;
	used = fuse_add_direntry_plus(req, at, room, name, &entry, next);
	if (used > room)
		wlt_node_forget(mount->nodes, wlt_node_of(mount->nodes, entry.ino), 1);
	return used;
}

static size_t add_plain(fuse_req_t req, char *at, size_t room, const struct wlt_listed *item,
			off_t next)
{
	struct stat attr;

	memset(&attr, 0, sizeof(attr));
	attr.st_mode = item->type;
	attr.st_ino = item->ino;
	return fuse_add_direntry(req, at, room, item->name, &attr, next);
}

/* Fills `buffer` from `position` on; returns the bytes used. */
static size_t fill(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		   struct wlt_listing *listing, char *buffer, size_t size, size_t position,
		   bool plus)
{
	size_t used = 0;

	for (; position < listing->n + DOT_ENTRIES; position++) {
		off_t next = (off_t)position + 1;
		char *at = buffer + used;
		size_t room = size - used;
		bool gone = false;
		size_t added;

		if (position < DOT_ENTRIES)
			added = add_dot(req, at, room, node, next, plus);
		else if (plus)
			added = add_plus(mount, req, at, room, node,
					 listing->items[position - DOT_ENTRIES].name, next, &gone);
		else
			added = add_plain(req, at, room, &listing->items[position - DOT_ENTRIES],
					  next);
		if (gone)
			continue;
		if (added > room)
			break;
		used += added;
	}
	return used;
}

void wlt_listing_reply(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		       struct wlt_listing *listing, size_t size, off_t offset, bool plus)
{
	char *buffer = malloc(size);
	int errnum = buffer == NULL ? ENOMEM : 0;
	size_t used = 0;

	(void)pthread_mutex_lock(&listing->lock);
	if (errnum == 0 && offset == 0 && listing->started) {
		empty(listing);
		errnum = node->room->list(mount, node, listing);
	}
	if (errnum == 0) {
		listing->started = true;
		used = fill(mount, req, node, listing, buffer, size, (size_t)offset, plus);
	}
	(void)pthread_mutex_unlock(&listing->lock);
	if (errnum != 0)
		(void)fuse_reply_err(req, errnum);
	else
		(void)fuse_reply_buf(req, buffer, used);
	free(buffer);
}
