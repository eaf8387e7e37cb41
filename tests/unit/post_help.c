/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"
#include "post/courier.h"
#include "post/state_dir.h"
#include "post_help.h"
#include "scratch.h"

/* --- time --------------------------------------------------------------------------------------- */

long long help_clock(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void help_pause(void)
{
	(void)poll(NULL, 0, 1);
}

/* --- users -------------------------------------------------------------------------------------- */

int help_post_main(int argc, char **argv, Suite *suite)
{
	if (argc == 2 && strcmp(argv[1], WLT_COURIER_ARGUMENT) == 0)
		return wlt_courier_child();
	return scratch_run_suite(suite);
}

void help_folder(void)
{
	char folder[] = "test-XXXXXX";
	WLT_AUTOFREE char *here = NULL;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	here = realpath(".", NULL);
	ck_assert_ptr_nonnull(here);
	ck_assert_int_eq(setenv("HOME", here, 1), 0);
	ck_assert_int_eq(unsetenv("GH_USER"), 0);
	ck_assert_int_eq(unsetenv("ALIVE_RELAY_KEYS_DIR"), 0);
}

static void name_places(struct help_user *user, const char *name)
{
	(void)snprintf(user->relay_dir, sizeof(user->relay_dir), "%s/relay", name);
	(void)snprintf(user->keys_dir, sizeof(user->keys_dir), "%s/relay/keys", name);
	(void)snprintf(user->state_dir, sizeof(user->state_dir), "%s/state", name);
	(void)snprintf(user->repo, sizeof(user->repo), "%s/relay/repo.git", name);
	ck_assert_int_eq(mkdir(name, 0700), 0);
}

static char *mirrors_of(const struct help_user *user)
{
	char *mirrors = wlt_state_mirrors_dir(user->state_dir);

	ck_assert_ptr_nonnull(mirrors);
	return mirrors;
}

static void make_key(const char *folder)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	WLT_AUTOCLOSE int dirfd = -1;

	ck_assert_works(wlt_dir_ensure(folder, 0700, &err), &err);
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_works(wlt_key_generate(dirfd, 2048, &key, &err), &err);
}

void help_keys(void)
{
	make_key("keys/alice");
	make_key("keys/bob");
}

/* Setup keeps keys that are there. */
static void lend_keys(const struct help_user *user, const char *name)
{
	char script[256];
	const char *const argv[] = {"sh", "-c", script, NULL};

	(void)snprintf(script, sizeof(script), "mkdir -p -m 700 %s && cp -p ../keys/%s/*.pem %s",
		       user->keys_dir, name, user->keys_dir);
	ck_assert_int_eq(scratch_run(argv, NULL, 0, NULL), 0);
}

void help_user_make(struct help_user *user, const char *name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	WLT_AUTOFREE char *mirrors = NULL;
	WLT_AUTOFREE char *here = realpath(".", NULL);
	WLT_AUTOFREE char *relay_dir = NULL;
	struct wlt_setup setup = {.username = name, .key_bits = 2048};

	name_places(user, name);
	lend_keys(user, name);
	mirrors = mirrors_of(user);
	relay_dir = wlt_path_join(here, user->relay_dir);
	setup.dir = relay_dir;
	setup.keys_dir = user->keys_dir;
	setup.mirrors_dir = mirrors;
	ck_assert_works(wlt_dir_ensure(user->state_dir, 0700, &err), &err);
	ck_assert_works(wlt_git_start(&err), &err);
	ck_assert_works(wlt_relay_setup(&setup, &config, &err), &err);
	wlt_git_stop();
}

