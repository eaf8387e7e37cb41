/* SPDX-License-Identifier: MIT */
/* The signature inside a manifest: made here, and judged here. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "package/manifest.h"

#define ALGORITHM    "rsa-pss-sha256"
#define SIGNED_BYTES "manifest-canonical-json-v1"

static const char *const verdict_names[] = {
	[WLT_VERDICT_VALID] = "valid",
	[WLT_VERDICT_ABSENT] = "absent",
	[WLT_VERDICT_UNKNOWN_KEY] = "unknown-key",
	[WLT_VERDICT_MISMATCH] = "mismatch",
	[WLT_VERDICT_INVALID] = "invalid",
};

const char *wlt_verdict_name(enum wlt_verdict verdict)
{
	return verdict_names[verdict];
}

bool wlt_manifest_sign(struct json_object *tree, const struct wlt_key *pair, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf raw = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf base64 = WLT_BUF_INIT;
	WLT_AUTO(wlt_json_put) struct json_object *signature = NULL;
	uint8_t digest[WLT_SHA256_BYTES];

	if (!wlt_manifest_digest(tree, digest, err) || !wlt_key_sign(pair, digest, &raw, err))
		return false;
	wlt_base64_encode(&base64, (const uint8_t *)raw.data, raw.len);
	if (!wlt_buf_ok(&base64, err))
		return false;
	signature = json_object_new_object();
	if (signature == NULL || !wlt_json_set_string(signature, "algo", ALGORITHM) ||
	    !wlt_json_set_string(signature, "pubkey_id", wlt_key_id(pair)) ||
	    !wlt_json_set_string(signature, "sig_b64", base64.data) ||
	    !wlt_json_set_string(signature, "signed_bytes", SIGNED_BYTES) ||
	    !wlt_json_set(tree, "signature", json_object_get(signature)))
		return wlt_fail_memory(err);
	return true;
}

/* --- verdict ----------------------------------------------------------------------------------- */

bool wlt_is_key_id(const char *text)
{
	return strlen(text) == WLT_KEY_ID_BYTES - 1 &&
	       strspn(text, "0123456789abcdef") == WLT_KEY_ID_BYTES - 1;
}

static bool member_is(struct json_object *signature, const char *key, const char *expected)
{
	const char *value = wlt_json_string(signature, key);

	return value != NULL && strcmp(value, expected) == 0;
}

/* Take the signature apart; false when it is malformed. `signer` is set as soon as it is known. */
static bool take_apart(struct json_object *signature, char signer[WLT_KEY_ID_BYTES], uint8_t *raw,
		       size_t *len)
{
	const char *id = wlt_json_string(signature, "pubkey_id");
	const char *base64 = wlt_json_string(signature, "sig_b64");

	if (id == NULL || !wlt_is_key_id(id))
		return false;
	memcpy(signer, id, WLT_KEY_ID_BYTES);
	return member_is(signature, "algo", ALGORITHM) &&
	       member_is(signature, "signed_bytes", SIGNED_BYTES) && base64 != NULL &&
	       wlt_base64_decode(base64, raw, len);
}

/* Whose key is it: `sender`'s pinned one, or our own and `sender` is us? */
static bool belongs_to(const struct wlt_keyring *ring, const char *id, const char *sender,
		       const char *own_name)
{
	const struct wlt_key *pinned = wlt_keyring_of_peer(ring, sender);
	const char *own_id = wlt_keyring_own_id(ring);

	if (pinned != NULL && strcmp(wlt_key_id(pinned), id) == 0)
		return true;
	return own_id != NULL && strcmp(own_id, id) == 0 && own_name != NULL &&
	       strcmp(own_name, sender) == 0;
}

enum wlt_verdict wlt_manifest_verdict(const struct wlt_manifest *manifest,
				      const uint8_t digest[WLT_SHA256_BYTES],
				      const struct wlt_keyring *ring, const char *sender,
				      const char *own_name, char signer[WLT_KEY_ID_BYTES])
{
	struct json_object *signature;
	const struct wlt_key *key;
	uint8_t raw[WLT_KEY_MAX_BITS / 8];
	size_t len = sizeof(raw);

	signer[0] = '\0';
	if (!json_object_object_get_ex(manifest->tree, "signature", &signature))
		return WLT_VERDICT_ABSENT;
	if (!json_object_is_type(signature, json_type_object) ||
	    !take_apart(signature, signer, raw, &len))
		return WLT_VERDICT_INVALID;
	key = ring != NULL ? wlt_keyring_by_id(ring, signer, NULL) : NULL;
	if (key == NULL)
		return WLT_VERDICT_UNKNOWN_KEY;
	if (!wlt_key_verify(key, digest, raw, len))
		return WLT_VERDICT_INVALID;
	return belongs_to(ring, signer, sender, own_name) ? WLT_VERDICT_VALID
							  : WLT_VERDICT_MISMATCH;
}
