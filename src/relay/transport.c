/* SPDX-License-Identifier: MIT */
/*
 * A relay over the network: ssh, https and git through libgit2.
 *
 * libgit2 asks for credentials again after each failure, for ever, so every kind is offered once. The
 * verdict on a server's key or certificate stays libgit2's own (known_hosts, the system's authorities); it
 * is only noted, to be able to say what to do about it.
 */
#include "config.h"

#include "relay/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"

#define MAX_SAID 2000 /* bytes of the host's words that are kept */

static const char *const key_names[] = {"id_ed25519", "id_ecdsa", "id_rsa"};

#define N_KEYS (sizeof key_names / sizeof key_names[0])

/* One conversation with a remote. */
struct call {
	const struct wlt_mirror *mirror;
	bool agent_offered;
	bool token_offered;
	size_t keys_offered;
	bool exhausted;      /* nothing is left to offer */
	bool distrusted;     /* the server's key or certificate was not accepted */
	char *declined;      /* what the host said to the reference; NULL when it took it */
	struct wlt_buf said; /* what it said besides */
};

static void call_end(struct call *call)
{
	free(call->declined);
	wlt_buf_free(&call->said);
}

/* --- credentials ------------------------------------------------------------------------------- */

static int offer_token(struct call *call, git_credential **out)
{
	const char *token = getenv(call->mirror->token_env);

	if (call->token_offered || token == NULL || token[0] == '\0')
		return GIT_PASSTHROUGH;
	call->token_offered = true;
	/* Hosts look at the token; what stands for the user does not matter to them. */
	return git_credential_userpass_plaintext_new(out, "x-access-token", token);
}

/* The next key file in ~/.ssh that is there. */
static int offer_key_file(struct call *call, const char *user, git_credential **out)
{
	const char *home = getenv("HOME");

	while (home != NULL && call->keys_offered < N_KEYS) {
		WLT_AUTOFREE char *path = NULL;

		if (asprintf(&path, "%s/.ssh/%s", home, key_names[call->keys_offered++]) < 0) {
			path = NULL;
			return -1;
		}
		if (access(path, R_OK) == 0)
			return git_credential_ssh_key_new(out, user, NULL, path, NULL);
	}
	return GIT_PASSTHROUGH;
}

/* Somebody answers where SSH_AUTH_SOCK points. The variable often outlives its agent, and then libgit2
 * would give up instead of asking for the next kind. */
static bool has_agent(void)
{
	const char *path = getenv("SSH_AUTH_SOCK");
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (path == NULL || path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path));

	WLT_AUTOCLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static int offer_ssh(struct call *call, const char *user, git_credential **out)
{
	if (!call->agent_offered) {
		call->agent_offered = true;
		if (has_agent())
			return git_credential_ssh_key_from_agent(out, user);
	}
	return offer_key_file(call, user, out);
}

static int on_credentials(git_credential **out, const char *url, const char *user,
			  unsigned int allowed, void *payload)
{
	struct call *call = payload;
	const char *ssh_user = user != NULL ? user : "git";
	int code = GIT_PASSTHROUGH;

	(void)url; /* redirects are not followed, so it is the relay's */
	if ((allowed & GIT_CREDENTIAL_USERNAME) != 0)
		return git_credential_username_new(out, ssh_user);
	if ((allowed & GIT_CREDENTIAL_SSH_KEY) != 0)
		code = offer_ssh(call, ssh_user, out);
	else if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 &&
		 strncmp(call->mirror->url, "https://", 8) == 0)
		code = offer_token(call, out);
	if (code != GIT_PASSTHROUGH)
		return code;
	call->exhausted = true;
	return GIT_EAUTH;
}

static int on_certificate(git_cert *cert, int valid, const char *host, void *payload)
{
	struct call *call = payload;

	(void)cert;
	(void)host;
	if (!valid)
		call->distrusted = true;
	return GIT_PASSTHROUGH; /* the built-in verdict counts */
}

/* --- what the host says ------------------------------------------------------------------------ */

static int on_words(const char *text, int len, void *payload)
{
	struct call *call = payload;

	if (len > 0 && call->said.len + (size_t)len <= MAX_SAID)
		wlt_buf_append(&call->said, text, (size_t)len);
	return 0;
}

static int on_reference(const char *name, const char *status, void *payload)
{
	struct call *call = payload;

	(void)name;
	if (status == NULL)
		return 0;
	free(call->declined);
	call->declined = strdup(status);
	return GIT_EUSER;
}

