/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/yaml.h"

#include <limits.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/yaml_scalar.h"

#define DEEPEST 64 /* whatever the limits say */

const struct wlt_yaml_limits wlt_yaml_default_limits = {
	.bytes = (size_t)1024 * 1024,
	.depth = 32,
	.nodes = 100000,
};

struct reader {
	yaml_parser_t parser;
	const struct wlt_yaml_limits *limits;
	struct json_object *levels[DEEPEST + 1]; /* borrowed from `root`, outermost first */
	unsigned depth;                          /* levels open */
	size_t nodes;
	size_t collections;
	unsigned documents;
	struct json_object *root; /* owned */
	char *key;                /* that the next value goes under; NULL: a key is next. Owned */
	struct wlt_error *err;
};

static bool fail_at(struct reader *in, const yaml_mark_t *mark, const char *what)
{
	return wlt_fail(in->err, WLT_DAMAGED,
			"not YAML as accepted here: %s at line %zu, column %zu", what,
			mark->line + 1, mark->column + 1);
}

/* What libyaml itself refuses: its scanner, its parser, or bytes that are not UTF-8. */
static bool fail_syntax(struct reader *in)
{
	const yaml_parser_t *parser = &in->parser;
	const char *problem = parser->problem != NULL ? parser->problem : "a syntax error";

	if (parser->error == YAML_MEMORY_ERROR)
		return wlt_fail_memory(in->err);
	if (parser->error == YAML_READER_ERROR)
		return wlt_fail(in->err, WLT_DAMAGED,
				"not YAML as accepted here: %s at byte %zu (line %zu or later)",
				problem, parser->problem_offset, parser->mark.line + 1);
	return fail_at(in, &parser->problem_mark, problem);
}

/* Put `value` (taken over; NULL is null) into the innermost level, or make it the root. */
static bool add(struct reader *in, struct json_object *value)
{
	struct json_object *level = in->depth > 0 ? in->levels[in->depth - 1] : NULL;
	int fault = 0;

	if (level == NULL) {
		in->root = value;
	} else if (json_object_is_type(level, json_type_array)) {
		fault = json_object_array_add(level, value);
	} else {
		fault = json_object_object_add(level, in->key, value);
		free(in->key);
		in->key = NULL;
	}
	if (fault == 0)
		return true;
	json_object_put(value);
	return wlt_fail_memory(in->err);
}

static bool expects_key(const struct reader *in)
{
	return in->depth > 0 && in->key == NULL &&
	       json_object_is_type(in->levels[in->depth - 1], json_type_object);
}

static bool read_key(struct reader *in, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (plain && len == 0)
		return fail_at(in, &event->start_mark, "an empty key");
	if (plain && strcmp(text, "<<") == 0)
		return fail_at(in, &event->start_mark, "a merge key");
	if (strlen(text) != len)
		return fail_at(in, &event->start_mark, "a key with a NUL in it");
	if (json_object_object_get_ex(in->levels[in->depth - 1], text, NULL))
		return fail_at(in, &event->start_mark, "a key for the second time");
	in->key = strdup(text);
	return in->key != NULL ? true : wlt_fail_memory(in->err);
}

static bool read_scalar(struct reader *in, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct json_object *value = NULL;
	bool too_large = false;

	if (event->data.scalar.anchor != NULL)
		return fail_at(in, &event->start_mark, "an anchor");
	if (event->data.scalar.tag != NULL)
		return fail_at(in, &event->start_mark, "a tag");
	if (expects_key(in))
		return read_key(in, event);
	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
		value = json_object_new_string_len(text, (int)len);
		if (value == NULL)
			return wlt_fail_memory(in->err);
	} else if (!wlt_yaml_plain(text, len, &value, &too_large)) {
		return too_large ? fail_at(in, &event->start_mark, "an integer beyond 64 bits")
				 : wlt_fail_memory(in->err);
	} else if (in->depth == 0 && len == 0) {
		return true; /* an empty document */
	}
	if (in->depth == 0) {
		json_object_put(value);
		return fail_at(in, &event->start_mark, "no mapping but a single value");
	}
	return add(in, value);
}

