/* SPDX-License-Identifier: MIT */
/*
 * Packages of the existing tool, when they are at hand: in the folder WLT_VECTORS, or beside the source
 * tree. Tests that use them are registered only then.
 */
#ifndef WLT_TESTS_VECTORS_H
#define WLT_TESTS_VECTORS_H

#include <json-c/json.h>

/* The folder, or NULL. */
const char *vectors_dir(void);

/* A file of it as a malloc()ed string; `len` may be NULL. */
char *vectors_get(const char *name, size_t *len);

/* What expected.json says of the package `name`; the root is to be put. */
struct json_object *vectors_expected(const char *name, struct json_object **root);

#endif
