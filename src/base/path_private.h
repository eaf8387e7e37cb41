/* SPDX-License-Identifier: MIT */
/*
 * The two ways wlt_open_beneath() has, each with its promises. Apart so that the second can be
 * tested on a kernel that has the first.
 */
#ifndef WLT_BASE_PATH_PRIVATE_H
#define WLT_BASE_PATH_PRIVATE_H

#include <sys/types.h>

/* By openat2(2); ENOSYS or EPERM where the kernel or a sandbox does not offer it. */
int wlt_open_beneath_kernel(int dirfd, const char *path, int flags, mode_t mode);

/* Component by component with O_NOFOLLOW. */
int wlt_open_beneath_walk(int dirfd, const char *path, int flags, mode_t mode);

#endif
