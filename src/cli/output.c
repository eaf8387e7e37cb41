/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define DRAFT_PREFIX ".walnut-"
#define DRAFT_RANDOM 8 /* bytes */

_Static_assert(sizeof(DRAFT_PREFIX) + 2 * DRAFT_RANDOM <= WLT_OUTPUT_DRAFT_BYTES, "room for it");

static bool open_folder(struct wlt_output *output, struct wlt_error *err)
{
	WLT_AUTOFREE char *folder = strndup(output->path, (size_t)(output->leaf - output->path));

	if (folder == NULL)
		return wlt_fail_memory(err);
	if (output->leaf[0] == '\0' || strcmp(output->leaf, ".") == 0 ||
	    strcmp(output->leaf, "..") == 0)
		return wlt_fail(err, WLT_USAGE, "cannot write '%s': it does not name a file",
				output->path);
	output->folder = open(folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (output->folder < 0)
		return wlt_fail_errno(err, errno, "cannot write %s", output->path);
	return true;
}

static bool look_at_old(struct wlt_output *output, struct wlt_error *err)
{
	struct stat st;

	if (fstatat(output->folder, output->leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ||
		       wlt_fail_errno(err, errno, "cannot look at %s", output->path);
	if (!S_ISREG(st.st_mode))
		return wlt_fail(err, WLT_REFUSED, "cannot replace %s: it is not a regular file",
				output->path);
	output->replaces = true;
	output->mode = st.st_mode & 07777;
	return true;
}

static bool name_draft(struct wlt_output *output, struct wlt_error *err)
{
	memcpy(output->draft, DRAFT_PREFIX, sizeof(DRAFT_PREFIX));
	if (wlt_random_hex(DRAFT_RANDOM, output->draft + sizeof(DRAFT_PREFIX) - 1, err))
		return true;
	output->draft[0] = '\0';
	return false;
}

static bool open_draft(struct wlt_output *output, struct wlt_error *err)
{
	output->fd = openat(output->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	/* Not every file system can; the names for that differ. */
	if (output->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		if (!name_draft(output, err))
			return false;
		output->fd = openat(output->folder, output->draft,
				    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	}
	if (output->fd >= 0)
		return true;
	output->draft[0] = '\0';
	return wlt_fail_errno(err, errno, "cannot write %s", output->path);
}

bool wlt_output_begin(struct wlt_output *output, const char *path, struct wlt_error *err)
{
	*output = (struct wlt_output){.path = path,
				      .leaf = wlt_path_leaf(path),
				      .folder = -1,
				      .fd = -1};
	return open_folder(output, err) && look_at_old(output, err) && open_draft(output, err);
}

/* Give what has no name yet this one: 0 or an errno value. */
static int link_as(const struct wlt_output *output, const char *name)
{
	char self[48];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
	return linkat(AT_FDCWD, self, output->folder, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

/* Straight to its name when that is free; otherwise by a draft that is renamed over what is there. */
static bool put_in_place(struct wlt_output *output, struct wlt_error *err)
{
	int fault;

	if (output->draft[0] == '\0') {
		fault = link_as(output, output->leaf);
		if (fault == 0)
			return true;
		if (fault != EEXIST)
			return wlt_fail_errno(err, fault, "cannot name %s", output->path);
		if (!look_at_old(output, err) || !name_draft(output, err))
			return false;
		fault = link_as(output, output->draft);
		if (fault != 0) {
			output->draft[0] = '\0';
			return wlt_fail_errno(err, fault, "cannot write beside %s", output->path);
		}
	}
	if (renameat(output->folder, output->draft, output->folder, output->leaf) != 0)
		return wlt_fail_errno(err, errno, "cannot replace %s", output->path);
	output->draft[0] = '\0';
	return true;
}

bool wlt_output_publish(struct wlt_output *output, struct wlt_error *err)
{
	if (output->replaces && fchmod(output->fd, output->mode) != 0)
		return wlt_fail_errno(err, errno, "cannot keep the mode of %s", output->path);
	if (fsync(output->fd) != 0)
		return wlt_fail_errno(err, errno, "cannot write %s", output->path);
	if (!put_in_place(output, err))
		return false;
	/* Some file systems cannot sync a folder and say EINVAL. */
	if (fsync(output->folder) != 0 && errno != EINVAL)
		return wlt_fail_errno(err, errno, "cannot sync the folder of %s", output->path);
	return true;
}

void wlt_output_end(struct wlt_output *output)
{
	if (output->draft[0] != '\0')
		(void)unlinkat(output->folder, output->draft, 0); /* why it stays is told already */
	wlt_cleanup_close(&output->fd);
	wlt_cleanup_close(&output->folder);
}
