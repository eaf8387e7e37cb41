/* SPDX-License-Identifier: MIT */
/*
 * inbox/: a folder per sender; in it a folder per package that our key opens, known from its envelope alone,
 * and a file NAME.walnut for every other. A look inside opens and verifies the package, once; what was
 * verified never changes, so the kernel may keep all of it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "walnutfs/inbox_attributes.h"
#include "walnutfs/look.h"
#include "walnutfs/mount.h"
#include "walnutfs/packed.h"
#include "walnutfs/vault.h"

#define RAW_SUFFIX ".walnut"

/* An open file: verified plaintext, or the raw bytes of a package that cannot be opened. */
struct inbox_handle {
	struct wlt_text *text; /* NULL: raw */
	uint64_t offset;       /* of the file in the text */
	uint64_t size;
	int raw_fd; /* -1: text */
};

static inline void arrivals_cleanup(const struct wlt_arrivals **arrivals)
{
	if (*arrivals != NULL)
		wlt_arrivals_release(*arrivals);
}

/* --- finding ----------------------------------------------------------------------------------- */

/* The arrival shown as `name` in a sender's folder. */
static const struct wlt_arrival *arrival_shown(const struct wlt_arrivals *arrivals,
					       const char *sender, const char *name)
{
	const struct wlt_arrival *arrival = wlt_arrivals_find(arrivals, sender, name);
	size_t len = strlen(name);
	size_t suffix = strlen(RAW_SUFFIX);
	WLT_AUTOFREE char *stem = NULL;

	if (arrival != NULL && arrival->openable)
		return arrival;
	if (len <= suffix || strcmp(name + len - suffix, RAW_SUFFIX) != 0)
		return NULL;
	stem = strndup(name, len - suffix);
	if (stem == NULL)
		return NULL;
	arrival = wlt_arrivals_find(arrivals, sender, stem);
	return arrival != NULL && !arrival->openable ? arrival : NULL;
}

/* mtime of a sender's folder: the newest package in it. */
static int64_t sender_time(const struct wlt_mount *mount, const struct wlt_arrivals *arrivals,
			   const char *sender)
{
	int64_t newest = 0;
	size_t n = 0;
	const struct wlt_arrival *items = wlt_arrivals_of(arrivals, sender, &n);

	for (size_t i = 0; i < n; i++) {
		if (items[i].stamp > newest)
			newest = items[i].stamp;
	}
	return newest != 0 ? newest : mount->started;
}

static bool has_sender(const struct wlt_arrivals *arrivals, const char *name)
{
	return arrivals->n_senders > 0 && bsearch(&name, arrivals->senders, arrivals->n_senders,
						  sizeof(char *), wlt_compare_strings) != NULL;
}

static int entry_sender(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
			struct fuse_entry_param *entry)
{
	WLT_AUTO(arrivals_cleanup)
	const struct wlt_arrivals *arrivals = wlt_post_arrivals(mount->post);
	const struct wlt_node_spec spec = {.kind = WLT_NODE_SENDER,
					   .room = &wlt_room_inbox,
					   .ino = wlt_ino_of("inbox", name)};
	struct wlt_node *node;

	if (!has_sender(arrivals, name))
		return ENOENT;
	node = wlt_node_hold(mount->nodes, parent, name, &spec);
	if (node == NULL)
		return ENOMEM;
	wlt_attr_folder(&entry->attr, 0755, sender_time(mount, arrivals, name));
	entry->entry_timeout = WLT_TIMEOUT_FOREVER;
	entry->attr_timeout = WLT_TIMEOUT_NONE;
	wlt_node_fill(mount, node, entry);
	return 0;
}

static int entry_package(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
			 struct fuse_entry_param *entry)
{
	WLT_AUTO(arrivals_cleanup)
	const struct wlt_arrivals *arrivals = wlt_post_arrivals(mount->post);
	WLT_AUTOFREE char *sender = wlt_node_name(mount->nodes, parent);
	struct wlt_node_spec spec = {.kind = WLT_NODE_PACKAGE, .room = &wlt_room_inbox};
	const struct wlt_arrival *arrival;
	struct wlt_node *node;

