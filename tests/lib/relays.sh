# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A bare relay looked into and changed with git itself, as a stranger with access would.

git_in() {
	local repository=$1
	shift
	git -c safe.directory='*' --git-dir="$repository" "$@"
}

# packages_in REPOSITORY SENDER: file names, one a line.
packages_in() {
	git_in "$1" ls-tree --name-only "HEAD:inbox/$2" | grep '\.walnut$' || true
}

# How many packages of the walnut NAME lie there.
packages_of() {
	packages_in "$1" "$2" | grep -c "^$3-[0-9]" || true
}

# put_mail REPOSITORY SENDER FILE SOURCE [MODE]: one more file in inbox/SENDER/, in a commit of its own.
put_mail() {
	local repository=$1 path=inbox/$2/$3 source=$4 mode=${5-100644} blob tree parent index
	index=$repository/index.$BASHPID
	parent=$(git_in "$repository" rev-parse HEAD) &&
		blob=$(git_in "$repository" hash-object -w "$source") &&
		GIT_INDEX_FILE=$index git_in "$repository" read-tree HEAD &&
		GIT_INDEX_FILE=$index git_in "$repository" update-index --add \
			--cacheinfo "$mode,$blob,$path" &&
		tree=$(GIT_INDEX_FILE=$index git_in "$repository" write-tree) &&
		rm -f "$index" &&
		commit_tree "$repository" "$tree" "$parent"
}

# drop_mail REPOSITORY SENDER FILE: take it away again.
drop_mail() {
	local repository=$1 tree parent index=$1/index.$BASHPID
	parent=$(git_in "$repository" rev-parse HEAD) &&
		GIT_INDEX_FILE=$index git_in "$repository" read-tree HEAD &&
		printf '0 %040d\tinbox/%s/%s\n' 0 "$2" "$3" |
		GIT_INDEX_FILE=$index git_in "$repository" update-index --index-info &&
		tree=$(GIT_INDEX_FILE=$index git_in "$repository" write-tree) &&
		rm -f "$index" &&
		commit_tree "$repository" "$tree" "$parent"
}

commit_tree() {
	local commit
	commit=$(GIT_AUTHOR_NAME=stranger GIT_AUTHOR_EMAIL=stranger@localhost \
		GIT_COMMITTER_NAME=stranger GIT_COMMITTER_EMAIL=stranger@localhost \
		git_in "$1" commit-tree -m 'put by hand' -p "$3" "$2") &&
		git_in "$1" update-ref HEAD "$commit" "$3"
}

# The bytes of the one package of walnut NAME.
package_bytes() {
	local file
	file=$(packages_in "$1" "$2" | grep "^$3-[0-9]") &&
		git_in "$1" cat-file blob "HEAD:inbox/$2/$file"
}
