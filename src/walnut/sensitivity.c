/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnut/walnut.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "base/yaml.h"

#define KEY_SIZE (4u << 20)

/* All of a regular file; `*found` is false when it is not there. */
static bool read_whole(int walnut_fd, const char *path, struct wlt_buf *out, bool *found,
		       struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd =
		wlt_open_beneath(walnut_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	struct stat st;
	size_t got = 0;
	char *room;
	int failure;

	*found = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0 || fstat(fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return wlt_fail(err, WLT_REFUSED, "%s is not a regular file", path);
	if (st.st_size > KEY_SIZE)
		return wlt_fail(err, WLT_TOO_BIG, "%s is larger than %u bytes", path, KEY_SIZE);
	room = wlt_buf_reserve(out, (size_t)st.st_size + 1);
	if (room == NULL)
		return wlt_fail_memory(err);
	failure = wlt_read_full(fd, room, (size_t)st.st_size, &got);
	if (failure != 0)
		return wlt_fail_errno(err, failure, "cannot read %s", path);
	out->len += got;
	return true;
}

static bool says_restricted(struct json_object *tree)
{
	const char *sensitivity = wlt_json_string(tree, "sensitivity");
	struct json_object *pii = NULL;

	if (sensitivity != NULL && strcasecmp(sensitivity, "restricted") == 0)
		return true;
	if (!json_object_object_get_ex(tree, "pii", &pii) || pii == NULL)
		return false;
	/* `pii: "true"` is meant the same way. */
	if (json_object_is_type(pii, json_type_string))
		return strcasecmp(json_object_get_string(pii), "true") == 0;
	return json_object_is_type(pii, json_type_boolean) && json_object_get_boolean(pii);
}

bool wlt_is_restricted(int walnut_fd, const char *path, bool *restricted, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *tree = NULL;
	size_t len = strlen(path);
	bool found;
	bool ok;

	*restricted = false;
	if (!read_whole(walnut_fd, path, &text, &found, err))
		return false;
	if (!found || text.len == 0)
		return true;
	if (len > 3 && strcmp(path + len - 3, ".md") == 0)
		ok = wlt_front_matter_parse(text.data, text.len, &tree, NULL, err);
	else
		ok = wlt_yaml_parse(text.data, text.len, NULL, &tree, err);
	if (!ok)
		return wlt_fail_context(err, "%s", path);
	*restricted = tree != NULL && says_restricted(tree);
	return true;
}