	if (sender == NULL)
		return ENOMEM;
	arrival = arrival_shown(arrivals, sender, name);
	if (arrival == NULL)
		return ENOENT;
	if (!arrival->openable)
		spec.kind = WLT_NODE_RAW;
	spec.ino = wlt_ino_of(arrival->oid, name);
	spec.box = wlt_vault_box(mount->vault, arrival);
	if (spec.box == NULL)
		return ENOMEM;
	if (arrival->openable)
		wlt_attr_folder(&entry->attr, 0755, arrival->stamp);
	else
		wlt_attr_file(&entry->attr, 0444, arrival->stamp, arrival->size);
	node = wlt_node_hold(mount->nodes, parent, name, &spec);
	if (node == NULL)
		return ENOMEM;
	entry->entry_timeout = WLT_TIMEOUT_FOREVER;
	entry->attr_timeout = WLT_TIMEOUT_FOREVER;
	wlt_node_fill(mount, node, entry);
	return 0;
}

/* Attributes of a path in an opened package. */
static int content_attr(struct wlt_box *box, const char *path, struct stat *attr)
{
	const struct wlt_package *contents = wlt_box_contents(box);
	const struct wlt_entry *file;

	if (contents == NULL)
		return ESTALE; /* only what was listed or looked up before is asked for */
	file = wlt_packed_file(contents, path);
	if (file != NULL)
		wlt_attr_file(attr, file->executable ? 0755 : 0644, file->mtime, file->size);
	else if (wlt_packed_is_folder(contents, path))
		wlt_attr_folder(attr, 0755, wlt_box_stamp(box));
	else
		return ENOENT;
	return 0;
}

static int entry_content(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
			 struct fuse_entry_param *entry)
{
	WLT_AUTOFREE char *path =
		parent->path == NULL ? strdup(name) : wlt_path_join(parent->path, name);
	struct wlt_node_spec spec = {.kind = WLT_NODE_CONTENT, .room = &wlt_room_inbox};
	struct wlt_node *node;
	int errnum;

	if (path == NULL)
		return ENOMEM;
	errnum = content_attr(parent->box, path, &entry->attr);
	if (errnum != 0)
		return errnum;
	spec.ino = wlt_ino_of(wlt_box_oid(parent->box), path);
	spec.box = wlt_box_ref(parent->box);
	spec.path = wlt_take(path);
	node = wlt_node_hold(mount->nodes, parent, name, &spec);
	if (node == NULL)
		return ENOMEM;
	entry->entry_timeout = WLT_TIMEOUT_FOREVER;
	entry->attr_timeout = WLT_TIMEOUT_FOREVER;
	wlt_node_fill(mount, node, entry);
	return 0;
}

static int inbox_entry(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		       struct fuse_entry_param *entry)
{
	switch ((int)parent->kind) {
	case WLT_NODE_TOP:
		return entry_sender(mount, parent, name, entry);
	case WLT_NODE_SENDER:
		return entry_package(mount, parent, name, entry);
	case WLT_NODE_PACKAGE:
	case WLT_NODE_CONTENT:
		return entry_content(mount, parent, name, entry);
	default:
		return ENOTDIR;
	}
}

static int inbox_attr(struct wlt_mount *mount, struct wlt_node *node, struct fuse_file_info *fi,
		      struct stat *attr, double *timeout)
{
	WLT_AUTO(arrivals_cleanup)
	const struct wlt_arrivals *arrivals = NULL;
	WLT_AUTOFREE char *sender = NULL;

	(void)fi;
	*timeout = WLT_TIMEOUT_FOREVER;
	switch ((int)node->kind) {
	case WLT_NODE_TOP:
		*timeout = WLT_TIMEOUT_NONE;
		wlt_attr_folder(attr, 0755, mount->started);
		return 0;
	case WLT_NODE_SENDER:
		*timeout = WLT_TIMEOUT_NONE;
		arrivals = wlt_post_arrivals(mount->post);
		sender = wlt_node_name(mount->nodes, node);
		if (sender == NULL)
			return ENOMEM;
		wlt_attr_folder(attr, 0755, sender_time(mount, arrivals, sender));
		return 0;
	case WLT_NODE_PACKAGE:
		wlt_attr_folder(attr, 0755, wlt_box_stamp(node->box));
		return 0;
	case WLT_NODE_RAW:
		wlt_attr_file(attr, 0444, wlt_box_stamp(node->box), wlt_box_size(node->box));
		return 0;
	default:
		return content_attr(node->box, node->path, attr);
	}
}

/* --- listing ----------------------------------------------------------------------------------- */

static int list_senders(const struct wlt_arrivals *arrivals, struct wlt_listing *listing)
{
	int errnum = 0;

	for (size_t i = 0; errnum == 0 && i < arrivals->n_senders; i++)
		errnum = wlt_listing_add(listing, arrivals->senders[i],
					 wlt_ino_of("inbox", arrivals->senders[i]), S_IFDIR);
	return errnum;
}

