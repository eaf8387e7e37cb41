/* SPDX-License-Identifier: MIT */
/*
 * Opening packages: their raw bytes, the keys, what is refused, and the picture that shows it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "post/arrivals.h"
#include "post/post_private.h"

/* --- keys --------------------------------------------------------------------------------------- */

/* The keyring and the own pair as they were at one time; shared by those who are opening. */
struct wlt_keybox {
	atomic_uint refs;
	char stamp[WLT_POLICY_BYTES]; /* of index.json */
	struct wlt_keyring *ring;
	struct wlt_key *pair; /* NULL until asked for, or when there is none */
	bool tried;           /* to load the pair */
};

static void box_unref(struct wlt_keybox *box)
{
	if (box == NULL || atomic_fetch_sub(&box->refs, 1) != 1)
		return;
	wlt_key_unref(box->pair);
	wlt_keyring_free(box->ring);
	free(box);
}

static void box_cleanup(struct wlt_keybox **box)
{
	box_unref(*box);
}

void wlt_keys_drop(struct wlt_post *post)
{
	box_unref(post->keys);
	post->keys = NULL;
}

/* Changes whenever the keyring is written: index.json is the last of its files to be. */
static void look_at_index(struct wlt_post *post, char stamp[WLT_POLICY_BYTES])
{
	WLT_AUTOFREE char *path = wlt_path_join(post->keys_dir, "index.json");
	struct stat st;

	(void)snprintf(stamp, WLT_POLICY_BYTES, "none");
	if (path != NULL && stat(path, &st) == 0)
		(void)snprintf(stamp, WLT_POLICY_BYTES, "%ju-%lld-%09ld-%lld", (uintmax_t)st.st_ino,
			       (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			       (long long)st.st_size);
}

static bool box_load(struct wlt_post *post, const char *stamp, struct wlt_keybox **out,
		     struct wlt_error *err)
{
	struct wlt_keybox *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return wlt_fail_memory(err);
	atomic_init(&box->refs, 1);
	(void)snprintf(box->stamp, sizeof(box->stamp), "%s", stamp);
	if (!wlt_keyring_load(post->keys_dir, &box->ring, err)) {
		box_unref(box);
		return false;
	}
	*out = box;
	return true;
}

/* The private key, once. A missing one only means that sealed packages stay shut. */
static bool box_load_pair(struct wlt_keybox *box, struct wlt_error *err)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error fault = WLT_ERROR_INIT;

	if (box->tried)
		return true;
	if (!wlt_keyring_own_pair(box->ring, &box->pair, &fault)) {
		box->pair = NULL;
		if (fault.kind != WLT_MISSING && fault.kind != WLT_NO_KEY) {
			wlt_error_move(err, &fault);
			return false;
		}
	}
	box->tried = true;
	return true;
}

static bool take_box(struct wlt_post *post, bool with_pair, struct wlt_keybox **out,
		     struct wlt_error *err)
{
	char stamp[WLT_POLICY_BYTES];
	bool ok = true;

	(void)pthread_mutex_lock(&post->keys_mutex);
	look_at_index(post, stamp);
	if (post->keys == NULL || strcmp(post->keys->stamp, stamp) != 0) {
		struct wlt_keybox *fresh = NULL;

		ok = box_load(post, stamp, &fresh, err);
		if (ok) {
			box_unref(post->keys);
			post->keys = fresh;
		}
	}
	ok = ok && (!with_pair || box_load_pair(post->keys, err));
	if (ok) {
		(void)atomic_fetch_add(&post->keys->refs, 1);
		*out = post->keys;
	}
	(void)pthread_mutex_unlock(&post->keys_mutex);
	return ok;
}

static bool signature_required(struct wlt_post *post, bool *required, struct wlt_error *err)
{
	struct wlt_preferences preferences;

	(void)memset(&preferences, 0, sizeof(preferences));
	if (!wlt_preferences_load(post->world, &preferences, err))
		return false;
	*required = preferences.require_signature;
	wlt_preferences_free(&preferences);
	return true;
}

