/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "relay/git.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "relay/relay.h"

/* Git holds a reference's lock for milliseconds, with hooks in between for seconds. */
#define STALE_LOCK_SECONDS 120

/* The user's and the system's git configuration would redirect URLs, name proxies and change what is
 * written. */
static bool isolate(struct wlt_error *err)
{
	static const git_config_level_t levels[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA,
		GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG,
		GIT_CONFIG_LEVEL_GLOBAL,
	};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		int code = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");

		if (code < 0)
			return wlt_git_fail(err, code, "git: configuration cannot be cut off");
	}
	return true;
}

bool wlt_git_start(struct wlt_error *err)
{
	int code = git_libgit2_init();

	if (code < 0)
		return wlt_git_fail(err, code, "git: the library cannot be started");
	/* What has been sent must survive a power cut: the drop is deleted after it. */
	code = git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	if (code < 0)
		(void)wlt_git_fail(err, code, "git: syncing cannot be switched on");
	if (code < 0 || !isolate(err)) {
		wlt_git_stop();
		return false;
	}
	return true;
}

void wlt_git_stop(void)
{
	(void)git_libgit2_shutdown(); /* the count of users that are left */
}

/* --- errors ------------------------------------------------------------------------------------ */

const char *wlt_git_words(void)
{
	const git_error *last = git_error_last();

	if (last == NULL || last->message == NULL || last->message[0] == '\0')
		return "no reason given";
	return last->message;
}

/* The library found something else than git writes. */
static bool is_damage(const git_error *last)
{
	return last->klass == GIT_ERROR_ZLIB || last->klass == GIT_ERROR_ODB ||
	       last->klass == GIT_ERROR_OBJECT || last->klass == GIT_ERROR_TREE;
}

static enum wlt_kind local_kind(int code)
{
	const git_error *last = git_error_last();

	if (last != NULL && last->klass == GIT_ERROR_NOMEMORY)
		return WLT_NO_MEMORY;
	switch (code) {
	case GIT_ENOTFOUND:
	case GIT_EMISMATCH:
		/* An object that should be there is not, or not what its name says. */
		return WLT_DAMAGED;
	case GIT_EOWNER:
		return WLT_REFUSED;
	case GIT_ELOCKED:
		return WLT_BUSY;
	default:
		return last != NULL && is_damage(last) ? WLT_DAMAGED : WLT_INTERNAL;
	}
}

bool wlt_git_fail_no_space(struct wlt_error *err, const char *where)
{
	int errnum = 0;

	/* Only the words tell it. */
	if (strstr(wlt_git_words(), "No space left") != NULL)
		errnum = ENOSPC;
	else if (strstr(wlt_git_words(), "quota exceeded") != NULL)
		errnum = EDQUOT;
	if (errnum != 0)
		(void)wlt_fail_errno(err, errnum, "%s", where);
	return errnum != 0;
}

bool wlt_git_fail(struct wlt_error *err, int code, const char *fmt, ...)
{
	WLT_AUTOFREE char *what = NULL;
	WLT_AUTOFREE char *words = wlt_text_printable(wlt_git_words());
	enum wlt_kind kind = local_kind(code);
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&what, fmt, args);
	va_end(args);
	if (len < 0) {
		what = NULL;
		return wlt_fail_memory(err);
	}
	if (words == NULL || kind == WLT_NO_MEMORY)
		return wlt_fail_memory(err);
	if (wlt_git_fail_no_space(err, what))
		return false;
	return wlt_fail(err, kind, "%s: %s", what, words);
}

/* --- references -------------------------------------------------------------------------------- */

bool wlt_git_ref_read(git_repository *repo, const char *name, bool *exists, git_oid *id,
		      struct wlt_error *err)
{
	int code = git_reference_name_to_id(id, repo, name);

	*exists = code == 0;
	if (code < 0 && code != GIT_ENOTFOUND)
		return wlt_git_fail(err, code, "%s: %s cannot be read", git_repository_path(repo),
				    name);
	return true;
}

bool wlt_git_ref_set(git_repository *repo, const char *name, const git_oid *id,
		     struct wlt_error *err)
{
	WLT_AUTO(wlt_git_reference_free) git_reference *reference = NULL;
	int code = git_reference_create(&reference, repo, name, id, 1, NULL);

	if (code == GIT_ELOCKED && wlt_git_ref_unlock_stale(repo, name))
		code = git_reference_create(&reference, repo, name, id, 1, NULL);
	if (code < 0)
		return wlt_git_fail(err, code, "%s: %s cannot be set", git_repository_path(repo),
				    name);
	return true;
}

bool wlt_git_ref_unlock_stale(git_repository *repo, const char *name)
{
	WLT_AUTOCLOSE int dirfd =
		open(git_repository_path(repo), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char lock[512];
	struct stat st;

	if (dirfd < 0 || snprintf(lock, sizeof lock, "%s.lock", name) >= (int)sizeof lock)
		return false;
	/* One remover at a time: a lock that appears after the stale one has gone is not stale. */
	if (flock(dirfd, LOCK_EX) < 0)
		return false;
	if (fstatat(dirfd, lock, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	if (time(NULL) - st.st_mtime < STALE_LOCK_SECONDS)
		return false;
	return unlinkat(dirfd, lock, 0) == 0;
}
