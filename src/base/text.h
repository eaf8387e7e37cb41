/* SPDX-License-Identifier: MIT */
/*
 * Text from outside: UTF-8, hexadecimal, base64, and what may be shown on a terminal.
 * All functions are pure and thread-safe.
 */
#ifndef WLT_BASE_TEXT_H
#define WLT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define WLT_SHA256_BYTES 32
#define WLT_SHA256_HEX   65 /* 64 digits and NUL */

/* Well-formed UTF-8 as RFC 3629 defines it (no surrogates, no overlong forms, up to U+10FFFF). */
bool wlt_utf8_valid(const char *bytes, size_t len);

/* True when a C0 or C1 control character or DEL is in it. `bytes` is valid UTF-8. */
bool wlt_text_has_control(const char *bytes, size_t len);

/* `text` with every control character and every malformed byte replaced by '?': safe on a terminal
 * and in a one-line message. malloc()ed; NULL when out of memory. */
char *wlt_text_printable(const char *text);

/* Lower-case hex of `len` bytes into `out` (2 * len + 1 bytes). */
void wlt_hex_encode(const uint8_t *bytes, size_t len, char *out);

/* Exactly `len` bytes from 2 * len lower- or upper-case digits; false for anything else. */
bool wlt_hex_decode(const char *text, uint8_t *out, size_t len);

/* Standard alphabet, padded, one line (RFC 4648 section 4). */
void wlt_base64_encode(struct wlt_buf *out, const uint8_t *bytes, size_t len);

/* Strict: no white space, correct padding, no stray bits. `*len` is the capacity of `out` on
 * entry and the number of bytes on return. */
bool wlt_base64_decode(const char *text, uint8_t *out, size_t *len);

/* `len` random bytes from the operating system as lower-case hex (2 * len + 1 bytes in `out`). */
bool wlt_random_hex(size_t len, char *out, struct wlt_error *err);

/* Byte-order comparison of two C strings for qsort() over `char *`. */
int wlt_compare_strings(const void *a, const void *b);

#endif
