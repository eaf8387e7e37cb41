/* SPDX-License-Identifier: MIT */
/* Opening whole packages: made by tar and gzip, and forged byte by byte. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "opened.h"
#include "tar_forge.h"

static struct sandbox box;

static void setup(void)
{
	sandbox_make(&box);
	packages_tree(&box);
}

static void teardown(void)
{
	sandbox_remove(&box);
}

/* What lies in `t/` now, packed, is refused. */
static void refused_tree(enum wlt_kind kind, const char *part)
{
	struct wlt_open_options options = opened_options(NULL);

	packages_plain(&box, "p", "");
	opened_refused(&box, "p", &options, kind, part);
}

/* --- plain -------------------------------------------------------------------------------------- */

START_TEST(tar_formats)
{
	static const char *const tar_options[] = {"--format=gnu", "--format=ustar", "--format=pax",
						  "--format=v7",  "-b 1",           "--sort=name"};
	struct wlt_open_options options = opened_options(NULL);
	struct wlt_package *package;

	packages_plain(&box, "p", tar_options[_i]);
	package = opened_file(&box, "p", &options);
	opened_check_tree(&box, package);
	ck_assert_int_eq(package->envelope, WLT_ENVELOPE_PLAIN);
	ck_assert_int_eq(package->verdict, WLT_VERDICT_ABSENT);
	ck_assert_str_eq(package->signer, "");
	ck_assert_str_eq(package->manifest->walnut, "tree");
	ck_assert_int_ge(wlt_plain_fd(package->plain), 0);
	wlt_package_free(package);
	wlt_package_free(NULL);
}
END_TEST

START_TEST(from_a_file)
{
	struct wlt_open_options options = opened_options(NULL);
	struct wlt_package *package;
	struct wlt_raw raw = {-1, NULL, 0};
	struct stat st;

	packages_plain(&box, "p", "");
	raw.fd = openat(box.fd, "p", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fstat(raw.fd, &st), 0);
	raw.size = (uint64_t)st.st_size;
	package = opened_raw(&raw, &options);
	opened_check_tree(&box, package);
	wlt_package_free(package);
	raw.size += 100; /* it is not that long any more */
	opened_refused_raw(&raw, &options, WLT_DAMAGED, "became shorter");
	ck_assert_int_eq(close(raw.fd), 0);
}
END_TEST

START_TEST(several_gzip_members)
{
	struct wlt_open_options options = opened_options(NULL);
	struct wlt_package *package;

	ck_assert_int_eq(sandbox_sh(&box, "tar -C t -cf tar . && head -c 3000 tar | gzip >p && "
					  "tail -c +3001 tar | gzip -1 >>p"),
			 0);
	package = opened_file(&box, "p", &options);
	opened_check_tree(&box, package);
	wlt_package_free(package);
	ck_assert_int_eq(sandbox_sh(&box, "printf x >>p"), 0);
	opened_refused(&box, "p", &options, WLT_DAMAGED, "bytes follow the end of the gzip stream");
	ck_assert_int_eq(sandbox_sh(&box, "tar -C t -cf tar . && printf x >>tar && gzip <tar >p"),
			 0);
	opened_refused(&box, "p", &options, WLT_DAMAGED, "bytes follow the end of the tar archive");
}
END_TEST

START_TEST(large)
{
	struct wlt_open_options options = opened_options(NULL);
	struct wlt_package *package;
	WLT_AUTOFREE char *got = NULL;
	WLT_AUTOFREE char *expected = NULL;
	size_t len;

	ck_assert_int_eq(sandbox_sh(&box,
				    "seq 1 500000 >t/numbers && head -c 3000000 t/numbers | "
				    "openssl enc -aes-256-ctr -K 00 -iv 00 >t/noise 2>/dev/null"),
			 0);
	packages_manifest(&box);
	packages_plain(&box, "p", "");
	if (_i == 1) { /* spilled */
		options.memory_limit = 1u << 20;
		options.spill_dirfd = box.fd;
	}
	package = opened_file(&box, "p", &options);
	ck_assert_uint_eq(package->n_entries, 8);
	ck_assert_int_eq(wlt_plain_fd(package->plain) >= 0, _i == 0);
	ck_assert_str_eq(package->entries[4].path, "noise");
	got = opened_content(package, 4);
	expected = sandbox_get(&box, "t/noise", &len);
	ck_assert_uint_eq(len, 3000000);
	ck_assert(memcmp(got, expected, len) == 0);
	wlt_package_free(package);
}
END_TEST

