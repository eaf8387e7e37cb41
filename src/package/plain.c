/* SPDX-License-Identifier: MIT */
/*
 * The plaintext store. In memory it is a memfd that is sealed once complete; beyond the limit its bytes
 * move to an unlinked file, encrypted under a key that nothing but this process ever knows. CTR is
 * right for that: the key is used for one append-only byte string, so that no counter is used twice, and
 * any range can be read alone. There is no authentication: the file has no name, and whoever can alter
 * it can alter this process.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "package/package.h"

#define KEY_BYTES    32u
#define BLOCK        16u
#define SPILL_BUFFER (64u << 10)

struct wlt_plain {
	int fd; /* the memfd or the spill file */
	bool spilled;
	bool sealed;
	uint64_t size;
	uint64_t memory_limit;
	int spill_dirfd;         /* borrowed */
	uint8_t *key;            /* spilled: in the secure heap */
	EVP_CIPHER_CTX *encrypt; /* spilled, until sealed: where the key stream stands */
};

static void free_cipher(EVP_CIPHER_CTX **cipher)
{
	EVP_CIPHER_CTX_free(*cipher);
}

static bool no_cipher(struct wlt_error *err)
{
	return wlt_fail(err, WLT_INTERNAL, "AES-256-CTR is not to be had from OpenSSL");
}

/* A cipher whose key stream stands at the block that holds `offset`. */
static EVP_CIPHER_CTX *cipher_at(const uint8_t *key, uint64_t offset)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	uint8_t counter[BLOCK] = {0};
	uint64_t block = offset / BLOCK;

	for (size_t i = 0; i < sizeof(block); i++)
		counter[BLOCK - 1 - i] = (uint8_t)(block >> (8 * i));
	if (cipher != NULL &&
	    EVP_EncryptInit_ex2(cipher, EVP_aes_256_ctr(), key, counter, NULL) != 1) {
		EVP_CIPHER_CTX_free(cipher);
		return NULL;
	}
	return cipher;
}

/* --- spilling ---------------------------------------------------------------------------------- */

/* A file without a name: O_TMPFILE, or made and unlinked where the file system has none. */
static int unnamed_file(int dirfd, struct wlt_error *err)
{
	char name[sizeof(".spill-") + 32] = ".spill-";
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		if (!wlt_random_hex(16, name + strlen(name), err))
			return -1;
		fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 && unlinkat(dirfd, name, 0) != 0) {
			wlt_fail_errno(err, errno, "cannot unlink the spill file %s", name);
			(void)close(fd); /* nothing was written */
			return -1;
		}
	}
	if (fd < 0)
		wlt_fail_errno(err, errno, "cannot make a file to spill plaintext into");
	return fd;
}

/* Encrypt `len` bytes to the end of the spill file `fd`, which is at `offset`. */
static bool spill_append(EVP_CIPHER_CTX *encrypt, int fd, const uint8_t *bytes, size_t len,
			 uint64_t offset, struct wlt_error *err)
{
	uint8_t sealed[SPILL_BUFFER];

	while (len > 0) {
		size_t n = len < sizeof(sealed) ? len : sizeof(sealed);
		int made = 0;
		int rc;

		if (EVP_EncryptUpdate(encrypt, sealed, &made, bytes, (int)n) != 1 ||
		    (size_t)made != n)
			return no_cipher(err);
		rc = wlt_pwrite_all(fd, sealed, n, (off_t)offset);
		if (rc != 0)
			return wlt_fail_errno(err, rc,
					      "cannot spill plaintext, encrypted, to disk");
		bytes += n;
		len -= n;
		offset += n;
	}
	return true;
}

static bool move_over(const struct wlt_plain *plain, EVP_CIPHER_CTX *encrypt, int to,
		      struct wlt_error *err)
{
	WLT_AUTOFREE uint8_t *clear = malloc(SPILL_BUFFER);
	uint64_t offset = 0;
	bool good = clear != NULL || wlt_fail_memory(err);

	while (good && offset < plain->size) {
		size_t got;
		int rc = wlt_pread_full(plain->fd, clear, SPILL_BUFFER, (off_t)offset, &got);

		if (rc != 0)
			good = wlt_fail_errno(err, rc, "cannot read plaintext back from memory");
		else if (got == 0)
			good = wlt_fail(err, WLT_INTERNAL, "plaintext in memory became shorter");
		else
			good = spill_append(encrypt, to, clear, got, offset, err);
		offset += got;
	}
	if (clear != NULL)
		OPENSSL_cleanse(clear, SPILL_BUFFER);
	return good;
}

