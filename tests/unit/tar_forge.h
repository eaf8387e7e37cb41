/* SPDX-License-Identifier: MIT */
/*
 * Tar archives put together byte by byte, so that a test can say exactly what is wrong with one. Out of
 * memory ends the test program.
 */
#ifndef WLT_TESTS_TAR_FORGE_H
#define WLT_TESTS_TAR_FORGE_H

#include <stddef.h>
#include <stdint.h>

#define FORGE_BLOCK 512u

struct forge {
	uint8_t *bytes;
	size_t len;
	size_t capacity;
};

#define FORGE_INIT                 \
	{                          \
		(uint8_t *)0, 0, 0 \
	}

void forge_free(struct forge *forge);
void forge_put(struct forge *forge, const void *bytes, size_t len);
void forge_fill(struct forge *forge, uint8_t byte, size_t len);

/* A ustar header with a right checksum. The block may be changed through what is returned, which is
 * valid until the next call, and given a new checksum. */
uint8_t *forge_header(struct forge *forge, char type, const char *name, uint64_t size);
void forge_checksum(uint8_t *block);

/* Content with its padding. */
void forge_data(struct forge *forge, const void *bytes, size_t len);

/* A member with a text as its content. */
void forge_member(struct forge *forge, char type, const char *name, const char *text);
void forge_file(struct forge *forge, const char *name, const char *text);

/* An extension header of `type` (x g L K) with `len` bytes as its content. */
void forge_extension(struct forge *forge, char type, const void *bytes, size_t len);
/* A pax header of one record, its length worked out here. */
void forge_pax(struct forge *forge, char type, const char *key, const void *value, size_t len);

/* Two zero blocks. */
void forge_end(struct forge *forge);

#endif
