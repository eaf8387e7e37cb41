/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "package/tar_read.h"

/* Where the fields of a header block lie. */
enum {
	NAME_AT = 0,
	NAME_LEN = 100,
	MODE_AT = 100,
	MODE_LEN = 8,
	SIZE_AT = 124,
	SIZE_LEN = 12,
	MTIME_AT = 136,
	MTIME_LEN = 12,
	CHECKSUM_AT = 148,
	CHECKSUM_LEN = 8,
	TYPE_AT = 156,
	MAGIC_AT = 257,
	MAGIC_LEN = 8, /* with the version */
	PREFIX_AT = 345,
	PREFIX_LEN = 155,
};

bool wlt_tar_is_zero(const uint8_t *bytes, size_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* --- numbers ----------------------------------------------------------------------------------- */

/* Octal digits after spaces, ended by a space, a NUL or the end of the field. */
static bool parse_octal(const uint8_t *field, size_t len, int64_t *value)
{
	uint64_t sum = 0;
	size_t i = 0;
	size_t first;

	while (i < len && field[i] == ' ')
		i++;
	first = i;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		sum = sum * 8 + (uint64_t)(field[i] - '0'); /* 12 digits: no overflow */
	if (i == first || (i < len && field[i] != ' ' && field[i] != 0))
		return false;
	*value = (int64_t)sum;
	return true;
}

/* GNU base-256: two's complement, most significant byte first, the top bit only a mark. */
static bool parse_base256(const uint8_t *field, size_t len, int64_t *value)
{
	bool negative = field[0] == 0xff;
	uint64_t sum = negative ? UINT64_MAX : 0;

	if (!negative && field[0] != 0x80)
		return false; /* more than 64 bits */
	for (size_t i = 1; i < len; i++) {
		uint64_t lost = sum >> 55; /* these have to be copies of the sign */

		if (lost != (negative ? 0x1ffu : 0u))
			return false;
		sum = sum << 8 | field[i];
	}
	*value = (int64_t)sum;
	return true;
}

static bool parse_number(const uint8_t *field, size_t len, int64_t *value)
{
	return (field[0] & 0x80) != 0 ? parse_base256(field, len, value)
				      : parse_octal(field, len, value);
}

/* --- the block --------------------------------------------------------------------------------- */

static bool checksum_matches(const uint8_t block[WLT_TAR_BLOCK])
{
	int64_t stored;
	int64_t sum = 0;

	for (size_t i = 0; i < WLT_TAR_BLOCK; i++)
		sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_LEN ? ' ' : block[i];
	return parse_octal(block + CHECKSUM_AT, CHECKSUM_LEN, &stored) && stored == sum;
}

/* A name field: text, then only NULs. Returns false when something hides behind the first NUL. */
static bool copy_name(const uint8_t *field, size_t len, char *out)
{
	size_t n = strnlen((const char *)field, len);

	memcpy(out, field, n);
	out[n] = '\0';
	return wlt_tar_is_zero(field + n, len - n);
}

static bool parse_name(const uint8_t block[WLT_TAR_BLOCK], bool ustar, char *out)
{
	size_t n = 0;

	if (ustar && block[PREFIX_AT] != 0) {
		if (!copy_name(block + PREFIX_AT, PREFIX_LEN, out))
			return false;
		n = strlen(out);
		out[n++] = '/';
	}
	return copy_name(block + NAME_AT, NAME_LEN, out + n);
}

bool wlt_tar_parse_header(const uint8_t block[WLT_TAR_BLOCK], struct wlt_tar_header *out,
			  struct wlt_error *err)
{
	const uint8_t *magic = block + MAGIC_AT;
	bool ustar = memcmp(magic, "ustar\00000", MAGIC_LEN) == 0;
	int64_t size;
	int64_t mode;

	if (!checksum_matches(block))
		return wlt_fail(err, WLT_DAMAGED, "a tar header's checksum is wrong");
	/* "ustar" and two spaces: GNU, whose prefix field holds other things. Zeros: v7. */
	if (!ustar && memcmp(magic, "ustar  ", MAGIC_LEN) != 0 &&
	    !wlt_tar_is_zero(magic, MAGIC_LEN))
		return wlt_fail(err, WLT_DAMAGED, "a tar header is of an unknown format");
	if (!parse_name(block, ustar, out->name))
		return wlt_fail(err, WLT_DAMAGED, "a tar header's name has a NUL inside");
	if (!parse_number(block + SIZE_AT, SIZE_LEN, &size) || size < 0 ||
	    !parse_number(block + MTIME_AT, MTIME_LEN, &out->mtime) ||
	    !parse_number(block + MODE_AT, MODE_LEN, &mode)) {
		WLT_AUTOFREE char *shown = wlt_text_printable(out->name);

		return wlt_fail(err, WLT_DAMAGED, "%s: malformed number in its tar header",
				shown != NULL ? shown : "?");
	}
	out->type = (char)block[TYPE_AT];
	out->size = (uint64_t)size;
	out->mode = (uint64_t)mode;
	return true;
}

/* --- pax records ------------------------------------------------------------------------------- */

struct record {
	const char *key;
	size_t key_len;
	const char *value;
	size_t value_len;
};

static bool bad_pax(const char *what, struct wlt_error *err)
{
	return wlt_fail(err, WLT_DAMAGED, "a pax header has %s", what);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts all of it, itself included. Moves `*at` on. */
static bool next_record(const char *bytes, size_t len, size_t *at, struct record *out,
			struct wlt_error *err)
{
	const char *record = bytes + *at;
	size_t left = len - *at;
	size_t n = 0;
	size_t i = 0;
	const char *equals;

	for (; i < left && i < 8 && record[i] >= '0' && record[i] <= '9'; i++)
		n = n * 10 + (size_t)(record[i] - '0');
	if (i == 0 || record[0] == '0' || i >= left || record[i] != ' ' || n > left || n < i + 4 ||
	    record[n - 1] != '\n')
		return bad_pax("a record of malformed length", err);
	out->key = record + i + 1;
	equals = memchr(out->key, '=', n - i - 2);
	if (equals == NULL || equals == out->key)
		return bad_pax("a record without a key", err);
	out->key_len = (size_t)(equals - out->key);
	out->value = equals + 1;
	out->value_len = (size_t)(record + n - 1 - out->value);
	*at += n;
	return true;
}

static bool key_is(const struct record *record, const char *key)
{
	return record->key_len == strlen(key) && memcmp(record->key, key, record->key_len) == 0;
}

static bool key_begins(const struct record *record, const char *prefix)
{
	size_t n = strlen(prefix);

	return record->key_len >= n && memcmp(record->key, prefix, n) == 0;
}

/* Decimal digits as far as they go; `*rest` counts what is left. */
static bool parse_decimal(const char *text, size_t len, int64_t *value, size_t *rest)
{
	size_t i = 0;

	*value = 0;
	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, text[i] - '0', value))
			return false;
	}
	*rest = len - i;
	return i > 0;
}

