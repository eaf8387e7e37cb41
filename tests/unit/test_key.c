/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "keys/keys.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Run a shell command whose failure fails the test. The openssl program is the other side of every
 * known answer here. */
static void shell(const char *command)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	ck_assert_msg(scratch_run(argv, NULL, 0, NULL) == 0, "%s", command);
}

static char *shell_output(const char *command)
{
	const char *const argv[] = {"sh", "-c", command, NULL};
	struct wlt_buf out = WLT_BUF_INIT;

	ck_assert_msg(scratch_run(argv, NULL, 0, &out) == 0, "%s", command);
	while (out.len > 0 && out.data[out.len - 1] == '\n')
		out.data[--out.len] = '\0';
	return wlt_buf_take(&out);
}

static struct wlt_key *load_private(const char *path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;

	ck_assert_works(wlt_key_load_private(AT_FDCWD, path, &key, &err), &err);
	return key;
}

static struct wlt_key *load_public(const char *path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;

	ck_assert_works(wlt_key_load_public(AT_FDCWD, path, &key, &err), &err);
	return key;
}

static void digest_of_file(const char *path, uint8_t digest[WLT_SHA256_BYTES])
{
	char command[128];

	(void)snprintf(command, sizeof(command), "sha256sum < %s | cut -c1-64", path);
	WLT_AUTOFREE char *hex = shell_output(command);
	ck_assert(wlt_hex_decode(hex, digest, WLT_SHA256_BYTES));
}

/* Once, before the cases: two pairs made by the openssl program. */
static void make_keys(void)
{
	shell("umask 077; for k in a b; do "
	      "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $k.pem && "
	      "openssl pkey -in $k.pem -pubout -out $k.pub || exit 1; done; echo hello > message");
}

/* --- secure memory ----------------------------------------------------------------------------- */

START_TEST(test_secure_memory)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct rlimit core;

	ck_assert_works(wlt_keys_secure_memory(false, &err), &err);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 1);
	ck_assert_works(wlt_keys_secure_memory(true, &err), &err); /* again is no harm */
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &core), 0);
	ck_assert_uint_eq(core.rlim_max, 0);
	ck_assert_int_eq(CRYPTO_secure_malloc_initialized(), 1);
}
END_TEST

START_TEST(test_private_numbers_are_in_the_secure_heap)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	size_t before;

	ck_assert_works(wlt_keys_secure_memory(false, &err), &err);
	before = CRYPTO_secure_used();
	key = load_private("a.pem");
	ck_assert_uint_ge(CRYPTO_secure_used(), before + 256 + 5 * 128); /* d and CRT */
	wlt_key_unref(wlt_take(key));
	ck_assert_uint_eq(CRYPTO_secure_used(), before); /* the file's text too */
}
END_TEST

START_TEST(test_no_memory_lock_is_no_error)
{
	const struct rlimit none = {0, 0};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	if (geteuid() == 0) { /* to whom the limit does not apply */
		ck_assert_int_eq(chown("a.pem", 65534, 65534), 0);
		scratch_drop_root();
	}
	ck_assert_works(wlt_keys_secure_memory(false, &err), &err);
	key = load_private("a.pem");
	ck_assert(wlt_key_is_private(key));
}
END_TEST

/* --- reading ----------------------------------------------------------------------------------- */

START_TEST(test_id_and_fingerprint_as_openssl_and_sha256sum)
{
	WLT_AUTOFREE char *hex = shell_output(
		"openssl pkey -in a.pem -pubout -outform DER | sha256sum | cut -c1-64");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *pair = load_private("a.pem");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *public = load_public("a.pub");
	WLT_AUTO(wlt_buf_free) struct wlt_buf grouped = WLT_BUF_INIT;

	for (size_t i = 0; i < 64; i += 4)
		wlt_buf_printf(&grouped, "%s%.4s", i > 0 ? " " : "", hex + i);
	ck_assert_uint_eq(strlen(wlt_key_id(pair)), 16);
	ck_assert_int_eq(strncmp(wlt_key_id(pair), hex, 16), 0);
	ck_assert_str_eq(wlt_key_id(public), wlt_key_id(pair));
	ck_assert_str_eq(wlt_key_fingerprint(pair), grouped.data);
	ck_assert_str_eq(wlt_key_fingerprint(public), grouped.data);
	ck_assert(wlt_key_is_private(pair));
	ck_assert(!wlt_key_is_private(public));
}
END_TEST

START_TEST(test_public_half_as_openssl_writes_it)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf expected = scratch_read("a.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *pair = load_private("a.pem");
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = WLT_BUF_INIT;

	ck_assert_works(wlt_key_format_public(pair, &pem, &err), &err);
	ck_assert_str_eq(pem.data, expected.data);
}
END_TEST

