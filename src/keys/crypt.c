/* SPDX-License-Identifier: MIT */
/* What keys are for: sign, verify, wrap, unwrap. */
#include "config.h"

#include "keys/key_private.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/cleanup.h"

#define SALT_BYTES 32

/* Ready for one operation: `init` is EVP_PKEY_sign_init and its like. */
static EVP_PKEY_CTX *context_for(const struct wlt_key *key, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

	if (context != NULL && init(context) == 1)
		return context;
	EVP_PKEY_CTX_free(context);
	return NULL;
}

static bool use_pss(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SALT_BYTES) == 1;
}

static bool use_oaep(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

/* One block of the key's size at the end of `out`. */
static unsigned char *reserve_block(const struct wlt_key *key, struct wlt_buf *out, size_t *len)
{
	*len = (size_t)EVP_PKEY_get_size(key->pkey);
	return (unsigned char *)wlt_buf_reserve(out, *len);
}

bool wlt_key_sign(const struct wlt_key *pair, const uint8_t digest[WLT_SHA256_BYTES],
		  struct wlt_buf *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_key_free_context) EVP_PKEY_CTX *context = NULL;
	unsigned char *to;
	size_t len;

	if (!pair->is_private)
		return wlt_fail(err, WLT_NO_KEY,
				"cannot sign: only the public half of key %s is here", pair->id);
	to = reserve_block(pair, out, &len);
	if (to == NULL)
		return wlt_fail_memory(err);
	context = context_for(pair, EVP_PKEY_sign_init);
	if (context == NULL || !use_pss(context) ||
	    EVP_PKEY_sign(context, to, &len, digest, WLT_SHA256_BYTES) != 1) {
		*to = '\0'; /* the end of the buffer again */
		return wlt_key_fail(err, "sign");
	}
	out->len += len;
	return true;
}

bool wlt_key_verify(const struct wlt_key *key, const uint8_t digest[WLT_SHA256_BYTES],
		    const uint8_t *signature, size_t len)
{
	WLT_AUTO(wlt_key_free_context)
	EVP_PKEY_CTX *context = context_for(key, EVP_PKEY_verify_init);
	bool good = context != NULL && use_pss(context) &&
		    EVP_PKEY_verify(context, signature, len, digest, WLT_SHA256_BYTES) == 1;

	ERR_clear_error();
	return good;
}

bool wlt_key_wrap(const struct wlt_key *key, const uint8_t *secret, size_t secret_len,
		  struct wlt_buf *out, struct wlt_error *err)
{
	WLT_AUTO(wlt_key_free_context)
	EVP_PKEY_CTX *context = context_for(key, EVP_PKEY_encrypt_init);
	size_t len;
	unsigned char *to = reserve_block(key, out, &len);

	if (to == NULL)
		return wlt_fail_memory(err);
	if (context == NULL || !use_oaep(context) ||
	    EVP_PKEY_encrypt(context, to, &len, secret, secret_len) != 1) {
		*to = '\0'; /* the end of the buffer again */
		return wlt_key_fail(err, "wrap a secret");
	}
	out->len += len;
	return true;
}

/* The secret, in `plain` of `*len` bytes, which is as much as the key can hold. */
static bool decrypt(const struct wlt_key *pair, const uint8_t *wrapped, size_t wrapped_len,
		    unsigned char *plain, size_t *len)
{
	WLT_AUTO(wlt_key_free_context)
	EVP_PKEY_CTX *context = context_for(pair, EVP_PKEY_decrypt_init);

	return context != NULL && use_oaep(context) &&
	       EVP_PKEY_decrypt(context, plain, len, wrapped, wrapped_len) == 1;
}

bool wlt_key_unwrap(const struct wlt_key *pair, const uint8_t *wrapped, size_t wrapped_len,
		    uint8_t *secret, size_t *len, struct wlt_error *err)
{
	size_t size = (size_t)EVP_PKEY_get_size(pair->pkey);
	size_t found = size;
	unsigned char *plain;
	bool good;

	if (!pair->is_private)
		return wlt_fail(err, WLT_NO_KEY,
				"cannot unwrap: only the public half of key %s is here", pair->id);
	plain = OPENSSL_secure_malloc(size);
	if (plain == NULL)
		return wlt_fail_memory(err);
	good = decrypt(pair, wrapped, wrapped_len, plain, &found) && found <= *len;
	if (good) {
		memcpy(secret, plain, found);
		*len = found;
	}
	OPENSSL_secure_clear_free(plain, size);
	ERR_clear_error();
	/* One answer for all faults: how far it got would be an oracle. */
	if (!good)
		return wlt_fail(err, WLT_NO_KEY, "key %s does not open this", pair->id);
	return true;
}
