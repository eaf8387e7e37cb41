/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/envelope_write.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "package/tar_write.h"

#define KEY_BYTES 32
#define IV_BYTES  16

#define SALT_MAGIC "Salted__" /* as `openssl enc` writes it */
#define SALT_BYTES 8
#define ROUNDS     600000

/* Beyond this the size would need a pax header, which has no room in front of the payload. */
#define MAX_PAYLOAD 077777777777ll

/* Key and IV lie together, as PBKDF2 gives them in one piece. */
struct content_key {
	uint8_t key[KEY_BYTES];
	uint8_t iv[IV_BYTES];
};

_Static_assert(sizeof(struct content_key) == KEY_BYTES + IV_BYTES, "no padding");

static void free_content_key(struct content_key **key)
{
	OPENSSL_secure_clear_free(*key, sizeof(**key));
}

static bool is_repeated(const struct wlt_key *const *recipients, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(wlt_key_id(recipients[i]), wlt_key_id(recipients[at])) == 0)
			return true;
	return false;
}

static bool set_base64(struct json_object *object, const char *member, const void *bytes,
		       size_t len, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_base64_encode(&text, bytes, len);
	if (!wlt_buf_ok(&text, err))
		return false;
	return wlt_json_set_string(object, member, text.data) || wlt_fail_memory(err);
}

static bool add_recipient(struct json_object *list, const struct wlt_key *recipient,
			  const struct content_key *content, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *entry = json_object_new_object();
	WLT_AUTO(wlt_buf_free) struct wlt_buf wrapped = WLT_BUF_INIT;

	if (entry == NULL)
		return wlt_fail_memory(err);
	if (!wlt_key_wrap(recipient, content->key, sizeof(content->key), &wrapped, err) ||
	    !set_base64(entry, "key_enc_b64", wrapped.data, wrapped.len, err))
		return false;
	if (!wlt_json_set_string(entry, "pubkey_id", wlt_key_id(recipient)) ||
	    json_object_array_add(list, entry) != 0)
		return wlt_fail_memory(err);
	entry = NULL;
	return true;
}

/* The text of rsa-envelope-v1.json. Members are put in sorted by name: that is how they stay. */
static bool format_envelope(const struct content_key *content,
			    const struct wlt_key *const *recipients, size_t n, struct wlt_buf *out,
			    struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();

	if (root == NULL || list == NULL ||
	    !wlt_json_set_string(root, "payload_algo", "aes-256-cbc")) {
		(void)json_object_put(list);
		return wlt_fail_memory(err);
	}
	if (!set_base64(root, "payload_iv_b64", content->iv, sizeof(content->iv), err)) {
		(void)json_object_put(list);
		return false;
	}
	if (!wlt_json_set(root, "recipients", list)) /* takes the list over */
		return wlt_fail_memory(err);
	for (size_t i = 0; i < n; i++)
		if (!is_repeated(recipients, i) &&
		    !add_recipient(list, recipients[i], content, err))
			return false;
	if (!wlt_json_set_int(root, "version", 1))
		return wlt_fail_memory(err);
	wlt_json_format(out, root);
	return wlt_buf_ok(out, err);
}

static void put_zeroes(struct wlt_buf *out, size_t n)
{
	static const char zeroes[WLT_TAR_BLOCK];

	wlt_buf_append(out, zeroes, n);
}

/* The envelope as a member, and a header of the payload in which the size is still missing. */
static bool write_front(struct wlt_sealing *sealing, const struct wlt_buf *json,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf front = WLT_BUF_INIT;
	struct wlt_tar_file envelope = {"rsa-envelope-v1.json", json->len, sealing->mtime, false};
	struct wlt_tar_file payload = {"payload.enc", 0, sealing->mtime, false};
	off_t begin = lseek(sealing->fd, 0, SEEK_CUR);
	int failure;

	wlt_tar_put_header(&front, &envelope);
	wlt_buf_append(&front, json->data, json->len);
	put_zeroes(&front, wlt_tar_padding(json->len));
	sealing->header = begin + (off_t)front.len;
	wlt_tar_put_header(&front, &payload);
	sealing->payload = begin + (off_t)front.len;
	if (!wlt_buf_ok(&front, err))
		return false;
	failure = begin < 0 ? errno : wlt_write_all(sealing->fd, front.data, front.len);
	if (failure != 0)
		return wlt_fail_errno(err, failure, "cannot write the package");
	return true;
}

