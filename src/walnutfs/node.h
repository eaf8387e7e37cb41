/* SPDX-License-Identifier: MIT */
/*
 * The inode table: which node the kernel means.
 *
 * A node is one name in one folder of the mount. The kernel knows it by its address, from the lookup
 * that handed it out until it forgets it; we hold its parent for as long. Nodes are found by (parent,
 * name), so a name that is looked up twice is one node.
 *
 * One mutex in the table guards the tree, the counts, and `parent`, `name` and `linked` of every node.
 * `kind`, `room` and `ino` never change. The payload belongs to the room: set once before the node is
 * first handed out (`drop`, `box`, `path`), or atomic (`forced_mode`).
 */
#ifndef WLT_WALNUTFS_NODE_H
#define WLT_WALNUTFS_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/buf.h"

struct fuse_entry_param;
struct wlt_box;
struct wlt_drop;
struct wlt_mount;
struct wlt_room;

enum wlt_node_kind {
	WLT_NODE_ROOT,
	WLT_NODE_TOP,     /* inbox, outbox, .walnutfs */
	WLT_NODE_SENDER,  /* inbox/SENDER */
	WLT_NODE_PACKAGE, /* inbox/SENDER/NAME, an openable package */
	WLT_NODE_RAW,     /* inbox/SENDER/NAME.walnut, one that is not */
	WLT_NODE_CONTENT, /* a file or folder in a package */
	WLT_NODE_PEER,    /* outbox/PEER */
	WLT_NODE_DROP,    /* outbox/PEER/NAME */
	WLT_NODE_STAGED,  /* a file or folder in a drop */
	WLT_NODE_CONTROL, /* a file in .walnutfs */
};

struct wlt_node {
	enum wlt_node_kind kind;
	const struct wlt_room *room;
	uint64_t ino; /* as shown in st_ino */

	struct wlt_node *parent;
	char *name;
	bool linked;      /* in the tree under (parent, name) */
	uint64_t lookups; /* what the kernel holds */
	uint64_t holds;   /* children and our own */
	LIST_ENTRY(wlt_node) all;

	struct wlt_drop *drop;  /* DROP, STAGED: a reference */
	struct wlt_box *box;    /* PACKAGE, RAW, CONTENT: a reference */
	char *path;             /* CONTENT: in the package */
	atomic_uint shown_mode; /* DROP, STAGED: mode bits as set, 0 until a tool sets them */
};

struct wlt_nodes;

/* What a new node is to carry; the table takes the references over when it makes the node, and gives
 * them back (through the room's way of releasing) when one is there already. */
struct wlt_node_spec {
	enum wlt_node_kind kind;
	const struct wlt_room *room;
	struct wlt_drop *drop;
	struct wlt_box *box;
	char *path;
	uint64_t ino; /* 0: a fresh one */
};

/* `root` gets FUSE_ROOT_ID. NULL when out of memory. */
struct wlt_nodes *wlt_nodes_new(const struct wlt_room *root);
void wlt_nodes_free(struct wlt_nodes *nodes); /* every node, whatever its counts */

/* The node behind a number the kernel gave us. */
struct wlt_node *wlt_node_of(struct wlt_nodes *nodes, uint64_t kernel_id);
uint64_t wlt_node_id(const struct wlt_nodes *nodes, const struct wlt_node *node);

/* The node (parent, name), made when there is none, with one more lookup held for the kernel. NULL when
 * out of memory. `spec`'s references are used up either way. */
struct wlt_node *wlt_node_hold(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name,
			       const struct wlt_node_spec *spec);

/* The kernel forgets `count` lookups. */
void wlt_node_forget(struct wlt_nodes *nodes, struct wlt_node *node, uint64_t count);

/* The node (parent, name) if the kernel knows it, with a hold of ours; NULL otherwise. */
struct wlt_node *wlt_node_find(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name);
void wlt_node_unhold(struct wlt_nodes *nodes, struct wlt_node *node);

/* The name is gone (unlink, rmdir, a drop that was sent): a later lookup makes a new node. */
void wlt_node_unlink(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name);

/* (parent, name) is (new_parent, new_name) now; what stood there is unlinked. */
void wlt_node_rename(struct wlt_nodes *nodes, struct wlt_node *parent, const char *name,
		     struct wlt_node *new_parent, const char *new_name);

/* A copy of the node's name, and of its path below its nearest ancestor of kind `top` exclusive ("a/b"),
 * `top`'s own name included when `with_top`. malloc()ed; NULL when out of memory. */
char *wlt_node_name(struct wlt_nodes *nodes, const struct wlt_node *node);
char *wlt_node_path(struct wlt_nodes *nodes, const struct wlt_node *node, enum wlt_node_kind top,
		    bool with_top);

/* A number for st_ino that is the same whenever this text is looked up (FNV-1a, 64 bits). */
uint64_t wlt_ino_of(const char *prefix, const char *text);

/* Number, owner and generation of an entry that has its node. */
void wlt_node_fill(const struct wlt_mount *mount, const struct wlt_node *node,
		   struct fuse_entry_param *entry);

#endif
