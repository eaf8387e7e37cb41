/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnut/walnut.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"

#define CAPSULES "_core/_capsules"

static void close_folder(DIR **folder)
{
	if (*folder != NULL)
		(void)closedir(*folder);
}

static bool is_top_level(const char *path)
{
	static const char *const containers[] = {"bundles/", CAPSULES "/"};

	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++)
		if (strncmp(path, containers[i], strlen(containers[i])) == 0)
			return strchr(path + strlen(containers[i]), '/') == NULL;
	return strchr(path, '/') == NULL;
}

static bool add_bundle(struct wlt_bundles *out, const char *path, struct wlt_error *err)
{
	struct wlt_bundle *items = reallocarray(out->items, out->n + 1, sizeof(*items));
	struct wlt_bundle *bundle;

	if (items == NULL)
		return wlt_fail_memory(err);
	out->items = items;
	bundle = &items[out->n];
	bundle->path = strdup(path);
	if (bundle->path == NULL)
		return wlt_fail_memory(err);
	bundle->leaf = wlt_path_leaf(bundle->path);
	bundle->top_level = is_top_level(path);
	out->n++;
	return true;
}

static int compare_bundles(const void *a, const void *b)
{
	return strcmp(((const struct wlt_bundle *)a)->path, ((const struct wlt_bundle *)b)->path);
}

static void sort_bundles(struct wlt_bundles *bundles)
{
	if (bundles->n > 1)
		qsort(bundles->items, bundles->n, sizeof(*bundles->items), compare_bundles);
}

/* Is the entry a folder? The type in the listing saves a call where the file system tells it. */
static bool is_folder(int dirfd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Add the paths of the folders in `path` to `found`, without those that hold no bundles for us. */
static bool list_folders(int walnut_fd, const char *path, struct wlt_strings *found,
			 struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = wlt_open_beneath(walnut_fd, path, O_RDONLY | O_DIRECTORY, 0);
	WLT_AUTO(close_folder) DIR *folder = NULL;
	const struct dirent *entry;

	folder = fd < 0 ? NULL : fdopendir(fd);
	if (folder == NULL)
		return wlt_fail_errno(err, errno, "cannot read folder %s",
				      *path == '\0' ? "of the walnut" : path);
	(void)wlt_take_fd(&fd); /* the folder's now */
	for (errno = 0; (entry = readdir(folder)) != NULL; errno = 0) {
		if (entry->d_name[0] == '.' || wlt_walnut_skips(entry->d_name) ||
		    !is_folder(dirfd(folder), entry))
			continue;
		if (!wlt_strings_addf(found, err, "%s%s%s", path, *path == '\0' ? "" : "/",
				      entry->d_name))
			return false;
	}
	if (errno != 0)
		return wlt_fail_errno(err, errno, "cannot read folder %s", path);
	return true;
}

/* One folder of the walk: is it a bundle, and what is below it? */
static bool visit(int walnut_fd, const char *path, struct wlt_strings *pending,
		  struct wlt_bundles *out, struct wlt_error *err)
{
	if (*path != '\0') {
		if (wlt_is_walnut(walnut_fd, path))
			return true;
		if (wlt_bundle_marker(walnut_fd, path) != NULL && !add_bundle(out, path, err))
			return false;
	}
	return list_folders(walnut_fd, path, pending, err);
}

bool wlt_walnut_bundles(int walnut_fd, struct wlt_bundles *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings pending = {0};
	bool ok = wlt_strings_add(&pending, "", err);

	*out = (struct wlt_bundles){0};
	while (ok && pending.n > 0) {
		WLT_AUTOFREE char *path = pending.items[--pending.n];

		ok = visit(walnut_fd, path, &pending, out, err);
	}
	if (!ok) {
		wlt_bundles_free(out);
		return false;
	}
	sort_bundles(out);
	return true;
}

bool wlt_walnut_capsules(int walnut_fd, struct wlt_bundles *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings found = {0};
	WLT_AUTOCLOSE int fd = wlt_open_beneath(walnut_fd, CAPSULES, O_PATH | O_DIRECTORY, 0);

	if (fd < 0 && errno == ENOENT)
		return true;
	if (!list_folders(walnut_fd, CAPSULES, &found, err))
		return false;
	for (size_t i = 0; i < found.n; i++)
		if (wlt_bundle_marker(walnut_fd, found.items[i]) != NULL &&
		    !add_bundle(out, found.items[i], err))
			return false;
	sort_bundles(out);
	return true;
}

void wlt_bundles_free(struct wlt_bundles *bundles)
{
	for (size_t i = 0; i < bundles->n; i++)
		free(bundles->items[i].path);
	free(bundles->items);
	*bundles = (struct wlt_bundles){0};
}
