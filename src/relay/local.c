/* SPDX-License-Identifier: MIT */
/*
 * A relay on this machine.
 *
 * libgit2's own transport for local paths sets the reference without looking whether it is still where
 * the push expects it, so of two senders at the same moment one would lose its packages. Here the
 * reference is compared and set under git's own lock, which the git program and servers honour too.
 */
#include "config.h"

#include "relay/local_copy.h"
#include "relay/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/path.h"

/* --- opening ----------------------------------------------------------------------------------- */

static bool fail_folder(const struct wlt_mirror *mirror, int errnum, struct wlt_error *err)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return wlt_fail(err, WLT_UNREACHABLE,
				"relay %s: nothing is there (is the path right, and its disk "
				"mounted?)",
				mirror->url);
	case EACCES:
		return wlt_fail(
			err, WLT_REFUSED,
			"relay %s: you may not enter this folder; ask its owner, or use the "
			"relay over ssh",
			mirror->url);
	default:
		return wlt_fail(err, WLT_UNREACHABLE, "relay %s: %s", mirror->url,
				strerror(errnum));
	}
}

/* libgit2 refuses such a repository, with a code that differs between its versions. */
static bool owned_by_another(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid != geteuid();
}

static bool open_remote(const struct wlt_mirror *mirror, git_repository **remote,
			struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = open(mirror->local_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_folder(mirror, errno, err);

	int code = git_repository_open(remote, mirror->local_path);

	if (code == 0 && git_repository_is_bare(*remote))
		return true;
	if (code == 0)
		return wlt_fail(err, WLT_REFUSED,
				"relay %s is a working copy; a relay is a bare repository, as `git "
				"init --bare` makes it",
				mirror->url);
	if (owned_by_another(fd))
		return wlt_fail(err, WLT_REFUSED,
				"relay %s belongs to another user of this machine: use it over ssh",
				mirror->url);
	if (code == GIT_ENOTFOUND)
		return wlt_fail(
			err, WLT_UNREACHABLE,
			"relay %s: no git repository is there (`git init --bare` makes one)",
			mirror->url);
	return wlt_git_fail(err, code, "relay %s", mirror->url);
}

/* --- the tip ----------------------------------------------------------------------------------- */

/* What a reference names; symbolic ones are followed. */
static bool read_tip(const struct wlt_mirror *mirror, git_repository *remote, const char *branch,
		     struct wlt_tip *tip, struct wlt_error *err)
{
	return wlt_git_ref_read(remote, branch, &tip->exists, &tip->id, err) ||
	       wlt_fail_context(err, "relay %s", mirror->url);
}

/* The branch HEAD points to, also when it has no commit yet. But when there is a main, it is what
 * everybody else sees who asks over the network. */
static bool find_branch(struct wlt_mirror *mirror, git_repository *remote, struct wlt_tip *tip,
			struct wlt_error *err)
{
	WLT_AUTO(wlt_git_reference_free) git_reference *head = NULL;
	const char *target = NULL;

	if (git_reference_lookup(&head, remote, "HEAD") == 0)
		target = git_reference_symbolic_target(head);
	if (target == NULL || strncmp(target, "refs/heads/", 11) != 0 ||
	    strlen(target) >= sizeof mirror->branch)
		target = WLT_DEFAULT_BRANCH;
	if (!read_tip(mirror, remote, target, tip, err))
		return false;
	if (!tip->exists && strcmp(target, WLT_DEFAULT_BRANCH) != 0) {
		if (!read_tip(mirror, remote, WLT_DEFAULT_BRANCH, tip, err))
			return false;
		if (tip->exists)
			target = WLT_DEFAULT_BRANCH;
	}
	(void)snprintf(mirror->branch, sizeof mirror->branch, "%s", target);
	return true;
}

/* --- fetching --------------------------------------------------------------------------------- */

bool wlt_local_fetch(struct wlt_mirror *mirror, struct wlt_tip *tip, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_repository_free) git_repository *remote = NULL;
	bool has = false;

	if (!open_remote(mirror, &remote, err) || !find_branch(mirror, remote, tip, err))
		return false;
	if (!tip->exists)
		return true;
	if (!wlt_mirror_has(mirror, &tip->id, &has, err))
		return false;
	if (has)
		return true;

	int code = wlt_local_copy(remote, mirror->repo, &tip->id, &mirror->tip);

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s cannot be read", mirror->url);
	return true;
}

