/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

#define ARRIVALS_BYTES (256u << 20)

static void package_free(struct wlt_known_package *item)
{
	free(item->sender);
	free(item->file);
	free(item->envelope);
	free(item->fault);
	wlt_strings_free(&item->recipients);
}

void wlt_known_free(struct wlt_known *known)
{
	free(known->url);
	free(known->tip);
	wlt_strings_free(&known->senders);
	for (size_t i = 0; i < known->n; i++)
		package_free(&known->items[i]);
	free(known->items);
	for (size_t i = 0; i < known->n_refusals; i++) {
		free(known->refusals[i].sender);
		free(known->refusals[i].reason);
		free(known->refusals[i].policy);
	}
	free(known->refusals);
	(void)memset(known, 0, sizeof(*known));
}

static int compare_packages(const void *a, const void *b)
{
	const struct wlt_known_package *left = a;
	const struct wlt_known_package *right = b;
	int order = strcmp(left->sender, right->sender);

	return order != 0 ? order : strcmp(left->file, right->file);
}

/* A copy of `text` in `*out`; NULL stays NULL. */
static bool copy(char **out, const char *text, struct wlt_error *err)
{
	*out = NULL;
	if (text == NULL)
		return true;
	*out = strdup(text);
	return *out != NULL || wlt_fail_memory(err);
}

static bool copy_oid(char out[WLT_OID_BYTES], const char *oid, struct wlt_error *err)
{
	if (oid == NULL || strlen(oid) != WLT_OID_BYTES - 1)
		return wlt_fail(err, WLT_DAMAGED, "an object id has not 40 digits");
	(void)memcpy(out, oid, WLT_OID_BYTES);
	return true;
}

static bool read_strings(struct json_object *array, struct wlt_strings *out, struct wlt_error *err)
{
	size_t n = array == NULL ? 0 : json_object_array_length(array);

	for (size_t i = 0; i < n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(array, i));

		if (text != NULL && !wlt_strings_add(out, text, err))
			return false;
	}
	return true;
}

/* --- reading ------------------------------------------------------------------------------------ */

/* `{kind, recipients}`, or `{error}` with a sentence or an error object. */
static bool read_envelope(struct json_object *envelope, struct wlt_known_package *item,
			  struct wlt_error *err)
{
	const char *fault = "its envelope could not be read";

	if (wlt_json_string(envelope, "kind") != NULL)
		return copy(&item->envelope, wlt_json_string(envelope, "kind"), err) &&
		       read_strings(wlt_json_array(envelope, "recipients"), &item->recipients, err);
	if (wlt_json_string(envelope, "error") != NULL)
		fault = wlt_json_string(envelope, "error");
	else if (wlt_json_string(wlt_json_object(envelope, "error"), "text") != NULL)
		fault = wlt_json_string(wlt_json_object(envelope, "error"), "text");
	return copy(&item->fault, fault, err);
}

static bool read_package(struct json_object *from, struct wlt_known_package *item,
			 struct wlt_error *err)
{
	const char *sender = wlt_json_string(from, "sender");
	const char *file = wlt_json_string(from, "file");

	if (sender == NULL || file == NULL)
		return wlt_fail(err, WLT_DAMAGED, "a package without sender or file name");
	item->size = (uint64_t)wlt_json_int(from, "size", 0);
	return copy_oid(item->oid, wlt_json_string(from, "oid"), err) &&
	       copy(&item->sender, sender, err) && copy(&item->file, file, err);
}

/* Room for the packages of `array`; the count follows as they are read. */
static bool reserve_packages(struct wlt_known *known, struct json_object *array,
			     struct wlt_error *err)
{
	size_t n = array == NULL ? 0 : json_object_array_length(array);

	known->items = calloc(n + 1, sizeof(*known->items));
	return known->items != NULL || wlt_fail_memory(err);
}

