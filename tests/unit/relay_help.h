/* SPDX-License-Identifier: MIT */
/* Real repositories for the tests of relays, looked at with the git program. Everything here fails the
 * test when it does not work. */
#ifndef WLT_TESTS_RELAY_HELP_H
#define WLT_TESTS_RELAY_HELP_H

#include <stdbool.h>

#include "relay/relay.h"

/* Fixture functions: a fresh folder that is HOME too, and its removal with all that was started. */
void help_begin(void);
void help_end(void);

/* A path in that folder; valid until the end of the test. */
const char *help_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void help_write(const char *path, const char *text);
char *help_read(const char *path);

/* Run the git program and return its output without the last LF; for the caller to free. */
char *help_git(const char *const argv[]);
#define HELP_GIT(...) help_git((const char *const[]){"git", __VA_ARGS__, NULL})

/* What git says must be `expected`. */
#define HELP_GIT_SAYS(expected, ...)                \
	do {                                        \
		char *said = HELP_GIT(__VA_ARGS__); \
		ck_assert_str_eq(said, expected);   \
		free(said);                         \
	} while (0)

/* An empty bare repository made by git; its path. */
const char *help_bare(const char *name);

/* A `git daemon` that serves the folder, pushes included; its URL for `name`. Started once. */
const char *help_daemon_url(const char *name);

/* A listening socket of 127.0.0.1 that nobody serves; its port in `*port`. */
int help_mute_server(int *port);

/* A mirror of `url` in the folder NAME. */
struct wlt_mirror *help_mirror(const char *name, const char *url, const char *author);

/* Add one file with these bytes, or delete it when `bytes` is NULL, as change `id`. */
bool help_put(struct wlt_mirror *mirror, const char *id, const char *path, const char *bytes,
	      char commit[WLT_OID_BYTES], struct wlt_error *err);

/* Fail with the error's text when `ok` is false. */
void help_ok(bool ok, struct wlt_error *err);

/* `ok` must be false, and the error of this kind with `words` in its text. Clears it. */
void help_failed(bool ok, struct wlt_error *err, enum wlt_kind kind, const char *words);

/* Milliseconds of CLOCK_MONOTONIC. */
long long help_now(void);

#endif
