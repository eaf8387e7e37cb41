/* SPDX-License-Identifier: MIT */
/* libgit2 as this room uses it: errors, reference locks, object ids. Private to relay/. */
#ifndef WLT_RELAY_GIT_H
#define WLT_RELAY_GIT_H

#include <git2.h>
#ifdef HAVE_GIT2_SYS_ERRORS_H
#include <git2/sys/errors.h> /* git_error_set_str() */
#endif
#include <stdbool.h>

#include "base/error.h"

/* What libgit2 last said on this thread, never NULL. */
const char *wlt_git_words(void);

/* Turn a failed libgit2 call on something local into "FMT: its words". Returns false. */
bool wlt_git_fail(struct wlt_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* True when libgit2's last words are about a full disk; `err` is set then. */
bool wlt_git_fail_no_space(struct wlt_error *err, const char *where);

/* A reference's value; `*exists` false, and success, when there is none. */
bool wlt_git_ref_read(git_repository *repo, const char *name, bool *exists, git_oid *id,
		      struct wlt_error *err);

/* Set a reference of our own repository to `id`, whatever it was. */
bool wlt_git_ref_set(git_repository *repo, const char *name, const git_oid *id,
		     struct wlt_error *err);

/* The reference `name` is locked. A lock outlives a process that was killed while it held it; when it is
 * so old that nobody can be behind it, remove it and return true: try again. */
bool wlt_git_ref_unlock_stale(git_repository *repo, const char *name);

/* Clean-ups for WLT_AUTO. */
static inline void wlt_git_repository_free(git_repository **repo)
{
	git_repository_free(*repo);
}
static inline void wlt_git_commit_free(git_commit **commit)
{
	git_commit_free(*commit);
}
static inline void wlt_git_tree_free(git_tree **tree)
{
	git_tree_free(*tree);
}
static inline void wlt_git_entry_free(git_tree_entry **entry)
{
	git_tree_entry_free(*entry);
}
static inline void wlt_git_blob_free(git_blob **blob)
{
	git_blob_free(*blob);
}
static inline void wlt_git_odb_free(git_odb **odb)
{
	git_odb_free(*odb);
}
static inline void wlt_git_reference_free(git_reference **reference)
{
	git_reference_free(*reference);
}
static inline void wlt_git_signature_free(git_signature **signature)
{
	git_signature_free(*signature);
}
static inline void wlt_git_remote_free(git_remote **remote)
{
	git_remote_free(*remote);
}

#endif
