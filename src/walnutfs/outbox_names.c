/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "walnutfs/outbox.h"

static inline void drop_cleanup(struct wlt_drop **drop)
{
	if (*drop != NULL)
		wlt_drop_unref(*drop);
}

/* --- making ------------------------------------------------------------------------------------ */

/* What is to be made at a place in a drop's tree: 0 or an errno. */
typedef int maker(int parent_fd, const char *leaf, const void *what);

static int make_folder(int parent_fd, const char *leaf, const void *what)
{
	return mkdirat(parent_fd, leaf, wlt_drop_disk_mode(*(const mode_t *)what, true)) == 0
		       ? 0
		       : errno;
}

static int make_symlink(int parent_fd, const char *leaf, const void *what)
{
	return symlinkat(what, parent_fd, leaf) == 0 ? 0 : errno;
}

static int make_in_tree(struct wlt_drop *drop, const char *path, fuse_req_t req, maker *make,
			const void *what)
{
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = -1;
	int errnum = wlt_drop_change(drop, req);

	if (errnum != 0)
		return errnum;
	parent = wlt_drop_parent(drop, path, &leaf);
	errnum = parent < 0 ? errno : make(parent, leaf, what);
	wlt_drop_end(drop);
	return errnum;
}

/* A new drop, whose entry `make` makes. A drop without an entry is not left behind. */
static int make_drop(struct wlt_mount *mount, struct wlt_node *peer_node, const char *name,
		     fuse_req_t req, maker *make, const void *what)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(drop_cleanup) struct wlt_drop *drop = NULL;
	WLT_AUTOFREE char *peer = wlt_node_name(mount->nodes, peer_node);
	int errnum;

	if (peer == NULL)
		return ENOMEM;
	if (!wlt_drop_create(mount->post, peer, name, &drop, &err))
		return wlt_error_errno(&err);
	errnum = make_in_tree(drop, name, req, make, what);
	if (errnum != 0)
		(void)wlt_drop_remove(drop);
	return errnum;
}

/* Make `name` in a peer's folder or in a drop, and answer with its entry. */
static void make_entry(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		       const char *name, maker *make, const void *what, mode_t mode)
{
	struct fuse_entry_param entry;
	WLT_AUTOFREE char *path = NULL;
	int errnum;

	memset(&entry, 0, sizeof(entry));
	if (parent->kind == WLT_NODE_TOP) {
		errnum = ENOENT; /* there is no such peer */
	} else if (parent->kind == WLT_NODE_PEER) {
		errnum = make_drop(mount, parent, name, req, make, what);
	} else {
		path = wlt_drop_path(mount, parent, name);
		errnum = path == NULL ? ENOMEM : make_in_tree(parent->drop, path, req, make, what);
	}
	if (errnum == 0)
		errnum = wlt_drop_made(mount, parent, name, mode, &entry);
	if (errnum != 0)
		(void)fuse_reply_err(req, errnum);
	else if (fuse_reply_entry(req, &entry) == -ENOENT)
		wlt_node_forget(mount->nodes, wlt_node_of(mount->nodes, entry.ino), 1);
}

void wlt_outbox_mkdir(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		      const char *name, mode_t mode)
{
	make_entry(mount, req, parent, name, make_folder, &mode, mode);
}

void wlt_outbox_symlink(struct wlt_mount *mount, fuse_req_t req, const char *target,
			struct wlt_node *parent, const char *name)
{
	make_entry(mount, req, parent, name, make_symlink, target, 0777);
}

/* A second name for a file, in the same drop. */
struct link_source {
	const struct wlt_drop *drop;
	const char *path;
};

static int make_link(int parent_fd, const char *leaf, const void *what)
{
	const struct link_source *source = what;
	const char *source_leaf = NULL;
	WLT_AUTOCLOSE int source_parent = wlt_drop_parent(source->drop, source->path, &source_leaf);

	if (source_parent < 0 || linkat(source_parent, source_leaf, parent_fd, leaf, 0) != 0)
		return errno;
	return 0;
}

