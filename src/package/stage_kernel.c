/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "package/staging.h"

#define REASON "baseline-stub"

/* The real file, where it is there and may go along; `*added` says whether it did. */
static bool add_real(struct wlt_staging *s, int kernel_fd, const char *name, bool *added,
		     struct wlt_error *err)
{
	struct wlt_place place = {s->kernel, "_kernel", false};
	WLT_AUTOFREE char *source = wlt_path_join(s->kernel, name);
	size_t before = s->stage->n_members;
	struct stat st;

	*added = false;
	if (source == NULL)
		return wlt_fail_memory(err);
	if (fstatat(kernel_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return true;
		return wlt_fail_errno(err, errno, "cannot look at %s", source);
	}
	if (S_ISDIR(st.st_mode))
		return wlt_strings_addf(&s->stage->warnings, err,
					"%s is left out: it should be a file", source);
	if (!wlt_staging_entry(s, kernel_fd, &place, name, err))
		return false;
	*added = s->stage->n_members > before;
	return !*added || wlt_strings_add(&s->real, source, err);
}

static bool add_stub(struct wlt_staging *s, const char *path, struct wlt_buf *text,
		     struct wlt_error *err)
{
	return wlt_staging_add_text(s, path, text, err) &&
	       wlt_staging_substitute(s, path, REASON, err);
}

static bool add_stub_log(struct wlt_staging *s, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_text_stub_log(&text, s->stage->walnut_name, s->options->session, s->options->sender);
	return add_stub(s, "_kernel/log.md", &text, err);
}

static bool add_stub_insights(struct wlt_staging *s, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_text_stub_insights(&text, s->stage->walnut_name);
	return add_stub(s, "_kernel/insights.md", &text, err);
}

/* log.md or insights.md: the history, real only when it was asked for and is there. */
static bool add_history(struct wlt_staging *s, int kernel_fd, const char *name,
			bool (*stub)(struct wlt_staging *s, struct wlt_error *err),
			struct wlt_error *err)
{
	bool added = false;

	if (s->options->include_full_history && !add_real(s, kernel_fd, name, &added, err))
		return false;
	if (added)
		return true;
	if (s->options->include_full_history &&
	    !wlt_strings_addf(&s->stage->warnings, err,
			      "the walnut has no %s/%s; a stub goes along instead", s->kernel,
			      name))
		return false;
	return stub(s, err);
}

static bool add_or_skeleton(struct wlt_staging *s, int kernel_fd, const char *name,
			    const char *skeleton, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTOFREE char *path = wlt_path_join("_kernel", name);
	bool added;

	if (path == NULL)
		return wlt_fail_memory(err);
	if (!add_real(s, kernel_fd, name, &added, err))
		return false;
	if (added)
		return true;
	wlt_buf_puts(&text, skeleton);
	return wlt_staging_add_text(s, path, &text, err);
}

static bool add_full(struct wlt_staging *s, int kernel_fd, struct wlt_error *err)
{
	bool added;

	return add_history(s, kernel_fd, "log.md", add_stub_log, err) &&
	       add_history(s, kernel_fd, "insights.md", add_stub_insights, err) &&
	       add_or_skeleton(s, kernel_fd, "tasks.json", "{\"tasks\": []}\n", err) &&
	       add_or_skeleton(s, kernel_fd, "completed.json", "{\"completed\": []}\n", err) &&
	       add_real(s, kernel_fd, "config.yaml", &added, err);
}

bool wlt_staging_kernel(struct wlt_staging *s, struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = wlt_open_beneath(s->stage->walnut_fd, s->kernel,
						O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	WLT_AUTOFREE char *key = wlt_path_join(s->kernel, "key.md");
	bool added;

	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot read folder %s", s->kernel);
	if (key == NULL)
		return wlt_fail_memory(err);
	if (!wlt_staging_mark(s, key, "", err) || !add_real(s, fd, "key.md", &added, err))
		return false;
	switch (s->stage->scope) {
	case WLT_SCOPE_FULL:
		return add_full(s, fd, err);
	case WLT_SCOPE_SNAPSHOT:
		return add_stub_insights(s, err);
	case WLT_SCOPE_BUNDLE:
		break;
	}
	return true;
}
