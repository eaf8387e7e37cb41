/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/package.h"
#include "sandbox.h"

#define SMALL 200
#define BIG   (3u << 20) /* several blocks of the compressor, in one file */

static struct sandbox box;

/* A walnut with a little of everything that a package has to carry. */
static void make_walnut(void)
{
	char *big = malloc(BIG); /* does not compress */
	unsigned noise = 7;
	char name[64];
	char body[64];

	ck_assert_ptr_nonnull(big);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(noise = noise * 1664525u + 1013904223u, noise >> 24);
	sandbox_put(&box, "nova/_kernel/key.md", "---\ntype: venture\n---\nNova\n");
	sandbox_put(&box, "nova/_kernel/log.md", "---\nwalnut: nova\n---\nsecret history\n");
	sandbox_put(&box, "nova/review/context.manifest.yaml",
		    "goal: review\nactive_sessions:\n  - session: aaaa\nupdated: 2026\n");
	sandbox_put(&box, "nova/review/ünïcode 名.md", "text\n");
	sandbox_put(&box, "nova/empty.txt", "");
	sandbox_put(&box, "nova/tools/run.sh", "#!/bin/sh\n");
	ck_assert_int_eq(fchmodat(box.fd, "nova/tools/run.sh", 0700, 0), 0);
	for (int i = 0; i < SMALL; i++) {
		(void)snprintf(name, sizeof(name), "nova/review/raw/%03d.md", i);
		(void)snprintf(body, sizeof(body), "number %d\n", i);
		sandbox_put(&box, name, body);
	}
	sandbox_put_bytes(&box, "nova/assets/big.bin", big, BIG);
	free(big);
}

static void set_up(void)
{
	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-04-07T10:15:00Z", 1), 0);
	sandbox_make(&box);
	make_walnut();
}

static void tear_down(void)
{
	sandbox_remove(&box);
}

static struct wlt_stage *stage_nova(void)
{
	struct wlt_stage_options options = {.session = "sess-1", .sender = "patrick"};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_stage *stage = NULL;

	ck_assert_msg(wlt_stage_walnut(sandbox_open_dir(&box, "nova"), "nova", &options, &stage,
				       &err),
		      "%s", wlt_error_text(&err));
	return stage;
}

static const struct wlt_create_options plain_options = {.sender = "patrick",
							.session = "sess-1",
							.engine = "unknown",
							.description = "",
							.note = ""};

static bool create(const struct wlt_stage *stage, const struct wlt_create_options *options,
		   const char *name, struct wlt_created *created, struct wlt_error *err)
{
	int fd = sandbox_create(&box, name);
	bool ok = wlt_package_create(stage, options, fd, created, err);

	ck_assert_int_eq(close(fd), 0);
	return ok;
}

static void create_ok(const struct wlt_stage *stage, const struct wlt_create_options *options,
		      const char *name, struct wlt_created *created)
{
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(create(stage, options, name, created, &err), "%s", wlt_error_text(&err));
}

/* What tar and sha256sum say about the plain package in FILE. */
static void check_unpacked(const char *file)
{
	ck_assert_int_eq(sandbox_sh(&box, "gzip -t %s", file), 0);
	ck_assert_int_eq(sandbox_sh(&box, "rm -rf out && mkdir out && tar -xzf %s -C out", file),
			 0);
	/* Every checksum of the manifest, by another program; as many as there are files. */
	ck_assert_int_eq(sandbox_sh(&box,
				    "cd out && "
				    "awk -F'\"' '/^files:/{f=1} f&&/path:/{p=$2} "
				    "f&&/sha256:/{print $2 \"  \" p}' manifest.yaml >../sums && "
				    "sha256sum --quiet -c ../sums && "
				    "test $(wc -l <../sums) = $(find . -type f ! -name "
				    "manifest.yaml | wc -l)"),
			 0);
}

