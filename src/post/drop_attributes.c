/* SPDX-License-Identifier: MIT */
/*
 * The `user.walnut.*` attributes of a drop: its options, and what can be read of its state.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "post/post_private.h"

#define OPTION_BYTES 4096

enum option_kind {
	OPTION_TEXT, /* one line that goes into the manifest */
	OPTION_LIST, /* several, separated by commas or line feeds */
	OPTION_FLAG,
	OPTION_SCOPE,
};

static const struct option {
	const char *name;
	enum option_kind kind;
} options_known[] = {
	{"scope", OPTION_SCOPE},       {"description", OPTION_TEXT},      {"note", OPTION_TEXT},
	{"preset", OPTION_TEXT},       {"exclude", OPTION_LIST},          {"bundles", OPTION_LIST},
	{"full_history", OPTION_FLAG}, {"allow_restricted", OPTION_FLAG}, {"hold", OPTION_FLAG},
};

static const char *const readable[] = {"state", "error", "package", "import_id"};

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < sizeof(options_known) / sizeof(options_known[0]); i++)
		if (strcmp(options_known[i].name, name) == 0)
			return &options_known[i];
	return NULL;
}

static bool is_readable(const char *name)
{
	for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
		if (strcmp(readable[i], name) == 0)
			return true;
	return false;
}

const char *wlt_drop_option(struct json_object *options, const char *name)
{
	const char *text = wlt_json_string(options, name);

	return text == NULL ? "" : text;
}

/* Set to nothing counts as yes: `setfattr -n user.walnut.hold DROP`. */
static bool is_yes(const char *text)
{
	return text[0] == '\0' || strcmp(text, "1") == 0 || strcmp(text, "true") == 0 ||
	       strcmp(text, "yes") == 0;
}

static bool is_no(const char *text)
{
	return strcmp(text, "0") == 0 || strcmp(text, "false") == 0 || strcmp(text, "no") == 0;
}

bool wlt_drop_option_is_set(struct json_object *options, const char *name)
{
	const char *text = wlt_json_string(options, name);

	return text != NULL && is_yes(text);
}

/* The manifest's rule for free text: one line without a double quote. */
static bool is_line(const char *text)
{
	return strchr(text, '"') == NULL && !wlt_text_has_control(text, strlen(text));
}

static bool is_list(char *text)
{
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\n')
			*at = ',';
	return is_line(text);
}

static bool is_valid(const struct option *option, char *text)
{
	switch (option->kind) {
	case OPTION_TEXT:
		return is_line(text);
	case OPTION_LIST:
		return is_list(text);
	case OPTION_FLAG:
		return is_yes(text) || is_no(text);
	case OPTION_SCOPE:
		break;
	}
	return strcmp(text, "full") == 0 || strcmp(text, "bundle") == 0 ||
	       strcmp(text, "snapshot") == 0;
}

static const char *text_locked(struct wlt_drop *drop, const char *name)
{
	if (strcmp(name, "state") == 0)
		return wlt_drop_state_name(wlt_drop_shown_state_locked(drop));
	if (strcmp(name, "error") == 0)
		return drop->reason;
	if (strcmp(name, "package") == 0)
		return drop->package;
	if (strcmp(name, "import_id") == 0)
		return drop->import_id;
	return wlt_json_string(drop->options, name);
}

int wlt_drop_get(struct wlt_drop *drop, const char *name, char **value)
{
	const char *text;
	int errnum = 0;

	wlt_post_lock(drop->post);
	text = text_locked(drop, name);
	*value = text == NULL ? NULL : strdup(text);
	if (text == NULL)
		errnum = ENODATA;
	else if (*value == NULL)
		errnum = ENOMEM;
	wlt_post_unlock(drop->post);
	return errnum;
}

/* Another option makes another package: what was made so far does not count. An interrupted drop stays
 * so, because its content is no better for it. */
static int change_locked(struct wlt_drop *drop, const struct option *option, const char *text)
{
	int errnum = 0;

	if (drop->gone || drop->state != WLT_DROP_INTERRUPTED)
		errnum = wlt_drop_reopen_locked(drop);
	if (errnum != 0)
		return errnum;
	if (text == NULL)
		json_object_object_del(drop->options, option->name);
	else if (!wlt_json_set_string(drop->options, option->name, text))
		return ENOMEM;
	drop->completion.held = wlt_drop_option_is_set(drop->options, "hold");
	drop->completion.last = wlt_clock_monotonic();
	drop->dirty = true;
	wlt_packer_wake(drop->post);
	wlt_desk_wake(drop->post);
	return 0;
}

static int change(struct wlt_drop *drop, const struct option *option, const char *text)
{
	int errnum;

	wlt_post_lock(drop->post);
	if (text == NULL && wlt_json_string(drop->options, option->name) == NULL)
		errnum = ENODATA;
	else
		errnum = change_locked(drop, option, text);
	wlt_post_unlock(drop->post);
	return errnum;
}

int wlt_drop_set(struct wlt_drop *drop, const char *name, const char *value, size_t len)
{
	const struct option *option = find_option(name);
	WLT_AUTOFREE char *text = NULL;

	if (option == NULL)
		return is_readable(name) ? EPERM : EINVAL;
	if (len > OPTION_BYTES)
		return E2BIG;
	text = strndup(value, len);
	if (text == NULL)
		return ENOMEM;
	if (strlen(text) != len || !wlt_utf8_valid(text, len) || !is_valid(option, text))
		return EINVAL;
	return change(drop, option, text);
}

int wlt_drop_unset(struct wlt_drop *drop, const char *name)
{
	const struct option *option = find_option(name);

	if (option == NULL)
		return is_readable(name) ? EPERM : ENODATA;
	return change(drop, option, NULL);
}

bool wlt_drop_attributes(struct wlt_drop *drop, struct wlt_strings *names, struct wlt_error *err)
{
	bool ok = true;

	wlt_post_lock(drop->post);
	for (size_t i = 0; ok && i < sizeof(readable) / sizeof(readable[0]); i++)
		if (text_locked(drop, readable[i]) != NULL)
			ok = wlt_strings_add(names, readable[i], err);
	json_object_object_foreach(drop->options, key, value)
	{
		(void)value;
		ok = ok && wlt_strings_add(names, key, err);
	}
	wlt_post_unlock(drop->post);
	return ok;
}
