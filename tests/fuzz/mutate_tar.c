/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "mutate_tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/tar_forge.h"
#include "base/cleanup.h"
#include "fuzz.h"

#define NAME_LEN 100
#define SIZE_AT  124
#define SIZE_LEN 12

static size_t padded(size_t size)
{
	return (size + FORGE_BLOCK - 1) / FORGE_BLOCK * FORGE_BLOCK;
}

size_t mutate_members(const uint8_t *tar, size_t len, struct mutate_member out[MUTATE_MEMBERS])
{
	size_t n = 0;
	size_t at = 0;

	while (n < MUTATE_MEMBERS && len - at >= FORGE_BLOCK && tar[at] != 0) {
		char digits[SIZE_LEN + 1] = {0};
		struct mutate_member *member = &out[n];
		size_t left = len - at - FORGE_BLOCK;

		memcpy(digits, tar + at + SIZE_AT, SIZE_LEN);
		member->header = at;
		member->content = at + FORGE_BLOCK;
		member->size = strtoul(digits, NULL, 8);
		if (member->size > left || padded(member->size) > left)
			break;
		member->end = member->content + padded(member->size);
		at = member->end;
		n++;
	}
	return n;
}

size_t mutate_replace(uint8_t *tar, size_t len, size_t max, const struct mutate_member *member,
		      const void *bytes, size_t size)
{
	size_t tail = len - member->end;
	size_t end = member->content + padded(size);
	char digits[SIZE_LEN];

	if (end > max || tail > max - end)
		return len;
	memmove(tar + end, tar + member->end, tail);
	memset(tar + member->content, 0, padded(size));
	if (size > 0)
		memcpy(tar + member->content, bytes, size);
	(void)snprintf(digits, sizeof(digits), "%011lo", (unsigned long)size & 077777777777ul);
	memcpy(tar + member->header + SIZE_AT, digits, sizeof(digits));
	return end + tail;
}

void mutate_checksums(uint8_t *tar, size_t len)
{
	struct mutate_member members[MUTATE_MEMBERS];
	size_t n = mutate_members(tar, len, members);

	for (size_t i = 0; i < n; i++)
		forge_checksum(tar + members[i].header);
}

static size_t change_content(uint8_t *tar, size_t len, size_t max,
			     const struct mutate_member *member)
{
	size_t room = padded(member->size) + FORGE_BLOCK;
	WLT_AUTOFREE uint8_t *bytes = malloc(room);
	size_t size;

	fuzz_require(bytes != NULL);
	memcpy(bytes, tar + member->content, member->size);
	size = LLVMFuzzerMutate(bytes, member->size, room);
	return mutate_replace(tar, len, max, member, bytes, size);
}

/* A part of the header: mostly the name. What becomes shorter is filled with NULs. */
static void change_header(uint8_t *block, unsigned seed)
{
	static const struct {
		size_t at, len;
	} parts[] = {{0, NAME_LEN}, {0, NAME_LEN}, {0, NAME_LEN}, {100, 48},
		     {156, 101},    {156, 1},      {257, 255}};
	size_t i = seed % (sizeof(parts) / sizeof(parts[0]));
	uint8_t *field = block + parts[i].at;
	size_t len = parts[i].len;

	if (parts[i].at == 0) {
		len = strnlen((const char *)field, len);
		len = LLVMFuzzerMutate(field, len, parts[i].len);
	} else {
		len = LLVMFuzzerMutate(field, len, len);
	}
	memset(field + len, 0, parts[i].len - len);
}

/* A name made from that of another member, so that the two may clash. */
static void borrow_name(uint8_t *tar, const struct mutate_member *member,
			const struct mutate_member *other, unsigned seed)
{
	static const struct {
		const char *before, *behind;
	} forms[] = {{"", ""}, {"./", ""}, {"", "/"}, {"", "/a"}, {"", "/a/b"}, {"a/", ""}};
	size_t i = seed % (sizeof(forms) / sizeof(forms[0]));
	char name[NAME_LEN + 1];
	char made[2 * NAME_LEN];

	memcpy(name, tar + other->header, NAME_LEN);
	name[NAME_LEN] = '\0';
	(void)snprintf(made, sizeof(made), "%s%s%s", forms[i].before, name, forms[i].behind);
	if (strlen(made) > NAME_LEN)
		return;
	memset(tar + member->header, 0, NAME_LEN);
	memcpy(tar + member->header, made, strlen(made));
}

/* A member once more behind itself, or not at all. */
static size_t repeat_member(uint8_t *tar, size_t len, size_t max,
			    const struct mutate_member *member)
{
	size_t whole = member->end - member->header;

	if (whole > max - len)
		return len;
	memmove(tar + member->end + whole, tar + member->end, len - member->end);
	memcpy(tar + member->end, tar + member->header, whole);
	return len + whole;
}

static size_t drop_member(uint8_t *tar, size_t len, const struct mutate_member *member)
{
	memmove(tar + member->header, tar + member->end, len - member->end);
	return len - (member->end - member->header);
}

size_t mutate_tar(uint8_t *tar, size_t len, size_t max, unsigned seed)
{
	struct mutate_member members[MUTATE_MEMBERS];
	size_t n = mutate_members(tar, len, members);
	const struct mutate_member *member;

	if (n == 0)
		return LLVMFuzzerMutate(tar, len, max);
	member = &members[seed / 16 % n];
	switch (seed % 16) {
	case 0:
		return LLVMFuzzerMutate(tar, len, max);
	case 1:
		return repeat_member(tar, len, max, member);
	case 2:
		return drop_member(tar, len, member);
	case 3:
		borrow_name(tar, member, &members[seed / 512 % n], seed / 16384);
		return len;
	case 4:
	case 5:
	case 6:
	case 7:
		change_header(tar + member->header, seed / 512);
		return len;
	default:
		return change_content(tar, len, max, member);
	}
}
