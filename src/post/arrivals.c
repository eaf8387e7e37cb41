/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/arrivals.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "package/package.h"

#define SUFFIX ".walnut"

/* The public part has to come first: a picture is found from it. */
struct picture {
	struct wlt_arrivals shown;
	atomic_uint refs;
};

/* The count changes under a picture that is const for everybody else. */
static struct picture *picture_of(const struct wlt_arrivals *arrivals)
{
	return (struct picture *)(uintptr_t)arrivals;
}

static void picture_free(struct picture *picture)
{
	struct wlt_arrivals *shown = &picture->shown;

	for (size_t i = 0; i < shown->n_senders; i++)
		free(shown->senders[i]);
	free(shown->senders);
	for (size_t i = 0; i < shown->n_items; i++) {
		free(shown->items[i].sender);
		free(shown->items[i].name);
		free(shown->items[i].file);
		free(shown->items[i].envelope);
		free(shown->items[i].reason);
	}
	free(shown->items);
	free(picture);
}

const struct wlt_arrivals *wlt_arrivals_ref(const struct wlt_arrivals *arrivals)
{
	(void)atomic_fetch_add(&picture_of(arrivals)->refs, 1);
	return arrivals;
}

void wlt_arrivals_release(const struct wlt_arrivals *arrivals)
{
	if (arrivals != NULL && atomic_fetch_sub(&picture_of(arrivals)->refs, 1) == 1)
		picture_free(picture_of(arrivals));
}

/* --- one package -------------------------------------------------------------------------------- */

static bool refuse(struct wlt_arrival *item, int errnum, const char *reason, struct wlt_error *err)
{
	item->openable = false;
	item->refusal = errnum;
	item->reason = strdup(reason);
	return item->reason != NULL || wlt_fail_memory(err);
}

static bool refuse_foreign(struct wlt_arrival *item, const struct wlt_known_package *package,
			   struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_buf_puts(&text, "no private key here matches any recipient: it is sealed for");
	for (size_t i = 0; i < package->recipients.n; i++)
		wlt_buf_printf(&text, "%s %s", i > 0 ? "," : "", package->recipients.items[i]);
	return wlt_buf_ok(&text, err) && refuse(item, ENOKEY, text.data, err);
}

/* Known from the envelope alone: what can be opened, and why not. */
static bool judge(struct wlt_arrival *item, const struct wlt_known *known,
		  const struct wlt_known_package *package, const char *own_id, const char *policy,
		  struct wlt_error *err)
{
	const struct wlt_refusal *refusal =
		wlt_known_refusal(known, package->sender, package->oid, policy);
	struct wlt_error as_error = WLT_ERROR_INIT;

	if (refusal != NULL) {
		as_error.kind = refusal->kind;
		return refuse(item, wlt_error_errno(&as_error),
			      refusal->reason != NULL ? refusal->reason : "refused", err);
	}
	if (package->size > WLT_MAX_PACKAGE)
		return refuse(item, EFBIG, "larger than the 1 GiB that is accepted", err);
	if (package->envelope == NULL)
		return refuse(item, EBADMSG, package->fault != NULL ? package->fault : "damaged",
			      err);
	if (strcmp(package->envelope, wlt_envelope_kind_name(WLT_ENVELOPE_PASSPHRASE)) == 0)
		return refuse(item, ENOKEY, "sealed with a passphrase: open it with `walnut open`",
			      err);
	if (strcmp(package->envelope, wlt_envelope_kind_name(WLT_ENVELOPE_RSA)) == 0 &&
	    (own_id == NULL || !wlt_strings_contain(&package->recipients, own_id)))
		return refuse_foreign(item, package, err);
	item->openable = true;
	return true;
}

static bool fill(struct wlt_arrival *item, const struct wlt_known *known,
		 const struct wlt_known_package *package, const char *own_id, const char *policy,
		 struct wlt_error *err)
{
	size_t len = strlen(package->file);

	if (len > strlen(SUFFIX) && strcmp(package->file + len - strlen(SUFFIX), SUFFIX) == 0)
		len -= strlen(SUFFIX);
	item->sender = strdup(package->sender);
	item->name = strndup(package->file, len);
	item->file = strdup(package->file);
	if (item->sender == NULL || item->name == NULL || item->file == NULL)
		return wlt_fail_memory(err);
	if (package->envelope != NULL) {
		item->envelope = strdup(package->envelope);
		if (item->envelope == NULL)
			return wlt_fail_memory(err);
	}
	(void)memcpy(item->oid, package->oid, sizeof(item->oid));
	item->size = package->size;
	if (!wlt_package_name_parse(package->file, &item->stamp) || item->stamp == 0)
		item->stamp = package->first_seen;
	return judge(item, known, package, own_id, policy, err);
}