bool wlt_keys_look(struct wlt_post *post, char own_id[WLT_KEY_ID_BYTES],
		   char policy[WLT_POLICY_BYTES], struct wlt_error *err)
{
	WLT_AUTO(box_cleanup) struct wlt_keybox *box = NULL;
	bool required = true;
	const char *id;

	if (!take_box(post, false, &box, err) || !signature_required(post, &required, err))
		return false;
	id = wlt_keyring_own_id(box->ring);
	(void)snprintf(own_id, WLT_KEY_ID_BYTES, "%s", id == NULL ? "" : id);
	(void)snprintf(policy, WLT_POLICY_BYTES, "%.70s %s %.12s", box->stamp,
		       required ? "signed" : "any", PACKAGE_VERSION);
	return true;
}

/* --- the picture -------------------------------------------------------------------------------- */

static bool build_locked(struct wlt_post *post, const char *own_id, const char *policy,
			 const struct wlt_arrivals **out, struct wlt_error *err)
{
	WLT_AUTO(wlt_strings_free) struct wlt_strings peers = {NULL, 0};
	uint64_t generation = post->arrivals == NULL ? 1 : post->arrivals->generation + 1;

	for (size_t i = 0; post->config != NULL && i < post->config->n_peers; i++)
		if (!wlt_strings_add(&peers, post->config->peers[i].name, err))
			return false;
	return wlt_arrivals_build(&post->known, &peers, own_id[0] == '\0' ? NULL : own_id, policy,
				  generation, out, err);
}

bool wlt_post_show(struct wlt_post *post, struct wlt_error *err)
{
	const struct wlt_arrivals *picture = NULL;
	char own_id[WLT_KEY_ID_BYTES];
	char policy[WLT_POLICY_BYTES];
	bool ok;

	if (!wlt_keys_look(post, own_id, policy, err))
		return false;
	wlt_post_lock(post);
	ok = build_locked(post, own_id, policy, &picture, err);
	if (ok && (post->arrivals == NULL || !wlt_arrivals_same(post->arrivals, picture))) {
		const struct wlt_arrivals *old = post->arrivals;

		post->inbox_changed = old != NULL;
		post->arrivals = picture;
		picture = old;
		wlt_desk_wake(post);
	}
	wlt_post_unlock(post);
	wlt_arrivals_release(picture);
	return ok;
}

const struct wlt_arrivals *wlt_post_arrivals(struct wlt_post *post)
{
	const struct wlt_arrivals *arrivals;

	wlt_post_lock(post);
	arrivals = wlt_arrivals_ref(post->arrivals);
	wlt_post_unlock(post);
	return arrivals;
}

/* --- bytes -------------------------------------------------------------------------------------- */

/* Somebody is inside who must be out before the post office closes. */
static bool enter(struct wlt_post *post, struct wlt_error *err)
{
	bool closed;

	wlt_post_lock(post);
	closed = atomic_load(&post->stopping);
	if (!closed)
		post->visitors++;
	wlt_post_unlock(post);
	return !closed || wlt_fail(err, WLT_CANCELLED, "walnutfs is being stopped");
}

static void leave(struct wlt_post *post)
{
	wlt_post_lock(post);
	post->visitors--;
	(void)pthread_cond_broadcast(&post->quiet);
	wlt_post_unlock(post);
}

/* An unlinked file, open for the courier to write and for the caller to read. A name for an instant, because
 * the same file has to be opened twice with different rights. */
