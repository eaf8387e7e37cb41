/* SPDX-License-Identifier: MIT */
/*
 * The command line of walnutfs: `walnutfs [-f] [-d] [-o OPTION[,OPTION…]] MOUNTPOINT`.
 */
#ifndef WLT_WALNUTFS_OPTIONS_H
#define WLT_WALNUTFS_OPTIONS_H

#define FUSE_USE_VERSION 314

#include <fuse_opt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct wlt_options {
	char *mountpoint; /* absolute */
	char *world;      /* NULL: none */
	uint64_t cache;   /* bytes of plaintext kept in memory */
	int poll_seconds;
	int grace_ms;
	int settle_ms;
	bool foreground;
	bool allow_other;
	bool show_help;
	bool show_version;
	struct fuse_args session; /* what goes on to libfuse */
};

/* WLT_USAGE names the word that is wrong; WLT_MISSING a mount point or world that is not there. */
bool wlt_options_parse(int argc, char **argv, struct wlt_options *out, struct wlt_error *err);
void wlt_options_free(struct wlt_options *options);

extern const char wlt_options_usage[];

#endif
