/* SPDX-License-Identifier: MIT */
/* What is written for people. Text from outside loses its control characters here. */
#ifndef WLT_CLI_TERMINAL_H
#define WLT_CLI_TERMINAL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* `text`, printable, to `out`. */
void wlt_terminal_put(FILE *out, const char *text);

/* The same, emphasized on a terminal (and without NO_COLOR). */
void wlt_terminal_strong(FILE *out, const char *text);

/* The same, quoted for a shell where it has to be. */
void wlt_terminal_word(FILE *out, const char *text);

/* Two lines: a key's fingerprint is long. */
void wlt_terminal_fingerprint(FILE *out, const char *fingerprint);

/* A value as indented JSON; false only when out of memory. */
bool wlt_terminal_json(FILE *out, struct json_object *root, struct wlt_error *err);

/* A line on stderr about what is going on, when that is a terminal. */
void wlt_terminal_note(const char *text);

/* Everything has reached stdout; false, with errno, when it could not. */
bool wlt_terminal_flush(void);

#endif