/* By oid, then sender: the same bytes can lie in several inboxes, and stand differently in each. */
static int compare_keys(const char *oid, const char *sender, const char *other_oid,
			const char *other_sender)
{
	int order = strcmp(oid, other_oid);

	return order != 0 ? order : strcmp(sender, other_sender);
}

static int compare_refusals(const void *a, const void *b)
{
	const struct wlt_refusal *left = a;
	const struct wlt_refusal *right = b;

	return compare_keys(left->oid, left->sender, right->oid, right->sender);
}

static bool read_refusals(struct json_object *array, struct wlt_known *known, struct wlt_error *err)
{
	size_t n = array == NULL ? 0 : json_object_array_length(array);

	known->refusals = calloc(n + 1, sizeof(*known->refusals));
	if (known->refusals == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct json_object *from = json_object_array_get_idx(array, i);
		struct wlt_refusal *refusal = &known->refusals[known->n_refusals++];

		refusal->kind = wlt_kind_from_name(wlt_json_string(from, "kind"));
		if (wlt_json_string(from, "sender") == NULL)
			return wlt_fail(err, WLT_DAMAGED, "a refusal without a sender");
		if (!copy_oid(refusal->oid, wlt_json_string(from, "oid"), err) ||
		    !copy(&refusal->sender, wlt_json_string(from, "sender"), err) ||
		    !copy(&refusal->reason, wlt_json_string(from, "reason"), err) ||
		    !copy(&refusal->policy, wlt_json_string(from, "policy"), err))
			return false;
	}
	qsort(known->refusals, known->n_refusals, sizeof(*known->refusals), compare_refusals);
	return true;
}

/* A record is a list, not an object: ten thousand of them are read at each start. */
enum record_field {
	RECORD_SENDER,
	RECORD_FILE,
	RECORD_OID,
	RECORD_SIZE,
	RECORD_FIRST_SEEN,
	RECORD_ENVELOPE,
	RECORD_RECIPIENTS,
	RECORD_FAULT,
};

