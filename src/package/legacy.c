/* SPDX-License-Identifier: MIT */
/*
 * The wrapper has been read like any payload before it is known to be one, so its sealed payload
 * lies in a plaintext store: within the memory limit, or spilled. What is in it goes to a second
 * store, which gets what the first one has left of the limit.
 */
#include "config.h"

#include "package/legacy.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "package/manifest.h"
#include "package/unseal.h"

#define PAYLOAD_NAME "payload.enc"
#define KEY_NAME     "payload.key"
#define KEY_BYTES    32u
/* What the wrapped key holds: key and IV (2.0), or random bytes to be a password file (1.1). */
#define SECRET_2_0 WLT_KEY_AND_IV
#define SECRET_1_1 32u

bool wlt_legacy_is_wrapper(const struct wlt_contents *contents, const struct wlt_manifest *manifest)
{
	bool payload = false;

	for (size_t i = 0; i < contents->n; i++) {
		const char *path = contents->found[i].entry.path;

		if (strcmp(path, PAYLOAD_NAME) == 0)
			payload = !contents->found[i].folder;
		else if (strcmp(path, KEY_NAME) != 0 && strcmp(path, WLT_MANIFEST_NAME) != 0)
			return false;
	}
	return payload && wlt_json_bool(manifest->tree, "encrypted", false);
}

/* --- RSA ---------------------------------------------------------------------------------------- */

static bool unwrap(const struct wlt_contents *wrapper, const struct wlt_found *wrapped,
		   const struct wlt_key *pair, struct wlt_secret *secret, struct wlt_error *err)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	uint8_t bytes[WLT_KEY_MAX_BITS / 8];
	size_t got;

	if (wrapped->folder || wrapped->entry.size == 0 || wrapped->entry.size > sizeof(bytes))
		return wlt_fail(err, WLT_DAMAGED, "%s is not a key wrapped with RSA", KEY_NAME);
	if (pair == NULL)
		return wlt_fail(err, WLT_NO_KEY,
				"sealed for a private key, and there is none here to open it");
	if (!wlt_plain_read(wrapper->plain, bytes, (size_t)wrapped->entry.size,
			    wrapped->entry.offset, &got, err) ||
	    !wlt_secret_new(secret, WLT_KEY_AND_IV, err))
		return false;
	if (!wlt_key_unwrap(pair, bytes, got, secret->bytes, &secret->len, &ignored))
		return wlt_fail(err, WLT_NO_KEY,
				"the private key here does not open it, and a legacy wrapper does "
				"not say whose key would");
	return true;
}

static bool open_rsa(const struct wlt_contents *wrapper, const struct wlt_found *wrapped,
		     const struct wlt_span *payload, const struct wlt_key *pair,
		     struct wlt_source **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_secret_free) struct wlt_secret secret = {0};
	struct wlt_source *sealed = NULL;

	if (!unwrap(wrapper, wrapped, pair, &secret, err))
		return false;
	if (secret.len == SECRET_1_1)
		return wlt_unseal_password_file(payload, &secret, out, err);
	if (secret.len != SECRET_2_0)
		return wlt_fail(err, WLT_DAMAGED,
				"%s holds a key of %zu bytes: neither 48, as of 2.0, nor 32, as of "
				"1.1",
				KEY_NAME, secret.len);
	if (payload->size == 0 || payload->size % WLT_CIPHER_BLOCK != 0)
		return wlt_fail(err, WLT_DAMAGED,
				"%s: %llu bytes are not whole blocks of AES-256-CBC", PAYLOAD_NAME,
				(unsigned long long)payload->size);
	return wlt_source_span(payload, 0, payload->size, &sealed, err) &&
	       wlt_source_cbc(sealed, secret.bytes, secret.bytes + KEY_BYTES, out, err);
}

/* --- interface ---------------------------------------------------------------------------------- */

/* The sealed payload, decrypted: still in gzip. */
static bool open_payload(const struct wlt_contents *wrapper, const struct wlt_span *payload,
			 const struct wlt_open_options *options, enum wlt_envelope_kind *kind,
			 struct wlt_source **out, struct wlt_error *err)
{
	const struct wlt_found *wrapped = wlt_contents_find(wrapper, KEY_NAME);

	if (wrapped != NULL) {
		*kind = WLT_ENVELOPE_LEGACY_RSA;
		return open_rsa(wrapper, wrapped, payload, options->pair, out, err);
	}
	*kind = WLT_ENVELOPE_LEGACY_PASSPHRASE;
	return wlt_unseal_passphrase(payload, options->passphrase, options->passphrase_len, out,
				     err);
}

bool wlt_legacy_unwrap(const struct wlt_contents *wrapper, const struct wlt_open_options *options,
		       struct wlt_contents *out, enum wlt_envelope_kind *kind,
		       struct wlt_error *err)
{
	const struct wlt_found *found = wlt_contents_find(wrapper, PAYLOAD_NAME);
	struct wlt_span payload = {NULL, wrapper->plain, found->entry.offset, found->entry.size};
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *tar = NULL;
	struct wlt_open_options rest = *options;
	struct wlt_source *clear = NULL;
	uint64_t taken = wlt_plain_memory(wrapper->plain);

	rest.memory_limit -= taken < rest.memory_limit ? taken : rest.memory_limit;
	/* The manifest first: another one among the sealed files is then a name given twice. */
	return open_payload(wrapper, &payload, options, kind, &clear, err) &&
	       wlt_source_payload(clear, true, payload.size, &tar, err) &&
	       wlt_contents_adopt(wrapper, WLT_MANIFEST_NAME, &rest, out, err) &&
	       wlt_contents_read(tar, &rest, out, err);
}