static bool spill(struct wlt_plain *plain, struct wlt_error *err)
{
	WLT_AUTO(free_cipher) EVP_CIPHER_CTX *encrypt = NULL;
	WLT_AUTOCLOSE int fd = -1;

	if (plain->spill_dirfd < 0)
		return wlt_fail(err, WLT_TOO_BIG,
				"the plaintext is larger than the %llu bytes that may be kept in "
				"memory",
				(unsigned long long)plain->memory_limit);
	plain->key = OPENSSL_secure_malloc(KEY_BYTES);
	if (plain->key == NULL)
		return wlt_fail_memory(err);
	if (RAND_priv_bytes(plain->key, KEY_BYTES) != 1)
		return wlt_fail(err, WLT_INTERNAL, "no random bytes to be had from OpenSSL");
	encrypt = cipher_at(plain->key, 0);
	if (encrypt == NULL)
		return no_cipher(err);
	fd = unnamed_file(plain->spill_dirfd, err);
	if (fd < 0 || !move_over(plain, encrypt, fd, err))
		return false;
	(void)close(plain->fd); /* a memfd: nothing to lose */
	plain->fd = wlt_take_fd(&fd);
	plain->encrypt = wlt_take(encrypt);
	plain->spilled = true;
	return true;
}

/* --- interface --------------------------------------------------------------------------------- */

bool wlt_plain_new(uint64_t memory_limit, int spill_dirfd, struct wlt_plain **out,
		   struct wlt_error *err)
{
	struct wlt_plain *plain = calloc(1, sizeof(*plain));

	if (plain == NULL)
		return wlt_fail_memory(err);
	plain->memory_limit = memory_limit;
	plain->spill_dirfd = spill_dirfd;
	plain->fd = wlt_memfd("walnut-plaintext");
	if (plain->fd < 0) {
		wlt_fail_errno(err, errno, "cannot make a memfd for plaintext");
		free(plain);
		return false;
	}
	*out = plain;
	return true;
}

bool wlt_plain_append(struct wlt_plain *plain, const void *bytes, size_t len, struct wlt_error *err)
{
	int rc;

	if (plain->sealed)
		return wlt_fail(err, WLT_INTERNAL, "plaintext appended to a sealed store");
	if (!plain->spilled && len > 0 &&
	    (plain->size > plain->memory_limit || len > plain->memory_limit - plain->size) &&
	    !spill(plain, err))
		return false;
	if (plain->spilled) {
		if (!spill_append(plain->encrypt, plain->fd, bytes, len, plain->size, err))
			return false;
	} else {
		rc = wlt_pwrite_all(plain->fd, bytes, len, (off_t)plain->size);
		if (rc != 0)
			return wlt_fail_errno(err, rc, "cannot keep plaintext in memory");
	}
	plain->size += len;
	return true;
}

bool wlt_plain_seal(struct wlt_plain *plain, struct wlt_error *err)
{
	if (plain->spilled) {
		EVP_CIPHER_CTX_free(plain->encrypt);
		plain->encrypt = NULL;
	} else if (fcntl(plain->fd, F_ADD_SEALS,
			 F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
		return wlt_fail_errno(err, errno, "cannot seal plaintext in memory");
	}
	plain->sealed = true;
	return true;
}

uint64_t wlt_plain_size(const struct wlt_plain *plain)
{
	return plain->size;
}

uint64_t wlt_plain_memory(const struct wlt_plain *plain)
{
	return plain->spilled ? 0 : plain->size;
}

int wlt_plain_fd(const struct wlt_plain *plain)
{
	return plain->sealed && !plain->spilled ? plain->fd : -1;
}

/* Decrypt in place `len` bytes that were read at `offset`. */
static bool decrypt_range(const struct wlt_plain *plain, uint8_t *bytes, size_t len,
			  uint64_t offset, struct wlt_error *err)
{
	WLT_AUTO(free_cipher) EVP_CIPHER_CTX *cipher = cipher_at(plain->key, offset);
	uint8_t skipped[BLOCK] = {0};
	int made;

	if (cipher == NULL ||
	    EVP_EncryptUpdate(cipher, skipped, &made, skipped, (int)(offset % BLOCK)) != 1)
		return no_cipher(err);
	while (len > 0) {
		int n = len < SPILL_BUFFER ? (int)len : (int)SPILL_BUFFER;

		if (EVP_EncryptUpdate(cipher, bytes, &made, bytes, n) != 1)
			return no_cipher(err);
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

bool wlt_plain_read(const struct wlt_plain *plain, void *out, size_t len, uint64_t offset,
		    size_t *got, struct wlt_error *err)
{
	int rc;

	*got = 0;
	if (offset >= plain->size)
		return true;
	if (len > plain->size - offset)
		len = (size_t)(plain->size - offset);
	rc = wlt_pread_full(plain->fd, out, len, (off_t)offset, got);
	if (rc != 0)
		return wlt_fail_errno(err, rc, "cannot read plaintext back");
	if (*got != len)
		return wlt_fail(err, WLT_INTERNAL, "kept plaintext became shorter");
	return !plain->spilled || decrypt_range(plain, out, len, offset, err);
}

void wlt_plain_free(struct wlt_plain *plain)
{
	if (plain == NULL)
		return;
	EVP_CIPHER_CTX_free(plain->encrypt);
	OPENSSL_secure_clear_free(plain->key, KEY_BYTES);
	(void)close(plain->fd); /* memory or an unlinked file: nothing to lose */
	free(plain);
}
