/* SPDX-License-Identifier: MIT */
/*
 * walnutfs: read the options, go into the background, start the post office, the vault and the session, and
 * take it all down again in the opposite order.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/path.h"
#include "keys/keys.h"
#include "post/courier.h"
#include "post/state_dir.h"
#include "walnutfs/mount.h"
#include "walnutfs/notify.h"
#include "walnutfs/options.h"
#include "walnutfs/vault.h"

#define SESSION_THREADS 16

/* What libfuse said last, for our own sentence about it. Written before any thread is started. */
static char fuse_words[256];

/* A message may come in several pieces, the last of which ends the line. */
__attribute__((format(printf, 2, 0))) static void
keep_fuse_words(enum fuse_log_level level, const char *fmt, va_list arguments)
{
	size_t len = strlen(fuse_words);

	if (level > FUSE_LOG_ERR) {
		(void)vfprintf(stderr, fmt, arguments);
		return;
	}
	if (len > 0 && fuse_words[len - 1] == '\n')
		len = 0;
	(void)vsnprintf(fuse_words + len, sizeof(fuse_words) - len, fmt, arguments);
}

/* What libfuse said, as a part of a sentence; "" for nothing. */
static const char *last_fuse_words(void)
{
	fuse_words[strcspn(fuse_words, "\n")] = '\0';
	return fuse_words;
}

static int complain(struct wlt_error *err)
{
	int status = wlt_error_exit(err);

	(void)fprintf(stderr, "walnutfs: %s\n", wlt_error_text(err));
	wlt_error_clear(err);
	return status;
}

/* Descriptors 0 to 2 must be taken, or the first file we open becomes standard output. */
static bool occupy_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

/* --- background -------------------------------------------------------------------------------- */

/* The parent stays until the filesystem is ready, and ends with the child's status when it never is. */
static int wait_for_child(pid_t child, int ready_fd)
{
	char byte;
	ssize_t got;
	int status = 0;

	do {
		got = read(ready_fd, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got == 1)
		return 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Fork before there is any thread. The child returns with the descriptor to say "ready" on; the parent does
 * not return. */
static bool go_background(int *ready_fd, struct wlt_error *err)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return wlt_fail_errno(err, errno, "going into the background");
	child = fork();
	if (child < 0) {
		int errnum = errno;

		(void)close(ends[0]);
		(void)close(ends[1]);
		return wlt_fail_errno(err, errnum, "going into the background");
	}
	if (child > 0) {
		(void)close(ends[1]);
		_exit(wait_for_child(child, ends[0]));
	}
	(void)close(ends[0]);
	(void)setsid();
	*ready_fd = ends[1];
	return true;
}

/* Called by the session when the kernel has begun to talk. */
static void on_ready(struct wlt_mount *mount)
{
	int null;

	wlt_notifier_ready(mount->notifier);
	if (mount->ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)close(null);
	}
	/* Neither can be helped: the parent was killed, or the root is gone; the mount stands all the same. */
	if (chdir("/") != 0 || write(mount->ready_fd, "R", 1) != 1)
		errno = 0;
	(void)close(mount->ready_fd);
	mount->ready_fd = -1;
}

/* --- start and stop ---------------------------------------------------------------------------- */

/* Only the main thread takes signals: libfuse waits there for them to end the session. */
static void block_signals(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)pthread_sigmask(how, &set, NULL);
}

static bool start_post(struct wlt_mount *mount, const struct wlt_options *options,
		       struct wlt_error *err)
{
	WLT_AUTOFREE char *state_dir = wlt_state_default_dir();
	WLT_AUTOFREE char *relay_dir = wlt_relay_default_dir();
	WLT_AUTOFREE char *keys_dir = relay_dir == NULL ? NULL : wlt_keyring_default_dir(relay_dir);
	const struct wlt_post_options post_options = {
		.state_dir = state_dir,
		.relay_dir = relay_dir,
		.keys_dir = keys_dir,
		.world = options->world,
		.poll_seconds = options->poll_seconds,
		.grace_ms = options->grace_ms,
		.settle_ms = options->settle_ms,
		.observer = wlt_notifier_observer(mount->notifier),
	};

	if (state_dir == NULL || relay_dir == NULL || keys_dir == NULL)
		return wlt_fail(err, WLT_MISSING,
				"HOME is not set, so there is no place for keys and state");
	if (!wlt_dir_ensure(state_dir, 0700, err))
		return false;
	mount->spool_fd = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount->spool_fd < 0)
		return wlt_fail_errno(err, errno, "state folder %s", state_dir);
	return wlt_post_start(&post_options, &mount->post, err);
}

/* Everything that has threads or memory of its own, but the session. */
static bool start(struct wlt_mount *mount, const struct wlt_options *options, struct wlt_error *err)
{
	mount->nodes = wlt_nodes_new(&wlt_room_root);
	mount->notifier = wlt_notifier_start(mount);
	if (mount->nodes == NULL || mount->notifier == NULL)
		return wlt_fail_memory(err);
	if (!start_post(mount, options, err))
		return false;
	mount->vault = wlt_vault_start(mount->post, options->cache);
	return mount->vault != NULL || wlt_fail_memory(err);
}

