/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/tar_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

/* Most extension headers in front of one member: a pax one, global ones, GNU name and link name. */
#define MAX_EXTENSIONS 8u

struct wlt_tar {
	struct wlt_source *source;
	struct wlt_tar_limits limits;
	uint64_t position;  /* bytes of the archive read or passed over */
	uint64_t left;      /* of the member's content */
	uint64_t padding;   /* behind it, up to the next block */
	uint64_t content;   /* sizes of all files so far */
	uint32_t n_members; /* so far */
	bool has_global_mtime;
	int64_t global_mtime;
	char *path; /* of the member */
};

/* --- bytes ------------------------------------------------------------------------------------- */

static bool truncated(struct wlt_error *err)
{
	return wlt_fail(err, WLT_DAMAGED, "the tar archive ends too early (package cut short)");
}

/* Count `len` bytes before they are asked for. */
static bool admit(struct wlt_tar *tar, uint64_t len, struct wlt_error *err)
{
	if (len > tar->limits.stream - tar->position)
		return wlt_fail(err, WLT_TOO_BIG,
				"the tar archive is larger than the %llu bytes allowed",
				(unsigned long long)tar->limits.stream);
	tar->position += len;
	return true;
}

static bool read_exact(struct wlt_tar *tar, void *out, size_t len, struct wlt_error *err)
{
	size_t got;

	if (!admit(tar, len, err) || !wlt_source_fill(tar->source, out, len, &got, err))
		return false;
	return got == len || truncated(err);
}

static bool pass_over(struct wlt_tar *tar, uint64_t len, struct wlt_error *err)
{
	uint64_t passed;

	if (len == 0)
		return true;
	if (!admit(tar, len, err) || !wlt_source_skip(tar->source, len, &passed, err))
		return false;
	return passed == len || truncated(err);
}

static uint64_t padding_of(uint64_t size)
{
	return (WLT_TAR_BLOCK - size % WLT_TAR_BLOCK) % WLT_TAR_BLOCK;
}

/* --- the end ----------------------------------------------------------------------------------- */

/* A zero block has been read: another has to follow, and then nothing but zeros. */
static bool check_end(struct wlt_tar *tar, struct wlt_error *err)
{
	uint8_t block[WLT_TAR_BLOCK];
	size_t got;

	if (!read_exact(tar, block, sizeof(block), err))
		return false;
	if (!wlt_tar_is_zero(block, sizeof(block)))
		return wlt_fail(err, WLT_DAMAGED, "the tar archive has a stray zero block");
	do {
		if (!wlt_source_fill(tar->source, block, sizeof(block), &got, err) ||
		    !admit(tar, got, err))
			return false;
		if (!wlt_tar_is_zero(block, got))
			return wlt_fail(err, WLT_DAMAGED,
					"bytes follow the end of the tar archive");
	} while (got == sizeof(block));
	return true;
}

/* --- extension headers ------------------------------------------------------------------------- */

static void clear_overrides(struct wlt_tar_overrides *overrides)
{
	free(overrides->pax_path);
	free(overrides->gnu_path);
}

/* The value of a GNU long name: ended by NUL, with none inside. */
static bool take_gnu_name(const char *bytes, size_t len, struct wlt_tar_overrides *out,
			  struct wlt_error *err)
{
	size_t n = strnlen(bytes, len);

	if (n == 0 || !wlt_tar_is_zero((const uint8_t *)bytes + n, len - n))
		return wlt_fail(err, WLT_DAMAGED, "a GNU long name is empty or has a NUL inside");
	if (out->gnu_path != NULL)
		return wlt_fail(err, WLT_DAMAGED, "two GNU long names for one member");
	out->gnu_path = strndup(bytes, n);
	return out->gnu_path != NULL || wlt_fail_memory(err);
}

static bool take_global(struct wlt_tar *tar, const char *bytes, size_t len, struct wlt_error *err)
{
	WLT_AUTO(clear_overrides) struct wlt_tar_overrides global = {0};

	if (!wlt_tar_parse_pax(bytes, len, true, &global, err))
		return false;
	if (global.has_mtime) {
		tar->has_global_mtime = true;
		tar->global_mtime = global.mtime;
	}
	return true;
}