START_TEST(test_plain_unpacks)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_created created;
	struct stat st;

	create_ok(stage, &plain_options, "p.walnut", &created);
	ck_assert_int_eq(fstatat(box.fd, "p.walnut", &st, 0), 0);
	ck_assert_uint_eq(created.size, (uint64_t)st.st_size);
	check_unpacked("p.walnut");
	ck_assert_int_eq(sandbox_sh(&box, "cmp nova/assets/big.bin out/assets/big.bin"), 0);
	ck_assert_int_eq(sandbox_sh(&box, "diff -r nova/review/raw out/review/raw"), 0);
	ck_assert_int_eq(sandbox_sh(&box, "cmp 'nova/review/ünïcode 名.md' "
					  "'out/review/ünïcode 名.md'"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box, "printf 'goal: review\\nupdated: 2026\\n' | cmp - "
					  "out/review/context.manifest.yaml"),
			 0);
	ck_assert_int_ne(sandbox_sh(&box, "grep -rq 'secret history' out"), 0);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_members_look)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_created created;

	create_ok(stage, &plain_options, "p.walnut", &created);
	/* The manifest first, then byte order; owner 0, no names, two modes. */
	ck_assert_int_eq(sandbox_sh(&box, "test $(tar -tzf p.walnut | head -n 1) = manifest.yaml"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box, "tar -tzf p.walnut --quoting-style=literal | sed 1d "
					  ">names && LC_ALL=C sort -c names"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box, "tar -tvzf p.walnut | awk '{print $1, $2}' | sort -u "
					  ">look && printf -- '-rw-r--r-- 0/0\\n-rwxr-xr-x "
					  "0/0\\n' | cmp - look"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box, "tar -tvzf p.walnut | grep '^-rwx' | grep -q run.sh"), 0);
	/* No name and no time in the gzip header. */
	ck_assert_int_eq(sandbox_sh(&box, "test $(od -An -tx1 -N10 p.walnut | tr -d ' ') = "
					  "1f8b0800000000000003"),
			 0);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_reproducible)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_created first;
	struct wlt_created second;

	create_ok(stage, &plain_options, "a.walnut", &first);
	wlt_stage_free(stage);
	stage = stage_nova();
	create_ok(stage, &plain_options, "b.walnut", &second);
	ck_assert_int_eq(sandbox_sh(&box, "cmp a.walnut b.walnut"), 0);
	ck_assert_str_eq(first.import_id, second.import_id);
	wlt_stage_free(stage);
}
END_TEST

static struct wlt_key *new_key(const char *name)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;
	char path[80];
	int fd;

	sandbox_dir(&box, name);
	fd = sandbox_open_dir(&box, name);
	ck_assert_msg(wlt_key_generate(fd, WLT_KEY_MIN_BITS, &key, &err), "%s",
		      wlt_error_text(&err));
	ck_assert_int_eq(close(fd), 0);
	(void)snprintf(path, sizeof(path), "%s/private.pem", name);
	ck_assert_int_eq(faccessat(box.fd, path, R_OK, 0), 0);
	return key;
}

/* Open `s.walnut` for the owner of the key in folder NAME, the `at`th recipient, with openssl. */
static void check_sealed(const char *name, int at)
{
	ck_assert_int_eq(sandbox_sh(&box, "rm -rf env && mkdir env && tar -xf s.walnut -C env && "
					  "test \"$(tar -tf s.walnut | tr '\\n' ' ')\" = "
					  "'rsa-envelope-v1.json payload.enc '"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box,
				    "grep -o 'key_enc_b64\": \"[^\"]*' env/rsa-envelope-v1.json | "
				    "sed -n %dp | cut -d'\"' -f3 | base64 -d >env/wrapped && "
				    "openssl pkeyutl -decrypt -inkey %s/private.pem -pkeyopt "
				    "rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt "
				    "rsa_mgf1_md:sha256 -in env/wrapped -out env/key",
				    at, name),
			 0);
	ck_assert_int_eq(
		sandbox_sh(&box,
			   "iv=$(grep -o 'payload_iv_b64\": \"[^\"]*' env/rsa-envelope-v1.json | "
			   "cut -d'\"' -f3 | base64 -d | od -An -tx1 | tr -d ' \\n') && "
			   "key=$(od -An -tx1 env/key | tr -d ' \\n') && test ${#key} = 64 && "
			   "openssl enc -d -aes-256-cbc -K $key -iv $iv -in env/payload.enc -out "
			   "env/payload && cmp env/payload p.walnut"),
		0);
}

