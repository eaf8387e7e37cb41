/* SPDX-License-Identifier: MIT */
/*
 * Scope-bound clean-up, so that every function has one exit path.
 *
 *   WLT_AUTOFREE char *text = NULL;         free()d at the end of the scope
 *   WLT_AUTOCLOSE int fd = -1;              closed when not -1
 *   WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
 *   return wlt_take_fd(&fd);                hands a descriptor on and leaves -1 behind
 *
 * errno survives the clean-up.
 */
#ifndef WLT_BASE_CLEANUP_H
#define WLT_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define WLT_AUTO(function) __attribute__((cleanup(function)))

static inline void wlt_cleanup_free(void *pointer_to_pointer)
{
	int saved = errno;

	free(*(void **)pointer_to_pointer);
	errno = saved;
}

static inline void wlt_cleanup_close(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

#define WLT_AUTOFREE  WLT_AUTO(wlt_cleanup_free)
#define WLT_AUTOCLOSE WLT_AUTO(wlt_cleanup_close)

static inline int wlt_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *wlt_take_pointer_(void *pointer_to_pointer)
{
	void *taken = *(void **)pointer_to_pointer;

	*(void **)pointer_to_pointer = NULL;
	return taken;
}

/* Hand a WLT_AUTO pointer on and leave NULL behind. */
#define wlt_take(pointer) ((__typeof__(pointer))wlt_take_pointer_(&(pointer)))

#endif
