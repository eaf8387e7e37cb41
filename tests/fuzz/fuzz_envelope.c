/* SPDX-License-Identifier: MIT */
/*
 * What can be known of a package without a key: once from the input as it is, once with the input as
 * the JSON of an RSA envelope that is otherwise in order.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "../unit/tar_forge.h"
#include "base/cleanup.h"
#include "fuzz.h"

#define CIPHER_BLOCK 16u

const char fuzz_target[] = "envelope";

static void require_recipients(const struct wlt_envelope *envelope)
{
	fuzz_require(envelope->n_recipients >= 1 && envelope->n_recipients <= WLT_MAX_RECIPIENTS);
	for (size_t i = 0; i < envelope->n_recipients; i++) {
		const struct wlt_recipient *recipient = &envelope->recipients[i];

		fuzz_require(strlen(recipient->pubkey_id) == WLT_KEY_ID_BYTES - 1);
		fuzz_require(strspn(recipient->pubkey_id, "0123456789abcdef") ==
			     WLT_KEY_ID_BYTES - 1);
		fuzz_require(recipient->wrapped_len >= 1 &&
			     recipient->wrapped_len <= WLT_KEY_MAX_BITS / 8);
		fuzz_require(wlt_envelope_names(envelope, recipient->pubkey_id));
	}
}

static void require_envelope(const struct wlt_envelope *envelope, const struct wlt_raw *raw)
{
	fuzz_require(envelope->payload_offset <= raw->size);
	fuzz_require(envelope->payload_size > 0 &&
		     envelope->payload_size <= raw->size - envelope->payload_offset);
	fuzz_require(wlt_envelope_kind_name(envelope->kind) != NULL);
	if (envelope->kind == WLT_ENVELOPE_RSA) {
		require_recipients(envelope);
	} else {
		fuzz_require(envelope->n_recipients == 0 && envelope->recipients == NULL);
		fuzz_require(envelope->payload_offset + envelope->payload_size == raw->size);
	}
	fuzz_require(envelope->kind == WLT_ENVELOPE_PLAIN ||
		     envelope->payload_size % CIPHER_BLOCK == 0);
}

static void read_envelope(const struct wlt_raw *raw)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_envelope_free) struct wlt_envelope envelope = {0};
	int fd = fuzz_free_fd();

	if (wlt_envelope_read(raw, &envelope, &err)) {
		require_envelope(&envelope, raw);
	} else {
		fuzz_require_refusal(&err);
		fuzz_require(envelope.n_recipients == 0 && envelope.recipients == NULL);
		fuzz_require(envelope.payload_size == 0);
	}
	fuzz_require(fuzz_free_fd() == fd);
}

static void read_json(const uint8_t *bytes, size_t len)
{
	static const char payload[CIPHER_BLOCK];
	WLT_AUTO(forge_free) struct forge tar = FORGE_INIT;
	struct wlt_raw raw = {-1, NULL, 0};

	(void)forge_header(&tar, '0', "rsa-envelope-v1.json", len);
	forge_data(&tar, bytes, len);
	(void)forge_header(&tar, '0', "payload.enc", sizeof(payload));
	forge_data(&tar, payload, sizeof(payload));
	forge_end(&tar);
	raw.memory = tar.bytes;
	raw.size = tar.len;
	read_envelope(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct wlt_raw raw = {-1, bytes, len};

	read_envelope(&raw);
	read_json(bytes, len);
	return 0;
}
