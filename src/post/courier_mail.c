/* SPDX-License-Identifier: MIT */
/* The courier's operations on mail: what has come, its bytes, and changes to a relay. */
#include "config.h"

#include "post/courier_child.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "package/package.h"

/* --- poll -------------------------------------------------------------------------------------- */

struct poll {
	struct wlt_mirror *mirror;
	struct json_object *senders;
	struct json_object *packages;
	const char **known; /* object ids, sorted; borrowed from the request */
	size_t n_known;
};

static bool is_known(const struct poll *poll, const char *oid)
{
	return poll->n_known > 0 && bsearch(&oid, poll->known, poll->n_known, sizeof *poll->known,
					    wlt_compare_strings) != NULL;
}

static bool add_recipients(struct json_object *facts, const struct wlt_envelope *envelope)
{
	struct json_object *ids = json_object_new_array();

	if (ids == NULL || !wlt_json_set(facts, "recipients", ids))
		return false;
	for (size_t i = 0; i < envelope->n_recipients; i++) {
		struct json_object *id = json_object_new_string(envelope->recipients[i].pubkey_id);

		if (id == NULL || json_object_array_add(ids, id) < 0)
			return false;
	}
	return true;
}

/* What the envelope says, or why it says nothing: a damaged package is a fact, not a failure. */
static bool read_envelope(void *context, const void *bytes, size_t len, struct wlt_error *err)
{
	struct json_object *facts = context;
	const struct wlt_raw raw = {.fd = -1, .memory = bytes, .size = len};
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;
	struct wlt_envelope envelope = {.recipients = NULL};
	bool ok;

	if (!wlt_envelope_read(&raw, &envelope, &fault)) {
		if (fault.kind == WLT_NO_MEMORY)
			return wlt_fail_memory(err);
		ok = wlt_json_set_string(facts, "error", wlt_error_text(&fault));
	} else {
		ok = wlt_json_set_string(facts, "kind", wlt_envelope_kind_name(envelope.kind)) &&
		     add_recipients(facts, &envelope);
		wlt_envelope_free(&envelope);
	}
	return ok || wlt_fail_memory(err);
}

/* One bad package does not keep the others from being seen: what is wrong with it is its envelope's
 * `error`. */
static bool add_envelope(const struct poll *poll, const struct wlt_mail *mail,
			 struct json_object *package, struct wlt_error *err)
{
	struct json_object *facts = json_object_new_object();

	if (facts == NULL || !wlt_json_set(package, "envelope", facts))
		return wlt_fail_memory(err);
	if (wlt_mirror_blob(poll->mirror, mail->oid, read_envelope, facts, err))
		return true;
	if (err->kind != WLT_DAMAGED && err->kind != WLT_TOO_BIG)
		return false;
	if (!wlt_json_set_string(facts, "error", wlt_error_text(err)))
		return wlt_fail_memory(err);
	wlt_error_clear(err);
	return true;
}

static bool add_package(const struct poll *poll, const struct wlt_mail *mail, struct wlt_error *err)
{
	struct json_object *package = json_object_new_object();

	if (package == NULL || json_object_array_add(poll->packages, package) < 0)
		return wlt_fail_memory(err);
	if (!wlt_json_set_string(package, "sender", mail->sender) ||
	    !wlt_json_set_string(package, "file", mail->file) ||
	    !wlt_json_set_string(package, "oid", mail->oid) ||
	    !wlt_json_set_int(package, "size", (int64_t)mail->size))
		return wlt_fail_memory(err);
	return is_known(poll, mail->oid) || add_envelope(poll, mail, package, err);
}

static bool add_mail(void *context, const struct wlt_mail *mail, struct wlt_error *err)
{
	const struct poll *poll = context;

	if (mail->file != NULL)
		return add_package(poll, mail, err);

	struct json_object *name = json_object_new_string(mail->sender);

	return (name != NULL && json_object_array_add(poll->senders, name) == 0) ||
	       wlt_fail_memory(err);
}

static bool read_known(struct json_object *request, struct poll *poll, struct wlt_error *err)
{
	struct json_object *list = wlt_json_array(request, "known");
	size_t n = list != NULL ? json_object_array_length(list) : 0;

	poll->known = calloc(n + 1, sizeof *poll->known);
	if (poll->known == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_string))
			poll->known[poll->n_known++] = json_object_get_string(item);
	}
	qsort(poll->known, poll->n_known, sizeof *poll->known, wlt_compare_strings);
	return true;
}

