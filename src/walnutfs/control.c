/* SPDX-License-Identifier: MIT */
/*
 * .walnutfs/: what is going on, as files. status.json and queue.json are written out at the moment they are
 * opened; events is the log itself and grows while it is read.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "walnutfs/mount.h"
#include "walnutfs/vault.h"

/* An open control file: its text, or the descriptor of the events. */
struct control_handle {
	struct wlt_buf text;
	int events_fd; /* -1: text */
};

static void write_queue(struct wlt_mount *mount, struct wlt_buf *out)
{
	wlt_post_queue(mount->post, out);
}

/* What the post office knows, and the cache, which it does not. */
static void write_status(struct wlt_mount *mount, struct wlt_buf *out)
{
	const struct wlt_vault_use use = wlt_vault_use(mount->vault);
	struct json_object *status = wlt_post_status(mount->post);
	struct json_object *cache = json_object_new_object();

	if (status != NULL && cache != NULL &&
	    wlt_json_set_int(cache, "limit", (int64_t)use.limit) &&
	    wlt_json_set_int(cache, "used", (int64_t)use.used) &&
	    wlt_json_set_int(cache, "packages", (int64_t)use.packages) &&
	    wlt_json_set(status, "cache", json_object_get(cache)))
		wlt_json_format(out, status);
	else
		out->failed = true;
	json_object_put(cache);
	json_object_put(status);
}

static const struct control_file {
	const char *name;
	void (*write)(struct wlt_mount *mount, struct wlt_buf *out); /* NULL: events */
} files[] = {
	{"events", NULL},
	{"queue.json", write_queue},
	{"status.json", write_status},
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

static const struct control_file *find_file(const char *name)
{
	for (size_t i = 0; i < N_FILES; i++) {
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	}
	return NULL;
}

/* A control node's name never changes, so it can be read without the table's lock, and it is one of ours. */
static const struct control_file *file_of(const struct wlt_node *node)
{
	const struct control_file *file = find_file(node->name);

	return file == NULL ? &files[0] : file;
}

static void file_attr(struct wlt_mount *mount, const struct control_file *file, struct stat *attr)
{
	struct wlt_buf text = WLT_BUF_INIT;
	uint64_t size;

	if (file->write == NULL) {
		size = (uint64_t)wlt_post_events_size(mount->post);
	} else {
		file->write(mount, &text);
		size = text.len;
		wlt_buf_free(&text);
	}
	wlt_attr_file(attr, 0444, time(NULL), size);
}

static int control_entry(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
			 struct fuse_entry_param *entry)
{
	const struct control_file *file = find_file(name);
	const struct wlt_node_spec spec = {.kind = WLT_NODE_CONTROL,
					   .room = &wlt_room_control,
					   .ino = wlt_ino_of(".walnutfs", name)};
	struct wlt_node *node;

	if (parent->kind != WLT_NODE_TOP)
		return ENOTDIR;
	if (file == NULL)
		return ENOENT;
	file_attr(mount, file, &entry->attr);
	node = wlt_node_hold(mount->nodes, parent, name, &spec);
	if (node == NULL)
		return ENOMEM;
	entry->entry_timeout = WLT_TIMEOUT_FOREVER;
	entry->attr_timeout = WLT_TIMEOUT_NONE;
	wlt_node_fill(mount, node, entry);
	return 0;
}

static int control_attr(struct wlt_mount *mount, struct wlt_node *node, struct fuse_file_info *fi,
			struct stat *attr, double *timeout)
{
	(void)fi;
	*timeout = WLT_TIMEOUT_NONE;
	if (node->kind == WLT_NODE_TOP)
		wlt_attr_folder(attr, 0755, mount->started);
	else
		file_attr(mount, file_of(node), attr);
	return 0;
}

static int control_list(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing *listing)
{
	int errnum = 0;

	(void)mount;
	(void)node;
	for (size_t i = 0; errnum == 0 && i < N_FILES; i++)
		errnum = wlt_listing_add(listing, files[i].name,
					 wlt_ino_of(".walnutfs", files[i].name), S_IFREG);
	return errnum;
}

static void handle_free(struct control_handle *handle)
{
	wlt_buf_free(&handle->text);
	if (handle->events_fd >= 0)
		(void)close(handle->events_fd);
	free(handle);
}

static int handle_open(struct wlt_mount *mount, const struct control_file *file,
		       struct control_handle **out)
{
	struct control_handle *handle = calloc(1, sizeof(*handle));

	if (handle == NULL)
		return ENOMEM;
	handle->events_fd = -1;
	if (file->write != NULL) {
		file->write(mount, &handle->text);
	} else {
		handle->events_fd = wlt_post_events_open(mount->post);
		if (handle->events_fd < 0) {
			free(handle);
			return errno;
		}
	}
	if (handle->text.failed) {
		handle_free(handle);
		return ENOMEM;
	}
	*out = handle;
	return 0;
}

static void control_open(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			 struct fuse_file_info *fi)
{
	struct control_handle *handle = NULL;
	int errnum;

	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC) != 0)
		errnum = EROFS;
	else
		errnum = handle_open(mount, file_of(node), &handle);
	if (errnum != 0) {
		(void)fuse_reply_err(req, errnum);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)handle;
	fi->direct_io = 1; /* the size said before may be out of date */
	fi->noflush = 1;
	if (fuse_reply_open(req, fi) == -ENOENT)
		handle_free(handle);
}

static void control_read(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			 size_t size, off_t offset, struct fuse_file_info *fi)
{
	const struct control_handle *handle = (struct control_handle *)(uintptr_t)fi->fh;
	size_t at = (size_t)offset;
	struct fuse_bufvec vector = FUSE_BUFVEC_INIT(size);
	size_t left;

	(void)mount;
	(void)node;
	if (handle->events_fd >= 0) {
		vector.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
		vector.buf[0].fd = handle->events_fd;
		vector.buf[0].pos = offset;
		(void)fuse_reply_data(req, &vector, (enum fuse_buf_copy_flags)0);
		return;
	}
	left = at < handle->text.len ? handle->text.len - at : 0;
	(void)fuse_reply_buf(req, left == 0 ? NULL : handle->text.data + at,
			     left < size ? left : size);
}

static void control_release(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			    struct fuse_file_info *fi)
{
	(void)mount;
	(void)node;
	handle_free((struct control_handle *)(uintptr_t)fi->fh);
	(void)fuse_reply_err(req, 0);
}

const struct wlt_room wlt_room_control = {
	.entry = control_entry,
	.attr = control_attr,
	.list = control_list,
	.open = control_open,
	.read = control_read,
	.release = control_release,
};
