# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Walnuts to send, and what a package made from one has to hold.

# The smallest thing that is a walnut.
small_walnut() {
	local dir=$1
	mkdir -p "$dir/_kernel"
	printf -- '---\ntype: venture\nname: %s\n---\n\n# A walnut\n' "${dir##*/}" >"$dir/_kernel/key.md"
	printf 'Notes of %s.\n' "${dir##*/}" >"$dir/notes.md"
}

# Everything that a walnut can hold: two bundles, a history, live context with awkward names, and all
# the things that are never shipped.
full_walnut() {
	local dir=$1
	small_walnut "$dir"
	mkdir -p "$dir"/_kernel/history "$dir"/shielding-review/raw "$dir"/budget \
		"$dir"/assets/deep/er/still "$dir/names with spaces" "$dir"/node_modules "$dir"/.hidden
	printf -- '---\nwalnut: x\nentry-count: 1\n---\n\n## 2026-04-01\n\nPRIVATE-HISTORY\n' >"$dir/_kernel/log.md"
	printf -- '---\nwalnut: x\n---\n\n## Strategy\n\nPRIVATE-INSIGHT\n' >"$dir/_kernel/insights.md"
	printf '{\n  "tasks": [\n    {"id": "t-001", "title": "call Ben"}\n  ]\n}\n' >"$dir/_kernel/tasks.json"
	printf '{\n  "completed": []\n}\n' >"$dir/_kernel/completed.json"
	printf 'voice: plain\n' >"$dir/_kernel/config.yaml"
	printf '{"phase": "PRIVATE-NOW"}\n' >"$dir/_kernel/now.json"
	printf '{"imports": []}\n' >"$dir/_kernel/imports.json"
	printf 'people: []\n' >"$dir/_kernel/people.yaml"
	printf 'old\n' >"$dir/_kernel/history/chapter.md"

	printf 'goal: shielding\nstatus: draft\nactive_sessions:\n  - id: SESSION-SECRET\ntags: [a, b]\n' \
		>"$dir/shielding-review/context.manifest.yaml"
	printf '# Draft\n\nLead is heavy.\n' >"$dir/shielding-review/draft.md"
	seq 1 2000 >"$dir/shielding-review/raw/samples.csv"
	printf 'goal: money\nstatus: active\n' >"$dir/budget/context.manifest.yaml"
	printf '{\n  "tasks": []\n}\n' >"$dir/budget/tasks.json"

	printf '# OWN-README\n' >"$dir/README.md"
	head -c 7000 /dev/urandom >"$dir/assets/picture.png"
	printf 'deep\n' >"$dir/assets/deep/er/still/here.txt"
	printf 'not shown\n' >"$dir/assets/.DS_Store"
	: >"$dir/assets/empty"
	printf '#!/bin/sh\necho hello\n' >"$dir/assets/tool.sh"
	chmod 755 "$dir/assets/tool.sh"
	head -c 3000017 /dev/urandom >"$dir/assets/random.bin"
	printf 'ä\n' >"$dir/names with spaces/Übersicht – (1) [draft] \$x \`y\`.md"
	printf 'apostrophe\n' >"$dir/names with spaces/it's.md"
	printf 'x\n' >"$dir/node_modules/x.js"
	printf 'HIDDEN\n' >"$dir/.hidden/secret"
	touch -d '2025-02-03T04:05:06Z' "$dir/assets/picture.png" "$dir/shielding-review/draft.md"
}

# expected_package WALNUT OUT: the files that a full package of it holds, but for those with text of our
# own (README.md, the stubs and the manifest).
expected_package() {
	local walnut=$1 out=$2 skeleton
	mkdir -p "$out"
	tar -C "$walnut" -cf - --exclude='./.*' --exclude=.DS_Store --exclude='./node_modules' \
		--exclude='./README.md' --exclude='./_kernel/history' \
		--exclude='./_kernel/now.json' --exclude='./_kernel/imports.json' \
		--exclude='./_kernel/people.yaml' --exclude='./_kernel/log.md' \
		--exclude='./_kernel/insights.md' . | tar -C "$out" -xf -
	for skeleton in tasks completed; do
		[[ -e $out/_kernel/$skeleton.json ]] ||
			printf '{"%s": []}\n' "$skeleton" >"$out/_kernel/$skeleton.json"
	done
	find "$out" -name '*.y*ml' -exec sed -i '/^active_sessions:/,/^[^ ]/{/^active_sessions:/d;/^ /d}' {} +
	find "$out" -type d -empty -delete
}

# same_package PACKAGE WALNUT: it holds what it should, nothing else, byte for byte.
same_package() {
	local package=$1 walnut=$2 expected=$T/expected.$BASHPID file
	expected_package "$walnut" "$expected"
	for file in README.md manifest.yaml _kernel/log.md _kernel/insights.md; do
		[[ -s $package/$file ]] || {
			printf '%s is missing\n' "$file"
			return 1
		}
	done
	diff -r -x README.md -x manifest.yaml -x log.md -x insights.md "$expected" "$package" &&
		! grep -r -l -e PRIVATE- -e SESSION-SECRET -e OWN-README -e HIDDEN "$package" &&
		grep -q '^stubbed_at: ' "$package/_kernel/log.md" &&
		grep -q '^stubbed_at: ' "$package/_kernel/insights.md" &&
		rm -r "$expected"
}
