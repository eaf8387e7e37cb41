/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/contents.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "package/digest.h"
#include "package/manifest.h"
#include "package/tar_read.h"

#define HEADERS_EACH (8u << 10) /* what a member may take beside its content, on average */
#define TAR_TAIL     (1u << 20) /* zeros at the end */

/* --- reading ----------------------------------------------------------------------------------- */

struct reader {
	struct wlt_tar *tar;
	struct wlt_contents *contents;
	const atomic_bool *cancel;
	struct wlt_sha256 sha;
	uint8_t *buffer; /* WLT_SOURCE_BUFFER */
};

static void free_reader(struct reader *reader)
{
	wlt_tar_close(reader->tar);
	wlt_sha256_free(&reader->sha);
	if (reader->buffer != NULL)
		OPENSSL_cleanse(reader->buffer, WLT_SOURCE_BUFFER);
	free(reader->buffer);
}

/* Content into the store and through SHA-256, in one go. */
static bool read_content(struct reader *reader, struct wlt_found *found, struct wlt_error *err)
{
	size_t got;

	if (!wlt_sha256_begin(&reader->sha, err))
		return false;
	do {
		if (reader->cancel != NULL && atomic_load(reader->cancel))
			return wlt_fail(err, WLT_CANCELLED, "opening the package was cancelled");
		if (!wlt_tar_read(reader->tar, reader->buffer, WLT_SOURCE_BUFFER, &got, err) ||
		    !wlt_plain_append(reader->contents->plain, reader->buffer, got, err) ||
		    !wlt_sha256_update(&reader->sha, reader->buffer, got, err))
			return false;
	} while (got > 0);
	return wlt_sha256_end(&reader->sha, found->sha256, err);
}

static struct wlt_found *new_found(struct wlt_contents *contents)
{
	struct wlt_found *found;

	if (contents->n == contents->capacity) {
		size_t capacity = contents->capacity > 0 ? contents->capacity * 2 : 64;
		struct wlt_found *grown =
			reallocarray(contents->found, capacity, sizeof(*contents->found));

		if (grown == NULL)
			return NULL;
		contents->found = grown;
		contents->capacity = capacity;
	}
	found = &contents->found[contents->n];
	*found = (struct wlt_found){0};
	return found;
}

static bool take_member(struct reader *reader, const struct wlt_tar_member *member,
			struct wlt_error *err)
{
	struct wlt_contents *contents = reader->contents;
	struct wlt_found *found = new_found(contents);

	if (found == NULL)
		return wlt_fail_memory(err);
	found->entry.path = strdup(member->path);
	if (found->entry.path == NULL)
		return wlt_fail_memory(err);
	contents->n++;
	found->folder = member->folder;
	found->entry.offset = wlt_plain_size(contents->plain);
	found->entry.size = member->size;
	found->entry.mtime = member->mtime;
	found->entry.executable = member->executable;
	if (!wlt_is_deliverable(member->path, err))
		return false;
	if (strcmp(member->path, WLT_MANIFEST_NAME) == 0 && member->size > WLT_MAX_MANIFEST)
		return wlt_fail(err, WLT_TOO_BIG, "%s: %llu bytes, at most %u allowed",
				WLT_MANIFEST_NAME, (unsigned long long)member->size,
				WLT_MAX_MANIFEST);
	return member->folder || read_content(reader, found, err);
}

/* --- names that cannot live together ------------------------------------------------------------ */

static int compare_found(const void *a, const void *b)
{
	const struct wlt_found *left = a;
	const struct wlt_found *right = b;

	return strcmp(left->entry.path, right->entry.path);
}

struct wanted {
	const char *path;
	size_t len;
};

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *wanted = a;
	const struct wlt_found *found = b;
	int order = strncmp(wanted->path, found->entry.path, wanted->len);

	if (order != 0)
		return order;
	return found->entry.path[wanted->len] == '\0' ? 0 : -1;
}

/* The member whose path is the first `len` bytes of `path`. */
static const struct wlt_found *find(const struct wlt_contents *contents, const char *path,
				    size_t len)
{
	struct wanted wanted = {path, len};

	if (contents->n == 0)
		return NULL;
	return bsearch(&wanted, contents->found, contents->n, sizeof(*contents->found),
		       compare_wanted);
}

static bool check_parents(const struct wlt_contents *contents, const char *path,
			  struct wlt_error *err)
{
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		const struct wlt_found *parent = find(contents, path, (size_t)(slash - path));

