/* SPDX-License-Identifier: MIT */
/*
 * The files of an opened package put into a new folder, which appears complete or not at all: they are
 * written into a folder that nobody else can enter, beside the new one, and moved from there in one step.
 */
#ifndef WLT_CLI_UNPACK_H
#define WLT_CLI_UNPACK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"
#include "cli/progress.h"
#include "package/package.h"

#define WLT_STAGING_BYTES 40

struct wlt_unpacking {
	const char *dir; /* as typed */
	char *leaf;      /* its name in `parent` */
	int parent;
	char staging[WLT_STAGING_BYTES]; /* in `parent`; "" until it is made */
	int staging_fd;
};

#define WLT_UNPACKING_INIT                     \
	{                                      \
		.parent = -1, .staging_fd = -1 \
	}

/* Look where `dir` is to be; WLT_EXISTS when there is something already. */
bool wlt_unpack_begin(struct wlt_unpacking *unpacking, const char *dir, struct wlt_error *err);

/* Write every file, and make the folder appear. */
bool wlt_unpack_package(struct wlt_unpacking *unpacking, const struct wlt_package *package,
			const atomic_bool *cancel, struct wlt_progress *progress,
			struct wlt_error *err);

/* Nothing is left behind but what has appeared. Right in any case, whatever has succeeded. */
void wlt_unpack_end(struct wlt_unpacking *unpacking);

#endif
