/* SPDX-License-Identifier: MIT */
/*
 * keys/ – key pairs, and the keyring of pinned peers' keys.
 *
 * RSA through OpenSSL 3's EVP only. Private keys live in OpenSSL's secure heap once the program has
 * called wlt_keys_secure_memory(); nothing of them is ever written but by wlt_key_generate() and
 * nothing of them reaches a message. A `struct wlt_key` never changes after it was made, so threads
 * may share one; it is reference-counted.
 *
 * Depends on base/ alone.
 */
#ifndef WLT_KEYS_KEYS_H
#define WLT_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

#define WLT_KEY_ID_BYTES   17   /* 16 hex digits and NUL */
#define WLT_KEY_BITS       4096 /* what setup makes */
#define WLT_KEY_MIN_BITS   2048 /* what is accepted from others */
#define WLT_KEY_MAX_BITS   8192
#define WLT_KEY_FILE_BYTES 65536 /* longest PEM file read */

struct wlt_key; /* a public key, or a pair */

/* Once, early in main(): the secure heap, no core dumps, not attachable (PR_SET_DUMPABLE 0 only
 * when `seal` is set, because it also hides /proc/self from its own user). Going on without a secure
 * heap (RLIMIT_MEMLOCK) is allowed and not an error. */
bool wlt_keys_secure_memory(bool seal, struct wlt_error *err);

/* --- keys -------------------------------------------------------------------------------------- */

/* Make an RSA pair of `bits` and write `private.pem` (0600, PKCS#8) and `public.pem`
 * (SubjectPublicKeyInfo) into the folder `dirfd`, private first, each atomically. An existing
 * private.pem is never overwritten: WLT_EXISTS. */
bool wlt_key_generate(int dirfd, unsigned bits, struct wlt_key **out, struct wlt_error *err);

/* From a PEM file. A private key readable or writable by group or others is WLT_REFUSED with the
 * chmod that mends it; a file that is no unencrypted RSA key of 2048 to 8192 bits is WLT_DAMAGED. */
bool wlt_key_load_private(int dirfd, const char *path, struct wlt_key **out, struct wlt_error *err);
bool wlt_key_load_public(int dirfd, const char *path, struct wlt_key **out, struct wlt_error *err);

/* From PEM text; `what` names its origin in messages. */
bool wlt_key_parse_public(const char *pem, size_t len, const char *what, struct wlt_key **out,
			  struct wlt_error *err);

struct wlt_key *wlt_key_ref(struct wlt_key *key);
void wlt_key_unref(struct wlt_key *key); /* NULL is allowed */
static inline void wlt_key_cleanup(struct wlt_key **key)
{
	wlt_key_unref(*key);
}

/* pubkey_id: first 16 hex digits of SHA-256 of the public key's DER SubjectPublicKeyInfo (package
 * format, section 3). Borrowed from the key. */
const char *wlt_key_id(const struct wlt_key *key);
bool wlt_key_is_private(const struct wlt_key *key);

/* The whole SHA-256 in groups of four digits, to read aloud; borrowed from the key. */
const char *wlt_key_fingerprint(const struct wlt_key *key);

/* The public half as PEM. */
bool wlt_key_format_public(const struct wlt_key *key, struct wlt_buf *out, struct wlt_error *err);

/* RSA-PSS, SHA-256, MGF1-SHA-256, salt of 32 bytes (RFC 8017 section 8.1), over a message whose
 * SHA-256 is `digest`. The signature goes to `out` as raw bytes. */
bool wlt_key_sign(const struct wlt_key *pair, const uint8_t digest[WLT_SHA256_BYTES],
		  struct wlt_buf *out, struct wlt_error *err);
/* True when the signature is good; false otherwise, for whatever reason. */
bool wlt_key_verify(const struct wlt_key *key, const uint8_t digest[WLT_SHA256_BYTES],
		    const uint8_t *signature, size_t len);

