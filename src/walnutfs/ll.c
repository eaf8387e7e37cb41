/* SPDX-License-Identifier: MIT */
/*
 * The operation table of the low-level API. Every handler does the same: let in only the user who mounted and
 * root, find the node, and hand the request to its room.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "walnutfs/mount.h"

#define BLOCK 4096

/* ThreadSanitizer follows the order of requests through the session's descriptor, in reads and writes, but not
 * in splices. */
#if defined(__SANITIZE_THREAD__)
#define SPLICE 0u
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SPLICE 0u
#endif
#endif
#ifndef SPLICE
#define SPLICE (FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE)
#endif

static struct wlt_mount *mount_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct wlt_node *node_of(fuse_req_t req, fuse_ino_t ino)
{
	return wlt_node_of(mount_of(req)->nodes, ino);
}

/* With allow_other the kernel lets everybody ask; we do not let everybody in. Answers the request when it
 * returns false. */
static bool let_in(fuse_req_t req)
{
	uid_t uid = fuse_req_ctx(req)->uid;

	if (uid == mount_of(req)->uid || uid == 0)
		return true;
	(void)fuse_reply_err(req, EACCES);
	return false;
}

/* With allow_other nothing may be answered from the kernel's caches to somebody else. */
static double timeout(const struct wlt_mount *mount, double seconds)
{
	return mount->allow_other ? WLT_TIMEOUT_NONE : seconds;
}

/* --- answers that rooms share ------------------------------------------------------------------ */

void wlt_attr_folder(struct stat *attr, mode_t mode, int64_t mtime)
{
	attr->st_mode = S_IFDIR | mode;
	attr->st_nlink = 1; /* "not counted", as tools understand it */
	attr->st_size = BLOCK;
	attr->st_blocks = BLOCK / 512;
	attr->st_blksize = BLOCK;
	attr->st_atim.tv_sec = mtime;
	attr->st_mtim.tv_sec = mtime;
	attr->st_ctim.tv_sec = mtime;
}

void wlt_attr_file(struct stat *attr, mode_t mode, int64_t mtime, uint64_t size)
{
	wlt_attr_folder(attr, 0, mtime);
	attr->st_mode = S_IFREG | mode;
	attr->st_size = (off_t)size;
	attr->st_blocks = (blkcnt_t)((size + 511) / 512);
}

void wlt_reply_attribute(fuse_req_t req, const char *value, size_t len, size_t size)
{
	if (size == 0)
		(void)fuse_reply_xattr(req, len);
	else if (len > size)
		(void)fuse_reply_err(req, ERANGE);
	else
		(void)fuse_reply_buf(req, value, len);
}

void wlt_reply_lookup(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
		      const char *name)
{
	struct fuse_entry_param entry;
	int errnum;

	memset(&entry, 0, sizeof(entry));
	errnum = parent->room->entry(mount, parent, name, &entry);
	entry.entry_timeout = timeout(mount, entry.entry_timeout);
	entry.attr_timeout = timeout(mount, entry.attr_timeout);
	if (errnum != 0)
		(void)fuse_reply_err(req, errnum);
	else if (fuse_reply_entry(req, &entry) == -ENOENT)
		wlt_node_forget(mount->nodes, wlt_node_of(mount->nodes, entry.ino), 1);
}

void wlt_reply_opendir(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		       struct fuse_file_info *fi)
{
	struct wlt_listing *listing = NULL;
	int errnum = wlt_listing_open(mount, node, &listing);

	if (errnum != 0) {
		(void)fuse_reply_err(req, errnum);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)listing;
	if (mount->allow_other) {
		fi->cache_readdir = 0;
		fi->keep_cache = 0;
	}
	if (fuse_reply_open(req, fi) == -ENOENT)
		wlt_listing_free(listing);
}

/* --- the session ------------------------------------------------------------------------------- */

