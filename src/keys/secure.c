/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "keys/keys.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* An RSA-8192 pair with all its numbers and OpenSSL's Montgomery tables takes some 16 KiB; this is
 * enough for many pairs, operations and package keys at once. Both are powers of two. */
#define HEAP_BYTES    ((size_t)1024 * 1024)
#define HEAP_SMALLEST 32

bool wlt_keys_secure_memory(bool seal, struct wlt_error *err)
{
	const struct rlimit no_core = {0, 0};

	/* Failure, or memory that cannot be locked, leaves OpenSSL on what there is. */
	if (!CRYPTO_secure_malloc_initialized())
		(void)CRYPTO_secure_malloc_init(HEAP_BYTES, HEAP_SMALLEST);
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		return wlt_fail_errno(err, errno, "cannot turn core dumps off");
	if (seal && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return wlt_fail_errno(err, errno, "cannot shield this process from debuggers");
	return true;
}