START_TEST(test_sealed_for_several)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_key *ben = new_key("ben");
	struct wlt_key *eva = new_key("eva");
	const struct wlt_key *recipients[] = {ben, eva, ben};
	struct wlt_create_options sealed = plain_options;
	struct wlt_created plain_created;
	struct wlt_created created;
	char *json;
	char expected[128];

	sealed.recipients = recipients;
	sealed.n_recipients = 3;
	create_ok(stage, &plain_options, "p.walnut", &plain_created);
	create_ok(stage, &sealed, "s.walnut", &created);
	/* The identity does not depend on the envelope. */
	ck_assert_str_eq(created.import_id, plain_created.import_id);
	check_sealed("ben", 1);
	check_sealed("eva", 2);
	/* Ben once, and in the order they were given; the layout other tools write. */
	json = sandbox_get(&box, "env/rsa-envelope-v1.json", NULL);
	(void)snprintf(expected, sizeof(expected),
		       "\",\n      \"pubkey_id\": \"%s\"\n    }\n  ],\n  \"version\": 1\n}\n",
		       wlt_key_id(eva));
	ck_assert_ptr_nonnull(strstr(json, expected));
	ck_assert_int_eq(
		strncmp(json, "{\n  \"payload_algo\": \"aes-256-cbc\",\n  \"payload_iv_b64\": \"",
			55),
		0);
	free(json);
	wlt_key_unref(ben);
	wlt_key_unref(eva);
	wlt_stage_free(stage);
}
END_TEST

/* A public key of 2048 bits to which nobody has the private one: any odd number will do. Finding as
 * many real pairs would take longer than all the other tests together. */
static struct wlt_key *new_public_key(void)
{
	BIGNUM *modulus = BN_new();
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIO *pem = BIO_new(BIO_s_mem());
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;
	EVP_PKEY *made = NULL;
	OSSL_PARAM *params;
	char *text;
	long len;

	ck_assert_int_eq(BN_rand(modulus, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
	ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus), 1);
	ck_assert_int_eq(OSSL_PARAM_BLD_push_uint(build, OSSL_PKEY_PARAM_RSA_E, 65537), 1);
	params = OSSL_PARAM_BLD_to_param(build);
	ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
	ck_assert_int_eq(EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, params), 1);
	ck_assert_int_eq(PEM_write_bio_PUBKEY(pem, made), 1);
	len = BIO_get_mem_data(pem, &text);
	ck_assert_msg(wlt_key_parse_public(text, (size_t)len, "key", &key, &err), "%s",
		      wlt_error_text(&err));
	EVP_PKEY_free(made);
	OSSL_PARAM_free(params);
	(void)BIO_free(pem);
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	return key;
}

/* As many as there can be, wherever one stands in the list; one more is refused. */
START_TEST(test_sealed_for_most)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_key *keys[WLT_MAX_RECIPIENTS];
	const struct wlt_key *recipients[WLT_MAX_RECIPIENTS + 1];
	struct wlt_create_options sealed = plain_options;
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;

	for (size_t i = 0; i < WLT_MAX_RECIPIENTS; i++)
		keys[i] = i == 0    ? new_key("first")
			  : i == 32 ? new_key("middle")
			  : i == 63 ? new_key("last")
				    : new_public_key();
	for (size_t i = 0; i < WLT_MAX_RECIPIENTS; i++)
		recipients[i] = keys[i];
	sealed.recipients = recipients;
	sealed.n_recipients = WLT_MAX_RECIPIENTS;
	create_ok(stage, &plain_options, "p.walnut", &created);
	create_ok(stage, &sealed, "s.walnut", &created);
	check_sealed("first", 1);
	check_sealed("middle", 33);
	check_sealed("last", 64);
	ck_assert_int_eq(sandbox_sh(&box,
				    "test $(grep -c pubkey_id env/rsa-envelope-v1.json) = 64"),
			 0);
	recipients[WLT_MAX_RECIPIENTS] = keys[0];
	sealed.n_recipients++;
	ck_assert(!create(stage, &sealed, "x.walnut", &created, &err));
	ck_assert_int_eq(err.kind, WLT_USAGE);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "64 recipients, not 65"));
	wlt_error_clear(&err);
	for (size_t i = 0; i < WLT_MAX_RECIPIENTS; i++)
		wlt_key_unref(keys[i]);
	wlt_stage_free(stage);
}
END_TEST

