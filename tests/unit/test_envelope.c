/* SPDX-License-Identifier: MIT */
/* Telling envelopes, on what openssl and tar make and on archives made byte by byte. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "packages.h"
#include "tar_forge.h"

static struct sandbox box;
static struct wlt_key *bob;
static struct wlt_key *carol;

static void setup(void)
{
	sandbox_make(&box);
	bob = packages_key(&box, "bob");
	carol = packages_key(&box, "carol");
	sandbox_put(&box, "payload", "0123456789abcdef0123456789");
}

static void teardown(void)
{
	wlt_key_unref(bob);
	wlt_key_unref(carol);
	sandbox_remove(&box);
}

static void refused_raw(const struct wlt_raw *raw, enum wlt_kind kind, const char *part)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_envelope envelope;

	ck_assert_msg(!wlt_envelope_read(raw, &envelope, &err), "taken, not refused for \"%s\"",
		      part);
	ck_assert_msg(strstr(wlt_error_text(&err), part) != NULL, "not \"%s\": %s", part,
		      wlt_error_text(&err));
	ck_assert_int_eq(err.kind, kind);
	ck_assert_ptr_null(envelope.recipients);
}

static void refused(struct forge *forge, const char *part)
{
	struct wlt_raw raw = {-1, forge->bytes, forge->len};

	refused_raw(&raw, WLT_DAMAGED, part);
	forge_free(forge);
}

/* --- good ones ---------------------------------------------------------------------------------- */

/* The sealed file is in the box as `name`; check all that can be seen. */
static void check_sealed(const char *name)
{
	int fd = openat(box.fd, name, O_RDONLY | O_CLOEXEC);
	struct wlt_raw raw = {fd, NULL, (uint64_t)lseek(fd, 0, SEEK_END)};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_envelope envelope;
	size_t len;
	WLT_AUTOFREE char *payload = sandbox_get(&box, "payload.enc", &len);
	WLT_AUTOFREE char *iv = sandbox_get(&box, "iv", NULL);
	WLT_AUTOFREE char *key = sandbox_get(&box, "key", NULL);
	char bytes[64];
	uint8_t secret[64];
	size_t secret_len = sizeof(secret);

	ck_assert_msg(wlt_envelope_read(&raw, &envelope, &err), "%s", wlt_error_text(&err));
	ck_assert_int_eq(envelope.kind, WLT_ENVELOPE_RSA);
	ck_assert_uint_eq(envelope.n_recipients, 2);
	ck_assert_str_eq(envelope.recipients[0].pubkey_id, wlt_key_id(bob));
	ck_assert_str_eq(envelope.recipients[1].pubkey_id, wlt_key_id(carol));
	ck_assert(wlt_envelope_names(&envelope, wlt_key_id(bob)));
	ck_assert(wlt_envelope_names(&envelope, wlt_key_id(carol)));
	ck_assert(!wlt_envelope_names(&envelope, "0123456789abcdef"));
	ck_assert_mem_eq(envelope.iv, iv, 16);
	ck_assert_uint_eq(envelope.payload_size, len);
	ck_assert_uint_eq(len, 32);
	ck_assert_int_eq(pread(fd, bytes, 32, (off_t)envelope.payload_offset), 32);
	ck_assert_mem_eq(bytes, payload, 32);
	ck_assert(wlt_key_unwrap(carol, envelope.recipients[1].wrapped,
				 envelope.recipients[1].wrapped_len, secret, &secret_len, &err));
	ck_assert_uint_eq(secret_len, 32);
	ck_assert_mem_eq(secret, key, 32);
	wlt_envelope_free(&envelope);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(sealed_by_programs)
{
	static const char *const formats[] = {"--format=gnu", "--format=ustar", "--format=pax",
					      "--format=v7", "-b 20 --format=pax"};

	packages_seal(&box, "payload", "bob carol", "sealed");
	check_sealed("sealed");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		ck_assert_int_eq(sandbox_sh(&box,
					    "tar %s -cf again rsa-envelope-v1.json payload.enc",
					    formats[i]),
				 0);
		check_sealed("again");
	}
	ck_assert_int_eq(sandbox_sh(&box, "tar -cf again payload.enc rsa-envelope-v1.json"), 0);
	check_sealed("again");
	ck_assert_int_eq(sandbox_sh(&box, "mkdir d && cp payload.enc rsa-envelope-v1.json d && "
					  "tar -C d -cf again ."),
			 0);
	check_sealed("again");
}
END_TEST

