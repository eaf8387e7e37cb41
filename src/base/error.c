/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* What is known about each kind; the system kind's errno is in the error itself. */
static const struct {
	const char *name;
	int errnum;
	int exit_code;
} kinds[] = {
	[WLT_OK] = {"ok", 0, 0},
	[WLT_SYSTEM] = {"system", EIO, 1},
	[WLT_USAGE] = {"usage", EINVAL, 2},
	[WLT_MISSING] = {"missing", ENOENT, 2},
	[WLT_DAMAGED] = {"damaged", EBADMSG, 1},
	[WLT_UNSUPPORTED] = {"unsupported", EOPNOTSUPP, 1},
	[WLT_UNTRUSTED] = {"untrusted", EKEYREJECTED, 1},
	[WLT_NO_KEY] = {"no-key", ENOKEY, 1},
	[WLT_REFUSED] = {"refused", EPERM, 1},
	[WLT_EXISTS] = {"exists", EEXIST, 1},
	[WLT_BUSY] = {"busy", EBUSY, 1},
	[WLT_TOO_BIG] = {"too-big", EFBIG, 1},
	[WLT_UNREACHABLE] = {"unreachable", EHOSTUNREACH, 1},
	[WLT_CANCELLED] = {"cancelled", ECANCELED, 1},
	[WLT_NO_MEMORY] = {"no-memory", ENOMEM, 1},
	[WLT_INTERNAL] = {"internal", EIO, 1},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static char *format(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/* The formatted text, NULL when out of memory. */
static char *format(const char *fmt, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		return NULL;
	return text;
}

/* Takes `text` over. It is made printable here, once for all: names and answers of strangers end up
 * in these sentences, and the sentences on terminals and in logs. */
static void set(struct wlt_error *err, enum wlt_kind kind, int errnum, char *text)
{
	char *printable = text != NULL ? wlt_text_printable(text) : NULL;

	free(text);
	wlt_error_clear(err);
	err->kind = kind;
	err->errnum = errnum;
	err->text = printable;
}

bool wlt_fail(struct wlt_error *err, enum wlt_kind kind, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = format(fmt, args);
	va_end(args);
	set(err, kind, 0, text);
	return false;
}

bool wlt_fail_errno(struct wlt_error *err, int errnum, const char *fmt, ...)
{
	WLT_AUTOFREE char *doing = NULL;
	char buffer[128];
	char *text = NULL;
	va_list args;

	if (errnum == ENOMEM)
		return wlt_fail_memory(err);
	va_start(args, fmt);
	doing = format(fmt, args);
	va_end(args);
	if (doing != NULL &&
	    asprintf(&text, "%s: %s", doing, strerror_r(errnum, buffer, sizeof(buffer))) < 0)
		text = NULL;
	if (errnum == ENOENT)
		set(err, WLT_MISSING, 0, text);
	else
		set(err, WLT_SYSTEM, errnum, text);
	return false;
}

bool wlt_fail_context(struct wlt_error *err, const char *fmt, ...)
{
	WLT_AUTOFREE char *context = NULL;
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	context = format(fmt, args);
	va_end(args);
	/* Without memory for the context the sentence itself stays. */
	if (context != NULL && asprintf(&text, "%s: %s", context, wlt_error_text(err)) >= 0)
		set(err, err->kind, err->errnum, text);
	return false;
}

bool wlt_fail_memory(struct wlt_error *err)
{
	set(err, WLT_NO_MEMORY, 0, NULL);
	return false;
}

void wlt_error_clear(struct wlt_error *err)
{
	int saved = errno;

	free(err->text);
	*err = (struct wlt_error)WLT_ERROR_INIT;
	errno = saved;
}

void wlt_error_move(struct wlt_error *to, struct wlt_error *from)
{
	if (to == from)
		return;
	wlt_error_clear(to);
	*to = *from;
	*from = (struct wlt_error)WLT_ERROR_INIT;
}

const char *wlt_error_text(const struct wlt_error *err)
{
	if (err->text != NULL)
		return err->text;
	switch (err->kind) {
	case WLT_OK:
		return "no error";
	case WLT_NO_MEMORY:
		return "out of memory";
	case WLT_SYSTEM:
	case WLT_USAGE:
	case WLT_MISSING:
	case WLT_DAMAGED:
	case WLT_UNSUPPORTED:
	case WLT_UNTRUSTED:
	case WLT_NO_KEY:
	case WLT_REFUSED:
	case WLT_EXISTS:
	case WLT_BUSY:
	case WLT_TOO_BIG:
	case WLT_UNREACHABLE:
	case WLT_CANCELLED:
	case WLT_INTERNAL:
		break;
	}
	return "an error whose description did not fit into memory";
}

int wlt_error_errno(const struct wlt_error *err)
{
	if (err->kind == WLT_SYSTEM && err->errnum > 0)
		return err->errnum;
	return (size_t)err->kind < KIND_COUNT ? kinds[err->kind].errnum : EIO;
}

int wlt_error_exit(const struct wlt_error *err)
{
	return (size_t)err->kind < KIND_COUNT ? kinds[err->kind].exit_code : 1;
}

const char *wlt_kind_name(enum wlt_kind kind)
{
	return (size_t)kind < KIND_COUNT ? kinds[kind].name : kinds[WLT_INTERNAL].name;
}

enum wlt_kind wlt_kind_from_name(const char *name)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return (enum wlt_kind)i;
	}
	return WLT_INTERNAL;
}