/* --- what does not agree with the manifest ------------------------------------------------------- */

START_TEST(disagreements)
{
	sandbox_put(&box, "t/evil.txt", "x");
	refused_tree(WLT_DAMAGED,
		     "evil.txt: not listed in the manifest (package damaged or altered)");
	ck_assert_int_eq(sandbox_sh(&box, "rm t/evil.txt t/empty.txt"), 0);
	refused_tree(WLT_DAMAGED, "files[2] empty.txt: missing from the package");
	ck_assert_int_eq(sandbox_sh(&box, "mkdir t/empty.txt"), 0);
	refused_tree(WLT_DAMAGED, "files[2] empty.txt: a folder, not a file");
	ck_assert_int_eq(sandbox_sh(&box, "rmdir t/empty.txt; printf x >t/empty.txt"), 0);
	refused_tree(WLT_DAMAGED, "files[2] empty.txt: size differs");
	ck_assert_int_eq(sandbox_sh(&box, ": >t/empty.txt; printf '# read mE\\n' >t/README.md"), 0);
	refused_tree(WLT_DAMAGED, "files[0] README.md: SHA-256 differs from the manifest");
	sandbox_put(&box, "t/extra", "x");
	refused_tree(WLT_DAMAGED, "files[0] README.md: SHA-256 differs from the manifest; extra: "
				  "not listed in the manifest (package damaged or altered)");
}
END_TEST

START_TEST(many_disagreements)
{
	ck_assert_int_eq(sandbox_sh(&box, "for n in $(seq 10 23); do echo $n >t/x$n; done"), 0);
	refused_tree(WLT_DAMAGED, "x10: not listed");
	refused_tree(WLT_DAMAGED, "x19: not listed in the manifest; and 4 more");
}
END_TEST

START_TEST(payload_sum)
{
	ck_assert_int_eq(sandbox_sh(&box, "sed -i 's/^payload_sha256: .*/payload_sha256: "
					  "\"'$(printf '%%064d' 0)'\"/' t/manifest.yaml"),
			 0);
	refused_tree(WLT_DAMAGED, "payload_sha256 of the manifest is not that of its files");
}
END_TEST

START_TEST(manifest_member)
{
	ck_assert_int_eq(sandbox_sh(&box, "mv t/manifest.yaml m"), 0);
	refused_tree(WLT_DAMAGED, "no manifest.yaml");
	ck_assert_int_eq(sandbox_sh(&box, "mkdir t/manifest.yaml"), 0);
	refused_tree(WLT_DAMAGED, "no manifest.yaml");
	ck_assert_int_eq(sandbox_sh(&box, "rmdir t/manifest.yaml && head -c 8388609 /dev/zero "
					  ">t/manifest.yaml"),
			 0);
	refused_tree(WLT_TOO_BIG, "manifest.yaml: 8388609 bytes");
	ck_assert_int_eq(sandbox_sh(&box, "sed 's/2.1.0/3.0.0/' m >t/manifest.yaml"), 0);
	refused_tree(WLT_UNSUPPORTED, "newer than 2.x");
	ck_assert_int_eq(sandbox_sh(&box, ": >t/manifest.yaml"), 0);
	refused_tree(WLT_DAMAGED, "format_version");
}
END_TEST

START_TEST(reserved_folders)
{
	static const char *const names[] = {".alive", ".walnut", "__MACOSX"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char expected[64];

		(void)snprintf(expected, sizeof(expected), "%s/ is never taken", names[i]);
		/* Not listed, then listed, then an empty folder. */
		ck_assert_int_eq(sandbox_sh(&box, "mkdir t/%s; echo x >t/%s/x", names[i], names[i]),
				 0);
		refused_tree(WLT_DAMAGED, expected);
		packages_manifest(&box);
		refused_tree(WLT_DAMAGED, expected);
		ck_assert_int_eq(sandbox_sh(&box, "rm t/%s/x", names[i]), 0);
		packages_manifest(&box);
		refused_tree(WLT_DAMAGED, expected);
		ck_assert_int_eq(sandbox_sh(&box, "rmdir t/%s", names[i]), 0);
	}
}
END_TEST

