/* SPDX-License-Identifier: MIT */
/*
 * Changing a relay: commit on the fetched tip, push, and again on the new tip when somebody was faster.
 *
 * A push whose answer is lost may have arrived. So the commit is kept under a reference of its own
 * before it is sent, and a later try looks first whether the remote's history has it; if it does not, and
 * the remote stands where that commit expects it, the very same commit goes out again. A different commit
 * for the same change is made only when the old one can no longer be accepted.
 */
#include "config.h"

#include "relay/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"

#define MAX_TRIES      16u
#define FIRST_PAUSE_MS 20u
#define LONGEST_PAUSE  2000u
#define MAX_ATTEMPT_ID 100
#define STREAM_BYTES   65536

/* One change on its way. */
struct change {
	struct wlt_mirror *mirror;
	const struct wlt_edit *edits;
	git_oid *blobs; /* of the edits that add, in their order */
	size_t n;
	const char *message;
	char ref[WLT_REF_BYTES];
	bool done;
	bool made; /* `commit` is in the remote's history */
	git_oid commit;
	bool declined; /* the host said no while the remote was at `declined_at` */
	struct wlt_tip declined_at;
	char *words;
};

/* --- the attempt's reference ------------------------------------------------------------------- */

bool wlt_attempt_check(const char *id, struct wlt_error *err)
{
	size_t len = strlen(id);

	if (len == 0 || len > MAX_ATTEMPT_ID || strspn(id, "0123456789abcdefABCDEF-") != len ||
	    id[0] == '-')
		return wlt_fail(err, WLT_USAGE, "the id of a change is made of hex digits and `-`");
	return true;
}

static void attempt_ref(const char *id, char ref[WLT_REF_BYTES])
{
	(void)snprintf(ref, WLT_REF_BYTES, WLT_ATTEMPT_PREFIX "%s", id);
}

bool wlt_mailbox_forget(struct wlt_mirror *mirror, const char *id, struct wlt_error *err)
{
	char ref[WLT_REF_BYTES];

	if (!wlt_attempt_check(id, err))
		return false;
	attempt_ref(id, ref);

	int code = git_reference_remove(mirror->repo, ref);

	if (code == GIT_ELOCKED && wlt_git_ref_unlock_stale(mirror->repo, ref))
		code = git_reference_remove(mirror->repo, ref);
	if (code < 0 && code != GIT_ENOTFOUND)
		return wlt_git_fail(err, code, "%s: %s", git_repository_path(mirror->repo), ref);
	return true;
}

/* --- content ----------------------------------------------------------------------------------- */

static bool copy_to_stream(const struct wlt_edit *edit, int fd, uint64_t size,
			   git_odb_stream *stream, struct wlt_error *err)
{
	WLT_AUTOFREE char *piece = malloc(STREAM_BYTES);
	size_t got = 0;

	if (piece == NULL)
		return wlt_fail_memory(err);
	for (uint64_t done = 0; done < size; done += got) {
		int errnum = wlt_read_full(fd, piece, STREAM_BYTES, &got);

		if (errnum != 0)
			return wlt_fail_errno(err, errnum, "%s cannot be read", edit->disk_path);
		if (got == 0 || got > size - done)
			return wlt_fail(err, WLT_BUSY, "%s changed while it was read",
					edit->disk_path);

		int code = git_odb_stream_write(stream, piece, got);

		if (code < 0)
			return wlt_git_fail(err, code, "%s cannot be taken in", edit->disk_path);
	}
	return true;
}

static bool store_file(git_odb *odb, const struct wlt_edit *edit, git_oid *id,
		       struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = open(edit->disk_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	git_odb_stream *stream = NULL;
	struct stat st;
	bool ok;

	if (fd < 0 || fstat(fd, &st) < 0)
		return wlt_fail_errno(err, errno, "%s cannot be read", edit->disk_path);
	if (!S_ISREG(st.st_mode))
		return wlt_fail(err, WLT_REFUSED, "%s is not a regular file", edit->disk_path);
	if ((uint64_t)st.st_size > WLT_MAX_PACKAGE)
		return wlt_fail(err, WLT_TOO_BIG, "%s has %lld bytes, a relay takes at most %llu",
				edit->disk_path, (long long)st.st_size, WLT_MAX_PACKAGE);

	int code =
		git_odb_open_wstream(&stream, odb, (git_object_size_t)st.st_size, GIT_OBJECT_BLOB);

	if (code < 0)
		return wlt_git_fail(err, code, "%s cannot be taken in", edit->disk_path);
	ok = copy_to_stream(edit, fd, (uint64_t)st.st_size, stream, err);
	if (ok) {
		code = git_odb_stream_finalize_write(id, stream);
		ok = code == 0 || wlt_git_fail(err, code, "%s cannot be taken in", edit->disk_path);
	}
	git_odb_stream_free(stream);
	return ok;
}

/* Put what the edits add into the mirror, once, however often the commit has to be made. */
static bool store_contents(struct change *change, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_odb_free) git_odb *odb = NULL;
	int code = git_repository_odb(&odb, change->mirror->repo);

	if (code < 0)
		return wlt_git_fail(err, code, "%s", git_repository_path(change->mirror->repo));
	for (size_t i = 0; i < change->n; i++) {
		const struct wlt_edit *edit = &change->edits[i];

		if (!wlt_path_check(edit->path, err))
			return false;
		if (edit->disk_path != NULL && !store_file(odb, edit, &change->blobs[i], err))
			return false;
		if (edit->disk_path != NULL || edit->bytes == NULL)
			continue;
		code = git_odb_write(&change->blobs[i], odb, edit->bytes, edit->len,
				     GIT_OBJECT_BLOB);
		if (code < 0)
			return wlt_git_fail(err, code, "%s cannot be taken in", edit->path);
	}
	return true;
}

