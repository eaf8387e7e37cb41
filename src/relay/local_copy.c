/* SPDX-License-Identifier: MIT */
/*
 * A few new objects, which is what a package is, are linked or copied one by one as they are: nothing is
 * inflated, and no pack file is left behind for each. More than a few go as one pack.
 */
#include "config.h"

#include "relay/local_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FEW      200
#define TOO_MANY 1 /* returned by what counts them */

/* Objects to be copied, every one behind those it refers to. */
struct objects {
	git_repository *from;
	git_odb *target;
	git_oid ids[FEW];
	size_t n;
	size_t settled; /* of earlier commits, in their final order */
};

/* --- finding ----------------------------------------------------------------------------------- */

static int add(struct objects *objects, const git_oid *id)
{
	if (objects->n == FEW)
		return TOO_MANY;
	objects->ids[objects->n++] = *id;
	return 0;
}

/* It is there, or will be before anything of the present commit. An object that the present commit has
 * twice does not count: its place in the order is not known yet. */
static bool is_settled(const struct objects *objects, const git_oid *id)
{
	for (size_t i = 0; i < objects->settled; i++) {
		if (git_oid_equal(&objects->ids[i], id))
			return true;
	}
	return git_odb_exists(objects->target, id) == 1;
}

/* Called for every entry of a tree, folders before what is in them. A positive value skips the folder,
 * a negative one ends the walk. */
static int on_entry(const char *root, const git_tree_entry *entry, void *payload)
{
	struct objects *objects = payload;

	(void)root;
	if (git_tree_entry_type(entry) == GIT_OBJECT_COMMIT ||
	    is_settled(objects, git_tree_entry_id(entry)))
		return 1;
	return add(objects, git_tree_entry_id(entry)) == TOO_MANY ? GIT_EUSER : 0;
}

static int add_tree(struct objects *objects, const git_commit *commit)
{
	WLT_AUTO(wlt_git_tree_free) git_tree *tree = NULL;
	int code = git_commit_tree(&tree, commit);

	if (code < 0 || is_settled(objects, git_tree_id(tree)))
		return code;
	code = add(objects, git_tree_id(tree));
	if (code == 0)
		code = git_tree_walk(tree, GIT_TREEWALK_PRE, on_entry, objects);
	return code == GIT_EUSER ? TOO_MANY : code;
}

/* The commit, its tree and what is in it were found in this order; they are needed in the opposite. */
static int add_commit(struct objects *objects, const git_oid *id)
{
	WLT_AUTO(wlt_git_commit_free) git_commit *commit = NULL;
	int code = git_commit_lookup(&commit, objects->from, id);

	if (code == 0)
		code = add(objects, id);
	if (code == 0)
		code = add_tree(objects, commit);
	for (size_t i = objects->settled, j = objects->n; i + 1 < j; i++) {
		git_oid swapped = objects->ids[i];

		objects->ids[i] = objects->ids[--j];
		objects->ids[j] = swapped;
	}
	objects->settled = objects->n;
	return code;
}