START_TEST(links)
{
	ck_assert_int_eq(sandbox_sh(&box, "ln -s /etc/passwd t/link"), 0);
	refused_tree(WLT_DAMAGED, "link is a symbolic link");
	ck_assert_int_eq(sandbox_sh(&box, "rm t/link; ln t/README.md t/hard"), 0);
	refused_tree(WLT_DAMAGED, "is a hard link");
	ck_assert_int_eq(sandbox_sh(&box, "rm t/hard; mkfifo t/fifo"), 0);
	refused_tree(WLT_DAMAGED, "fifo is a FIFO");
	ck_assert_int_eq(sandbox_sh(&box, "rm t/fifo; truncate -s 1M t/sparse"), 0);
	{
		struct wlt_open_options options = opened_options(NULL);

		packages_plain(&box, "p", "-S --format=gnu");
		opened_refused(&box, "p", &options, WLT_DAMAGED, "sparse");
		packages_plain(&box, "p", "-S --format=pax");
		opened_refused(&box, "p", &options, WLT_DAMAGED, "sparse");
	}
}
END_TEST

/* --- names that cannot live together, forged ------------------------------------------------------ */

static void refused_forge(struct forge *forge, const char *part)
{
	struct wlt_open_options options = opened_options(NULL);

	forge_end(forge);
	sandbox_put_bytes(&box, "forged", forge->bytes, forge->len);
	ck_assert_int_eq(sandbox_sh(&box, "gzip -n <forged >p"), 0);
	opened_refused(&box, "p", &options, WLT_DAMAGED, part);
	forge_free(forge);
}

START_TEST(duplicates)
{
	static const char *const seconds[] = {"foo", "./foo", "././foo"};
	struct forge forge = FORGE_INIT;

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		forge_file(&forge, "foo", "1");
		forge_file(&forge, "other", "2");
		forge_file(&forge, seconds[i], "1");
		refused_forge(&forge, "foo is in the package twice");
	}
	forge_file(&forge, "foo", "1");
	forge_member(&forge, '5', "foo/", "");
	refused_forge(&forge, "foo is in the package twice");
	forge_member(&forge, '5', "foo/", "");
	forge_member(&forge, '5', "./foo", "");
	refused_forge(&forge, "foo is in the package twice");
	forge_file(&forge, "foo", "1");
	forge_pax(&forge, 'x', "path", "foo", 3);
	forge_file(&forge, "innocent", "2");
	refused_forge(&forge, "foo is in the package twice");
}
END_TEST

START_TEST(file_as_folder)
{
	struct forge forge = FORGE_INIT;

	forge_file(&forge, "a/b", "1");
	forge_file(&forge, "a.b", "1"); /* sorts between the two */
	forge_file(&forge, "a", "1");
	refused_forge(&forge, "a is a file in the package and the folder of a/b");
	forge_file(&forge, "a/b", "1");
	forge_file(&forge, "a/b/c/d/e", "1");
	refused_forge(&forge, "a/b is a file in the package and the folder of a/b/c/d/e");
	forge_file(&forge, "a/b", "1");
	forge_member(&forge, '5', "a/b/c", "");
	refused_forge(&forge, "a/b is a file in the package and the folder of a/b/c");
}
END_TEST

/* --- limits -------------------------------------------------------------------------------------- */

START_TEST(limits)
{
	struct wlt_open_options options = opened_options(NULL);
	struct wlt_package *package;
	uint64_t total = 0;

	packages_plain(&box, "p", "");
	package = opened_file(&box, "p", &options);
	for (size_t i = 0; i < package->n_entries; i++)
		total += package->entries[i].size;
	wlt_package_free(package);
	options.max_expanded = total;
	options.max_members = 9; /* six files, "_kernel/", "notes/" and "./" */
	wlt_package_free(opened_file(&box, "p", &options));
	options.max_members = 8;
	opened_refused(&box, "p", &options, WLT_TOO_BIG, "more than 8 members");
	options.max_members = 0;
	options.max_expanded = total - 1;
	opened_refused(&box, "p", &options, WLT_TOO_BIG, "expands to more than");
	options.max_expanded = 0;
	options.memory_limit = 10;
	opened_refused(&box, "p", &options, WLT_TOO_BIG, "may be kept in memory");
}
END_TEST

