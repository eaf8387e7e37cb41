/* SPDX-License-Identifier: MIT */
/*
 * Files of `openssl enc`. Nothing in one says how its key was derived from the passphrase, and
 * nothing authenticates it, so the derivations in use over the years are tried in turn. A wrong one is
 * told by its padding (1 of 256 passes by chance) and then by a gzip header and the first of the
 * deflate stream; of a large file no more than its ends are decrypted for that.
 */
#include "config.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"
#include "package/unseal.h"

#define KEY_BYTES   32u
#define MAGIC_BYTES 8u
#define SALT_BYTES  8u
#define PROBE_BYTES 512u /* inflated, to believe that it is a stream */

struct derivation {
	int iterations; /* of PBKDF2; 0: EVP_BytesToKey() */
	const EVP_MD *(*digest)(void);
};

/* Newest first. */
static const struct derivation derivations[] = {
	{600000, EVP_sha256}, {100000, EVP_sha256}, {10000, EVP_sha256},
	{0, EVP_sha256},      {0, EVP_md5},
};

#define N_DERIVATIONS (sizeof(derivations) / sizeof(derivations[0]))

/* False when OpenSSL does not do it, as a provider without MD5: then no file can be opened that way. */
static bool derive(const struct derivation *derivation, const char *passphrase, size_t len,
		   const uint8_t salt[SALT_BYTES], struct wlt_secret *key)
{
	const EVP_MD *digest = derivation->digest();

	if (derivation->iterations > 0)
		return PKCS5_PBKDF2_HMAC(passphrase, (int)len, salt, SALT_BYTES,
					 derivation->iterations, digest, (int)key->len,
					 key->bytes) == 1;
	return EVP_BytesToKey(EVP_aes_256_cbc(), digest, salt, (const uint8_t *)passphrase,
			      (int)len, 1, key->bytes, key->bytes + KEY_BYTES) == (int)KEY_BYTES;
}

/* --- the file ----------------------------------------------------------------------------------- */

bool wlt_salted_check(uint64_t size, struct wlt_error *err)
{
	if (size >= WLT_SALTED_HEADER + WLT_CIPHER_BLOCK && size % WLT_CIPHER_BLOCK == 0)
		return true;
	return wlt_fail(err, WLT_DAMAGED,
			"%llu bytes behind `Salted__` are not a salt and whole blocks of "
			"AES-256-CBC",
			(unsigned long long)(size > MAGIC_BYTES ? size - MAGIC_BYTES : 0));
}

static bool read_at(const struct wlt_span *file, uint64_t offset, uint8_t *out, size_t len,
		    struct wlt_error *err)
{
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *source = NULL;
	size_t got;

	return wlt_source_span(file, offset, len, &source, err) &&
	       wlt_source_fill(source, out, len, &got, err);
}

static bool read_salt(const struct wlt_span *file, uint8_t salt[SALT_BYTES], struct wlt_error *err)
{
	uint8_t header[WLT_SALTED_HEADER] = {0};

	if (!wlt_salted_check(file->size, err) || !read_at(file, 0, header, sizeof(header), err))
		return false;
	if (memcmp(header, "Salted__", MAGIC_BYTES) != 0)
		return wlt_fail(err, WLT_DAMAGED,
				"the payload is no OpenSSL `enc` file: it does not begin with "
				"`Salted__`");
	memcpy(salt, header + MAGIC_BYTES, SALT_BYTES);
	return true;
}

static bool decrypted(const struct wlt_span *file, uint64_t offset, const uint8_t *key,
		      const uint8_t *iv, struct wlt_source **out, struct wlt_error *err)
{
	struct wlt_source *sealed = NULL;

	return wlt_source_span(file, offset, file->size - offset, &sealed, err) &&
	       wlt_source_cbc(sealed, key, iv, out, err);
}

/* --- is it this key? ---------------------------------------------------------------------------- */