/*
 * In this order: nothing that blocks goes on; the kernel is let go of, which sets a notifier free that waits for
 * it; nodes give back what they hold of the vault and the post office; the post office answers what still
 * waits for it.
 */
static void stop(struct wlt_mount *mount)
{
	if (mount->post != NULL)
		wlt_post_cancel(mount->post);
	if (mount->vault != NULL)
		wlt_vault_stop(mount->vault);
	if (mount->notifier != NULL)
		wlt_notifier_stop(mount->notifier);
	if (mount->session != NULL)
		fuse_session_unmount(mount->session);
	if (mount->notifier != NULL)
		wlt_notifier_join(mount->notifier);
	wlt_nodes_free(mount->nodes);
	if (mount->post != NULL)
		wlt_post_stop(mount->post);
	wlt_vault_free(mount->vault);
	wlt_notifier_free(mount->notifier);
	if (mount->session != NULL) {
		fuse_remove_signal_handlers(mount->session);
		fuse_session_destroy(mount->session);
	}
	if (mount->spool_fd >= 0)
		(void)close(mount->spool_fd);
}

/* What would help when libfuse could not mount. */
static const char *mount_advice(void)
{
	if (access("/dev/fuse", F_OK) != 0)
		return "the kernel has no FUSE: as root, modprobe fuse";
	if (geteuid() != 0 && access("/dev/fuse", R_OK | W_OK) != 0)
		return "you may not open /dev/fuse: as root, chmod 666 /dev/fuse";
	if (access("/usr/bin/fusermount3", X_OK) != 0 && access("/bin/fusermount3", X_OK) != 0)
		return "fusermount3 is missing: install the package fuse3";
	return "see whether you may write to the mount point, and whether something is mounted "
	       "there";
}

static bool open_session(struct wlt_mount *mount, struct wlt_options *options,
			 struct wlt_error *err)
{
	mount->session = fuse_session_new(&options->session, &wlt_ll_operations,
					  sizeof(wlt_ll_operations), mount);
	if (mount->session == NULL)
		return wlt_fail(err, WLT_USAGE, "%s, see walnutfs --help", last_fuse_words());
	if (fuse_set_signal_handlers(mount->session) != 0)
		return wlt_fail(err, WLT_INTERNAL, "signal handlers cannot be set");
	if (fuse_session_mount(mount->session, options->mountpoint) != 0)
		return wlt_fail(err, WLT_REFUSED, "cannot mount on %s (%s): %s",
				options->mountpoint, last_fuse_words(), mount_advice());
	return true;
}

static bool serve(struct wlt_mount *mount, struct wlt_error *err)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int failed;

	if (config == NULL)
		return wlt_fail_memory(err);
	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, SESSION_THREADS);
	block_signals(SIG_UNBLOCK);
	failed = fuse_session_loop_mt(mount->session, config);
	fuse_loop_cfg_destroy(config);
	/* A positive number is the signal that ended it, as it should. */
	return failed >= 0 || wlt_fail_errno(err, -failed, "talking to the kernel");
}

static int run(struct wlt_options *options)
{
	struct wlt_mount mount = {
		.uid = getuid(),
		.gid = getgid(),
		.started = wlt_clock_now(),
		.allow_other = options->allow_other,
		.spool_fd = -1,
		.ready = on_ready,
		.ready_fd = -1,
	};
	struct wlt_error err = WLT_ERROR_INIT;
	bool ok = true;

	if (!options->foreground)
		ok = go_background(&mount.ready_fd, &err);
	block_signals(SIG_BLOCK);
	ok = ok && start(&mount, options, &err) && open_session(&mount, options, &err) &&
	     wlt_keys_secure_memory(true, &err) && serve(&mount, &err);
	stop(&mount);
	return ok ? 0 : complain(&err);
}

int main(int argc, char **argv)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_options options;
	int status;

	if (argc == 2 && strcmp(argv[1], WLT_COURIER_ARGUMENT) == 0)
		return wlt_courier_child();
	if (!occupy_standard_descriptors())
		return 1;
	fuse_set_log_func(keep_fuse_words);
	if (!wlt_clock_check_environment(&err) || !wlt_keys_secure_memory(false, &err))
		return complain(&err);
	if (!wlt_options_parse(argc, argv, &options, &err)) {
		status = complain(&err);
	} else if (options.show_help) {
		status = fputs(wlt_options_usage, stdout) < 0 ? 1 : 0;
	} else if (options.show_version) {
		status = printf("walnutfs %s\n", PACKAGE_VERSION) < 0 ? 1 : 0;
	} else {
		status = run(&options);
	}
	wlt_options_free(&options);
	return status;
}
