/* SPDX-License-Identifier: MIT */
/*
 * walnutfs/ – the daemon. Translates what the kernel asks into what the rooms below know, caches, and
 * delegates; there is no cryptography and no git here.
 *
 *   main.c      options, background, start and stop
 *   ll.c        the operation table: checks the caller, finds the node, hands on to its room
 *   node.c      the inode table
 *   listing.c   one folder's entries while it is open
 *   root.c      the top folder          inbox.c …   arrived packages
 *   control.c   .walnutfs/              outbox.c …  drops
 *   vault.c     opened packages, kept in memory up to a limit; what blocks is done by its threads
 *   notify.c    tells the kernel what to forget
 *
 * A top folder of the mount is a *room* (struct wlt_room): a table of handlers that every node carries.
 * A handler answers its request exactly once, from any thread, at once or later; it never waits for the
 * network, and for cryptography or a child only on a thread of the vault.
 *
 * Locks: the inode table, the vault and the notifier have one mutex each, described in their headers. None
 * is held while another is taken, nor while the kernel is called.
 */
#ifndef WLT_WALNUTFS_MOUNT_H
#define WLT_WALNUTFS_MOUNT_H

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "post/post.h"
#include "walnutfs/listing.h"
#include "walnutfs/node.h"

/* How long the kernel may believe what we said, in seconds. A package never changes; a drop is changed
 * through the kernel only, and the notifier tells when the worker takes it away. */
#define WLT_TIMEOUT_FOREVER 86400.0
#define WLT_TIMEOUT_DROP    30.0
#define WLT_TIMEOUT_NONE    0.0

struct wlt_vault;
struct wlt_notifier;

/* One mounted filesystem. Set up by main.c before the first request; constant afterwards, so read without
 * a lock. */
struct wlt_mount {
	struct fuse_session *session;
	struct wlt_post *post;
	struct wlt_nodes *nodes;
	struct wlt_vault *vault;
	struct wlt_notifier *notifier;
	uid_t uid; /* who mounted: owns everything, and only this user and root get in */
	gid_t gid;
	int64_t started; /* seconds; the time stamp of what has none */
	bool allow_other;
	int spool_fd;                           /* the state folder, for statfs */
	void (*ready)(struct wlt_mount *mount); /* called once, when the kernel has begun to talk */
	int ready_fd;                           /* for it */
};

/* Attributes of a room's node: everything but st_ino, st_uid and st_gid, which are the same for all. */
void wlt_attr_folder(struct stat *attr, mode_t mode, int64_t mtime);
void wlt_attr_file(struct stat *attr, mode_t mode, int64_t mtime, uint64_t size);

struct wlt_room {
	/*
	 * Find `name` in the folder `parent` and hold its node for the kernel (wlt_node_hold()), without
	 * waiting. 0 or an errno. The entry's timeouts and attributes are filled in (st_ino, owner and
	 * nodeid by wlt_node_fill()).
	 */
	int (*entry)(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		     struct fuse_entry_param *entry);
	/* Attributes of a node; `fi` NULL or an open handle on it. 0 or an errno. */
	int (*attr)(struct wlt_mount *mount, struct wlt_node *node, struct fuse_file_info *fi,
		    struct stat *attr, double *timeout);
	/* Names in a folder, for an open handle. 0 or an errno. */
	int (*list)(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing *listing);

	/* Where a folder or a name may have to be waited for; NULL: entry() or list() at once. */
	void (*lookup)(struct wlt_mount *, fuse_req_t, struct wlt_node *parent, const char *name);
	void (*opendir)(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct fuse_file_info *);

	/* The rest as in struct fuse_lowlevel_ops. NULL: refused with EROFS where something would change,
	 * else with the errno that means "there is none". */
	void (*setattr)(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct stat *,
			int to_set, struct fuse_file_info *);
	void (*readlink)(struct wlt_mount *, fuse_req_t, struct wlt_node *);
	void (*mkdir)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *, mode_t);
	void (*unlink)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *);
	void (*rmdir)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *);
	void (*symlink)(struct wlt_mount *, fuse_req_t, const char *target, struct wlt_node *,
			const char *);
	void (*rename)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *,
		       struct wlt_node *, const char *, unsigned flags);
	void (*link)(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct wlt_node *,
		     const char *);
	void (*create)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *, mode_t,
		       struct fuse_file_info *);
	void (*open)(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct fuse_file_info *);
	void (*read)(struct wlt_mount *, fuse_req_t, struct wlt_node *, size_t, off_t,
		     struct fuse_file_info *);
	void (*write)(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct fuse_bufvec *,
		      off_t, struct fuse_file_info *);
	void (*release)(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct fuse_file_info *);
	void (*fsync)(struct wlt_mount *, fuse_req_t, struct wlt_node *, int datasync,
		      struct fuse_file_info *);
	void (*fsyncdir)(struct wlt_mount *, fuse_req_t, struct wlt_node *);
	void (*setxattr)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *name,
			 const char *value, size_t, int flags);
	void (*getxattr)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *name,
			 size_t size);
	void (*listxattr)(struct wlt_mount *, fuse_req_t, struct wlt_node *, size_t size);
	void (*removexattr)(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *name);
	/* What access(2) says for this mask: 0 or an errno. NULL: W_OK is EROFS. */
	int (*access)(struct wlt_mount *, struct wlt_node *, int mask);
};

extern const struct wlt_room wlt_room_root;
extern const struct wlt_room wlt_room_inbox;
extern const struct wlt_room wlt_room_outbox;
extern const struct wlt_room wlt_room_control;

extern const struct fuse_lowlevel_ops wlt_ll_operations;

/* Answer getxattr and listxattr with `len` bytes: the length alone when `size` is 0, ERANGE when it does
 * not fit. */
void wlt_reply_attribute(fuse_req_t req, const char *value, size_t len, size_t size);

/* Build the listing of a folder for a new handle and answer opendir. */
void wlt_reply_opendir(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		       struct fuse_file_info *fi);

/* Answer lookup from the room's entry(). */
void wlt_reply_lookup(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		      const char *name);

#endif
