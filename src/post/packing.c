/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/packing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/path.h"
#include "keys/keys.h"
#include "package/package.h"
#include "post/post_private.h"

#define PATH_BYTES (64 + WLT_NAME_BYTES)

/* What a package for this peer is made with. Read anew for each, because all of it can be edited. */
struct terms {
	struct wlt_preferences preferences;
	struct wlt_relay_config *config;
	struct wlt_keyring *ring;
	struct wlt_key *signer;
	struct wlt_key *recipient; /* borrowed from the ring */
	struct wlt_strings exclusions;
	struct wlt_strings bundles;
	enum wlt_scope scope;
};

static void terms_free(struct terms *terms)
{
	wlt_preferences_free(&terms->preferences);
	wlt_relay_config_free(terms->config);
	wlt_key_unref(terms->signer);
	wlt_keyring_free(terms->ring);
	wlt_strings_free(&terms->exclusions);
	wlt_strings_free(&terms->bundles);
}

static const char *environment(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : fallback;
}

/* --- keys --------------------------------------------------------------------------------------- */

/* `~/…` and paths relative to the world are allowed in the preferences. */
static bool load_named_key(const struct wlt_packing *packing, const char *path,
			   struct wlt_key **out, struct wlt_error *err)
{
	WLT_AUTOFREE char *full = NULL;

	if (strncmp(path, "~/", 2) == 0)
		full = wlt_path_join(environment("HOME", "/"), path + 2);
	else if (path[0] != '/' && packing->world != NULL)
		full = wlt_path_join(packing->world, path);
	else
		full = strdup(path);
	if (full == NULL)
		return wlt_fail_memory(err);
	return wlt_key_load_private(AT_FDCWD, full, out, err) ||
	       wlt_fail_context(err, "p2p.signing_key_path of the preferences");
}

static bool choose_keys(const struct wlt_packing *packing, struct terms *terms,
			struct wlt_error *err)
{
	const char *named = terms->preferences.signing_key_path;

	if (!wlt_keyring_load(packing->keys_dir, &terms->ring, err))
		return false;
	terms->recipient = wlt_keyring_of_peer(terms->ring, packing->peer);
	if (terms->recipient == NULL)
		return wlt_fail(err, WLT_NO_KEY,
				"there is no key for %s here: `walnut relay accept` fetches it",
				packing->peer);
	if (named != NULL && named[0] != '\0')
		return load_named_key(packing, named, &terms->signer, err);
	return wlt_keyring_own_pair(terms->ring, &terms->signer, err) ||
	       wlt_fail_context(err, "the key to sign with");
}

/* --- options ------------------------------------------------------------------------------------ */

static bool split_list(const char *text, struct wlt_strings *out, struct wlt_error *err)
{
	WLT_AUTOFREE char *copy = strdup(text);
	char *rest = copy;
	char *item;

	if (copy == NULL)
		return wlt_fail_memory(err);
	while ((item = strsep(&rest, ",")) != NULL)
		if (item[0] != '\0' && !wlt_strings_add_unique(out, item, err))
			return false;
	return true;
}

/* Preset, then the drop's own, then the peer's. */
static bool gather_exclusions(const struct wlt_packing *packing, struct terms *terms,
			      struct wlt_error *err)
{
	const char *preset = wlt_drop_option(packing->options, "preset");
	const struct wlt_peer *peer = wlt_relay_config_peer(terms->config, packing->peer);

	if (preset[0] != '\0' &&
	    !wlt_preferences_preset(&terms->preferences, preset, &terms->exclusions, err))
		return false;
	if (!split_list(wlt_drop_option(packing->options, "exclude"), &terms->exclusions, err))
		return false;
	for (size_t i = 0; peer != NULL && i < peer->n_exclude_patterns; i++)
		if (!wlt_strings_add_unique(&terms->exclusions, peer->exclude_patterns[i], err))
			return false;
	return true;
}

static bool choose_scope(const struct wlt_packing *packing, const struct wlt_origin *origin,
			 struct terms *terms, struct wlt_error *err)
{
	const char *scope = wlt_drop_option(packing->options, "scope");