/* The status and the host's other words as one printable line. */
static char *host_words(struct call *call)
{
	WLT_AUTO(wlt_buf_free) struct wlt_buf line = WLT_BUF_INIT;

	wlt_buf_puts(&line, call->declined);
	if (call->said.len > 0) {
		wlt_buf_puts(&line, " (");
		for (size_t i = 0; i < call->said.len; i++) {
			char c = call->said.data[i];
			char last = line.data != NULL ? line.data[line.len - 1] : ' ';

			if (c == '\n' || c == '\r' || c == ' ')
				c = ' ';
			if (c != ' ' || last != ' ')
				wlt_buf_putc(&line, c);
		}
		wlt_buf_puts(&line, ")");
	}
	return line.failed ? NULL : wlt_text_printable(line.data);
}

/* --- errors ------------------------------------------------------------------------------------ */

static bool fail_credentials(const struct call *call, struct wlt_error *err)
{
	const struct wlt_mirror *mirror = call->mirror;

	if (strncmp(mirror->url, "https://", 8) == 0)
		return wlt_fail(
			err, WLT_UNREACHABLE,
			"relay %s: the host wants an access token, and %s: put one into the "
			"environment variable %s",
			mirror->url,
			call->token_offered ? "it did not take the one it was given"
					    : "there is none",
			mirror->token_env);
	return wlt_fail(err, WLT_UNREACHABLE,
			"relay %s: the host took none of your ssh keys (agent, ~/.ssh/id_ed25519, "
			"id_ecdsa, id_rsa): add your public key there, or load the right one with "
			"ssh-add",
			mirror->url);
}

static bool fail_distrusted(const struct wlt_mirror *mirror, struct wlt_error *err)
{
	if (strncmp(mirror->url, "https://", 8) == 0)
		return wlt_fail(err, WLT_UNREACHABLE,
				"relay %s: the server's certificate is not valid", mirror->url);
	return wlt_fail(
		err, WLT_UNREACHABLE,
		"relay %s: the server's key is not the one in ~/.ssh/known_hosts, or not in "
		"it: connect to it once with ssh and compare the fingerprint",
		mirror->url);
}

/* Nothing of this is final: an agent comes up, a key is added, a repository is made. So what waits to be
 * sent goes on waiting, with the sentence to be read. */
static bool fail_call(const struct call *call, struct wlt_error *err)
{
	WLT_AUTOFREE char *words = wlt_text_printable(wlt_git_words());
	const git_error *last = git_error_last();

	if (words == NULL || (last != NULL && last->klass == GIT_ERROR_NOMEMORY))
		return wlt_fail_memory(err);
	if (call->exhausted)
		return fail_credentials(call, err);
	if (call->distrusted)
		return fail_distrusted(call->mirror, err);
	if (strstr(words, "private key file") != NULL)
		return wlt_fail(err, WLT_UNREACHABLE,
				"relay %s: %s (a key that has a passphrase must be loaded into an "
				"agent with ssh-add)",
				call->mirror->url, words);
	if (wlt_git_fail_no_space(err, git_repository_path(call->mirror->repo)))
		return false;
	return wlt_fail(err, WLT_UNREACHABLE, "relay %s: %s", call->mirror->url, words);
}

/* --- fetching ---------------------------------------------------------------------------------- */

static void set_callbacks(struct call *call, git_remote_callbacks *callbacks)
{
	callbacks->credentials = on_credentials;
	callbacks->certificate_check = on_certificate;
	callbacks->sideband_progress = on_words;
	callbacks->push_update_reference = on_reference;
	callbacks->payload = call;
}

static const git_remote_head *find_head(const git_remote_head **heads, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(heads[i]->name, name) == 0)
			return heads[i];
	}
	return NULL;
}

/* The branch that HEAD is advertised to be, else main; and where it stands. */
static int read_heads(struct wlt_mirror *mirror, git_remote *remote, struct wlt_tip *tip)
{
	const git_remote_head **heads = NULL;
	size_t n = 0;
	int code = git_remote_ls(&heads, &n, remote);

	if (code < 0)
		return code;

	const git_remote_head *head = find_head(heads, n, "HEAD");
	const char *target = head != NULL ? head->symref_target : NULL;

	if (target == NULL || strncmp(target, "refs/heads/", 11) != 0 ||
	    strlen(target) >= sizeof mirror->branch)
		target = WLT_DEFAULT_BRANCH;
	(void)snprintf(mirror->branch, sizeof mirror->branch, "%s", target);
	head = find_head(heads, n, mirror->branch);
	tip->exists = head != NULL;
	if (head != NULL)
		tip->id = head->oid;
	return 0;
}

