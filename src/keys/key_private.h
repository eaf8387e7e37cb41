/* SPDX-License-Identifier: MIT */
/* What a key is, for the files of this folder. */
#ifndef WLT_KEYS_KEY_PRIVATE_H
#define WLT_KEYS_KEY_PRIVATE_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <stdatomic.h>

#include "keys/keys.h"

#define WLT_FINGERPRINT_BYTES 80 /* 16 groups of four digits, blanks between them, and NUL */

struct wlt_key {
	atomic_uint references;
	EVP_PKEY *pkey;
	bool is_private;
	char id[WLT_KEY_ID_BYTES];
	char fingerprint[WLT_FINGERPRINT_BYTES];
};

/* Wrap `pkey` (taken over in any case) after checking that it is an RSA key within the limits; else
 * WLT_DAMAGED. `what` names its origin. */
bool wlt_key_adopt(EVP_PKEY *pkey, bool is_private, const char *what, struct wlt_key **out,
		   struct wlt_error *err);

/* WLT_INTERNAL with OpenSSL's reason; empties OpenSSL's error queue. Returns false. */
bool wlt_key_fail(struct wlt_error *err, const char *doing);

/* Clean-up for WLT_AUTO(). */
void wlt_key_free_bio(BIO **bio);
void wlt_key_free_context(EVP_PKEY_CTX **context);

#endif
