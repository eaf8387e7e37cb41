/* SPDX-License-Identifier: MIT */
/*
 * Mutations for tar archives. Blind ones nearly always end at a wrong checksum; these keep an archive in
 * shape around what they change, so that the rules behind are met too.
 */
#ifndef WLT_TESTS_MUTATE_TAR_H
#define WLT_TESTS_MUTATE_TAR_H

#include <stddef.h>
#include <stdint.h>

#define MUTATE_MEMBERS 32u

struct mutate_member {
	size_t header;  /* where its header block is */
	size_t content; /* where its content begins */
	size_t size;
	size_t end; /* behind the padding */
};

/* Members of what may be no tar at all, as far as they make sense. Returns their number. */
size_t mutate_members(const uint8_t *tar, size_t len, struct mutate_member out[MUTATE_MEMBERS]);

/* Put `size` bytes in the place of the content of the member at `header`, and that into its header.
 * Returns the new length; the old one, and nothing done, when it would be more than `max`. */
size_t mutate_replace(uint8_t *tar, size_t len, size_t max, const struct mutate_member *member,
		      const void *bytes, size_t size);

/* One mutation, in place. Returns the new length. */
size_t mutate_tar(uint8_t *tar, size_t len, size_t max, unsigned seed);

/* Make the checksums of all headers right. */
void mutate_checksums(uint8_t *tar, size_t len);

#endif
