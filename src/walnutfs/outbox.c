/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"

/* Set in `shown_mode` beside the bits, so that mode 0 is told from none. */
#define MODE_IS_SET 0x10000u
#define MODE_BITS   07777u

/* Declared here because this file alone lists peers. */
static inline void strings_cleanup(struct wlt_strings *list)
{
	wlt_strings_free(list);
}

char *wlt_drop_path(struct wlt_mount *mount, const struct wlt_node *node, const char *name)
{
	char *folder = wlt_node_path(mount->nodes, node, WLT_NODE_DROP, true);
	char *path;

	if (folder == NULL || name == NULL)
		return folder;
	path = wlt_path_join(folder, name);
	free(folder);
	return path;
}

int wlt_drop_parent(const struct wlt_drop *drop, const char *path, const char **leaf)
{
	return wlt_open_parent(wlt_drop_tree_fd(drop), path, leaf);
}

int wlt_drop_change(struct wlt_drop *drop, fuse_req_t req)
{
	return wlt_drop_begin(drop, fuse_req_ctx(req)->pid);
}

void wlt_drop_show_mode(struct wlt_node *node, mode_t mode)
{
	atomic_store(&node->shown_mode, (mode & MODE_BITS) | MODE_IS_SET);
}

mode_t wlt_drop_disk_mode(mode_t mode, bool folder)
{
	/* Nobody else ever needs to get in, and set-id bits have no business in a spool. */
	return (mode & 0700) | (folder ? 0700 : 0600);
}

/* What is shown of a file in the spool. */
static void show(const struct stat *disk, unsigned shown_mode, struct stat *attr)
{
	*attr = *disk;
	attr->st_dev = 0;
	if ((shown_mode & MODE_IS_SET) != 0)
		attr->st_mode = (disk->st_mode & S_IFMT) | (shown_mode & MODE_BITS);
	else if (S_ISDIR(disk->st_mode))
		attr->st_mode = S_IFDIR | 0755;
	else if (S_ISREG(disk->st_mode))
		attr->st_mode = S_IFREG | 0644 | ((disk->st_mode & S_IXUSR) != 0 ? 0111 : 0);
	if (S_ISDIR(disk->st_mode))
		attr->st_nlink = 1;
}

static int stat_path(const struct wlt_drop *drop, const char *path, struct stat *disk)
{
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = wlt_drop_parent(drop, path, &leaf);

	if (parent < 0 || fstatat(parent, leaf, disk, AT_SYMLINK_NOFOLLOW) != 0)
		return errno;
	return 0;
}

static int entry_peer(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		      struct fuse_entry_param *entry)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(strings_cleanup) struct wlt_strings peers = {0};
	const struct wlt_node_spec spec = {.kind = WLT_NODE_PEER,
					   .room = &wlt_room_outbox,
					   .ino = wlt_ino_of("outbox", name)};
	struct wlt_node *node;

	if (!wlt_post_peers(mount->post, &peers, &err))
		return wlt_error_errno(&err);
	if (!wlt_strings_contain(&peers, name))
		return ENOENT;
	node = wlt_node_hold(mount->nodes, parent, name, &spec);
	if (node == NULL)
		return ENOMEM;
	wlt_attr_folder(&entry->attr, 0755, mount->started);
	entry->entry_timeout = WLT_TIMEOUT_DROP;
	entry->attr_timeout = WLT_TIMEOUT_DROP;
	wlt_node_fill(mount, node, entry);
	return 0;
}

/* Hold the node for a path in a drop; uses up the reference in `spec`. */
static int entry_dropped(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
			 const char *path, const struct wlt_node_spec *spec,
			 struct fuse_entry_param *entry)
{
	struct stat disk;
	struct wlt_node *node;
	int errnum = stat_path(spec->drop, path, &disk);

	if (errnum != 0) {
		wlt_drop_unref(spec->drop);
		return errnum;
	}
	node = wlt_node_hold(mount->nodes, parent, name, spec);
	if (node == NULL)
		return ENOMEM;
	show(&disk, atomic_load(&node->shown_mode), &entry->attr);
	entry->entry_timeout = WLT_TIMEOUT_DROP;
	entry->attr_timeout = WLT_TIMEOUT_DROP;
	wlt_node_fill(mount, node, entry);
	return 0;
}

static int entry_drop(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		      struct fuse_entry_param *entry)
{
	WLT_AUTOFREE char *peer = wlt_node_name(mount->nodes, parent);
	struct wlt_node_spec spec = {.kind = WLT_NODE_DROP, .room = &wlt_room_outbox};

	if (peer == NULL)
		return ENOMEM;
	spec.drop = wlt_drop_find(mount->post, peer, name);
	if (spec.drop == NULL)
		return ENOENT;
	return entry_dropped(mount, parent, name, name, &spec, entry);
}

static int entry_staged(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
			struct fuse_entry_param *entry)
{
	WLT_AUTOFREE char *path = wlt_drop_path(mount, parent, name);
	const struct wlt_node_spec spec = {.kind = WLT_NODE_STAGED,
					   .room = &wlt_room_outbox,
					   .drop = wlt_drop_ref(parent->drop)};

	if (path == NULL) {
		wlt_drop_unref(spec.drop);
		return ENOMEM;
	}
	return entry_dropped(mount, parent, name, path, &spec, entry);
}