void wlt_outbox_link(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		     struct wlt_node *new_parent, const char *new_name)
{
	WLT_AUTOFREE char *path = NULL;
	struct link_source source = {.drop = node->drop};
	unsigned mode = atomic_load(&node->shown_mode);

	if (!wlt_is_dropped(node) || !wlt_is_dropped(new_parent) ||
	    node->drop != new_parent->drop) {
		(void)fuse_reply_err(req, EXDEV);
		return;
	}
	path = wlt_drop_path(mount, node, NULL);
	source.path = path;
	if (path == NULL)
		(void)fuse_reply_err(req, ENOMEM);
	else
		make_entry(mount, req, new_parent, new_name, make_link, &source,
			   mode == 0 ? 0644 : (mode_t)mode);
}

void wlt_outbox_readlink(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node)
{
	WLT_AUTOFREE char *path = wlt_is_dropped(node) ? wlt_drop_path(mount, node, NULL) : NULL;
	WLT_AUTOCLOSE int parent = -1;
	char target[PATH_MAX];
	const char *leaf = NULL;
	ssize_t len = -1;

	errno = EINVAL;
	if (path != NULL)
		parent = wlt_drop_parent(node->drop, path, &leaf);
	if (parent >= 0)
		len = readlinkat(parent, leaf, target, sizeof(target) - 1);
	if (len < 0) {
		(void)fuse_reply_err(req, errno);
		return;
	}
	target[len] = '\0';
	(void)fuse_reply_readlink(req, target);
}

/* --- removing ---------------------------------------------------------------------------------- */

static int remove_at(const struct wlt_drop *drop, const char *path, int flags)
{
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = wlt_drop_parent(drop, path, &leaf);

	return parent < 0 || unlinkat(parent, leaf, flags) != 0 ? errno : 0;
}

static int remove_staged(struct wlt_mount *mount, fuse_req_t req, const struct wlt_node *parent,
			 const char *name, int flags)
{
	WLT_AUTOFREE char *path = wlt_drop_path(mount, parent, name);
	int errnum = path == NULL ? ENOMEM : wlt_drop_change(parent->drop, req);

	if (errnum != 0)
		return errnum;
	errnum = remove_at(parent->drop, path, flags);
	wlt_drop_end(parent->drop);
	return errnum;
}

/* The entry itself goes, and the drop with it. */
static int remove_drop(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		       const char *name, int flags)
{
	WLT_AUTO(drop_cleanup) struct wlt_drop *drop = NULL;
	WLT_AUTOFREE char *peer = wlt_node_name(mount->nodes, parent);
	int errnum;

	if (peer == NULL)
		return ENOMEM;
	drop = wlt_drop_find(mount->post, peer, name);
	if (drop == NULL)
		return ENOENT;
	errnum = wlt_drop_change(drop, req);
	if (errnum != 0)
		return errnum;
	errnum = remove_at(drop, name, flags);
	wlt_drop_end(drop);
	return errnum != 0 ? errnum : wlt_drop_remove(drop);
}

static void remove_entry(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
			 const char *name, int flags)
{
	int errnum;

	if (parent->kind == WLT_NODE_TOP)
		errnum = EACCES;
	else if (parent->kind == WLT_NODE_PEER)
		errnum = remove_drop(mount, req, parent, name, flags);
	else
		errnum = remove_staged(mount, req, parent, name, flags);
	if (errnum == 0)
		wlt_node_unlink(mount->nodes, parent, name);
	(void)fuse_reply_err(req, errnum);
}

void wlt_outbox_unlink(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		       const char *name)
{
	remove_entry(mount, req, parent, name, 0);
}

void wlt_outbox_rmdir(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		      const char *name)
{
	remove_entry(mount, req, parent, name, AT_REMOVEDIR);
}

/* --- renaming ---------------------------------------------------------------------------------- */