static void ll_init(void *userdata, struct fuse_conn_info *connection)
{
	struct wlt_mount *mount = userdata;
	const unsigned wanted = SPLICE | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ATOMIC_O_TRUNC |
				FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
				FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_CACHE_SYMLINKS;

	/* A drop's sizes and times are what programs wrote, at once; what is in a package never changes, so its
	 * pages need no check. */
	connection->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_AUTO_INVAL_DATA |
					FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
	connection->want |= connection->capable & wanted;
	connection->max_write = 1u << 20;
	connection->max_readahead = 1u << 20;
	mount->ready(mount);
}

static void ll_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs space;

	(void)ino;
	if (!let_in(req))
		return;
	memset(&space, 0, sizeof(space));
	if (fstatvfs(mount_of(req)->spool_fd, &space) != 0) {
		(void)fuse_reply_err(req, errno);
		return;
	}
	space.f_namemax = 255;
	(void)fuse_reply_statfs(req, &space);
}

/* --- nodes ------------------------------------------------------------------------------------- */

static void ll_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct wlt_node *node = node_of(req, parent);

	if (!let_in(req))
		return;
	if (node->room->lookup != NULL)
		node->room->lookup(mount_of(req), req, node, name);
	else
		wlt_reply_lookup(mount_of(req), req, node, name);
}

static void ll_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	wlt_node_forget(mount_of(req)->nodes, node_of(req, ino), count);
	fuse_reply_none(req);
}

static void ll_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < n; i++)
		wlt_node_forget(mount_of(req)->nodes, node_of(req, forgets[i].ino),
				forgets[i].nlookup);
	fuse_reply_none(req);
}

static void ll_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct wlt_mount *mount = mount_of(req);
	struct wlt_node *node = node_of(req, ino);
	struct stat attr;
	double seconds = WLT_TIMEOUT_NONE;
	int errnum;

	if (!let_in(req))
		return;
	memset(&attr, 0, sizeof(attr));
	errnum = node->room->attr(mount, node, fi, &attr, &seconds);
	if (errnum != 0) {
		(void)fuse_reply_err(req, errnum);
		return;
	}
	attr.st_ino = node->ino;
	attr.st_uid = mount->uid;
	attr.st_gid = mount->gid;
	(void)fuse_reply_attr(req, &attr, timeout(mount, seconds));
}

static void ll_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct wlt_node *node = node_of(req, ino);
	int errnum;

	if (!let_in(req))
		return;
	if (node->room->access != NULL)
		errnum = node->room->access(mount_of(req), node, mask);
	else
		errnum = (mask & W_OK) != 0 ? EROFS : 0;
	(void)fuse_reply_err(req, errnum);
}

/* The rest hands on, or refuses with `absent` where the room has no such handler. */
#define HAND_ON(req, ino, handler, absent, ...)                                 \
	do {                                                                    \
		struct wlt_node *handed = node_of(req, ino);                    \
		if (!let_in(req))                                               \
			return;                                                 \
		if (handed->room->handler == NULL)                              \
			(void)fuse_reply_err(req, absent);                      \
		else                                                            \
			handed->room->handler(mount_of(req), req, __VA_ARGS__); \
	} while (0)

static void ll_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	HAND_ON(req, ino, setattr, EROFS, handed, attr, to_set, fi);
}

static void ll_readlink(fuse_req_t req, fuse_ino_t ino)
{
	HAND_ON(req, ino, readlink, EINVAL, handed);
}

static void ll_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	HAND_ON(req, parent, mkdir, EROFS, handed, name, mode);
}

static void ll_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	HAND_ON(req, parent, unlink, EROFS, handed, name);
}

static void ll_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	HAND_ON(req, parent, rmdir, EROFS, handed, name);
}

static void ll_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	HAND_ON(req, parent, symlink, EROFS, target, handed, name);
}

static void ll_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	HAND_ON(req, parent, rename, EROFS, handed, name, node_of(req, new_parent), new_name,
		flags);
}

static void ll_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	HAND_ON(req, new_parent, link, EROFS, node_of(req, ino), handed, new_name);
}

