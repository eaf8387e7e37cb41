/* SPDX-License-Identifier: MIT */
/*
 * A temporary folder in which a test builds trees, and other programs run in it. Everything here
 * fails the running test when it does not work.
 */
#ifndef WLT_TESTS_SANDBOX_H
#define WLT_TESTS_SANDBOX_H

#include <stddef.h>

struct sandbox {
	char path[64];
	int fd;
};

void sandbox_make(struct sandbox *box);
void sandbox_remove(struct sandbox *box);

/* A file with this content, and the folders on the way to it. */
void sandbox_put(const struct sandbox *box, const char *path, const char *content);
void sandbox_put_bytes(const struct sandbox *box, const char *path, const void *bytes, size_t len);
void sandbox_dir(const struct sandbox *box, const char *path);
void sandbox_link(const struct sandbox *box, const char *path, const char *target);

/* The whole of a file, NUL behind it, malloc()ed; `len` may be NULL. */
char *sandbox_get(const struct sandbox *box, const char *path, size_t *len);

/* A descriptor of a folder in it, or of a new file to write to. */
int sandbox_open_dir(const struct sandbox *box, const char *path);
int sandbox_create(const struct sandbox *box, const char *path);

/* Run a command line in it with /bin/sh; its exit status. */
int sandbox_sh(const struct sandbox *box, const char *command, ...)
	__attribute__((format(printf, 2, 3)));

#endif
