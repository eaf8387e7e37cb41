/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/digest.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "package/member.h"

#define MAX_HELPERS 3
/* Below this many bytes a thread costs more than it saves. */
#define WORTH_A_THREAD (4u << 20)
#define FILE_COST      4096u /* opening one counts as much as reading that many bytes */

bool wlt_cancelled(const atomic_bool *cancel, struct wlt_error *err)
{
	if (cancel == NULL || !atomic_load_explicit(cancel, memory_order_relaxed))
		return false;
	(void)wlt_fail(err, WLT_CANCELLED, "stopped while the package was being made");
	return true;
}

bool wlt_sha256_new(struct wlt_sha256 *sha, struct wlt_error *err)
{
	sha->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha->context = EVP_MD_CTX_new();
	if (sha->algorithm != NULL && sha->context != NULL)
		return true;
	wlt_sha256_free(sha);
	return wlt_fail(err, WLT_INTERNAL, "cannot set up SHA-256");
}

bool wlt_sha256_begin(struct wlt_sha256 *sha, struct wlt_error *err)
{
	if (EVP_DigestInit_ex2(sha->context, sha->algorithm, NULL) != 1)
		return wlt_fail(err, WLT_INTERNAL, "cannot start SHA-256");
	return true;
}

bool wlt_sha256_update(struct wlt_sha256 *sha, const void *bytes, size_t len, struct wlt_error *err)
{
	if (EVP_DigestUpdate(sha->context, bytes, len) != 1)
		return wlt_fail(err, WLT_INTERNAL, "cannot go on with SHA-256");
	return true;
}

bool wlt_sha256_end(struct wlt_sha256 *sha, char out[WLT_SHA256_HEX], struct wlt_error *err)
{
	uint8_t digest[WLT_SHA256_BYTES];

	if (EVP_DigestFinal_ex(sha->context, digest, NULL) != 1)
		return wlt_fail(err, WLT_INTERNAL, "cannot finish SHA-256");
	wlt_hex_encode(digest, sizeof(digest), out);
	return true;
}

void wlt_sha256_free(struct wlt_sha256 *sha)
{
	EVP_MD_CTX_free(sha->context);
	EVP_MD_free(sha->algorithm);
	*sha = (struct wlt_sha256){0};
}

/* What the threads share. Each takes the next member that nobody has. */
struct pass {
	const struct wlt_stage *stage;
	const struct wlt_create_options *options;
	struct wlt_manifest_file *files;
	uint64_t total; /* bytes */
	atomic_uint_least64_t done;
	atomic_size_t next;
	atomic_bool failed; /* the others stop, too */
	pthread_mutex_t lock;
	struct wlt_error err; /* under `lock`: that of the member that comes first */
	size_t err_at;        /* under `lock` */
};

/* What the thread that makes the package tells of the work of all. */
static void tell(struct pass *pass)
{
	const struct wlt_create_options *options = pass->options;

	if (options->progress != NULL)
		options->progress(options->progress_context, WLT_STEP_CHECKSUMS,
				  atomic_load_explicit(&pass->done, memory_order_relaxed),
				  pass->total);
}

/* A thread's own. */
struct worker {
	struct pass *pass;
	bool tells; /* of the progress */
	struct wlt_sha256 sha;
	uint8_t *block; /* WLT_MEMBER_STEP bytes */
};

static bool digest_member(struct worker *worker, size_t at, struct wlt_error *err)
{
	WLT_AUTO(wlt_member_close) struct wlt_member_reader reader = {.fd = -1};
	struct pass *pass = worker->pass;
	const struct wlt_member *member = &pass->stage->members[at];
	struct wlt_manifest_file *file = &pass->files[at];
	size_t got;

	file->path = member->path;
	file->size = 0;
	if (!wlt_member_open(pass->stage->walnut_fd, member, &reader, err) ||
	    !wlt_sha256_begin(&worker->sha, err))
		return false;
	do {
		if (wlt_cancelled(pass->options->cancel, err) ||
		    !wlt_member_read(&reader, worker->block, WLT_MEMBER_STEP, &got, err) ||
		    !wlt_sha256_update(&worker->sha, worker->block, got, err))
			return false;
		file->size += got;
		(void)atomic_fetch_add_explicit(&pass->done, got, memory_order_relaxed);
		if (worker->tells)
			tell(pass);
	} while (got > 0);
	return wlt_sha256_end(&worker->sha, file->sha256, err);
}

/* Keep the error of the member that comes first, so that the message does not depend on chance. */
static void report(struct pass *pass, size_t at, struct wlt_error *err)
{
	(void)pthread_mutex_lock(&pass->lock);
	if (pass->err.kind == WLT_OK || at < pass->err_at) {
		wlt_error_move(&pass->err, err);
		pass->err_at = at;
	}
	(void)pthread_mutex_unlock(&pass->lock);
	atomic_store(&pass->failed, true);
	wlt_error_clear(err);
}

static void free_worker(struct worker *worker)
{
	wlt_sha256_free(&worker->sha);
	free(worker->block);
}

static void work(struct pass *pass, bool tells)
{
	WLT_AUTO(free_worker)
	struct worker worker = {pass, tells, .block = malloc(WLT_MEMBER_STEP)};
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	size_t at = 0;
	bool ok = worker.block != NULL ? wlt_sha256_new(&worker.sha, &err) : wlt_fail_memory(&err);

	while (ok && !atomic_load(&pass->failed)) {
		at = atomic_fetch_add(&pass->next, 1);
		if (at >= pass->stage->n_members)
			break;
		ok = digest_member(&worker, at, &err);
	}
	if (!ok)
		report(pass, at, &err);
}

static void *help(void *pass)
{
	work(pass, false);
	return NULL;
}

static size_t helpers_worth(const struct wlt_stage *stage)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = processors < 2 ? 0 : (size_t)processors - 1;
	uint64_t cost = 0;

	for (size_t i = 0; i < stage->n_members; i++)
		cost += stage->members[i].size + FILE_COST;
	if (cost / WORTH_A_THREAD < most)
		most = (size_t)(cost / WORTH_A_THREAD);
	return most < MAX_HELPERS ? most : MAX_HELPERS;
}

bool wlt_digest_members(const struct wlt_stage *stage, const struct wlt_create_options *options,
			struct wlt_manifest_file *files, struct wlt_error *err)
{
	struct pass pass = {.stage = stage, .options = options, .files = files};
	pthread_t helpers[MAX_HELPERS];
	size_t wanted = helpers_worth(stage);
	size_t n = 0;
	sigset_t all;
	sigset_t before;

	for (size_t i = 0; i < stage->n_members; i++)
		pass.total += stage->members[i].size;
	(void)pthread_mutex_init(&pass.lock, NULL);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (n < wanted && pthread_create(&helpers[n], NULL, help, &pass) == 0)
		n++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(&pass, true);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(helpers[i], NULL);
	(void)pthread_mutex_destroy(&pass.lock);
	if (pass.err.kind == WLT_OK)
		return true;
	wlt_error_move(err, &pass.err);
	return false;
}
