/* SPDX-License-Identifier: MIT */
/* A passphrase on its way from the environment to whoever seals or opens with it. */
#ifndef WLT_CLI_PASSPHRASE_H
#define WLT_CLI_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct wlt_passphrase {
	char *text; /* in the secure heap, NUL-terminated; NULL: none */
	size_t len;
};

/* Move the value of the environment's `variable` here: what was in the environment is overwritten and
 * the variable is gone, so that no child and no reader of /proc sees it any more. WLT_USAGE when the
 * variable is not set or empty. Not thread-safe, as nothing that changes the environment is. */
bool wlt_passphrase_take(const char *variable, struct wlt_passphrase *out, struct wlt_error *err);

/* Wiped and released. */
void wlt_passphrase_free(struct wlt_passphrase *passphrase);

#endif