static const char *const passphrases[] = {"x", "correct horse battery staple",
					  "quo'te \" $HOME `tick` \\ ünï"};

START_TEST(test_sealed_with_passphrase)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_create_options sealed = plain_options;
	struct wlt_created plain_created;
	struct wlt_created created;

	sealed.passphrase = passphrases[_i];
	sealed.passphrase_len = strlen(passphrases[_i]);
	create_ok(stage, &plain_options, "p.walnut", &plain_created);
	create_ok(stage, &sealed, "s.walnut", &created);
	create_ok(stage, &sealed, "t.walnut", &created);
	ck_assert_str_eq(created.import_id, plain_created.import_id);
	ck_assert_int_eq(setenv("PHRASE", passphrases[_i], 1), 0);
	ck_assert_int_eq(sandbox_sh(&box,
				    "test \"$(head -c 8 s.walnut)\" = Salted__ && "
				    "openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -md sha256 "
				    "-pass env:PHRASE -in s.walnut -out payload && "
				    "cmp payload p.walnut"),
			 0);
	/* Salted anew each time. */
	ck_assert_int_eq(sandbox_sh(&box, "! cmp -s -n 16 s.walnut t.walnut"), 0);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_bad_passphrase)
{
	static const struct {
		size_t len;
		size_t n_recipients;
		const char *text;
	} cases[] = {{0, 0, "1 to 1024 bytes, not 0"},
		     {1025, 0, "1 to 1024 bytes, not 1025"},
		     {8, 1, "either for recipients or with a passphrase"}};
	struct wlt_stage *stage = stage_nova();
	struct wlt_key *ben = new_key("ben");
	const struct wlt_key *recipients[] = {ben};
	struct wlt_create_options sealed = plain_options;
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;
	char phrase[1026];

	memset(phrase, 'x', sizeof(phrase));
	sealed.passphrase = phrase;
	sealed.recipients = recipients;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sealed.passphrase_len = cases[i].len;
		sealed.n_recipients = cases[i].n_recipients;
		ck_assert(!create(stage, &sealed, "x.walnut", &created, &err));
		ck_assert_int_eq(err.kind, WLT_USAGE);
		ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), cases[i].text));
		ck_assert_int_eq(sandbox_sh(&box, "test ! -s x.walnut"), 0);
	}
	wlt_error_clear(&err);
	wlt_key_unref(ben);
	wlt_stage_free(stage);
}
END_TEST

/* What the progress says: each step from something to all of it, never backwards. */
struct listener {
	enum wlt_create_step step;
	uint64_t done;
	uint64_t total;
	bool finished[2];
};

static void listen_in(void *context, enum wlt_create_step step, uint64_t done, uint64_t total)
{
	struct listener *listener = context;

	ck_assert_uint_ge(step, listener->step);
	if (step != listener->step)
		*listener = (struct listener){.step = step, .finished = {listener->finished[0]}};
	ck_assert_uint_ge(done, listener->done);
	ck_assert_uint_le(done, total);
	ck_assert(listener->total == 0 || listener->total == total);
	listener->done = done;
	listener->total = total;
	listener->finished[step] = done == total;
}

