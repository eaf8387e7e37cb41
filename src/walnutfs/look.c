/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walnutfs/vault.h"

static void finish(struct wlt_look *look, int errnum, int fd)
{
	if (wlt_pending_claim(&look->pending)) {
		look->fi.fh = fd >= 0 ? (uint64_t)fd : look->fi.fh;
		if (errnum != 0)
			(void)fuse_reply_err(look->req, errnum);
		else
			look->resume(look);
	} else if (fd >= 0) {
		(void)close(fd);
	}
	free(look->name);
	free(look);
}

static void opened(void *context, int errnum)
{
	finish(context, errnum, -1);
}

static void fetched(void *context, int errnum, int fd)
{
	finish(context, errnum, fd);
}

static struct wlt_look *look_new(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
				 const char *name, const struct fuse_file_info *fi)
{
	struct wlt_look *look = calloc(1, sizeof(*look));

	if (look == NULL)
		return NULL;
	if (name != NULL && (look->name = strdup(name)) == NULL) {
		free(look);
		return NULL;
	}
	look->mount = mount;
	look->req = req;
	look->node = node;
	if (fi != NULL)
		look->fi = *fi;
	return look;
}

void wlt_look_wait(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node, const char *name,
		   size_t size, const struct fuse_file_info *fi,
		   void (*resume)(struct wlt_look *look))
{
	struct wlt_look *look = look_new(mount, req, node, name, fi);
	struct wlt_box *box;

	if (look == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	look->size = size;
	look->resume = resume;
	/* Once interrupted, the kernel may forget the node at any time. */
	box = wlt_box_ref(node->box);
	wlt_pending_arm(&look->pending, req);
	wlt_box_open(box, opened, look);
	wlt_box_unref(box);
}

void wlt_look_raw(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
		  const struct fuse_file_info *fi, void (*resume)(struct wlt_look *look))
{
	struct wlt_look *look = look_new(mount, req, node, NULL, fi);
	struct wlt_box *box;

	if (look == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	look->resume = resume;
	/* Once interrupted, the kernel may forget the node at any time. */
	box = wlt_box_ref(node->box);
	wlt_pending_arm(&look->pending, req);
	wlt_box_raw(box, fetched, look);
	wlt_box_unref(box);
}