START_TEST(test_older_private_form_is_read)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *old = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *pair = load_private("a.pem");

	shell("umask 077; openssl rsa -traditional -in a.pem -out pkcs1.pem 2> /dev/null && "
	      "grep -q 'BEGIN RSA PRIVATE KEY' pkcs1.pem");
	old = load_private("pkcs1.pem");
	ck_assert_str_eq(wlt_key_id(old), wlt_key_id(pair));
}
END_TEST

START_TEST(test_private_key_open_to_others_is_refused)
{
	static const mode_t modes[] = {0644, 0640, 0604, 0620, 0602, 0601, 0610, 0660};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;

	shell("cp a.pem open.pem");
	for (int i = 0; i < COUNT(modes); i++) {
		ck_assert_int_eq(chmod("open.pem", modes[i]), 0);
		ck_assert_fails(wlt_key_load_private(AT_FDCWD, "open.pem", &key, &err), &err,
				WLT_REFUSED);
		ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "chmod 600 open.pem"));
	}
	ck_assert_int_eq(chmod("open.pem", 0400), 0);
	key = load_private("open.pem");
	wlt_key_unref(key);
}
END_TEST

/* What is no unencrypted RSA pair of the right size. Each command makes x.pem. */
static const char *const bad_private[] = {
	": > x.pem",
	"echo text > x.pem",
	"cp a.pub x.pem",
	"head -c 900 a.pem > x.pem",
	"sed 5d a.pem > x.pem",
	"openssl pkey -in a.pem -aes128 -passout pass:x -out x.pem",
	"openssl rsa -traditional -aes128 -in a.pem -passout pass:x -out x.pem 2> /dev/null",
	"openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out x.pem",
	"openssl genpkey -quiet -algorithm ED25519 -out x.pem",
	"openssl genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out x.pem",
	"openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out x.pem",
	"openssl pkey -in a.pem -outform DER -out x.pem",
};

START_TEST(test_bad_private)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOFREE char *command = NULL;
	struct wlt_key *key = NULL;

	ck_assert_int_gt(asprintf(&command, "umask 077; rm -f x.pem; %s", bad_private[_i]), 0);
	shell(command);
	ck_assert_fails(wlt_key_load_private(AT_FDCWD, "x.pem", &key, &err), &err, WLT_DAMAGED);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "x.pem"));
	ck_assert_ptr_null(key);
}
END_TEST

static const char *const bad_public[] = {
	": > x.pub",
	"cp a.pem x.pub",
	"sed 3d a.pub > x.pub",
	"openssl genpkey -quiet -algorithm ED25519 | openssl pkey -pubout -out x.pub",
	"openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 | "
	"openssl pkey -pubout -out x.pub",
	"openssl req -x509 -key a.pem -subj /CN=x -out x.pub",
	/* An exponent of 1 encrypts to itself; an even one fits no RSA key. */
	"printf 'asn1=SEQUENCE:k\\n[k]\\na=SEQUENCE:r\\nb=BITWRAP,SEQUENCE:n\\n"
	"[r]\\na=OID:rsaEncryption\\nb=NULL\\n[n]\\nm=INTEGER:0x'\"$(openssl rsa -in a.pem -noout "
	"-modulus | cut -d= -f2)\"'\\ne=INTEGER:1\\n' > x.cnf; "
	"openssl asn1parse -genconf x.cnf -noout -out x.der && "
	"(echo -----BEGIN PUBLIC KEY-----; base64 -w64 x.der; echo -----END PUBLIC KEY-----) > "
	"x.pub",
};

START_TEST(test_bad_public)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOFREE char *command = NULL;
	struct wlt_key *key = NULL;

	ck_assert_int_gt(asprintf(&command, "rm -f x.pub; %s", bad_public[_i]), 0);
	shell(command);
	ck_assert_fails(wlt_key_load_public(AT_FDCWD, "x.pub", &key, &err), &err, WLT_DAMAGED);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "x.pub"));
	ck_assert_ptr_null(key);
}
END_TEST

START_TEST(test_files_that_are_none)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;

	ck_assert_fails(wlt_key_load_private(AT_FDCWD, "absent", &key, &err), &err, WLT_MISSING);
	ck_assert_fails(wlt_key_load_public(AT_FDCWD, "absent", &key, &err), &err, WLT_MISSING);
	ck_assert_int_eq(mkfifo("key.fifo", 0600), 0);
	ck_assert_fails(wlt_key_load_private(AT_FDCWD, "key.fifo", &key, &err), &err, WLT_REFUSED);
	shell("umask 077; head -c 65537 /dev/zero > huge.pem");
	ck_assert_fails(wlt_key_load_private(AT_FDCWD, "huge.pem", &key, &err), &err, WLT_TOO_BIG);
	ck_assert_fails(wlt_key_load_public(AT_FDCWD, "huge.pem", &key, &err), &err, WLT_TOO_BIG);
}
END_TEST

