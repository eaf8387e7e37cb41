/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/unseal.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/cleanup.h"

#define CONTENT_KEY 32u

bool wlt_secret_new(struct wlt_secret *secret, size_t len, struct wlt_error *err)
{
	secret->bytes = OPENSSL_secure_zalloc(len);
	if (secret->bytes == NULL)
		return wlt_fail_memory(err);
	secret->len = len;
	return true;
}

void wlt_secret_free(struct wlt_secret *secret)
{
	OPENSSL_secure_clear_free(secret->bytes, secret->len);
	*secret = (struct wlt_secret){0};
}

static bool unwrap(const struct wlt_key *pair, const struct wlt_recipient *recipient,
		   struct wlt_secret *key)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	size_t len = key->len;

	/* Why it does not open is told to nobody; others are tried. */
	return wlt_key_unwrap(pair, recipient->wrapped, recipient->wrapped_len, key->bytes, &len,
			      &ignored) &&
	       len == key->len;
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
		     struct wlt_secret *key, struct wlt_error *err)
{
	const char *own_id;

	if (pair == NULL)
		return no_recipient(envelope, err);
	if (!wlt_secret_new(key, CONTENT_KEY, err))
		return false;
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

bool wlt_unseal_rsa(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
		    const struct wlt_key *pair, struct wlt_source **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_secret_free) struct wlt_secret key = {0};
	struct wlt_source *sealed = NULL;

	return find_key(envelope, pair, &key, err) &&
	       wlt_source_raw(raw, envelope->payload_offset, envelope->payload_size, &sealed,
			      err) &&
	       wlt_source_cbc(sealed, key.bytes, envelope->iv, out, err);
}
