/* SPDX-License-Identifier: MIT */
/*
 * Packages made with tar, gzip, openssl and sha256sum alone, so that what is read from them is not what
 * our own writer put there. All work in a sandbox; all fail the running test when they do not work.
 */
#ifndef WLT_TESTS_PACKAGES_H
#define WLT_TESTS_PACKAGES_H

#include <stddef.h>
#include <stdint.h>

#include "keys/keys.h"
#include "package/package.h"
#include "sandbox.h"

/* A small walnut in `t/`: text, an empty file, an executable, UTF-8 and blanks in names. */
void packages_tree(const struct sandbox *box);

/* (Re)write `t/manifest.yaml` for what is in `t/`, and its canonical bytes as `canonical`. */
void packages_manifest(const struct sandbox *box);

/* Sign `t/manifest.yaml` with `pair`. */
void packages_sign(const struct sandbox *box, const struct wlt_key *pair);

/* `t/` as `name`, in the clear; `tar_options` go to tar. */
void packages_plain(const struct sandbox *box, const char *name, const char *tar_options);

/* An RSA pair NAME.pem (0600) and NAME.pub.pem. */
struct wlt_key *packages_key(const struct sandbox *box, const char *name);

/* Seal the file `payload` for the keys named (blank between), as `name`. Leaves rsa-envelope-v1.json
 * and payload.enc behind. */
void packages_seal(const struct sandbox *box, const char *payload, const char *keys,
		   const char *name);

/* A file of the sandbox as raw bytes in memory; free `memory`. */
struct wlt_raw packages_raw(const struct sandbox *box, const char *name);

#endif
