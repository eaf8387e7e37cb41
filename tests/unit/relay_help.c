/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "relay_help.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PATHS 256

static char folder[] = "/tmp/walnut-relay-XXXXXX";
static char *paths[MAX_PATHS];
static size_t n_paths;
static pid_t daemon_pid;
static int daemon_port;

#ifdef __SANITIZE_ADDRESS__
/* libgit2 1.5 on PCRE2 leaks a match for every line of configuration it compares with a pattern. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

/* --- folder ------------------------------------------------------------------------------------ */

void help_begin(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(setenv("HOME", folder, 1), 0);
	ck_assert_int_eq(setenv("GIT_CONFIG_NOSYSTEM", "1", 1), 0);
	ck_assert_int_eq(setenv("GIT_AUTHOR_NAME", "tester", 1), 0);
	ck_assert_int_eq(setenv("GIT_AUTHOR_EMAIL", "tester@example.org", 1), 0);
	ck_assert_int_eq(setenv("GIT_COMMITTER_NAME", "tester", 1), 0);
	ck_assert_int_eq(setenv("GIT_COMMITTER_EMAIL", "tester@example.org", 1), 0);
	ck_assert_int_eq(unsetenv("XDG_CONFIG_HOME"), 0);
	ck_assert_int_eq(unsetenv("SSH_AUTH_SOCK"), 0);
	ck_assert_int_eq(unsetenv("ALIVE_RELAY_KEYS_DIR"), 0);

	struct wlt_error err = WLT_ERROR_INIT;

	help_ok(wlt_git_start(&err), &err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void help_end(void)
{
	if (daemon_pid > 0) {
		ck_assert_int_eq(kill(daemon_pid, SIGTERM), 0);
		ck_assert_int_eq(waitpid(daemon_pid, NULL, 0), daemon_pid);
		daemon_pid = 0;
	}
	wlt_git_stop();
	ck_assert_int_eq(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	for (size_t i = 0; i < n_paths; i++)
		free(paths[i]);
	n_paths = 0;
}

static const char *keep(char *path)
{
	ck_assert_ptr_nonnull(path);
	ck_assert_uint_lt(n_paths, MAX_PATHS);
	paths[n_paths++] = path;
	return path;
}

const char *help_path(const char *fmt, ...)
{
	char *tail = NULL;
	char *path = NULL;
	va_list args;

	va_start(args, fmt);
	ck_assert_int_ge(vasprintf(&tail, fmt, args), 0);
	va_end(args);
	ck_assert_int_ge(asprintf(&path, "%s/%s", folder, tail), 0);
	free(tail);
	return keep(path);
}

void help_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static char *slurp(int fd)
{
	struct wlt_buf text = WLT_BUF_INIT;
	ssize_t got;
	char piece[4096];

	while ((got = read(fd, piece, sizeof(piece))) > 0)
		wlt_buf_append(&text, piece, (size_t)got);
	ck_assert_int_eq(got, 0);
	return wlt_buf_take(&text);
}

char *help_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", path);

	char *text = slurp(fd);

	ck_assert_int_eq(close(fd), 0);
	return text;
}

/* --- git --------------------------------------------------------------------------------------- */

static pid_t spawn(const char *const argv[], int out, int errors)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(out, STDOUT_FILENO) >= 0 &&
		    dup2(errors, STDERR_FILENO) >= 0)
			execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

char *help_git(const char *const argv[])
{
	int ends[2];
	int status = 0;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);

	pid_t pid = spawn(argv, ends[1], STDERR_FILENO);

	ck_assert_int_eq(close(ends[1]), 0);

	char *said = slurp(ends[0]);

	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "git %s failed", argv[1]);

	size_t len = strlen(said);

	if (len > 0 && said[len - 1] == '\n')
		said[len - 1] = '\0';
	return said;
}

const char *help_bare(const char *name)
{
	const char *path = help_path("%s", name);

	free(HELP_GIT("init", "--quiet", "--bare", "--initial-branch=main", path));
	return path;
}

/* --- servers ----------------------------------------------------------------------------------- */

int help_mute_server(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static bool answers(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);

	bool up = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	ck_assert_int_eq(close(fd), 0);
	return up;
}

static void start_daemon(void)
{
	char port[32];
	char base[64];

	/* The port is free once the socket is closed; nobody else asks for a port here. */
	ck_assert_int_eq(close(help_mute_server(&daemon_port)), 0);
	(void)snprintf(port, sizeof(port), "--port=%d", daemon_port);
	(void)snprintf(base, sizeof(base), "--base-path=%s", folder);

	const char *const argv[] = {"git",
				    "daemon",
				    "--reuseaddr",
				    "--export-all",
				    "--listen=127.0.0.1",
				    "--enable=receive-pack",
				    port,
				    base,
				    NULL};

	/* It complains about each of our clients: they hang up when they know enough. */
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(nowhere, 0);
	daemon_pid = spawn(argv, nowhere, nowhere);
	ck_assert_int_eq(close(nowhere), 0);
	for (int i = 0; i < 500 && !answers(daemon_port); i++)
		(void)poll(NULL, 0, 20);
	ck_assert_msg(answers(daemon_port), "git daemon does not come up");
}

const char *help_daemon_url(const char *name)
{
	char *url = NULL;

	if (daemon_pid == 0)
		start_daemon();
	ck_assert_int_ge(asprintf(&url, "git://127.0.0.1:%d/%s", daemon_port, name), 0);
	return keep(url);
}

/* --- relays ------------------------------------------------------------------------------------ */

struct wlt_mirror *help_mirror(const char *name, const char *url, const char *author)
{
	const struct wlt_transport transport = {.author = author};
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_mirror *mirror = NULL;

	help_ok(wlt_mirror_open(help_path("%s", name), url, &transport, &mirror, &err), &err);
	return mirror;
}

bool help_put(struct wlt_mirror *mirror, const char *id, const char *path, const char *bytes,
	      char commit[WLT_OID_BYTES], struct wlt_error *err)
{
	const struct wlt_edit edit = {.path = path,
				      .bytes = bytes,
				      .len = bytes != NULL ? strlen(bytes) : 0};

	return wlt_mailbox_apply(mirror, id, &edit, 1, "a change", commit, err);
}

void help_ok(bool ok, struct wlt_error *err)
{
	ck_assert_msg(ok, "%s: %s", wlt_kind_name(err->kind), wlt_error_text(err));
}

void help_failed(bool ok, struct wlt_error *err, enum wlt_kind kind, const char *words)
{
	ck_assert_msg(!ok, "it should have been refused (%s)", words);
	ck_assert_msg(err->kind == kind, "%s instead of %s: %s", wlt_kind_name(err->kind),
		      wlt_kind_name(kind), wlt_error_text(err));
	ck_assert_msg(strstr(wlt_error_text(err), words) != NULL, "`%s` is not in `%s`", words,
		      wlt_error_text(err));
	wlt_error_clear(err);
}

long long help_now(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}
