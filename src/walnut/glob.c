/* SPDX-License-Identifier: MIT */
/*
 * Exclusion patterns, matched as a nondeterministic automaton: the states are positions in the
 * pattern, and all that can be reached are advanced together, character by character of the path.
 * There is no backtracking to blow up.
 */
#include "config.h"

#include "walnut/walnut.h"

#include <stdint.h>
#include <string.h>

struct pattern {
	const char *text;
	size_t len;
	bool tail; /* ends in `/`: the position behind it takes everything that follows */
};

typedef uint64_t states[WLT_PATTERN_BYTES / 64 + 1];

/* Bytes of the UTF-8 character at `s`; a stray byte counts as one. */
static size_t character(const char *s)
{
	unsigned char lead = (unsigned char)*s;
	size_t len = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < len; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
	return len;
}

/* The code point, or something above all code points for a stray byte. */
static uint32_t code_point(const char *s, size_t len)
{
	static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned char lead = (unsigned char)*s;
	uint32_t value = lead & lead_bits[len];

	if (len == 1)
		return lead < 0x80 ? lead : 0x110000u + lead;
	for (size_t i = 1; i < len; i++)
		value = value << 6 | ((unsigned char)s[i] & 0x3fu);
	return value;
}

/* Length of the class that begins at `s` (a `[`), 0 when it is just that character. */
static size_t class_length(const char *s)
{
	size_t first = s[1] == '^' ? 2 : 1;
	const char *end;

	if (s[first] == '\0' || s[first] == ']')
		return 0;
	end = strchr(s + first, ']');
	return end == NULL ? 0 : (size_t)(end - s) + 1;
}

static bool class_has(const char *s, size_t len, uint32_t wanted)
{
	const char *end = s + len - 1;
	bool negated = s[1] == '^';
	bool found = false;

	for (s += negated ? 2 : 1; s < end;) {
		size_t n = character(s);
		uint32_t low = code_point(s, n);
		uint32_t high = low;

		s += n;
		if (*s == '-' && s + 1 < end) {
			n = character(s + 1);
			high = code_point(s + 1, n);
			s += 1 + n;
		}
		found = found || (low <= wanted && wanted <= high);
	}
	return found != negated;
}

static bool is_set(const states set, size_t at)
{
	return (set[at / 64] >> (at % 64) & 1) != 0;
}

/* Add position `at` and all that can be reached from it without taking a character. */
static void reach(const struct pattern *pattern, states set, size_t at)
{
	for (;;) {
		set[at / 64] |= (uint64_t)1 << (at % 64);
		if (pattern->text[at] != '*')
			return;
		if (pattern->text[at + 1] == '*') {
			at += 2;
			/* The slash of a double-star-slash belongs to the run: it may be
			 * anything, or nothing. */
			if (pattern->text[at] == '/')
				at++;
		} else {
			at++;
		}
	}
}

/* Where the path's character at `s` leads from position `at`. */
static void step(const struct pattern *pattern, size_t at, const char *s, size_t len, states next)
{
	const char *p = pattern->text + at;
	size_t class_len;

	if (at == pattern->len) {
		if (pattern->tail)
			reach(pattern, next, at);
	} else if (*p == '*') {
		if (p[1] == '*' || *s != '/')
			reach(pattern, next, at);
	} else if (*p == '?') {
		if (*s != '/')
			reach(pattern, next, at + 1);
	} else if (*p == '[' && (class_len = class_length(p)) != 0) {
		if (class_has(p, class_len, code_point(s, len)))
			reach(pattern, next, at + class_len);
	} else if (strncmp(p, s, len) == 0) {
		reach(pattern, next, at + len);
	}
}

bool wlt_glob_match(const char *text, const char *path)
{
	struct pattern pattern = {.text = text, .len = strlen(text)};
	size_t words = pattern.len / 64 + 1;
	bool anchored = strchr(text, '/') != NULL;
	bool begins = true; /* a component of the path begins here */
	states set;
	states next;

	if (pattern.len == 0 || pattern.len > WLT_PATTERN_BYTES)
		return false;
	pattern.tail = text[pattern.len - 1] == '/';
	memset(set, 0, words * sizeof(*set));
	for (const char *s = path; *s != '\0';) {
		size_t len = character(s);

		if (begins && (!anchored || s == path))
			reach(&pattern, set, 0);
		memset(next, 0, words * sizeof(*next));
		for (size_t word = 0; word < words; word++)
			for (uint64_t bits = set[word]; bits != 0; bits &= bits - 1)
				step(&pattern, word * 64 + (size_t)__builtin_ctzll(bits), s, len,
				     next);
		memcpy(set, next, words * sizeof(*set));
		begins = *s == '/';
		s += len;
	}
	return is_set(set, pattern.len);
}
