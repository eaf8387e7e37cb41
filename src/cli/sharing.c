/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/sharing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "relay/relay.h"

void wlt_share_request_free(struct wlt_share_request *request)
{
	wlt_strings_free(&request->bundles);
	wlt_strings_free(&request->exclude);
	wlt_strings_free(&request->recipients);
}

static const char *environment(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : fallback;
}

/* --- walnut and world -------------------------------------------------------------------------- */

static bool find_walnut(struct wlt_sharing *sharing, const char *typed, struct wlt_error *err)
{
	sharing->walnut = realpath(typed, NULL);
	if (sharing->walnut == NULL)
		return wlt_fail_errno(err, errno, "cannot open the walnut %s", typed);
	sharing->name = wlt_path_leaf(sharing->walnut);
	if (sharing->name[0] == '\0')
		return wlt_fail(err, WLT_USAGE, "%s cannot be a walnut: it has no name", typed);
	return true;
}

/* ALIVE_WORLD, else the one around the walnut, else none. */
static bool find_world(struct wlt_sharing *sharing, struct wlt_error *err)
{
	const char *named = environment("ALIVE_WORLD", NULL);

	if (named != NULL) {
		sharing->world = realpath(named, NULL);
		if (sharing->world == NULL)
			return wlt_fail_errno(err, errno, "the world %s (ALIVE_WORLD)", named);
	} else {
		sharing->world = wlt_world_around(sharing->walnut);
	}
	return wlt_preferences_load(sharing->world, &sharing->preferences, err);
}

/* --- relay ------------------------------------------------------------------------------------- */

/* Relay configuration, if it is there. */
static bool load_config(struct wlt_relay_config **out, struct wlt_error *err)
{
	WLT_AUTOFREE char *dir = wlt_relay_default_dir();

	if (dir == NULL)
		return wlt_fail(err, WLT_USAGE, "HOME is not set to your home folder");
	return wlt_relay_config_load(dir, out, err);
}

/* GH_USER, else the relay's user name, else unknown. */
static bool find_sender(struct wlt_sharing *sharing, struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	const char *sender = environment("GH_USER", NULL);

	if (sender == NULL && !load_config(&config, err)) {
		if (err->kind != WLT_MISSING)
			return false;
		wlt_error_clear(err);
	}
	if (config != NULL)
		sender = config->username;
	sharing->sender = strdup(sender != NULL && sender[0] != '\0' ? sender : "unknown");
	return sharing->sender != NULL || wlt_fail_memory(err);
}

/* "; there are: a, b", or that there is none. */
static bool fail_unknown_peer(const struct wlt_relay_config *config, const char *name,
			      struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf known = WLT_BUF_INIT;

	for (size_t i = 0; i < config->n_peers; i++)
		wlt_buf_printf(&known, "%s%s", i == 0 ? "" : ", ", config->peers[i].name);
	if (!wlt_buf_ok(&known, err))
		return false;
	return wlt_fail(err, WLT_MISSING, "there is no peer %s in relay.json (there are: %s)", name,
			known.len == 0 ? "none" : known.data);
}

static bool add_peer_patterns(struct wlt_sharing *sharing, const char *name, struct wlt_error *err)
{
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	const struct wlt_peer *peer;

	if (!load_config(&config, err))
		return wlt_fail_context(err, "the patterns of peer %s", name);
	peer = wlt_relay_config_peer(config, name);
	if (peer == NULL)
		return fail_unknown_peer(config, name, err);
	for (size_t i = 0; i < peer->n_exclude_patterns; i++)
		if (!wlt_strings_add_unique(&sharing->patterns, peer->exclude_patterns[i], err))
			return false;
	return true;
}

static bool merge_patterns(struct wlt_sharing *sharing, const struct wlt_share_request *request,
			   struct wlt_error *err)
{
	if (request->preset != NULL && !sharing->preferences.found)
		return wlt_fail(err, WLT_MISSING,
				"there is no share preset %s: %s%s has no .alive/preferences.yaml",
				request->preset, sharing->world == NULL ? "no world around " : "",
				sharing->world == NULL ? sharing->walnut : sharing->world);
	if (request->preset != NULL &&
	    !wlt_preferences_preset(&sharing->preferences, request->preset, &sharing->patterns,
				    err))
		return false;
	for (size_t i = 0; i < request->exclude.n; i++)
		if (!wlt_strings_add_unique(&sharing->patterns, request->exclude.items[i], err))
			return false;
	return request->exclude_from == NULL ||
	       add_peer_patterns(sharing, request->exclude_from, err);
}

/* --- keys -------------------------------------------------------------------------------------- */

static bool load_ring(struct wlt_sharing *sharing, struct wlt_error *err)
{
	WLT_AUTOFREE char *relay = wlt_relay_default_dir();
	WLT_AUTOFREE char *keys = relay == NULL ? NULL : wlt_keyring_default_dir(relay);

	if (keys == NULL)
		return wlt_fail(err, WLT_USAGE, "HOME is not set to your home folder");
	return wlt_keyring_load(keys, &sharing->ring, err);
}

