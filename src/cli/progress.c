/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE_MS 500 /* before the line appears */
#define REDRAW_MS   100
#define WIDTH       72 /* every line is as wide, so that it covers the one before */

void wlt_progress_begin(struct wlt_progress *progress)
{
	*progress = (struct wlt_progress){.wanted = isatty(STDERR_FILENO) == 1,
					  .begun = wlt_clock_monotonic()};
}

static double megabytes(uint64_t bytes)
{
	return (double)bytes / 1e6;
}

/* Nothing here looks at failures: there is nowhere to tell them. */
static void draw(const struct wlt_progress *progress, uint64_t done, uint64_t total, int64_t now)
{
	int64_t took = now - progress->what_begun;
	char line[WIDTH + 1];
	int len;

	len = snprintf(line, sizeof(line), "%s: %.1f of %.1f MB", progress->what, megabytes(done),
		       megabytes(total));
	if (took > 0 && len > 0 && len < WIDTH)
		(void)snprintf(line + len, sizeof(line) - (size_t)len, ", %.1f MB/s",
			       megabytes(done - progress->what_done) * 1000 / (double)took);
	(void)fprintf(stderr, "\r%-*s", WIDTH, line);
	(void)fflush(stderr);
}

void wlt_progress_tell(struct wlt_progress *progress, const char *what, uint64_t done,
		       uint64_t total)
{
	int64_t now;

	if (!progress->wanted)
		return;
	now = wlt_clock_monotonic();
	if (what != progress->what) {
		progress->what = what;
		progress->what_begun = now;
		progress->what_done = done;
	}
	if (now - progress->begun < PATIENCE_MS || now - progress->last < REDRAW_MS)
		return;
	draw(progress, done, total, now);
	progress->shown = true;
	progress->last = now;
}

void wlt_progress_end(struct wlt_progress *progress)
{
	if (progress->shown)
		(void)fprintf(stderr, "\r%*s\r", WIDTH, "");
	progress->shown = false;
}
