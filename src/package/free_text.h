/* SPDX-License-Identifier: MIT */
/* Free text as manifest.yaml can hold it: one line without a double quote (section 3). */
#ifndef WLT_PACKAGE_FREE_TEXT_H
#define WLT_PACKAGE_FREE_TEXT_H

#include <stdbool.h>

#include "base/error.h"

/* WLT_USAGE when `text` is not one line of valid UTF-8 without controls and double quotes; `what`
 * names it in the message. */
bool wlt_free_text_check(const char *what, const char *text, struct wlt_error *err);

#endif