START_TEST(other_kinds)
{
	static const uint8_t gzip[] = {0x1f, 0x8b};
	struct wlt_raw raw = {-1, gzip, sizeof(gzip)};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_envelope envelope;

	ck_assert(wlt_envelope_read(&raw, &envelope, &err));
	ck_assert_int_eq(envelope.kind, WLT_ENVELOPE_PLAIN);
	ck_assert(!wlt_envelope_names(&envelope, wlt_key_id(bob)));
	wlt_envelope_free(&envelope);
	ck_assert_int_eq(sandbox_sh(&box,
				    "openssl enc -aes-256-cbc -pbkdf2 -iter 1000 -pass pass:x "
				    "-in payload -out salted 2>/dev/null"),
			 0);
	raw = packages_raw(&box, "salted");
	ck_assert(wlt_envelope_read(&raw, &envelope, &err));
	ck_assert_int_eq(envelope.kind, WLT_ENVELOPE_PASSPHRASE);
	ck_assert_uint_eq(envelope.payload_offset, 16);
	ck_assert_uint_eq(envelope.payload_size, 32);
	wlt_envelope_free(&envelope);
	raw.size--;
	refused_raw(&raw, WLT_DAMAGED, "Salted__");
	raw.size = 16;
	refused_raw(&raw, WLT_DAMAGED, "Salted__");
	raw.size = 8;
	refused_raw(&raw, WLT_DAMAGED, "Salted__");
	free((void *)(uintptr_t)raw.memory);
	ck_assert_str_eq(wlt_envelope_kind_name(WLT_ENVELOPE_PLAIN), "plain");
	ck_assert_str_eq(wlt_envelope_kind_name(WLT_ENVELOPE_PASSPHRASE), "passphrase");
	ck_assert_str_eq(wlt_envelope_kind_name(WLT_ENVELOPE_RSA), "rsa");
}
END_TEST

START_TEST(no_package)
{
	static const char *const texts[] = {"", "x", "PK\3\4", "Salted_", "not a package at all"};
	struct forge forge = FORGE_INIT;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		forge_put(&forge, texts[i], strlen(texts[i]) + 1);
		forge.len--;
		refused(&forge, "not a walnut package");
	}
	forge_fill(&forge, 0, 10240);
	refused(&forge, "not a walnut package");
}
END_TEST

/* However large the payload: its bytes are not there at all, and nobody misses them. */
START_TEST(payload_is_not_read)
{
	const uint64_t size = 1ull << 40;
	struct forge forge = FORGE_INIT;
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_envelope envelope;
	struct wlt_raw raw = {-1, NULL, 0};
	uint8_t *block;
	size_t len;
	char *json;

	packages_seal(&box, "payload", "bob", "sealed");
	json = sandbox_get(&box, "rsa-envelope-v1.json", &len);
	forge_file(&forge, "rsa-envelope-v1.json", json);
	block = forge_header(&forge, '0', "payload.enc", 0);
	memcpy(block + 124, "\x80\0\0\0\0\0\1\0\0\0\0\0", 12);
	forge_checksum(block);
	raw.fd = sandbox_create(&box, "huge");
	ck_assert_int_eq(write(raw.fd, forge.bytes, forge.len), (ssize_t)forge.len);
	raw.size = forge.len + size + 10240;
	if (ftruncate(raw.fd, (off_t)raw.size) == 0) { /* not every file system holds that */
		ck_assert_msg(wlt_envelope_read(&raw, &envelope, &err), "%s", wlt_error_text(&err));
		ck_assert_uint_eq(envelope.payload_size, size);
		ck_assert_uint_eq(envelope.payload_offset, forge.len);
		wlt_envelope_free(&envelope);
		ck_assert_int_eq(ftruncate(raw.fd, (off_t)(raw.size + (2u << 20))), 0);
		raw.size += 2u << 20;
		refused_raw(&raw, WLT_DAMAGED, "beside its payload");
	}
	ck_assert_int_eq(close(raw.fd), 0);
	forge_free(&forge);
	free(json);
}
END_TEST

/* --- bad outer tars ------------------------------------------------------------------------------ */

#define WRAPPED        "AAAA"
#define GOOD_RECIPIENT "{\"key_enc_b64\":\"" WRAPPED "\",\"pubkey_id\":\"0123456789abcdef\"}"
#define JSON_WITH(version, algorithm, iv, recipients)                                          \
	"{\"payload_algo\":" algorithm ",\"payload_iv_b64\":" iv ",\"recipients\":" recipients \
	",\"version\":" version "}"
