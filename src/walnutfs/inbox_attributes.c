/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/inbox_attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "walnutfs/look.h"
#include "walnutfs/packed.h"
#include "walnutfs/vault.h"

#define PREFIX       "user.walnut."
#define KEY_FILE     "_kernel/key.md"
#define KEY_FILE_MAX (1u << 20)

/* Where a value comes from: the outside of the package, or its verified content. Each returns malloc()ed
 * text, or NULL when there is none (errno ENODATA or ENOMEM). */
struct attribute {
	const char *name;
	bool inside; /* needs the package to be open */
	bool of_raw; /* also on a package that is shown as a file */
	char *(*value)(struct wlt_mount *mount, const struct wlt_node *node,
		       const struct wlt_package *contents);
};

static char *copy_or_nodata(const char *text)
{
	errno = ENODATA;
	if (text == NULL)
		return NULL;
	errno = ENOMEM;
	return wlt_text_printable(text);
}

static char *value_sender(struct wlt_mount *mount, const struct wlt_node *node,
			  const struct wlt_package *contents)
{
	(void)mount;
	(void)contents;
	return copy_or_nodata(wlt_box_sender(node->box));
}

static char *value_envelope(struct wlt_mount *mount, const struct wlt_node *node,
			    const struct wlt_package *contents)
{
	(void)mount;
	(void)contents;
	return copy_or_nodata(wlt_box_envelope(node->box));
}

static char *value_size(struct wlt_mount *mount, const struct wlt_node *node,
			const struct wlt_package *contents)
{
	struct wlt_buf text = WLT_BUF_INIT;

	(void)mount;
	(void)contents;
	wlt_buf_printf(&text, "%llu", (unsigned long long)wlt_box_size(node->box));
	errno = ENOMEM;
	return wlt_buf_take(&text);
}

static char *value_state(struct wlt_mount *mount, const struct wlt_node *node,
			 const struct wlt_package *contents)
{
	(void)mount;
	if (node->kind == WLT_NODE_RAW)
		return copy_or_nodata("refused");
	return copy_or_nodata(contents == NULL ? "sealed" : "verified");
}

static char *value_error(struct wlt_mount *mount, const struct wlt_node *node,
			 const struct wlt_package *contents)
{
	const struct wlt_arrivals *arrivals = wlt_post_arrivals(mount->post);
	const struct wlt_arrival *arrival =
		wlt_arrivals_find(arrivals, wlt_box_sender(node->box), wlt_box_name(node->box));
	char *text;

	(void)contents;
	text = copy_or_nodata(arrival == NULL ? NULL : arrival->reason);
	wlt_arrivals_release(arrivals);
	return text;
}

static char *value_import_id(struct wlt_mount *mount, const struct wlt_node *node,
			     const struct wlt_package *contents)
{
	(void)mount;
	(void)node;
	return copy_or_nodata(contents->import_id);
}

static char *value_scope(struct wlt_mount *mount, const struct wlt_node *node,
			 const struct wlt_package *contents)
{
	(void)mount;
	(void)node;
	return copy_or_nodata(wlt_scope_name(contents->manifest->scope));
}

static char *value_created(struct wlt_mount *mount, const struct wlt_node *node,
			   const struct wlt_package *contents)
{
	(void)mount;
	(void)node;
	return copy_or_nodata(contents->manifest->created);
}

static char *value_description(struct wlt_mount *mount, const struct wlt_node *node,
			       const struct wlt_package *contents)
{
	(void)mount;
	(void)node;
	return copy_or_nodata(contents->manifest->description);
}

static char *value_note(struct wlt_mount *mount, const struct wlt_node *node,
			const struct wlt_package *contents)
{
	(void)mount;
	(void)node;
	return copy_or_nodata(contents->manifest->note);
}

static char *value_signature(struct wlt_mount *mount, const struct wlt_node *node,
			     const struct wlt_package *contents)
{
	(void)mount;
	(void)node;
	return copy_or_nodata(wlt_verdict_name(contents->verdict));
}

static char *value_signer(struct wlt_mount *mount, const struct wlt_node *node,
			  const struct wlt_package *contents)
{
	(void)mount;
	(void)node;
	return copy_or_nodata(contents->signer[0] == '\0' ? NULL : contents->signer);
}

/* A folder right below the package that holds a bundle's manifest. */
static int add_bundle(void *context, const char *name, const struct wlt_entry *file)
{
	struct wlt_buf *list = ((void **)context)[0];
	const struct wlt_package *contents = ((void **)context)[1];
	struct wlt_buf path = WLT_BUF_INIT;

	if (file != NULL)
		return 0;
	wlt_buf_printf(&path, "%s/context.manifest.yaml", name);
	if (!path.failed && wlt_packed_file(contents, path.data) != NULL)
		wlt_buf_printf(list, "%s%s", list->len == 0 ? "" : ",", name);
	wlt_buf_free(&path);
	return 0;
}

