/* SPDX-License-Identifier: MIT */
/*
 * A strict subset of YAML, read through libyaml's events into a json-c tree.
 *
 * One document; block and flow collections; no anchors, aliases, tags, merge keys or duplicate
 * keys. Quoted scalars are strings; plain ones are null, bool, integer or float where they parse
 * as such (YAML 1.2 core schema), else strings. Thread-safe.
 */
#ifndef WLT_BASE_YAML_H
#define WLT_BASE_YAML_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct wlt_yaml_limits {
	size_t bytes;       /* longest text */
	unsigned depth;     /* collections below the root, counted from 1 */
	size_t nodes;       /* most scalars, keys included, and collections together */
	size_t collections; /* most of those, which take up far more than a scalar; 0: `nodes` */
};

/* Preferences, front matter: roomy. */
extern const struct wlt_yaml_limits wlt_yaml_default_limits;

/* Parse `len` bytes. An empty document gives an empty object. The root must be a mapping.
 * WLT_DAMAGED with line and column on anything else; `limits` NULL takes the defaults. */
bool wlt_yaml_parse(const char *text, size_t len, const struct wlt_yaml_limits *limits,
		    struct json_object **out, struct wlt_error *err);

/* The YAML between a first line `---` and the next `---` of a Markdown file. `*out` is NULL, and
 * the call succeeds, when the text has no front matter. `*body` (may be NULL) receives the offset
 * just behind it, 0 without front matter. */
bool wlt_front_matter_parse(const char *text, size_t len, struct json_object **out, size_t *body,
			    struct wlt_error *err);

#endif