int wlt_outbox_entry(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		     struct fuse_entry_param *entry)
{
	switch ((int)parent->kind) {
	case WLT_NODE_TOP:
		return entry_peer(mount, parent, name, entry);
	case WLT_NODE_PEER:
		return entry_drop(mount, parent, name, entry);
	default:
		return entry_staged(mount, parent, name, entry);
	}
}

int wlt_drop_made(struct wlt_mount *mount, struct wlt_node *parent, const char *name, mode_t mode,
		  struct fuse_entry_param *entry)
{
	struct wlt_node *node;
	int errnum = wlt_outbox_entry(mount, parent, name, entry);

	if (errnum != 0)
		return errnum;
	if (!S_ISLNK(entry->attr.st_mode)) {
		node = wlt_node_of(mount->nodes, entry->ino);
		wlt_drop_show_mode(node, mode);
		entry->attr.st_mode = (entry->attr.st_mode & S_IFMT) | (mode & MODE_BITS);
	}
	return 0;
}

static int outbox_attr(struct wlt_mount *mount, struct wlt_node *node, struct fuse_file_info *fi,
		       struct stat *attr, double *timeout)
{
	WLT_AUTOFREE char *path = NULL;
	struct stat disk;
	int errnum;

	*timeout = WLT_TIMEOUT_DROP;
	if (!wlt_is_dropped(node)) {
		wlt_attr_folder(attr, 0755, mount->started);
		return 0;
	}
	if (fi != NULL && wlt_drop_handle_of(fi)->fd >= 0) {
		errnum = fstat(wlt_drop_handle_of(fi)->fd, &disk) == 0 ? 0 : errno;
	} else {
		path = wlt_drop_path(mount, node, NULL);
		errnum = path == NULL ? ENOMEM : stat_path(node->drop, path, &disk);
	}
	if (errnum == 0)
		show(&disk, atomic_load(&node->shown_mode), attr);
	return errnum;
}

/* --- listing ----------------------------------------------------------------------------------- */

static int list_strings(const struct wlt_strings *names, const char *prefix, mode_t type,
			struct wlt_listing *listing)
{
	int errnum = 0;

	for (size_t i = 0; errnum == 0 && i < names->n; i++)
		errnum = wlt_listing_add(listing, names->items[i],
					 prefix == NULL ? 0 : wlt_ino_of(prefix, names->items[i]),
					 type);
	return errnum;
}

static int list_staged(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing *listing)
{
	WLT_AUTOFREE char *path = wlt_drop_path(mount, node, NULL);
	const struct dirent *item;
	int errnum = 0;
	DIR *folder;
	int fd;

	if (path == NULL)
		return ENOMEM;
	fd = wlt_open_beneath(wlt_drop_tree_fd(node->drop), path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return errno;
	folder = fdopendir(fd);
	if (folder == NULL) {
		errnum = errno;
		(void)close(fd);
		return errnum;
	}
	while (errnum == 0 && (errno = 0, item = readdir(folder)) != NULL) {
		if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
			continue;
		errnum = wlt_listing_add(listing, item->d_name, 0, (mode_t)DTTOIF(item->d_type));
	}
	if (errnum == 0)
		errnum = errno;
	(void)closedir(folder);
	return errnum;
}

static int outbox_list(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing *listing)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(strings_cleanup) struct wlt_strings names = {0};
	WLT_AUTOFREE char *peer = NULL;

	switch ((int)node->kind) {
	case WLT_NODE_TOP:
		if (!wlt_post_peers(mount->post, &names, &err))
			return wlt_error_errno(&err);
		return list_strings(&names, "outbox", S_IFDIR, listing);
	case WLT_NODE_PEER:
		peer = wlt_node_name(mount->nodes, node);
		if (peer == NULL)
			return ENOMEM;
		if (!wlt_drop_list(mount->post, peer, &names, &err))
			return wlt_error_errno(&err);
		return list_strings(&names, NULL, 0, listing);
	default:
		return list_staged(mount, node, listing);
	}
}

static int outbox_access(struct wlt_mount *mount, struct wlt_node *node, int mask)
{
	(void)mount;
	/* Peers come from `walnut relay accept`, not from mkdir. */
	return node->kind == WLT_NODE_TOP && (mask & W_OK) != 0 ? EACCES : 0;
}

const struct wlt_room wlt_room_outbox = {
	.entry = wlt_outbox_entry,
	.attr = outbox_attr,
	.list = outbox_list,
	.setattr = wlt_outbox_setattr,
	.readlink = wlt_outbox_readlink,
	.mkdir = wlt_outbox_mkdir,
	.unlink = wlt_outbox_unlink,
	.rmdir = wlt_outbox_rmdir,
	.symlink = wlt_outbox_symlink,
	.rename = wlt_outbox_rename,
	.link = wlt_outbox_link,
	.create = wlt_outbox_create,
	.open = wlt_outbox_open,
	.read = wlt_outbox_read,
	.write = wlt_outbox_write,
	.release = wlt_outbox_release,
	.fsync = wlt_outbox_fsync,
	.fsyncdir = wlt_outbox_fsyncdir,
	.setxattr = wlt_outbox_setxattr,
	.getxattr = wlt_outbox_getxattr,
	.listxattr = wlt_outbox_listxattr,
	.removexattr = wlt_outbox_removexattr,
	.access = outbox_access,
};
