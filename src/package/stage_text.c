/* SPDX-License-Identifier: MIT */
/* The texts that a package has instead of, or besides, what the walnut has. */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "package/staging.h"

/* A text as a YAML value: plain where that is safe to read back, else quoted. */
static void put_value(struct wlt_buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-.";
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off"};
	bool quoted = *text == '\0' || strchr("-.0123456789", *text) != NULL ||
		      text[strspn(text, plain)] != '\0';

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		quoted = quoted || strcasecmp(text, words[i]) == 0;
	if (!quoted) {
		wlt_buf_puts(out, text);
		return;
	}
	wlt_buf_putc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			wlt_buf_putc(out, '\\');
		wlt_buf_putc(out, *text);
	}
	wlt_buf_putc(out, '"');
}

static void put_head(struct wlt_buf *out, const char *walnut)
{
	char now[WLT_ISO_BYTES];

	wlt_clock_iso(wlt_clock_now(), now);
	wlt_buf_puts(out, "---\nwalnut: ");
	put_value(out, walnut);
	wlt_buf_printf(out, "\nstubbed_at: %s\n", now);
}

void wlt_text_stub_log(struct wlt_buf *out, const char *walnut, const char *session,
		       const char *sender)
{
	put_head(out, walnut);
	wlt_buf_printf(out,
		       "stubbed_by: squirrel:%s\n"
		       "reason: history stays with the sender unless it is shared on purpose\n"
		       "entry-count: 0\n"
		       "---\n"
		       "\n"
		       "The log of this walnut was withheld, as it is by default. Whoever needs it "
		       "can ask %s\nfor a package with the full history.\n",
		       session, sender);
}

void wlt_text_stub_insights(struct wlt_buf *out, const char *walnut)
{
	put_head(out, walnut);
	wlt_buf_puts(out,
		     "reason: insights stay with the sender unless they are shared on purpose\n"
		     "---\n"
		     "\n"
		     "## Strategy\n"
		     "(stubbed)\n"
		     "\n"
		     "## Technical\n"
		     "(stubbed)\n");
}

static const char *scope_sentence(enum wlt_scope scope)
{
	switch (scope) {
	case WLT_SCOPE_FULL:
		return "This is a whole walnut: its key, its tasks, its bundles and the files "
		       "around them.";
	case WLT_SCOPE_BUNDLE:
		return "These are bundles of a walnut, with the walnut's key to show where they "
		       "belong.";
	case WLT_SCOPE_SNAPSHOT:
		return "This is a snapshot of a walnut: its key, and nothing of its content.";
	}
	return "";
}

static void put_bundles(struct wlt_buf *out, const struct wlt_stage *stage)
{
	/* In bundle scope the names stand as they were asked for; here they are sorted. */
	const char *last = "";

	for (size_t i = 0; i < stage->bundles.n; i++) {
		const char *next = NULL;

		for (size_t k = 0; k < stage->bundles.n; k++) {
			const char *name = stage->bundles.items[k];

			if (strcmp(name, last) > 0 && (next == NULL || strcmp(name, next) < 0))
				next = name;
		}
		if (next == NULL)
			return;
		wlt_buf_printf(out, "- `%s/`\n", next);
		last = next;
	}
}

void wlt_text_readme(struct wlt_buf *out, const struct wlt_stage *stage)
{
	wlt_buf_printf(out, "# %s\n\n%s\n\n## What is inside\n\n", stage->walnut_name,
		       scope_sentence(stage->scope));
	wlt_buf_puts(out, "- `_kernel/`: what the walnut is; begin with `_kernel/key.md`\n");
	put_bundles(out, stage);
	wlt_buf_puts(out, "- `manifest.yaml`: what was packed, by whom and when, with checksums\n"
			  "\n"
			  "## How to read it\n"
			  "\n"
			  "Everything is plain text, Markdown, YAML or JSON, beside the files that "
			  "belong to it. In each\n"
			  "bundle `context.manifest.yaml` says what the bundle is for. A file that "
			  "says `stubbed` stands\n"
			  "for one that the sender kept.\n"
			  "\n"
			  "## How to open it\n"
			  "\n"
			  "With walnutfs mounted, the package is a folder in `inbox/`: read it "
			  "there, or copy it to\n"
			  "keep it. Without a mount, `walnut extract PACKAGE --output FOLDER` puts "
			  "the files into a\n"
			  "folder, and `walnut verify --package PACKAGE` only checks it.\n");
}
