/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/packed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"

/* Index of the first entry whose path is not before the first `len` bytes of `key` followed by `tail`. */
static size_t lower_bound(const struct wlt_package *package, const char *key, size_t len, char tail)
{
	size_t low = 0;
	size_t high = package->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *path = package->entries[middle].path;
		int order = strncmp(path, key, len);

		/* strncmp() stops at the end of a shorter path, so here path[len] exists. */
		if (order < 0 || (order == 0 && (unsigned char)path[len] < (unsigned char)tail))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct wlt_entry *wlt_packed_file(const struct wlt_package *package, const char *path)
{
	size_t i = lower_bound(package, path, strlen(path), '\0');

	if (i == package->n_entries || strcmp(package->entries[i].path, path) != 0)
		return NULL;
	return &package->entries[i];
}

/* True when `path` lies in the folder whose name is the first `len` bytes of `folder`. */
static bool lies_below(const char *path, const char *folder, size_t len)
{
	return len == 0 || (strncmp(path, folder, len) == 0 && path[len] == '/');
}

bool wlt_packed_is_folder(const struct wlt_package *package, const char *path)
{
	size_t len = strlen(path);
	size_t i;

	if (len == 0)
		return true;
	i = lower_bound(package, path, len, '/');
	return i < package->n_entries && lies_below(package->entries[i].path, path, len);
}

int wlt_packed_list(const struct wlt_package *package, const char *path,
		    int (*each)(void *context, const char *name, const struct wlt_entry *file),
		    void *context)
{
	size_t len = strlen(path);
	size_t skip = len == 0 ? 0 : len + 1;
	size_t i = len == 0 ? 0 : lower_bound(package, path, len, '/');
	char name[WLT_NAME_BYTES + 1];
	int result = 0;

	while (result == 0 && i < package->n_entries &&
	       lies_below(package->entries[i].path, path, len)) {
		const struct wlt_entry *entry = &package->entries[i];
		const char *rest = entry->path + skip;
		const char *slash = strchr(rest, '/');

		if (slash == NULL) {
			result = each(context, rest, entry);
			i++;
			continue;
		}
		if ((size_t)(slash - rest) >= sizeof(name))
			return ENAMETOOLONG;
		memcpy(name, rest, (size_t)(slash - rest));
		name[slash - rest] = '\0';
		result = each(context, name, NULL);
		/* Behind everything that begins with this folder's name and `/`. */
		i = lower_bound(package, entry->path, (size_t)(slash - entry->path), '/' + 1);
	}
	return result;
}
