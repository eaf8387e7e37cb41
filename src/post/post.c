/* SPDX-License-Identifier: MIT */
/*
 * The life of the post office.
 */
#include "config.h"

#include "post/post.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "post/arrivals.h"
#include "post/post_private.h"
#include "post/state_dir.h"

/* How long a start waits for an instance that is about to end. */
#define WLT_HANDOVER_MS 2000

/* --- the struct --------------------------------------------------------------------------------- */

static bool init_locks(struct wlt_post *post, struct wlt_error *err)
{
	pthread_condattr_t monotonic;
	int errnum = pthread_condattr_init(&monotonic);

	if (errnum == 0) {
		errnum = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
		if (errnum == 0)
			errnum = pthread_cond_init(&post->work, &monotonic);
		(void)pthread_condattr_destroy(&monotonic);
	}
	if (errnum != 0)
		return wlt_fail_errno(err, errnum, "cannot make a condition variable");
	/* With default attributes these cannot fail on Linux. */
	(void)pthread_cond_init(&post->quiet, NULL);
	(void)pthread_mutex_init(&post->mutex, NULL);
	(void)pthread_mutex_init(&post->record_mutex, NULL);
	(void)pthread_mutex_init(&post->keys_mutex, NULL);
	return true;
}

static struct wlt_post *new_post(const struct wlt_post_options *options, struct wlt_error *err)
{
	struct wlt_post *post = calloc(1, sizeof(*post));

