/* SPDX-License-Identifier: MIT */
/*
 * A file that appears complete or not at all.
 *
 *     struct wlt_output output;
 *
 *     ok = wlt_output_begin(&output, path, &err) && (write to output.fd) &&
 *          wlt_output_publish(&output, &err);
 *     wlt_output_end(&output);
 *
 * Until it is published it has no name where the file system can do that, so that even a program that
 * is killed leaves nothing; elsewhere it has a hidden name in the same folder. A regular file of that
 * name is replaced in one step and its mode kept; anything else of that name is left alone.
 */
#ifndef WLT_CLI_OUTPUT_H
#define WLT_CLI_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define WLT_OUTPUT_DRAFT_BYTES 32

struct wlt_output {
	const char *path; /* as typed; borrowed */
	const char *leaf; /* in `path` */
	int folder;
	int fd;                             /* where it is written to */
	char draft[WLT_OUTPUT_DRAFT_BYTES]; /* its name in the folder; "" while it has none */
	bool replaces;
	mode_t mode; /* of what it replaces */
};

/* To be ended in any case. */
bool wlt_output_begin(struct wlt_output *output, const char *path, struct wlt_error *err);

/* Onto the disk and under its name. */
bool wlt_output_publish(struct wlt_output *output, struct wlt_error *err);

/* Release; what was not published is gone. */
void wlt_output_end(struct wlt_output *output);

#endif
