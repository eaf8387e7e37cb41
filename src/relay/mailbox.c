/* SPDX-License-Identifier: MIT */
/* Reading a relay: what lies in its inbox, the bytes of a blob, a small file. All from the mirror. */
#include "config.h"

#include "relay/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

struct listing {
	struct wlt_mirror *mirror;
	git_odb *odb;
	bool (*each)(void *context, const struct wlt_mail *mail, struct wlt_error *err);
	void *context;
};

/* --- listing ----------------------------------------------------------------------------------- */

static bool is_file(const git_tree_entry *entry)
{
	git_filemode_t mode = git_tree_entry_filemode(entry);

	return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

static bool is_peer_name(const char *name)
{
	struct wlt_error ignored = WLT_ERROR_INIT;
	bool good = wlt_peer_name_check(name, &ignored);

	wlt_error_clear(&ignored);
	return good;
}

static bool report_package(const struct listing *listing, const char *sender,
			   const git_tree_entry *entry, struct wlt_error *err)
{
	struct wlt_mail mail = {.sender = sender, .file = git_tree_entry_name(entry)};
	git_object_t type;
	size_t size;

	/* A blob that cannot be read is mail all the same; wlt_mirror_blob() will say what it has. */
	if (git_odb_read_header(&size, &type, listing->odb, git_tree_entry_id(entry)) == 0)
		mail.size = size;
	(void)git_oid_tostr(mail.oid, sizeof mail.oid, git_tree_entry_id(entry));
	return listing->each(listing->context, &mail, err);
}

static bool list_sender(const struct listing *listing, const git_tree_entry *folder,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_git_tree_free) git_tree *tree = NULL;
	const char *sender = git_tree_entry_name(folder);
	const struct wlt_mail mail = {.sender = sender};
	int code = git_tree_lookup(&tree, listing->mirror->repo, git_tree_entry_id(folder));

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: inbox/%s", listing->mirror->url, sender);
	if (!listing->each(listing->context, &mail, err))
		return false;
	/* Files of a git tree are in byte order already. */
	for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);

		if (is_file(entry) && wlt_package_name_parse(git_tree_entry_name(entry), NULL) &&
		    !report_package(listing, sender, entry, err))
			return false;
	}
	return true;
}

static int compare_entries(const void *a, const void *b)
{
	const git_tree_entry *const *left = a;
	const git_tree_entry *const *right = b;

	return strcmp(git_tree_entry_name(*left), git_tree_entry_name(*right));
}

/* Git sorts folders as if a slash followed their names; the caller is promised byte order. */
static bool list_inbox(const struct listing *listing, git_tree *inbox, struct wlt_error *err)
{
	size_t count = git_tree_entrycount(inbox);
	WLT_AUTOFREE const git_tree_entry **folders =
		calloc(count + 1, sizeof(const git_tree_entry *));
	size_t n = 0;

	if (folders == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < count; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(inbox, i);

		if (git_tree_entry_type(entry) == GIT_OBJECT_TREE &&
		    is_peer_name(git_tree_entry_name(entry)))
			folders[n++] = entry;
	}
	qsort(folders, n, sizeof *folders, compare_entries);
	for (size_t i = 0; i < n; i++) {
		if (!list_sender(listing, folders[i], err))
			return false;
	}
	return true;
}

bool wlt_mailbox_list(struct wlt_mirror *mirror,
		      bool (*each)(void *context, const struct wlt_mail *mail,
				   struct wlt_error *err),
		      void *context, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_tree_free) git_tree *root = NULL;
	WLT_AUTO(wlt_git_tree_free) git_tree *inbox = NULL;
	WLT_AUTO(wlt_git_odb_free) git_odb *odb = NULL;

	if (!wlt_mirror_tree(mirror, &root, err))
		return false;

	const git_tree_entry *entry = root != NULL ? git_tree_entry_byname(root, "inbox") : NULL;

	if (entry == NULL || git_tree_entry_type(entry) != GIT_OBJECT_TREE)
		return true;

	int code = git_tree_lookup(&inbox, mirror->repo, git_tree_entry_id(entry));

	if (code == 0)
		code = git_repository_odb(&odb, mirror->repo);
	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: inbox", mirror->url);

	const struct listing listing = {.mirror = mirror,
					.odb = odb,
					.each = each,
					.context = context};

	return list_inbox(&listing, inbox, err);
}

/* --- blobs ------------------------------------------------------------------------------------- */