START_TEST(test_progress)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_create_options options = plain_options;
	struct listener listener = {.step = WLT_STEP_CHECKSUMS};
	struct wlt_created created;

	options.progress = listen_in;
	options.progress_context = &listener;
	create_ok(stage, &options, "p.walnut", &created);
	ck_assert_int_eq(listener.step, WLT_STEP_PACK);
	ck_assert(listener.finished[WLT_STEP_PACK]);
	ck_assert_uint_gt(listener.total, BIG);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_sealed_keys_are_fresh)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_key *ben = new_key("ben");
	const struct wlt_key *recipients[] = {ben};
	struct wlt_create_options sealed = plain_options;
	struct wlt_created created;

	sealed.recipients = recipients;
	sealed.n_recipients = 1;
	create_ok(stage, &sealed, "s.walnut", &created);
	create_ok(stage, &sealed, "t.walnut", &created);
	ck_assert_int_eq(sandbox_sh(&box, "tar -xOf s.walnut payload.enc >1 && tar -xOf t.walnut "
					  "payload.enc >2 && ! cmp -s 1 2"),
			 0);
	/* Nothing of the content shows. */
	ck_assert_int_ne(sandbox_sh(&box, "grep -aq -e nova -e review s.walnut"), 0);
	wlt_key_unref(ben);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_signed)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_key *ann = new_key("ann");
	struct wlt_create_options options = plain_options;
	struct wlt_created created;
	struct wlt_created unsigned_created;
	char *manifest;

	create_ok(stage, &plain_options, "u.walnut", &unsigned_created);
	options.signer = ann;
	create_ok(stage, &options, "p.walnut", &created);
	ck_assert_str_eq(created.import_id, unsigned_created.import_id);
	check_unpacked("p.walnut");
	manifest = sandbox_get(&box, "out/manifest.yaml", NULL);
	ck_assert_ptr_nonnull(strstr(manifest, "signature:\n  algo: \"rsa-pss-sha256\"\n"));
	ck_assert_ptr_nonnull(strstr(manifest, wlt_key_id(ann)));
	free(manifest);
	wlt_key_unref(ann);
	wlt_stage_free(stage);
}
END_TEST

/* What is made here opens here, with the same identity and content. */
START_TEST(test_opens)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_key *ann = new_key("ann");
	struct wlt_key *ben = new_key("ben");
	const struct wlt_key *recipients[] = {ben};
	struct wlt_create_options options = plain_options;
	struct wlt_open_options open_options = {.pair = ben,
						.own_name = "ben",
						.memory_limit = 64u << 20,
						.spill_dirfd = box.fd};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_package *package = NULL;
	struct wlt_created created;

	options.signer = ann;
	options.recipients = recipients;
	for (size_t sealed = 0; sealed < 2; sealed++) {
		struct wlt_raw raw = {.fd = -1};

		options.n_recipients = sealed;
		create_ok(stage, &options, "p.walnut", &created);
		raw.fd = openat(box.fd, "p.walnut", O_RDONLY | O_CLOEXEC);
		raw.size = created.size;
		ck_assert_msg(wlt_package_open(&raw, &open_options, &package, &err), "%s",
			      wlt_error_text(&err));
		ck_assert_str_eq(package->import_id, created.import_id);
		ck_assert_int_eq(package->envelope, sealed ? WLT_ENVELOPE_RSA : WLT_ENVELOPE_PLAIN);
		ck_assert_int_eq(package->verdict, WLT_VERDICT_UNKNOWN_KEY);
		ck_assert_str_eq(package->signer, wlt_key_id(ann));
		ck_assert_uint_eq(package->n_entries, stage->n_members + 1);
		wlt_package_free(package);
		ck_assert_int_eq(close(raw.fd), 0);
	}
	wlt_key_unref(ann);
	wlt_key_unref(ben);
	wlt_stage_free(stage);
}
END_TEST

