/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"

/* Failures to write are sticky in the stream and looked at once, by wlt_terminal_flush(). */
static void put(FILE *out, const char *text)
{
	(void)fputs(text, out);
}

void wlt_terminal_put(FILE *out, const char *text)
{
	WLT_AUTOFREE char *safe = wlt_text_printable(text);

	put(out, safe != NULL ? safe : "(out of memory)");
}

static bool emphasizes(FILE *out)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(fileno(out)) == 1 && (no_color == NULL || no_color[0] == '\0');
}

void wlt_terminal_strong(FILE *out, const char *text)
{
	bool strong = emphasizes(out);

	if (strong)
		put(out, "\033[1m");
	wlt_terminal_put(out, text);
	if (strong)
		put(out, "\033[0m");
}

void wlt_terminal_word(FILE *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_./:@%+,=";
	WLT_AUTOFREE char *safe = wlt_text_printable(text);

	if (safe == NULL || (safe[0] != '\0' && safe[strspn(safe, plain)] == '\0')) {
		wlt_terminal_put(out, text);
		return;
	}
	put(out, "'");
	for (const char *c = safe; *c != '\0'; c++) {
		if (*c == '\'')
			put(out, "'\\''");
		else
			(void)fputc(*c, out);
	}
	put(out, "'");
}

void wlt_terminal_fingerprint(FILE *out, const char *fingerprint)
{
	size_t len = strlen(fingerprint);
	size_t half = len / 2;

	/* Break between groups. */
	while (half < len && fingerprint[half] != ' ')
		half++;
	(void)fprintf(out, "    %.*s\n", (int)half, fingerprint);
	if (half < len)
		(void)fprintf(out, "    %s\n", fingerprint + half + 1);
}

bool wlt_terminal_json(FILE *out, struct json_object *root, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;

	wlt_json_format(&text, root);
	if (!wlt_buf_ok(&text, err))
		return false;
	put(out, text.data);
	return true;
}

void wlt_terminal_note(const char *text)
{
	if (isatty(STDERR_FILENO) == 1)
		(void)fprintf(stderr, "%s\n", text);
}

bool wlt_terminal_flush(void)
{
	return fflush(stdout) == 0 && ferror(stdout) == 0;
}