static bool look_up_blob(struct wlt_mirror *mirror, const git_oid *id, uint64_t max,
			 const char *what, git_blob **blob, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_odb_free) git_odb *odb = NULL;
	git_object_t type = GIT_OBJECT_INVALID;
	size_t size = 0;
	int code = git_repository_odb(&odb, mirror->repo);

	/* The size first: a blob comes into memory whole. */
	if (code == 0)
		code = git_odb_read_header(&size, &type, odb, id);
	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: %s", mirror->url, what);
	if (type != GIT_OBJECT_BLOB)
		return wlt_fail(err, WLT_DAMAGED, "relay %s: %s is not a file", mirror->url, what);
	if (size > max)
		return wlt_fail(err, WLT_TOO_BIG,
				"relay %s: %s has %zu bytes, more than the %llu that are accepted",
				mirror->url, what, size, (unsigned long long)max);
	code = git_blob_lookup(blob, mirror->repo, id);
	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: %s", mirror->url, what);
	return true;
}

bool wlt_mirror_blob(struct wlt_mirror *mirror, const char *oid,
		     bool (*look)(void *context, const void *bytes, size_t len,
				  struct wlt_error *err),
		     void *context, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_blob_free) git_blob *blob = NULL;
	git_oid id;

	if (strlen(oid) != WLT_OID_BYTES - 1 || git_oid_fromstr(&id, oid) < 0)
		return wlt_fail(err, WLT_USAGE, "relay %s: not an object id", mirror->url);
	return look_up_blob(mirror, &id, WLT_MAX_PACKAGE, oid, &blob, err) &&
	       look(context, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob), err);
}

bool wlt_mirror_file(struct wlt_mirror *mirror, const char *path, size_t max, struct wlt_buf *out,
		     struct wlt_error *err)
{
	WLT_AUTO(wlt_git_tree_free) git_tree *root = NULL;
	WLT_AUTO(wlt_git_entry_free) git_tree_entry *entry = NULL;
	WLT_AUTO(wlt_git_blob_free) git_blob *blob = NULL;

	if (!wlt_mirror_tree(mirror, &root, err))
		return false;

	int code = root != NULL ? git_tree_entry_bypath(&entry, root, path) : GIT_ENOTFOUND;

	if (code == GIT_ENOTFOUND || (code == 0 && !is_file(entry)))
		return wlt_fail(err, WLT_MISSING, "relay %s: there is no file %s", mirror->url,
				path);
	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: %s", mirror->url, path);
	if (!look_up_blob(mirror, git_tree_entry_id(entry), max, path, &blob, err))
		return false;
	wlt_buf_append(out, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
	return wlt_buf_ok(out, err);
}

/* --- the owner --------------------------------------------------------------------------------- */

/* NAME when the entry is a file NAME.pem of a possible owner, else NULL. malloc()ed. */
static char *owner_of(const git_tree_entry *entry)
{
	const char *name = git_tree_entry_name(entry);
	size_t len = strlen(name);

	if (!is_file(entry) || len <= 4 || strcmp(name + len - 4, ".pem") != 0)
		return NULL;

	WLT_AUTOFREE char *owner = strndup(name, len - 4);

	return owner != NULL && is_peer_name(owner) ? wlt_take(owner) : NULL;
}

static bool find_owner(const struct wlt_mirror *mirror, git_tree *keys, char **owner,
		       struct wlt_error *err)
{
	WLT_AUTOFREE char *found = NULL;

	for (size_t i = 0; i < git_tree_entrycount(keys); i++) {
		WLT_AUTOFREE char *name = owner_of(git_tree_entry_byindex(keys, i));

		if (name == NULL)
			continue;
		if (found != NULL)
			return wlt_fail(err, WLT_DAMAGED,
					"relay %s has two owners' keys (keys/%s.pem and "
					"keys/%s.pem): ask its owner which is right",
					mirror->url, found, name);
		found = wlt_take(name);
	}
	if (found == NULL)
		return wlt_fail(
			err, WLT_MISSING,
			"relay %s has no owner's key in keys/: has `walnut relay setup` been "
			"run for it?",
			mirror->url);
	*owner = wlt_take(found);
	return true;
}

bool wlt_relay_owner(struct wlt_mirror *mirror, char **owner, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_tree_free) git_tree *root = NULL;
	WLT_AUTO(wlt_git_tree_free) git_tree *keys = NULL;

	if (!wlt_mirror_tree(mirror, &root, err))
		return false;

	const git_tree_entry *entry = root != NULL ? git_tree_entry_byname(root, "keys") : NULL;

	if (entry == NULL || git_tree_entry_type(entry) != GIT_OBJECT_TREE)
		return wlt_fail(
			err, WLT_MISSING,
			"%s is not a relay (it has no keys/): has `walnut relay setup` been "
			"run for it?",
			mirror->url);

	int code = git_tree_lookup(&keys, mirror->repo, git_tree_entry_id(entry));

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: keys", mirror->url);
	return find_owner(mirror, keys, owner, err);
}