START_TEST(test_parse_names_the_origin)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf pem = scratch_read("a.pub");
	struct wlt_key *key = NULL;

	ck_assert_works(wlt_key_parse_public(pem.data, pem.len, "relay", &key, &err), &err);
	wlt_key_unref(key);
	key = NULL;
	ck_assert_fails(wlt_key_parse_public(pem.data, pem.len - 10, "keys/bob.pem", &key, &err),
			&err, WLT_DAMAGED);
	ck_assert_int_eq(strncmp(wlt_error_text(&err), "keys/bob.pem: ", 14), 0);
	ck_assert_fails(wlt_key_parse_public(NULL, 0, "nothing", &key, &err), &err, WLT_DAMAGED);
}
END_TEST

/* --- making ------------------------------------------------------------------------------------ */

START_TEST(test_generate)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *made = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *loaded = NULL;
	WLT_AUTO(wlt_buf_free) struct wlt_buf before = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf after = WLT_BUF_INIT;
	WLT_AUTOCLOSE int dir = -1;
	struct wlt_key *none = NULL;
	struct stat st;

	(void)umask(0);
	ck_assert_int_eq(mkdir("made", 0700), 0);
	dir = open("made", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_works(wlt_key_generate(dir, 2048, &made, &err), &err);
	ck_assert(wlt_key_is_private(made));
	ck_assert_int_eq(stat("made/private.pem", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(scratch_count("made"), 2);
	shell("cd made && head -1 private.pem | grep -qx -e '-----BEGIN PRIVATE KEY-----' && "
	      "openssl pkey -check -noout -in private.pem > /dev/null && "
	      "openssl pkey -in private.pem -text -noout | grep -q '2048 bit' && "
	      "openssl pkey -in private.pem -pubout | cmp - public.pem");
	loaded = load_private("made/private.pem");
	ck_assert_str_eq(wlt_key_id(made), wlt_key_id(loaded));

	before = scratch_read("made/private.pem");
	ck_assert_fails(wlt_key_generate(dir, 2048, &none, &err), &err, WLT_EXISTS);
	after = scratch_read("made/private.pem");
	ck_assert_str_eq(before.data, after.data);
	ck_assert_fails(wlt_key_generate(AT_FDCWD, 1024, &none, &err), &err, WLT_USAGE);
	ck_assert_fails(wlt_key_generate(AT_FDCWD, 16384, &none, &err), &err, WLT_USAGE);
	ck_assert_ptr_null(none);
}
END_TEST

/* --- signatures -------------------------------------------------------------------------------- */

#define PSS "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256"

START_TEST(test_openssl_verifies_our_signature)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *pair = load_private("a.pem");
	WLT_AUTO(wlt_buf_free) struct wlt_buf signature = WLT_BUF_INIT;
	uint8_t digest[WLT_SHA256_BYTES];

	digest_of_file("message", digest);
	ck_assert_works(wlt_key_sign(pair, digest, &signature, &err), &err);
	ck_assert_uint_eq(signature.len, 256);
	scratch_write("ours.sig", signature.data, signature.len);
	shell("openssl dgst -sha256 " PSS " -verify a.pub -signature ours.sig message > /dev/null");
}
END_TEST

START_TEST(test_we_verify_openssls_signature)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *a = load_public("a.pub");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *b = load_public("b.pub");
	WLT_AUTO(wlt_buf_free) struct wlt_buf signature = WLT_BUF_INIT;
	uint8_t digest[WLT_SHA256_BYTES];
	const uint8_t *bytes;

	shell("openssl dgst -sha256 " PSS " -sign a.pem -out theirs.sig message");
	digest_of_file("message", digest);
	signature = scratch_read("theirs.sig");
	bytes = (const uint8_t *)signature.data;
	ck_assert(wlt_key_verify(a, digest, bytes, signature.len));
	ck_assert(!wlt_key_verify(b, digest, bytes, signature.len));
	ck_assert(!wlt_key_verify(a, digest, bytes, signature.len - 1));
	ck_assert(!wlt_key_verify(a, digest, bytes, 0));
	digest[31] ^= 1;
	ck_assert(!wlt_key_verify(a, digest, bytes, signature.len));
	digest[31] ^= 1;
	for (size_t i = 0; i < signature.len; i += 17) {
		signature.data[i] ^= 1;
		ck_assert(!wlt_key_verify(a, digest, bytes, signature.len));
		signature.data[i] ^= 1;
	}
	ck_assert(wlt_key_verify(a, digest, bytes, signature.len));
}
END_TEST

