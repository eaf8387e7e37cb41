/* SPDX-License-Identifier: MIT */
/*
 * relay/ – a git repository as a mailbox.
 *
 * Moves opaque bytes under names; it never sees plaintext and holds no key but public ones on their
 * way into the keyring. libgit2 only, on one bare mirror per relay; nothing is checked out.
 *
 * Every function here that talks to a remote may block for as long as the remote pleases, because
 * libgit2 before 1.7 has no time-outs: programs call them in a child process with a deadline
 * (post/courier.h), never in the daemon itself. What is said to be local touches the disk only.
 *
 * libgit2 objects belong to the thread that made them; so does a `struct wlt_mirror`.
 * Depends on base/ and keys/.
 */
#ifndef WLT_RELAY_RELAY_H
#define WLT_RELAY_RELAY_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "keys/keys.h"

#define WLT_OID_BYTES     41            /* git object id, 40 hex digits and NUL */
#define WLT_MAX_PACKAGE   (1ull << 30)  /* largest package accepted from a relay */
#define WLT_LARGE_PACKAGE (35ull << 20) /* above this a deposit is warned about */

/* --- names in a relay (local, pure) ------------------------------------------------------------ */

#define WLT_PACKAGE_NAME_BYTES 256

/* `WALNUT-YYYYMMDD-HHMMSS-xxxxxxxx.walnut` with 8 random hex digits. Characters of the walnut's name
 * that do not belong into a file name become `-`. */
bool wlt_package_name_make(const char *walnut, int64_t seconds, char out[WLT_PACKAGE_NAME_BYTES],
			   struct wlt_error *err);

/* True for a safe file name ending in `.walnut`. `*stamp` (may be NULL) receives the time in it, 0
 * when it has none. */
bool wlt_package_name_parse(const char *name, int64_t *stamp);

/* --- relay.json (local) ------------------------------------------------------------------------ */

struct wlt_peer {
	char *name;
	char *url; /* NULL until accepted */
	char *added_at;
	bool accepted;
	char **exclude_patterns; /* NULL-terminated; NULL when none */
	size_t n_exclude_patterns;
};

/* `relay.json` of a user. `tree` keeps unknown keys across a save; the fields are what is used. */
struct wlt_relay_config {
	char *dir; /* ~/.alive/relay */
	char *url;
	char *username;
	char *created_at;
	struct wlt_peer *peers; /* sorted by name */
	size_t n_peers;
	struct json_object *tree;
};

/* $HOME/.alive/relay. malloc()ed; NULL when out of memory or HOME is unset. */
char *wlt_relay_default_dir(void);

/* WLT_MISSING, saying `walnut relay setup`, when there is none; WLT_DAMAGED when it is malformed or a
 * peer's name is not one. */
bool wlt_relay_config_load(const char *dir, struct wlt_relay_config **out, struct wlt_error *err);
void wlt_relay_config_free(struct wlt_relay_config *config); /* NULL is allowed */
static inline void wlt_relay_config_cleanup(struct wlt_relay_config **config)
{
	wlt_relay_config_free(*config);
}
const struct wlt_peer *wlt_relay_config_peer(const struct wlt_relay_config *config,
					     const char *name);

/* Add the peer, or change the given fields of one that is there (`url` NULL: leave it), and write the
 * file atomically, mode kept. */
bool wlt_relay_config_set_peer(struct wlt_relay_config *config, const char *name, const char *url,
			       bool accepted, struct wlt_error *err);

/* --- URLs (local, pure) ------------------------------------------------------------------------ */

/* An absolute path, file://, ssh://, git://, https:// or user@host:path; anything else, and a URL with
 * a password in it, is WLT_USAGE. */
bool wlt_url_check(const char *url, struct wlt_error *err);

/* The folder of a relay on this machine (from a path or file://), or NULL. malloc()ed. */
char *wlt_url_local_path(const char *url);

/* --- mirror ------------------------------------------------------------------------------------ */

struct wlt_mirror;

struct wlt_transport {
	const char *token_env; /* variable with the https token; NULL: GH_TOKEN */
	const char *author;    /* relay user name, for commits */
};

/* Once per process before anything below; pairs with wlt_git_stop(). Cuts libgit2 off from the
 * user's and the system's git configuration. */
bool wlt_git_start(struct wlt_error *err);
void wlt_git_stop(void);

/* Open the bare mirror of `url` in the folder `mirrors_dir` (made 0700 when absent), or create it.
 * The name is a hash of the URL. Local. */
bool wlt_mirror_open(const char *mirrors_dir, const char *url,
		     const struct wlt_transport *transport, struct wlt_mirror **out,
		     struct wlt_error *err);
void wlt_mirror_free(struct wlt_mirror *mirror); /* NULL is allowed */
static inline void wlt_mirror_cleanup(struct wlt_mirror **mirror)
{
	wlt_mirror_free(*mirror);
}

/* Ask the remote for its default branch's tip (one ref advertisement); fetch only when the mirror
 * does not have it. `*changed` (may be NULL): the tip is another than before. WLT_UNREACHABLE when
 * the remote cannot be reached or entered now (no answer, no key it takes, no repository there), all of
 * which may change; WLT_REFUSED when it is none that can be used. */