static bool take_size(const struct record *record, struct wlt_tar_overrides *out,
		      struct wlt_error *err)
{
	size_t rest;
	int64_t size;

	if (out->has_size)
		return bad_pax("two sizes", err);
	if (!parse_decimal(record->value, record->value_len, &size, &rest) || rest != 0)
		return bad_pax("a malformed size", err);
	out->has_size = true;
	out->size = (uint64_t)size;
	return true;
}

/* Seconds with an optional fraction, possibly negative; rounded down. */
static bool take_mtime(const struct record *record, struct wlt_tar_overrides *out,
		       struct wlt_error *err)
{
	bool negative = record->value_len > 0 && record->value[0] == '-';
	const char *text = record->value + (negative ? 1 : 0);
	size_t len = record->value_len - (negative ? 1 : 0);
	size_t rest;
	size_t fraction;
	int64_t seconds;
	bool nonzero = false;

	if (!parse_decimal(text, len, &seconds, &rest))
		return bad_pax("a malformed time", err);
	if (rest > 0 && text[len - rest] != '.')
		return bad_pax("a malformed time", err);
	for (fraction = len - rest + 1; fraction < len; fraction++) {
		if (text[fraction] < '0' || text[fraction] > '9')
			return bad_pax("a malformed time", err);
		nonzero = nonzero || text[fraction] != '0';
	}
	out->has_mtime = true;
	out->mtime = negative ? -seconds - (nonzero ? 1 : 0) : seconds;
	return true;
}

static bool take_path(const struct record *record, struct wlt_tar_overrides *out,
		      struct wlt_error *err)
{
	if (out->pax_path != NULL)
		return bad_pax("two paths", err);
	if (record->value_len == 0)
		return bad_pax("an empty path", err);
	if (memchr(record->value, 0, record->value_len) != NULL)
		return bad_pax("a path with a NUL inside", err);
	out->pax_path = strndup(record->value, record->value_len);
	return out->pax_path != NULL || wlt_fail_memory(err);
}

bool wlt_tar_parse_pax(const char *bytes, size_t len, bool global, struct wlt_tar_overrides *out,
		       struct wlt_error *err)
{
	size_t at = 0;

	while (at < len) {
		struct record record = {0};
		bool path_or_size;

		if (!next_record(bytes, len, &at, &record, err))
			return false;
		if (key_begins(&record, "GNU.sparse."))
			return bad_pax("a sparse file, which a package must not hold", err);
		path_or_size = key_is(&record, "path") || key_is(&record, "size");
		if (global && path_or_size)
			return bad_pax("one path or size for all members", err);
		if (key_is(&record, "path") && !take_path(&record, out, err))
			return false;
		if (key_is(&record, "size") && !take_size(&record, out, err))
			return false;
		if (key_is(&record, "mtime") && !take_mtime(&record, out, err))
			return false;
	}
	return true;
}