/* Read the first bytes; a fault of what is read makes `*good` false and is no error. */
static bool try_read(struct wlt_source *source, bool *good, struct wlt_error *err)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;
	uint8_t start[PROBE_BYTES];
	size_t got;

	*good = wlt_source_fill(source, start, sizeof(start), &got, &fault);
	OPENSSL_cleanse(start, sizeof(start));
	if (*good || fault.kind == WLT_DAMAGED)
		return true;
	wlt_error_move(err, &fault);
	return false;
}

/* Does the last block unpad? In CBC that takes the block before it and no more. */
static bool try_end(const struct wlt_span *file, const struct wlt_secret *key, bool *good,
		    struct wlt_error *err)
{
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *last = NULL;
	uint64_t offset = file->size - WLT_CIPHER_BLOCK;
	uint8_t before[WLT_CIPHER_BLOCK];

	if (offset == WLT_SALTED_HEADER)
		memcpy(before, key->bytes + KEY_BYTES, sizeof(before));
	else if (!read_at(file, offset - sizeof(before), before, sizeof(before), err))
		return false;
	return decrypted(file, offset, key->bytes, before, &last, err) && try_read(last, good, err);
}

static bool try_start(const struct wlt_span *file, const struct wlt_secret *key, bool *good,
		      struct wlt_error *err)
{
	WLT_AUTO(wlt_source_cleanup) struct wlt_source *stream = NULL;
	struct wlt_source *clear = NULL;

	return decrypted(file, WLT_SALTED_HEADER, key->bytes, key->bytes + KEY_BYTES, &clear,
			 err) &&
	       wlt_source_gunzip(clear, true, &stream, err) && try_read(stream, good, err);
}

static bool try_key(const struct wlt_span *file, const struct wlt_secret *key, bool *good,
		    struct wlt_error *err)
{
	return try_end(file, key, good, err) && (!*good || try_start(file, key, good, err));
}

/* --- interface ---------------------------------------------------------------------------------- */

bool wlt_unseal_passphrase(const struct wlt_span *file, const char *passphrase, size_t len,
			   struct wlt_source **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_secret_free) struct wlt_secret key = {0};
	uint8_t salt[SALT_BYTES];
	bool good = false;

	if (passphrase == NULL)
		return wlt_fail(err, WLT_NO_KEY,
				"sealed with a passphrase, and none was given to open it");
	if (len > INT_MAX)
		return wlt_fail(err, WLT_USAGE, "a passphrase of more than %d bytes", INT_MAX);
	if (!read_salt(file, salt, err) || !wlt_secret_new(&key, WLT_KEY_AND_IV, err))
		return false;
	for (size_t i = 0; i < N_DERIVATIONS && !good; i++) {
		if (derive(&derivations[i], passphrase, len, salt, &key) &&
		    !try_key(file, &key, &good, err))
			return false;
	}
	if (!good)
		return wlt_fail(err, WLT_NO_KEY,
				"the passphrase does not open it (or it is damaged)");
	return decrypted(file, WLT_SALTED_HEADER, key.bytes, key.bytes + KEY_BYTES, out, err);
}

bool wlt_unseal_password_file(const struct wlt_span *file, const struct wlt_secret *bytes,
			      struct wlt_source **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_secret_free) struct wlt_secret key = {0};
	const char *line = (const char *)bytes->bytes;
	size_t len = strnlen(line, bytes->len);
	const char *end = memchr(line, '\n', len);
	uint8_t salt[SALT_BYTES];

	if (!read_salt(file, salt, err) || !wlt_secret_new(&key, WLT_KEY_AND_IV, err))
		return false;
	if (!derive(&derivations[0], line, end != NULL ? (size_t)(end - line) : len, salt, &key))
		return wlt_fail(err, WLT_INTERNAL, "PBKDF2 is not to be had from OpenSSL");
	return decrypted(file, WLT_SALTED_HEADER, key.bytes, key.bytes + KEY_BYTES, out, err);
}
