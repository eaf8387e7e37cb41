/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "sandbox.h"

#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"

void sandbox_make(struct sandbox *box)
{
	const char *top = getenv("TMPDIR");

	if (top == NULL || strlen(top) > 32)
		top = "/tmp";
	(void)snprintf(box->path, sizeof(box->path), "%s/wlt-test-XXXXXX", top);
	ck_assert_ptr_nonnull(mkdtemp(box->path));
	box->fd = open(box->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(box->fd, 0);
}

void sandbox_remove(struct sandbox *box)
{
	struct wlt_error err = WLT_ERROR_INIT;
	const char *leaf = wlt_path_leaf(box->path);
	int top;

	ck_assert_int_eq(close(box->fd), 0);
	box->path[leaf - box->path - 1] = '\0';
	top = open(box->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(top, 0);
	ck_assert_msg(wlt_tree_remove(top, leaf, &err), "%s", wlt_error_text(&err));
	ck_assert_int_eq(close(top), 0);
}

static void make_parents(const struct sandbox *box, const char *path)
{
	char *copy = strdup(path);

	ck_assert_ptr_nonnull(copy);
	for (char *slash = strchr(copy, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdirat(box->fd, copy, 0755); /* may be there */
		*slash = '/';
	}
	free(copy);
}

void sandbox_put_bytes(const struct sandbox *box, const char *path, const void *bytes, size_t len)
{
	int fd;

	make_parents(box, path);
	fd = openat(box->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(wlt_write_all(fd, bytes, len), 0);
	ck_assert_int_eq(close(fd), 0);
}

void sandbox_put(const struct sandbox *box, const char *path, const char *content)
{
	sandbox_put_bytes(box, path, content, strlen(content));
}

void sandbox_dir(const struct sandbox *box, const char *path)
{
	make_parents(box, path);
	ck_assert_msg(mkdirat(box->fd, path, 0755) == 0, "%s", path);
}

void sandbox_link(const struct sandbox *box, const char *path, const char *target)
{
	make_parents(box, path);
	ck_assert_msg(symlinkat(target, box->fd, path) == 0, "%s", path);
}

char *sandbox_get(const struct sandbox *box, const char *path, size_t *len)
{
	int fd = openat(box->fd, path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t got;
	char *bytes;

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(wlt_read_full(fd, bytes, (size_t)st.st_size, &got), 0);
	ck_assert_int_eq(close(fd), 0);
	bytes[got] = '\0';
	if (len != NULL)
		*len = got;
	return bytes;
}

int sandbox_open_dir(const struct sandbox *box, const char *path)
{
	int fd = openat(box->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", path);
	return fd;
}

int sandbox_create(const struct sandbox *box, const char *path)
{
	int fd = openat(box->fd, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s", path);
	return fd;
}

int sandbox_sh(const struct sandbox *box, const char *command, ...)
{
	char *line = NULL;
	va_list arguments;
	pid_t child;
	int status;

	va_start(arguments, command);
	ck_assert_int_ge(vasprintf(&line, command, arguments), 0);
	va_end(arguments);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (fchdir(box->fd) == 0)
			(void)execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	free(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
