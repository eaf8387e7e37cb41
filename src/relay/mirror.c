/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "relay/mirror.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

/* Packages are sealed, so two of them have nothing in common: looking for deltas between larger blobs
 * costs time and never pays. */
#define DELTA_LIMIT 65536

/* --- making a bare repository ------------------------------------------------------------------ */

static int init_bare(const char *path)
{
	WLT_AUTO(wlt_git_repository_free) git_repository *repo = NULL;
	git_repository_init_options options;
	git_config *config = NULL;
	int code = git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);

	if (code < 0)
		return code;
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_REINIT;
	options.mode = 0700;
	options.initial_head = "main";
	code = git_repository_init_ext(&repo, path, &options);
	if (code == 0)
		code = git_repository_config(&config, repo);
	if (code == 0)
		code = git_config_set_int64(config, "core.bigFileThreshold", DELTA_LIMIT);
	git_config_free(config);
	return code;
}

/* rename(2) that loses gracefully: somebody else's complete repository is as good as ours. */
static bool put_in_place(int dirfd, const char *temporary, const char *path, struct wlt_error *err)
{
	const char *leaf = wlt_path_leaf(path);

	if (renameat(dirfd, temporary, dirfd, leaf) == 0)
		return true;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return wlt_fail_errno(err, errno, "%s cannot be made", path);
	return wlt_tree_remove(dirfd, temporary, err);
}

bool wlt_bare_create(const char *path, struct wlt_error *err)
{
	const char *leaf = wlt_path_leaf(path);
	WLT_AUTOFREE char *parent = strndup(path, (size_t)(leaf - path));
	WLT_AUTOFREE char *temporary = NULL;

	if (parent == NULL || asprintf(&temporary, "%s.new-XXXXXX", parent) < 0)
		return wlt_fail_memory(err);

	struct stat st;

	if (stat(path, &st) == 0)
		return true;

	WLT_AUTOCLOSE int dirfd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0 || mkdtemp(temporary) == NULL)
		return wlt_fail_errno(err, errno, "%s cannot be made", path);

	int code = init_bare(temporary);

	if (code < 0) {
		struct wlt_error ignored = WLT_ERROR_INIT;

		(void)wlt_git_fail(err, code, "%s cannot be made", path);
		/* The first failure is the one to report. */
		(void)wlt_tree_remove(dirfd, wlt_path_leaf(temporary), &ignored);
		wlt_error_clear(&ignored);
		return false;
	}
	return put_in_place(dirfd, wlt_path_leaf(temporary), path, err);
}

/* --- opening ----------------------------------------------------------------------------------- */

