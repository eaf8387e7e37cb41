/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "walnutfs/outbox.h"
#include "walnutfs/pending.h"

#define PREFIX "user.walnut."

/* The part behind the prefix, or NULL for an attribute that is not ours or not of a drop. */
static const char *own_name(const struct wlt_node *node, const char *name)
{
	if (node->kind != WLT_NODE_DROP || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return NULL;
	return name + strlen(PREFIX);
}

void wlt_outbox_setxattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			 const char *name, const char *value, size_t size, int flags)
{
	const char *own = own_name(node, name);

	(void)mount;
	(void)flags;
	/* Copy tools take EOPNOTSUPP for an answer and go on. */
	(void)fuse_reply_err(req,
			     own == NULL ? EOPNOTSUPP : wlt_drop_set(node->drop, own, value, size));
}

void wlt_outbox_removexattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			    const char *name)
{
	const char *own = own_name(node, name);

	(void)mount;
	(void)fuse_reply_err(req, own == NULL ? ENODATA : wlt_drop_unset(node->drop, own));
}

void wlt_outbox_getxattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			 const char *name, size_t size)
{
	const char *own = own_name(node, name);
	WLT_AUTOFREE char *value = NULL;
	int errnum = own == NULL ? ENODATA : wlt_drop_get(node->drop, own, &value);

	(void)mount;
	if (errnum != 0)
		(void)fuse_reply_err(req, errnum);
	else
		wlt_reply_attribute(req, value, strlen(value), size);
}

void wlt_outbox_listxattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			  size_t size)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_strings names = {0};
	struct wlt_buf list = WLT_BUF_INIT;
	bool listed = node->kind != WLT_NODE_DROP || wlt_drop_attributes(node->drop, &names, &err);

	(void)mount;
	for (size_t i = 0; i < names.n; i++) {
		wlt_buf_puts(&list, PREFIX);
		wlt_buf_append(&list, names.items[i], strlen(names.items[i]) + 1);
	}
	if (!listed || list.failed)
		(void)fuse_reply_err(req, listed ? ENOMEM : wlt_error_errno(&err));
	else
		wlt_reply_attribute(req, list.data, list.len, size);
	wlt_buf_free(&list);
	wlt_strings_free(&names);
}

/* --- sync of a drop ---------------------------------------------------------------------------- */

static void synced(void *context, int errnum)
{
	struct wlt_pending *pending = context;

	if (wlt_pending_claim(pending))
		(void)fuse_reply_err(pending->req, errnum);
	free(pending);
}

void wlt_outbox_fsyncdir(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node)
{
	struct wlt_pending *pending;
	struct wlt_drop *drop;

	(void)mount;
	if (node->kind != WLT_NODE_DROP) {
		(void)fuse_reply_err(req, 0);
		return;
	}
	pending = calloc(1, sizeof(*pending));
	if (pending == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	/* Once a signal has answered, the kernel may forget the node at any time. */
	drop = wlt_drop_ref(node->drop);
	wlt_pending_arm(pending, req);
	wlt_drop_sync(drop, synced, pending);
	wlt_drop_unref(drop);
}
