/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnut/walnut.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"

/* Is `path` beneath `dirfd`, through no link, of this type? */
static bool is_type(int dirfd, const char *path, mode_t type)
{
	WLT_AUTOCLOSE int fd = wlt_open_beneath(dirfd, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

enum wlt_layout wlt_walnut_layout(int walnut_fd)
{
	if (is_type(walnut_fd, "_kernel/key.md", S_IFREG)) {
		bool v2 = is_type(walnut_fd, "bundles", S_IFDIR) ||
			  is_type(walnut_fd, "_kernel/_generated", S_IFDIR);

		return v2 ? WLT_LAYOUT_V2 : WLT_LAYOUT_V3;
	}
	return is_type(walnut_fd, "_core/key.md", S_IFREG) ? WLT_LAYOUT_V1 : WLT_LAYOUT_NONE;
}

bool wlt_is_walnut(int dirfd, const char *name)
{
	WLT_AUTOCLOSE int fd = wlt_open_beneath(dirfd, name, O_PATH | O_DIRECTORY, 0);

	return fd >= 0 && is_type(fd, "_kernel/key.md", S_IFREG);
}

const char *wlt_bundle_marker(int walnut_fd, const char *path)
{
	static const char *const markers[] = {"context.manifest.yaml", "companion.md"};
	WLT_AUTOCLOSE int fd = wlt_open_beneath(walnut_fd, path, O_PATH | O_DIRECTORY, 0);

	for (size_t i = 0; fd >= 0 && i < sizeof(markers) / sizeof(markers[0]); i++)
		if (is_type(fd, markers[i], S_IFREG))
			return markers[i];
	return NULL;
}

char *wlt_world_around(const char *path)
{
	WLT_AUTOFREE char *folder = strdup(path);

	if (folder == NULL || folder[0] != '/')
		return NULL;
	for (;;) {
		WLT_AUTOCLOSE int fd = -1;
		char *slash;

		fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && is_type(fd, ".alive", S_IFDIR))
			return wlt_take(folder);
		slash = strrchr(folder, '/');
		if (slash == NULL || folder[1] == '\0')
			return NULL;
		slash[slash == folder ? 1 : 0] = '\0';
	}
}