static int list_packages(const struct wlt_arrivals *arrivals, const char *sender,
			 struct wlt_listing *listing)
{
	size_t n = 0;
	const struct wlt_arrival *items = wlt_arrivals_of(arrivals, sender, &n);
	int errnum = 0;

	for (size_t i = 0; errnum == 0 && i < n; i++) {
		const char *name = items[i].openable ? items[i].name : items[i].file;

		errnum = wlt_listing_add(listing, name, wlt_ino_of(items[i].oid, name),
					 items[i].openable ? S_IFDIR : S_IFREG);
	}
	return errnum;
}

struct content_listing {
	struct wlt_listing *listing;
	const char *oid;
	const char *path; /* "" for the package itself */
};

static int list_one_content(void *context, const char *name, const struct wlt_entry *file)
{
	const struct content_listing *folder = context;
	WLT_AUTOFREE char *path =
		folder->path[0] == '\0' ? strdup(name) : wlt_path_join(folder->path, name);

	if (path == NULL)
		return ENOMEM;
	return wlt_listing_add(folder->listing, name, wlt_ino_of(folder->oid, path),
			       file == NULL ? S_IFDIR : S_IFREG);
}

static int list_contents(struct wlt_node *node, struct wlt_listing *listing)
{
	const struct wlt_package *contents = wlt_box_contents(node->box);
	struct content_listing folder = {.listing = listing,
					 .oid = wlt_box_oid(node->box),
					 .path = node->path == NULL ? "" : node->path};

	if (contents == NULL)
		return ESTALE;
	return wlt_packed_list(contents, folder.path, list_one_content, &folder);
}

static int inbox_list(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing *listing)
{
	WLT_AUTO(arrivals_cleanup)
	const struct wlt_arrivals *arrivals = wlt_post_arrivals(mount->post);
	WLT_AUTOFREE char *sender = NULL;

	switch ((int)node->kind) {
	case WLT_NODE_TOP:
		return list_senders(arrivals, listing);
	case WLT_NODE_SENDER:
		sender = wlt_node_name(mount->nodes, node);
		return sender == NULL ? ENOMEM : list_packages(arrivals, sender, listing);
	case WLT_NODE_PACKAGE:
	case WLT_NODE_CONTENT:
		return list_contents(node, listing);
	default:
		return ENOTDIR;
	}
}

/* --- looking inside ---------------------------------------------------------------------------- */

static bool is_closed_package(const struct wlt_node *node)
{
	return node->kind == WLT_NODE_PACKAGE && wlt_box_contents(node->box) == NULL;
}

static void resume_lookup(struct wlt_look *look)
{
	wlt_reply_lookup(look->mount, look->req, look->node, look->name);
}

static void inbox_lookup(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *parent,
			 const char *name)
{
	if (is_closed_package(parent))
		wlt_look_wait(mount, req, parent, name, 0, NULL, resume_lookup);
	else
		wlt_reply_lookup(mount, req, parent, name);
}

static void resume_opendir(struct wlt_look *look)
{
	wlt_reply_opendir(look->mount, look->req, look->node, &look->fi);
}

static void inbox_opendir(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			  struct fuse_file_info *fi)
{
	if (node->box != NULL) {
		/* What is in a package stays: the kernel need not ask for its folders again. */
		fi->cache_readdir = 1;
		fi->keep_cache = 1;
	}
	if (is_closed_package(node))
		wlt_look_wait(mount, req, node, NULL, 0, fi, resume_opendir);
	else
		wlt_reply_opendir(mount, req, node, fi);
}

/* --- files ------------------------------------------------------------------------------------- */

static void reply_handle(fuse_req_t req, struct fuse_file_info *fi, struct inbox_handle *handle)
{
	fi->fh = (uint64_t)(uintptr_t)handle;
	fi->keep_cache = 1;
	fi->noflush = 1;
	/* ENOENT: the opening process is gone, and no release will come. */
	if (fuse_reply_open(req, fi) == -ENOENT) {
		wlt_text_unref(handle->text);
		if (handle->raw_fd >= 0)
			(void)close(handle->raw_fd);
		free(handle);
	}
}

