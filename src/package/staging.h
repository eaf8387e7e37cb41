/* SPDX-License-Identifier: MIT */
/*
 * Deciding what goes into a package, in modules around one value:
 *
 *     stage.c          the order of things: kernel, bundles, live context, README, checks
 *     stage_kernel.c   the kernel files, real or as stubs
 *     stage_bundles.c  which bundles, and that their names do not clash
 *     stage_tree.c     walking folders
 *     stage_link.c     symbolic links
 *     stage_list.c     the list of members, and what is kept out of it
 *     stage_check.c    sensitivity, clashes, warnings
 *     stage_text.c     the texts that are generated
 */
#ifndef WLT_PACKAGE_STAGING_H
#define WLT_PACKAGE_STAGING_H

#include <sys/stat.h>

#include "package/package.h"

/* A file whose front matter or content may say that the folder around it is restricted. */
struct wlt_marker {
	char *source; /* the file, in the walnut */
	char *path;   /* the folder, in the package */
};

struct wlt_staging {
	struct wlt_stage *stage;
	const struct wlt_stage_options *options;
	const char *kernel;         /* the kernel's folder in the walnut: `_kernel` or `_core` */
	struct wlt_bundles bundles; /* all that were found, nested ones too */
	struct wlt_marker *markers;
	size_t n_markers;
	size_t *hits;            /* per exclusion pattern: files it left out */
	struct wlt_strings real; /* kernel files that go along as they are, in the walnut */
	size_t capacity;         /* of stage->members */
	uint64_t expanded;       /* bytes of the archive, as far as known */
};

/* Where a walk is: a folder of the walnut and what it becomes in the package. "" is the root. */
struct wlt_place {
	const char *source;
	const char *path;
	bool linked; /* reached through a symbolic link */
};

/* --- stage_list.c ------------------------------------------------------------------------------ */

/* May something called `path` go along? False for what is never shipped, and for what an exclusion
 * removes, which is recorded. Malformed names are an error. */
bool wlt_staging_wants(struct wlt_staging *s, const char *path, bool *wanted,
		       struct wlt_error *err);

bool wlt_staging_add_file(struct wlt_staging *s, const char *path, const char *source,
			  const struct stat *st, struct wlt_error *err);

/* Takes the text over. Looks at wlt_staging_wants() itself. */
bool wlt_staging_add_text(struct wlt_staging *s, const char *path, struct wlt_buf *text,
			  struct wlt_error *err);

bool wlt_staging_substitute(struct wlt_staging *s, const char *path, const char *reason,
			    struct wlt_error *err);

void wlt_staging_sort(struct wlt_staging *s);

/* The member with this path, once they are sorted; NULL when there is none. */
const struct wlt_member *wlt_stage_find(const struct wlt_stage *stage, const char *path);

/* --- stage_tree.c ------------------------------------------------------------------------------ */

/* One entry of the folder that `dirfd` is open on: a file is added, a folder walked. */
bool wlt_staging_entry(struct wlt_staging *s, int dirfd, const struct wlt_place *place,
		       const char *name, struct wlt_error *err);

/* A folder with all that is in it. */
bool wlt_staging_tree(struct wlt_staging *s, const struct wlt_place *place, struct wlt_error *err);

/* The names in a folder, sorted. */
bool wlt_staging_list(int dirfd, const char *what, struct wlt_strings *names,
		      struct wlt_error *err);

/* --- stage_link.c ------------------------------------------------------------------------------ */

/* Where a symbolic link leads: a path of the walnut that is a file or a folder; NULL when it is left
 * out, with a warning. WLT_REFUSED when it leads out of the walnut. */
bool wlt_staging_follow(struct wlt_staging *s, int dirfd, const struct wlt_place *place,
			const char *name, char **target, struct stat *st, struct wlt_error *err);

/* --- stage_kernel.c, stage_bundles.c, stage_check.c -------------------------------------------- */

bool wlt_staging_kernel(struct wlt_staging *s, struct wlt_error *err);

/* Find and check the bundles of the scope, and stage them. */
bool wlt_staging_bundles(struct wlt_staging *s, struct wlt_error *err);

/* Is this folder of the walnut a discovered bundle, and of this kind? */
bool wlt_staging_is_bundle(const struct wlt_staging *s, const char *source, bool top_level);

bool wlt_staging_mark(struct wlt_staging *s, const char *source, const char *path,
		      struct wlt_error *err);
bool wlt_staging_check(struct wlt_staging *s, struct wlt_error *err);

/* --- stage_text.c ------------------------------------------------------------------------------ */

void wlt_text_stub_log(struct wlt_buf *out, const char *walnut, const char *session,
		       const char *sender);
void wlt_text_stub_insights(struct wlt_buf *out, const char *walnut);
void wlt_text_readme(struct wlt_buf *out, const struct wlt_stage *stage);

#endif
