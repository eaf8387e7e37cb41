/* SPDX-License-Identifier: MIT */
/*
 * The processes that write into a drop, and how they ended.
 *
 * FUSE names the thread that makes a request; what counts is its process. A pidfd tells when that has
 * ended. How it ended is told by /proc as long as its parent has not asked, and after that, from Linux
 * 6.15 on, by the pidfd itself (PIDFD_GET_INFO). Thread-safe; nothing here blocks.
 */
#ifndef WLT_POST_WRITERS_H
#define WLT_POST_WRITERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "post/completion.h"

/* The status can be missing for an instant after the end: ask again this soon, this often. */
#define WLT_WRITER_ASK_MS   5
#define WLT_WRITER_ASK_MOST 20u

/* The process of `thread`, while that is blocked in the request it made; 0 when it cannot be told. */
pid_t wlt_writer_process(pid_t thread);

/* A pidfd for it, readable when it has ended; -1 with errno. */
int wlt_writer_watch(pid_t process);

/* How `process`, whose pidfd is readable, ended. False when the kernel does not know yet. */
bool wlt_writer_ended(int pidfd, pid_t process, enum wlt_writer_end *end);

#endif
