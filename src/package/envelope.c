/* SPDX-License-Identifier: MIT */
/*
 * Telling the envelope of a package, and all that can be known of it without a key. Of an RSA envelope
 * only the outer tar's headers and its JSON are read; the payload is passed over.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "package/manifest.h"
#include "package/source.h"
#include "package/tar_read.h"
#include "package/unseal.h"

#define ENVELOPE_NAME  "rsa-envelope-v1.json"
#define PAYLOAD_NAME   "payload.enc"
#define OUTER_OVERHEAD (1ull << 20) /* headers and closing zeros of the outer tar */
#define MAGIC_BYTES    8u

static const char *const kind_names[] = {
	[WLT_ENVELOPE_PLAIN] = "plain",       [WLT_ENVELOPE_PASSPHRASE] = "passphrase",
	[WLT_ENVELOPE_RSA] = "rsa",           [WLT_ENVELOPE_LEGACY_PASSPHRASE] = "legacy",
	[WLT_ENVELOPE_LEGACY_RSA] = "legacy",
};

const char *wlt_envelope_kind_name(enum wlt_envelope_kind kind)
{
	return kind_names[kind];
}

static bool fault(const char *what, struct wlt_error *err)
{
	return wlt_fail(err, WLT_DAMAGED, "%s: %s", ENVELOPE_NAME, what);
}

/* --- rsa-envelope-v1.json ---------------------------------------------------------------------- */

static bool take_recipient(struct json_object *entry, struct wlt_recipient *out,
			   struct wlt_error *err)
{
	uint8_t wrapped[WLT_KEY_MAX_BITS / 8];
	size_t len = sizeof(wrapped);
	const char *id = wlt_json_string(entry, "pubkey_id");
	const char *base64 = wlt_json_string(entry, "key_enc_b64");

	if (id == NULL || !wlt_is_key_id(id))
		return fault("a recipient's `pubkey_id` is not 16 lower-case hex digits", err);
	if (base64 == NULL || !wlt_base64_decode(base64, wrapped, &len) || len == 0)
		return wlt_fail(err, WLT_DAMAGED,
				"%s: `key_enc_b64` of recipient %s is not a wrapped key in base64",
				ENVELOPE_NAME, id);
	out->wrapped = malloc(len);
	if (out->wrapped == NULL)
		return wlt_fail_memory(err);
	memcpy(out->wrapped, wrapped, len);
	out->wrapped_len = len;
	memcpy(out->pubkey_id, id, WLT_KEY_ID_BYTES);
	return true;
}

static bool take_recipients(struct json_object *root, struct wlt_envelope *out,
			    struct wlt_error *err)
{
	struct json_object *list = wlt_json_array(root, "recipients");
	size_t n = list != NULL ? json_object_array_length(list) : 0;

	if (n == 0 || n > WLT_MAX_RECIPIENTS)
		return wlt_fail(err, WLT_DAMAGED, "%s: `recipients` is not a list of 1 to %u",
				ENVELOPE_NAME, WLT_MAX_RECIPIENTS);
	out->recipients = calloc(n, sizeof(*out->recipients));
	if (out->recipients == NULL)
		return wlt_fail_memory(err);
	for (; out->n_recipients < n; out->n_recipients++) {
		if (!take_recipient(json_object_array_get_idx(list, out->n_recipients),
				    &out->recipients[out->n_recipients], err))
			return false;
	}
	return true;
}

static bool parse_json(const char *text, size_t len, struct wlt_envelope *out,
		       struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = NULL;
	const char *algorithm;
	const char *iv;
	size_t iv_len = sizeof(out->iv);

	if (!wlt_json_parse(text, len, &root, err))
		return wlt_fail_context(err, ENVELOPE_NAME);
	if (!json_object_is_type(root, json_type_object))
		return fault("not an object", err);
	if (wlt_json_int(root, "version", 0) != 1)
		return fault("`version` is not 1, the only one known", err);
	algorithm = wlt_json_string(root, "payload_algo");
	if (algorithm == NULL || strcmp(algorithm, "aes-256-cbc") != 0)
		return fault("`payload_algo` is not aes-256-cbc, the only one known", err);
	iv = wlt_json_string(root, "payload_iv_b64");
	if (iv == NULL || !wlt_base64_decode(iv, out->iv, &iv_len) || iv_len != sizeof(out->iv))
		return fault("`payload_iv_b64` is not 16 bytes in base64", err);
	return take_recipients(root, out, err);
}

/* --- the outer tar ----------------------------------------------------------------------------- */

static bool read_json(struct wlt_tar *tar, const struct wlt_tar_member *member,
		      struct wlt_envelope *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	if (out->n_recipients > 0)
		return fault("is in the envelope twice", err);
	if (member->size > WLT_MAX_ENVELOPE_JSON)
		return wlt_fail(err, WLT_TOO_BIG, "%s: %llu bytes, at most %u allowed",
				ENVELOPE_NAME, (unsigned long long)member->size,
				WLT_MAX_ENVELOPE_JSON);
	while (text.len < member->size) {
		char *at = wlt_buf_reserve(&text, (size_t)member->size - text.len);
		size_t got;

		if (at == NULL)
			return wlt_fail_memory(err);
		if (!wlt_tar_read(tar, (uint8_t *)at, (size_t)member->size - text.len, &got, err))
			return false;
		text.len += got;
	}
	return parse_json(text.len > 0 ? text.data : "", text.len, out, err);
}

