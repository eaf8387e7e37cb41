/* SPDX-License-Identifier: MIT */
/*
 * Opening a package: from the envelope a source of the payload, from the payload a list of members whose
 * content lies in the plaintext store, and only when everything agrees with the manifest a package.
 */
#include "config.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "package/contents.h"
#include "package/legacy.h"
#include "package/source.h"
#include "package/unseal.h"

/* --- what is in it ------------------------------------------------------------------------------ */

/* The payload, still in gzip. */
static bool open_envelope(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
			  const struct wlt_open_options *options, struct wlt_source **out,
			  struct wlt_error *err)
{
	struct wlt_span file = {raw, NULL, 0, raw->size};

	switch (envelope->kind) {
	case WLT_ENVELOPE_RSA:
		return wlt_unseal_rsa(raw, envelope, options->pair, out, err);
	case WLT_ENVELOPE_PASSPHRASE:
		return wlt_unseal_passphrase(&file, options->passphrase, options->passphrase_len,
					     out, err);
	case WLT_ENVELOPE_PLAIN:
	case WLT_ENVELOPE_LEGACY_PASSPHRASE: /* never told from outside */
	case WLT_ENVELOPE_LEGACY_RSA:
	default:
		return wlt_source_raw(raw, envelope->payload_offset, envelope->payload_size, out,
				      err);
	}
}

static bool read_payload(const struct wlt_raw *raw, const struct wlt_open_options *options,
			 struct wlt_contents *out, enum wlt_envelope_kind *kind,
			 struct wlt_error *err)
{
	WLT_AUTO(wlt_envelope_free) struct wlt_envelope envelope = {0};
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *tar = NULL;
	struct wlt_source *source = NULL;

	if (!wlt_envelope_read(raw, &envelope, err))
		return false;
	*kind = envelope.kind;
	return open_envelope(raw, &envelope, options, &source, err) &&
	       wlt_source_payload(source, *kind != WLT_ENVELOPE_PLAIN, envelope.payload_size, &tar,
				  err) &&
	       wlt_contents_read(tar, options, out, err);
}

/* When they are a legacy wrapper, what was sealed takes its place. */
static bool unwrap_legacy(struct wlt_package *package, const struct wlt_open_options *options,
			  struct wlt_contents *contents, struct wlt_error *err)
{
	WLT_AUTO(wlt_contents_free) struct wlt_contents sealed = {0};
	struct wlt_contents wrapper;

	if (package->envelope != WLT_ENVELOPE_PLAIN ||
	    !wlt_legacy_is_wrapper(contents, package->manifest))
		return true;
	if (!wlt_legacy_unwrap(contents, options, &sealed, &package->envelope, err))
		return false;
	wrapper = *contents;
	*contents = sealed;
	sealed = wrapper;
	return true;
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
	WLT_AUTO(wlt_contents_free) struct wlt_contents contents = {0};
	WLT_AUTO(free_package) struct wlt_package *package = calloc(1, sizeof(*package));
	enum wlt_check unasked;
	enum wlt_check *check = options->check != NULL ? options->check : &unasked;

	*check = WLT_CHECK_ARCHIVE;
	if (package == NULL)
		return wlt_fail_memory(err);
	if (!read_payload(raw, options, &contents, &package->envelope, err) ||
	    !wlt_contents_manifest(&contents, check, &package->manifest, err))
		return false;
	*check = WLT_CHECK_ARCHIVE;
	if (!unwrap_legacy(package, options, &contents, err) ||
	    !wlt_contents_verify(&contents, package->manifest, check, err))
		return false;
	*check = WLT_CHECK_SIGNATURE;
	if (!judge(package, options, err) || !wlt_contents_release(&contents, package, err))
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