	if (!split_list(wlt_drop_option(packing->options, "bundles"), &terms->bundles, err))
		return false;
	if (origin->bundle != NULL && terms->bundles.n == 0 &&
	    !wlt_strings_add(&terms->bundles, origin->bundle, err))
		return false;
	if (scope[0] == '\0')
		terms->scope = terms->bundles.n > 0 ? WLT_SCOPE_BUNDLE : WLT_SCOPE_FULL;
	else if (strcmp(scope, wlt_scope_name(WLT_SCOPE_BUNDLE)) == 0)
		terms->scope = WLT_SCOPE_BUNDLE;
	else if (strcmp(scope, wlt_scope_name(WLT_SCOPE_SNAPSHOT)) == 0)
		terms->scope = WLT_SCOPE_SNAPSHOT;
	else
		terms->scope = WLT_SCOPE_FULL;
	if ((terms->scope == WLT_SCOPE_BUNDLE) != (terms->bundles.n > 0))
		return wlt_fail(
			err, WLT_USAGE,
			"%s: scope bundle needs the names of bundles, and only it may have them",
			packing->name);
	return true;
}

static bool settle_terms(const struct wlt_packing *packing, const struct wlt_origin *origin,
			 struct terms *terms, struct wlt_error *err)
{
	return wlt_relay_config_load(packing->relay_dir, &terms->config, err) &&
	       wlt_preferences_load(packing->world, &terms->preferences, err) &&
	       choose_keys(packing, terms, err) && gather_exclusions(packing, terms, err) &&
	       choose_scope(packing, origin, terms, err);
}

/* --- making it ---------------------------------------------------------------------------------- */

static const char *sender_of(const struct terms *terms)
{
	const char *user = terms->config->username;

	return environment("GH_USER", user != NULL ? user : "unknown");
}

static bool stage(const struct wlt_packing *packing, struct wlt_origin *origin,
		  const struct terms *terms, struct wlt_stage **out, struct wlt_error *err)
{
	const struct wlt_stage_options options = {
		.scope = terms->scope,
		.bundles = terms->scope == WLT_SCOPE_BUNDLE ? &terms->bundles : NULL,
		.exclusions = &terms->exclusions,
		.include_full_history = wlt_drop_option_is_set(packing->options, "full_history"),
		.allow_restricted = wlt_drop_option_is_set(packing->options, "allow_restricted"),
		.session = environment("ALIVE_SESSION_ID", "manual"),
		.sender = sender_of(terms),
		.cancel = packing->cancel,
	};

	return wlt_stage_walnut(wlt_take_fd(&origin->fd), origin->walnut, &options, out, err);
}

static bool create(const struct wlt_packing *packing, const struct wlt_stage *staged,
		   const struct terms *terms, int fd, struct wlt_packed *out, struct wlt_error *err)
{
	const struct wlt_key *recipients[] = {terms->recipient};
	const struct wlt_create_options options = {
		.sender = sender_of(terms),
		.session = environment("ALIVE_SESSION_ID", "manual"),
		.engine = environment("ALIVE_ENGINE", "unknown"),
		.description = wlt_drop_option(packing->options, "description"),
		.note = wlt_drop_option(packing->options, "note"),
		.signer = terms->signer,
		.recipients = recipients,
		.n_recipients = 1,
		.cancel = packing->cancel,
	};
	struct wlt_created created;

	if (!wlt_package_create(staged, &options, fd, &created, err))
		return false;
	(void)memcpy(out->import_id, created.import_id, sizeof(out->import_id));
	out->size = created.size;
	return true;
}

static bool finish_file(const struct wlt_packing *packing, int fd, const char *from, const char *to,
			struct wlt_error *err)
{
	if (fsync(fd) != 0)
		return wlt_fail_errno(err, errno, "cannot sync the package of %s", packing->name);
	if (renameat(packing->spool_fd, from, packing->spool_fd, to) != 0)
		return wlt_fail_errno(err, errno, "cannot keep the package of %s", packing->name);
	return true;
}

