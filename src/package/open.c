/* SPDX-License-Identifier: MIT */
/*
 * Opening a package: from the envelope a source of the payload, from the payload a list of members whose
 * content lies in the plaintext store, and only when everything agrees with the manifest a package.
 */
#include "config.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "package/contents.h"
#include "package/manifest.h"
#include "package/source.h"

#define CONTENT_KEY 32u
/* From this size on inflating on another core pays for the thread. */
#define THREAD_FROM (256u << 10)

/* --- the payload's source, by envelope ---------------------------------------------------------- */

struct content_key {
	uint8_t *bytes; /* in the secure heap */
};

static void free_key(struct content_key *key)
{
	OPENSSL_secure_clear_free(key->bytes, CONTENT_KEY);
}

static bool unwrap(const struct wlt_key *pair, const struct wlt_recipient *recipient,
		   struct content_key *key)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	size_t len = CONTENT_KEY;

	/* Why it does not open is told to nobody; others are tried. */
	return wlt_key_unwrap(pair, recipient->wrapped, recipient->wrapped_len, key->bytes, &len,
			      &ignored) &&
	       len == CONTENT_KEY;
}

static bool no_recipient(const struct wlt_envelope *envelope, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf ids = WLT_BUF_INIT;

	for (size_t i = 0; i < envelope->n_recipients; i++)
		wlt_buf_printf(&ids, "%s%s", i > 0 ? ", " : "", envelope->recipients[i].pubkey_id);
	if (!wlt_buf_ok(&ids, err))
		return false;
	return wlt_fail(err, WLT_NO_KEY,
			"no private key here matches any recipient (sealed for %s)", ids.data);
}

/* The recipient that bears our id first, then every other: ids are only a hint. */
static bool find_key(const struct wlt_envelope *envelope, const struct wlt_key *pair,
		     struct content_key *key, struct wlt_error *err)
{
	const char *own_id;

	if (pair == NULL)
		return no_recipient(envelope, err);
	key->bytes = OPENSSL_secure_malloc(CONTENT_KEY);
	if (key->bytes == NULL)
		return wlt_fail_memory(err);
	own_id = wlt_key_id(pair);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < envelope->n_recipients; i++) {
			const struct wlt_recipient *recipient = &envelope->recipients[i];
			bool ours = strcmp(recipient->pubkey_id, own_id) == 0;

			if (ours == (pass == 0) && unwrap(pair, recipient, key))
				return true;
		}
	}
	return no_recipient(envelope, err);
}

static bool open_rsa(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
		     const struct wlt_key *pair, struct wlt_source **out, struct wlt_error *err)
{
	WLT_AUTO(free_key) struct content_key key = {NULL};
	struct wlt_source *sealed = NULL;

	return find_key(envelope, pair, &key, err) &&
	       wlt_source_raw(raw, envelope->payload_offset, envelope->payload_size, &sealed,
			      err) &&
	       wlt_source_cbc(sealed, key.bytes, envelope->iv, out, err);
}

/* The payload, still in gzip. */
static bool open_envelope(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
			  const struct wlt_key *pair, struct wlt_source **out,
			  struct wlt_error *err)
{
	switch (envelope->kind) {
	case WLT_ENVELOPE_RSA:
		return open_rsa(raw, envelope, pair, out, err);
	case WLT_ENVELOPE_PASSPHRASE:
		return wlt_fail(err, WLT_NO_KEY,
				"sealed with a passphrase, and none was given to open it");
	case WLT_ENVELOPE_PLAIN:
	default:
		return wlt_source_raw(raw, envelope->payload_offset, envelope->payload_size, out,
				      err);
	}
}

/* The payload's tar. */
static bool open_payload(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
			 const struct wlt_key *pair, struct wlt_source **out, struct wlt_error *err)
{
	bool sealed = envelope->kind != WLT_ENVELOPE_PLAIN;
	struct wlt_source *source = NULL;

	return open_envelope(raw, envelope, pair, &source, err) &&
	       wlt_source_gunzip(source, sealed, &source, err) &&
	       wlt_source_ahead(source, envelope->payload_size >= THREAD_FROM, out, err);
}

