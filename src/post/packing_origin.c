/* SPDX-License-Identifier: MIT */
/*
 * What a drop is: a folder, or a link that sends from the place itself.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "post/packing.h"

#define TREE_PATH_BYTES (64 + WLT_NAME_BYTES)

static void tree_path(const struct wlt_packing *packing, char out[TREE_PATH_BYTES])
{
	(void)snprintf(out, TREE_PATH_BYTES, "%s/tree/%s", packing->id, packing->name);
}

void wlt_origin_close(struct wlt_origin *origin)
{
	if (origin->fd >= 0)
		(void)close(origin->fd);
	free(origin->walnut);
	free(origin->bundle);
	*origin = (struct wlt_origin){.fd = -1};
}

/* --- links -------------------------------------------------------------------------------------- */

static bool lies_beneath(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* A link into a mounted walnutfs would have us wait for ourselves, also while unmounting. */
static bool leads_into_mount(const char *target)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent entry;
	char text[3 * PATH_MAX];
	bool found = false;

	if (mounts == NULL)
		return false;
	while (!found && getmntent_r(mounts, &entry, text, sizeof(text)) != NULL)
		found = strcmp(entry.mnt_type, "fuse.walnutfs") == 0 &&
			lies_beneath(target, entry.mnt_dir);
	(void)endmntent(mounts);
	return found;
}

static bool read_target(const struct wlt_packing *packing, char target[PATH_MAX],
			struct wlt_error *err)
{
	char path[TREE_PATH_BYTES];
	ssize_t len;

	tree_path(packing, path);
	len = readlinkat(packing->spool_fd, path, target, PATH_MAX - 1);
	if (len < 0)
		return wlt_fail_errno(err, errno, "cannot read the link %s", packing->name);
	target[len] = '\0';
	if (target[0] != '/')
		return wlt_fail(
			err, WLT_USAGE,
			"%s is a link to the relative path %s: give the link an absolute one",
			packing->name, target);
	if (leads_into_mount(target))
		return wlt_fail(err, WLT_USAGE,
				"%s is a link into the mounted walnutfs: link to the walnut's own "
				"place in the world",
				packing->name);
	return true;
}

static bool is_bundle(int fd)
{
	return faccessat(fd, "context.manifest.yaml", F_OK, 0) == 0 ||
	       faccessat(fd, "companion.md", F_OK, 0) == 0;
}

/* Cut the last component off. False at the root. */
static bool ascend(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	*slash = '\0';
	return true;
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool set_origin(struct wlt_origin *out, int fd, const char *walnut, const char *bundle,
		       struct wlt_error *err)
{
	out->fd = fd;
	out->walnut = strdup(wlt_path_leaf(walnut));
	out->bundle = bundle == NULL ? NULL : strdup(wlt_path_leaf(bundle));
	if (out->walnut != NULL && (bundle == NULL || out->bundle != NULL))
		return true;
	wlt_origin_close(out);
	return wlt_fail_memory(err);
}

static bool find_linked(const struct wlt_packing *packing, struct wlt_origin *out,
			struct wlt_error *err)
{
	char target[PATH_MAX];
	WLT_AUTOFREE char *place = NULL;
	WLT_AUTOFREE char *walnut = NULL;
	WLT_AUTOCLOSE int fd = -1;

	if (!read_target(packing, target, err))
		return false;
	place = realpath(target, NULL);
	walnut = place == NULL ? NULL : strdup(place);
	fd = walnut == NULL ? -1 : open_folder(walnut);
	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot open %s, which %s is a link to", target,
				      packing->name);
	if (wlt_walnut_layout(fd) != WLT_LAYOUT_NONE)
		return set_origin(out, wlt_take_fd(&fd), walnut, NULL, err);
	while (is_bundle(fd) && ascend(walnut)) {
		WLT_AUTOCLOSE int parent = open_folder(walnut);

		if (parent >= 0 && wlt_walnut_layout(parent) != WLT_LAYOUT_NONE)
			return set_origin(out, wlt_take_fd(&parent), walnut, place, err);
	}
	return wlt_fail(err, WLT_MISSING,
			"%s is a link to %s, which is neither a walnut nor a bundle", packing->name,
			target);
}

/* --- folders and files -------------------------------------------------------------------------- */

