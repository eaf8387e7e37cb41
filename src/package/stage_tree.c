/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "package/digest.h"
#include "package/staging.h"

/* Folders that are still to be read; a stack, so that no depth costs ours. */
struct walk {
	struct pending {
		char *source;
		char *path;
		bool linked;
	} * items;
	size_t n;
};

static void free_walk(struct walk *walk)
{
	while (walk->n > 0) {
		walk->n--;
		free(walk->items[walk->n].source);
		free(walk->items[walk->n].path);
	}
	free(walk->items);
}

static bool push(struct walk *walk, const struct wlt_place *place, struct wlt_error *err)
{
	struct pending *items = reallocarray(walk->items, walk->n + 1, sizeof(*items));

	if (items == NULL)
		return wlt_fail_memory(err);
	walk->items = items;
	items += walk->n++;
	*items = (struct pending){strdup(place->source), strdup(place->path), place->linked};
	return (items->source != NULL && items->path != NULL) || wlt_fail_memory(err);
}

static void close_folder(DIR **folder)
{
	if (*folder != NULL)
		(void)closedir(*folder);
}

bool wlt_staging_list(int dirfd, const char *what, struct wlt_strings *names, struct wlt_error *err)
{
	WLT_AUTOCLOSE int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	WLT_AUTO(close_folder) DIR *folder = NULL;
	const struct dirent *entry;

	folder = own < 0 ? NULL : fdopendir(own);
	if (folder == NULL)
		return wlt_fail_errno(err, errno, "cannot read folder %s", what);
	(void)wlt_take_fd(&own); /* the folder's now */
	for (errno = 0; (entry = readdir(folder)) != NULL; errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (!wlt_strings_add(names, entry->d_name, err))
			return false;
	}
	if (errno != 0)
		return wlt_fail_errno(err, errno, "cannot read folder %s", what);
	wlt_strings_sort(names);
	return true;
}

/* "FOLDER/NAME", or NAME in the root. */
static char *below(const char *folder, const char *name)
{
	return *folder == '\0' ? strdup(name) : wlt_path_join(folder, name);
}

static bool add_folder(struct wlt_staging *s, struct walk *walk, const struct wlt_place *place,
		       struct wlt_error *err)
{
	if (s->stage->scope == WLT_SCOPE_FULL && wlt_staging_is_bundle(s, place->source, false))
		return true; /* nested: warned about where the bundles were staged */
	return push(walk, place, err);
}

/* A link may stand for the very file that says whether its folder is restricted. */
static bool mark_link(struct wlt_staging *s, const struct wlt_place *place, const char *name,
		      const char *target, struct wlt_error *err)
{
	if (strcmp(name, "context.manifest.yaml") != 0 && strcmp(name, "key.md") != 0)
		return true;
	return wlt_staging_mark(s, target, place->path, err);
}

/* A symbolic link becomes what it points to. */
static bool add_link(struct wlt_staging *s, struct walk *walk, int dirfd,
		     const struct wlt_place *place, const char *name, const char *path,
		     struct wlt_error *err)
{
	WLT_AUTOFREE char *target = NULL;
	struct stat st;

	if (!wlt_staging_follow(s, dirfd, place, name, &target, &st, err))
		return false;
	if (target == NULL)
		return true;
	if (S_ISREG(st.st_mode))
		return mark_link(s, place, name, target, err) &&
		       wlt_staging_add_file(s, path, target, &st, err);
	return add_folder(s, walk, &(struct wlt_place){target, path, true}, err);
}

/* One entry, of whatever type. A folder is put on the stack. */
static bool add_entry(struct wlt_staging *s, struct walk *walk, int dirfd,
		      const struct wlt_place *place, const char *name, struct wlt_error *err)
{
	WLT_AUTOFREE char *source = below(place->source, name);
	WLT_AUTOFREE char *path = below(place->path, name);
	struct wlt_place inner = {source, path, place->linked};
	struct stat st;
	bool wanted;

	if (source == NULL || path == NULL)
		return wlt_fail_memory(err);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return wlt_fail_errno(err, errno, "cannot look at %s", source);
	if (S_ISDIR(st.st_mode)) {
		if (wlt_is_leftover(name) || wlt_never_shipped(path))
			return true;
		return add_folder(s, walk, &inner, err);
	}
	if (!wlt_staging_wants(s, path, &wanted, err))
		return false;
	if (!wanted)
		return true;
	if (S_ISREG(st.st_mode))
		return wlt_staging_add_file(s, path, source, &st, err);
	if (S_ISLNK(st.st_mode))
		return add_link(s, walk, dirfd, place, name, path, err);
	return wlt_strings_addf(&s->stage->warnings, err,
				"%s is left out: only files and folders can be shared", source);
}

/* What the folder itself says about it: a bundle's manifest, or another walnut's key. */
static bool look_at_folder(struct wlt_staging *s, const struct wlt_place *place,
			   struct wlt_error *err)
{
	const char *marker = wlt_bundle_marker(s->stage->walnut_fd, place->source);
	WLT_AUTOFREE char *file = NULL;

	if (marker != NULL) {
		file = wlt_path_join(place->source, marker);
		if (file == NULL)
			return wlt_fail_memory(err);
		if (!wlt_staging_mark(s, file, place->path, err))
			return false;
	}
	if (!wlt_is_walnut(s->stage->walnut_fd, place->source))
		return true;
	free(file);
	file = wlt_path_join(place->source, "_kernel/key.md");
	if (file == NULL)
		return wlt_fail_memory(err);
	return wlt_staging_mark(s, file, place->path, err) &&
	       wlt_strings_addf(&s->stage->warnings, err,
				"%s is a walnut of its own and goes along whole, with its history; "
				"exclude '%s/' if it should not",
				place->source, place->path);
}

static bool read_folder(struct wlt_staging *s, struct walk *walk, const struct wlt_place *place,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings names = {0};
	WLT_AUTOCLOSE int fd = wlt_open_beneath(s->stage->walnut_fd, place->source,
						O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot read folder %s", place->source);
	if (wlt_cancelled(s->options->cancel, err) || !look_at_folder(s, place, err) ||
	    !wlt_staging_list(fd, place->source, &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++)
		if (!add_entry(s, walk, fd, place, names.items[i], err))
			return false;
	return true;
}

static bool finish_walk(struct wlt_staging *s, struct walk *walk, struct wlt_error *err)
{
	while (walk->n > 0) {
		struct pending folder = walk->items[--walk->n];
		bool ok =
			read_folder(s, walk,
				    &(struct wlt_place){folder.source, folder.path, folder.linked},
				    err);

		free(folder.source);
		free(folder.path);
		if (!ok)
			return false;
	}
	return true;
}

bool wlt_staging_entry(struct wlt_staging *s, int dirfd, const struct wlt_place *place,
		       const char *name, struct wlt_error *err)
{
	WLT_AUTO(free_walk) struct walk walk = {0};

	return add_entry(s, &walk, dirfd, place, name, err) && finish_walk(s, &walk, err);
}

bool wlt_staging_tree(struct wlt_staging *s, const struct wlt_place *place, struct wlt_error *err)
{
	WLT_AUTO(free_walk) struct walk walk = {0};

	return push(&walk, place, err) && finish_walk(s, &walk, err);
}
