/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/sink.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define CBC_STEP (256u << 10)

struct sink_cbc {
	struct wlt_sink sink;
	EVP_CIPHER_CTX *cipher;
	unsigned char out[CBC_STEP + EVP_MAX_BLOCK_LENGTH];
};

static bool cbc_write(struct wlt_sink *sink, const void *bytes, size_t len, struct wlt_error *err)
{
	struct sink_cbc *self = (struct sink_cbc *)sink;
	const unsigned char *in = bytes;

	while (len > 0) {
		size_t step = len < CBC_STEP ? len : CBC_STEP;
		int made = 0;

		if (EVP_EncryptUpdate(self->cipher, self->out, &made, in, (int)step) != 1)
			return wlt_fail(err, WLT_INTERNAL, "cannot encrypt the package");
		if (!wlt_sink_write(sink->next, self->out, (size_t)made, err))
			return false;
		in += step;
		len -= step;
	}
	return true;
}

static bool cbc_finish(struct wlt_sink *sink, struct wlt_error *err)
{
	struct sink_cbc *self = (struct sink_cbc *)sink;
	int made = 0;

	if (EVP_EncryptFinal_ex(self->cipher, self->out, &made) != 1)
		return wlt_fail(err, WLT_INTERNAL, "cannot encrypt the end of the package");
	return wlt_sink_write(sink->next, self->out, (size_t)made, err);
}

static void cbc_close(struct wlt_sink *sink)
{
	struct sink_cbc *self = (struct sink_cbc *)sink;

	EVP_CIPHER_CTX_free(self->cipher);
	free(self);
}

bool wlt_sink_cbc(const uint8_t key[32], const uint8_t iv[16], struct wlt_sink *next,
		  struct wlt_sink **out, struct wlt_error *err)
{
	static const struct wlt_sink_ops ops = {cbc_write, cbc_finish, cbc_close};
	struct sink_cbc *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		wlt_sink_close(next);
		return wlt_fail_memory(err);
	}
	self->sink.ops = &ops;
	self->sink.next = next;
	self->cipher = EVP_CIPHER_CTX_new();
	if (self->cipher == NULL ||
	    EVP_EncryptInit_ex(self->cipher, EVP_aes_256_cbc(), NULL, key, iv) != 1) {
		wlt_sink_close(&self->sink);
		return wlt_fail(err, WLT_INTERNAL, "cannot set up AES-256-CBC");
	}
	*out = &self->sink;
	return true;
}
