/* SPDX-License-Identifier: MIT */
/*
 * Symbolic links in a walnut. The kernel resolves them (it knows about mounts, `..` and links in
 * links), /proc tells where that led, and only that path is kept: it is opened later beneath the
 * walnut and without following anything.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "package/staging.h"

/* readlink into a malloc()ed string; NULL with errno. */
static char *read_link(int dirfd, const char *name)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, text, sizeof(text));

	if (len < 0 || (size_t)len == sizeof(text)) {
		errno = len < 0 ? errno : ENAMETOOLONG;
		return NULL;
	}
	return strndup(text, (size_t)len);
}

static char *path_of(int fd)
{
	char name[48];

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return read_link(AT_FDCWD, name);
}

/* What of `path` lies below `root`: "" for the root itself, NULL when it lies elsewhere. */
static const char *inside(const char *root, const char *path)
{
	size_t len = strlen(root);

	if (strncmp(root, path, len) != 0 || (path[len] != '\0' && path[len] != '/'))
		return NULL;
	return path[len] == '\0' ? path + len : path + len + 1;
}

static bool is_in(const char *folder, const char *path)
{
	return *folder == '\0' || inside(folder, path) != NULL;
}

static bool leads_out(const struct wlt_place *place, const char *name, const char *text,
		      struct wlt_error *err)
{
	WLT_AUTOFREE char *shown = wlt_text_printable(text);

	return wlt_fail(err, WLT_REFUSED,
			"%s%s%s is a symbolic link that leaves the walnut (to %s); put the file "
			"itself there, or exclude the link",
			place->source, *place->source == '\0' ? "" : "/", name,
			shown == NULL ? "somewhere" : shown);
}

static bool leave_out(struct wlt_staging *s, const struct wlt_place *place, const char *name,
		      const char *why, struct wlt_error *err)
{
	return wlt_strings_addf(&s->stage->warnings, err, "%s%s%s is left out: %s", place->source,
				*place->source == '\0' ? "" : "/", name, why);
}

/* Does the text of a link that points to nothing lead out of the walnut, by its `..` alone? */
static bool climbs_out(const struct wlt_place *place, const char *text)
{
	long depth = *place->source != '\0';

	for (const char *s = place->source; *s != '\0'; s++)
		depth += *s == '/';
	while (*text != '\0') {
		size_t len = strcspn(text, "/");

		if (len == 2 && text[0] == '.' && text[1] == '.')
			depth--;
		else if (len > 0 && !(len == 1 && text[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		text += len;
		text += *text == '/';
	}
	return false;
}

/* A link to nothing ends a share only where it leads out; programs leave such links as locks. */
static bool follow_nothing(struct wlt_staging *s, const struct wlt_place *place, const char *name,
			   const char *root, const char *text, struct wlt_error *err)
{
	bool out = text[0] == '/' ? inside(root, text) == NULL : climbs_out(place, text);

	if (out)
		return leads_out(place, name, text, err);
	return leave_out(s, place, name, "a symbolic link that points to nothing", err);
}

/* Why a link to `target` does not go along, or NULL. What a scope withholds it withholds under any
 * name. */
static const char *objection(const struct wlt_staging *s, const struct wlt_place *place,
			     const char *target, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return "a symbolic link to something that is neither file nor folder";
	if (S_ISDIR(st->st_mode) && place->linked)
		return "a symbolic link to a folder, in a folder that was itself reached by one";
	if (S_ISDIR(st->st_mode) && is_in(target, place->source))
		return "a symbolic link to a folder that holds it";
	if (wlt_never_shipped(target) ||
	    (is_in(s->kernel, target) && !wlt_strings_contain(&s->real, target)))
		return "a symbolic link to a file of the kernel that is not shared";
	return NULL;
}

bool wlt_staging_follow(struct wlt_staging *s, int dirfd, const struct wlt_place *place,
			const char *name, char **target, struct stat *st, struct wlt_error *err)
{
	WLT_AUTOFREE char *text = read_link(dirfd, name);
	WLT_AUTOFREE char *root = path_of(s->stage->walnut_fd);
	WLT_AUTOFREE char *path = NULL;
	WLT_AUTOCLOSE int fd = -1;
	const char *why;
	const char *rest;

	if (text == NULL || root == NULL)
		return wlt_fail_errno(err, errno, "cannot read the symbolic link %s/%s",
				      place->source, name);
	fd = openat(dirfd, name, O_PATH | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return follow_nothing(s, place, name, root, text, err);
	if (fd < 0 || fstat(fd, st) != 0 || (path = path_of(fd)) == NULL)
		return wlt_fail_errno(err, errno, "cannot follow the symbolic link %s/%s",
				      place->source, name);
	rest = inside(root, path);
	if (rest == NULL)
		return leads_out(place, name, text, err);
	why = objection(s, place, rest, st);
	if (why != NULL)
		return leave_out(s, place, name, why, err);
	*target = strdup(rest);
	return *target != NULL || wlt_fail_memory(err);
}