void help_user_forge(struct help_user *user, const char *name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	char path[128];

	name_places(user, name);
	ck_assert_works(wlt_dir_ensure(user->relay_dir, 0700, &err), &err);
	(void)snprintf(path, sizeof(path), "%s/relay.json", user->relay_dir);
	scratch_puts(path, "{\"version\": 1, \"relay\": {\"url\": \"/nowhere/own.git\", "
			   "\"username\": \"amy\", \"created_at\": \"2026-01-01T00:00:00Z\"}, "
			   "\"peers\": {\"ben\": {\"url\": \"/nowhere/ben.git\", \"added_at\": "
			   "\"2026-01-01T00:00:00Z\", \"accepted\": true, \"exclude_patterns\": "
			   "[]}, \"cara\": {\"url\": null, \"added_at\": "
			   "\"2026-01-01T00:00:00Z\", \"accepted\": false}, \"dan\": {\"url\": "
			   "\"/nowhere/dan.git\", \"added_at\": \"2026-01-01T00:00:00Z\", "
			   "\"accepted\": true}}}\n");
}

static void invite(const struct help_user *user, const char *peer)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	WLT_AUTOFREE char *mirrors = mirrors_of(user);

	ck_assert_works(wlt_relay_config_load(user->relay_dir, &config, &err), &err);
	ck_assert_works(wlt_relay_invite(config, mirrors, NULL, peer, &err), &err);
}

static void accept_peer(const struct help_user *user, const struct help_user *peer)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;
	WLT_AUTO(wlt_keyring_cleanup) struct wlt_keyring *ring = NULL;
	WLT_AUTO(wlt_key_cleanup) struct wlt_key *key = NULL;
	WLT_AUTOFREE char *mirrors = mirrors_of(user);
	WLT_AUTOFREE char *url = realpath(peer->repo, NULL);
	WLT_AUTOFREE char *name = NULL;

	ck_assert_works(wlt_relay_config_load(user->relay_dir, &config, &err), &err);
	ck_assert_works(wlt_keyring_load(user->keys_dir, &ring, &err), &err);
	ck_assert_works(wlt_relay_accept(config, ring, mirrors, NULL, url, NULL, &name, &key, &err),
			&err);
}

void help_user_move_peer(const struct help_user *user, const char *peer, const char *url)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_relay_config_cleanup) struct wlt_relay_config *config = NULL;

	ck_assert_works(wlt_relay_config_load(user->relay_dir, &config, &err), &err);
	ck_assert_works(wlt_relay_config_set_peer(config, peer, url, true, &err), &err);
}

void help_users_meet(const struct help_user *a, const char *a_name, const struct help_user *b,
		     const char *b_name)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_works(wlt_git_start(&err), &err);
	invite(a, b_name);
	invite(b, a_name);
	accept_peer(a, b);
	accept_peer(b, a);
	wlt_git_stop();
}

struct wlt_post_options help_options(const struct help_user *user)
{
	return (struct wlt_post_options){
		.state_dir = user->state_dir,
		.relay_dir = user->relay_dir,
		.keys_dir = user->keys_dir,
		.grace_ms = HELP_GRACE_MS,
		.settle_ms = HELP_SETTLE_MS,
	};
}

struct wlt_post *help_office(const struct help_user *user, const struct wlt_post_observer *observer)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_post_options options = help_options(user);
	struct wlt_post *post = NULL;

	if (observer != NULL)
		options.observer = *observer;
	/* Children that one which was killed had just forked may hold its lock for an instant. */
	HELP_WAIT(wlt_post_start(&options, &post, &err) || err.kind != WLT_BUSY);
	ck_assert_msg(post != NULL, "%s", wlt_error_text(&err));
	return post;
}

/* --- programs ----------------------------------------------------------------------------------- */

static void put_file(int dirfd, const char *path, const char *text)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || wlt_write_all(fd, text, strlen(text)) != 0 || close(fd) != 0)
		_exit(99);
}

static void make_walnut(int tree, const char *name)
{
	int dir;

	if (mkdirat(tree, name, 0755) != 0)
		_exit(98);
	dir = openat(tree, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "_kernel", 0755) != 0 || mkdirat(dir, "plans", 0755) != 0)
		_exit(97);
	put_file(dir, "_kernel/key.md", "---\nwalnut: nova\n---\n\n# Nova\n");
	put_file(dir, "plans/context.manifest.yaml", "goal: plan\nstatus: draft\n");
	put_file(dir, "plans/first.md", "the first plan\n");
	put_file(dir, "notes.md", "some notes\n");
	(void)close(dir);
}

