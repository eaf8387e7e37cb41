/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
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

/* --- opening ----------------------------------------------------------------------------------- */

/* A handle on `fd` (taken over, also on failure); NULL when out of memory. */
static struct wlt_drop_handle *handle_new(struct wlt_drop *drop, int fd)
{
	struct wlt_drop_handle *handle = calloc(1, sizeof(*handle));

	if (handle == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	handle->drop = wlt_drop_ref(drop);
	handle->fd = fd;
	wlt_drop_handle_opened(drop);
	return handle;
}

static void handle_free(struct wlt_drop_handle *handle)
{
	if (handle->fd >= 0)
		(void)close(handle->fd);
	wlt_drop_handle_closed(handle->drop);
	wlt_drop_unref(handle->drop);
	free(handle);
}

static void fill_open(struct fuse_file_info *fi, struct wlt_drop_handle *handle)
{
	fi->fh = (uint64_t)(uintptr_t)handle;
	/* What is written must not be readable from the page cache behind our back. */
	fi->direct_io = 1;
	fi->noflush = 1;
}

static int open_in_tree(const struct wlt_drop *drop, const char *path, int flags, mode_t mode)
{
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = wlt_drop_parent(drop, path, &leaf);

	if (parent < 0)
		return -1;
	return openat(parent, leaf, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
}

/* Create `path` in the drop and open it for writing: 0 and a handle, or an errno. */
static int create_in_tree(struct wlt_drop *drop, const char *path, fuse_req_t req, mode_t mode,
			  int flags, struct wlt_drop_handle **out)
{
	int errnum = wlt_drop_change(drop, req);
	int fd;

	if (errnum != 0)
		return errnum;
	fd = open_in_tree(drop, path, O_WRONLY | O_CREAT | (flags & (O_EXCL | O_TRUNC)),
			  wlt_drop_disk_mode(mode, false));
	if (fd < 0) {
		errnum = errno;
		if (errnum == ENOSPC || errnum == EDQUOT)
			wlt_drop_spoiled(drop, errnum);
	} else {
		*out = handle_new(drop, fd);
		errnum = *out == NULL ? ENOMEM : 0;
	}
	wlt_drop_end(drop);
	return errnum;
}

/* A file dropped directly into a peer's folder is a drop of its own. */
static int create_drop(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		       fuse_req_t req, mode_t mode, int flags, struct wlt_drop_handle **out)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(drop_cleanup) struct wlt_drop *drop = NULL;
	WLT_AUTOFREE char *peer = wlt_node_name(mount->nodes, parent);
	int errnum;

	if (peer == NULL)
		return ENOMEM;
	if (!wlt_drop_create(mount->post, peer, name, &drop, &err))
		return wlt_error_errno(&err);
	errnum = create_in_tree(drop, name, req, mode, flags, out);
	if (errnum != 0)
		(void)wlt_drop_remove(drop);
	return errnum;
}

void wlt_outbox_create(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		       const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct wlt_drop_handle *handle = NULL;
	struct fuse_entry_param entry;
	WLT_AUTOFREE char *path = NULL;
	int errnum;

	memset(&entry, 0, sizeof(entry));
	if (parent->kind == WLT_NODE_TOP) {
		errnum = EACCES;
	} else if (parent->kind == WLT_NODE_PEER) {
		errnum = create_drop(mount, parent, name, req, mode, fi->flags, &handle);
	} else {
		path = wlt_drop_path(mount, parent, name);
		errnum = path == NULL ? ENOMEM
				      : create_in_tree(parent->drop, path, req, mode, fi->flags,
						       &handle);
	}
	if (errnum == 0)
		errnum = wlt_drop_made(mount, parent, name, mode, &entry);
	if (errnum != 0) {
		if (handle != NULL)
			handle_free(handle);
		(void)fuse_reply_err(req, errnum);
		return;
	}
	fill_open(fi, handle);
	if (fuse_reply_create(req, &entry, fi) == -ENOENT) {
		handle_free(handle);
		wlt_node_forget(mount->nodes, wlt_node_of(mount->nodes, entry.ino), 1);
	}
}

void wlt_outbox_open(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		     struct fuse_file_info *fi)
{
	WLT_AUTOFREE char *path = wlt_drop_path(mount, node, NULL);
	bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
	struct wlt_drop_handle *handle = NULL;
	int errnum = 0;
	int fd = -1;

	if (path == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	if (writes) {
		errnum = wlt_drop_change(node->drop, req);
		if (errnum == 0) {
			fd = open_in_tree(node->drop, path, O_WRONLY | (fi->flags & O_TRUNC), 0);
			errnum = fd < 0 ? errno : 0;
			wlt_drop_end(node->drop);
		}
	}
	if (errnum == 0) {
		handle = handle_new(node->drop, fd);
		errnum = handle == NULL ? ENOMEM : 0;
	}
	if (errnum != 0) {
		(void)fuse_reply_err(req, errnum);
		return;
	}
	fill_open(fi, handle);
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_free(handle);
}

void wlt_outbox_release(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			struct fuse_file_info *fi)
{
	(void)mount;
	(void)node;
	handle_free(wlt_drop_handle_of(fi));
	(void)fuse_reply_err(req, 0);
}

/* --- content ----------------------------------------------------------------------------------- */

void wlt_outbox_read(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node, size_t size,
		     off_t offset, struct fuse_file_info *fi)
{
	(void)mount;
	(void)node;
	(void)size;
	(void)offset;
	(void)fi;
	/* The outbox is write-only. rsync opens for reading just to set a mode, so the open succeeds. */
	(void)fuse_reply_err(req, EACCES);
}

void wlt_outbox_write(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		      struct fuse_bufvec *in, off_t offset, struct fuse_file_info *fi)
{
	struct wlt_drop_handle *handle = wlt_drop_handle_of(fi);
	struct fuse_bufvec out = FUSE_BUFVEC_INIT(fuse_buf_size(in));
	int errnum = handle->fd < 0 ? EBADF : wlt_drop_change(handle->drop, req);
	ssize_t written;

	(void)mount;
	(void)node;
	if (errnum != 0) {
		(void)fuse_reply_err(req, errnum);
		return;
	}
	out.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	out.buf[0].fd = handle->fd;
	out.buf[0].pos = offset;
	written = fuse_buf_copy(&out, in, (enum fuse_buf_copy_flags)0);
	if (written < 0)
		wlt_drop_spoiled(handle->drop, (int)-written);
	wlt_drop_end(handle->drop);
	if (written < 0)
		(void)fuse_reply_err(req, (int)-written);
	else
		(void)fuse_reply_write(req, (size_t)written);
}

void wlt_outbox_fsync(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node, int datasync,
		      struct fuse_file_info *fi)
{
	int fd = wlt_drop_handle_of(fi)->fd;
	int failed = 0;

	(void)mount;
	(void)node;
	if (fd >= 0)
		failed = datasync != 0 ? fdatasync(fd) : fsync(fd);
	(void)fuse_reply_err(req, failed != 0 ? errno : 0);
}

/* --- attributes -------------------------------------------------------------------------------- */

static int set_size(const struct wlt_drop *drop, const char *path, off_t size,
		    const struct fuse_file_info *fi)
{
	WLT_AUTOCLOSE int opened = -1;
	int fd = fi == NULL ? -1 : wlt_drop_handle_of(fi)->fd;

	if (fd < 0)
		fd = opened = open_in_tree(drop, path, O_WRONLY, 0);
	return fd < 0 || ftruncate(fd, size) != 0 ? errno : 0;
}

static int set_mode(struct wlt_node *node, const char *path, mode_t mode)
{
	WLT_AUTOCLOSE int fd = open_in_tree(node->drop, path, O_RDONLY, 0);
	struct stat disk;

	if (fd < 0 || fstat(fd, &disk) != 0 ||
	    fchmod(fd, wlt_drop_disk_mode(mode, S_ISDIR(disk.st_mode))) != 0)
		return errno;
	wlt_drop_show_mode(node, mode);
	return 0;
}

static int set_times(const struct wlt_drop *drop, const char *path, const struct stat *attr,
		     int to_set)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
	const char *leaf = NULL;
	WLT_AUTOCLOSE int parent = wlt_drop_parent(drop, path, &leaf);

	if ((to_set & FUSE_SET_ATTR_ATIME_NOW) != 0)
		times[0].tv_nsec = UTIME_NOW;
	else if ((to_set & FUSE_SET_ATTR_ATIME) != 0)
		times[0] = attr->st_atim;
	if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0)
		times[1].tv_nsec = UTIME_NOW;
	else if ((to_set & FUSE_SET_ATTR_MTIME) != 0)
		times[1] = attr->st_mtim;
	if (parent < 0 || utimensat(parent, leaf, times, AT_SYMLINK_NOFOLLOW) != 0)
		return errno;
	return 0;
}

