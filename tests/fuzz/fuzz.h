/* SPDX-License-Identifier: MIT */
/*
 * Fuzz targets: what the readers of input from strangers promise, asserted for whatever bytes come.
 *
 * Each fuzz_*.c is one target. With clang it is linked with libFuzzer, which calls it with inputs of its
 * own making (`make fuzz`); everywhere, standalone.c runs it once over each file of its corpus
 * (`make check`). A promise that is not kept aborts: that is a finding.
 */
#ifndef WLT_TESTS_FUZZ_H
#define WLT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "package/package.h"

/* --- what a target gives; the names are libFuzzer's --------------------------------------------- */

extern const char fuzz_target[]; /* its name, and that of its folder in corpus/ */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
/* Once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Makes another input out of `bytes`, in place; returns its length. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed);

/* libFuzzer's own mutations, for a mutator to use on a part of the input. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t max);

/* --- promises ---------------------------------------------------------------------------------- */

#define fuzz_require(condition) \
	((condition) ? (void)0 : fuzz_broken(#condition, __FILE__, __LINE__))
void fuzz_broken(const char *condition, const char *file, int line) __attribute__((noreturn));

/* A refusal says why: one line that a terminal can show, and about the input, not about us. */
void fuzz_require_refusal(const struct wlt_error *err);

/* It can be used below any folder, and only there. */
void fuzz_require_path(const char *path);

/* A list of `size` bytes in `plain` at `offset` with this SHA-256, by OpenSSL alone. */
void fuzz_require_content(const struct wlt_plain *plain, uint64_t offset, uint64_t size,
			  const char *sha256);

void fuzz_require_manifest(const struct wlt_manifest *manifest);

/* Opened: entries and manifest tell the same, and the limits were kept. */
void fuzz_require_package(const struct wlt_package *package,
			  const struct wlt_open_options *options);

/* The lowest descriptor that is free. The same before and after: none was left open below it. */
int fuzz_free_fd(void);

/* --- how packages are opened here --------------------------------------------------------------- */

/* Limits so narrow that small inputs meet every one of them, spilling included. */
#define FUZZ_MAX_EXPANDED 8192u
#define FUZZ_MAX_MEMBERS  12u
#define FUZZ_MEMORY_LIMIT 4096u

/* No key and no keyring. */
struct wlt_open_options fuzz_options(void);

#endif
