/* SPDX-License-Identifier: MIT */
/*
 * Error values.
 *
 * A function that can fail returns bool and takes a `struct wlt_error *` as its last argument. On
 * `true` the error is untouched; on `false` it is set. The code that detects a fault writes the one
 * sentence (what was being done, to which file, what was found, what would help); callers may put
 * context in front of it with wlt_fail_context(), they never replace it. The library never prints:
 * the mount turns the kind into an errno, the command line into an exit code, both here.
 *
 * Not thread-safe per value; different values are independent. `text` is owned by the value.
 */
#ifndef WLT_BASE_ERROR_H
#define WLT_BASE_ERROR_H

#include <stdbool.h>

enum wlt_kind {
	WLT_OK = 0,
	WLT_SYSTEM,      /* a system call failed: `errnum` says how */
	WLT_USAGE,       /* the request itself is malformed             EINVAL, exit 2 */
	WLT_MISSING,     /* the named file, folder or peer is not there ENOENT, exit 2 */
	WLT_DAMAGED,     /* not what its manifest or format says        EBADMSG */
	WLT_UNSUPPORTED, /* a form or version that is not known here    EOPNOTSUPP */
	WLT_UNTRUSTED,   /* signature refused                           EKEYREJECTED */
	WLT_NO_KEY,      /* no key here opens it or exists for the peer ENOKEY */
	WLT_REFUSED,     /* a rule says no                              EPERM */
	WLT_EXISTS,      /* the target is taken                         EEXIST */
	WLT_BUSY,        /* locked, or being worked on                  EBUSY */
	WLT_TOO_BIG,     /* a limit is exceeded                         EFBIG */
	WLT_UNREACHABLE, /* a relay does not answer now: try later      EHOSTUNREACH */
	WLT_CANCELLED,   /* stopped by the caller or at shutdown        ECANCELED */
	WLT_NO_MEMORY,   /*                                             ENOMEM */
	WLT_INTERNAL,    /* a bug or an unexpected library answer       EIO */
};

struct wlt_error {
	enum wlt_kind kind;
	int errnum; /* only for WLT_SYSTEM, else 0 */
	char *text; /* one sentence, no final full stop or LF; NULL only when out of memory */
};

#define WLT_ERROR_INIT               \
	{                            \
		WLT_OK, 0, (char *)0 \
	}

/* Set `err` (freeing what it held) and return false, so that `return wlt_fail(…)` reads well. */
bool wlt_fail(struct wlt_error *err, enum wlt_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a failed system call: kind WLT_SYSTEM (WLT_NO_MEMORY for ENOMEM, WLT_MISSING for
 * ENOENT), text "FMT: strerror(errnum)". */
bool wlt_fail_errno(struct wlt_error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "FMT: " in front of the text of an error that is set. Returns false. */
bool wlt_fail_context(struct wlt_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Out of memory: needs none itself. Returns false. */
bool wlt_fail_memory(struct wlt_error *err);

/* Release and reset to WLT_OK. */
void wlt_error_clear(struct wlt_error *err);

/* Move `from` into `to` (clearing what `to` held); `from` is WLT_OK afterwards. */
void wlt_error_move(struct wlt_error *to, struct wlt_error *from);

/* The sentence, never NULL. Valid until the value changes. */
const char *wlt_error_text(const struct wlt_error *err);

/* What the mount answers (a positive errno) and what a command exits with (0, 1 or 2). */
int wlt_error_errno(const struct wlt_error *err);
int wlt_error_exit(const struct wlt_error *err);

/* Stable names of the kinds ("damaged", "unreachable" …), for records on disk and between
 * processes. wlt_kind_from_name() gives WLT_INTERNAL for a name it does not know. */
const char *wlt_kind_name(enum wlt_kind kind);
enum wlt_kind wlt_kind_from_name(const char *name);

#endif