/* A single line of the manifest per field that can be set from outside. */
START_TEST(test_manifest_fields)
{
	static const char *const lines[] = {
		"format_version: \"2.1.0\"\nsource_layout: \"v3\"\nmin_plugin_version: \"3.1.0\"\n"
		"created: \"2026-04-07T10:15:00Z\"\nscope: \"full\"\nsource:\n  engine: "
		"\"claude\"\n"
		"  plugin_version: \"3.1.0\"\n  session_id: \"s-7\"\n  walnut: \"nova\"\n"
		"sender: \"ann\"\ndescription: \"it's ünïcode\"\nnote: \"back\\\\slash\"\n"
		"exclusions_applied: []\nsubstitutions_applied:\n  - path: \"_kernel/log.md\"\n"
		"    reason: \"baseline-stub\"\n  - path: \"_kernel/insights.md\"\n"
		"    reason: \"baseline-stub\"\npayload_sha256: \"",
		"\nencryption: \"none\"\n",
	};
	struct wlt_create_options options = {.sender = "ann",
					     .session = "s-7",
					     .engine = "claude",
					     .description = "it's ünïcode",
					     .note = "back\\slash"};
	struct wlt_stage *stage = stage_nova();
	struct wlt_created created;
	char *manifest;

	create_ok(stage, &options, "p.walnut", &created);
	check_unpacked("p.walnut");
	manifest = sandbox_get(&box, "out/manifest.yaml", NULL);
	ck_assert_int_eq(strncmp(manifest, lines[0], strlen(lines[0])), 0);
	ck_assert_str_eq(manifest + strlen(manifest) - strlen(lines[1]), lines[1]);
	ck_assert_ptr_null(strstr(manifest, "bundles:"));
	free(manifest);
	/* payload_sha256, put together by other programs. */
	ck_assert_int_eq(
		sandbox_sh(&box,
			   "cd out && awk -F'\"' '/^files:/{f=1} f&&/path:/{p=$2} "
			   "f&&/sha256:/{s=$2} f&&/size:/{split($0,a,\": \"); "
			   "printf \"%%s%%c%%s%%c%%s\\n\", p, 0, s, 0, a[2]}' manifest.yaml | "
			   "sha256sum | cut -c1-64 >../sum && "
			   "grep -q \"^payload_sha256: \\\"$(cat ../sum)\\\"$\" manifest.yaml"),
		0);
	wlt_stage_free(stage);
}
END_TEST

static const char *const bad_texts[] = {"two\nlines", "return\r", "quo\"te", "bell\a", "\xff"};

START_TEST(test_bad_free_text)
{
	struct wlt_stage *stage = stage_nova();
	const char *bad = bad_texts[_i];
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;
	struct stat st;

	for (int field = 0; field < 5; field++) {
		struct wlt_create_options options = plain_options;
		const char **fields[] = {&options.sender, &options.session, &options.engine,
					 &options.description, &options.note};

		*fields[field] = bad;
		ck_assert(!create(stage, &options, "x.walnut", &created, &err));
		ck_assert_int_eq(err.kind, WLT_USAGE);
		ck_assert_int_eq(fstatat(box.fd, "x.walnut", &st, 0), 0);
		ck_assert_int_eq(st.st_size, 0);
	}
	wlt_error_clear(&err);
	wlt_stage_free(stage);
}
END_TEST

/* Let something happen to a file after it was read for the manifest and before it is packed: when
 * the first member has gone through. */
struct meddler {
	const char *path;
	const char *content; /* NULL: removed */
	bool done;
};

static void meddle(void *context, enum wlt_create_step step, uint64_t done, uint64_t total)
{
	struct meddler *meddler = context;

	ck_assert_uint_le(done, total);
	if (meddler->done || step == WLT_STEP_CHECKSUMS)
		return;
	meddler->done = true;
	if (meddler->content == NULL)
		ck_assert_int_eq(unlinkat(box.fd, meddler->path, 0), 0);
	else
		sandbox_put(&box, meddler->path, meddler->content);
}

static void check_meddled(const char *path, const char *content)
{
	struct wlt_stage *stage = stage_nova();
	struct meddler meddler = {path, content, false};
	struct wlt_create_options options = plain_options;
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;

	options.progress = meddle;
	options.progress_context = &meddler;
	ck_assert(!create(stage, &options, "x.walnut", &created, &err));
	ck_assert(meddler.done);
	ck_assert_int_eq(err.kind, WLT_BUSY);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), strchr(path, '/') + 1));
	wlt_error_clear(&err);
	wlt_stage_free(stage);
}

START_TEST(test_changed_meanwhile)
{
	check_meddled("nova/review/raw/100.md", "number 101\n"); /* as long */
	check_meddled("nova/review/raw/100.md", "longer than it was\n");
	check_meddled("nova/review/raw/100.md", "");
	check_meddled("nova/review/raw/100.md", NULL);
}
END_TEST

