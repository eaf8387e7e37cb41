/* SPDX-License-Identifier: MIT */
/* The lists of names of package format sections 1 and 2, each in one place. */
#include "config.h"

#include "walnut/walnut.h"

#include <fnmatch.h>
#include <string.h>

static const char *const skipped[] = {
	"_kernel", "_core", ".git",  ".alive", "node_modules", "raw",         "__pycache__",
	"dist",    "build", ".next", "target", "_archive",     "_references", "01_Archive",
};

/* Below `_kernel/`; a folder's whole content goes with it. */
static const char *const kernel_private[] = {
	"now.json", "_generated", "history", "links.yaml", "people.yaml", "imports.json",
};

static const char *const system_files[] = {"desktop.ini", ".DS_Store", "Thumbs.db"};

static const char *const leftovers[] = {
	".goutputstream-*", /* GLib: what a file is written to before it is renamed */
	".~tmp~",           /* rsync --delay-updates */
	"*.kate-swp",       /* Kate and KWrite */
	"__MACOSX",         /* resource forks in archives made on a Mac; receivers refuse it */
};

static const char *const sensitive[] = {
	"pricing*", "invoice*", "salary*", "strategy*", "secret*", "credential*", ".env*",
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool listed(const char *const *list, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && memcmp(list[i], name, len) == 0)
			return true;
	return false;
}

static bool matches(const char *const *list, size_t n, const char *name, int flags)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(list[i], name, flags) == 0)
			return true;
	return false;
}

bool wlt_walnut_skips(const char *name)
{
	return listed(skipped, COUNT(skipped), name, strlen(name));
}

bool wlt_is_leftover(const char *name)
{
	return matches(leftovers, COUNT(leftovers), name, 0);
}

bool wlt_name_looks_sensitive(const char *name)
{
	return matches(sensitive, COUNT(sensitive), name, FNM_CASEFOLD);
}

bool wlt_never_shipped(const char *path)
{
	bool in_kernel = false;
	bool in_alive = false;

	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (len >= 2 && path[0] == '.' && path[1] == '_')
			return true;
		if (listed(system_files, COUNT(system_files), path, len))
			return true;
		if (in_kernel && listed(kernel_private, COUNT(kernel_private), path, len))
			return true;
		if (in_alive && len == strlen("_squirrels") && memcmp(path, "_squirrels", len) == 0)
			return true;
		in_kernel = len == strlen("_kernel") && memcmp(path, "_kernel", len) == 0;
		in_alive = len == strlen(".alive") && memcmp(path, ".alive", len) == 0;
		path += len;
		path += *path == '/';
	}
	return false;
}
