/* SPDX-License-Identifier: MIT */
/*
 * A strict tar reader: regular files and folders, under names that are safe to use; anything else
 * refuses the whole archive (package format, section 6).
 *
 * It reads v7, ustar, pax (records path, size and mtime; others are passed over) and GNU (long names,
 * base-256 numbers). Every rule is applied to the final name, after pax and GNU headers. It is our own
 * because the safety of a package must not hang on what a general archive library chooses to follow,
 * repair or overlook.
 */
#ifndef WLT_PACKAGE_TAR_READ_H
#define WLT_PACKAGE_TAR_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "package/source.h"

#define WLT_TAR_BLOCK 512u
/* Longest pax or GNU extension header. */
#define WLT_TAR_MAX_EXTENSION (1u << 20)

/* Enforced while streaming, before anything is handed out: WLT_TOO_BIG. */
struct wlt_tar_limits {
	uint32_t members;
	uint64_t content; /* all files together */
	uint64_t stream;  /* the whole archive, headers and padding included */
};

struct wlt_tar_member {
	const char
		*path; /* checked, without leading `./` or final `/`; valid until the next call */
	bool folder;
	bool executable; /* owner x */
	uint64_t size;
	int64_t mtime;   /* whole seconds, rounded down */
	uint64_t offset; /* of its content in the archive */
};

struct wlt_tar;

/* `source` is borrowed. */
bool wlt_tar_open(struct wlt_source *source, const struct wlt_tar_limits *limits,
		  struct wlt_tar **out, struct wlt_error *err);
void wlt_tar_close(struct wlt_tar *tar); /* NULL is allowed */
static inline void wlt_tar_cleanup(struct wlt_tar **tar)
{
	wlt_tar_close(*tar);
}

/* The next member; what was not read of the one before is passed over. At the end `*found` is false,
 * and it has been checked that the archive ends as it should and only zero bytes follow. */
bool wlt_tar_next(struct wlt_tar *tar, struct wlt_tar_member *out, bool *found,
		  struct wlt_error *err);

/* Up to `len` bytes of the member's content; 0 at its end. */
bool wlt_tar_read(struct wlt_tar *tar, uint8_t *out, size_t len, size_t *got,
		  struct wlt_error *err);

/* --- headers (tar_header.c) -------------------------------------------------------------------- */

/* One header block, taken apart. `name` is as the block has it. */
struct wlt_tar_header {
	char type;
	uint64_t size;
	int64_t mtime;
	uint64_t mode;
	char name[WLT_TAR_BLOCK / 2 + 2]; /* prefix, slash, name */
};

bool wlt_tar_is_zero(const uint8_t *bytes, size_t len);

/* Check and take apart `block`. */
bool wlt_tar_parse_header(const uint8_t block[WLT_TAR_BLOCK], struct wlt_tar_header *out,
			  struct wlt_error *err);

/* What extension headers say of the next member. */
struct wlt_tar_overrides {
	char *pax_path; /* malloc()ed */
	char *gnu_path; /* malloc()ed */
	bool has_size;
	bool has_mtime;
	uint64_t size;
	int64_t mtime;
};

/* Take in the records of a pax header (`x`), or of a global one (`g`), which may set the time only. */
bool wlt_tar_parse_pax(const char *bytes, size_t len, bool global, struct wlt_tar_overrides *out,
		       struct wlt_error *err);

#endif