/* --- the commit -------------------------------------------------------------------------------- */

static bool deletes(const struct wlt_edit *edit)
{
	return edit->disk_path == NULL && edit->bytes == NULL;
}

/* Does the edit change anything in `root` (NULL: an empty one)? */
static bool edit_matters(const struct change *change, size_t i, const git_tree *root, bool *matters,
			 struct wlt_error *err)
{
	WLT_AUTO(wlt_git_entry_free) git_tree_entry *entry = NULL;
	const struct wlt_edit *edit = &change->edits[i];
	int code = root != NULL ? git_tree_entry_bypath(&entry, root, edit->path) : GIT_ENOTFOUND;

	if (code < 0 && code != GIT_ENOTFOUND)
		return wlt_git_fail(err, code, "relay %s: %s", change->mirror->url, edit->path);
	if (deletes(edit))
		*matters = code == 0;
	else
		*matters = code == GIT_ENOTFOUND ||
			   !git_oid_equal(git_tree_entry_id(entry), &change->blobs[i]);
	return true;
}

/* The tree with the edits in it; `*changed` false when it is the one that is there. */
static bool build_tree(const struct change *change, git_tree *root, git_oid *tree, bool *changed,
		       struct wlt_error *err)
{
	WLT_AUTOFREE git_tree_update *updates = calloc(change->n + 1, sizeof *updates);
	size_t n = 0;

	if (updates == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < change->n; i++) {
		const struct wlt_edit *edit = &change->edits[i];
		bool matters = false;

		if (!edit_matters(change, i, root, &matters, err))
			return false;
		if (!matters)
			continue;
		updates[n].action = deletes(edit) ? GIT_TREE_UPDATE_REMOVE : GIT_TREE_UPDATE_UPSERT;
		updates[n].filemode = GIT_FILEMODE_BLOB;
		updates[n].path = edit->path;
		if (!deletes(edit))
			updates[n].id = change->blobs[i];
		n++;
	}
	*changed = n > 0;
	if (n == 0)
		return true;

	int code = git_tree_create_updated(tree, change->mirror->repo, root, n, updates);

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: its folders are not as they should be",
				    change->mirror->url);
	return true;
}

static int write_commit(struct change *change, const git_oid *tree_id)
{
	WLT_AUTO(wlt_git_signature_free) git_signature *who = NULL;
	WLT_AUTO(wlt_git_commit_free) git_commit *parent = NULL;
	WLT_AUTO(wlt_git_tree_free) git_tree *tree = NULL;
	struct wlt_mirror *mirror = change->mirror;
	char mail[256];

	(void)snprintf(mail, sizeof mail, "%s@walnut.invalid", mirror->author);

	int code = git_signature_new(&who, mirror->author, mail, wlt_clock_now(), 0);

	if (code == 0)
		code = git_tree_lookup(&tree, mirror->repo, tree_id);
	if (code == 0 && mirror->tip.exists)
		code = git_commit_lookup(&parent, mirror->repo, &mirror->tip.id);
	if (code == 0)
		code = git_commit_create_v(&change->commit, mirror->repo, NULL, who, who, NULL,
					   change->message, tree, parent != NULL ? 1 : 0, parent);
	return code;
}

/* A new commit on the tip, kept under the attempt's reference. Done when there is nothing to change. */
static bool make_commit(struct change *change, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_tree_free) git_tree *root = NULL;
	git_oid tree;
	bool changed = false;

	if (!wlt_mirror_tree(change->mirror, &root, err) ||
	    !build_tree(change, root, &tree, &changed, err))
		return false;
	if (!changed) {
		change->done = true;
		return true;
	}

	int code = write_commit(change, &tree);

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: no commit can be made",
				    change->mirror->url);
	return wlt_git_ref_set(change->mirror->repo, change->ref, &change->commit, err);
}

/* --- one round --------------------------------------------------------------------------------- */

