/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "packages.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void packages_tree(const struct sandbox *box)
{
	sandbox_put(box, "t/README.md", "# read me\n");
	sandbox_put(box, "t/_kernel/key.md", "---\ngoal: test\n---\n");
	sandbox_put(box, "t/empty.txt", "");
	sandbox_put(box, "t/notes/\xc3\xbc \xe5\x90\x8d.md", "umlaut\n");
	sandbox_put(box, "t/run.sh", "#!/bin/sh\n");
	ck_assert_int_eq(sandbox_sh(box,
				    "chmod 0755 t/run.sh && "
				    "find t -type f -exec touch -d 2026-04-07T10:15:00.75Z {} +"),
			 0);
	packages_manifest(box);
}

static const char manifest_script[] =
	"cd t && rm -f manifest.yaml ../files ../json ../bytes && : >../files && : >../json && "
	": >../bytes && c=\n"
	"find . -type f | cut -c 3- | LC_ALL=C sort | while IFS= read -r f; do\n"
	"  s=$(sha256sum <\"$f\" | cut -c 1-64); n=$(stat -c %s \"$f\")\n"
	"  printf '%s\\0%s\\0%s\\n' \"$f\" $s $n >>../bytes\n"
	"  printf '  - path: \"%s\"\\n    sha256: \"%s\"\\n    size: %s\\n' \"$f\" $s $n "
	">>../files\n"
	"  printf '%s{\"path\":\"%s\",\"sha256\":\"%s\",\"size\":%s}' \"$c\" \"$f\" $s $n "
	">>../json; c=,\n"
	"done\n"
	"p=$(sha256sum <../bytes | cut -c 1-64)\n"
	"{ printf 'format_version: \"2.1.0\"\\ncreated: \"2026-04-07T10:15:00Z\"\\n'\n"
	"  printf 'scope: \"full\"\\nsource:\\n  walnut: \"tree\"\\nsender: \"patrick\"\\n'\n"
	"  printf 'payload_sha256: \"%s\"\\nfiles:\\n' $p; cat ../files; } >../m\n"
	"printf "
	"'{\"created\":\"2026-04-07T10:15:00Z\",\"files\":[%s],\"format_version\":\"2.1.0\",'"
	" \"$(cat ../json)\" >../canonical\n"
	"printf '\"payload_sha256\":\"%s\",\"scope\":\"full\",\"sender\":\"patrick\",' $p "
	">>../canonical\n"
	"printf '\"source\":{\"walnut\":\"tree\"}}' >>../canonical\n"
	"mv ../m manifest.yaml\n";

void packages_manifest(const struct sandbox *box)
{
	ck_assert_int_eq(sandbox_sh(box, "%s", manifest_script), 0);
}

void packages_sign(const struct sandbox *box, const struct wlt_key *pair)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_buf out = WLT_BUF_INIT;
	struct wlt_manifest *manifest = NULL;
	size_t len;
	char *text = sandbox_get(box, "t/manifest.yaml", &len);

	ck_assert_msg(wlt_manifest_parse(text, len, &manifest, &err) &&
			      wlt_manifest_sign(manifest->tree, pair, &err) &&
			      wlt_manifest_format(manifest->tree, &out, &err),
		      "%s", wlt_error_text(&err));
	sandbox_put_bytes(box, "t/manifest.yaml", out.data, out.len);
	wlt_buf_free(&out);
	wlt_manifest_free(manifest);
	free(text);
}

void packages_plain(const struct sandbox *box, const char *name, const char *tar_options)
{
	ck_assert_int_eq(sandbox_sh(box, "tar -C t %s -cf - . | gzip -n >%s", tar_options, name),
			 0);
}

struct wlt_key *packages_key(const struct sandbox *box, const char *name)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_key *key = NULL;
	char file[64];

	ck_assert_int_eq(sandbox_sh(box,
				    "umask 077; openssl genpkey -algorithm RSA -pkeyopt "
				    "rsa_keygen_bits:2048 -out %s.pem 2>/dev/null && "
				    "openssl pkey -in %s.pem -pubout -out %s.pub.pem",
				    name, name, name),
			 0);
	(void)snprintf(file, sizeof(file), "%s.pem", name);
	ck_assert_msg(wlt_key_load_private(box->fd, file, &key, &err), "%s", wlt_error_text(&err));
	return key;
}

static const char seal_script[] =
	"payload=%s; keys='%s'; name=%s; c=\n"
	"hex() { od -An -v -tx1 $1 | tr -d ' \\n'; }\n"
	"openssl rand 32 >key && openssl rand 16 >iv || exit 1\n"
	"openssl enc -aes-256-cbc -K $(hex key) -iv $(hex iv) -in $payload -out payload.enc || "
	"exit 1\n"
	"{ printf '{\"payload_algo\": \"aes-256-cbc\", \"payload_iv_b64\": \"%%s\", '"
	" $(base64 -w 0 iv)\n"
	"  printf '\"recipients\": ['\n"
	"  for k in $keys; do\n"
	"    openssl pkeyutl -encrypt -pubin -inkey $k.pub.pem -pkeyopt rsa_padding_mode:oaep "
	"-pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 -in key -out wrapped || exit 1\n"
	"    id=$(openssl pkey -pubin -in $k.pub.pem -outform DER | sha256sum | cut -c 1-16)\n"
	"    printf '%%s{\"key_enc_b64\": \"%%s\", \"pubkey_id\": \"%%s\"}' \"$c\" "
	"$(base64 -w 0 wrapped) $id; c=', '\n"
	"  done\n"
	"  printf '], \"version\": 1}\\n'; } >rsa-envelope-v1.json\n"
	"tar -b 1 -cf $name rsa-envelope-v1.json payload.enc\n";

void packages_seal(const struct sandbox *box, const char *payload, const char *keys,
		   const char *name)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	ck_assert_int_eq(sandbox_sh(box, seal_script, payload, keys, name), 0);
#pragma GCC diagnostic pop
}

struct wlt_raw packages_raw(const struct sandbox *box, const char *name)
{
	struct wlt_raw raw = {-1, NULL, 0};
	size_t len;

	raw.memory = (const uint8_t *)sandbox_get(box, name, &len);
	raw.size = len;
	return raw;
}