static bool make_file(struct wlt_post *post, int *to_write, int *to_read, struct wlt_error *err)
{
	char name[4 + 33];
	WLT_AUTOCLOSE int writer = -1;

	(void)memcpy(name, "raw-", 5);
	if (!wlt_random_hex(16, name + 4, err))
		return false;
	writer = openat(post->state_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	if (writer < 0)
		return wlt_fail_errno(err, errno, "cannot make a file in the state folder");
	*to_read = openat(post->state_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (unlinkat(post->state_fd, name, 0) != 0 || *to_read < 0)
		return wlt_fail_errno(err, errno, "cannot make a file in the state folder");
	*to_write = wlt_take_fd(&writer);
	return true;
}

static bool fetch_raw(struct wlt_post *post, const char *oid, int *fd, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *request = NULL;
	WLT_AUTO(wlt_json_put) struct json_object *reply = NULL;
	WLT_AUTOFREE char *url = NULL;
	WLT_AUTOCLOSE int writer = -1;
	WLT_AUTOCLOSE int reader = -1;

	wlt_post_lock(post);
	url = post->known.url == NULL ? NULL : strdup(post->known.url);
	wlt_post_unlock(post);
	if (url == NULL)
		return wlt_fail(err, WLT_MISSING, "nothing has arrived yet");
	request = wlt_courier_request(post, "export", url);
	if (request == NULL || !wlt_json_set_string(request, "oid", oid))
		return wlt_fail_memory(err);
	if (!make_file(post, &writer, &reader, err) ||
	    !wlt_courier_run(request, writer, WLT_COURIER_LOCAL_MS, post->cancel_fd, &reply, err))
		return false;
	*fd = wlt_take_fd(&reader);
	return true;
}

bool wlt_post_raw(struct wlt_post *post, const char *oid, int *fd, struct wlt_error *err)
{
	bool ok;

	if (!enter(post, err))
		return false;
	ok = fetch_raw(post, oid, fd, err);
	leave(post);
	return ok;
}

/* --- opening ------------------------------------------------------------------------------------ */

/* Faults of the package itself, or of its standing with us; not of this machine at this moment. */
static bool is_refusal(enum wlt_kind kind, bool *for_ever)
{
	*for_ever = kind == WLT_DAMAGED || kind == WLT_TOO_BIG;
	return *for_ever || kind == WLT_NO_KEY || kind == WLT_UNTRUSTED || kind == WLT_UNSUPPORTED;
}

static void remember_refusal(struct wlt_post *post, const char *sender, const char *oid,
			     const struct wlt_error *why)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	WLT_AUTOFREE char *file = NULL;
	char own_id[WLT_KEY_ID_BYTES];
	char policy[WLT_POLICY_BYTES];
	const struct wlt_known_package *package;
	struct wlt_event line = {.event = "refused", .peer = sender, .reason = wlt_error_text(why)};
	bool for_ever;

	if (!is_refusal(why->kind, &for_ever) || !wlt_keys_look(post, own_id, policy, &ignored))
		return;
	wlt_post_lock(post);
	package = wlt_known_find(&post->known, sender, oid);
	file = package == NULL ? NULL : strdup(package->file);
	if (wlt_known_refuse(&post->known, sender, oid, why, for_ever ? NULL : policy, &ignored))
		post->known_dirty = true;
	wlt_post_unlock(post);
	(void)wlt_post_show(post, &ignored);
	line.package = file;
	wlt_events_append(&post->events, &line);
}

static bool open_package(struct wlt_post *post, const char *sender, const char *oid,
			 uint64_t memory_limit, struct wlt_package **out, struct wlt_error *err)
{
	WLT_AUTO(box_cleanup) struct wlt_keybox *box = NULL;
	WLT_AUTOFREE char *own_name = NULL;
	WLT_AUTOCLOSE int fd = -1;
	struct wlt_raw raw = {.fd = -1};
	struct wlt_open_options options = {
		.sender = sender,
		.memory_limit = memory_limit,
		.spill_dirfd = post->state_fd,
		.cancel = &post->stopping,
	};
	struct stat st;

	if (!take_box(post, true, &box, err) ||
	    !signature_required(post, &options.require_signature, err) ||
	    !fetch_raw(post, oid, &fd, err))
		return false;
	if (fstat(fd, &st) != 0)
		return wlt_fail_errno(err, errno, "cannot look at the bytes of a package");
	wlt_post_lock(post);
	if (post->config != NULL && post->config->username != NULL)
		own_name = strdup(post->config->username);
	wlt_post_unlock(post);
	raw.fd = fd;
	raw.size = (uint64_t)st.st_size;
	options.pair = box->pair;
	options.ring = box->ring;
	options.own_name = own_name;
	return wlt_package_open(&raw, &options, out, err);
}

bool wlt_post_open(struct wlt_post *post, const char *sender, const char *oid,
		   uint64_t memory_limit, struct wlt_package **out, struct wlt_error *err)
{
	bool ok;

	if (!enter(post, err))
		return false;
	ok = open_package(post, sender, oid, memory_limit, out, err);
	if (!ok)
		remember_refusal(post, sender, oid, err);
	leave(post);
	return ok;
}