bool wlt_mirror_fetch(struct wlt_mirror *mirror, bool *changed, struct wlt_error *err);

/* True when `url` is a folder of this machine that still stands at `tip` (as wlt_mirror_tip() gave it),
 * and so does its mirror. False when not, or when only wlt_mirror_fetch() can tell. Local, cheap, and
 * needs no wlt_git_start(). */
bool wlt_mirror_is_current(const char *mirrors_dir, const char *url, const char *tip);

/* The fetched tip, "" for a remote without commits. Local; borrowed. */
const char *wlt_mirror_tip(const struct wlt_mirror *mirror);

/* --- mailbox ----------------------------------------------------------------------------------- */

struct wlt_mail {
	const char *sender; /* folder under inbox/ */
	const char *file;   /* NULL for the folder itself, which is reported first */
	char oid[WLT_OID_BYTES];
	uint64_t size; /* 0 when the blob is damaged */
};

/* Call `each` for every sender folder and every package of the fetched tip, in byte order; names that
 * are not safe are skipped. Return false from `each` (with `err` set) to stop. Local. */
bool wlt_mailbox_list(struct wlt_mirror *mirror,
		      bool (*each)(void *context, const struct wlt_mail *mail,
				   struct wlt_error *err),
		      void *context, struct wlt_error *err);

/* Look at the raw bytes of one blob (mapped for the length of the call). Local. */
bool wlt_mirror_blob(struct wlt_mirror *mirror, const char *oid,
		     bool (*look)(void *context, const void *bytes, size_t len,
				  struct wlt_error *err),
		     void *context, struct wlt_error *err);

/* A text file of the fetched tip, such as `keys/ben.pem`. WLT_MISSING when absent. Local. */
bool wlt_mirror_file(struct wlt_mirror *mirror, const char *path, size_t max, struct wlt_buf *out,
		     struct wlt_error *err);

/* One change to the tree: a file to add (from a file on disk, or bytes), or to delete. */
struct wlt_edit {
	const char *path;      /* in the repository */
	const char *disk_path; /* content from this file; NULL: see `bytes` */
	const char *bytes;     /* content; NULL together with disk_path NULL: delete */
	size_t len;
};

/*
 * Commit `edits` on the remote's tip and push it: fetch, rebuild, push, again with jittered back-off
 * when the remote moved (at least 8 times). All edits go in one commit.
 *
 * `id` (hex digits and `-`) names this change for ever. Before each push the commit is kept under
 * refs/walnut/attempts/ID; a call with the same id first looks whether that commit has become part of the
 * remote's history, and then succeeds without pushing again (an answer that was lost). While the tip
 * stands where the commit expects it, the very same commit is pushed again, so that one still on its way
 * cannot double it. Adding a path that is there with the same bytes, or deleting one that is gone, is no
 * change; when nothing is left to change, it succeeds without a commit. WLT_REFUSED, with the host's own
 * words, when it declines the push; otherwise as wlt_mirror_fetch().
 *
 * `*commit` (may be NULL) receives the commit's id, "" when there was nothing to do.
 */
bool wlt_mailbox_apply(struct wlt_mirror *mirror, const char *id, const struct wlt_edit *edits,
		       size_t n, const char *message, char commit[WLT_OID_BYTES],
		       struct wlt_error *err);

/* Forget the attempt `id` once its outcome has been recorded elsewhere. Local. */
bool wlt_mailbox_forget(struct wlt_mirror *mirror, const char *id, struct wlt_error *err);

/* --- owner's and peers' acts ------------------------------------------------------------------- */

struct wlt_setup {
	const char *dir;         /* ~/.alive/relay */
	const char *keys_dir;    /* wlt_keyring_default_dir() */
	const char *mirrors_dir; /* where mirrors live */
	const char *url;         /* NULL: a bare repository DIR/repo.git is made and used */
	const char *username;
	unsigned key_bits; /* 0: WLT_KEY_BITS */
	const char *token_env;
};

/* `walnut relay setup`: key pair (an existing one is kept), relay layout committed and pushed,
 * relay.json written last. An existing relay.json is WLT_EXISTS. May be run again after a failure. */
bool wlt_relay_setup(const struct wlt_setup *setup, struct wlt_relay_config **out,
		     struct wlt_error *err);

/* `walnut relay invite`: inbox/PEER/.gitkeep pushed to the own relay, then the peer entry. */
bool wlt_relay_invite(struct wlt_relay_config *config, const char *mirrors_dir,
		      const char *token_env, const char *peer, struct wlt_error *err);

/* `walnut relay accept`: fetch the peer's relay, read keys/OWNER.pem, pin it, record the peer under
 * `peer` (NULL: OWNER). `*name` receives the peer's name, `*key` the pinned key (both for the caller to
 * free). */
bool wlt_relay_accept(struct wlt_relay_config *config, struct wlt_keyring *ring,
		      const char *mirrors_dir, const char *token_env, const char *url,
		      const char *peer, char **name, struct wlt_key **key, struct wlt_error *err);

/* The owner's key in the relay `url` as it was last fetched. WLT_MISSING when nothing was. Local. */
bool wlt_relay_fetched_key(const char *mirrors_dir, const char *url, struct wlt_key **key,
			   struct wlt_error *err);

#endif