static int rename_staged(struct wlt_mount *mount, fuse_req_t req, const struct wlt_node *parent,
			 const char *name, const struct wlt_node *new_parent, const char *new_name,
			 unsigned flags)
{
	WLT_AUTOFREE char *path = wlt_drop_path(mount, parent, name);
	WLT_AUTOFREE char *new_path = wlt_drop_path(mount, new_parent, new_name);
	WLT_AUTOCLOSE int from = -1;
	WLT_AUTOCLOSE int to = -1;
	const char *leaf = NULL;
	const char *new_leaf = NULL;
	int errnum = path == NULL || new_path == NULL ? ENOMEM : wlt_drop_change(parent->drop, req);

	if (errnum != 0)
		return errnum;
	from = wlt_drop_parent(parent->drop, path, &leaf);
	if (from >= 0)
		to = wlt_drop_parent(parent->drop, new_path, &new_leaf);
	if (from < 0 || to < 0 || renameat2(from, leaf, to, new_leaf, flags) != 0)
		errnum = errno;
	wlt_drop_end(parent->drop);
	return errnum;
}

/* Makes way for a drop that is renamed over this one, as rename(2) would: a file for a file, an empty folder
 * for a folder. */
static int make_way(struct wlt_drop *target, const char *name, fuse_req_t req, bool folder)
{
	int errnum = wlt_drop_change(target, req);

	if (errnum != 0)
		return errnum;
	errnum = remove_at(target, name, folder ? AT_REMOVEDIR : 0);
	wlt_drop_end(target);
	return errnum != 0 ? errnum : wlt_drop_remove(target);
}

static bool is_folder(const struct wlt_drop *drop, const char *name)
{
	struct stat attr;

	return fstatat(wlt_drop_tree_fd(drop), name, &attr, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(attr.st_mode);
}

static int rename_drop(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		       const char *name, struct wlt_node *new_parent, const char *new_name,
		       unsigned flags)
{
	WLT_AUTO(drop_cleanup) struct wlt_drop *drop = NULL;
	WLT_AUTO(drop_cleanup) struct wlt_drop *target = NULL;
	WLT_AUTOFREE char *peer = wlt_node_name(mount->nodes, parent);
	WLT_AUTOFREE char *new_peer = wlt_node_name(mount->nodes, new_parent);
	int errnum;

	if (peer == NULL || new_peer == NULL)
		return ENOMEM;
	drop = wlt_drop_find(mount->post, peer, name);
	if (drop == NULL)
		return ENOENT;
	target = wlt_drop_find(mount->post, new_peer, new_name);
	if (target == drop)
		return 0;
	if (target != NULL && (flags & RENAME_NOREPLACE) != 0)
		return EEXIST;
	if (target != NULL) {
		errnum = make_way(target, new_name, req, is_folder(drop, name));
		if (errnum != 0)
			return errnum;
	}
	return wlt_drop_rename(drop, new_peer, new_name);
}

void wlt_outbox_rename(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		       const char *name, struct wlt_node *new_parent, const char *new_name,
		       unsigned flags)
{
	int errnum;

	if ((flags & ~(unsigned)RENAME_NOREPLACE) != 0)
		errnum = EINVAL;
	else if (new_parent->room != &wlt_room_outbox)
		errnum = EXDEV;
	else if (parent->kind == WLT_NODE_PEER && new_parent->kind == WLT_NODE_PEER)
		errnum = rename_drop(mount, req, parent, name, new_parent, new_name, flags);
	else if (wlt_is_dropped(parent) && wlt_is_dropped(new_parent) &&
		 parent->drop == new_parent->drop)
		errnum = rename_staged(mount, req, parent, name, new_parent, new_name, flags);
	else
		errnum = parent->kind == WLT_NODE_TOP ? EACCES : EXDEV;
	if (errnum == 0)
		wlt_node_rename(mount->nodes, parent, name, new_parent, new_name);
	(void)fuse_reply_err(req, errnum);
}
