/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "opened.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct wlt_open_options opened_options(const struct wlt_key *pair)
{
	return (struct wlt_open_options){.pair = pair,
					 .memory_limit = 64u << 20,
					 .spill_dirfd = -1};
}

struct wlt_package *opened_raw(const struct wlt_raw *raw, const struct wlt_open_options *options)
{
	struct wlt_package *package = NULL;
	struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(wlt_package_open(raw, options, &package, &err), "%s", wlt_error_text(&err));
	return package;
}

struct wlt_package *opened_file(const struct sandbox *box, const char *name,
				const struct wlt_open_options *options)
{
	struct wlt_raw raw = packages_raw(box, name);
	struct wlt_package *package = opened_raw(&raw, options);

	free((void *)(uintptr_t)raw.memory);
	return package;
}

void opened_refused_raw(const struct wlt_raw *raw, const struct wlt_open_options *options,
			enum wlt_kind kind, const char *part)
{
	struct wlt_package *package = NULL;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	ck_assert_msg(!wlt_package_open(raw, options, &package, &err),
		      "opened, not refused for \"%s\"", part);
	ck_assert_ptr_null(package);
	ck_assert_msg(strstr(wlt_error_text(&err), part) != NULL, "not \"%s\": %s", part,
		      wlt_error_text(&err));
	ck_assert_msg(err.kind == kind, "%s: %s", wlt_kind_name(err.kind), wlt_error_text(&err));
}

void opened_refused(const struct sandbox *box, const char *name,
		    const struct wlt_open_options *options, enum wlt_kind kind, const char *part)
{
	struct wlt_raw raw = packages_raw(box, name);

	opened_refused_raw(&raw, options, kind, part);
	free((void *)(uintptr_t)raw.memory);
}

char *opened_content(const struct wlt_package *package, size_t i)
{
	const struct wlt_entry *entry = &package->entries[i];
	char *bytes = malloc((size_t)entry->size + 1);
	struct wlt_error err = WLT_ERROR_INIT;
	size_t got;

	ck_assert_ptr_nonnull(bytes);
	ck_assert(wlt_plain_read(package->plain, bytes, (size_t)entry->size, entry->offset, &got,
				 &err));
	ck_assert_uint_eq(got, entry->size);
	bytes[got] = '\0';
	return bytes;
}

static void check_entry(const struct wlt_package *package, size_t i, const char *path, bool x,
			const char *text)
{
	const struct wlt_entry *entry = &package->entries[i];
	WLT_AUTOFREE char *content = opened_content(package, i);

	ck_assert_str_eq(entry->path, path);
	ck_assert_int_eq(entry->executable, x);
	if (text == NULL)
		return;
	ck_assert_uint_eq(entry->size, strlen(text));
	ck_assert_int_eq(entry->mtime, 1775556900); /* 2026-04-07T10:15:00 */
	ck_assert_str_eq(content, text);
}

/* It is packages_tree(), in full. */
void opened_check_tree(const struct sandbox *box, const struct wlt_package *package)
{
	WLT_AUTOFREE char *expected = NULL;

	ck_assert_uint_eq(package->n_entries, 6);
	check_entry(package, 0, "README.md", false, "# read me\n");
	check_entry(package, 1, "_kernel/key.md", false, "---\ngoal: test\n---\n");
	check_entry(package, 2, "empty.txt", false, "");
	check_entry(package, 3, "manifest.yaml", false, NULL);
	check_entry(package, 4, "notes/\xc3\xbc \xe5\x90\x8d.md", false, "umlaut\n");
	check_entry(package, 5, "run.sh", true, "#!/bin/sh\n");
	ck_assert_int_eq(sandbox_sh(box, "sha256sum <canonical | cut -c 1-64 | tr -d '\\n' >id"),
			 0);
	expected = sandbox_get(box, "id", NULL);
	ck_assert_str_eq(package->import_id, expected);
}

/* Opened or not: when it opens, it is the very same package. Returns whether it did. */
bool opened_same_or_refused(const struct wlt_raw *raw, const struct wlt_open_options *options,
			    const struct wlt_package *original)
{
	struct wlt_package *package = NULL;
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;

	if (!wlt_package_open(raw, options, &package, &err)) {
		ck_assert_ptr_null(package);
		ck_assert_msg(err.kind == WLT_DAMAGED || err.kind == WLT_NO_KEY ||
				      err.kind == WLT_TOO_BIG,
			      "%s: %s", wlt_kind_name(err.kind), wlt_error_text(&err));
		ck_assert_str_ne(wlt_error_text(&err), "");
		return false;
	}
	ck_assert_str_eq(package->import_id, original->import_id);
	ck_assert_uint_eq(package->n_entries, original->n_entries);
	for (size_t i = 0; i < package->n_entries; i++) {
		WLT_AUTOFREE char *got = opened_content(package, i);
		WLT_AUTOFREE char *expected = opened_content(original, i);

		ck_assert_str_eq(package->entries[i].path, original->entries[i].path);
		ck_assert_int_eq(package->entries[i].mtime, original->entries[i].mtime);
		ck_assert_uint_eq(package->entries[i].size, original->entries[i].size);
		ck_assert_mem_eq(got, expected, package->entries[i].size);
	}
	wlt_package_free(package);
	return true;
}

/* Flip bit `bit` of the bytes behind `raw`. */
void opened_flip(const struct wlt_raw *raw, size_t bit)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)raw->memory;

	bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
}