/* --- trust ------------------------------------------------------------------------------------- */

static bool untrusted(const struct wlt_package *package, const char *sender, struct wlt_error *err)
{
	WLT_AUTOFREE char *shown = wlt_text_printable(sender);
	const char *who = shown != NULL && *shown != '\0' ? shown : "its sender";

	switch (package->verdict) {
	case WLT_VERDICT_INVALID:
		return wlt_fail(
			err, WLT_UNTRUSTED,
			"its signature is invalid: it was altered after signing, or was not "
			"signed with the key it names");
	case WLT_VERDICT_MISMATCH:
		return wlt_fail(err, WLT_UNTRUSTED,
				"signed with key %s, which is known but is not the key of %s",
				package->signer, who);
	case WLT_VERDICT_UNKNOWN_KEY:
		return wlt_fail(err, WLT_UNTRUSTED,
				"signed with key %s, which is not known here, and signatures are "
				"required: pin the key of %s first",
				package->signer, who);
	case WLT_VERDICT_ABSENT:
	case WLT_VERDICT_VALID:
	default:
		return wlt_fail(err, WLT_UNTRUSTED,
				"it is not signed, and signatures are required: ask %s to sign it",
				who);
	}
}

static bool judge(struct wlt_package *package, const struct wlt_open_options *options,
		  struct wlt_error *err)
{
	const char *sender = options->sender != NULL ? options->sender : package->manifest->sender;
	uint8_t digest[WLT_SHA256_BYTES];

	if (!wlt_manifest_digest(package->manifest->tree, digest, err))
		return false;
	wlt_hex_encode(digest, sizeof(digest), package->import_id);
	package->verdict = wlt_manifest_verdict(package->manifest, digest, options->ring, sender,
						options->own_name, package->signer);
	switch (package->verdict) {
	case WLT_VERDICT_VALID:
		return true;
	case WLT_VERDICT_ABSENT:
	case WLT_VERDICT_UNKNOWN_KEY:
		return !options->require_signature || untrusted(package, sender, err);
	case WLT_VERDICT_MISMATCH:
	case WLT_VERDICT_INVALID:
	default:
		return untrusted(package, sender, err);
	}
}

/* --- interface --------------------------------------------------------------------------------- */

static void free_package(struct wlt_package **package)
{
	wlt_package_free(*package);
}

bool wlt_package_open(const struct wlt_raw *raw, const struct wlt_open_options *options,
		      struct wlt_package **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_envelope_free) struct wlt_envelope envelope = {0};
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *tar = NULL;
	WLT_AUTO(wlt_contents_free) struct wlt_contents contents = {0};
	WLT_AUTO(free_package) struct wlt_package *package = NULL;

	if (!wlt_envelope_read(raw, &envelope, err) ||
	    !open_payload(raw, &envelope, options->pair, &tar, err) ||
	    !wlt_contents_read(tar, options, &contents, err))
		return false;
	package = calloc(1, sizeof(*package));
	if (package == NULL)
		return wlt_fail_memory(err);
	package->envelope = envelope.kind;
	if (!wlt_contents_manifest(&contents, &package->manifest, err) ||
	    !wlt_contents_verify(&contents, package->manifest, err) ||
	    !judge(package, options, err) || !wlt_contents_release(&contents, package, err))
		return false;
	*out = wlt_take(package);
	return true;
}

void wlt_package_free(struct wlt_package *package)
{
	if (package == NULL)
		return;
	wlt_manifest_free(package->manifest);
	for (size_t i = 0; i < package->n_entries; i++)
		free(package->entries[i].path);
	free(package->entries);
	wlt_plain_free(package->plain);
	free(package);
}
