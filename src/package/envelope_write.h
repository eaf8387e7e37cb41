/* SPDX-License-Identifier: MIT */
/*
 * Sealing: what stands around and in front of the payload, whose size is known only at its end.
 */
#ifndef WLT_PACKAGE_ENVELOPE_WRITE_H
#define WLT_PACKAGE_ENVELOPE_WRITE_H

#include <sys/types.h>

#include "package/package.h"
#include "package/sink.h"

/* Of the RSA hybrid envelope, between its beginning and its end. */
struct wlt_sealing {
	int fd;
	off_t header;  /* where the payload's tar header lies */
	off_t payload; /* where the payload itself begins */
	int64_t mtime;
};

/* Draw a content key, write the outer tar up to the payload into `fd` and put the cipher in front of
 * `*sink`, which has to write to the same file. */
bool wlt_sealing_begin(struct wlt_sealing *sealing, int fd, const struct wlt_key *const *recipients,
		       size_t n, struct wlt_sink **sink, struct wlt_error *err);

/* After the pipeline was finished: the tar's end, and the payload's size into its header. */
bool wlt_sealing_end(struct wlt_sealing *sealing, struct wlt_error *err);

/* Write what an OpenSSL `enc` file begins with and put the cipher in front of `*sink`. Takes a good
 * part of a second, on purpose: the key is derived by PBKDF2. Nothing comes at the end. */
bool wlt_sealing_passphrase(const char *passphrase, size_t len, struct wlt_sink **sink,
			    struct wlt_error *err);

#endif
