/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/backoff.h"

#include <errno.h>

int64_t wlt_backoff_ms(unsigned failures, uint32_t random)
{
	int64_t full = WLT_BACKOFF_FIRST_MS;

	for (unsigned i = 1; i < failures && full < WLT_BACKOFF_MOST_MS; i++)
		full *= 2;
	if (full > WLT_BACKOFF_MOST_MS)
		full = WLT_BACKOFF_MOST_MS;
	return full / 2 + (int64_t)(random % (uint32_t)(full / 2 + 1));
}

bool wlt_push_may_pass(const struct wlt_error *err)
{
	switch (err->kind) {
	case WLT_USAGE:
	case WLT_REFUSED:
	case WLT_TOO_BIG:
	case WLT_DAMAGED:
	case WLT_UNSUPPORTED:
	case WLT_UNTRUSTED:
	case WLT_NO_KEY:
	case WLT_EXISTS:
		return false;
	case WLT_OK:
	case WLT_SYSTEM:
	case WLT_MISSING: /* a relay on a disk that is not there now */
	case WLT_BUSY:
	case WLT_UNREACHABLE:
	case WLT_CANCELLED:
	case WLT_NO_MEMORY:
	case WLT_INTERNAL:
		break;
	}
	return true;
}

bool wlt_packing_may_pass(const struct wlt_error *err)
{
	if (err->kind == WLT_SYSTEM)
		return err->errnum == ENOSPC || err->errnum == EDQUOT || err->errnum == EMFILE ||
		       err->errnum == ENFILE || err->errnum == EIO;
	return err->kind == WLT_NO_MEMORY || err->kind == WLT_BUSY;
}
