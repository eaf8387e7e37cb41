/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/member.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"

bool wlt_member_changed(const struct wlt_member *member, struct wlt_error *err)
{
	return wlt_fail(err, WLT_BUSY,
			"%s was changed while it was being packed; try again when it is at rest",
			member->source == NULL ? member->path : member->source);
}

bool wlt_member_open(int walnut_fd, const struct wlt_member *member,
		     struct wlt_member_reader *reader, struct wlt_error *err)
{
	WLT_AUTOCLOSE int fd = -1;
	struct stat st;

	*reader = (struct wlt_member_reader){.member = member, .fd = -1};
	if (member->source == NULL)
		return true;
	/* Not blocking, because a FIFO may have taken the file's place. */
	fd = wlt_open_beneath(walnut_fd, member->source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR || errno == ENXIO))
		return wlt_member_changed(member, err);
	if (fd < 0 || fstat(fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot read %s", member->source);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != member->size)
		return wlt_member_changed(member, err);
	reader->left = member->size;
	reader->fd = wlt_take_fd(&fd);
	return true;
}

static bool read_file(struct wlt_member_reader *reader, void *out, size_t len, size_t *got,
		      struct wlt_error *err)
{
	int failure;

	if (len > reader->left)
		len = (size_t)reader->left;
	*got = 0;
	failure = len == 0 ? 0 : wlt_read_full(reader->fd, out, len, got);
	if (failure != 0)
		return wlt_fail_errno(err, failure, "cannot read %s", reader->member->source);
	if (*got < len)
		return wlt_member_changed(reader->member, err);
	reader->left -= *got;
	return true;
}

static size_t take(const char *bytes, size_t available, size_t *at, void *out, size_t len)
{
	size_t n = available - *at < len ? available - *at : len;

	if (n > 0)
		memcpy(out, bytes + *at, n);
	*at += n;
	return n;
}

/* `out` serves as the place the raw bytes are read to before they are filtered. */
static bool read_filtered(struct wlt_member_reader *reader, void *out, size_t len, size_t *got,
			  struct wlt_error *err)
{
	while (reader->at == reader->filtered.len && reader->left > 0) {
		size_t raw;

		reader->filtered.len = 0;
		reader->at = 0;
		if (!read_file(reader, out, len, &raw, err))
			return false;
		wlt_session_filter_feed(&reader->filter, out, raw, &reader->filtered);
		if (reader->left == 0)
			wlt_session_filter_finish(&reader->filter, &reader->filtered);
		if (!wlt_buf_ok(&reader->filtered, err))
			return false;
	}
	*got = take(reader->filtered.data, reader->filtered.len, &reader->at, out, len);
	return true;
}

bool wlt_member_read(struct wlt_member_reader *reader, void *out, size_t len, size_t *got,
		     struct wlt_error *err)
{
	const struct wlt_member *member = reader->member;

	if (member->source == NULL) {
		*got = take(member->content, member->content_len, &reader->at, out, len);
		return true;
	}
	if (member->filtered)
		return read_filtered(reader, out, len, got, err);
	return read_file(reader, out, len, got, err);
}

void wlt_member_close(struct wlt_member_reader *reader)
{
	if (reader->fd >= 0)
		(void)close(reader->fd);
	reader->fd = -1;
	wlt_buf_free(&reader->filtered);
}