START_TEST(ten_thousand_members)
{
	struct wlt_open_options options = opened_options(NULL);
	struct forge forge = FORGE_INIT;
	char name[32];

	for (unsigned i = 0; i < 10000u + (unsigned)_i; i++) {
		(void)snprintf(name, sizeof(name), "folder/%u", i);
		forge_file(&forge, name, "");
	}
	forge_end(&forge);
	sandbox_put_bytes(&box, "forged", forge.bytes, forge.len);
	forge_free(&forge);
	ck_assert_int_eq(sandbox_sh(&box, "gzip -1n <forged >p"), 0);
	if (_i == 0)
		opened_refused(&box, "p", &options, WLT_DAMAGED, "no manifest.yaml");
	else
		opened_refused(&box, "p", &options, WLT_TOO_BIG, "more than 10000 members");
}
END_TEST

/* A bomb costs no more than the limit: what is behind it is never inflated. */
START_TEST(bombs)
{
	struct wlt_open_options options = opened_options(NULL);
	struct forge forge = FORGE_INIT;

	options.max_expanded = 1u << 20;
	options.max_members = 10;
	/* A member that says its size. */
	(void)forge_header(&forge, '0', "bomb", 64u << 20);
	sandbox_put_bytes(&box, "head", forge.bytes, forge.len);
	ck_assert_int_eq(sandbox_sh(&box, "(cat head; head -c 64M /dev/zero) | gzip -1 >p"), 0);
	opened_refused(&box, "p", &options, WLT_TOO_BIG, "expands to more than the 1048576 bytes");
	/* Zeros behind the archive. */
	ck_assert_int_eq(sandbox_sh(&box, "(tar -C t -cf - .; head -c 64M /dev/zero) | gzip -1 >p"),
			 0);
	opened_refused(&box, "p", &options, WLT_TOO_BIG, "the tar archive is larger than");
	/* Extension headers, again and again. */
	forge_free(&forge);
	for (size_t i = 0; i < 100; i++) {
		static char filler[60000];

		memset(filler, 'x', sizeof(filler));
		forge_pax(&forge, 'g', "comment", filler, sizeof(filler));
		if (i % 5 == 0)
			forge_member(&forge, '5', "./", "");
	}
	forge_end(&forge);
	sandbox_put_bytes(&box, "forged", forge.bytes, forge.len);
	ck_assert_int_eq(sandbox_sh(&box, "gzip -n <forged >p"), 0);
	opened_refused(&box, "p", &options, WLT_TOO_BIG, "");
	forge_free(&forge);
}
END_TEST

/* Peak of what this process has had in memory, in bytes. */
static uint64_t peak_memory(void)
{
	WLT_AUTOFREE char *status = NULL;
	struct wlt_buf buf = WLT_BUF_INIT;
	struct wlt_error err = WLT_ERROR_INIT;
	const char *line;

	ck_assert(wlt_file_read(AT_FDCWD, "/proc/self/status", 1 << 16, &buf, &err));
	status = wlt_buf_take(&buf);
	line = strstr(status, "VmHWM:");
	ck_assert_ptr_nonnull(line);
	return strtoull(line + strlen("VmHWM:"), NULL, 10) * 1024;
}

#define MEBI (1ull << 20)

/* What a stranger may make this process take up while it is refused: less than 64 MiB, with the
 * plaintext that may be kept in memory (a memfd, which does not count as the process's own). Each test
 * is a process by itself. */