/* Good signatures of another make: only one salt length, hash and padding counts. */
static const char *const other_signatures[] = {
	"-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
	"-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:0",
	"-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max",
	"-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha1",
	"-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32",
	"-sha256",
};

START_TEST(test_other_signatures_are_refused)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *a = load_public("a.pub");
	WLT_AUTO(wlt_buf_free) struct wlt_buf signature = WLT_BUF_INIT;
	WLT_AUTOFREE char *command = NULL;
	uint8_t digest[WLT_SHA256_BYTES];

	ck_assert_int_gt(asprintf(&command, "openssl dgst %s -sign a.pem -out other.sig message",
				  other_signatures[_i]),
			 0);
	shell(command);
	digest_of_file("message", digest);
	signature = scratch_read("other.sig");
	ck_assert(!wlt_key_verify(a, digest, (const uint8_t *)signature.data, signature.len));
}
END_TEST

START_TEST(test_public_half_cannot_sign_or_unwrap)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *public = load_public("a.pub");
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
	uint8_t bytes[256] = {0};
	size_t len = sizeof(bytes);

	ck_assert_fails(wlt_key_sign(public, bytes, &out, &err), &err, WLT_NO_KEY);
	ck_assert_uint_eq(out.len, 0);
	ck_assert_fails(wlt_key_unwrap(public, bytes, 256, bytes, &len, &err), &err, WLT_NO_KEY);
}
END_TEST

/* --- wrapped secrets --------------------------------------------------------------------------- */

#define OAEP \
	"-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"

START_TEST(test_openssl_unwraps_ours)
{
	static const uint8_t secret[] = "0123456789abcdef0123456789abcde";
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *public = load_public("a.pub");
	WLT_AUTO(wlt_buf_free) struct wlt_buf wrapped = WLT_BUF_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf again = WLT_BUF_INIT;

	ck_assert_works(wlt_key_wrap(public, secret, sizeof(secret), &wrapped, &err), &err);
	ck_assert_works(wlt_key_wrap(public, secret, sizeof(secret), &again, &err), &err);
	ck_assert_uint_eq(wrapped.len, 256);
	ck_assert(memcmp(wrapped.data, again.data, 256) != 0);
	scratch_write("secret", secret, sizeof(secret));
	scratch_write("wrapped", wrapped.data, wrapped.len);
	shell("openssl pkeyutl -decrypt -inkey a.pem " OAEP " -in wrapped | cmp - secret");
}
END_TEST

START_TEST(test_we_unwrap_openssls)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *a = load_private("a.pem");
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *b = load_private("b.pem");
	WLT_AUTO(wlt_buf_free) struct wlt_buf wrapped = WLT_BUF_INIT;
	uint8_t secret[64] = {0};
	size_t len = sizeof(secret);
	const uint8_t *bytes;

	shell("printf %s the-secret > plain; "
	      "openssl pkeyutl -encrypt -pubin -inkey a.pub " OAEP " -in plain -out theirs");
	wrapped = scratch_read("theirs");
	bytes = (const uint8_t *)wrapped.data;
	ck_assert_works(wlt_key_unwrap(a, bytes, wrapped.len, secret, &len, &err), &err);
	ck_assert_uint_eq(len, 10);
	ck_assert_mem_eq(secret, "the-secret\0", 11); /* and not a byte more */
	len = 9;
	ck_assert_fails(wlt_key_unwrap(a, bytes, wrapped.len, secret, &len, &err), &err,
			WLT_NO_KEY);
	len = sizeof(secret);
	ck_assert_fails(wlt_key_unwrap(b, bytes, wrapped.len, secret, &len, &err), &err,
			WLT_NO_KEY);
}
END_TEST