/* Answers open when the plaintext is at hand; false when it is not. */
static bool open_content(fuse_req_t req, struct wlt_node *node, struct fuse_file_info *fi)
{
	struct wlt_text *text = wlt_box_text(node->box);
	const struct wlt_entry *file;
	struct inbox_handle *handle;

	if (text == NULL)
		return false;
	file = wlt_packed_file(wlt_box_contents(node->box), node->path);
	handle = calloc(1, sizeof(*handle));
	if (file == NULL || handle == NULL) {
		wlt_text_unref(text);
		free(handle);
		(void)fuse_reply_err(req, file == NULL ? ENOENT : ENOMEM);
		return true;
	}
	handle->text = text;
	handle->offset = file->offset;
	handle->size = file->size;
	handle->raw_fd = -1;
	reply_handle(req, fi, handle);
	return true;
}

static void resume_open(struct wlt_look *look)
{
	/* The vault keeps the plaintext until everybody who waited has been answered. */
	if (!open_content(look->req, look->node, &look->fi))
		(void)fuse_reply_err(look->req, EIO);
}

static void resume_open_raw(struct wlt_look *look)
{
	struct inbox_handle *handle = calloc(1, sizeof(*handle));
	int fd = (int)look->fi.fh;

	if (handle == NULL) {
		(void)close(fd);
		(void)fuse_reply_err(look->req, ENOMEM);
		return;
	}
	handle->raw_fd = fd;
	handle->size = wlt_box_size(look->node->box);
	reply_handle(look->req, &look->fi, handle);
}

static void inbox_open(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		       struct fuse_file_info *fi)
{
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC) != 0)
		(void)fuse_reply_err(req, EROFS);
	else if (node->kind == WLT_NODE_RAW)
		wlt_look_raw(mount, req, node, fi, resume_open_raw);
	else if (node->kind != WLT_NODE_CONTENT)
		(void)fuse_reply_err(req, EISDIR);
	else if (!open_content(req, node, fi))
		wlt_look_wait(mount, req, node, NULL, 0, fi, resume_open);
}

/* Hands the kernel `len` bytes of a descriptor, without copying them through here. */
static void reply_from_fd(fuse_req_t req, int fd, uint64_t offset, size_t len)
{
	struct fuse_bufvec vector = FUSE_BUFVEC_INIT(len);

	vector.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	vector.buf[0].fd = fd;
	vector.buf[0].pos = (off_t)offset;
	(void)fuse_reply_data(req, &vector, (enum fuse_buf_copy_flags)0);
}

/* Plaintext that was too large for memory is decrypted piece by piece. */
static void reply_from_spill(fuse_req_t req, const struct wlt_plain *plain, uint64_t offset,
			     size_t len)
{
	struct wlt_error err = WLT_ERROR_INIT;
	char *buffer = malloc(len == 0 ? 1 : len);
	size_t got = 0;

	if (buffer == NULL)
		(void)fuse_reply_err(req, ENOMEM);
	else if (!wlt_plain_read(plain, buffer, len, offset, &got, &err))
		(void)fuse_reply_err(req, wlt_error_errno(&err));
	else
		(void)fuse_reply_buf(req, buffer, got);
	wlt_error_clear(&err);
	free(buffer);
}

static void inbox_read(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node, size_t size,
		       off_t offset, struct fuse_file_info *fi)
{
	const struct inbox_handle *handle = (struct inbox_handle *)(uintptr_t)fi->fh;
	uint64_t at = (uint64_t)offset;
	uint64_t left = at < handle->size ? handle->size - at : 0;
	size_t len = left < size ? (size_t)left : size;
	const struct wlt_plain *plain;

	(void)mount;
	(void)node;
	if (len == 0) {
		(void)fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (handle->raw_fd >= 0) {
		reply_from_fd(req, handle->raw_fd, at, len);
		return;
	}
	plain = wlt_text_plain(handle->text);
	if (wlt_plain_fd(plain) >= 0)
		reply_from_fd(req, wlt_plain_fd(plain), handle->offset + at, len);
	else
		reply_from_spill(req, plain, handle->offset + at, len);
}

static void inbox_release(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			  struct fuse_file_info *fi)
{
	struct inbox_handle *handle = (struct inbox_handle *)(uintptr_t)fi->fh;

	(void)mount;
	(void)node;
	wlt_text_unref(handle->text);
	if (handle->raw_fd >= 0)
		(void)close(handle->raw_fd);
	free(handle);
	(void)fuse_reply_err(req, 0);
}

const struct wlt_room wlt_room_inbox = {
	.entry = inbox_entry,
	.attr = inbox_attr,
	.list = inbox_list,
	.lookup = inbox_lookup,
	.opendir = inbox_opendir,
	.open = inbox_open,
	.read = inbox_read,
	.release = inbox_release,
	.getxattr = wlt_inbox_getxattr,
	.listxattr = wlt_inbox_listxattr,
};
