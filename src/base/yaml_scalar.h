/* SPDX-License-Identifier: MIT */
/* Plain scalars of the YAML 1.2 core schema. Thread-safe. */
#ifndef WLT_BASE_YAML_SCALAR_H
#define WLT_BASE_YAML_SCALAR_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* The value of a plain scalar (NULL is null): null, bool, integer, float, else a string. False with
 * `*too_large` for an integer beyond 64 bits, else when out of memory. */
bool wlt_yaml_plain(const char *text, size_t len, struct json_object **out, bool *too_large);

#endif