static bool list_mail(struct json_object *request, struct wlt_mirror *mirror,
		      struct json_object *reply, struct wlt_error *err)
{
	struct poll poll = {.mirror = mirror};
	bool ok;

	poll.senders = json_object_new_array();
	if (poll.senders == NULL || !wlt_json_set(reply, "senders", poll.senders))
		return wlt_fail_memory(err);
	poll.packages = json_object_new_array();
	if (poll.packages == NULL || !wlt_json_set(reply, "packages", poll.packages))
		return wlt_fail_memory(err);
	ok = read_known(request, &poll, err) && wlt_mailbox_list(mirror, add_mail, &poll, err);
	free(poll.known);
	return ok;
}

bool wlt_courier_poll_at_once(struct json_object *request, struct json_object *reply)
{
	const char *op = wlt_json_string(request, "op");
	const char *mirrors = wlt_json_string(request, "mirrors");
	const char *url = wlt_json_string(request, "url");
	const char *tip = wlt_json_string(request, "tip");

	return op != NULL && strcmp(op, "poll") == 0 && mirrors != NULL && url != NULL &&
	       tip != NULL && wlt_mirror_is_current(mirrors, url, tip) &&
	       wlt_json_set_string(reply, "tip", tip) && wlt_json_set_bool(reply, "changed", false);
}

bool wlt_courier_poll(struct json_object *request, struct json_object *reply, struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	const char *before = wlt_json_string(request, "tip");

	if (!wlt_courier_mirror(request, &mirror, err) || !wlt_mirror_fetch(mirror, NULL, err))
		return false;

	/* Compared with what the caller has seen: the mirror itself may be ahead of that. */
	const char *tip = wlt_mirror_tip(mirror);
	bool changed = before == NULL || strcmp(before, tip) != 0;

	if (!wlt_json_set_string(reply, "tip", tip) ||
	    !wlt_json_set_bool(reply, "changed", changed))
		return wlt_fail_memory(err);
	return !changed || list_mail(request, mirror, reply, err);
}

/* --- export ------------------------------------------------------------------------------------ */

static bool write_bulk(void *context, const void *bytes, size_t len, struct wlt_error *err)
{
	struct json_object *reply = context;
	int errnum = wlt_write_all(WLT_COURIER_BULK_FD, bytes, len);

	if (errnum != 0)
		return wlt_fail_errno(err, errnum, "a package cannot be written out");
	return wlt_json_set_int(reply, "size", (int64_t)len) || wlt_fail_memory(err);
}

bool wlt_courier_export(struct json_object *request, struct json_object *reply,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	const char *oid = wlt_courier_need(request, "oid", err);

	return oid != NULL && wlt_courier_mirror(request, &mirror, err) &&
	       wlt_mirror_blob(mirror, oid, write_bulk, reply, err);
}

/* --- apply, forget ----------------------------------------------------------------------------- */

static bool read_edits(struct json_object *list, struct wlt_edit *edits, size_t n,
		       struct wlt_error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		edits[i].path = wlt_courier_need(item, "path", err);
		edits[i].disk_path = wlt_json_string(item, "disk_path");
		if (edits[i].path == NULL)
			return false;
	}
	return true;
}

bool wlt_courier_apply(struct json_object *request, struct json_object *reply,
		       struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	struct json_object *list = wlt_json_array(request, "edits");
	size_t n = list != NULL ? json_object_array_length(list) : 0;
	WLT_AUTOFREE struct wlt_edit *edits = calloc(n + 1, sizeof *edits);
	const char *id = wlt_courier_need(request, "id", err);
	const char *message = id != NULL ? wlt_courier_need(request, "message", err) : NULL;
	char commit[WLT_OID_BYTES];

	if (edits == NULL)
		return wlt_fail_memory(err);
	return message != NULL && read_edits(list, edits, n, err) &&
	       wlt_courier_mirror(request, &mirror, err) &&
	       wlt_mailbox_apply(mirror, id, edits, n, message, commit, err) &&
	       (wlt_json_set_string(reply, "commit", commit) || wlt_fail_memory(err));
}

bool wlt_courier_forget(struct json_object *request, struct json_object *reply,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = NULL;
	const char *id = wlt_courier_need(request, "id", err);

	(void)reply; /* nothing to tell */
	return id != NULL && wlt_courier_mirror(request, &mirror, err) &&
	       wlt_mailbox_forget(mirror, id, err);
}