/* RSA-OAEP, SHA-256, MGF1-SHA-256, no label (RFC 8017 section 7.1). unwrap puts at most `*len` bytes
 * into `secret` and their number into `*len`; a failure says nothing about why (WLT_NO_KEY). */
bool wlt_key_wrap(const struct wlt_key *key, const uint8_t *secret, size_t len, struct wlt_buf *out,
		  struct wlt_error *err);
bool wlt_key_unwrap(const struct wlt_key *pair, const uint8_t *wrapped, size_t wrapped_len,
		    uint8_t *secret, size_t *len, struct wlt_error *err);

/* --- keyring ----------------------------------------------------------------------------------- */

/*
 * The folder `~/.alive/relay/keys` (or ALIVE_RELAY_KEYS_DIR): private.pem, public.pem,
 * peers/NAME.pem and index.json. Loaded whole; a keyring value is immutable but for
 * the three functions that change it, and is meant to be loaded again when the file changes, not
 * shared while being changed. Only the public files are read; the private key is asked for by wlt_keyring_own_pair().
 */
struct wlt_keyring;

/* An absent folder or index gives an empty keyring. A damaged index, or a pinned key whose file does
 * not have the id it is listed under, is WLT_DAMAGED: never silently ignored. */
bool wlt_keyring_load(const char *dir, struct wlt_keyring **out, struct wlt_error *err);
void wlt_keyring_free(struct wlt_keyring *ring); /* NULL is allowed */
static inline void wlt_keyring_cleanup(struct wlt_keyring **ring)
{
	wlt_keyring_free(*ring);
}

const char *wlt_keyring_dir(const struct wlt_keyring *ring);

/* The pinned key of a peer, or NULL; borrowed. */
struct wlt_key *wlt_keyring_of_peer(const struct wlt_keyring *ring, const char *peer);

/* The key with this id and, in `*peer` (may be NULL), whose it is; NULL when unknown. The own public
 * key is found too, with `*peer` NULL. Borrowed. */
struct wlt_key *wlt_keyring_by_id(const struct wlt_keyring *ring, const char *id,
				  const char **peer);

/* The pinned keys one by one, in byte order of their peers' names; NULL from `wlt_keyring_count()` on.
 * Key and name are borrowed. */
size_t wlt_keyring_count(const struct wlt_keyring *ring);
struct wlt_key *wlt_keyring_at(const struct wlt_keyring *ring, size_t index, const char **peer);

/* Own id, or NULL when there is no own key yet. Borrowed. */
const char *wlt_keyring_own_id(const struct wlt_keyring *ring);

/* Load private.pem. */
bool wlt_keyring_own_pair(const struct wlt_keyring *ring, struct wlt_key **out,
			  struct wlt_error *err);

/* Record the own public key's id as `local_pubkey_id`, and write public.pem when it is not there or
 * is another key's (a crash behind private.pem). This and the two below work on what is on disk, under
 * a lock (WLT_BUSY), and load the ring anew: what was borrowed from it before is gone. */
bool wlt_keyring_set_own(struct wlt_keyring *ring, const struct wlt_key *key,
			 struct wlt_error *err);

/* Pin `key` for `peer` and write it out (PEM first, then the index). The same key again is success;
 * another key than the pinned one is WLT_UNTRUSTED, with both fingerprints in the text, unless
 * `replace`; so is, in any case, the key of another peer. A crash leaves the old key or the new one.
 * `added_by` is recorded ("accept", "trust"). */
bool wlt_keyring_pin(struct wlt_keyring *ring, const char *peer, struct wlt_key *key,
		     const char *added_by, bool replace, struct wlt_error *err);

/* Forget the key of `peer`: the index first, then the PEM, so that a crash leaves the key or a file
 * that nobody looks at. WLT_MISSING when none is pinned. */
bool wlt_keyring_remove(struct wlt_keyring *ring, const char *peer, struct wlt_error *err);

/* ALIVE_RELAY_KEYS_DIR, else `relay_dir`/keys. malloc()ed; NULL when out of memory. */
char *wlt_keyring_default_dir(const char *relay_dir);

#endif