		if (parent != NULL && !parent->folder)
			return wlt_fail(err, WLT_DAMAGED,
					"%s is a file in the package and the folder of %s",
					parent->entry.path, path);
	}
	return true;
}

static bool check_names(struct wlt_contents *contents, struct wlt_error *err)
{
	if (contents->n > 0)
		qsort(contents->found, contents->n, sizeof(*contents->found), compare_found);
	for (size_t i = 0; i < contents->n; i++) {
		const char *path = contents->found[i].entry.path;

		if (i > 0 && strcmp(contents->found[i - 1].entry.path, path) == 0)
			return wlt_fail(err, WLT_DAMAGED, "%s is in the package twice", path);
		if (!check_parents(contents, path, err))
			return false;
	}
	return true;
}

static bool have_store(struct wlt_contents *contents, const struct wlt_open_options *options,
		       struct wlt_error *err)
{
	return contents->plain != NULL ||
	       wlt_plain_new(options->memory_limit, options->spill_dirfd, &contents->plain, err);
}

bool wlt_contents_read(struct wlt_source *tar, const struct wlt_open_options *options,
		       struct wlt_contents *out, struct wlt_error *err)
{
	WLT_AUTO(free_reader) struct reader reader = {.contents = out, .cancel = options->cancel};
	struct wlt_tar_limits limits = {WLT_MAX_MEMBERS, WLT_MAX_EXPANDED, 0};
	struct wlt_tar_member member;
	bool found = true;

	if (options->max_members > 0)
		limits.members = options->max_members;
	if (options->max_expanded > 0)
		limits.content = options->max_expanded;
	limits.stream = limits.content + (uint64_t)limits.members * HEADERS_EACH + TAR_TAIL;
	if (!have_store(out, options, err) || !wlt_tar_open(tar, &limits, &reader.tar, err) ||
	    !wlt_sha256_new(&reader.sha, err))
		return false;
	reader.buffer = malloc(WLT_SOURCE_BUFFER);
	if (reader.buffer == NULL)
		return wlt_fail_memory(err);
	while (found) {
		if (!wlt_tar_next(reader.tar, &member, &found, err) ||
		    (found && !take_member(&reader, &member, err)))
			return false;
	}
	return check_names(out, err) && wlt_plain_seal(out->plain, err);
}

void wlt_contents_free(struct wlt_contents *contents)
{
	for (size_t i = 0; i < contents->n; i++)
		free(contents->found[i].entry.path);
	free(contents->found);
	wlt_plain_free(contents->plain);
	*contents = (struct wlt_contents){0};
}

/* --- single files of it ------------------------------------------------------------------------- */

const struct wlt_found *wlt_contents_find(const struct wlt_contents *contents, const char *path)
{
	return find(contents, path, strlen(path));
}

/* The whole of a file, malloc()ed. */
static uint8_t *load(const struct wlt_contents *contents, const struct wlt_found *found,
		     struct wlt_error *err)
{
	size_t len = (size_t)found->entry.size;
	uint8_t *bytes = malloc(len + 1);
	size_t got;

	if (bytes == NULL) {
		wlt_fail_memory(err);
	} else if (!wlt_plain_read(contents->plain, bytes, len, found->entry.offset, &got, err)) {
		free(bytes);
		bytes = NULL;
	}
	return bytes;
}

bool wlt_contents_adopt(const struct wlt_contents *from, const char *path,
			const struct wlt_open_options *options, struct wlt_contents *to,
			struct wlt_error *err)
{
	const struct wlt_found *found = wlt_contents_find(from, path);
	WLT_AUTOFREE uint8_t *bytes = load(from, found, err);
	struct wlt_found *copy = new_found(to);

	if (bytes == NULL)
		return false;
	if (copy == NULL)
		return wlt_fail_memory(err);
	*copy = *found;
	copy->entry.path = strdup(path);
	if (copy->entry.path == NULL)
		return wlt_fail_memory(err);
	to->n++;
	if (!have_store(to, options, err))
		return false;
	copy->entry.offset = wlt_plain_size(to->plain);
	return wlt_plain_append(to->plain, bytes, (size_t)found->entry.size, err);
}

bool wlt_contents_manifest(const struct wlt_contents *contents, enum wlt_check *check,
			   struct wlt_manifest **out, struct wlt_error *err)
{
	const struct wlt_found *found = wlt_contents_find(contents, WLT_MANIFEST_NAME);
	WLT_AUTOFREE uint8_t *text = NULL;

	if (found == NULL || found->folder)
		return wlt_fail(err, WLT_DAMAGED, "the package has no %s", WLT_MANIFEST_NAME);
	text = load(contents, found, err);
	return text != NULL &&
	       wlt_manifest_parse_checked((const char *)text, (size_t)found->entry.size, check, out,
					  err);
}

