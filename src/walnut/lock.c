/* SPDX-License-Identifier: MIT */
/*
 * One file per walnut, named by a hash of its path. An flock on it is the lock, so that nothing is
 * left locked when a program dies; its content is for people and for programs that look at the pid.
 */
#include "config.h"

#include "walnut/walnut.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define HASH_BYTES   8 /* of the SHA-256; twice as many digits */
#define HOLDER_BYTES 256

static char *locks_dir(void)
{
	const char *home = getenv("HOME");

	return home == NULL || home[0] != '/' ? NULL : wlt_path_join(home, ".alive/locks");
}

char *wlt_walnut_lock_path(const char *walnut)
{
	WLT_AUTOFREE char *dir = locks_dir();
	uint8_t digest[EVP_MAX_MD_SIZE];
	char name[2 * HASH_BYTES + sizeof(".lock")];

	if (dir == NULL ||
	    EVP_Digest(walnut, strlen(walnut), digest, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	wlt_hex_encode(digest, HASH_BYTES, name);
	strcat(name, ".lock");
	return wlt_path_join(dir, name);
}

/* Who has it, from what the holder has written. */
static bool fail_busy(const char *path, const char *walnut, struct wlt_error *err)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error unread = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	long pid = 0;

	if (wlt_file_read(AT_FDCWD, path, HOLDER_BYTES, &text, &unread) && text.len > 0 &&
	    sscanf(text.data, "pid=%ld", &pid) == 1 && pid > 0)
		return wlt_fail(err, WLT_BUSY,
				"busy: %s is being shared, received or changed by another program "
				"(pid %ld); try again when it has finished",
				walnut, pid);
	return wlt_fail(err, WLT_BUSY,
			"busy: %s is being shared, received or changed by another program", walnut);
}

bool wlt_walnut_lock_take(const char *walnut, const char *action, struct wlt_walnut_lock *lock,
			  struct wlt_error *err)
{
	WLT_AUTOFREE char *dir = locks_dir();
	WLT_AUTOFREE char *path = wlt_walnut_lock_path(walnut);
	char holder[HOLDER_BYTES];
	char now[WLT_ISO_BYTES];

	*lock = (struct wlt_walnut_lock){.fd = -1};
	if (dir == NULL)
		return wlt_fail(err, WLT_USAGE, "HOME is not set to your home folder");
	if (path == NULL)
		return wlt_fail_memory(err);
	wlt_clock_iso(wlt_clock_now(), now);
	(void)snprintf(holder, sizeof(holder), "pid=%ld\nstarted=%s\naction=%s\n", (long)getpid(),
		       now, action);
	if (!wlt_dir_ensure(dir, 0700, err))
		return false;
	if (!wlt_lock_take(AT_FDCWD, path, holder, &lock->fd, err))
		return err->kind == WLT_BUSY ? fail_busy(path, walnut, err) : false;
	lock->path = wlt_take(path);
	return true;
}

void wlt_walnut_lock_release(struct wlt_walnut_lock *lock)
{
	if (lock->path == NULL)
		return;
	/* While it is held: whoever waits for the name finds a new file or none. */
	(void)unlink(lock->path); /* one that stays is taken over by the next */
	(void)close(lock->fd);
	free(lock->path);
	*lock = (struct wlt_walnut_lock){.fd = -1};
}
