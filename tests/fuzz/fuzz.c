/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "fuzz.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"

void fuzz_broken(const char *condition, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
	abort();
}

void fuzz_require_refusal(const struct wlt_error *err)
{
	const char *text = wlt_error_text(err);

	fuzz_require(err->kind == WLT_DAMAGED || err->kind == WLT_UNTRUSTED ||
		     err->kind == WLT_NO_KEY || err->kind == WLT_REFUSED ||
		     err->kind == WLT_UNSUPPORTED || err->kind == WLT_TOO_BIG);
	fuzz_require(err->text != NULL && *text != '\0');
	fuzz_require(wlt_utf8_valid(text, strlen(text)));
	fuzz_require(!wlt_text_has_control(text, strlen(text)));
}

void fuzz_require_path(const char *path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	size_t n;

	fuzz_require(wlt_path_check(path, &err));
	fuzz_require(strchr(path, '\\') == NULL);
	fuzz_require(wlt_utf8_valid(path, strlen(path)));
	for (const char *name = path;; name += n + 1) {
		n = strcspn(name, "/");
		fuzz_require(n > 0);
		fuzz_require(!(n == 1 && name[0] == '.'));
		fuzz_require(!(n == 2 && name[0] == '.' && name[1] == '.'));
		if (name[n] == '\0')
			break;
	}
}

static void sha256_hex(const void *bytes, size_t len, char out[WLT_SHA256_HEX])
{
	uint8_t digest[WLT_SHA256_BYTES];
	size_t n = sizeof(digest);

	fuzz_require(EVP_Q_digest(NULL, "SHA256", NULL, bytes, len, digest, &n) == 1);
	wlt_hex_encode(digest, sizeof(digest), out);
}

void fuzz_require_content(const struct wlt_plain *plain, uint64_t offset, uint64_t size,
			  const char *sha256)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTOFREE uint8_t *bytes = malloc((size_t)size + 1);
	char found[WLT_SHA256_HEX];
	size_t got = 0;

	fuzz_require(bytes != NULL);
	fuzz_require(offset <= wlt_plain_size(plain) && size <= wlt_plain_size(plain) - offset);
	fuzz_require(wlt_plain_read(plain, bytes, (size_t)size, offset, &got, &err));
	fuzz_require(got == size);
	sha256_hex(bytes, got, found);
	fuzz_require(strcmp(found, sha256) == 0);
}

void fuzz_require_manifest(const struct wlt_manifest *manifest)
{
	fuzz_require(strncmp(manifest->format_version, "2.", 2) == 0 ||
		     strncmp(manifest->format_version, "1.", 2) == 0);
	fuzz_require(manifest->created != NULL && manifest->sender != NULL &&
		     manifest->description != NULL && manifest->note != NULL &&
		     manifest->walnut != NULL && manifest->payload_sha256 != NULL);
	fuzz_require(wlt_scope_name(manifest->scope) != NULL);
	fuzz_require(manifest->n_files <= WLT_MAX_LISTED);
	for (size_t i = 0; i < manifest->n_files; i++) {
		const struct wlt_manifest_file *file = &manifest->files[i];

		fuzz_require_path(file->path);
		fuzz_require(strspn(file->sha256, "0123456789abcdef") == WLT_SHA256_HEX - 1);
		fuzz_require(i == 0 || strcmp(manifest->files[i - 1].path, file->path) < 0);
	}
}

static const struct wlt_manifest_file *listed(const struct wlt_manifest *manifest, const char *path)
{
	for (size_t i = 0; i < manifest->n_files; i++) {
		if (strcmp(manifest->files[i].path, path) == 0)
			return &manifest->files[i];
	}
	return NULL;
}

static void require_entry(const struct wlt_package *package, size_t i)
{
	const struct wlt_entry *entry = &package->entries[i];
	const struct wlt_manifest_file *file = listed(package->manifest, entry->path);

	fuzz_require_path(entry->path);
	fuzz_require(i == 0 || strcmp(package->entries[i - 1].path, entry->path) < 0);
	/* A file is nobody's folder. Entries are few. */
	for (size_t j = 0; j < package->n_entries; j++) {
		size_t n = strlen(entry->path);

		fuzz_require(strncmp(package->entries[j].path, entry->path, n) != 0 ||
			     package->entries[j].path[n] != '/');
	}
	if (strcmp(entry->path, "manifest.yaml") == 0)
		return;
	fuzz_require(file != NULL);
	fuzz_require(file->size == entry->size);
	fuzz_require_content(package->plain, entry->offset, entry->size, file->sha256);
}

void fuzz_require_package(const struct wlt_package *package, const struct wlt_open_options *options)
{
	uint64_t sum = 0;

	fuzz_require_manifest(package->manifest);
	fuzz_require(package->n_entries == package->manifest->n_files + 1);
	fuzz_require(package->n_entries <= options->max_members);
	for (size_t i = 0; i < package->n_entries; i++) {
		require_entry(package, i);
		sum += package->entries[i].size;
	}
	fuzz_require(sum == wlt_plain_size(package->plain) && sum <= options->max_expanded);
	fuzz_require(wlt_plain_memory(package->plain) <= options->memory_limit);
	fuzz_require(strlen(package->import_id) == WLT_SHA256_HEX - 1);
	fuzz_require(package->verdict != WLT_VERDICT_INVALID &&
		     package->verdict != WLT_VERDICT_MISMATCH);
	fuzz_require(!options->require_signature || package->verdict == WLT_VERDICT_VALID);
}

int fuzz_free_fd(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	fuzz_require(fd >= 0);
	(void)close(fd); /* a duplicate: nothing to lose */
	return fd;
}

struct wlt_open_options fuzz_options(void)
{
	static int spill_dirfd = -1; /* opened once: libFuzzer hands a target nothing but bytes */

	if (spill_dirfd < 0)
		spill_dirfd = open(P_tmpdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_require(spill_dirfd >= 0);
	return (struct wlt_open_options){
		.max_expanded = FUZZ_MAX_EXPANDED,
		.max_members = FUZZ_MAX_MEMBERS,
		.memory_limit = FUZZ_MEMORY_LIMIT,
		.spill_dirfd = spill_dirfd,
	};
}