/* --- taking turns ------------------------------------------------------------------------------ */

int wlt_local_turn(const struct wlt_mirror *mirror)
{
	WLT_AUTOFREE char *objects = NULL;

	if (mirror->local_path == NULL)
		return -1;
	objects = wlt_path_join(mirror->local_path, "objects");
	if (objects == NULL)
		return -1;

	WLT_AUTOCLOSE int fd = open(objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX) == 0 ? wlt_take_fd(&fd) : -1;
}

/* --- pushing ----------------------------------------------------------------------------------- */

/* Under the reference's lock: still at `parent`? Then it becomes `commit`. */
static bool compare_and_set(struct wlt_mirror *mirror, git_repository *remote,
			    git_transaction *transaction, const git_oid *commit,
			    const struct wlt_tip *parent, enum wlt_push *outcome,
			    struct wlt_error *err)
{
	WLT_AUTO(wlt_git_signature_free) git_signature *who = NULL;
	struct wlt_tip now = {.exists = false};

	if (!read_tip(mirror, remote, mirror->branch, &now, err))
		return false;
	if (!wlt_tip_equal(&now, parent)) {
		*outcome = WLT_PUSH_MOVED;
		return true;
	}

	int code = git_signature_new(&who, mirror->author, mirror->author, wlt_clock_now(), 0);

	if (code == 0)
		code = git_transaction_set_target(transaction, mirror->branch, commit, who, "push");
	if (code == 0)
		code = git_transaction_commit(transaction);
	if (code < 0)
		return wlt_git_fail(err, code, "relay %s: %s cannot be moved", mirror->url,
				    mirror->branch);
	*outcome = WLT_PUSH_DONE;
	return true;
}

static bool move_branch(struct wlt_mirror *mirror, git_repository *remote, const git_oid *commit,
			const struct wlt_tip *parent, enum wlt_push *outcome, struct wlt_error *err)
{
	git_transaction *transaction = NULL;
	int code = git_transaction_new(&transaction, remote);
	bool ok = true;

	if (code == 0)
		code = git_transaction_lock_ref(transaction, mirror->branch);
	if (code == GIT_ELOCKED) {
		/* Somebody is at it, or died at it: either way there is more to do than to wait. */
		(void)wlt_git_ref_unlock_stale(remote, mirror->branch);
		*outcome = WLT_PUSH_MOVED;
	} else if (code < 0) {
		ok = wlt_git_fail(err, code, "relay %s: %s cannot be locked (may you write there?)",
				  mirror->url, mirror->branch);
	} else {
		ok = compare_and_set(mirror, remote, transaction, commit, parent, outcome, err);
	}
	git_transaction_free(transaction);
	return ok;
}

bool wlt_local_push(struct wlt_mirror *mirror, const git_oid *commit, const struct wlt_tip *parent,
		    enum wlt_push *outcome, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_repository_free) git_repository *remote = NULL;
	struct wlt_tip now = {.exists = false};

	if (!open_remote(mirror, &remote, err) ||
	    !read_tip(mirror, remote, mirror->branch, &now, err))
		return false;
	/* Looked at without the lock, to spare the copying. */
	if (!wlt_tip_equal(&now, parent)) {
		*outcome = WLT_PUSH_MOVED;
		return true;
	}

	int code = wlt_local_copy(mirror->repo, remote, commit, parent);

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s cannot be written to", mirror->url);
	return move_branch(mirror, remote, commit, parent, outcome, err);
}