START_TEST(test_changed_to_link)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;

	sandbox_put(&box, "outside.md", "number 7\n");
	ck_assert_int_eq(unlinkat(box.fd, "nova/review/raw/007.md", 0), 0);
	sandbox_link(&box, "nova/review/raw/007.md", "../../../outside.md");
	ck_assert(!create(stage, &plain_options, "x.walnut", &created, &err));
	ck_assert_int_eq(err.kind, WLT_BUSY);
	ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "review/raw/007.md"));
	ck_assert_int_eq(unlinkat(box.fd, "nova/review/raw/007.md", 0), 0);
	ck_assert_int_eq(mkfifoat(box.fd, "nova/review/raw/007.md", 0600), 0);
	ck_assert(!create(stage, &plain_options, "x.walnut", &created, &err));
	ck_assert_int_eq(err.kind, WLT_BUSY);
	wlt_error_clear(&err);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_unreadable)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;

	ck_assert_int_eq(fchmodat(box.fd, "nova/review/raw/008.md", 0, 0), 0);
	if (faccessat(box.fd, "nova/review/raw/008.md", R_OK, AT_EACCESS) != 0) {
		ck_assert(!create(stage, &plain_options, "x.walnut", &created, &err));
		ck_assert_int_eq(err.kind, WLT_SYSTEM);
		ck_assert_int_eq(err.errnum, EACCES);
		ck_assert_ptr_nonnull(strstr(wlt_error_text(&err), "review/raw/008.md"));
	}
	wlt_error_clear(&err);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_cancelled)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_create_options options = plain_options;
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;
	atomic_bool cancel = true;

	options.cancel = &cancel;
	ck_assert(!create(stage, &options, "x.walnut", &created, &err));
	ck_assert_int_eq(err.kind, WLT_CANCELLED);
	wlt_error_clear(&err);
	wlt_stage_free(stage);
}
END_TEST

/* A file that may not grow beyond a limit stands for a full disk; every place where it can hit. */
static const rlim_t limits[] = {0, 100, 600, 4096, 100000};

START_TEST(test_no_room)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_key *ben = new_key("ben");
	const struct wlt_key *recipients[] = {ben};
	struct wlt_create_options options = plain_options;
	struct rlimit limit = {limits[_i], RLIM_INFINITY};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;
	int fd = sandbox_create(&box, "x.walnut");

	ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	for (int sealed = 0; sealed < 3; sealed++) {
		options.recipients = recipients;
		options.n_recipients = sealed == 1;
		options.passphrase = sealed == 2 ? "open sesame" : NULL;
		options.passphrase_len = 11;
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
		ck_assert(!wlt_package_create(stage, &options, fd, &created, &err));
		ck_assert_int_eq(err.kind, WLT_SYSTEM);
		ck_assert_int_eq(err.errnum, EFBIG);
	}
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(close(fd), 0);
	wlt_error_clear(&err);
	wlt_key_unref(ben);
	wlt_stage_free(stage);
}
END_TEST

START_TEST(test_device_full)
{
	struct wlt_stage *stage = stage_nova();
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_created created;
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert(!wlt_package_create(stage, &plain_options, fd, &created, &err));
	ck_assert_int_eq(wlt_error_errno(&err), ENOSPC);
	ck_assert_int_eq(close(fd), 0);
	wlt_error_clear(&err);
	wlt_stage_free(stage);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("create");
	TCase *t = tcase_create("create");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_plain_unpacks);
	tcase_add_test(t, test_members_look);
	tcase_add_test(t, test_reproducible);
	tcase_add_test(t, test_sealed_for_several);
	tcase_add_test(t, test_sealed_for_most);
	tcase_add_loop_test(t, test_sealed_with_passphrase, 0,
			    sizeof(passphrases) / sizeof(passphrases[0]));
	tcase_add_test(t, test_bad_passphrase);
	tcase_add_test(t, test_progress);
	tcase_add_test(t, test_sealed_keys_are_fresh);
	tcase_add_test(t, test_signed);
	tcase_add_test(t, test_opens);
	tcase_add_test(t, test_manifest_fields);
	tcase_add_loop_test(t, test_bad_free_text, 0, sizeof(bad_texts) / sizeof(bad_texts[0]));
	tcase_add_test(t, test_changed_meanwhile);
	tcase_add_test(t, test_changed_to_link);
	tcase_add_test(t, test_unreadable);
	tcase_add_test(t, test_cancelled);
	tcase_add_loop_test(t, test_no_room, 0, sizeof(limits) / sizeof(limits[0]));
	tcase_add_test(t, test_device_full);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