/* Where the commit expects the remote to be. */
static bool parent_of(struct wlt_mirror *mirror, const git_oid *id, struct wlt_tip *parent,
		      struct wlt_error *err)
{
	WLT_AUTO(wlt_git_commit_free) git_commit *commit = NULL;
	int code = git_commit_lookup(&commit, mirror->repo, id);

	if (code < 0)
		return wlt_git_fail(err, code, "%s", git_repository_path(mirror->repo));
	parent->exists = git_commit_parentcount(commit) > 0;
	if (parent->exists)
		parent->id = *git_commit_parent_id(commit, 0);
	return true;
}

/* An earlier attempt: has it arrived (then the change is done), or can it still be sent as it is? */
static bool find_attempt(struct change *change, bool *usable, struct wlt_error *err)
{
	struct wlt_mirror *mirror = change->mirror;
	struct wlt_tip parent = {.exists = false};
	bool exists = false;

	*usable = false;
	if (!wlt_git_ref_read(mirror->repo, change->ref, &exists, &change->commit, err))
		return false;
	if (!exists)
		return true;
	if (!wlt_mirror_in_history(mirror, &change->commit, &change->made, err))
		return false;
	change->done = change->made;
	if (change->done)
		return true;
	if (!parent_of(mirror, &change->commit, &parent, err))
		return false;
	*usable = wlt_tip_equal(&parent, &mirror->tip);
	return true;
}

static bool push(struct change *change, struct wlt_error *err)
{
	struct wlt_mirror *mirror = change->mirror;
	const struct wlt_tip reached = {.exists = true, .id = change->commit};
	enum wlt_push outcome = WLT_PUSH_MOVED;

	free(change->words);
	change->words = NULL;
	if (mirror->local_path != NULL
		    ? !wlt_local_push(mirror, &change->commit, &mirror->tip, &outcome, err)
		    : !wlt_remote_push(mirror, change->ref, &outcome, &change->words, err))
		return false;
	change->declined = outcome == WLT_PUSH_DECLINED;
	change->declined_at = mirror->tip;
	if (outcome != WLT_PUSH_DONE)
		return true;
	change->made = true;
	change->done = true;
	return wlt_mirror_set_tip(mirror, &reached, err);
}

/* Fetch, build, push. Leaves `done` false when the remote had moved. */
static bool round_trip(struct change *change, struct wlt_error *err)
{
	WLT_AUTOCLOSE int turn = wlt_local_turn(change->mirror);
	bool usable = false;

	(void)turn; /* held until the round is over */
	if (!wlt_mirror_fetch(change->mirror, NULL, err))
		return false;
	/* Refused, and nobody else had been at it: it is the host's decision. */
	if (change->declined && wlt_tip_equal(&change->declined_at, &change->mirror->tip))
		return wlt_fail(err, WLT_REFUSED, "relay %s: the host declined it: %s",
				change->mirror->url, change->words);
	if (!find_attempt(change, &usable, err))
		return false;
	if (!change->done && !usable && !make_commit(change, err))
		return false;
	return change->done || push(change, err);
}

/* Wait a while that doubles with each try and differs between senders. There is no event to wait for:
 * a git remote tells nobody that it has changed. */
static void back_off(unsigned tries)
{
	unsigned limit = FIRST_PAUSE_MS << (tries < 7 ? tries : 7);
	uint32_t random = 0;

	if (limit > LONGEST_PAUSE)
		limit = LONGEST_PAUSE;
	/* Without randomness there is less jitter, no more. */
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
		random = (uint32_t)getpid();
	(void)poll(NULL, 0, (int)(limit / 4 + random % limit));
}

static bool apply(struct change *change, struct wlt_error *err)
{
	if (!store_contents(change, err))
		return false;
	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		if (tries > 0)
			back_off(tries);
		if (!round_trip(change, err))
			return false;
		if (change->done)
			return true;
	}
	return wlt_fail(err, WLT_UNREACHABLE,
			"relay %s: others changed it each of the %u times this was tried",
			change->mirror->url, MAX_TRIES);
}

bool wlt_mailbox_apply(struct wlt_mirror *mirror, const char *id, const struct wlt_edit *edits,
		       size_t n, const char *message, char commit[WLT_OID_BYTES],
		       struct wlt_error *err)
{
	WLT_AUTOFREE git_oid *blobs = calloc(n + 1, sizeof *blobs);
	struct change change = {
		.mirror = mirror, .edits = edits, .blobs = blobs, .n = n, .message = message};
	bool ok;

	if (!wlt_attempt_check(id, err))
		return false;
	if (blobs == NULL)
		return wlt_fail_memory(err);
	attempt_ref(id, change.ref);
	ok = apply(&change, err);
	if (ok && commit != NULL) {
		commit[0] = '\0';
		if (change.made)
			(void)git_oid_tostr(commit, WLT_OID_BYTES, &change.commit);
	}
	free(change.words);
	return ok;
}
