/* SPDX-License-Identifier: MIT */
/* Keys as PEM: read, and made and written. */
#include "config.h"

#include "keys/key_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define PRIVATE_MODE (S_IRUSR | S_IWUSR)
#define PUBLIC_MODE  (S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH)

/* The content of a file in the secure heap. */
struct secret {
	char *bytes;
	size_t len;
};

static void free_secret(struct secret *secret)
{
	OPENSSL_secure_clear_free(secret->bytes, secret->len);
}

/* For OpenSSL's PEM reader, which would ask the terminal otherwise. */
static int refuse_passphrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

static bool fail_damaged(struct wlt_error *err, const char *what, const char *expected)
{
	ERR_clear_error();
	return wlt_fail(err, WLT_DAMAGED, "%s: no %s in PEM form in it", what, expected);
}

/* --- reading ----------------------------------------------------------------------------------- */

bool wlt_key_parse_public(const char *pem, size_t len, const char *what, struct wlt_key **out,
			  struct wlt_error *err)
{
	WLT_AUTO(wlt_key_free_bio) BIO *bio = NULL;
	EVP_PKEY *pkey;

	if (len > WLT_KEY_FILE_BYTES)
		return wlt_fail(err, WLT_TOO_BIG, "%s: too long for a key", what);
	bio = BIO_new_mem_buf(len > 0 ? pem : "", (int)len);
	if (bio == NULL)
		return wlt_fail_memory(err);
	pkey = PEM_read_bio_PUBKEY(bio, NULL, refuse_passphrase, NULL);
	if (pkey == NULL)
		return fail_damaged(err, what, "public key");
	return wlt_key_adopt(pkey, false, what, out, err);
}

bool wlt_key_load_public(int dirfd, const char *path, struct wlt_key **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = WLT_BUF_INIT;

	return wlt_file_read(dirfd, path, WLT_KEY_FILE_BYTES, &pem, err) &&
	       wlt_key_parse_public(pem.data, pem.len, path, out, err);
}

/* Refuse what others could have read or put there. */
static bool check_private_file(int fd, const char *path, size_t *size, struct wlt_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return wlt_fail(err, WLT_REFUSED, "%s is not a regular file", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return wlt_fail(err, WLT_REFUSED,
				"the private key %s is open to other users (mode %03o): "
				"chmod 600 %s",
				path, (unsigned)(st.st_mode & 0777), path);
	if (st.st_size > WLT_KEY_FILE_BYTES)
		return wlt_fail(err, WLT_TOO_BIG, "%s: too long for a key", path);
	*size = (size_t)st.st_size;
	return true;
}

static bool read_private_file(int dirfd, const char *path, struct secret *secret,
			      struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t got = 0;
	int fault;

	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot open the private key %s", path);
	if (!check_private_file(fd, path, &secret->len, err))
		return false;
	secret->bytes = OPENSSL_secure_zalloc(secret->len + 1); /* never of size 0 */
	if (secret->bytes == NULL)
		return wlt_fail_memory(err);
	fault = wlt_read_full(fd, secret->bytes, secret->len, &got);
	if (fault != 0)
		return wlt_fail_errno(err, fault, "cannot read the private key %s", path);
	return true;
}

bool wlt_key_load_private(int dirfd, const char *path, struct wlt_key **out, struct wlt_error *err)
{
	WLT_AUTO(free_secret) struct secret secret = {NULL, 0};
	WLT_AUTO(wlt_key_free_bio) BIO *bio = NULL;
	EVP_PKEY *pkey;

	if (!read_private_file(dirfd, path, &secret, err))
		return false;
	bio = BIO_new_mem_buf(secret.bytes, (int)secret.len); /* reads in place, without a copy */
	if (bio == NULL)
		return wlt_fail_memory(err);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL);
	if (pkey == NULL)
		return fail_damaged(err, path, "unencrypted private key");
	return wlt_key_adopt(pkey, true, path, out, err);
}

/* --- making ------------------------------------------------------------------------------------ */

static EVP_PKEY *make_pair(unsigned bits)
{
	WLT_AUTO(wlt_key_free_context)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	if (context == NULL || EVP_PKEY_keygen_init(context) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits) != 1 ||
	    EVP_PKEY_generate(context, &pkey) != 1)
		return NULL;
	return pkey;
}

static bool write_private(int dirfd, const struct wlt_key *key, struct wlt_error *err)
{
	WLT_AUTO(wlt_key_free_bio) BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long len;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return wlt_key_fail(err, "write a private key");
	len = BIO_get_mem_data(bio, &text);
	return wlt_file_create(dirfd, "private.pem", text, (size_t)len, PRIVATE_MODE, err);
}

static bool write_public(int dirfd, const struct wlt_key *key, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = WLT_BUF_INIT;

	return wlt_key_format_public(key, &pem, err) &&
	       wlt_file_replace(dirfd, "public.pem", pem.data, pem.len, PUBLIC_MODE, err);
}

bool wlt_key_generate(int dirfd, unsigned bits, struct wlt_key **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	EVP_PKEY *pkey;
	struct stat st;

	/* Asked before the long work; what counts is the answer when the file is made. */
	if (fstatat(dirfd, "private.pem", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return wlt_fail(err, WLT_EXISTS,
				"private.pem exists already and is never overwritten");
	if (bits < WLT_KEY_MIN_BITS || bits > WLT_KEY_MAX_BITS)
		return wlt_fail(err, WLT_USAGE, "cannot make an RSA key of %u bits: %d to %d work",
				bits, WLT_KEY_MIN_BITS, WLT_KEY_MAX_BITS);
	pkey = make_pair(bits);
	if (pkey == NULL)
		return wlt_key_fail(err, "make a key pair");
	if (!wlt_key_adopt(pkey, true, "the new key", &key, err) ||
	    !write_private(dirfd, key, err) || !write_public(dirfd, key, err))
		return false;
	*out = wlt_take(key);
	return true;
}
