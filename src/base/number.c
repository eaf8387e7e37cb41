/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/number.h"

#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define MOST_DIGITS  17 /* that a double can need */
#define PLAIN_DIGITS 16 /* integers with more are written with an exponent */
#define PLAIN_ZEROS  4  /* so are fractions with this many zeros behind the point */

static size_t count_digits(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

bool wlt_number_is_json(const char *text, size_t len, bool *integral)
{
	size_t at = len > 0 && text[0] == '-' ? 1 : 0;
	size_t digits = count_digits(text + at, len - at);

	*integral = true;
	if (digits == 0 || (digits > 1 && text[at] == '0'))
		return false;
	at += digits;
	if (at < len && text[at] == '.') {
		*integral = false;
		digits = count_digits(text + at + 1, len - at - 1);
		if (digits == 0)
			return false;
		at += 1 + digits;
	}
	if (at < len && (text[at] == 'e' || text[at] == 'E')) {
		*integral = false;
		at++;
		if (at < len && (text[at] == '+' || text[at] == '-'))
			at++;
		digits = count_digits(text + at, len - at);
		if (digits == 0)
			return false;
		at += digits;
	}
	return at == len;
}

static unsigned digit_value(char c)
{
	if (c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a') + 10;
}

struct json_object *wlt_number_integer(const char *digits, size_t len, unsigned base, bool negative,
				       bool *fits)
{
	uint64_t value = 0;

	*fits = true;
	for (size_t i = 0; i < len; i++) {
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit_value(digits[i]), &value))
			*fits = false;
	}
	if (negative && value > (uint64_t)INT64_MAX + 1)
		*fits = false;
	if (!*fits)
		return NULL;
	if (negative)
		return json_object_new_int64(value > INT64_MAX ? INT64_MIN : -(int64_t)value);
	if (value <= INT64_MAX)
		return json_object_new_int64((int64_t)value);
	return json_object_new_uint64(value);
}

/* strtod() with a full stop, whatever the locale of this thread. `*ok` is false without memory. */
static double parse_double(const char *text, bool *ok)
{
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double value;

	*ok = plain != (locale_t)0;
	if (!*ok)
		return 0;
	value = strtod_l(text, NULL, plain);
	freelocale(plain);
	return value;
}

struct json_object *wlt_number_float(const char *text, size_t len)
{
	WLT_AUTOFREE char *copy = strndup(text, len);
	bool integral, ok;
	double value;

	if (copy == NULL)
		return NULL;
	value = parse_double(copy, &ok);
	if (!ok)
		return NULL;
	if (!wlt_number_is_json(text, len, &integral))
		return json_object_new_double(value);
	return json_object_new_double_s(value, copy);
}

/* The fewest decimal digits that read back as `value` (finite, not negative), without the point,
 * and the exponent of the first of them. */
static void shortest_digits(double value, char digits[MOST_DIGITS + 1], int *exponent)
{
	char text[MOST_DIGITS + 16];
	size_t n = 0;

	for (int precision = 0; precision < MOST_DIGITS; precision++) {
		(void)snprintf(text, sizeof(text), "%.*e", precision, value);
		if (strtod(text, NULL) == value) /* both in the locale of this thread */
			break;
	}
	for (const char *at = text; *at != 'e' && *at != '\0' && n < MOST_DIGITS; at++) {
		if (*at >= '0' && *at <= '9') /* leaves out the decimal sign, whatever it is */
			digits[n++] = *at;
	}
	digits[n] = '\0';
	*exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

static void put_zeros(struct wlt_buf *out, int count)
{
	while (count-- > 0)
		wlt_buf_putc(out, '0');
}

/* As Python's repr() does it, which is what other ALIVE tools write with. */
static void format_double(struct wlt_buf *out, double value)
{
	char digits[MOST_DIGITS + 1];
	int exponent, count;

	if (!isfinite(value)) {
		wlt_buf_puts(out, "null"); /* JSON has no word for it */
		return;
	}
	if (signbit(value))
		wlt_buf_putc(out, '-');
	shortest_digits(fabs(value), digits, &exponent);
	count = (int)strlen(digits);
	if (exponent < -PLAIN_ZEROS || exponent >= PLAIN_DIGITS) {
		wlt_buf_putc(out, digits[0]);
		if (count > 1)
			wlt_buf_printf(out, ".%s", digits + 1);
		wlt_buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) {
		wlt_buf_puts(out, "0.");
		put_zeros(out, -exponent - 1);
		wlt_buf_puts(out, digits);
	} else {
		int whole = count < exponent + 1 ? count : exponent + 1;

		wlt_buf_append(out, digits, (size_t)whole);
		put_zeros(out, exponent + 1 - whole);
		wlt_buf_printf(out, ".%s", whole < count ? digits + whole : "0");
	}
}

void wlt_number_format(struct wlt_buf *out, struct json_object *number)
{
	/* The text of json_object_new_double_s(); nothing here sets other user data. */
	const char *text = json_object_get_userdata(number);

	if (text != NULL)
		wlt_buf_puts(out, text);
	else
		format_double(out, json_object_get_double(number));
}