/* --- comparing ---------------------------------------------------------------------------------- */

#define NAMED_FAULTS 10u

struct faults {
	struct wlt_buf text;
	size_t n;
};

static void free_faults(struct faults *faults)
{
	wlt_buf_free(&faults->text);
}

/* Where `path` stands in the manifest as it was written. */
static size_t listed_index(const struct wlt_manifest *manifest, const char *path)
{
	struct json_object *list = json_object_object_get(manifest->tree, "files");
	size_t i = 0;

	while (i + 1 < manifest->n_files &&
	       strcmp(json_object_get_string(
			      json_object_object_get(json_object_array_get_idx(list, i), "path")),
		      path) != 0)
		i++;
	return i;
}

static void add_fault(struct faults *faults, const struct wlt_manifest *manifest, const char *path,
		      const char *what)
{
	if (faults->n++ >= NAMED_FAULTS)
		return;
	wlt_buf_puts(&faults->text, faults->n > 1 ? "; " : "");
	if (manifest != NULL)
		wlt_buf_printf(&faults->text, "files[%zu] ", listed_index(manifest, path));
	wlt_buf_printf(&faults->text, "%s: %s", path, what);
}

static const char *difference(const struct wlt_manifest_file *listed, const struct wlt_found *found)
{
	if (found->folder)
		return "a folder, not a file";
	if (found->entry.size != listed->size)
		return "size differs from the manifest";
	return strcmp(found->sha256, listed->sha256) != 0 ? "SHA-256 differs from the manifest"
							  : NULL;
}

/* Both lists are sorted: walk them side by side. */
static void compare(const struct wlt_contents *contents, const struct wlt_manifest *manifest,
		    struct faults *faults)
{
	size_t i = 0;
	size_t j = 0;

	while (i < manifest->n_files || j < contents->n) {
		const struct wlt_manifest_file *listed = &manifest->files[i];
		const struct wlt_found *found = &contents->found[j];
		int order = i == manifest->n_files ? 1
			    : j == contents->n     ? -1
						   : strcmp(listed->path, found->entry.path);
		const char *what;

		if (order < 0) {
			add_fault(faults, manifest, listed->path, "missing from the package");
			i++;
		} else if (order > 0) {
			if (!found->folder && strcmp(found->entry.path, WLT_MANIFEST_NAME) != 0)
				add_fault(faults, NULL, found->entry.path,
					  "not listed in the manifest");
			j++;
		} else {
			what = difference(listed, found);
			if (what != NULL)
				add_fault(faults, manifest, listed->path, what);
			i++;
			j++;
		}
	}
}

bool wlt_contents_verify(const struct wlt_contents *contents, const struct wlt_manifest *manifest,
			 enum wlt_check *check, struct wlt_error *err)
{
	WLT_AUTO(free_faults) struct faults faults = {WLT_BUF_INIT, 0};
	char payload[WLT_SHA256_HEX];

	*check = WLT_CHECK_FILES;
	compare(contents, manifest, &faults);
	if (faults.n > NAMED_FAULTS)
		wlt_buf_printf(&faults.text, "; and %zu more", faults.n - NAMED_FAULTS);
	if (!wlt_buf_ok(&faults.text, err))
		return false;
	if (faults.n > 0)
		return wlt_fail(err, WLT_DAMAGED, "%s (package damaged or altered)",
				faults.text.data);
	*check = WLT_CHECK_PAYLOAD;
	if (*manifest->payload_sha256 == '\0')
		return true; /* 1.x: nothing to compare with */
	if (!wlt_manifest_payload_sha256(manifest->files, manifest->n_files, payload, err))
		return false;
	if (strcmp(payload, manifest->payload_sha256) != 0)
		return wlt_fail(err, WLT_DAMAGED,
				"payload_sha256 of the manifest is not that of its files (package "
				"damaged or altered)");
	return true;
}

bool wlt_contents_release(struct wlt_contents *contents, struct wlt_package *package,
			  struct wlt_error *err)
{
	package->entries = calloc(contents->n + 1, sizeof(*package->entries));
	if (package->entries == NULL)
		return wlt_fail_memory(err);
	for (size_t i = 0; i < contents->n; i++) {
		struct wlt_found *found = &contents->found[i];

		if (found->folder)
			continue;
		package->entries[package->n_entries++] = found->entry;
		found->entry.path = NULL;
	}
	package->plain = wlt_take(contents->plain);
	return true;
}
