/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/node.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "walnutfs/mount.h"
#include "walnutfs/vault.h"

struct wlt_nodes {
	pthread_mutex_t lock;
	void *tree; /* tsearch() over linked nodes by (parent, name) */
	struct wlt_node *root;
	LIST_HEAD(, wlt_node) all; /* but the root */
	uint64_t next_ino;
};

/* Fresh numbers stay out of the way of the hashed ones by their top bit. */
#define FIRST_FRESH_INO 2u
#define HASHED_INO_BIT  (1ull << 63)

static int compare_nodes(const void *a, const void *b)
{
	const struct wlt_node *x = a;
	const struct wlt_node *y = b;

	if (x->parent != y->parent)
		return (uintptr_t)x->parent < (uintptr_t)y->parent ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void spec_release(const struct wlt_node_spec *spec)
{
	if (spec->drop != NULL)
		wlt_drop_unref(spec->drop);
	if (spec->box != NULL)
		wlt_box_unref(spec->box);
	free(spec->path);
}

static void node_free(struct wlt_node *node)
{
	const struct wlt_node_spec spec = {.drop = node->drop,
					   .box = node->box,
					   .path = node->path};

	spec_release(&spec);
	free(node->name);
	free(node);
}

static struct wlt_node *node_new(struct wlt_node *parent, const char *name,
				 const struct wlt_node_spec *spec)
{
	struct wlt_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->name = strdup(name);
	if (node->name == NULL) {
		free(node);
		return NULL;
	}
	node->kind = spec->kind;
	node->room = spec->room;
	node->ino = spec->ino;
	node->drop = spec->drop;
	node->box = spec->box;
	node->path = spec->path;
	node->parent = parent;
	atomic_init(&node->shown_mode, 0);
	return node;
}

struct wlt_nodes *wlt_nodes_new(const struct wlt_room *root)
{
	const struct wlt_node_spec spec = {.kind = WLT_NODE_ROOT, .room = root, .ino = 1};
	struct wlt_nodes *nodes = calloc(1, sizeof(*nodes));

	if (nodes == NULL)
		return NULL;
	nodes->root = node_new(NULL, "", &spec);
	if (nodes->root == NULL || pthread_mutex_init(&nodes->lock, NULL) != 0) {
		free(nodes->root);
		free(nodes);
		return NULL;
	}
	nodes->root->lookups = 1;
	LIST_INIT(&nodes->all);
	nodes->next_ino = FIRST_FRESH_INO;
	return nodes;
}

/* Takes `node` out of the tree. Lock held. */
static void detach(struct wlt_nodes *nodes, struct wlt_node *node)
{
	if (!node->linked)
		return;
	(void)tdelete(node, &nodes->tree, compare_nodes);
	node->linked = false;
}

/* Puts `node` into the tree; false when out of memory. Lock held. */
static bool attach(struct wlt_nodes *nodes, struct wlt_node *node)
{
	node->linked = tsearch(node, &nodes->tree, compare_nodes) != NULL;
	return node->linked;
}

static struct wlt_node *find_locked(struct wlt_nodes *nodes, struct wlt_node *parent,
				    const char *name)
{
	/* The key is only compared, never written through. */
	const struct wlt_node key = {.parent = parent, .name = (char *)(uintptr_t)name};
	struct wlt_node *const *found = tfind(&key, &nodes->tree, compare_nodes);

	return found == NULL ? NULL : *found;
}

/*
 * Drops nodes that nothing holds any more, upwards: the last child may have been what held its parent. The
 * dead ones are chained through `parent` and freed by the caller without the lock, because letting go of a
 * drop or a box takes other locks.
 */
static struct wlt_node *collect_dead(struct wlt_nodes *nodes, struct wlt_node *node)
{
	struct wlt_node *dead = NULL;

	while (node != NULL && node->lookups == 0 && node->holds == 0) {
		struct wlt_node *parent = node->parent;

		detach(nodes, node);
		LIST_REMOVE(node, all);
		node->parent = dead;
		dead = node;
		if (parent != NULL)
			parent->holds--;
		node = parent;
	}
	return dead;
}

static void free_dead(struct wlt_node *dead)
{
	while (dead != NULL) {
		struct wlt_node *next = dead->parent;

		node_free(dead);
		dead = next;
	}
}

void wlt_nodes_free(struct wlt_nodes *nodes)
{
	if (nodes == NULL)
		return;
	/* The kernel is gone, so nobody forgets any more. */
	while (!LIST_EMPTY(&nodes->all)) {
		struct wlt_node *node = LIST_FIRST(&nodes->all);

		detach(nodes, node);
		LIST_REMOVE(node, all);
		node_free(node);
	}
	node_free(nodes->root);
	(void)pthread_mutex_destroy(&nodes->lock);
	free(nodes);
}

struct wlt_node *wlt_node_of(struct wlt_nodes *nodes, uint64_t kernel_id)
{
	return kernel_id == FUSE_ROOT_ID ? nodes->root : (struct wlt_node *)(uintptr_t)kernel_id;
}

uint64_t wlt_node_id(const struct wlt_nodes *nodes, const struct wlt_node *node)
{
	return node == nodes->root ? FUSE_ROOT_ID : (uint64_t)(uintptr_t)node;
}

struct wlt_node *wlt_node_hold(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name,
			       const struct wlt_node_spec *spec)
{
	struct wlt_node *node;

	(void)pthread_mutex_lock(&nodes->lock);
	node = find_locked(nodes, parent, name);
	if (node != NULL &&
	    (node->kind != spec->kind || node->drop != spec->drop || node->box != spec->box)) {
		/* The name means something else by now. */
		detach(nodes, node);
		node = NULL;
	}
	if (node != NULL) {
		node->lookups++;
		(void)pthread_mutex_unlock(&nodes->lock);
		spec_release(spec);
		return node;
	}
	node = node_new(parent, name, spec);
	if (node != NULL && !attach(nodes, node)) {
		free(node->name);
		free(node);
		node = NULL;
	}
	if (node != NULL) {
		if (node->ino == 0)
			node->ino = nodes->next_ino++;
		node->lookups = 1;
		parent->holds++;
		LIST_INSERT_HEAD(&nodes->all, node, all);
	}
	(void)pthread_mutex_unlock(&nodes->lock);
	if (node == NULL)
		spec_release(spec);
	return node;
}

void wlt_node_forget(struct wlt_nodes *nodes, struct wlt_node *node, uint64_t count)
{
	struct wlt_node *dead;

	(void)pthread_mutex_lock(&nodes->lock);
	node->lookups -= count < node->lookups ? count : node->lookups;
	dead = node == nodes->root ? NULL : collect_dead(nodes, node);
	(void)pthread_mutex_unlock(&nodes->lock);
	free_dead(dead);
}

struct wlt_node *wlt_node_find(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name)
{
	struct wlt_node *node;

	(void)pthread_mutex_lock(&nodes->lock);
	node = find_locked(nodes, parent == NULL ? nodes->root : parent, name);
	if (node != NULL)
		node->holds++;
	(void)pthread_mutex_unlock(&nodes->lock);
	return node;
}

void wlt_node_unhold(struct wlt_nodes *nodes, struct wlt_node *node)
{
	struct wlt_node *dead;

	(void)pthread_mutex_lock(&nodes->lock);
	node->holds--;
	dead = node == nodes->root ? NULL : collect_dead(nodes, node);
	(void)pthread_mutex_unlock(&nodes->lock);
	free_dead(dead);
}

void wlt_node_unlink(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name)
{
	struct wlt_node *node;

	(void)pthread_mutex_lock(&nodes->lock);
	node = find_locked(nodes, parent, name);
	if (node != NULL)
		detach(nodes, node);
	(void)pthread_mutex_unlock(&nodes->lock);
}

void wlt_node_rename(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name,
		     struct wlt_node *new_parent, const char *new_name)
{
	char *copy = strdup(new_name);
	struct wlt_node *dead = NULL;
	struct wlt_node *node;
	struct wlt_node *target;

	(void)pthread_mutex_lock(&nodes->lock);
	target = find_locked(nodes, new_parent, new_name);
	if (target != NULL)
		detach(nodes, target);
	node = find_locked(nodes, parent, name);
	if (node != NULL) {
		detach(nodes, node);
		/* Without memory the node stays unlinked: the next lookup makes a new one. */
		if (copy != NULL) {
			free(node->name);
			node->name = copy;
			copy = NULL;
			new_parent->holds++;
			node->parent = new_parent;
			parent->holds--;
			(void)attach(nodes, node);
			dead = parent == nodes->root ? NULL : collect_dead(nodes, parent);
		}
	}
	(void)pthread_mutex_unlock(&nodes->lock);
	free(copy);
	free_dead(dead);
}

char *wlt_node_name(struct wlt_nodes *nodes, const struct wlt_node *node)
{
	char *copy;

	(void)pthread_mutex_lock(&nodes->lock);
	copy = strdup(node->name);
	(void)pthread_mutex_unlock(&nodes->lock);
	return copy;
}

/* Bytes for the path from below `top` down to `node`, each component with its `/` or the final NUL. Lock
 * held. */
static size_t path_bytes(const struct wlt_node *node, enum wlt_node_kind top, bool with_top)
{
	size_t bytes = 0;

	for (; node != NULL && node->kind != top; node = node->parent)
		bytes += strlen(node->name) + 1;
	if (node != NULL && with_top)
		bytes += strlen(node->name) + 1;
	return bytes == 0 ? 1 : bytes;
}

char *wlt_node_path(struct wlt_nodes *nodes, const struct wlt_node *node, enum wlt_node_kind top,
		    bool with_top)
{
	size_t bytes;
	char *path;
	char *at;

	(void)pthread_mutex_lock(&nodes->lock);
	bytes = path_bytes(node, top, with_top);
	path = malloc(bytes);
	if (path != NULL) {
		at = path + bytes - 1;
		*at = '\0';
		/* From the leaf upwards, written from the end. */
		for (; at > path; node = node->parent) {
			size_t len = strlen(node->name);

			at -= len;
			memcpy(at, node->name, len);
			if (at > path)
				*--at = '/';
		}
	}
	(void)pthread_mutex_unlock(&nodes->lock);
	return path;
}

uint64_t wlt_ino_of(const char *prefix, const char *text)
{
	uint64_t hash = 14695981039346656037ull;

	for (const char *p = prefix; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211ull;
	hash = (hash ^ '/') * 1099511628211ull;
	for (const char *p = text; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211ull;
	return hash | HASHED_INO_BIT;
}

void wlt_node_fill(const struct wlt_mount *mount, const struct wlt_node *node,
		   struct fuse_entry_param *entry)
{
	entry->ino = wlt_node_id(mount->nodes, node);
	entry->generation = 0;
	entry->attr.st_ino = node->ino;
	entry->attr.st_uid = mount->uid;
	entry->attr.st_gid = mount->gid;
}
