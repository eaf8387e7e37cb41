/* SPDX-License-Identifier: MIT */
/* Questions to somebody at a terminal. */
#ifndef WLT_CLI_ASK_H
#define WLT_CLI_ASK_H

#include <stdbool.h>

#include "base/error.h"

/* Is there somebody who could answer: are stdin and stderr terminals? */
bool wlt_ask_possible(void);

/* Put `question`, a line, to them on stderr and read the answer: y or yes in any case, everything else
 * is no, as is the end of input. Ctrl-C is WLT_CANCELLED. Not within a wlt_interrupt. */
bool wlt_ask_yes(const char *question, bool *yes, struct wlt_error *err);

#endif
