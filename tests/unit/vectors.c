/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "vectors.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

const char *vectors_dir(void)
{
	static char beside[4096];
	const char *named = getenv("WLT_VECTORS");
	const char *source = getenv("WLT_SOURCE_DIR");

	if (named != NULL)
		return named;
	if (source == NULL)
		return NULL;
	(void)snprintf(beside, sizeof(beside), "%s/../shared/vectors", source);
	return access(beside, X_OK) == 0 ? beside : NULL;
}

char *vectors_get(const char *name, size_t *len)
{
	struct wlt_buf buf = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;
	int fd = open(vectors_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_msg(wlt_file_read(fd, name, 1 << 20, &buf, &err), "%s: %s", name,
		      wlt_error_text(&err));
	ck_assert_int_eq(close(fd), 0);
	if (len != NULL)
		*len = buf.len;
	return wlt_buf_take(&buf);
}

struct json_object *vectors_expected(const char *name, struct json_object **root)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct json_object *expected;
	size_t len;
	char *text = vectors_get("expected.json", &len);

	ck_assert_msg(wlt_json_parse(text, len, root, &err), "%s", wlt_error_text(&err));
	free(text);
	expected = wlt_json_object(wlt_json_object(*root, "packages"), name);
	ck_assert_msg(expected != NULL, "expected.json has no %s", name);
	return expected;
}