static bool take_extension(struct wlt_tar *tar, const struct wlt_tar_header *header,
			   struct wlt_tar_overrides *out, struct wlt_error *err)
{
	WLT_AUTOFREE char *bytes = NULL;
	size_t len = (size_t)header->size;

	if (header->size > WLT_TAR_MAX_EXTENSION)
		return wlt_fail(err, WLT_TOO_BIG,
				"a tar extension header of %llu bytes: at most %u are allowed",
				(unsigned long long)header->size, WLT_TAR_MAX_EXTENSION);
	bytes = malloc(len + 1);
	if (bytes == NULL)
		return wlt_fail_memory(err);
	if (!read_exact(tar, bytes, len, err) || !pass_over(tar, padding_of(len), err))
		return false;
	switch (header->type) {
	case 'x':
		return wlt_tar_parse_pax(bytes, len, false, out, err);
	case 'g':
		return take_global(tar, bytes, len, err);
	case 'L':
		return take_gnu_name(bytes, len, out, err);
	default:
		return true; /* K: the target of a link, and links are refused by themselves */
	}
}

static bool is_extension(char type)
{
	return type == 'x' || type == 'g' || type == 'L' || type == 'K';
}

/* --- members ----------------------------------------------------------------------------------- */

static const char *type_name(char type)
{
	switch (type) {
	case '1':
		return "a hard link";
	case '2':
		return "a symbolic link";
	case '3':
		return "a character device";
	case '4':
		return "a block device";
	case '6':
		return "a FIFO";
	case '7':
		return "a contiguous file";
	case 'S':
		return "a sparse file";
	case 'M':
		return "the continuation of another volume";
	case 'V':
		return "a volume label";
	default:
		return "of an unknown type";
	}
}

static bool refuse(const char *name, const char *what, struct wlt_error *err)
{
	WLT_AUTOFREE char *shown = wlt_text_printable(name);

	return wlt_fail(err, WLT_DAMAGED, "%s: %s", shown != NULL ? shown : "?", what);
}

static bool check_type(const char *name, const struct wlt_tar_header *header,
		       struct wlt_tar_member *out, struct wlt_error *err)
{
	size_t n = strlen(name);
	bool slash = n > 0 && name[n - 1] == '/';

	if (header->type != '0' && header->type != '\0' && header->type != '5') {
		WLT_AUTOFREE char *shown = wlt_text_printable(name);

		return wlt_fail(err, WLT_DAMAGED,
				"%s is %s: a package holds only regular files and folders",
				shown != NULL ? shown : "?", type_name(header->type));
	}
	out->folder = header->type == '5' || slash; /* v7 marks a folder by the slash alone */
	if (out->folder && out->size > 0)
		return refuse(name, "a folder with content", err);
	return true;
}

/* Drop leading "./" and a folder's final slash; what is left is checked. `*itself`: it is the folder
 * "." that the archive was made of. */
static bool take_name(struct wlt_tar *tar, const char *name, bool folder, bool *itself,
		      struct wlt_error *err)
{
	size_t n;

	*itself = folder && (strcmp(name, ".") == 0 || strcmp(name, "./") == 0);
	if (*itself)
		return true;
	while (name[0] == '.' && name[1] == '/')
		name += 2;
	n = strlen(name);
	if (folder && n > 0 && name[n - 1] == '/')
		n--;
	free(tar->path);
	tar->path = strndup(name, n);
	if (tar->path == NULL)
		return wlt_fail_memory(err);
	return wlt_path_check(tar->path, err) || wlt_fail_context(err, "tar member refused");
}

static bool count_member(struct wlt_tar *tar, const struct wlt_tar_member *member,
			 struct wlt_error *err)
{
	if (++tar->n_members > tar->limits.members)
		return wlt_fail(err, WLT_TOO_BIG, "the package has more than %u members",
				tar->limits.members);
	if (member->size > tar->limits.content - tar->content)
		return wlt_fail(err, WLT_TOO_BIG,
				"the package expands to more than the %llu bytes allowed",
				(unsigned long long)tar->limits.content);
	tar->content += member->size;
	return true;
}