	if (post == NULL) {
		(void)wlt_fail_memory(err);
		return NULL;
	}
	if (!init_locks(post, err)) {
		free(post);
		return NULL;
	}
	post->state_fd = post->spool_fd = post->lock_fd = -1;
	post->epoll_fd = post->wake_fd = post->cancel_fd = post->inotify_fd = -1;
	post->events.fd = -1;
	post->watch = (struct wlt_watch){.config_wd = -1, .relay_wd = {-1, -1}};
	post->poll_ms = (int64_t)options->poll_seconds * 1000;
	post->times.grace_ms = options->grace_ms;
	post->times.settle_ms = options->settle_ms;
	post->observer = options->observer;
	post->poll.next = post->poll_ms > 0 ? 0 : WLT_NEVER;
	return post;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static void free_lists(struct wlt_post *post)
{
	while (post->drops != NULL) {
		struct wlt_drop *drop = post->drops;

		wlt_drop_detach_locked(drop); /* no thread is left */
		wlt_drop_unref(drop);
	}
	while (post->doomed != NULL) {
		struct wlt_doomed *doomed = post->doomed;

		post->doomed = doomed->next;
		free(doomed);
	}
	wlt_lanes_free(post);
	wlt_arrivals_release(post->arrivals);
	wlt_known_free(&post->known);
	wlt_relay_config_free(post->config);
	wlt_json_put(&post->sent);
	wlt_keys_drop(post);
}

static void free_post(struct wlt_post *post)
{
	free_lists(post);
	wlt_events_close(&post->events);
	free(post->config_error);
	free(post->poll.error);
	free(post->state_dir);
	free(post->mirrors_dir);
	free(post->relay_dir);
	free(post->keys_dir);
	free(post->world);
	close_fd(post->inotify_fd);
	close_fd(post->cancel_fd);
	close_fd(post->wake_fd);
	close_fd(post->epoll_fd);
	close_fd(post->spool_fd);
	close_fd(post->state_fd);
	close_fd(post->lock_fd); /* last: another instance may come now */
	(void)pthread_mutex_destroy(&post->keys_mutex);
	(void)pthread_mutex_destroy(&post->record_mutex);
	(void)pthread_mutex_destroy(&post->mutex);
	(void)pthread_cond_destroy(&post->quiet);
	(void)pthread_cond_destroy(&post->work);
	free(post);
}

/* --- places ------------------------------------------------------------------------------------- */

/* A daemon changes its working folder, and couriers have their own: no path may be relative. */
static bool make_absolute(const char *path, char **out, struct wlt_error *err)
{
	WLT_AUTOFREE char *here = NULL;

	if (path[0] == '/') {
		*out = strdup(path);
	} else {
		here = realpath(".", NULL);
		*out = here == NULL ? NULL : wlt_path_join(here, path);
	}
	return *out != NULL || wlt_fail_memory(err);
}

static bool set_places(struct wlt_post *post, const struct wlt_post_options *options,
		       struct wlt_error *err)
{
	if (!make_absolute(options->state_dir, &post->state_dir, err) ||
	    !make_absolute(options->relay_dir, &post->relay_dir, err) ||
	    !make_absolute(options->keys_dir, &post->keys_dir, err) ||
	    (options->world != NULL && !make_absolute(options->world, &post->world, err)))
		return false;
	post->mirrors_dir = wlt_state_mirrors_dir(post->state_dir);
	return post->mirrors_dir != NULL || wlt_fail_memory(err);
}

static int open_folder(int dirfd, const char *path)
{
	return openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whoever unmounts and mounts again at once meets the old instance still tidying up: true when the holder of
 * the lock has ended within WLT_HANDOVER_MS. */
static bool wait_for_holder(struct wlt_post *post)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error ignored = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf content = WLT_BUF_INIT;
	struct pollfd ended = {.fd = -1, .events = POLLIN};
	WLT_AUTOCLOSE int pidfd = -1;
	int pid = 0;

	if (!wlt_file_read(post->state_fd, "lock", 4096, &content, &ignored) ||
	    content.data == NULL || sscanf(content.data, "pid=%d", &pid) != 1)
		return false;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == ESRCH;
	ended.fd = pidfd;
	return poll(&ended, 1, WLT_HANDOVER_MS) == 1;
}

static bool take_lock(struct wlt_post *post, struct wlt_error *err)
{
	if (wlt_lock_take(post->state_fd, "lock", NULL, &post->lock_fd, err))
		return true;
	if (err->kind != WLT_BUSY || !wait_for_holder(post))
		return false;
	wlt_error_clear(err);
	return wlt_lock_take(post->state_fd, "lock", NULL, &post->lock_fd, err);
}

static bool open_state(struct wlt_post *post, struct wlt_error *err)
{
	if (!wlt_dir_ensure(post->state_dir, 0700, err))
		return false;
	post->state_fd = open_folder(AT_FDCWD, post->state_dir);
	if (post->state_fd < 0)
		return wlt_fail_errno(err, errno, "cannot open the state folder %s",
				      post->state_dir);
	/* Plaintext of drops lies here: for nobody else, however the folder was made. */
	if (fchmod(post->state_fd, 0700) != 0)
		return wlt_fail_errno(err, errno, "cannot make %s private", post->state_dir);
	if (!take_lock(post, err))
		return wlt_fail_context(err, "another walnutfs uses the state folder %s",
					post->state_dir);
	if (mkdirat(post->state_fd, "spool", 0700) != 0 && errno != EEXIST)
		return wlt_fail_errno(err, errno, "cannot make %s/spool", post->state_dir);
	post->spool_fd = open_folder(post->state_fd, "spool");
	if (post->spool_fd < 0)
		return wlt_fail_errno(err, errno, "cannot open %s/spool", post->state_dir);
	return wlt_events_open(&post->events, post->state_fd, err);
}

/* Files that a crash left between being made and being unlinked. */
static void sweep(struct wlt_post *post)
{
	int fd = open_folder(post->state_fd, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		close_fd(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "raw-", 4) == 0)
			(void)unlinkat(post->state_fd, entry->d_name, 0); /* or the next time */
	(void)closedir(dir);
}

static bool open_loop(struct wlt_post *post, struct wlt_error *err)
{
	post->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	post->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	post->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	post->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (post->epoll_fd < 0 || post->wake_fd < 0 || post->cancel_fd < 0 ||
	    post->inotify_fd < 0 || !wlt_desk_watch(post, post->wake_fd, WLT_TAG_WAKE, 0, false) ||
	    !wlt_desk_watch(post, post->inotify_fd, WLT_TAG_INOTIFY, 0, false))
		return wlt_fail_errno(err, errno, "cannot make an event loop");
	return true;
}

static bool load(struct wlt_post *post, struct wlt_error *err)
{
	bool changed;

	wlt_watch_update(post);
	wlt_config_reload(post, &changed);
	wlt_watch_update(post);
	if (!wlt_known_load(post->state_fd, &post->known, err) || !wlt_sent_load(post, err) ||
	    !wlt_spool_load(post, err))
		return false;
	if (!wlt_post_show(post, err))
		return false;
	(void)malloc_trim(0); /* reading took several times what is kept of it */
	return true;
}

/* --- threads ------------------------------------------------------------------------------------ */

/* Signals are for the thread that waits for them, none of ours. */
static bool start_threads(struct wlt_post *post, struct wlt_error *err)
{
	sigset_t all;
	sigset_t before;
	int errnum;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	/* The desk's id is read by others, under the lock. */
	wlt_post_lock(post);
	errnum = pthread_create(&post->desk, NULL, wlt_desk_main, post);
	post->n_threads += errnum == 0;
	if (errnum == 0) {
		errnum = pthread_create(&post->packer, NULL, wlt_packer_main, post);
		post->n_threads += errnum == 0;
	}
	wlt_post_unlock(post);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return errnum == 0 || wlt_fail_errno(err, errnum, "cannot start a thread");
}

bool wlt_post_start(const struct wlt_post_options *options, struct wlt_post **out,
		    struct wlt_error *err)
{
	struct wlt_post *post = new_post(options, err);

	if (post == NULL)
		return false;
	if (!set_places(post, options, err) || !open_state(post, err) || !open_loop(post, err)) {
		free_post(post);
		return false;
	}
	sweep(post);
	if (!load(post, err) || !start_threads(post, err)) {
		wlt_post_stop(post);
		return false;
	}
	*out = post;
	return true;
}

void wlt_post_cancel(struct wlt_post *post)
{
	const uint64_t one = 1;

	wlt_post_lock(post);
	atomic_store(&post->stopping, true);
	for (struct wlt_drop *drop = post->drops; drop != NULL; drop = drop->next)
		atomic_store(&drop->cancel, true);
	(void)!write(post->cancel_fd, &one, sizeof(one)); /* an empty counter takes it */
	wlt_packer_wake(post);
	wlt_desk_wake(post);
	wlt_post_unlock(post);
}

void wlt_post_stop(struct wlt_post *post)
{
	if (post == NULL)
		return;
	wlt_post_cancel(post);
	wlt_post_lock(post);
	while (post->visitors > 0)
		(void)pthread_cond_wait(&post->quiet, &post->mutex);
	wlt_post_unlock(post);
	if (post->n_threads > 0)
		(void)pthread_join(post->desk, NULL);
	if (post->n_threads > 1)
		(void)pthread_join(post->packer, NULL);
	free_post(post);
}