bool wlt_sealing_begin(struct wlt_sealing *sealing, int fd, const struct wlt_key *const *recipients,
		       size_t n, struct wlt_sink **sink, struct wlt_error *err)
{
	WLT_AUTO(free_content_key)
	struct content_key *content = OPENSSL_secure_zalloc(sizeof(*content));
	WLT_AUTO(wlt_buf_free) struct wlt_buf json = WLT_BUF_INIT;

	*sealing = (struct wlt_sealing){.fd = fd, .mtime = wlt_clock_now()};
	if (content == NULL)
		return wlt_fail_memory(err);
	if (RAND_priv_bytes(content->key, sizeof(content->key)) != 1 ||
	    RAND_bytes(content->iv, sizeof(content->iv)) != 1)
		return wlt_fail(err, WLT_INTERNAL, "no random numbers for the content key");
	if (!format_envelope(content, recipients, n, &json, err) ||
	    !write_front(sealing, &json, err))
		return false;
	return wlt_sink_cbc(content->key, content->iv, wlt_take(*sink), sink, err);
}

bool wlt_sealing_end(struct wlt_sealing *sealing, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf header = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf tail = WLT_BUF_INIT;
	off_t end = lseek(sealing->fd, 0, SEEK_CUR);
	off_t size = end - sealing->payload;
	struct wlt_tar_file payload = {"payload.enc", (uint64_t)size, sealing->mtime, false};
	int failure = end < 0 ? errno : 0;

	if (failure == 0 && size > MAX_PAYLOAD)
		return wlt_fail(err, WLT_TOO_BIG, "the sealed payload is larger than 8 GiB");
	wlt_tar_put_header(&header, &payload);
	put_zeroes(&tail, wlt_tar_padding((uint64_t)size));
	put_zeroes(&tail, WLT_TAR_BLOCK);
	put_zeroes(&tail, WLT_TAR_BLOCK);
	if (!wlt_buf_ok(&header, err) || !wlt_buf_ok(&tail, err))
		return false;
	if (failure == 0)
		failure = wlt_write_all(sealing->fd, tail.data, tail.len);
	if (failure == 0)
		failure = wlt_pwrite_all(sealing->fd, header.data, header.len, sealing->header);
	if (failure != 0)
		return wlt_fail_errno(err, failure, "cannot write the package");
	return true;
}

/* --- passphrase -------------------------------------------------------------------------------- */

bool wlt_sealing_passphrase(const char *passphrase, size_t len, struct wlt_sink **sink,
			    struct wlt_error *err)
{
	WLT_AUTO(free_content_key)
	struct content_key *content = OPENSSL_secure_zalloc(sizeof(*content));
	uint8_t front[sizeof(SALT_MAGIC) - 1 + SALT_BYTES] = SALT_MAGIC;
	uint8_t *salt = front + sizeof(SALT_MAGIC) - 1;

	if (content == NULL)
		return wlt_fail_memory(err);
	if (RAND_bytes(salt, SALT_BYTES) != 1)
		return wlt_fail(err, WLT_INTERNAL, "no random numbers for the salt");
	if (PKCS5_PBKDF2_HMAC(passphrase, (int)len, salt, SALT_BYTES, ROUNDS, EVP_sha256(),
			      sizeof(*content), (unsigned char *)content) != 1)
		return wlt_fail(err, WLT_INTERNAL, "cannot derive a key from the passphrase");
	return wlt_sink_write(*sink, front, sizeof(front), err) &&
	       wlt_sink_cbc(content->key, content->iv, wlt_take(*sink), sink, err);
}
