/* SPDX-License-Identifier: MIT */
/*
 * A package file and what may open it: shared by the verbs that read one.
 *
 *     WLT_AUTO(wlt_opening_end) struct wlt_opening opening = WLT_OPENING_INIT;
 *
 *     return wlt_opening_begin(&opening, path, &credentials, &err) &&
 *            wlt_opening_open(&opening, -1, NULL, NULL, &package, &err);
 */
#ifndef WLT_CLI_OPENING_H
#define WLT_CLI_OPENING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/passphrase.h"
#include "package/package.h"

/* As typed; borrowed from the command line, NULL when not given. */
struct wlt_credentials {
	const char *passphrase_env;
	const char *private_key;
};

/* For the table of options, and for the loop over them: true when `option` was one of the two. */
#define WLT_CREDENTIAL_OPTIONS                              \
	{"passphrase-env", required_argument, NULL, 'P'},   \
	{                                                   \
		"private-key", required_argument, NULL, 'K' \
	}
bool wlt_credentials_take(struct wlt_credentials *credentials, int option);

/* Their lines in --help. */
#define WLT_CREDENTIAL_SYNOPSIS "[--passphrase-env VAR] [--private-key FILE]"
#define WLT_CREDENTIAL_DETAILS                                                       \
	"  --passphrase-env VAR  the environment variable that has the passphrase\n" \
	"  --private-key FILE    (default: ~/.alive/relay/keys/private.pem)\n"

struct wlt_opening {
	const char *path; /* as typed */
	struct wlt_raw raw;
	struct wlt_places places;
	struct wlt_keyring *ring;
	struct wlt_key *pair;
	struct wlt_error
		no_pair; /* why the default key is not used; WLT_OK when it is or is absent */
	struct wlt_passphrase passphrase;
	char *own_name; /* NULL without a relay */
};

#define WLT_OPENING_INIT           \
	{                          \
		.raw = {.fd = -1 } \
	}

/* Open the file and load what there is to open and to judge it with. An absent default key is no
 * failure, an absent one that was named is. */
bool wlt_opening_begin(struct wlt_opening *opening, const char *path,
		       const struct wlt_credentials *credentials, struct wlt_error *err);

/* Open the package as the user's preferences will have it. Plaintext that is too much for memory goes,
 * encrypted, into `spill_dirfd`; -1: a folder for temporary files. `cancel` and `check` may be NULL. */
bool wlt_opening_open(struct wlt_opening *opening, int spill_dirfd, const atomic_bool *cancel,
		      enum wlt_check *check, struct wlt_package **out, struct wlt_error *err);

/* Right in any case, whatever has succeeded. */
void wlt_opening_end(struct wlt_opening *opening);

#endif
