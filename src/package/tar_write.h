/* SPDX-License-Identifier: MIT */
/*
 * Writing a tar: ustar headers, with a pax header in front where a name or size does not fit.
 * Deterministic: owner 0, no names, modes 0644 and 0755, whole seconds.
 */
#ifndef WLT_PACKAGE_TAR_WRITE_H
#define WLT_PACKAGE_TAR_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define WLT_TAR_BLOCK 512u
#define WLT_TAR_END   (2 * WLT_TAR_BLOCK) /* zeroes behind the last member */

struct wlt_tar_file {
	const char *path;
	uint64_t size;
	int64_t mtime;
	bool executable;
};

/* Append the header block, or the three blocks and more of a pax header and it, of a regular file. */
void wlt_tar_put_header(struct wlt_buf *out, const struct wlt_tar_file *file);

/* How many zeroes follow a member of `size` bytes. */
static inline size_t wlt_tar_padding(uint64_t size)
{
	return (size_t)(-size & (WLT_TAR_BLOCK - 1));
}

#endif
