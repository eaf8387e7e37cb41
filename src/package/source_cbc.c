/* SPDX-License-Identifier: MIT */
/*
 * Decryption of a payload. CBC has no authentication: what comes out of here is a stranger's word
 * until the SHA-256 of every file has been compared with the manifest.
 */
#include "config.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "package/source.h"

#define BLOCK 16u

/* A caller that asks for less is served through a buffer of this size. */
#define SMALL ((size_t)4 * BLOCK)

struct cbc_source {
	struct wlt_source base;
	struct wlt_source *inner;
	EVP_CIPHER_CTX *cipher;
	bool finished; /* the padding has been taken off */
	size_t at;     /* next byte of `clear` to hand out */
	size_t len;    /* bytes in `clear` */
	uint8_t clear[SMALL];
	uint8_t sealed[WLT_SOURCE_BUFFER];
};

/* Decrypt the next piece into `out`, which has room for `len` (at least SMALL) bytes; nothing only at
 * the end. */
static bool decrypt(struct cbc_source *self, uint8_t *out, size_t len, size_t *got,
		    struct wlt_error *err)
{
	/* The cipher may put out a block more than it was given. */
	size_t most = len - BLOCK < sizeof(self->sealed) ? len - BLOCK : sizeof(self->sealed);

	*got = 0;
	while (*got == 0 && !self->finished) {
		size_t n;
		int clear = 0;
		int good;

		if (!wlt_source_read(self->inner, self->sealed, most, &n, err))
			return false;
		if (n > 0) {
			good = EVP_DecryptUpdate(self->cipher, out, &clear, self->sealed, (int)n);
		} else {
			good = EVP_DecryptFinal_ex(self->cipher, out, &clear);
			self->finished = true;
		}
		if (good != 1)
			return wlt_fail(err, WLT_DAMAGED, WLT_SEALED_FAULT);
		*got = (size_t)clear;
	}
	return true;
}

static bool cbc_read(struct wlt_source *source, uint8_t *out, size_t len, size_t *got,
		     struct wlt_error *err)
{
	struct cbc_source *self = (struct cbc_source *)source;

	if (self->at == self->len) {
		if (len >= SMALL)
			return decrypt(self, out, len, got, err);
		self->at = 0;
		if (!decrypt(self, self->clear, sizeof(self->clear), &self->len, err))
			return false;
	}
	if (len > self->len - self->at)
		len = self->len - self->at;
	memcpy(out, self->clear + self->at, len);
	self->at += len;
	*got = len;
	return true;
}

static void cbc_close(struct wlt_source *source)
{
	struct cbc_source *self = (struct cbc_source *)source;

	EVP_CIPHER_CTX_free(self->cipher);
	wlt_source_close(self->inner);
	OPENSSL_cleanse(self->clear, sizeof(self->clear));
	free(self);
}

static const struct wlt_source_ops cbc_ops = {cbc_read, NULL, cbc_close};

bool wlt_source_cbc(struct wlt_source *inner, const uint8_t key[32], const uint8_t iv[16],
		    struct wlt_source **out, struct wlt_error *err)
{
	struct cbc_source *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		wlt_source_close(inner);
		return wlt_fail_memory(err);
	}
	self->base.ops = &cbc_ops;
	self->inner = inner;
	self->cipher = EVP_CIPHER_CTX_new();
	if (self->cipher == NULL ||
	    EVP_DecryptInit_ex2(self->cipher, EVP_aes_256_cbc(), key, iv, NULL) != 1) {
		cbc_close(&self->base);
		return wlt_fail(err, WLT_INTERNAL, "AES-256-CBC is not to be had from OpenSSL");
	}
	*out = &self->base;
	return true;
}