#define ALGORITHM "\"aes-256-cbc\""
#define IV        "\"AAAAAAAAAAAAAAAAAAAAAA==\""
#define GOOD_JSON JSON_WITH("1", ALGORITHM, IV, "[" GOOD_RECIPIENT "]")

static void forge_payload(struct forge *forge)
{
	forge_file(forge, "payload.enc", "0123456789abcdef");
}

START_TEST(forged)
{
	struct forge forge = FORGE_INIT;
	struct wlt_raw raw = {-1, NULL, 0};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_envelope envelope;

	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_payload(&forge);
	forge_end(&forge);
	raw.memory = forge.bytes;
	raw.size = forge.len;
	ck_assert_msg(wlt_envelope_read(&raw, &envelope, &err), "%s", wlt_error_text(&err));
	wlt_envelope_free(&envelope);
	/* Cut anywhere it is damaged. */
	for (raw.size = 0; raw.size < forge.len; raw.size++)
		refused_raw(&raw, WLT_DAMAGED, "");
	forge_free(&forge);
}
END_TEST

START_TEST(wrong_members)
{
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_end(&forge);
	refused(&forge, "no payload.enc");
	forge_payload(&forge);
	forge_end(&forge);
	refused(&forge, "no rsa-envelope-v1.json");
	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_payload(&forge);
	forge_file(&forge, "third", "x");
	forge_end(&forge);
	refused(&forge, "not third");
	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_payload(&forge);
	forge_payload(&forge);
	forge_end(&forge);
	refused(&forge, "payload.enc is in the envelope twice");
	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_file(&forge, "./rsa-envelope-v1.json", GOOD_JSON);
	forge_payload(&forge);
	forge_end(&forge);
	refused(&forge, "twice");
	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_member(&forge, '5', "payload.enc", "");
	forge_end(&forge);
	refused(&forge, "not payload.enc");
	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_member(&forge, '2', "payload.enc", "");
	forge_end(&forge);
	refused(&forge, "payload.enc is a symbolic link");
	forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
	forge_payload(&forge);
	forge_end(&forge);
	forge_fill(&forge, 1, 1);
	refused(&forge, "bytes follow the end");
}
END_TEST

START_TEST(wrong_payload_size)
{
	static const char *const texts[] = {"", "x", "0123456789abcde", "0123456789abcdefg"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct forge forge = FORGE_INIT;

		forge_file(&forge, "rsa-envelope-v1.json", GOOD_JSON);
		forge_file(&forge, "payload.enc", texts[i]);
		forge_end(&forge);
		refused(&forge, "are not whole blocks");
	}
}
END_TEST

START_TEST(large_json)
{
	struct forge forge = FORGE_INIT;
	struct wlt_raw raw = {-1, NULL, 0};

	(void)forge_header(&forge, '0', "rsa-envelope-v1.json", WLT_MAX_ENVELOPE_JSON + 1);
	forge_fill(&forge, ' ', WLT_MAX_ENVELOPE_JSON + 512);
	forge_payload(&forge);
	forge_end(&forge);
	raw.memory = forge.bytes;
	raw.size = forge.len;
	refused_raw(&raw, WLT_TOO_BIG, "262145 bytes");
	forge_free(&forge);
}
END_TEST

#define RECIPIENT_WITH(key, id) "[{\"key_enc_b64\":" key ",\"pubkey_id\":" id "}]"
#define ID                      "\"0123456789abcdef\""