/* --- all of it ---------------------------------------------------------------------------------- */

static int compare_arrivals(const void *a, const void *b)
{
	const struct wlt_arrival *left = a;
	const struct wlt_arrival *right = b;
	int order = strcmp(left->sender, right->sender);

	return order != 0 ? order : strcmp(left->name, right->name);
}

static bool gather_senders(struct wlt_arrivals *shown, const struct wlt_known *known,
			   const struct wlt_strings *peers, struct wlt_error *err)
{
	size_t n = 0;

	shown->senders = calloc(known->senders.n + peers->n + 1, sizeof(*shown->senders));
	if (shown->senders == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < known->senders.n + peers->n; i++) {
		const char *name = i < known->senders.n ? known->senders.items[i]
							: peers->items[i - known->senders.n];

		shown->senders[n] = strdup(name);
		if (shown->senders[n] == NULL)
			return wlt_fail_memory(err);
		shown->n_senders = ++n;
	}
	qsort(shown->senders, n, sizeof(*shown->senders), wlt_compare_strings);
	shown->n_senders = 0;
	for (size_t i = 0; i < n; i++) {
		size_t last = shown->n_senders;

		if (last > 0 && strcmp(shown->senders[last - 1], shown->senders[i]) == 0) {
			free(shown->senders[i]);
			continue;
		}
		shown->senders[shown->n_senders++] = shown->senders[i];
	}
	return true;
}

bool wlt_arrivals_build(const struct wlt_known *known, const struct wlt_strings *peers,
			const char *own_id, const char *policy, uint64_t generation,
			const struct wlt_arrivals **out, struct wlt_error *err)
{
	struct picture *picture = calloc(1, sizeof(*picture));
	struct wlt_arrivals *shown;

	if (picture == NULL)
		return wlt_fail_memory(err);
	shown = &picture->shown;
	shown->generation = generation;
	atomic_init(&picture->refs, 1);
	shown->items = calloc(known->n + 1, sizeof(*shown->items));
	if (shown->items == NULL) {
		picture_free(picture);
		return wlt_fail_memory(err);
	}
	for (size_t i = 0; i < known->n; i++) {
		shown->n_items++;
		if (!fill(&shown->items[i], known, &known->items[i], own_id, policy, err)) {
			picture_free(picture);
			return false;
		}
	}
	if (!gather_senders(shown, known, peers, err)) {
		picture_free(picture);
		return false;
	}
	qsort(shown->items, shown->n_items, sizeof(*shown->items), compare_arrivals);
	*out = shown;
	return true;
}

/* --- looking things up -------------------------------------------------------------------------- */

/* The first item that is not before (`sender`, `name`). */
static size_t lower_bound(const struct wlt_arrivals *arrivals, const char *sender, const char *name)
{
	size_t low = 0;
	size_t high = arrivals->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(arrivals->items[middle].sender, sender);

		if (order == 0)
			order = strcmp(arrivals->items[middle].name, name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct wlt_arrival *wlt_arrivals_of(const struct wlt_arrivals *arrivals, const char *sender,
					  size_t *n)
{
	size_t first = lower_bound(arrivals, sender, "");
	size_t end = first;

	while (end < arrivals->n_items && strcmp(arrivals->items[end].sender, sender) == 0)
		end++;
	*n = end - first;
	return arrivals->items + first;
}

const struct wlt_arrival *wlt_arrivals_find(const struct wlt_arrivals *arrivals, const char *sender,
					    const char *name)
{
	size_t at = lower_bound(arrivals, sender, name);
	const struct wlt_arrival *item = arrivals->items + at;

	if (at == arrivals->n_items || strcmp(item->sender, sender) != 0 ||
	    strcmp(item->name, name) != 0)
		return NULL;
	return item;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool wlt_arrivals_same(const struct wlt_arrivals *a, const struct wlt_arrivals *b)
{
	if (a->n_senders != b->n_senders || a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_senders; i++)
		if (strcmp(a->senders[i], b->senders[i]) != 0)
			return false;
	for (size_t i = 0; i < a->n_items; i++) {
		const struct wlt_arrival *x = &a->items[i];
		const struct wlt_arrival *y = &b->items[i];

		if (strcmp(x->sender, y->sender) != 0 || strcmp(x->name, y->name) != 0 ||
		    strcmp(x->oid, y->oid) != 0 || x->refusal != y->refusal ||
		    !same_text(x->reason, y->reason))
			return false;
	}
	return true;
}
