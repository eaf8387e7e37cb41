/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Four-digit years: 0000-01-01T00:00:00Z to 9999-12-31T23:59:59Z. */
#define EARLIEST INT64_C(-62167219200)
#define LATEST   INT64_C(253402300799)

#define DAY INT64_C(86400)

struct calendar {
	int64_t year;
	int month, day, hour, minute, second; /* month and day from 1 */
};

/* Days since 1970-01-01 of a date of the Gregorian calendar. Years begin in March here, so that
 * the leap day is the last of its year. */
static int64_t days_from_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static int days_in_month(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool seconds_from_calendar(const struct calendar *at, int64_t *seconds)
{
	if (at->month < 1 || at->month > 12 || at->day < 1 ||
	    at->day > days_in_month(at->year, at->month) || at->hour > 23 || at->minute > 59 ||
	    at->second > 59)
		return false;
	*seconds = days_from_date(at->year, at->month, at->day) * DAY + at->hour * INT64_C(3600) +
		   at->minute * INT64_C(60) + at->second;
	return true;
}

/* Read `text` along `pattern`: Y M D h m s are digits of that field, anything else stands for
 * itself. What follows the pattern is not looked at. */
static bool parse_pattern(const char *text, const char *pattern, int64_t *seconds)
{
	static const char letters[] = "YMDhms";
	int fields[6] = {0};
	struct calendar at;

	for (; *pattern != '\0'; pattern++, text++) {
		const char *letter = strchr(letters, *pattern);

		if (letter == NULL) {
			if (*text != *pattern)
				return false;
			continue;
		}
		if (*text < '0' || *text > '9')
			return false;
		fields[letter - letters] = fields[letter - letters] * 10 + (*text - '0');
	}
	at = (struct calendar){fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]};
	return seconds_from_calendar(&at, seconds);
}

bool wlt_clock_parse_iso(const char *text, int64_t *seconds)
{
	return strlen(text) == WLT_ISO_BYTES - 1 &&
	       parse_pattern(text, "YYYY-MM-DDThh:mm:ssZ", seconds);
}

bool wlt_clock_parse_stamp(const char *text, int64_t *seconds)
{
	return parse_pattern(text, "YYYYMMDD-hhmmss", seconds);
}

/* Out of four-digit years is clamped: every time stamp stays readable by its inverse. */
static struct tm to_calendar(int64_t seconds)
{
	struct tm at = {0};
	time_t when = (time_t)(seconds < EARLIEST ? EARLIEST : seconds > LATEST ? LATEST : seconds);

	(void)gmtime_r(&when, &at); /* cannot fail in this range */
	return at;
}

void wlt_clock_iso(int64_t seconds, char out[WLT_ISO_BYTES])
{
	struct tm at = to_calendar(seconds);

	(void)snprintf(out, WLT_ISO_BYTES, "%04u-%02u-%02uT%02u:%02u:%02uZ",
		       (unsigned)(at.tm_year + 1900) % 10000, (unsigned)(at.tm_mon + 1) % 100,
		       (unsigned)at.tm_mday % 100, (unsigned)at.tm_hour % 100,
		       (unsigned)at.tm_min % 100, (unsigned)at.tm_sec % 100);
}

void wlt_clock_stamp(int64_t seconds, char out[WLT_STAMP_BYTES])
{
	struct tm at = to_calendar(seconds);

	(void)snprintf(out, WLT_STAMP_BYTES, "%04u%02u%02u-%02u%02u%02u",
		       (unsigned)(at.tm_year + 1900) % 10000, (unsigned)(at.tm_mon + 1) % 100,
		       (unsigned)at.tm_mday % 100, (unsigned)at.tm_hour % 100,
		       (unsigned)at.tm_min % 100, (unsigned)at.tm_sec % 100);
}

/* The value of a variable, NULL when unset or empty. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool parse_epoch(const char *text, int64_t *seconds)
{
	int64_t value = 0;

	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (*text - '0');
		if (value > LATEST)
			return false;
	}
	*seconds = value;
	return true;
}

static bool fixed_time(int64_t *seconds)
{
	const char *now = variable("WALNUT_NOW");
	const char *epoch = variable("SOURCE_DATE_EPOCH");

	if (now != NULL && wlt_clock_parse_iso(now, seconds))
		return true;
	return epoch != NULL && parse_epoch(epoch, seconds);
}

int64_t wlt_clock_now(void)
{
	int64_t seconds = 0;

	return fixed_time(&seconds) ? seconds : (int64_t)time(NULL);
}

bool wlt_clock_is_fixed(void)
{
	int64_t seconds;

	return fixed_time(&seconds);
}

bool wlt_clock_check_environment(struct wlt_error *err)
{
	const char *now = variable("WALNUT_NOW");
	const char *epoch = variable("SOURCE_DATE_EPOCH");
	int64_t seconds;

	if (now != NULL && !wlt_clock_parse_iso(now, &seconds))
		return wlt_fail(err, WLT_USAGE,
				"WALNUT_NOW is '%s', not a time such as 2026-04-07T10:15:00Z", now);
	if (epoch != NULL && !parse_epoch(epoch, &seconds))
		return wlt_fail(err, WLT_USAGE,
				"SOURCE_DATE_EPOCH is '%s', not a number of seconds since 1970",
				epoch);
	return true;
}

int64_t wlt_clock_monotonic(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