static const struct {
	const char *json;
	const char *part;
} bad_json[] = {
	{"", "rsa-envelope-v1.json"},
	{"{", "rsa-envelope-v1.json"},
	{"[]", "not an object"},
	{"{}", "`version`"},
	{JSON_WITH("2", ALGORITHM, IV, "[" GOOD_RECIPIENT "]"), "`version`"},
	{JSON_WITH("\"1\"", ALGORITHM, IV, "[" GOOD_RECIPIENT "]"), "`version`"},
	{JSON_WITH("1.5", ALGORITHM, IV, "[" GOOD_RECIPIENT "]"), "`version`"},
	{JSON_WITH("true", ALGORITHM, IV, "[" GOOD_RECIPIENT "]"), "`version`"},
	{JSON_WITH("1", "\"aes-256-gcm\"", IV, "[" GOOD_RECIPIENT "]"), "`payload_algo`"},
	{JSON_WITH("1", "null", IV, "[" GOOD_RECIPIENT "]"), "`payload_algo`"},
	{JSON_WITH("1", ALGORITHM, "\"AAAAAAAAAAAAAAAAAAAA\"", "[" GOOD_RECIPIENT "]"),
	 "`payload_iv_b64`"},
	{JSON_WITH("1", ALGORITHM, "\"AAAAAAAAAAAAAAAAAAAAAAA=\"", "[" GOOD_RECIPIENT "]"),
	 "`payload_iv_b64`"},
	{JSON_WITH("1", ALGORITHM, "\"AAAAAAAAAAAAAAAAAAAAAA\"", "[" GOOD_RECIPIENT "]"),
	 "`payload_iv_b64`"},
	{JSON_WITH("1", ALGORITHM, "\"AAAAAAAAAAAAAAAAAAAAAB==\"", "[" GOOD_RECIPIENT "]"),
	 "`payload_iv_b64`"},
	{JSON_WITH("1", ALGORITHM, "\"AAAA AAAAAAAAAAAAAAAAAA==\"", "[" GOOD_RECIPIENT "]"),
	 "`payload_iv_b64`"},
	{JSON_WITH("1", ALGORITHM, IV, "[]"), "`recipients`"},
	{JSON_WITH("1", ALGORITHM, IV, "{}"), "`recipients`"},
	{JSON_WITH("1", ALGORITHM, IV, "[1]"), "`pubkey_id`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("\"AAAA\"", "\"0123456789ABCDEF\"")),
	 "`pubkey_id`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("\"AAAA\"", "\"0123456789abcde\"")),
	 "`pubkey_id`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("\"AAAA\"", "\"0123456789abcdef0\"")),
	 "`pubkey_id`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("\"AAAA\"", "7")), "`pubkey_id`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("\"\"", ID)), "`key_enc_b64`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("\"A\"", ID)), "`key_enc_b64`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("\"A-_A\"", ID)), "`key_enc_b64`"},
	{JSON_WITH("1", ALGORITHM, IV, RECIPIENT_WITH("null", ID)), "`key_enc_b64`"},
};

#define N_BAD_JSON (sizeof(bad_json) / sizeof(bad_json[0]))

START_TEST(malformed_json)
{
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "rsa-envelope-v1.json", bad_json[_i].json);
	forge_payload(&forge);
	forge_end(&forge);
	refused(&forge, bad_json[_i].part);
}
END_TEST

START_TEST(recipient_limit)
{
	struct wlt_buf json = WLT_BUF_INIT;

	for (unsigned n = WLT_MAX_RECIPIENTS; n <= WLT_MAX_RECIPIENTS + 1; n++) {
		struct forge forge = FORGE_INIT;
		struct wlt_envelope envelope;
		struct wlt_error err = WLT_ERROR_INIT;
		struct wlt_raw raw = {-1, NULL, 0};

		wlt_buf_puts(&json, "{\"payload_algo\":" ALGORITHM ",\"payload_iv_b64\":" IV
				    ",\"version\":1,\"recipients\":[");
		for (unsigned i = 0; i < n; i++)
			wlt_buf_printf(&json, "%s" GOOD_RECIPIENT, i > 0 ? "," : "");
		wlt_buf_puts(&json, "]}");
		forge_file(&forge, "rsa-envelope-v1.json", json.data);
		forge_payload(&forge);
		forge_end(&forge);
		wlt_buf_free(&json);
		if (n > WLT_MAX_RECIPIENTS) {
			refused(&forge, "`recipients` is not a list of 1 to 64");
			continue;
		}
		raw.memory = forge.bytes;
		raw.size = forge.len;
		ck_assert_msg(wlt_envelope_read(&raw, &envelope, &err), "%s", wlt_error_text(&err));
		ck_assert_uint_eq(envelope.n_recipients, n);
		wlt_envelope_free(&envelope);
		forge_free(&forge);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("envelope");
	TCase *programs = tcase_create("programs");
	TCase *forgery = tcase_create("forged");

	tcase_add_checked_fixture(programs, setup, teardown);
	tcase_set_timeout(programs, 60);
	tcase_add_test(programs, sealed_by_programs);
	tcase_add_test(programs, other_kinds);
	tcase_add_test(programs, payload_is_not_read);
	tcase_add_test(forgery, no_package);
	tcase_add_test(forgery, forged);
	tcase_add_test(forgery, wrong_members);
	tcase_add_test(forgery, wrong_payload_size);
	tcase_add_test(forgery, large_json);
	tcase_add_loop_test(forgery, malformed_json, 0, (int)N_BAD_JSON);
	tcase_add_test(forgery, recipient_limit);
	suite_add_tcase(suite, programs);
	suite_add_tcase(suite, forgery);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