static void wait_for_byte(int fd)
{
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

/* The program itself: does its work when told to, says so, ends when told to. */
static void run_writer(int go, int done, int tree, const char *name, enum help_end end)
{
	wait_for_byte(go);
	make_walnut(tree, name);
	if (write(done, "d", 1) != 1)
		_exit(96);
	wait_for_byte(go);
	if (end == HELP_KILLED)
		(void)kill(getpid(), SIGKILL);
	while (end == HELP_LIVES_ON)
		(void)pause();
	_exit(end == HELP_EXIT_3 ? 3 : 0);
}

pid_t help_drop_walnut(struct wlt_drop *drop, const char *name, enum help_end end)
{
	int tree = wlt_drop_tree_fd(drop);
	int go[2];
	int done[2];
	pid_t pid;

	ck_assert_int_ge(tree, 0);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(done, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(go[1]);
		(void)close(done[0]);
		run_writer(go[0], done[1], tree, name, end);
	}
	(void)close(go[0]);
	(void)close(done[1]);
	ck_assert_int_eq(wlt_drop_begin(drop, pid), 0);
	ck_assert_int_eq(write(go[1], "g", 1), 1);
	wait_for_byte(done[0]);
	wlt_drop_end(drop);
	(void)close(go[1]);
	(void)close(done[0]);
	if (end != HELP_LIVES_ON)
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return pid;
}

void help_writer_stop(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

struct wlt_drop *help_dropped(struct wlt_post *post, const char *peer, const char *name,
			      enum help_end end)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_drop *drop = NULL;

	ck_assert_works(wlt_drop_create(post, peer, name, &drop, &err), &err);
	(void)help_drop_walnut(drop, name, end);
	return drop;
}

/* --- looking ------------------------------------------------------------------------------------ */

bool help_state_is(struct wlt_drop *drop, const char *state)
{
	WLT_AUTOFREE char *value = NULL;

	ck_assert_int_eq(wlt_drop_get(drop, "state", &value), 0);
	return strcmp(value, state) == 0;
}

void help_wait_sent(struct wlt_drop *drop)
{
	WLT_AUTOFREE char *state = NULL;
	WLT_AUTOFREE char *why = NULL;
	long long until = help_clock() + 20000;

	while (!help_state_is(drop, "sent") && help_clock() < until)
		help_pause();
	ck_assert_int_eq(wlt_drop_get(drop, "state", &state), 0);
	(void)wlt_drop_get(drop, "error", &why);
	ck_assert_msg(strcmp(state, "sent") == 0, "%s: %s", state, why != NULL ? why : "");
}

void help_attribute_has(struct wlt_drop *drop, const char *name, const char *text)
{
	WLT_AUTOFREE char *value = NULL;

	ck_assert_int_eq(wlt_drop_get(drop, name, &value), 0);
	ck_assert_msg(strstr(value, text) != NULL, "%s is “%s”, without “%s”", name, value, text);
}

static int count(const char *text, const char *word)
{
	int n = 0;

	for (const char *at = text; at != NULL && (at = strstr(at, word)) != NULL; at++)
		n++;
	return n;
}

int help_packages_ever(const struct help_user *user)
{
	const char *const argv[] = {
		"git",       "-C",           user->repo, "log",  "--name-only", "--diff-filter=A",
		"--format=", "--no-renames", "--root",   "HEAD", NULL};
	WLT_AUTO(wlt_buf_free) struct wlt_buf out = WLT_BUF_INIT;

	ck_assert_int_eq(scratch_run(argv, NULL, 0, &out), 0);
	return count(out.data, ".walnut\n");
}

int help_events(const struct help_user *user, const char *event)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	char path[128];
	char word[64];

	(void)snprintf(path, sizeof(path), "%s/events", user->state_dir);
	(void)snprintf(word, sizeof(word), "\"event\":\"%s\"", event);
	ck_assert_works(wlt_file_read(AT_FDCWD, path, 1 << 20, &text, &err), &err);
	return count(text.data, word);
}