static bool take_payload(const struct wlt_tar_member *member, struct wlt_envelope *out,
			 struct wlt_error *err)
{
	if (out->payload_size > 0)
		return wlt_fail(err, WLT_DAMAGED, "%s is in the envelope twice", PAYLOAD_NAME);
	if (member->size == 0 || member->size % WLT_CIPHER_BLOCK != 0)
		return wlt_fail(err, WLT_DAMAGED,
				"%s: %llu bytes are not whole blocks of AES-256-CBC", PAYLOAD_NAME,
				(unsigned long long)member->size);
	out->payload_offset = member->offset;
	out->payload_size = member->size;
	return true;
}

static bool take_member(struct wlt_tar *tar, const struct wlt_tar_member *member,
			struct wlt_envelope *out, struct wlt_error *err)
{
	if (!member->folder && strcmp(member->path, ENVELOPE_NAME) == 0)
		return read_json(tar, member, out, err);
	if (!member->folder && strcmp(member->path, PAYLOAD_NAME) == 0)
		return take_payload(member, out, err);
	return wlt_fail(err, WLT_DAMAGED, "an RSA envelope holds %s and %s, not %s", ENVELOPE_NAME,
			PAYLOAD_NAME, member->path);
}

static bool read_rsa(const struct wlt_raw *raw, struct wlt_envelope *out, struct wlt_error *err)
{
	/* Four members: a folder ".", and one too many to be told by its name. The file's own end
	 * bounds the rest. */
	struct wlt_tar_limits limits = {4, UINT64_MAX, UINT64_MAX};
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *source = NULL;
	WLT_AUTO(wlt_tar_cleanup) struct wlt_tar *tar = NULL;
	struct wlt_tar_member member;
	bool found = true;

	out->kind = WLT_ENVELOPE_RSA;
	if (!wlt_source_raw(raw, 0, raw->size, &source, err) ||
	    !wlt_tar_open(source, &limits, &tar, err))
		return false;
	do {
		if (!wlt_tar_next(tar, &member, &found, err))
			return false;
		if (found && !take_member(tar, &member, out, err))
			return false;
		/* What is left are zeros: not worth reading when there are far too many. */
		if (out->payload_size > 0 && raw->size > out->payload_size &&
		    raw->size - out->payload_size > OUTER_OVERHEAD)
			return wlt_fail(err, WLT_DAMAGED,
					"the envelope has more than %llu bytes beside its payload",
					OUTER_OVERHEAD);
	} while (found);
	if (out->n_recipients == 0 || out->payload_size == 0)
		return wlt_fail(err, WLT_DAMAGED, "the envelope has no %s",
				out->n_recipients == 0 ? ENVELOPE_NAME : PAYLOAD_NAME);
	return true;
}

/* --- telling ----------------------------------------------------------------------------------- */

static bool read_passphrase(const struct wlt_raw *raw, struct wlt_envelope *out,
			    struct wlt_error *err)
{
	out->kind = WLT_ENVELOPE_PASSPHRASE;
	if (!wlt_salted_check(raw->size, err))
		return false;
	out->payload_offset = WLT_SALTED_HEADER;
	out->payload_size = raw->size - WLT_SALTED_HEADER;
	return true;
}

/* Does it begin with a tar header? */
static bool is_tar(const struct wlt_raw *raw, bool *yes, struct wlt_error *err)
{
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *source = NULL;
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	struct wlt_tar_header header;
	uint8_t block[WLT_TAR_BLOCK];
	size_t got;

	if (!wlt_source_raw(raw, 0, raw->size, &source, err) ||
	    !wlt_source_fill(source, block, sizeof(block), &got, err))
		return false;
	*yes = got == sizeof(block) && wlt_tar_parse_header(block, &header, &ignored);
	return true;
}

static bool tell(const struct wlt_raw *raw, struct wlt_envelope *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *source = NULL;
	uint8_t magic[MAGIC_BYTES] = {0};
	size_t got;
	bool tar;

	if (!wlt_source_raw(raw, 0, raw->size, &source, err) ||
	    !wlt_source_fill(source, magic, sizeof(magic), &got, err))
		return false;
	if (magic[0] == 0x1f && magic[1] == 0x8b) {
		out->kind = WLT_ENVELOPE_PLAIN;
		out->payload_size = raw->size;
		return true;
	}
	if (memcmp(magic, "Salted__", sizeof(magic)) == 0)
		return read_passphrase(raw, out, err);
	if (!is_tar(raw, &tar, err))
		return false;
	if (!tar)
		return wlt_fail(err, WLT_DAMAGED,
				"not a walnut package: neither gzip nor an OpenSSL `enc` file nor "
				"an RSA envelope");
	return read_rsa(raw, out, err);
}

bool wlt_envelope_read(const struct wlt_raw *raw, struct wlt_envelope *out, struct wlt_error *err)
{
	*out = (struct wlt_envelope){0};
	if (tell(raw, out, err))
		return true;
	wlt_envelope_free(out);
	return false;
}

void wlt_envelope_free(struct wlt_envelope *envelope)
{
	for (size_t i = 0; i < envelope->n_recipients; i++)
		free(envelope->recipients[i].wrapped);
	free(envelope->recipients);
	*envelope = (struct wlt_envelope){0};
}

bool wlt_envelope_names(const struct wlt_envelope *envelope, const char *pubkey_id)
{
	for (size_t i = 0; i < envelope->n_recipients; i++) {
		if (strcmp(envelope->recipients[i].pubkey_id, pubkey_id) == 0)
			return true;
	}
	return false;
}
