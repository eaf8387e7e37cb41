/* SPDX-License-Identifier: MIT */
/*
 * Whole packages: the input as it comes, and the input as the payload of an RSA envelope for a key of
 * ours. Whether a payload is good does not depend on its being sealed.
 */
#include "config.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/tar_forge.h"
#include "base/cleanup.h"
#include "fuzz.h"

#define CIPHER_BLOCK 16u

const char fuzz_target[] = "package";

/* Made once: one key takes longer than hundreds of inputs. */
static struct {
	struct wlt_key *pair;
	uint8_t content_key[32];
	uint8_t iv[CIPHER_BLOCK];
	struct wlt_buf json; /* rsa-envelope-v1.json */
} seal;

/* --- sealing ----------------------------------------------------------------------------------- */

static struct wlt_key *make_pair(void)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	char path[] = P_tmpdir "/fuzz-key-XXXXXX";
	struct wlt_key *pair = NULL;
	int fd;

	fuzz_require(mkdtemp(path) != NULL);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_require(fd >= 0);
	fuzz_require(wlt_key_generate(fd, WLT_KEY_MIN_BITS, &pair, &err));
	fuzz_require(unlinkat(fd, "private.pem", 0) == 0 && unlinkat(fd, "public.pem", 0) == 0);
	(void)close(fd); /* only ever read */
	fuzz_require(rmdir(path) == 0);
	return pair;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf wrapped = WLT_BUF_INIT;

	(void)argc;
	(void)argv;
	seal.pair = make_pair();
	fuzz_require(wlt_key_wrap(seal.pair, seal.content_key, sizeof(seal.content_key), &wrapped,
				  &err));
	wlt_buf_puts(&seal.json,
		     "{\"payload_algo\": \"aes-256-cbc\", \"version\": 1, \"payload_iv_b64\": \"");
	wlt_base64_encode(&seal.json, seal.iv, sizeof(seal.iv));
	wlt_buf_puts(&seal.json, "\", \"recipients\": [{\"key_enc_b64\": \"");
	wlt_base64_encode(&seal.json, (const uint8_t *)wrapped.data, wrapped.len);
	wlt_buf_printf(&seal.json, "\", \"pubkey_id\": \"%s\"}]}\n", wlt_key_id(seal.pair));
	fuzz_require(wlt_buf_ok(&seal.json, &err));
	return 0;
}

static void put_payload(struct forge *tar, const uint8_t *bytes, size_t len)
{
	WLT_AUTOFREE uint8_t *sealed = malloc(len + CIPHER_BLOCK);
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int made = 0;
	int rest = 0;

	fuzz_require(sealed != NULL && cipher != NULL);
	fuzz_require(EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), seal.content_key, seal.iv,
					 NULL) == 1);
	fuzz_require(EVP_EncryptUpdate(cipher, sealed, &made, bytes, (int)len) == 1);
	fuzz_require(EVP_EncryptFinal_ex(cipher, sealed + made, &rest) == 1);
	EVP_CIPHER_CTX_free(cipher);
	(void)forge_header(tar, '0', "payload.enc", (size_t)(made + rest));
	forge_data(tar, sealed, (size_t)(made + rest));
}

static void put_sealed(struct forge *tar, const uint8_t *bytes, size_t len)
{
	(void)forge_header(tar, '0', "rsa-envelope-v1.json", seal.json.len);
	forge_data(tar, seal.json.data, seal.json.len);
	put_payload(tar, bytes, len);
	forge_end(tar);
}

/* --- opening ----------------------------------------------------------------------------------- */

/* Returns whether it opened, and its identity. */
static bool opens(const uint8_t *bytes, size_t len, char import_id[WLT_SHA256_HEX])
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_open_options options = fuzz_options();
	struct wlt_raw raw = {-1, bytes, len};
	struct wlt_package *package = NULL;
	int fd = fuzz_free_fd();
	bool opened;

	options.pair = seal.pair;
	opened = wlt_package_open(&raw, &options, &package, &err);
	fuzz_require(opened == (package != NULL));
	if (opened) {
		fuzz_require_package(package, &options);
		memcpy(import_id, package->import_id, WLT_SHA256_HEX);
	} else {
		fuzz_require_refusal(&err);
	}
	wlt_package_free(package);
	fuzz_require(fuzz_free_fd() == fd);
	return opened;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	WLT_AUTO(forge_free) struct forge tar = FORGE_INIT;
	char plain_id[WLT_SHA256_HEX];
	char sealed_id[WLT_SHA256_HEX];
	bool plain = opens(bytes, len, plain_id);

	put_sealed(&tar, bytes, len);
	fuzz_require(opens(tar.bytes, tar.len, sealed_id) == plain);
	fuzz_require(!plain || strcmp(plain_id, sealed_id) == 0);
	return 0;
}