static char *value_bundles(struct wlt_mount *mount, const struct wlt_node *node,
			   const struct wlt_package *contents)
{
	struct wlt_buf list = WLT_BUF_INIT;
	void *context[2] = {&list, (void *)(uintptr_t)contents};

	(void)mount;
	(void)node;
	(void)wlt_packed_list(contents, "", add_bundle, context);
	errno = ENOMEM;
	return wlt_buf_take(&list);
}

/* `sensitivity` in the front matter of the walnut's key file. */
static char *value_sensitivity(struct wlt_mount *mount, const struct wlt_node *node,
			       const struct wlt_package *contents)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *front = NULL;
	WLT_AUTOFREE char *buffer = NULL;
	const struct wlt_entry *key = wlt_packed_file(contents, KEY_FILE);
	struct wlt_text *text = wlt_box_text(node->box);
	size_t got = 0;

	(void)mount;
	if (key != NULL && key->size > 0 && key->size <= KEY_FILE_MAX && text != NULL)
		buffer = malloc((size_t)key->size);
	if (buffer != NULL && wlt_plain_read(wlt_text_plain(text), buffer, (size_t)key->size,
					     key->offset, &got, &err))
		(void)wlt_front_matter_parse(buffer, got, &front, NULL, &err);
	wlt_text_unref(text);
	return copy_or_nodata(front == NULL ? NULL : wlt_json_string(front, "sensitivity"));
}

static const struct attribute attributes[] = {
	{"sender", false, true, value_sender},
	{"import_id", true, false, value_import_id},
	{"scope", true, false, value_scope},
	{"created", true, false, value_created},
	{"description", true, false, value_description},
	{"note", true, false, value_note},
	{"envelope", false, true, value_envelope},
	{"signature", true, false, value_signature},
	{"signer", true, false, value_signer},
	{"sensitivity", true, false, value_sensitivity},
	{"bundles", true, false, value_bundles},
	{"size", false, true, value_size},
	{"error", false, true, value_error},
	{"state", false, true, value_state},
};
#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static bool has_attributes(const struct wlt_node *node)
{
	return node->kind == WLT_NODE_PACKAGE || node->kind == WLT_NODE_RAW;
}

static const struct attribute *find_attribute(const struct wlt_node *node, const char *name)
{
	if (!has_attributes(node) || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return NULL;
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		if (strcmp(attributes[i].name, name + strlen(PREFIX)) == 0)
			return node->kind == WLT_NODE_RAW && !attributes[i].of_raw ? NULL
										   : &attributes[i];
	}
	return NULL;
}

static void reply_value(struct wlt_mount *mount, fuse_req_t req, const struct wlt_node *node,
			const struct attribute *attribute, size_t size)
{
	const struct wlt_package *contents =
		node->kind == WLT_NODE_PACKAGE ? wlt_box_contents(node->box) : NULL;
	WLT_AUTOFREE char *value = attribute->value(mount, node, contents);

	if (value == NULL)
		(void)fuse_reply_err(req, errno);
	else
		wlt_reply_attribute(req, value, strlen(value), size);
}

static void resume_getxattr(struct wlt_look *look)
{
	reply_value(look->mount, look->req, look->node, find_attribute(look->node, look->name),
		    look->size);
}

/* The key file's text is needed for this one, not only the table of contents. */
static bool needs_opening(const struct wlt_node *node, const struct attribute *attribute)
{
	struct wlt_text *text;

	if (!attribute->inside)
		return false;
	if (attribute->value != value_sensitivity)
		return wlt_box_contents(node->box) == NULL;
	text = wlt_box_text(node->box);
	wlt_text_unref(text);
	return text == NULL;
}

void wlt_inbox_getxattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			const char *name, size_t size)
{
	const struct attribute *attribute = find_attribute(node, name);

	if (attribute == NULL)
		(void)fuse_reply_err(req, ENODATA);
	else if (needs_opening(node, attribute))
		wlt_look_wait(mount, req, node, name, size, NULL, resume_getxattr);
	else
		reply_value(mount, req, node, attribute, size);
}

void wlt_inbox_listxattr(struct wlt_mount *mount, fuse_req_t req, struct wlt_node *node,
			 size_t size)
{
	struct wlt_buf names = WLT_BUF_INIT;

	(void)mount;
	for (size_t i = 0; has_attributes(node) && i < N_ATTRIBUTES; i++) {
		/* `error` is there only when something is wrong, the inside only of what can be opened. */
		if (node->kind == WLT_NODE_RAW ? !attributes[i].of_raw
					       : attributes[i].value == value_error)
			continue;
		wlt_buf_puts(&names, PREFIX);
		wlt_buf_append(&names, attributes[i].name, strlen(attributes[i].name) + 1);
	}
	if (names.failed)
		(void)fuse_reply_err(req, ENOMEM);
	else
		wlt_reply_attribute(req, names.data, names.len, size);
	wlt_buf_free(&names);
}
