/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NOBODY 65534

int scratch_run_suite(Suite *suite)
{
	char folder[PATH_MAX];
	const char *tmp = getenv("TMPDIR");
	const char *const clean[] = {"rm", "-rf", folder, NULL};
	SRunner *runner = srunner_create(suite);
	int failed;

	(void)snprintf(folder, sizeof(folder), "%s/walnut-unit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
		perror(folder);
		return EXIT_FAILURE;
	}
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (chdir("/") != 0 || scratch_run(clean, NULL, 0, NULL) != 0)
		(void)fprintf(stderr, "%s is left behind\n", folder);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void scratch_write(const char *path, const void *bytes, size_t len)
{
	WLT_AUTOCLOSE int fd = -1;

	ck_assert(unlink(path) == 0 || errno == ENOENT);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, 0644), 0);
}

void scratch_puts(const char *path, const char *text)
{
	scratch_write(path, text, strlen(text));
}

static void append_all(int fd, struct wlt_buf *out)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		wlt_buf_append(out, bytes, (size_t)got);
	ck_assert_int_eq(got, 0);
}

struct wlt_buf scratch_read(const char *path)
{
	struct wlt_buf out = WLT_BUF_INIT;
	WLT_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	append_all(fd, &out);
	wlt_buf_append(&out, "", 0);
	return out;
}

/* In the child. Input comes from an unlinked file, so that no pipe can fill up. */
static void become(const char *const argv[], int input, int output)
{
	char *args[32] = {NULL};

	for (size_t i = 0; argv[i] != NULL && i < 31; i++)
		args[i] = strdup(argv[i]);
	if (dup2(input, STDIN_FILENO) >= 0 && (output < 0 || dup2(output, STDOUT_FILENO) >= 0))
		(void)execvp(args[0], args);
	_exit(127);
}

int scratch_run(const char *const argv[], const char *input, size_t len, struct wlt_buf *out)
{
	FILE *in = tmpfile();
	int ends[2] = {-1, -1};
	int status = 0;
	pid_t child;

	if (in == NULL || (len > 0 && fwrite(input, 1, len, in) != len) || fflush(in) != 0 ||
	    fseek(in, 0, SEEK_SET) != 0 || (out != NULL && pipe2(ends, O_CLOEXEC) != 0))
		abort();
	child = fork();
	if (child == 0)
		become(argv, fileno(in), ends[1]);
	if (child < 0)
		abort();
	(void)fclose(in);
	if (out != NULL) {
		(void)close(ends[1]);
		append_all(ends[0], out);
		(void)close(ends[0]);
	}
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			abort();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

size_t scratch_count(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_msg(dir != NULL, "%s: %s", folder, strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			count++;
	}
	ck_assert_int_eq(closedir(dir), 0);
	return count;
}

void scratch_drop_root(void)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(".", NOBODY, NOBODY), 0);
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
	ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}
