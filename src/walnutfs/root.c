/* SPDX-License-Identifier: MIT */
/*
 * The top folder: inbox, outbox and .walnutfs.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "walnutfs/mount.h"

static const struct top {
	const char *name;
	const struct wlt_room *room;
	mode_t mode;
} tops[] = {
	{".walnutfs", &wlt_room_control, 0755},
	{"inbox", &wlt_room_inbox, 0755},
	{"outbox", &wlt_room_outbox, 0755},
};
#define N_TOPS (sizeof(tops) / sizeof(tops[0]))

static int root_entry(struct wlt_mount *mount, struct wlt_node *parent, const char *name,
		      struct fuse_entry_param *entry)
{
	for (size_t i = 0; i < N_TOPS; i++) {
		const struct wlt_node_spec spec = {.kind = WLT_NODE_TOP,
						   .room = tops[i].room,
						   .ino = wlt_ino_of("", tops[i].name)};
		struct wlt_node *node;

		if (strcmp(tops[i].name, name) != 0)
			continue;
		node = wlt_node_hold(mount->nodes, parent, name, &spec);
		if (node == NULL)
			return ENOMEM;
		wlt_attr_folder(&entry->attr, tops[i].mode, mount->started);
		entry->entry_timeout = WLT_TIMEOUT_FOREVER;
		entry->attr_timeout = WLT_TIMEOUT_NONE;
		wlt_node_fill(mount, node, entry);
		return 0;
	}
	return ENOENT;
}

static int root_attr(struct wlt_mount *mount, struct wlt_node *node, struct fuse_file_info *fi,
		     struct stat *attr, double *timeout)
{
	(void)node;
	(void)fi;
	wlt_attr_folder(attr, 0755, mount->started);
	*timeout = WLT_TIMEOUT_FOREVER;
	return 0;
}

static int root_list(struct wlt_mount *mount, struct wlt_node *node, struct wlt_listing *listing)
{
	int errnum = 0;

	(void)mount;
	(void)node;
	for (size_t i = 0; errnum == 0 && i < N_TOPS; i++)
		errnum = wlt_listing_add(listing, tops[i].name, wlt_ino_of("", tops[i].name),
					 S_IFDIR);
	return errnum;
}

const struct wlt_room wlt_room_root = {
	.entry = root_entry,
	.attr = root_attr,
	.list = root_list,
};
