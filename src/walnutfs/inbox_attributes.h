/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes of packages, `user.walnut.NAME`. Names are listed without opening a package; a value
 * that is not known from the outside opens it. What a stranger wrote is shown without control characters.
 */
#ifndef WLT_WALNUTFS_INBOX_ATTRIBUTES_H
#define WLT_WALNUTFS_INBOX_ATTRIBUTES_H

#include "walnutfs/mount.h"

void wlt_inbox_getxattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			const char *name, size_t size);
void wlt_inbox_listxattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			 size_t size);

#endif