static int download(struct call *call, git_remote *remote)
{
	git_fetch_options options;
	WLT_AUTOFREE char *refspec = NULL;
	int code = git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);

	if (code < 0)
		return code;
	/* The target is never written: no reference is updated but our own, by hand. */
	if (asprintf(&refspec, "%s:%s", call->mirror->branch, WLT_TIP_REF) < 0) {
		refspec = NULL;
		return -1;
	}

	git_strarray refspecs = {.strings = &refspec, .count = 1};

	set_callbacks(call, &options.callbacks);
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.proxy_opts.type = GIT_PROXY_AUTO;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	/* The whole history, always: whether an earlier push arrived is read from it. */
	return git_remote_download(remote, &refspecs, &options);
}

static bool fetch_over(struct call *call, struct wlt_mirror *mirror, git_remote *remote,
		       struct wlt_tip *tip, struct wlt_error *err)
{
	git_remote_connect_options options;
	bool has = true;
	int code = git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s", mirror->url);
	set_callbacks(call, &options.callbacks);
	options.proxy_opts.type = GIT_PROXY_AUTO;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;

	code = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &options);

	if (code == 0)
		code = read_heads(mirror, remote, tip);
	if (code < 0)
		return fail_call(call, err);
	if (tip->exists && !wlt_mirror_has(mirror, &tip->id, &has, err))
		return false;
	if (!has)
		code = download(call, remote);
	if (code < 0)
		return fail_call(call, err);
	if (!has && !wlt_mirror_has(mirror, &tip->id, &has, err))
		return false;
	return has || wlt_fail(err, WLT_UNREACHABLE, "relay %s: it changed while being fetched",
			       mirror->url);
}

bool wlt_remote_fetch(struct wlt_mirror *mirror, struct wlt_tip *tip, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_remote_free) git_remote *remote = NULL;
	struct call call = {.mirror = mirror, .said = WLT_BUF_INIT};
	int code = git_remote_create_anonymous(&remote, mirror->repo, mirror->url);
	bool ok;

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s", mirror->url);
	ok = fetch_over(&call, mirror, remote, tip, err);
	call_end(&call);
	return ok;
}

/* --- pushing ----------------------------------------------------------------------------------- */

static int push_over(struct call *call, git_remote *remote, const char *ref)
{
	git_push_options options;
	WLT_AUTOFREE char *refspec = NULL;
	int code = git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);

	if (code < 0)
		return code;
	if (asprintf(&refspec, "%s:%s", ref, call->mirror->branch) < 0) {
		refspec = NULL;
		return -1;
	}

	git_strarray refspecs = {.strings = &refspec, .count = 1};

	set_callbacks(call, &options.callbacks);
	options.proxy_opts.type = GIT_PROXY_AUTO;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	return git_remote_push(remote, &refspecs, &options);
}

/* A server words a lost race in many ways; these are git's own. */
static bool words_of_a_race(const char *words)
{
	static const char *const known[] = {
		"failed to update ref", "failed to lock", "cannot lock",         "non-fast-forward",
		"fetch first",          "stale info",     "incorrect old value",
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strstr(words, known[i]) != NULL)
			return true;
	}
	return false;
}

bool wlt_remote_push(struct wlt_mirror *mirror, const char *ref, enum wlt_push *outcome,
		     char **words, struct wlt_error *err)
{
	WLT_AUTO(wlt_git_remote_free) git_remote *remote = NULL;
	struct call call = {.mirror = mirror, .said = WLT_BUF_INIT};
	int code = git_remote_create_anonymous(&remote, mirror->repo, mirror->url);
	bool ok = true;

	if (code < 0)
		return wlt_git_fail(err, code, "relay %s", mirror->url);
	code = push_over(&call, remote, ref);
	if (call.declined != NULL) {
		*outcome = words_of_a_race(call.declined) ? WLT_PUSH_MOVED : WLT_PUSH_DECLINED;
		*words = host_words(&call);
		ok = *words != NULL || wlt_fail_memory(err);
	} else if (code == GIT_ENONFASTFORWARD || code == GIT_ELOCKED || code == GIT_EMODIFIED) {
		*outcome = WLT_PUSH_MOVED;
	} else if (code < 0) {
		ok = fail_call(&call, err);
	} else {
		*outcome = WLT_PUSH_DONE;
	}
	call_end(&call);
	return ok;
}