static bool find_dropped(const struct wlt_packing *packing, const char *path,
			 struct wlt_origin *out, struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd =
		openat(packing->spool_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot open what was dropped as %s",
				      packing->name);
	if (wlt_walnut_layout(fd) == WLT_LAYOUT_NONE)
		return wlt_fail(err, WLT_MISSING,
				"%s is not a walnut: there is no _kernel/key.md in it",
				packing->name);
	return set_origin(out, wlt_take_fd(&fd), packing->name, NULL, err);
}

bool wlt_origin_find(const struct wlt_packing *packing, struct wlt_origin *out,
		     struct wlt_error *err)
{
	char path[TREE_PATH_BYTES];
	struct stat st;

	*out = (struct wlt_origin){.fd = -1};
	tree_path(packing, path);
	if (fstatat(packing->spool_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return wlt_fail_errno(err, errno, "cannot find what was dropped as %s",
				      packing->name);
	if (S_ISLNK(st.st_mode))
		return find_linked(packing, out, err);
	if (S_ISDIR(st.st_mode))
		return find_dropped(packing, path, out, err);
	if (S_ISREG(st.st_mode) && wlt_package_name_parse(packing->name, NULL))
		return true; /* a ready package: no walnut to open */
	return wlt_fail(
		err, WLT_MISSING,
		"%s is neither a walnut folder nor a .walnut package nor a link to a walnut",
		packing->name);
}

/* --- is it all there? --------------------------------------------------------------------------- */

/* Walk what was dropped; links are not followed. NULL when it cannot be walked. */
static FTS *walk_drop(const struct wlt_packing *packing, int options)
{
	WLT_AUTOFREE char *root = NULL;
	char *roots[2] = {NULL, NULL};

	if (asprintf(&root, "%s/%s/tree/%s", packing->spool_path, packing->id, packing->name) < 0) {
		root = NULL;
		return NULL;
	}
	roots[0] = root;
	return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | options, NULL);
}

/* The path below the drop's own folder. */
static const char *path_in_drop(const struct wlt_packing *packing, const FTSENT *entry)
{
	size_t root = strlen(packing->spool_path) + strlen(packing->id) + strlen(packing->name) +
		      strlen("//tree/");

	return entry->fts_path + (entry->fts_pathlen > root ? root + 1 : root);
}

static char *find_temporary(const struct wlt_packing *packing, FTS *walk)
{
	FTSENT *entry;

	while ((entry = fts_read(walk)) != NULL)
		if (entry->fts_info != FTS_DP && entry->fts_level > 0 &&
		    wlt_name_is_temporary(entry->fts_name))
			return strdup(path_in_drop(packing, entry));
	return NULL;
}

enum wlt_finding wlt_packing_look(const struct wlt_packing *packing, bool names_too, char **path)
{
	enum wlt_finding found = WLT_FOUND_NOTHING;
	FTS *walk = walk_drop(packing, FTS_NOSTAT);
	FTSENT *top;

	*path = NULL;
	if (walk == NULL)
		return WLT_FOUND_NOTHING;
	top = fts_read(walk);
	if (top != NULL && top->fts_info == FTS_D && fts_children(walk, FTS_NAMEONLY) == NULL &&
	    errno == 0)
		found = WLT_FOUND_EMPTY;
	if (found == WLT_FOUND_NOTHING && names_too)
		*path = find_temporary(packing, walk);
	if (*path != NULL)
		found = WLT_FOUND_TEMPORARY;
	(void)fts_close(walk);
	return found;
}

static bool is_earlier(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

bool wlt_packing_sweep(const struct wlt_packing *packing, const struct timespec *since,
		       struct wlt_strings *removed, struct wlt_error *err)
{
	FTS *walk = walk_drop(packing, 0);
	FTSENT *entry;
	bool ok = true;

	if (walk == NULL)
		return true; /* packing will say what is wrong with it */
	while (ok && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info != FTS_F || entry->fts_level == 0 ||
		    !is_earlier(&entry->fts_statp->st_ctim, since) ||
		    !wlt_name_is_left_over(entry->fts_name))
			continue;
		ok = unlink(entry->fts_accpath) == 0
			     ? wlt_strings_add(removed, path_in_drop(packing, entry), err)
			     : wlt_fail_errno(err, errno, "cannot remove %s, which was left over",
					      path_in_drop(packing, entry));
	}
	(void)fts_close(walk);
	return ok;
}
