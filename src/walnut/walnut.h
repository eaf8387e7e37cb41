/* SPDX-License-Identifier: MIT */
/*
 * walnut/ – a walnut on disk: where its bundles are, what a share leaves out, what is sensitive.
 *
 * Everything is read through a folder descriptor of the walnut; links are never followed out of it.
 * Values are immutable once made, so threads may share them. Depends on base/ alone.
 */
#ifndef WLT_WALNUT_WALNUT_H
#define WLT_WALNUT_WALNUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* --- string lists ------------------------------------------------------------------------------ */

struct wlt_strings {
	char **items; /* NULL-terminated when n > 0 */
	size_t n;
};

bool wlt_strings_add(struct wlt_strings *list, const char *text, struct wlt_error *err);
bool wlt_strings_add_unique(struct wlt_strings *list, const char *text, struct wlt_error *err);
bool wlt_strings_addf(struct wlt_strings *list, struct wlt_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool wlt_strings_contain(const struct wlt_strings *list, const char *text);
void wlt_strings_sort(struct wlt_strings *list); /* byte order */
void wlt_strings_free(struct wlt_strings *list);

/* --- layout and bundles ------------------------------------------------------------------------ */

enum wlt_layout { WLT_LAYOUT_V3, WLT_LAYOUT_V2, WLT_LAYOUT_V1, WLT_LAYOUT_NONE };

/* v3 or v2 when `_kernel/key.md` is there (v2 when `bundles/` or `_kernel/_generated/` is), v1 when
 * `_core/key.md` is, none otherwise. */
enum wlt_layout wlt_walnut_layout(int walnut_fd);

struct wlt_bundle {
	char *path;       /* relative to the walnut, `/`-separated */
	const char *leaf; /* last component; points into `path` */
	bool top_level; /* shareable: one component, or directly under bundles/ or _core/_capsules/ */
};

struct wlt_bundles {
	struct wlt_bundle *items; /* sorted by path, byte order */
	size_t n;
};

/* Walk the walnut for folders with `context.manifest.yaml` (or `companion.md`); hidden folders, the
 * skip names and nested walnuts are not entered (package format, section 1). */
bool wlt_walnut_bundles(int walnut_fd, struct wlt_bundles *out, struct wlt_error *err);
void wlt_bundles_free(struct wlt_bundles *bundles);

/* v1 only: the capsules directly under `_core/_capsules/`, which discovery does not walk. Appends;
 * a walnut without that folder has none. */
bool wlt_walnut_capsules(int walnut_fd, struct wlt_bundles *out, struct wlt_error *err);

/* The file that makes the folder `path` a bundle: `context.manifest.yaml`, else `companion.md`; NULL
 * when it has neither or is no folder. */
const char *wlt_bundle_marker(int walnut_fd, const char *path);

/* One of the folder names that discovery and live context skip (`_kernel .git node_modules …`). */
bool wlt_walnut_skips(const char *name);

/* A name that copy programs, editors and archivers leave behind (`.goutputstream-…`, `.~tmp~` …): no
 * part of anybody's walnut, at any depth. */
bool wlt_is_leftover(const char *name);

/* A nested walnut: a folder with `_kernel/key.md`. */
bool wlt_is_walnut(int dirfd, const char *name);

/* The world around `path` (absolute): the nearest folder upwards that holds `.alive/`. malloc()ed,
 * NULL when there is none or memory is short. */
char *wlt_world_around(const char *path);

/* --- lock -------------------------------------------------------------------------------------- */

/* Of a walnut that is shared, received into or changed: no other program of ALIVE does so meanwhile. */
struct wlt_walnut_lock {
	char *path; /* ~/.alive/locks/HASH.lock; NULL when it is not held */
	int fd;
};

/* The lock's file for the walnut at `walnut`, an absolute path: malloc()ed; NULL when out of memory or
 * HOME is not set to an absolute path. */
char *wlt_walnut_lock_path(const char *walnut);

/* Take it without waiting; `action` ("share", "receive") and when it began are told in the file. The
 * lock of a process that is gone is taken over. WLT_BUSY, with the holder's pid, when it is held. */
bool wlt_walnut_lock_take(const char *walnut, const char *action, struct wlt_walnut_lock *lock,
			  struct wlt_error *err);

/* Remove the file and let go. One that is not held (all zero) is left alone. */
void wlt_walnut_lock_release(struct wlt_walnut_lock *lock);

/* --- preferences ------------------------------------------------------------------------------- */

/* What WORLD/.alive/preferences.yaml says; a missing file or key means none, GH_TOKEN, false. */
struct wlt_preferences {
	bool found;
	struct json_object *tree; /* the whole file */
	char *relay_url;
	char *token_env;
	char *signing_key_path;
	bool auto_receive;
	bool require_signature;
	bool discovery_hints;
};

/* `world` NULL gives the defaults. A malformed file is an error that names it. */
bool wlt_preferences_load(const char *world, struct wlt_preferences *out, struct wlt_error *err);
void wlt_preferences_free(struct wlt_preferences *preferences);

/* Append the exclude patterns of `p2p.share_presets.NAME`; WLT_MISSING for an unknown preset, with
 * the known ones in the text. */
bool wlt_preferences_preset(const struct wlt_preferences *preferences, const char *name,
			    struct wlt_strings *patterns, struct wlt_error *err);

/* --- exclusions -------------------------------------------------------------------------------- */

#define WLT_PATTERN_BYTES 4095 /* longest pattern; a longer one matches nothing */

/* Does `pattern` match `path` (relative, `/`-separated)? The rules of package format section 2: no
 * `/` in the pattern matches the base name at any depth; `*` and `?` stop at `/`; `**` crosses it and
 * the slash of a leading or inner double-star-slash is optional; `[...]` is a class as in a regular
 * expression (`^` negates); a trailing `/` means the folder's whole subtree. Runs in time
 * proportional to pattern times path, whatever the pattern. */
bool wlt_glob_match(const char *pattern, const char *path);

/* A system file that no scope ever ships (`_kernel/now.json`, `.DS_Store`, `._*` …), or below a
 * folder of that kind. Of a nested walnut, too. */
bool wlt_never_shipped(const char *path);

/* --- sensitivity ------------------------------------------------------------------------------- */

/* `sensitivity: restricted` or `pii: true` in `context.manifest.yaml` of a bundle folder, or in the
 * front matter of `_kernel/key.md`. `path` is the file, relative to the walnut. A file that is not
 * there is not restricted; one that cannot be parsed is an error (never treated as harmless). */
bool wlt_is_restricted(int walnut_fd, const char *path, bool *restricted, struct wlt_error *err);

/* A base name that looks sensitive (`pricing* invoice* salary* strategy* secret* credential* .env*`). */
bool wlt_name_looks_sensitive(const char *name);

/* --- active_sessions ---------------------------------------------------------------------------- */

struct wlt_buf;

/* Takes the top-level `active_sessions:` key and its indented block out of YAML text that comes in
 * pieces; nothing else changes. Blank lines and comments at the left margin stay and do not end the
 * block; a list whose dashes stand at the left margin belongs to it. */
struct wlt_session_filter {
	char line[64]; /* the beginning of a line that is not decided yet */
	size_t held;
	bool in_block;
	bool decided; /* of the current line: `keep` says */
	bool keep;
};

/* Starts as zeroes. Appends what stays of `text` to `out`; at most a line's beginning is held back. */
void wlt_session_filter_feed(struct wlt_session_filter *filter, const char *text, size_t len,
			     struct wlt_buf *out);
void wlt_session_filter_finish(struct wlt_session_filter *filter, struct wlt_buf *out);

/* The same for a whole text. */
void wlt_strip_active_sessions(const char *text, size_t len, struct wlt_buf *out);

#endif
