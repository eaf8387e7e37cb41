/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/opening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "relay/relay.h"

#define MEMORY_LIMIT (64ull << 20) /* plaintext beyond it is spilled */

bool wlt_credentials_take(struct wlt_credentials *credentials, int option)
{
	if (option == 'P')
		credentials->passphrase_env = optarg;
	else if (option == 'K')
		credentials->private_key = optarg;
	else
		return false;
	return true;
}

/* --- gathering --------------------------------------------------------------------------------- */

static bool open_file(struct wlt_opening *opening, struct wlt_error *err)
{
	struct stat st;

	/* Without waiting: opening a FIFO would wait for its writer. */
	opening->raw.fd = open(opening->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (opening->raw.fd < 0)
		return wlt_fail_errno(err, errno, "cannot open %s", opening->path);
	if (fstat(opening->raw.fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot look at %s", opening->path);
	if (!S_ISREG(st.st_mode))
		return wlt_fail(err, WLT_REFUSED, "%s is not a regular file", opening->path);
	opening->raw.size = (uint64_t)st.st_size;
	return true;
}

/* The key that was named, or the one in the keyring if it is there and can be used. */
static bool load_pair(struct wlt_opening *opening, const char *named, struct wlt_error *err)
{
	if (named != NULL)
		return wlt_key_load_private(AT_FDCWD, named, &opening->pair, err);
	if (!wlt_keyring_own_pair(opening->ring, &opening->pair, &opening->no_pair) &&
	    opening->no_pair.kind == WLT_MISSING)
		wlt_error_clear(&opening->no_pair);
	return true;
}

static bool load_own_name(struct wlt_opening *opening, struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;

	if (!wlt_relay_config_load(opening->places.relay_dir, &config, &fault)) {
		if (fault.kind == WLT_MISSING)
			return true;
		wlt_error_move(err, &fault);
		return false;
	}
	opening->own_name = strdup(config->username);
	return opening->own_name != NULL || wlt_fail_memory(err);
}

bool wlt_opening_begin(struct wlt_opening *opening, const char *path,
		       const struct wlt_credentials *credentials, struct wlt_error *err)
{
	opening->path = path;
	if (credentials->passphrase_env != NULL &&
	    !wlt_passphrase_take(credentials->passphrase_env, &opening->passphrase, err))
		return false;
	return open_file(opening, err) && wlt_places_find(&opening->places, err) &&
	       wlt_keyring_load(opening->places.keys_dir, &opening->ring, err) &&
	       load_pair(opening, credentials->private_key, err) && load_own_name(opening, err);
}

/* --- opening ----------------------------------------------------------------------------------- */

static int open_temporary(void)
{
	const char *dir = getenv("TMPDIR");

	return open(dir != NULL && dir[0] == '/' ? dir : "/var/tmp",
		    O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool wlt_opening_open(struct wlt_opening *opening, int spill_dirfd, const atomic_bool *cancel,
		      enum wlt_check *check, struct wlt_package **out, struct wlt_error *err)
{
	/* Not to be had: then what does not fit into memory fails, and says so. */
	WLT_AUTOCLOSE int temporary = spill_dirfd < 0 ? open_temporary() : -1;
	const struct wlt_open_options options = {
		.pair = opening->pair,
		.passphrase = opening->passphrase.text,
		.passphrase_len = opening->passphrase.len,
		.ring = opening->ring,
		.own_name = opening->own_name,
		.require_signature = opening->places.require_signature,
		.memory_limit = MEMORY_LIMIT,
		.spill_dirfd = spill_dirfd < 0 ? temporary : spill_dirfd,
		.cancel = cancel,
		.check = check,
	};

	if (wlt_package_open(&opening->raw, &options, out, err))
		return true;
	/* A key that could not be used is a better reason than that there was none. */
	if (err->kind == WLT_NO_KEY && opening->no_pair.kind != WLT_OK)
		wlt_error_move(err, &opening->no_pair);
	return wlt_fail_context(err, "%s", opening->path);
}

void wlt_opening_end(struct wlt_opening *opening)
{
	if (opening->raw.fd >= 0)
		(void)close(opening->raw.fd); /* only read from */
	wlt_places_free(&opening->places);
	wlt_keyring_free(opening->ring);
	wlt_key_unref(opening->pair);
	wlt_error_clear(&opening->no_pair);
	wlt_passphrase_free(&opening->passphrase);
	free(opening->own_name);
}
