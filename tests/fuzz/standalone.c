/* SPDX-License-Identifier: MIT */
/*
 * In libFuzzer's place: every file of the target's corpus once through it, reported in TAP. With
 * arguments, these files instead of the corpus: for looking at what a fuzzer has found.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/path.h"
#include "fuzz.h"

#define LONGEST_INPUT (16u << 20)

/* A target may do without. */
#pragma weak LLVMFuzzerInitialize

static bool run_file(const char *path)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(wlt_buf_free) struct wlt_buf text = WLT_BUF_INIT;
	WLT_AUTOFREE uint8_t *bytes = NULL;

	if (!wlt_file_read(AT_FDCWD, path, LONGEST_INPUT, &text, &err)) {
		(void)printf("# %s\n", wlt_error_text(&err));
		return false;
	}
	/* No byte more than there are, so that AddressSanitizer sees who reads on. */
	bytes = malloc(text.len);
	if (bytes == NULL && text.len > 0)
		return false;
	if (text.len > 0)
		memcpy(bytes, text.data, text.len);
	return LLVMFuzzerTestOneInput(bytes, text.len) == 0;
}

/* One line a file. A broken promise ends the program, and the plan tells that lines are missing. */
static bool run_files(char *const *paths, int n)
{
	bool good = true;

	(void)printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		bool passed;

		(void)fflush(stdout); /* before what may be the end */
		passed = run_file(paths[i]);
		(void)printf("%s %d - %s\n", passed ? "ok" : "not ok", i + 1,
			     wlt_path_leaf(paths[i]));
		good = good && passed;
	}
	return good;
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool run_corpus(void)
{
	const char *source_dir = getenv("WLT_SOURCE_DIR");
	WLT_AUTOFREE char *folder = NULL;
	struct dirent **found = NULL;
	char **paths;
	int n = -1;
	bool good;

	if (asprintf(&folder, "%s/tests/fuzz/corpus/%s", source_dir != NULL ? source_dir : ".",
		     fuzz_target) >= 0)
		n = scandir(folder, &found, is_input, alphasort);
	if (n <= 0) {
		(void)printf("Bail out! no corpus in %s\n", folder != NULL ? folder : "?");
		return false;
	}
	paths = calloc((size_t)n, sizeof(*paths));
	good = paths != NULL;
	for (int i = 0; i < n; i++) {
		good = good && asprintf(&paths[i], "%s/%s", folder, found[i]->d_name) >= 0;
		free(found[i]);
	}
	free(found);
	good = good && run_files(paths, n);
	for (int i = 0; paths != NULL && i < n; i++)
		free(paths[i]);
	free(paths);
	return good;
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	return (argc > 1 ? run_files(argv + 1, argc - 1) : run_corpus()) ? 0 : 1;
}