static const char *record_text(struct json_object *record, enum record_field field)
{
	struct json_object *value = json_object_array_get_idx(record, (size_t)field);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static bool read_record(struct json_object *record, struct wlt_known_package *item,
			struct wlt_error *err)
{
	struct json_object *recipients;

	if (!json_object_is_type(record, json_type_array) ||
	    record_text(record, RECORD_SENDER) == NULL || record_text(record, RECORD_FILE) == NULL)
		return wlt_fail(err, WLT_DAMAGED, "a package without sender or file name");
	item->size =
		(uint64_t)json_object_get_int64(json_object_array_get_idx(record, RECORD_SIZE));
	item->first_seen =
		json_object_get_int64(json_object_array_get_idx(record, RECORD_FIRST_SEEN));
	recipients = json_object_array_get_idx(record, RECORD_RECIPIENTS);
	if (!json_object_is_type(recipients, json_type_array))
		recipients = NULL;
	return copy_oid(item->oid, record_text(record, RECORD_OID), err) &&
	       copy(&item->sender, record_text(record, RECORD_SENDER), err) &&
	       copy(&item->file, record_text(record, RECORD_FILE), err) &&
	       copy(&item->envelope, record_text(record, RECORD_ENVELOPE), err) &&
	       copy(&item->fault, record_text(record, RECORD_FAULT), err) &&
	       read_strings(recipients, &item->recipients, err);
}

static bool read_known(struct json_object *root, struct wlt_known *known, struct wlt_error *err)
{
	struct json_object *packages = wlt_json_array(root, "packages");
	size_t n = packages == NULL ? 0 : json_object_array_length(packages);

	if (!copy(&known->url, wlt_json_string(root, "url"), err) ||
	    !copy(&known->tip, wlt_json_string(root, "tip"), err) ||
	    !read_strings(wlt_json_array(root, "senders"), &known->senders, err) ||
	    !reserve_packages(known, packages, err) ||
	    !read_refusals(wlt_json_array(root, "refused"), known, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_record(json_object_array_get_idx(packages, i), &known->items[known->n++],
				 err))
			return false;
	qsort(known->items, known->n, sizeof(*known->items), compare_packages);
	return true;
}

bool wlt_known_load(int dirfd, struct wlt_known *known, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;

	(void)memset(known, 0, sizeof(*known));
	if (wlt_json_load(dirfd, WLT_KNOWN_FILE, ARRIVALS_BYTES, &root, &fault) &&
	    read_known(root, known, &fault))
		return true;
	wlt_known_free(known);
	if (fault.kind == WLT_MISSING || fault.kind == WLT_DAMAGED)
		return true;
	wlt_error_move(err, &fault);
	return wlt_fail_context(err, "what has arrived so far");
}

/* --- writing ------------------------------------------------------------------------------------ */

static bool add(struct json_object *array, struct json_object *item, struct wlt_error *err)
{
	if (item != NULL && json_object_array_add(array, item) == 0)
		return true;
	if (item != NULL)
		json_object_put(item);
	return wlt_fail_memory(err);
}

/* A new array as member `key`; borrowed. NULL when out of memory. */
static struct json_object *new_array(struct json_object *object, const char *key)
{
	struct json_object *array = json_object_new_array();

	return array != NULL && wlt_json_set(object, key, array) ? array : NULL;
}

static bool write_strings(struct json_object *array, const struct wlt_strings *list,
			  struct wlt_error *err)
{
	if (array == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < list->n; i++)
		if (!add(array, json_object_new_string(list->items[i]), err))
			return false;
	return true;
}

/* NULL becomes JSON's null, which is a null pointer to json-c. */
static bool add_text(struct json_object *array, const char *text, struct wlt_error *err)
{
	if (text != NULL)
		return add(array, json_object_new_string(text), err);
	return json_object_array_add(array, NULL) == 0 || wlt_fail_memory(err);
}

static bool write_package(struct json_object *array, const struct wlt_known_package *item,
			  struct wlt_error *err)
{
	struct json_object *record = json_object_new_array();
	struct json_object *recipients = json_object_new_array();

	if (!add(array, record, err)) {
		wlt_json_put(&recipients);
		return false;
	}
	/* In the order of enum record_field. */
	return add_text(record, item->sender, err) && add_text(record, item->file, err) &&
	       add_text(record, item->oid, err) &&
	       add(record, json_object_new_int64((int64_t)item->size), err) &&
	       add(record, json_object_new_int64(item->first_seen), err) &&
	       add_text(record, item->envelope, err) && add(record, recipients, err) &&
	       write_strings(recipients, &item->recipients, err) &&
	       add_text(record, item->fault, err);
}

static bool write_refusal(struct json_object *array, const struct wlt_refusal *refusal,
			  struct wlt_error *err)
{
	struct json_object *object = json_object_new_object();

	if (!add(array, object, err))
		return false;
	if (!wlt_json_set_string(object, "oid", refusal->oid) ||
	    !wlt_json_set_string(object, "sender", refusal->sender) ||
	    !wlt_json_set_string(object, "kind", wlt_kind_name(refusal->kind)) ||
	    !wlt_json_set_string(object, "reason", refusal->reason) ||
	    !wlt_json_set_string(object, "policy", refusal->policy))
		return wlt_fail_memory(err);
	return true;
}

bool wlt_known_format(const struct wlt_known *known, struct wlt_buf *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_object();
	struct json_object *packages;
	struct json_object *refused;

	if (root == NULL || !wlt_json_set_int(root, "version", 1) ||
	    !wlt_json_set_string(root, "url", known->url) ||
	    !wlt_json_set_string(root, "tip", known->tip))
		return wlt_fail_memory(err);
	if (!write_strings(new_array(root, "senders"), &known->senders, err))
		return false;
	packages = new_array(root, "packages");
	refused = new_array(root, "refused");
	if (packages == NULL || refused == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < known->n; i++)
		if (!write_package(packages, &known->items[i], err))
			return false;
	for (size_t i = 0; i < known->n_refusals; i++)
		if (!write_refusal(refused, &known->refusals[i], err))
			return false;
	wlt_json_format_line(out, root);
	wlt_buf_putc(out, '\n');
	return wlt_buf_ok(out, err);
}

bool wlt_known_oids(const struct wlt_known *known, struct json_object **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *array = json_object_new_array();

	if (array == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < known->n; i++)
		if (!add(array, json_object_new_string(known->items[i].oid), err))
			return false;
	*out = wlt_take(array);
	return true;
}

/* --- after a poll ------------------------------------------------------------------------------- */

static int compare_pointers(const void *a, const void *b)
{
	const struct wlt_known_package *const *left = a;
	const struct wlt_known_package *const *right = b;

	return compare_keys((*left)->oid, (*left)->sender, (*right)->oid, (*right)->sender);
}

static int compare_refusal_to_pointer(const void *key, const void *element)
{
	const struct wlt_refusal *refusal = key;
	const struct wlt_known_package *const *item = element;

	return compare_keys(refusal->oid, refusal->sender, (*item)->oid, (*item)->sender);
}

static int compare_oid_to_pointer(const void *key, const void *element)
{
	const struct wlt_known_package *const *item = element;

	return strcmp(key, (*item)->oid);
}

/* An index of `known` by oid and sender for bsearch(); the caller's to free. */
static const struct wlt_known_package **make_index(const struct wlt_known *known)
{
	const struct wlt_known_package **index = calloc(known->n + 1, sizeof(*index));

	for (size_t i = 0; index != NULL && i < known->n; i++)
		index[i] = &known->items[i];
	if (index != NULL)
		qsort(index, known->n, sizeof(*index), compare_pointers);
	return index;
}

/* What was known of this blob before: when it came, and its envelope unless it was read again. */
static bool inherit(struct wlt_known_package *item, const struct wlt_known_package *before,
		    bool envelope_too, struct wlt_error *err)
{
	item->first_seen = before->first_seen;
	if (!envelope_too)
		return true;
	if (!copy(&item->envelope, before->envelope, err) ||
	    !copy(&item->fault, before->fault, err))
		return false;
	for (size_t i = 0; i < before->recipients.n; i++)
		if (!wlt_strings_add(&item->recipients, before->recipients.items[i], err))
			return false;
	return true;
}

static bool take_packages(const struct wlt_known *known, struct json_object *packages, int64_t now,
			  struct wlt_known *next, struct wlt_error *err)
{
	WLT_AUTOFREE const struct wlt_known_package **index = make_index(known);
	size_t n = packages == NULL ? 0 : json_object_array_length(packages);

	if (index == NULL || !reserve_packages(next, packages, err))
		return wlt_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct json_object *from = json_object_array_get_idx(packages, i);
		struct json_object *envelope = wlt_json_object(from, "envelope");
		struct wlt_known_package *item = &next->items[next->n++];
		const struct wlt_known_package **before;

		if (!read_package(from, item, err))
			return false;
		item->first_seen = now;
		before =
			bsearch(item->oid, index, known->n, sizeof(*index), compare_oid_to_pointer);
		item->fresh = before == NULL;
		if (before != NULL && !inherit(item, *before, envelope == NULL, err))
			return false;
		if ((before == NULL || envelope != NULL) && !read_envelope(envelope, item, err))
			return false;
	}
	qsort(next->items, next->n, sizeof(*next->items), compare_packages);
	return true;
}

bool wlt_known_update(const struct wlt_known *known, const char *url, struct json_object *reply,
		      int64_t now, struct wlt_known *next, struct wlt_error *err)
{
	(void)memset(next, 0, sizeof(*next));
	if (copy(&next->url, url, err) && copy(&next->tip, wlt_json_string(reply, "tip"), err) &&
	    read_strings(wlt_json_array(reply, "senders"), &next->senders, err) &&
	    take_packages(known, wlt_json_array(reply, "packages"), now, next, err))
		return true;
	wlt_known_free(next);
	return false;
}

/* --- refusals ----------------------------------------------------------------------------------- */

/* Where a package is among the refusals, or would have to be. */
static size_t refusal_place(const struct wlt_known *known, const char *sender, const char *oid,
			    bool *there)
{
	size_t low = 0;
	size_t high = known->n_refusals;
	const struct wlt_refusal *found = known->refusals;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct wlt_refusal *refusal = &known->refusals[middle];

		if (compare_keys(refusal->oid, refusal->sender, oid, sender) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*there = low < known->n_refusals &&
		 compare_keys(found[low].oid, found[low].sender, oid, sender) == 0;
	return low;
}

/* Room for a new refusal at `at`. */
static struct wlt_refusal *make_room(struct wlt_known *known, size_t at)
{
	struct wlt_refusal *grown =
		realloc(known->refusals, (known->n_refusals + 1) * sizeof(*grown));

	if (grown == NULL)
		return NULL;
	known->refusals = grown;
	(void)memmove(grown + at + 1, grown + at, (known->n_refusals - at) * sizeof(*grown));
	(void)memset(grown + at, 0, sizeof(*grown));
	known->n_refusals++;
	return grown + at;
}

static void refusal_free(struct wlt_refusal *refusal)
{
	free(refusal->sender);
	free(refusal->reason);
	free(refusal->policy);
	(void)memset(refusal, 0, sizeof(*refusal));
}

bool wlt_known_hand_on(struct wlt_known *known, struct wlt_known *next, struct wlt_error *err)
{
	WLT_AUTOFREE const struct wlt_known_package **index = make_index(next);

	if (index == NULL)
		return wlt_fail_memory(err);
	next->refusals = wlt_take(known->refusals);
	for (size_t i = 0; i < known->n_refusals; i++) {
		struct wlt_refusal *refusal = &next->refusals[i];

		if (bsearch(refusal, index, next->n, sizeof(*index), compare_refusal_to_pointer) !=
		    NULL)
			next->refusals[next->n_refusals++] = *refusal;
		else
			refusal_free(refusal);
	}
	known->n_refusals = 0;
	return true;
}

bool wlt_known_refuse(struct wlt_known *known, const char *sender, const char *oid,
		      const struct wlt_error *why, const char *policy, struct wlt_error *err)
{
	struct wlt_refusal fresh = {.kind = why->kind};
	struct wlt_refusal *slot;
	bool there;
	size_t at = refusal_place(known, sender, oid, &there);

	if (!copy_oid(fresh.oid, oid, err) || !copy(&fresh.sender, sender, err) ||
	    !copy(&fresh.reason, wlt_error_text(why), err) || !copy(&fresh.policy, policy, err)) {
		refusal_free(&fresh);
		return false;
	}
	slot = there ? &known->refusals[at] : make_room(known, at);
	if (slot == NULL) {
		refusal_free(&fresh);
		return wlt_fail_memory(err);
	}
	refusal_free(slot);
	*slot = fresh;
	return true;
}

const struct wlt_refusal *wlt_known_refusal(const struct wlt_known *known, const char *sender,
					    const char *oid, const char *policy)
{
	bool there;
	size_t at = refusal_place(known, sender, oid, &there);
	const struct wlt_refusal *refusal = known->refusals + at;

	if (!there || (refusal->policy != NULL && strcmp(refusal->policy, policy) != 0))
		return NULL;
	return refusal;
}

const struct wlt_known_package *wlt_known_find(const struct wlt_known *known, const char *sender,
					       const char *oid)
{
	for (size_t i = 0; i < known->n; i++)
		if (strcmp(known->items[i].oid, oid) == 0 &&
		    strcmp(known->items[i].sender, sender) == 0)
			return &known->items[i];
	return NULL;
}
