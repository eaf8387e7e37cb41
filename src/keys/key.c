/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "keys/key_private.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define GROUP 4 /* digits in a group of the fingerprint */

void wlt_key_free_bio(BIO **bio)
{
	BIO_free_all(*bio);
}

void wlt_key_free_context(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

bool wlt_key_fail(struct wlt_error *err, const char *doing)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return wlt_fail(err, WLT_INTERNAL, "cannot %s: OpenSSL says '%s'", doing,
			reason != NULL ? reason : "unknown error");
}

/* An exponent of 1 would leave plaintext as it is; OpenSSL itself bounds it from above. */
static bool has_good_exponent(EVP_PKEY *pkey)
{
	BIGNUM *exponent = NULL;
	bool good;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1)
		return false;
	good = BN_is_odd(exponent) && !BN_is_one(exponent);
	BN_free(exponent);
	return good;
}

/* SHA-256 over the DER SubjectPublicKeyInfo. */
static bool hash_public(EVP_PKEY *pkey, uint8_t digest[WLT_SHA256_BYTES])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);
	bool good = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return good;
}

/* Fill in the id and the fingerprint. */
static bool name_key(struct wlt_key *key)
{
	uint8_t digest[WLT_SHA256_BYTES];
	char hex[WLT_SHA256_HEX];
	char *to = key->fingerprint;

	if (!hash_public(key->pkey, digest))
		return false;
	wlt_hex_encode(digest, sizeof(digest), hex);
	memcpy(key->id, hex, WLT_KEY_ID_BYTES - 1);
	for (const char *from = hex; *from != '\0'; from += GROUP) {
		if (from != hex)
			*to++ = ' ';
		memcpy(to, from, GROUP);
		to += GROUP;
	}
	return true;
}

bool wlt_key_adopt(EVP_PKEY *pkey, bool is_private, const char *what, struct wlt_key **out,
		   struct wlt_error *err)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = calloc(1, sizeof(*key));
	int bits = EVP_PKEY_get_bits(pkey);

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return wlt_fail_memory(err);
	}
	atomic_init(&key->references, 1);
	key->pkey = pkey;
	key->is_private = is_private;
	if (!EVP_PKEY_is_a(pkey, "RSA"))
		return wlt_fail(err, WLT_DAMAGED, "%s: the key in it is no RSA key", what);
	if (bits < WLT_KEY_MIN_BITS || bits > WLT_KEY_MAX_BITS)
		return wlt_fail(err, WLT_DAMAGED,
				"%s: the RSA key in it has %d bits; %d to %d are accepted", what,
				bits, WLT_KEY_MIN_BITS, WLT_KEY_MAX_BITS);
	if (!has_good_exponent(pkey))
		return wlt_fail(err, WLT_DAMAGED, "%s: the RSA key in it has a bad exponent", what);
	if (!name_key(key))
		return wlt_key_fail(err, "encode a public key");
	*out = wlt_take(key);
	return true;
}

struct wlt_key *wlt_key_ref(struct wlt_key *key)
{
	(void)atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
	return key;
}

void wlt_key_unref(struct wlt_key *key)
{
	if (key == NULL ||
	    atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
		return;
	EVP_PKEY_free(key->pkey); /* wipes private numbers */
	free(key);
}

const char *wlt_key_id(const struct wlt_key *key)
{
	return key->id;
}

bool wlt_key_is_private(const struct wlt_key *key)
{
	return key->is_private;
}

const char *wlt_key_fingerprint(const struct wlt_key *key)
{
	return key->fingerprint;
}

bool wlt_key_format_public(const struct wlt_key *key, struct wlt_buf *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_key_free_bio) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	if (bio == NULL || PEM_write_bio_PUBKEY(bio, key->pkey) != 1)
		return wlt_key_fail(err, "write a public key");
	len = BIO_get_mem_data(bio, &text);
	wlt_buf_append(out, text, (size_t)len);
	return wlt_buf_ok(out, err);
}