/* Oldest first up to `tip`; what `have` reaches is not visited. The walk is for the caller to free. */
static int start_walk(git_repository *from, const git_oid *tip, const struct wlt_tip *have,
		      git_revwalk **walk)
{
	WLT_AUTO(wlt_git_odb_free) git_odb *odb = NULL;
	int code = git_repository_odb(&odb, from);

	if (code == 0)
		code = git_revwalk_new(walk, from);
	if (code == 0)
		code = git_revwalk_sorting(*walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
	if (code == 0)
		code = git_revwalk_push(*walk, tip);
	/* A history that was replaced has nothing in common with what we have. */
	if (code == 0 && have->exists && git_odb_exists(odb, &have->id) == 1)
		code = git_revwalk_hide(*walk, &have->id);
	return code;
}

static int find_objects(struct objects *objects, const git_oid *tip, const struct wlt_tip *have)
{
	git_revwalk *walk = NULL;
	git_oid id;
	int code = start_walk(objects->from, tip, have, &walk);

	while (code == 0 && (code = git_revwalk_next(&id, walk)) == 0)
		code = add_commit(objects, &id);
	git_revwalk_free(walk);
	return code == GIT_ITEROVER ? 0 : code;
}

/* --- a few ------------------------------------------------------------------------------------- */

/* The folder's entries reach the disk. */
static bool sync_folder(int repo, const char *folder)
{
	WLT_AUTOCLOSE int fd = openat(repo, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0;
}

/* Make `path` ("objects/xx/...") in `to` the same file as in `from`. False when that cannot be done, such
 * as for an object in a pack, or across file systems. */
static bool link_object(int from, int to, const char *path)
{
	char folder[] = "objects/xx";

	memcpy(folder, path, sizeof(folder) - 1);
	if (mkdirat(to, folder, 0777) == 0) {
		if (!sync_folder(to, "objects"))
			return false;
	} else if (errno != EEXIST) {
		return false;
	}
	return (linkat(from, path, to, path, 0) == 0 || errno == EEXIST) && sync_folder(to, folder);
}

static int rewrite_object(git_odb *source, git_odb *target, const git_oid *id)
{
	git_odb_object *object = NULL;
	git_oid written;
	int code = git_odb_read(&object, source, id);

	if (code == 0)
		code = git_odb_write(&written, target, git_odb_object_data(object),
				     git_odb_object_size(object), git_odb_object_type(object));
	git_odb_object_free(object);
	return code;
}

static int copy_few(const struct objects *objects, git_repository *to)
{
	WLT_AUTO(wlt_git_odb_free) git_odb *source = NULL;
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	WLT_AUTOCLOSE int from_fd = open(git_repository_path(objects->from), flags);
	WLT_AUTOCLOSE int to_fd = open(git_repository_path(to), flags);
	int code = git_repository_odb(&source, objects->from);

	for (size_t i = 0; code == 0 && i < objects->n; i++) {
		char path[8 + WLT_OID_BYTES + 2] = "objects/";

		git_oid_pathfmt(path + 8, &objects->ids[i]);
		path[8 + WLT_OID_BYTES] = '\0';
		if (from_fd < 0 || to_fd < 0 || !link_object(from_fd, to_fd, path))
			code = rewrite_object(source, objects->target, &objects->ids[i]);
	}
	return code;
}

/* --- many -------------------------------------------------------------------------------------- */

static int copy_pack(git_repository *from, git_repository *to, const git_oid *tip,
		     const struct wlt_tip *have)
{
	WLT_AUTOFREE char *folder = NULL;
	git_packbuilder *pack = NULL;
	git_revwalk *walk = NULL;
	int code = git_packbuilder_new(&pack, from);

	if (asprintf(&folder, "%sobjects/pack", git_repository_path(to)) < 0) {
		folder = NULL;
		git_error_set_str(GIT_ERROR_NOMEMORY, "out of memory");
		code = -1;
	}
	if (code == 0)
		code = start_walk(from, tip, have, &walk);
	if (code == 0)
		code = git_packbuilder_insert_walk(pack, walk);
	if (code == 0)
		code = git_packbuilder_write(pack, folder, 0, NULL, NULL);
	git_revwalk_free(walk);
	git_packbuilder_free(pack);
	return code;
}

int wlt_local_copy(git_repository *from, git_repository *to, const git_oid *tip,
		   const struct wlt_tip *have)
{
	WLT_AUTO(wlt_git_odb_free) git_odb *target = NULL;
	WLT_AUTOFREE struct objects *objects = calloc(1, sizeof(*objects));
	int code = git_repository_odb(&target, to);

	if (code < 0)
		return code;
	if (objects == NULL) {
		git_error_set_str(GIT_ERROR_NOMEMORY, "out of memory");
		return -1;
	}
	objects->from = from;
	objects->target = target;
	code = find_objects(objects, tip, have);
	if (code == TOO_MANY)
		return copy_pack(from, to, tip, have);
	return code == 0 ? copy_few(objects, to) : code;
}
