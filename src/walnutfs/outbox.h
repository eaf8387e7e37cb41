/* SPDX-License-Identifier: MIT */
/*
 * What the files of the outbox share. outbox.c finds, lists and describes; outbox_names.c makes, renames and
 * removes; outbox_files.c opens and writes; outbox_attributes.c has the extended attributes and the sync of a
 * drop.
 *
 * A node of kind DROP is one entry under outbox/PEER/, and stands for what lies under the drop's tree folder
 * by the same name; STAGED nodes are below it. Their files really lie there, with the names, sizes and times
 * that programs gave them; only the mode on disk always lets us read and write.
 */
#ifndef WLT_WALNUTFS_OUTBOX_H
#define WLT_WALNUTFS_OUTBOX_H

#include "walnutfs/mount.h"

/* An open file of a drop. */
struct wlt_drop_handle {
	struct wlt_drop *drop; /* a reference */
	int fd;                /* -1: opened for reading, which only lets attributes be set */
};

static inline struct wlt_drop_handle *wlt_drop_handle_of(const struct fuse_file_info *fi)
{
	return (struct wlt_drop_handle *)(uintptr_t)fi->fh;
}

/* True for nodes that lie in a drop. */
static inline bool wlt_is_dropped(const struct wlt_node *node)
{
	return node->kind == WLT_NODE_DROP || node->kind == WLT_NODE_STAGED;
}

/* The path of `node`, or of `name` in it, below the drop's tree folder. malloc()ed; NULL: no memory. */
char *wlt_drop_path(struct wlt_mount *mount, const struct wlt_node *node, const char *name);

/* Open the folder that `path` lies in; -1 with errno. */
int wlt_drop_parent(const struct wlt_drop *drop, const char *path, const char **leaf);

/* Begin and end of a change by the request's caller: 0 or an errno. */
int wlt_drop_change(struct wlt_drop *drop, fuse_req_t req);

/* Note what mode a tool asked for. */
void wlt_drop_show_mode(struct wlt_node *node, mode_t mode);

/* The mode a file or folder gets on disk. */
mode_t wlt_drop_disk_mode(mode_t mode, bool folder);

/* Hold the node for a name that has just been made, for an answer to create, mkdir, symlink or link. */
int wlt_drop_made(struct wlt_mount *mount, struct wlt_node *parent, const char *name, mode_t mode,
		  struct fuse_entry_param *entry);

int wlt_outbox_entry(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		     struct fuse_entry_param *entry);

/* outbox_names.c */
void wlt_outbox_mkdir(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *, mode_t);
void wlt_outbox_symlink(struct wlt_mount *, fuse_req_t, const char *target, struct wlt_node *,
			const char *);
void wlt_outbox_link(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct wlt_node *,
		     const char *);
void wlt_outbox_unlink(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *);
void wlt_outbox_rmdir(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *);
void wlt_outbox_rename(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *,
		       struct wlt_node *, const char *, unsigned flags);
void wlt_outbox_readlink(struct wlt_mount *, fuse_req_t, struct wlt_node *);

/* outbox_files.c */
void wlt_outbox_create(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *, mode_t,
		       struct fuse_file_info *);
void wlt_outbox_open(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct fuse_file_info *);
void wlt_outbox_read(struct wlt_mount *, fuse_req_t, struct wlt_node *, size_t, off_t,
		     struct fuse_file_info *);
void wlt_outbox_write(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct fuse_bufvec *,
		      off_t, struct fuse_file_info *);
void wlt_outbox_release(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct fuse_file_info *);
void wlt_outbox_fsync(struct wlt_mount *, fuse_req_t, struct wlt_node *, int datasync,
		      struct fuse_file_info *);
void wlt_outbox_setattr(struct wlt_mount *, fuse_req_t, struct wlt_node *, struct stat *,
			int to_set, struct fuse_file_info *);

/* outbox_attributes.c */
void wlt_outbox_fsyncdir(struct wlt_mount *, fuse_req_t, struct wlt_node *);
void wlt_outbox_setxattr(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *name,
			 const char *value, size_t, int flags);
void wlt_outbox_getxattr(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *name,
			 size_t size);
void wlt_outbox_listxattr(struct wlt_mount *, fuse_req_t, struct wlt_node *, size_t size);
void wlt_outbox_removexattr(struct wlt_mount *, fuse_req_t, struct wlt_node *, const char *name);

#endif
