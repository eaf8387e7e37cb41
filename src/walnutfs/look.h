/* SPDX-License-Identifier: MIT */
/*
 * A request that looks into a package which is not open yet: it waits without keeping a thread of the
 * session, goes on when the vault has opened the package, and can be interrupted by a signal meanwhile.
 */
#ifndef WLT_WALNUTFS_LOOK_H
#define WLT_WALNUTFS_LOOK_H

#include "walnutfs/mount.h"
#include "walnutfs/pending.h"

struct wlt_look {
	struct wlt_mount *mount;
	fuse_req_t req;
	struct wlt_node *node;
	char *name; /* a name in the folder, or of an attribute; NULL when there is none */
	size_t size;
	struct fuse_file_info fi;
	/* Answers the request; the package is open. */
	void (*resume)(struct wlt_look *look);
	struct wlt_pending pending;
};

/* Wait for `node`'s package, then call `resume` with the arguments given here (copies are made); when it
 * cannot be opened the request is answered with the errno. `name` and `fi` may be NULL. */
void wlt_look_wait(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node, const char *name,
		   size_t size, const struct fuse_file_info *fi,
		   void (*resume)(struct wlt_look *look));

/* The same for the raw bytes of a package: `resume` finds the descriptor in `look->fi.fh` and owns it. */
void wlt_look_raw(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		  const struct fuse_file_info *fi, void (*resume)(struct wlt_look *look));

#endif
