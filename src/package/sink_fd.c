/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/sink.h"

#include <stdlib.h>

#include "base/file.h"

struct sink_fd {
	struct wlt_sink sink;
	int fd;
};

static bool fd_write(struct wlt_sink *sink, const void *bytes, size_t len, struct wlt_error *err)
{
	struct sink_fd *self = (struct sink_fd *)sink;
	int failure = wlt_write_all(self->fd, bytes, len);

	if (failure != 0)
		return wlt_fail_errno(err, failure, "cannot write the package");
	return true;
}

static bool fd_finish(struct wlt_sink *sink, struct wlt_error *err)
{
	(void)sink;
	(void)err;
	return true;
}

static void fd_close(struct wlt_sink *sink)
{
	free(sink);
}

bool wlt_sink_fd(int fd, struct wlt_sink **out, struct wlt_error *err)
{
	static const struct wlt_sink_ops ops = {fd_write, fd_finish, fd_close};
	struct sink_fd *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return wlt_fail_memory(err);
	self->sink.ops = &ops;
	self->fd = fd;
	*out = &self->sink;
	return true;
}
