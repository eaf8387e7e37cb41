/* SPDX-License-Identifier: MIT */
/*
 * The common answer of a poll, without libgit2: starting it reads every certificate authority of the
 * system, which costs more than all the rest of a look at a folder. Only the plain case is recognized;
 * for all others the library is asked.
 */
#include "config.h"

#include "relay/mirror.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"

#define MAX_REF_FILE 512

/* The one line of a small file, without its LF; false when it is not like that. */
static bool read_line(int dirfd, const char *path, struct wlt_buf *line)
{
	struct wlt_error ignored = WLT_ERROR_INIT;
	bool ok = wlt_file_read(dirfd, path, MAX_REF_FILE, line, &ignored);

	wlt_error_clear(&ignored);
	if (!ok || line->len == 0 || line->data[line->len - 1] != '\n' ||
	    strlen(line->data) != line->len)
		return false;
	line->data[--line->len] = '\0';
	return true;
}

static bool ref_is(int dirfd, const char *ref, const char *tip)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf line = WLT_BUF_INIT;

	return read_line(dirfd, ref, &line) && strcmp(line.data, tip) == 0;
}

/* The branch that HEAD names stands at `tip`. */
static bool head_is(int dirfd, const char *tip)
{
	static const char prefix[] = "ref: ";
	WLT_AUTO(wlt_buf_free) struct wlt_buf head = WLT_BUF_INIT;
	struct wlt_error ignored = WLT_ERROR_INIT;

	if (!read_line(dirfd, "HEAD", &head) || strncmp(head.data, prefix, sizeof(prefix) - 1) != 0)
		return false;

	const char *branch = head.data + sizeof(prefix) - 1;
	bool safe = strncmp(branch, "refs/heads/", 11) == 0 && wlt_path_check(branch, &ignored);

	wlt_error_clear(&ignored);
	return safe && ref_is(dirfd, branch, tip);
}

static int open_folder(const char *path)
{
	return path != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

bool wlt_mirror_is_current(const char *mirrors_dir, const char *url, const char *tip)
{
	WLT_AUTOFREE char *remote_path = wlt_url_local_path(url);
	WLT_AUTOFREE char *mirror_path = wlt_mirror_path(mirrors_dir, url);
	WLT_AUTOCLOSE int remote = open_folder(remote_path);
	WLT_AUTOCLOSE int mirror = open_folder(mirror_path);

	return remote >= 0 && mirror >= 0 && strlen(tip) == WLT_OID_BYTES - 1 &&
	       head_is(remote, tip) && ref_is(mirror, WLT_TIP_REF, tip);
}