/* Owner and group are accepted and not kept: everything belongs to the mounting user. */
static int set_all(struct wlt_node *node, const char *path, const struct stat *attr, int to_set,
		   const struct fuse_file_info *fi)
{
	const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME |
			  FUSE_SET_ATTR_MTIME_NOW;
	int errnum = 0;

	if ((to_set & FUSE_SET_ATTR_SIZE) != 0)
		errnum = set_size(node->drop, path, attr->st_size, fi);
	if (errnum == 0 && (to_set & FUSE_SET_ATTR_MODE) != 0)
		errnum = set_mode(node, path, attr->st_mode);
	if (errnum == 0 && (to_set & times) != 0)
		errnum = set_times(node->drop, path, attr, to_set);
	return errnum;
}

void wlt_outbox_setattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	WLT_AUTOFREE char *path = NULL;
	struct stat shown;
	double timeout = 0;
	int errnum;

	if (!wlt_is_dropped(node)) {
		(void)fuse_reply_err(req, EPERM);
		return;
	}
	path = wlt_drop_path(mount, node, NULL);
	errnum = path == NULL ? ENOMEM : wlt_drop_change(node->drop, req);
	if (errnum == 0) {
		errnum = set_all(node, path, attr, to_set, fi);
		wlt_drop_end(node->drop);
	}
	memset(&shown, 0, sizeof(shown));
	if (errnum == 0)
		errnum = wlt_room_outbox.attr(mount, node, fi, &shown, &timeout);
	if (errnum != 0) {
		(void)fuse_reply_err(req, errnum);
		return;
	}
	shown.st_ino = node->ino;
	shown.st_uid = mount->uid;
	shown.st_gid = mount->gid;
	(void)fuse_reply_attr(req, &shown, timeout);
}