START_TEST(memory_of_bombs)
{
	static const struct {
		const char *make; /* `p`: of gzip members, 40 MiB each, with a tar header or not */
		enum wlt_kind kind;
		const char *part;
	} cases[] = {
		{"for i in 0 1 2 3 4 5 6 7 8 9 a b c; do cat member; done >p", WLT_TOO_BIG,
		 "expands to more than the 524288000 bytes"},
		{"(tar -C t -czf - .; for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do cat zeros; "
		 "done) >p",
		 WLT_TOO_BIG, "the tar archive is larger than"},
		/* A manifest of nothing but mappings, which take up far more than their text. */
		{"sed -i 's/^files:/x: [MANY]\\nfiles:/' t/manifest.yaml && yes '{},' | head -n "
		 "250000 | tr -d '\\n' >many && sed -i -e '/MANY/{s/MANY.*//;r many' -e 'a ]' -e "
		 "'}' t/manifest.yaml && tar -C t -czf p .",
		 WLT_DAMAGED, "too many collections"},
		{"(tar -C t -czf - manifest.yaml; cat zeros) >p", WLT_DAMAGED,
		 "missing from the package"},
		/* A sealed one in a legacy wrapper; its key is all zeros. */
		{"for i in 0 1 2 3 4 5 6 7 8 9 a b c; do cat member; done | openssl enc "
		 "-aes-256-cbc -K $(printf %064d 0) -iv $(printf %032d 0) >t/payload.enc && head "
		 "-c 48 /dev/zero | openssl pkeyutl -encrypt -pubin -inkey bob.pub.pem -pkeyopt "
		 "rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 "
		 ">t/payload.key && echo 'encrypted: true' >>t/manifest.yaml && tar -C t -czf p "
		 "manifest.yaml payload.enc payload.key",
		 WLT_TOO_BIG, "expands to more than the 524288000 bytes"},
	};
	struct wlt_key *bob = packages_key(&box, "bob");
	struct wlt_open_options options = opened_options(bob);
	struct forge forge = FORGE_INIT;
	struct wlt_raw raw = {-1, NULL, 0};
	struct stat st;
	uint64_t idle;

	(void)forge_header(&forge, '0', "bomb", 40 * MEBI);
	sandbox_put_bytes(&box, "head", forge.bytes, forge.len);
	forge_free(&forge);
	ck_assert_int_eq(sandbox_sh(&box,
				    "head -c 40M /dev/zero | gzip -1 >zeros && (gzip <head; cat "
				    "zeros) >member"),
			 0);
	ck_assert_int_eq(sandbox_sh(&box, "%s", cases[_i].make), 0);
	raw.fd = openat(box.fd, "p", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fstat(raw.fd, &st), 0);
	raw.size = (uint64_t)st.st_size;
	options.memory_limit = 16 * MEBI;
	options.spill_dirfd = box.fd;
	idle = peak_memory();
	opened_refused_raw(&raw, &options, cases[_i].kind, cases[_i].part);
	ck_assert_uint_lt(peak_memory() - idle + options.memory_limit, 64 * MEBI);
	ck_assert_int_eq(close(raw.fd), 0);
	wlt_key_unref(bob);
}
END_TEST

START_TEST(cancelled)
{
	struct wlt_open_options options = opened_options(NULL);
	atomic_bool cancel = true;

	options.cancel = &cancel;
	packages_plain(&box, "p", "");
	opened_refused(&box, "p", &options, WLT_CANCELLED, "cancelled");
	cancel = false;
	wlt_package_free(opened_file(&box, "p", &options));
}
END_TEST

/* --- damage -------------------------------------------------------------------------------------- */

START_TEST(every_bit_of_a_plain_package)
{
	struct wlt_open_options options = opened_options(NULL);
	struct wlt_package *original;
	struct wlt_raw raw;
	size_t opened = 0;

	packages_plain(&box, "p", "-b 1 --format=ustar");
	original = opened_file(&box, "p", &options);
	raw = packages_raw(&box, "p");
	for (size_t bit = 0; bit < raw.size * 8; bit++) {
		opened_flip(&raw, bit);
		opened += opened_same_or_refused(&raw, &options, original) ? 1 : 0;
		opened_flip(&raw, bit);
	}
	/* FTEXT, time, hints and system of gzip's header say nothing of the content, and a match at
	 * another distance may copy the same bytes. */
	ck_assert_uint_ge(opened, 1 + 6 * 8);
	wlt_package_free(original);
	free((void *)(uintptr_t)raw.memory);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("open");
	TCase *plain = tcase_create("plain");

	tcase_add_checked_fixture(plain, setup, teardown);
	tcase_set_timeout(plain, 300);
	tcase_add_loop_test(plain, tar_formats, 0, 6);
	tcase_add_test(plain, from_a_file);
	tcase_add_test(plain, several_gzip_members);
	tcase_add_loop_test(plain, large, 0, 2);
	tcase_add_test(plain, disagreements);
	tcase_add_test(plain, many_disagreements);
	tcase_add_test(plain, payload_sum);
	tcase_add_test(plain, manifest_member);
	tcase_add_test(plain, reserved_folders);
	tcase_add_test(plain, links);
	tcase_add_test(plain, duplicates);
	tcase_add_test(plain, file_as_folder);
	tcase_add_test(plain, limits);
	tcase_add_loop_test(plain, ten_thousand_members, 0, 2);
	tcase_add_test(plain, bombs);
	tcase_add_loop_test(plain, memory_of_bombs, 0, 5);
	tcase_add_test(plain, cancelled);
	tcase_add_test(plain, every_bit_of_a_plain_package);
	suite_add_tcase(suite, plain);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