static bool open_level(struct reader *in, const yaml_event_t *event)
{
	bool mapping = event->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor =
		mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
	const yaml_char_t *tag =
		mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
	struct json_object *value;

	if (anchor != NULL)
		return fail_at(in, &event->start_mark, "an anchor");
	if (tag != NULL)
		return fail_at(in, &event->start_mark, "a tag");
	if (expects_key(in))
		return fail_at(in, &event->start_mark, "a key that is a collection");
	if (in->depth == 0 && !mapping)
		return fail_at(in, &event->start_mark, "no mapping but a list");
	if (in->depth > in->limits->depth || in->depth > DEEPEST)
		return fail_at(in, &event->start_mark, "too deep a collection");
	if (++in->collections > in->limits->collections && in->limits->collections > 0)
		return fail_at(in, &event->start_mark, "too many collections");
	value = mapping ? json_object_new_object() : json_object_new_array();
	if (value == NULL)
		return wlt_fail_memory(in->err);
	if (!add(in, value))
		return false;
	in->levels[in->depth++] = value;
	return true;
}

static bool begin_document(struct reader *in, const yaml_event_t *event)
{
	if (++in->documents > 1)
		return fail_at(in, &event->start_mark, "a second document");
	if (event->data.document_start.version_directive != NULL ||
	    event->data.document_start.tag_directives.start !=
		    event->data.document_start.tag_directives.end)
		return fail_at(in, &event->start_mark, "a directive");
	return true;
}

static bool take_event(struct reader *in, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return begin_document(in, event);
	case YAML_ALIAS_EVENT:
		return fail_at(in, &event->start_mark, "an alias");
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++in->nodes > in->limits->nodes)
			return fail_at(in, &event->start_mark, "too many values");
		return event->type == YAML_SCALAR_EVENT ? read_scalar(in, event)
							: open_level(in, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		in->depth--;
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return true;
}

static bool read_events(struct reader *in)
{
	for (;;) {
		yaml_event_t event;
		bool good, end;

		if (!yaml_parser_parse(&in->parser, &event))
			return fail_syntax(in);
		end = event.type == YAML_STREAM_END_EVENT;
		good = take_event(in, &event);
		yaml_event_delete(&event);
		if (!good || end)
			return good;
	}
}

static bool read_text(struct reader *in, const char *text, size_t len)
{
	bool good;

	if (!yaml_parser_initialize(&in->parser))
		return wlt_fail_memory(in->err);
	yaml_parser_set_encoding(&in->parser, YAML_UTF8_ENCODING);
	/* libyaml aborts on a NULL text, which an empty buffer may have. */
	yaml_parser_set_input_string(&in->parser, (const unsigned char *)(len > 0 ? text : ""),
				     len);
	good = read_events(in);
	yaml_parser_delete(&in->parser);
	if (good && in->root == NULL) {
		in->root = json_object_new_object();
		good = in->root != NULL ? true : wlt_fail_memory(in->err);
	}
	return good;
}

bool wlt_yaml_parse(const char *text, size_t len, const struct wlt_yaml_limits *limits,
		    struct json_object **out, struct wlt_error *err)
{
	struct reader in = {.limits = limits != NULL ? limits : &wlt_yaml_default_limits,
			    .err = err};
	bool good;

	if (len > in.limits->bytes || len > INT_MAX)
		return wlt_fail(err, WLT_TOO_BIG, "the YAML text is larger than %zu bytes",
				in.limits->bytes);
	good = read_text(&in, text, len);
	free(in.key);
	if (!good) {
		json_object_put(in.root);
		return false;
	}
	*out = in.root;
	return true;
}
