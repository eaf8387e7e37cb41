/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "tar_forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void forge_free(struct forge *forge)
{
	free(forge->bytes);
	*forge = (struct forge)FORGE_INIT;
}

static uint8_t *make_room(struct forge *forge, size_t len)
{
	if (forge->capacity - forge->len < len) {
		forge->capacity = (forge->len + len) * 2;
		forge->bytes = realloc(forge->bytes, forge->capacity);
		if (forge->bytes == NULL)
			abort();
	}
	forge->len += len;
	return forge->bytes + forge->len - len;
}

void forge_put(struct forge *forge, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(make_room(forge, len), bytes, len);
}

void forge_fill(struct forge *forge, uint8_t byte, size_t len)
{
	memset(make_room(forge, len), byte, len);
}

void forge_checksum(uint8_t *block)
{
	unsigned sum = 0;
	char text[8];

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < FORGE_BLOCK; i++)
		sum += block[i];
	(void)snprintf(text, sizeof(text), "%06o", sum & 0777777u);
	memcpy(block + 148, text, 7);
}

uint8_t *forge_header(struct forge *forge, char type, const char *name, uint64_t size)
{
	uint8_t *block = make_room(forge, FORGE_BLOCK);
	char text[16];
	size_t n = strlen(name);

	memset(block, 0, FORGE_BLOCK);
	memcpy(block, name, n < 100 ? n : 100);
	memcpy(block + 100, "0000644", 8);
	memcpy(block + 108, "0000000", 8);
	memcpy(block + 116, "0000000", 8);
	(void)snprintf(text, sizeof(text), "%011llo", (unsigned long long)(size & 077777777777ull));
	memcpy(block + 124, text, 12);
	memcpy(block + 136, "14473563044", 12); /* 2023-01-01 */
	block[156] = (uint8_t)type;
	memcpy(block + 257, "ustar\00000", 8);
	forge_checksum(block);
	return block;
}

void forge_data(struct forge *forge, const void *bytes, size_t len)
{
	forge_put(forge, bytes, len);
	forge_fill(forge, 0, (FORGE_BLOCK - len % FORGE_BLOCK) % FORGE_BLOCK);
}

void forge_member(struct forge *forge, char type, const char *name, const char *text)
{
	(void)forge_header(forge, type, name, strlen(text));
	forge_data(forge, text, strlen(text));
}

void forge_file(struct forge *forge, const char *name, const char *text)
{
	forge_member(forge, '0', name, text);
}

void forge_extension(struct forge *forge, char type, const void *bytes, size_t len)
{
	(void)forge_header(forge, type, "extension", len);
	forge_data(forge, bytes, len);
}

void forge_pax(struct forge *forge, char type, const char *key, const void *value, size_t len)
{
	struct forge record = FORGE_INIT;
	size_t body = strlen(key) + len + 3; /* space, equals, LF */
	size_t total = body + 1;
	char text[16];

	while ((size_t)snprintf(text, sizeof(text), "%zu", total) + body != total)
		total++;
	forge_put(&record, text, strlen(text));
	forge_put(&record, " ", 1);
	forge_put(&record, key, strlen(key));
	forge_put(&record, "=", 1);
	forge_put(&record, value, len);
	forge_put(&record, "\n", 1);
	forge_extension(forge, type, record.bytes, record.len);
	forge_free(&record);
}

void forge_end(struct forge *forge)
{
	forge_fill(forge, 0, (size_t)2 * FORGE_BLOCK);
}