/* Damage of every kind gets the same answer, word for word. */
START_TEST(test_unwrap_tells_nothing)
{
	static const char *const makers[] = {
		"openssl pkeyutl -encrypt -pubin -inkey b.pub " OAEP " -in plain -out w",
		"openssl pkeyutl -encrypt -pubin -inkey a.pub -in plain -out w", /* PKCS#1 v1.5 */
		"openssl pkeyutl -encrypt -pubin -inkey a.pub -pkeyopt rsa_padding_mode:oaep "
		"-in plain -out w", /* SHA-1 */
		"openssl pkeyutl -encrypt -pubin -inkey a.pub " OAEP " -in plain | head -c 255 > w",
		"(openssl pkeyutl -encrypt -pubin -inkey a.pub " OAEP " -in plain; echo) > w",
		"head -c 256 /dev/zero > w",
		"head -c 256 /dev/zero | tr '\\0' '\\377' > w",
		": > w",
		"openssl pkeyutl -encrypt -pubin -inkey a.pub " OAEP
		" -pkeyopt rsa_oaep_label:6c6162656c -in plain -out w",
		"head -c 100 /dev/zero > p && "
		"openssl pkeyutl -encrypt -pubin -inkey a.pub " OAEP " -in p -out w", /* longer */
	};
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *a = load_private("a.pem");
	char expected[128];

	(void)snprintf(expected, sizeof(expected), "key %s does not open this", wlt_key_id(a));
	shell("printf %s the-secret > plain");
	for (int i = 0; i < COUNT(makers); i++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		WLT_AUTO(wlt_buf_free) struct wlt_buf wrapped = WLT_BUF_INIT;
		uint8_t secret[48];
		size_t len = sizeof(secret);

		shell(makers[i]);
		wrapped = scratch_read("w");
		ck_assert_fails(wlt_key_unwrap(a, (const uint8_t *)wrapped.data, wrapped.len,
					       secret, &len, &err),
				&err, WLT_NO_KEY);
		ck_assert_str_eq(wlt_error_text(&err), expected);
	}
}
END_TEST

START_TEST(test_secret_longer_than_the_key_holds)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *public = load_public("a.pub");
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;
	uint8_t secret[191] = {0};

	ck_assert_works(wlt_key_wrap(public, secret, 190, &out, &err), &err);
	ck_assert_fails(wlt_key_wrap(public, secret, 191, &out, &err), &err, WLT_INTERNAL);
	ck_assert_uint_eq(out.len, 256);
}
END_TEST

/* --- sharing ----------------------------------------------------------------------------------- */

static void *use_key(void *data)
{
	struct wlt_key *key = data;
	uint8_t digest[WLT_SHA256_BYTES] = {1};

	for (int i = 0; i < 20; i++) {
		WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
		WLT_AUTO(wlt_buf_free) struct wlt_buf signature = WLT_BUF_INIT;

		(void)wlt_key_ref(key);
		if (!wlt_key_sign(key, digest, &signature, &err) ||
		    !wlt_key_verify(key, digest, (const uint8_t *)signature.data, signature.len))
			return NULL;
		wlt_key_unref(key);
	}
	return key;
}

START_TEST(test_threads_share_a_key)
{
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = load_private("a.pem");
	pthread_t threads[4];

	for (int i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_key, key), 0);
	for (int i = 0; i < COUNT(threads); i++) {
		void *result = NULL;

		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		ck_assert_ptr_eq(result, key);
	}
	wlt_key_unref(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("key");
	TCase *tc = tcase_create("key");

	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, make_keys, NULL);
	tcase_add_test(tc, test_secure_memory);
	tcase_add_test(tc, test_private_numbers_are_in_the_secure_heap);
	tcase_add_test(tc, test_id_and_fingerprint_as_openssl_and_sha256sum);
	tcase_add_test(tc, test_public_half_as_openssl_writes_it);
	tcase_add_test(tc, test_older_private_form_is_read);
	tcase_add_test(tc, test_private_key_open_to_others_is_refused);
	tcase_add_loop_test(tc, test_bad_private, 0, COUNT(bad_private));
	tcase_add_loop_test(tc, test_bad_public, 0, COUNT(bad_public));
	tcase_add_test(tc, test_files_that_are_none);
	tcase_add_test(tc, test_parse_names_the_origin);
	tcase_add_test(tc, test_generate);
	tcase_add_test(tc, test_openssl_verifies_our_signature);
	tcase_add_test(tc, test_we_verify_openssls_signature);
	tcase_add_loop_test(tc, test_other_signatures_are_refused, 0, COUNT(other_signatures));
	tcase_add_test(tc, test_public_half_cannot_sign_or_unwrap);
	tcase_add_test(tc, test_openssl_unwraps_ours);
	tcase_add_test(tc, test_we_unwrap_openssls);
	tcase_add_test(tc, test_unwrap_tells_nothing);
	tcase_add_test(tc, test_secret_longer_than_the_key_holds);
	tcase_add_test(tc, test_threads_share_a_key);
	tcase_add_test(tc, test_no_memory_lock_is_no_error); /* gives a.pem away */
	suite_add_tcase(suite, tc);
	return scratch_run_suite(suite);
}
