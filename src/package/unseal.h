/* SPDX-License-Identifier: MIT */
/*
 * What payloads are sealed with, and the way back. Each of these gives the payload as it was before
 * it was sealed: still in gzip. Keys live in the secure heap, and only for as long as it takes to set
 * up the cipher.
 */
#ifndef WLT_PACKAGE_UNSEAL_H
#define WLT_PACKAGE_UNSEAL_H

#include "package/package.h"
#include "package/source.h"

#define WLT_CIPHER_BLOCK  16u
#define WLT_SALTED_HEADER 16u /* "Salted__" and the salt */
#define WLT_KEY_AND_IV    48u /* 32 and 16 bytes, in this order */

/* Bytes in OpenSSL's secure heap: `WLT_AUTO(wlt_secret_free) struct wlt_secret x = {0}`. */
struct wlt_secret {
	uint8_t *bytes;
	size_t len;
};

bool wlt_secret_new(struct wlt_secret *secret, size_t len, struct wlt_error *err);
void wlt_secret_free(struct wlt_secret *secret);

/* The RSA hybrid envelope. WLT_NO_KEY, naming the ids asked for, when `pair` (or NULL) opens none. */
bool wlt_unseal_rsa(const struct wlt_raw *raw, const struct wlt_envelope *envelope,
		    const struct wlt_key *pair, struct wlt_source **out, struct wlt_error *err);

/* --- what `openssl enc` made (passphrase.c) ----------------------------------------------------- */

/* Can a file of `size` bytes be a header and whole blocks? WLT_DAMAGED when not. */
bool wlt_salted_check(uint64_t size, struct wlt_error *err);

/* The five derivations of a key from a passphrase in turn, until one gives what unpads and begins to
 * inflate: which is decided on the first and last blocks. WLT_NO_KEY when none does, or `passphrase` is
 * NULL. */
bool wlt_unseal_passphrase(const struct wlt_span *file, const char *passphrase, size_t len,
			   struct wlt_source **out, struct wlt_error *err);

/* What `openssl enc -pbkdf2 -iter 600000 -pass file:` makes of a password file of these bytes: it reads
 * a line as a C string, so the password ends at the first LF or NUL. */
bool wlt_unseal_password_file(const struct wlt_span *file, const struct wlt_secret *bytes,
			      struct wlt_source **out, struct wlt_error *err);

#endif
