/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define PEER_NAME_MAX 39

/* What is wrong with a component, NULL when nothing is. */
static const char *name_fault(const char *name, size_t len)
{
	if (len == 0)
		return "is empty";
	if (len > WLT_NAME_BYTES)
		return "is longer than 255 bytes";
	if (!wlt_utf8_valid(name, len))
		return "is not valid UTF-8";
	if (wlt_text_has_control(name, len))
		return "holds a control character";
	if (memchr(name, '\\', len) != NULL)
		return "holds a backslash";
	if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
		return "is '.' or '..'";
	return NULL;
}

bool wlt_name_check(const char *name, struct wlt_error *err)
{
	const char *fault = name_fault(name, strlen(name));

	if (fault == NULL && strchr(name, '/') != NULL)
		fault = "holds a slash";
	if (fault != NULL)
		return wlt_fail(err, WLT_DAMAGED, "the name '%s' %s", name, fault);
	return true;
}

static bool has_drive_letter(const char *path)
{
	char letter = (char)(path[0] | 0x20);

	return letter >= 'a' && letter <= 'z' && path[1] == ':';
}

bool wlt_path_check(const char *path, struct wlt_error *err)
{
	unsigned depth = 0;
	const char *at = path;

	if (strlen(path) > WLT_PATH_BYTES)
		return wlt_fail(err, WLT_DAMAGED, "a path is longer than %d bytes: '%.60s...'",
				WLT_PATH_BYTES, path);
	if (path[0] == '/')
		return wlt_fail(err, WLT_DAMAGED, "the path '%s' is absolute", path);
	if (has_drive_letter(path))
		return wlt_fail(err, WLT_DAMAGED, "the path '%s' begins with a drive letter", path);
	for (;;) {
		size_t len = strcspn(at, "/");
		const char *fault = name_fault(at, len);

		if (fault != NULL)
			return wlt_fail(err, WLT_DAMAGED, "a component of the path '%s' %s", path,
					fault);
		if (++depth > WLT_PATH_DEPTH)
			return wlt_fail(err, WLT_DAMAGED,
					"the path '%.60s...' has more than %d components", path,
					WLT_PATH_DEPTH);
		if (at[len] == '\0')
			return true;
		at += len + 1;
	}
}

bool wlt_peer_name_check(const char *name, struct wlt_error *err)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789-_");

	if (len == 0 || len > PEER_NAME_MAX || name[len] != '\0')
		return wlt_fail(err, WLT_USAGE,
				"'%.80s' cannot be the name of a peer: it needs 1 to %d letters, "
				"digits, '-' or '_'",
				name, PEER_NAME_MAX);
	return true;
}

const char *wlt_path_leaf(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

char *wlt_path_join(const char *a, const char *b)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	char *path = malloc(a_len + b_len + 2);
	char *at = path;

	if (path == NULL)
		return NULL;
	memcpy(at, a, a_len);
	at += a_len;
	if (a_len > 0 && at[-1] != '/')
		*at++ = '/';
	memcpy(at, b, b_len + 1);
	return path;
}
