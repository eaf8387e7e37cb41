/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIED 77

/* The only state of its kind: a linker option has no other way to reach a test. */
static struct {
	bool armed, happened;
	enum fault_target target;
	unsigned left; /* calls until it happens */
	int errnum;
} plan;

void faults_arm(enum fault_target target, unsigned nth, int errnum)
{
	plan.armed = true;
	plan.happened = false;
	plan.target = target;
	plan.left = nth;
	plan.errnum = errnum;
}

bool faults_disarm(void)
{
	plan.armed = false;
	return plan.happened;
}

/* Count a call. True, with errno set, when it is the one to fail. */
static bool strikes(enum fault_target target)
{
	if (!plan.armed || plan.target != target || plan.left == 0 || --plan.left > 0)
		return false;
	plan.happened = true;
	if (plan.errnum == 0)
		_exit(DIED);
	errno = plan.errnum;
	return true;
}

bool faults_survives(unsigned nth, void (*attempt)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		faults_arm(FAULT_FILES, nth, 0);
		attempt();
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
	    (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != DIED))
		abort();
	return WEXITSTATUS(status) == 0;
}

/* The calls themselves. The linker renames them: __wrap_X is called for X, __real_X is X. */
#define WRAP(result, failed, target, name, parameters, arguments) \
	result __real_##name parameters;                          \
	result __wrap_##name parameters;                          \
	result __wrap_##name parameters                           \
	{                                                         \
		if (strikes(target))                              \
			return failed;                            \
		return __real_##name arguments;                   \
	}
#define WRAP_FILE(result, failed, name, parameters, arguments) \
	WRAP(result, failed, FAULT_FILES, name, parameters, arguments)
#define WRAP_MEMORY(result, name, parameters, arguments) \
	WRAP(result, NULL, FAULT_MEMORY, name, parameters, arguments)

WRAP_FILE(int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP_FILE(int, -1, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
WRAP_FILE(int, -1, stat, (const char *path, struct stat *st), (path, st))
WRAP_FILE(int, -1, fstat, (int fd, struct stat *st), (fd, st))
WRAP_FILE(int, -1, fstatat, (int dir, const char *path, struct stat *st, int flags),
	  (dir, path, st, flags))
WRAP_FILE(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP_FILE(int, -1, flock, (int fd, int operation), (fd, operation))
WRAP_FILE(int, -1, ftruncate, (int fd, off_t len), (fd, len))
WRAP_FILE(int, -1, fsync, (int fd), (fd))
WRAP_FILE(ssize_t, -1, read, (int fd, void *data, size_t len), (fd, data, len))
WRAP_FILE(ssize_t, -1, write, (int fd, const void *data, size_t len), (fd, data, len))
WRAP_FILE(ssize_t, -1, pwrite, (int fd, const void *data, size_t len, off_t at),
	  (fd, data, len, at))
WRAP_FILE(int, -1, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
WRAP_FILE(int, -1, linkat, (int from, const char *old, int to, const char *new, int flags),
	  (from, old, to, new, flags))
WRAP_FILE(int, -1, renameat, (int from, const char *old, int to, const char *new),
	  (from, old, to, new))
WRAP_FILE(int, -1, renameat2, (int from, const char *old, int to, const char *new, unsigned flags),
	  (from, old, to, new, flags))
WRAP_FILE(DIR *, NULL, fdopendir, (int fd), (fd))
WRAP_FILE(struct dirent *, NULL, readdir, (DIR * dir), (dir))

WRAP_MEMORY(void *, malloc, (size_t len), (len))
WRAP_MEMORY(void *, calloc, (size_t count, size_t len), (count, len))
WRAP_MEMORY(void *, realloc, (void *old, size_t len), (old, len))
WRAP_MEMORY(char *, strdup, (const char *text), (text))
WRAP_MEMORY(char *, strndup, (const char *text, size_t len), (text, len))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(args, mode_t);
	va_end(args);
	return strikes(FAULT_FILES) ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(args, mode_t);
	va_end(args);
	return strikes(FAULT_FILES) ? -1 : __real_openat(dir, path, flags, mode);
}

/* The descriptor is gone in any case, as with the kernel. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	bool failed = strikes(FAULT_FILES);
	int saved = errno;
	int result = __real_close(fd);

	if (!failed)
		return result;
	errno = saved;
	return -1;
}
