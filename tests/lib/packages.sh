# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Packages made with tar, gzip, openssl and sha256sum alone, so that what is read from them is not what
# our own writer put there. Everything in the current folder.

# A small walnut in DIR: text, an empty file, an executable, UTF-8 and blanks in names.
package_tree() {
	local dir=$1
	mkdir -p "$dir/_kernel" "$dir/notes/deep"
	printf '# read me\n' >"$dir/README.md"
	printf -- '---\ngoal: test\n---\n' >"$dir/_kernel/key.md"
	: >"$dir/empty.txt"
	printf 'umlaut\n' >"$dir/notes/ü 名.md"
	head -c 70000 /dev/urandom >"$dir/notes/deep/random.bin"
	printf '#!/bin/sh\n' >"$dir/run.sh"
	chmod 644 "$dir"/README.md "$dir"/empty.txt "$dir"/notes/*.md "$dir"/notes/deep/* "$dir"/_kernel/*
	chmod 755 "$dir/run.sh"
	find "$dir" -type f -exec touch -d 2026-04-07T10:15:00.75Z {} +
	package_manifest "$dir"
}

# (Re)write DIR/manifest.yaml for what is in DIR, and its canonical bytes as DIR.canonical.
package_manifest() {
	local dir=$1 file sum size payload comma='' list='' json=''
	rm -f "$dir/manifest.yaml" "$dir.bytes"
	: >"$dir.bytes"
	while IFS= read -r file; do
		sum=$(sha256sum <"$dir/$file") sum=${sum%% *}
		size=$(stat -c %s "$dir/$file")
		printf '%s\0%s\0%s\n' "$file" "$sum" "$size" >>"$dir.bytes"
		list+="  - path: \"$file\""$'\n'"    sha256: \"$sum\""$'\n'"    size: $size"$'\n'
		json+="$comma{\"path\":\"$file\",\"sha256\":\"$sum\",\"size\":$size}"
		comma=,
	done < <(cd "$dir" && find . -type f | cut -c 3- | LC_ALL=C sort)
	payload=$(sha256sum <"$dir.bytes") payload=${payload%% *}
	printf '%s\n' 'format_version: "2.1.0"' 'source_layout: "v3"' 'created: "2026-04-07T10:15:00Z"' \
		'scope: "full"' 'source:' '  walnut: "tree"' 'sender: "patrick"' 'exclusions_applied:' \
		'  - "*.tmp"' "payload_sha256: \"$payload\"" "files:"$'\n'"${list%$'\n'}" \
		>"$dir/manifest.yaml"
	printf '%s' '{"created":"2026-04-07T10:15:00Z","exclusions_applied":["*.tmp"],"files":[' "$json" \
		'],"format_version":"2.1.0","payload_sha256":"' "$payload" \
		'","scope":"full","sender":"patrick","source":{"walnut":"tree"},"source_layout":"v3"}' \
		>"$dir.canonical"
	rm "$dir.bytes"
}

# The import_id of what package_manifest wrote.
package_id() {
	local id
	id=$(sha256sum <"$1.canonical")
	printf '%s' "${id%% *}"
}

# package_sign DIR KEY: add the signature to DIR/manifest.yaml as package_manifest wrote it.
package_sign() {
	local dir=$1 key=$2 signature
	signature=$(openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 \
		-sigopt rsa_mgf1_md:sha256 -sign "$key.pem" "$dir.canonical" | base64 -w 0) &&
		printf '%s\n' 'signature:' '  algo: "rsa-pss-sha256"' "  pubkey_id: \"$(key_id "$key")\"" \
			"  sig_b64: \"$signature\"" '  signed_bytes: "manifest-canonical-json-v1"' \
			>>"$dir/manifest.yaml"
}

# package_plain DIR FILE
package_plain() {
	tar -C "$1" -cf - . | gzip -n >"$2"
}

# package_passphrase PLAIN FILE PASSPHRASE
package_passphrase() {
	openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -md sha256 -salt -pass "pass:$3" -in "$1" -out "$2"
}

# package_rsa PLAIN FILE KEY…
package_rsa() {
	local payload=$1 file=$2 key iv secret comma='' recipients='' dir
	shift 2
	dir=$(mktemp -d -p .) || return 1
	openssl rand -out "$dir/key" 32 && openssl rand -out "$dir/iv" 16 || return 1
	secret=$(od -An -v -tx1 <"$dir/key" | tr -d ' \n')
	iv=$(od -An -v -tx1 <"$dir/iv" | tr -d ' \n')
	openssl enc -aes-256-cbc -K "$secret" -iv "$iv" -in "$payload" -out "$dir/payload.enc" || return 1
	for key; do
		recipients+="$comma{\"key_enc_b64\": \"$(openssl pkeyutl -encrypt -pubin -inkey "$key.pub" \
			-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 \
			-in "$dir/key" | base64 -w 0)\", \"pubkey_id\": \"$(key_id "$key")\"}"
		comma=', '
	done
	printf '{"payload_algo": "aes-256-cbc", "payload_iv_b64": "%s", "recipients": [%s], "version": 1}\n' \
		"$(base64 -w 0 <"$dir/iv")" "$recipients" >"$dir/rsa-envelope-v1.json" &&
		tar -C "$dir" -b 1 -cf "$file" rsa-envelope-v1.json payload.enc &&
		rm -r "$dir"
}

# new_key NAME: a pair, NAME.pem (0600) and NAME.pub.
new_key() {
	(umask 077 && openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.pem") &&
		openssl pkey -in "$1.pem" -pubout -out "$1.pub"
}

key_sum() {
	local sum
	sum=$(openssl pkey -pubin -in "$1.pub" -outform DER | sha256sum) && printf '%s' "${sum%% *}"
}

key_id() {
	local sum
	sum=$(key_sum "$1") && printf '%s' "${sum:0:16}"
}

# In groups of four, as fingerprints are shown.
key_fingerprint() {
	key_sum "$1" | sed 's/..../& /g; s/ $//'
}

# install_key NAME: as the own key of who is at home.
install_key() {
	(umask 077 && mkdir -p "$HOME/.alive/relay/keys") &&
		cp -p "$1.pem" "$HOME/.alive/relay/keys/private.pem" &&
		cp "$1.pub" "$HOME/.alive/relay/keys/public.pem"
}