char *wlt_mirror_path(const char *mirrors_dir, const char *url)
{
	uint8_t digest[WLT_SHA256_BYTES];
	char hex[WLT_SHA256_HEX];
	char *path = NULL;

	if (EVP_Digest(url, strlen(url), digest, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	wlt_hex_encode(digest, sizeof digest, hex);
	return asprintf(&path, "%s/%.32s.git", mirrors_dir, hex) < 0 ? NULL : path;
}

static struct wlt_mirror *mirror_new(const char *url, const struct wlt_transport *transport)
{
	struct wlt_mirror *mirror = calloc(1, sizeof *mirror);
	bool local = url[0] == '/' || strncmp(url, "file:", 5) == 0;

	if (mirror == NULL)
		return NULL;
	mirror->url = strdup(url);
	mirror->token_env =
		strdup(transport->token_env != NULL ? transport->token_env : "GH_TOKEN");
	mirror->author = strdup(transport->author != NULL ? transport->author : "walnut");
	mirror->local_path = local ? wlt_url_local_path(url) : NULL;
	memcpy(mirror->branch, WLT_DEFAULT_BRANCH, sizeof WLT_DEFAULT_BRANCH);
	if (mirror->url == NULL || mirror->token_env == NULL || mirror->author == NULL ||
	    (local && mirror->local_path == NULL)) {
		wlt_mirror_free(mirror);
		return NULL;
	}
	return mirror;
}

bool wlt_mirror_open(const char *mirrors_dir, const char *url,
		     const struct wlt_transport *transport, struct wlt_mirror **out,
		     struct wlt_error *err)
{
	if (!wlt_url_check(url, err) || !wlt_dir_ensure(mirrors_dir, 0700, err))
		return false;

	WLT_AUTOFREE char *path = wlt_mirror_path(mirrors_dir, url);
	WLT_AUTO(wlt_mirror_cleanup) struct wlt_mirror *mirror = mirror_new(url, transport);

	if (path == NULL || mirror == NULL)
		return wlt_fail_memory(err);
	if (!wlt_bare_create(path, err))
		return wlt_fail_context(err, "mirror of %s", url);

	int code = git_repository_open_bare(&mirror->repo, path);

	if (code < 0)
		return wlt_git_fail(err, code, "mirror %s (remove it to have it made anew)", path);
	if (!wlt_git_ref_read(mirror->repo, WLT_TIP_REF, &mirror->tip.exists, &mirror->tip.id, err))
		return false;
	if (mirror->tip.exists)
		(void)git_oid_tostr(mirror->tip_hex, sizeof mirror->tip_hex, &mirror->tip.id);
	*out = wlt_take(mirror);
	return true;
}

void wlt_mirror_free(struct wlt_mirror *mirror)
{
	if (mirror == NULL)
		return;
	git_repository_free(mirror->repo);
	free(mirror->url);
	free(mirror->local_path);
	free(mirror->token_env);
	free(mirror->author);
	free(mirror);
}

/* --- the tip ----------------------------------------------------------------------------------- */

const char *wlt_mirror_tip(const struct wlt_mirror *mirror)
{
	return mirror->tip_hex;
}

bool wlt_mirror_set_tip(struct wlt_mirror *mirror, const struct wlt_tip *tip, struct wlt_error *err)
{
	if (wlt_tip_equal(&mirror->tip, tip))
		return true;
	if (tip->exists) {
		if (!wlt_git_ref_set(mirror->repo, WLT_TIP_REF, &tip->id, err))
			return false;
		(void)git_oid_tostr(mirror->tip_hex, sizeof mirror->tip_hex, &tip->id);
	} else {
		int code = git_reference_remove(mirror->repo, WLT_TIP_REF);

		if (code < 0)
			return wlt_git_fail(err, code, "%s", git_repository_path(mirror->repo));
		mirror->tip_hex[0] = '\0';
	}
	mirror->tip = *tip;
	return true;
}

bool wlt_mirror_fetch(struct wlt_mirror *mirror, bool *changed, struct wlt_error *err)
{
	struct wlt_tip before = mirror->tip;
	struct wlt_tip tip = {.exists = false};

	if (mirror->local_path != NULL ? !wlt_local_fetch(mirror, &tip, err)
				       : !wlt_remote_fetch(mirror, &tip, err))
		return false;
	if (!wlt_mirror_set_tip(mirror, &tip, err))
		return false;
	if (changed != NULL)
		*changed = !wlt_tip_equal(&before, &tip);
	return true;
}

bool wlt_mirror_has(struct wlt_mirror *mirror, const git_oid *id, bool *has, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_odb_free) git_odb *odb = NULL;
	int code = git_repository_odb(&odb, mirror->repo);

	if (code < 0)
		return wlt_git_fail(err, code, "%s", git_repository_path(mirror->repo));
	*has = git_odb_exists(odb, id) == 1;
	return true;
}

bool wlt_mirror_tree(struct wlt_mirror *mirror, git_tree **tree, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_commit_free) git_commit *commit = NULL;

	*tree = NULL;
	if (!mirror->tip.exists)
		return true;

	int code = git_commit_lookup(&commit, mirror->repo, &mirror->tip.id);

	if (code == 0)
		code = git_commit_tree(tree, commit);
	if (code < 0)
		return wlt_git_fail(err, code, "mirror %s (remove it to have it fetched anew)",
				    git_repository_path(mirror->repo));
	return true;
}

bool wlt_mirror_in_history(struct wlt_mirror *mirror, const git_oid *id, bool *is,
			   struct wlt_error *err)
{
	*is = false;
	if (!mirror->tip.exists)
		return true;
	if (git_oid_equal(&mirror->tip.id, id)) {
		*is = true;
		return true;
	}

	int code = git_graph_descendant_of(mirror->repo, &mirror->tip.id, id);

	if (code < 0)
		return wlt_git_fail(err, code, "mirror %s (remove it to have it fetched anew)",
				    git_repository_path(mirror->repo));
	*is = code == 1;
	return true;
}