/* Put header and overrides together. `*found` is false for a member that is passed over. */
static bool make_member(struct wlt_tar *tar, const struct wlt_tar_header *header,
			const struct wlt_tar_overrides *overrides, struct wlt_tar_member *out,
			bool *found, struct wlt_error *err)
{
	const char *name = header->name;
	bool itself;

	if (overrides->pax_path != NULL && overrides->gnu_path != NULL)
		return refuse(header->name, "has both a pax and a GNU long name", err);
	if (overrides->pax_path != NULL)
		name = overrides->pax_path;
	else if (overrides->gnu_path != NULL)
		name = overrides->gnu_path;
	*out = (struct wlt_tar_member){0};
	out->size = overrides->has_size ? overrides->size : header->size;
	out->mtime = header->mtime;
	if (tar->has_global_mtime)
		out->mtime = tar->global_mtime;
	if (overrides->has_mtime)
		out->mtime = overrides->mtime;
	out->executable = (header->mode & 0100) != 0;
	out->offset = tar->position;
	if (!check_type(name, header, out, err) || !count_member(tar, out, err) ||
	    !take_name(tar, name, out->folder, &itself, err))
		return false;
	out->path = tar->path;
	tar->left = out->size;
	tar->padding = padding_of(out->size);
	*found = !itself;
	return true;
}

/* From one header to the member it belongs to. `*end`: the archive's end was met and is in order. */
static bool next_member(struct wlt_tar *tar, struct wlt_tar_member *out, bool *found, bool *end,
			struct wlt_error *err)
{
	WLT_AUTO(clear_overrides) struct wlt_tar_overrides overrides = {0};
	struct wlt_tar_header header;
	uint8_t block[WLT_TAR_BLOCK];
	bool pax = false;

	for (unsigned n = 0;; n++) {
		if (!read_exact(tar, block, sizeof(block), err))
			return false;
		*end = wlt_tar_is_zero(block, sizeof(block));
		if (*end && n > 0)
			return wlt_fail(err, WLT_DAMAGED,
					"a tar extension header without a member");
		if (*end)
			return check_end(tar, err);
		if (!wlt_tar_parse_header(block, &header, err))
			return false;
		if (!is_extension(header.type))
			return make_member(tar, &header, &overrides, out, found, err);
		if (n == MAX_EXTENSIONS || (pax && header.type == 'x'))
			return refuse(header.name, "too many tar extension headers in a row", err);
		pax = pax || header.type == 'x';
		if (!take_extension(tar, &header, &overrides, err))
			return false;
	}
}

bool wlt_tar_next(struct wlt_tar *tar, struct wlt_tar_member *out, bool *found,
		  struct wlt_error *err)
{
	bool end = false;

	*found = false;
	while (!*found && !end) {
		if (!pass_over(tar, tar->left, err) || !pass_over(tar, tar->padding, err))
			return false;
		tar->left = 0;
		tar->padding = 0;
		if (!next_member(tar, out, found, &end, err))
			return false;
	}
	return true;
}

bool wlt_tar_read(struct wlt_tar *tar, uint8_t *out, size_t len, size_t *got, struct wlt_error *err)
{
	*got = 0;
	if (len > tar->left)
		len = (size_t)tar->left;
	if (len == 0)
		return true;
	if (!wlt_source_read(tar->source, out, len, got, err) || !admit(tar, *got, err))
		return false;
	if (*got == 0)
		return truncated(err);
	tar->left -= *got;
	return true;
}

bool wlt_tar_open(struct wlt_source *source, const struct wlt_tar_limits *limits,
		  struct wlt_tar **out, struct wlt_error *err)
{
	struct wlt_tar *tar = calloc(1, sizeof(*tar));

	if (tar == NULL)
		return wlt_fail_memory(err);
	tar->source = source;
	tar->limits = *limits;
	*out = tar;
	return true;
}

void wlt_tar_close(struct wlt_tar *tar)
{
	if (tar == NULL)
		return;
	free(tar->path);
	free(tar);
}
