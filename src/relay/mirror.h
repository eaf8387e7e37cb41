/* SPDX-License-Identifier: MIT */
/* The mirror and the two ways to its remote. Private to relay/. */
#ifndef WLT_RELAY_MIRROR_H
#define WLT_RELAY_MIRROR_H

#include "relay/git.h"
#include "relay/relay.h"

#define WLT_TIP_REF        "refs/walnut/tip"
#define WLT_ATTEMPT_PREFIX "refs/walnut/attempts/"
#define WLT_DEFAULT_BRANCH "refs/heads/main"
#define WLT_REF_BYTES      256

/* A point in a remote's history, or none yet. */
struct wlt_tip {
	bool exists;
	git_oid id;
};

static inline bool wlt_tip_equal(const struct wlt_tip *a, const struct wlt_tip *b)
{
	return a->exists == b->exists && (!a->exists || git_oid_equal(&a->id, &b->id));
}

struct wlt_mirror {
	git_repository *repo;
	char *url;
	char *local_path; /* of a relay on this machine; NULL: over the network */
	char *token_env;
	char *author;
	char branch[WLT_REF_BYTES]; /* the remote's default branch, once fetched */
	struct wlt_tip tip;
	char tip_hex[WLT_OID_BYTES];
};

/* How a push ended when no error was to be reported. */
enum wlt_push {
	WLT_PUSH_DONE,
	WLT_PUSH_MOVED, /* the remote is not where the commit expects it */
	WLT_PUSH_DECLINED, /* the host says no to this reference: it may have moved, or it never will */
};

/* MIRRORS/HASH.git, HASH being the first 32 hex digits of the URL's SHA-256. malloc()ed; NULL when out of
 * memory. */
char *wlt_mirror_path(const char *mirrors_dir, const char *url);

/* Take `tip` for what the remote has, and remember it. */
bool wlt_mirror_set_tip(struct wlt_mirror *mirror, const struct wlt_tip *tip,
			struct wlt_error *err);
bool wlt_mirror_has(struct wlt_mirror *mirror, const git_oid *id, bool *has, struct wlt_error *err);

/* The tree of the tip; NULL for a remote without commits. */
bool wlt_mirror_tree(struct wlt_mirror *mirror, git_tree **tree, struct wlt_error *err);

/* True, in `*is`, when `id` is `tip` or in its history. */
bool wlt_mirror_in_history(struct wlt_mirror *mirror, const git_oid *id, bool *is,
			   struct wlt_error *err);

/*
 * Over the network (transport.c) and on this machine (local.c): learn the remote's default branch and
 * tip, fetching what the mirror lacks; push the commit that `ref` of the mirror names, onto `parent`.
 * `*words` receives what the host said to a declined push, for the caller to free.
 */
bool wlt_remote_fetch(struct wlt_mirror *mirror, struct wlt_tip *tip, struct wlt_error *err);
bool wlt_remote_push(struct wlt_mirror *mirror, const char *ref, enum wlt_push *outcome,
		     char **words, struct wlt_error *err);
bool wlt_local_fetch(struct wlt_mirror *mirror, struct wlt_tip *tip, struct wlt_error *err);
bool wlt_local_push(struct wlt_mirror *mirror, const git_oid *commit, const struct wlt_tip *parent,
		    enum wlt_push *outcome, struct wlt_error *err);

/* Wait for a turn at a relay on this machine: a descriptor that holds it until closed. It only spares
 * senders from overtaking each other again and again, so -1, when there is none to be had, is no fault. */
int wlt_local_turn(const struct wlt_mirror *mirror);

/* A bare repository in the folder `path`, 0700, HEAD on main. Part of its making is seen by nobody:
 * it is made beside and renamed. An existing one is left alone. */
bool wlt_bare_create(const char *path, struct wlt_error *err);

/* Whose relay it is: the OWNER of the one keys/OWNER.pem of the tip. malloc()ed. WLT_MISSING when there
 * is none, WLT_DAMAGED when there are several. */
bool wlt_relay_owner(struct wlt_mirror *mirror, char **owner, struct wlt_error *err);

/* True for hex digits and `-`, 1 to 100 characters. */
bool wlt_attempt_check(const char *id, struct wlt_error *err);

#endif