static bool fail_no_key(const struct wlt_keyring *ring, const char *name, struct wlt_error *err)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf known = WLT_BUF_INIT;

	for (size_t i = 0; i < wlt_keyring_count(ring); i++) {
		const char *peer;

		(void)wlt_keyring_at(ring, i, &peer);
		wlt_buf_printf(&known, "%s%s", i == 0 ? "" : ", ", peer);
	}
	if (!wlt_buf_ok(&known, err))
		return false;
	return wlt_fail(err, WLT_NO_KEY,
			"there is no key of %s in the keyring (there are: %s); `walnut relay "
			"accept` or `walnut keys add` puts one there",
			name, known.len == 0 ? "none" : known.data);
}

static bool find_recipients(struct wlt_sharing *sharing, const struct wlt_strings *names,
			    struct wlt_error *err)
{
	if (names->n > WLT_MAX_RECIPIENTS)
		return wlt_fail(err, WLT_USAGE,
				"a package can be sealed for %u recipients, not %zu",
				WLT_MAX_RECIPIENTS, names->n);
	for (size_t i = 0; i < names->n; i++) {
		const struct wlt_key *key;

		if (!wlt_peer_name_check(names->items[i], err))
			return wlt_fail_context(err, "--recipient");
		key = wlt_keyring_of_peer(sharing->ring, names->items[i]);
		if (key == NULL)
			return fail_no_key(sharing->ring, names->items[i], err);
		sharing->recipients[sharing->n_recipients++] = key;
	}
	return true;
}

/* `~/…`, and paths relative to the world, are allowed in the preferences. */
static char *signing_key_path(const struct wlt_sharing *sharing)
{
	const char *path = sharing->preferences.signing_key_path;

	if (strncmp(path, "~/", 2) == 0)
		return wlt_path_join(environment("HOME", "/"), path + 2);
	return path[0] == '/' ? strdup(path) : wlt_path_join(sharing->world, path);
}

static bool load_signer(struct wlt_sharing *sharing, struct wlt_error *err)
{
	const char *named = sharing->preferences.signing_key_path;
	WLT_AUTOFREE char *path = NULL;

	if (named == NULL || named[0] == '\0')
		return wlt_keyring_own_pair(sharing->ring, &sharing->signer, err) ||
		       wlt_fail_context(err,
					"no key to sign with (`walnut relay setup` makes one)");
	path = signing_key_path(sharing);
	if (path == NULL)
		return wlt_fail_memory(err);
	return wlt_key_load_private(AT_FDCWD, path, &sharing->signer, err) ||
	       wlt_fail_context(err, "p2p.signing_key_path of the preferences");
}

static bool find_keys(struct wlt_sharing *sharing, const struct wlt_share_request *request,
		      struct wlt_error *err)
{
	if (!request->sign && request->recipients.n == 0)
		return true;
	return load_ring(sharing, err) && find_recipients(sharing, &request->recipients, err) &&
	       (!request->sign || load_signer(sharing, err));
}

/* --- all together ------------------------------------------------------------------------------ */

bool wlt_sharing_begin(struct wlt_sharing *sharing, const struct wlt_share_request *request,
		       struct wlt_error *err)
{
	*sharing = (struct wlt_sharing){
		.session = environment("ALIVE_SESSION_ID", "manual"),
		.engine = environment("ALIVE_ENGINE", "unknown"),
	};
	return find_walnut(sharing, request->walnut, err) && find_world(sharing, err) &&
	       find_sender(sharing, err) && merge_patterns(sharing, request, err) &&
	       find_keys(sharing, request, err);
}

void wlt_sharing_end(struct wlt_sharing *sharing)
{
	wlt_key_unref(sharing->signer);
	wlt_keyring_free(sharing->ring);
	wlt_strings_free(&sharing->patterns);
	wlt_preferences_free(&sharing->preferences);
	free(sharing->sender);
	free(sharing->world);
	free(sharing->walnut);
}

bool wlt_sharing_stage(const struct wlt_sharing *sharing, const struct wlt_share_request *request,
		       const atomic_bool *cancel, struct wlt_stage **out, struct wlt_error *err)
{
	const struct wlt_stage_options options = {
		.scope = request->scope,
		.bundles = request->scope == WLT_SCOPE_BUNDLE ? &request->bundles : NULL,
		.exclusions = &sharing->patterns,
		.include_full_history = request->include_full_history,
		.allow_restricted = request->allow_restricted,
		.allow_with = "--allow-restricted",
		.session = sharing->session,
		.sender = sharing->sender,
		.cancel = cancel,
	};
	int fd = open(sharing->walnut, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot open the walnut %s", sharing->walnut);
	return wlt_stage_walnut(fd, sharing->name, &options, out, err);
}
