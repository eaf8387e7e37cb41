/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

/* The first version of the kernel's struct pidfd_info; headers older than the kernel lack it. */
struct pidfd_facts {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid;
	uint32_t tgid;
	uint32_t ppid;
	uint32_t ids[8];
	int32_t exit_code;
};

_Static_assert(sizeof(struct pidfd_facts) == 64, "as the kernel's PIDFD_INFO_SIZE_VER0");

#define PIDFD_FACTS      _IOWR(0xFF, 11, struct pidfd_facts)
#define PIDFD_FACTS_EXIT (UINT64_C(1) << 3)

#define STAT_EXIT_CODE 52 /* which field of /proc/PID/stat, counted from 1 */

/* The beginning of a file below /proc/PID as text. */
static bool read_proc(pid_t pid, const char *leaf, char *text, size_t size)
{
	char path[64];
	size_t got = 0;
	WLT_AUTOCLOSE int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, leaf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || wlt_read_full(fd, text, size - 1, &got) != 0)
		return false;
	text[got] = '\0';
	return true;
}

pid_t wlt_writer_process(pid_t thread)
{
	char text[1024];
	const char *line;

	if (thread <= 0 || !read_proc(thread, "status", text, sizeof(text)))
		return 0;
	line = strstr(text, "\nTgid:");
	if (line == NULL)
		return 0;
	return (pid_t)strtol(line + strlen("\nTgid:"), NULL, 10);
}

int wlt_writer_watch(pid_t process)
{
	/* pidfd_open() sets close-on-exec by itself. */
	return (int)syscall(SYS_pidfd_open, process, 0);
}

static enum wlt_writer_end judge(long wait_status)
{
	return wait_status == 0 ? WLT_WRITER_SUCCEEDED : WLT_WRITER_FAILED;
}

/* Are we shown all of /proc/PID? To others the exit code reads as 0. */
static bool may_look(pid_t pid)
{
	char path[64];
	char target[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/ns/user", (long)pid);
	return readlink(path, target, sizeof(target)) > 0;
}

/* From the fields behind the name, which is in parentheses and may hold anything. */
static bool parse_stat(const char *text, enum wlt_writer_end *end)
{
	const char *at = strrchr(text, ')');

	/* ") Z" is the third field. */
	if (at == NULL || strncmp(at, ") Z", 3) != 0)
		return false;
	at += 2;
	for (int field = 3; at != NULL && field < STAT_EXIT_CODE; field++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	if (at == NULL)
		return false;
	*end = judge(strtol(at, NULL, 10));
	return true;
}

/* A process that has ended and whose parent has not asked yet. Being there afterwards, too, it is the one
 * that was read about. */
static bool ask_proc(int pidfd, pid_t process, enum wlt_writer_end *end)
{
	char text[2048];

	return may_look(process) && read_proc(process, "stat", text, sizeof(text)) &&
	       parse_stat(text, end) && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0;
}

bool wlt_writer_ended(int pidfd, pid_t process, enum wlt_writer_end *end)
{
	struct pidfd_facts facts;

	if (ask_proc(pidfd, process, end))
		return true;
	*end = WLT_WRITER_UNKNOWN;
	(void)memset(&facts, 0, sizeof(facts));
	facts.mask = PIDFD_FACTS_EXIT;
	if (ioctl(pidfd, PIDFD_FACTS, &facts) != 0)
		return errno != ESRCH; /* reaped, and the status not stored yet (or never) */
	if ((facts.mask & PIDFD_FACTS_EXIT) == 0)
		return false;
	*end = judge(facts.exit_code);
	return true;
}