/* --- files ------------------------------------------------------------------------------------- */

static void ll_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	HAND_ON(req, parent, create, EROFS, handed, name, mode, fi);
}

static void ll_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	HAND_ON(req, ino, open, EISDIR, handed, fi);
}

static void ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	HAND_ON(req, ino, read, EISDIR, handed, size, offset, fi);
}

static void ll_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *in, off_t offset,
			 struct fuse_file_info *fi)
{
	HAND_ON(req, ino, write, EROFS, handed, in, offset, fi);
}

/* Sent in spite of `noflush` by a kernel that does not know it. Nothing is written late here, so there is
 * nothing to report. */
static void ll_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	(void)fuse_reply_err(req, 0);
}

/* The kernel itself sends releases, so nobody is turned away. */
static void ll_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct wlt_node *node = node_of(req, ino);

	node->room->release(mount_of(req), req, node, fi);
}

static void ll_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	HAND_ON(req, ino, fsync, 0, handed, datasync, fi);
}

/* --- folders ----------------------------------------------------------------------------------- */

static void ll_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct wlt_node *node = node_of(req, ino);

	if (!let_in(req))
		return;
	if (node->room->opendir != NULL)
		node->room->opendir(mount_of(req), req, node, fi);
	else
		wlt_reply_opendir(mount_of(req), req, node, fi);
}

static void read_folder(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			const struct fuse_file_info *fi, bool plus)
{
	if (!let_in(req))
		return;
	wlt_listing_reply(mount_of(req), req, node_of(req, ino),
			  (struct wlt_listing *)(uintptr_t)fi->fh, size, offset, plus);
}

static void ll_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	read_folder(req, ino, size, offset, fi, false);
}

static void ll_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			   struct fuse_file_info *fi)
{
	read_folder(req, ino, size, offset, fi, true);
}

static void ll_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	wlt_listing_free((struct wlt_listing *)(uintptr_t)fi->fh);
	(void)fuse_reply_err(req, 0);
}

static void ll_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)datasync;
	(void)fi;
	HAND_ON(req, ino, fsyncdir, 0, handed);
}

/* --- extended attributes ----------------------------------------------------------------------- */

static void ll_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	HAND_ON(req, ino, setxattr, EROFS, handed, name, value, size, flags);
}

static void ll_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	HAND_ON(req, ino, getxattr, ENODATA, handed, name, size);
}

static void ll_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct wlt_node *node = node_of(req, ino);

	if (!let_in(req))
		return;
	if (node->room->listxattr != NULL)
		node->room->listxattr(mount_of(req), req, node, size);
	else
		wlt_reply_attribute(req, NULL, 0, size);
}

static void ll_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	HAND_ON(req, ino, removexattr, EROFS, handed, name);
}

const struct fuse_lowlevel_ops wlt_ll_operations = {
	.init = ll_init,
	.statfs = ll_statfs,
	.lookup = ll_lookup,
	.forget = ll_forget,
	.forget_multi = ll_forget_multi,
	.getattr = ll_getattr,
	.access = ll_access,
	.setattr = ll_setattr,
	.readlink = ll_readlink,
	.mkdir = ll_mkdir,
	.unlink = ll_unlink,
	.rmdir = ll_rmdir,
	.symlink = ll_symlink,
	.rename = ll_rename,
	.link = ll_link,
	.create = ll_create,
	.open = ll_open,
	.read = ll_read,
	.write_buf = ll_write_buf,
	.flush = ll_flush,
	.release = ll_release,
	.fsync = ll_fsync,
	.opendir = ll_opendir,
	.readdir = ll_readdir,
	.readdirplus = ll_readdirplus,
	.releasedir = ll_releasedir,
	.fsyncdir = ll_fsyncdir,
	.setxattr = ll_setxattr,
	.getxattr = ll_getxattr,
	.listxattr = ll_listxattr,
	.removexattr = ll_removexattr,
};