static bool pack_walnut(const struct wlt_packing *packing, struct wlt_origin *origin,
			const struct terms *terms, struct wlt_packed *out, struct wlt_error *err)
{
	struct wlt_stage *staged = NULL;
	char draft[PATH_BYTES];
	char final[PATH_BYTES];
	WLT_AUTOCLOSE int fd = -1;
	bool ok;

	(void)snprintf(draft, sizeof(draft), "%s/package.new", packing->id);
	(void)snprintf(final, sizeof(final), "%s/package", packing->id);
	fd = openat(packing->spool_fd, draft, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return wlt_fail_errno(err, errno, "cannot make a package for %s", packing->name);
	ok = stage(packing, origin, terms, &staged, err) &&
	     create(packing, staged, terms, fd, out, err) &&
	     finish_file(packing, fd, draft, final, err) &&
	     wlt_package_name_make(staged->walnut_name, wlt_clock_now(), out->package, err);
	for (size_t i = 0; ok && i < staged->warnings.n; i++)
		ok = wlt_strings_add(&out->warnings, staged->warnings.items[i], err);
	wlt_stage_free(staged);
	if (!ok)
		(void)unlinkat(packing->spool_fd, draft, 0); /* overwritten the next time, else */
	return ok;
}

/* --- a package that is ready -------------------------------------------------------------------- */

static bool check_sealed(const struct wlt_packing *packing, const struct terms *terms,
			 const struct wlt_raw *raw, struct wlt_error *err)
{
	struct wlt_envelope envelope;
	const char *id = wlt_key_id(terms->recipient);
	bool sealed;
	bool for_peer;

	if (!wlt_envelope_read(raw, &envelope, err))
		return wlt_fail_context(err, "%s", packing->name);
	sealed = envelope.kind == WLT_ENVELOPE_RSA;
	for_peer = sealed && wlt_envelope_names(&envelope, id);
	wlt_envelope_free(&envelope);
	if (!sealed)
		return wlt_fail(
			err, WLT_REFUSED,
			"%s is not sealed for %s: drop the walnut's folder instead, which is "
			"packed and sealed here",
			packing->name, packing->peer);
	if (!for_peer)
		return wlt_fail(err, WLT_REFUSED, "%s is sealed, but not for the key %s of %s",
				packing->name, id, packing->peer);
	return true;
}

/* `nova-20260407-141200-a1b2c3d4.walnut` → `nova`: the stamp is made anew. */
static void walnut_of_package(const char *name, char out[WLT_NAME_BYTES + 1])
{
	int64_t stamp = 0;
	size_t len;

	(void)snprintf(out, WLT_NAME_BYTES + 1, "%s", name);
	len = strlen(out) - strlen(".walnut");
	out[len] = '\0';
	if (wlt_package_name_parse(name, &stamp) && stamp != 0 &&
	    len > strlen("-YYYYMMDD-HHMMSS-xxxxxxxx"))
		out[len - strlen("-YYYYMMDD-HHMMSS-xxxxxxxx")] = '\0';
}

static bool take_ready(const struct wlt_packing *packing, const struct terms *terms,
		       struct wlt_packed *out, struct wlt_error *err)
{
	char path[PATH_BYTES];
	char draft[PATH_BYTES];
	char final[PATH_BYTES];
	char walnut[WLT_NAME_BYTES + 1];
	struct wlt_raw raw = {.fd = -1};
	struct stat st;
	WLT_AUTOCLOSE int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/tree/%s", packing->id, packing->name);
	(void)snprintf(draft, sizeof(draft), "%s/package.new", packing->id);
	(void)snprintf(final, sizeof(final), "%s/package", packing->id);
	fd = openat(packing->spool_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot open %s", packing->name);
	raw.fd = fd;
	raw.size = (uint64_t)st.st_size;
	if (!check_sealed(packing, terms, &raw, err))
		return false;
	walnut_of_package(packing->name, walnut);
	out->size = raw.size;
	if (unlinkat(packing->spool_fd, draft, 0) != 0 && errno != ENOENT)
		return wlt_fail_errno(err, errno, "cannot remove %s", draft);
	/* Nobody changes the file while this name of it is in use: a write takes the drop back first. */
	if (linkat(packing->spool_fd, path, packing->spool_fd, draft, 0) != 0)
		return wlt_fail_errno(err, errno, "cannot keep %s", packing->name);
	return finish_file(packing, fd, draft, final, err) &&
	       wlt_package_name_make(walnut, wlt_clock_now(), out->package, err);
}

bool wlt_pack(const struct wlt_packing *packing, struct wlt_packed *out, struct wlt_error *err)
{
	struct wlt_origin origin = {.fd = -1};
	struct terms terms;
	bool ok;

	(void)memset(out, 0, sizeof(*out));
	(void)memset(&terms, 0, sizeof(terms));
	ok = wlt_origin_find(packing, &origin, err) && settle_terms(packing, &origin, &terms, err);
	if (ok && origin.fd >= 0)
		ok = pack_walnut(packing, &origin, &terms, out, err);
	else if (ok)
		ok = take_ready(packing, &terms, out, err);
	if (ok && out->size > WLT_MAX_PACKAGE)
		ok = wlt_fail(err, WLT_TOO_BIG, "%s makes a package of more than 1 GiB",
			      packing->name);
	if (!ok)
		wlt_strings_free(&out->warnings);
	wlt_origin_close(&origin);
	terms_free(&terms);
	return ok;
}
