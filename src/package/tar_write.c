/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/tar_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"

#define MAX_OCTAL_SIZE  077777777777ull /* 8 GiB - 1 */
#define MAX_OCTAL_MTIME 077777777777ll

/* POSIX.1-1988 ustar; all text fields, so it can be written as it lies in memory. */
struct ustar {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char linkname[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char unused[12];
};

_Static_assert(sizeof(struct ustar) == WLT_TAR_BLOCK, "a tar header is one block");

static void put_octal(char *field, size_t width, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*" PRIo64, (int)width - 1, value);
	memcpy(field, text, width); /* with its NUL */
}

static bool is_ascii(const char *text)
{
	while (*text != '\0')
		if ((unsigned char)*text++ >= 0x80)
			return false;
	return true;
}

/* Put the path into name and prefix; false when it does not fit, or is not plain ASCII. */
static bool put_path(struct ustar *header, const char *path)
{
	size_t len = strlen(path);

	if (!is_ascii(path))
		return false;
	if (len <= sizeof(header->name)) {
		memcpy(header->name, path, len);
		return true;
	}
	/* Cut at the first slash that leaves no more than a name behind it. */
	for (const char *slash = path; (slash = strchr(slash, '/')) != NULL; slash++) {
		size_t front = (size_t)(slash - path);
		size_t back = len - front - 1;

		if (back > sizeof(header->name))
			continue;
		if (front > sizeof(header->prefix))
			return false;
		memcpy(header->prefix, path, front);
		memcpy(header->name, slash + 1, back);
		return true;
	}
	return false;
}

/* For readers that know no pax headers: something close to the last component. */
static void put_substitute(struct ustar *header, const char *path)
{
	const char *leaf = wlt_path_leaf(path);

	for (size_t i = 0; i < sizeof(header->name) && leaf[i] != '\0'; i++)
		header->name[i] = (unsigned char)leaf[i] < 0x80 ? leaf[i] : '_';
}

/* Everything but name, size and type; then the sum over it all. */
static void put_block(struct wlt_buf *out, struct ustar *header, int64_t mtime, unsigned mode)
{
	unsigned sum = 0;

	if (mtime < 0)
		mtime = 0;
	if (mtime > MAX_OCTAL_MTIME)
		mtime = MAX_OCTAL_MTIME;
	put_octal(header->mode, sizeof(header->mode), mode);
	put_octal(header->uid, sizeof(header->uid), 0);
	put_octal(header->gid, sizeof(header->gid), 0);
	put_octal(header->mtime, sizeof(header->mtime), (uint64_t)mtime);
	put_octal(header->devmajor, sizeof(header->devmajor), 0);
	put_octal(header->devminor, sizeof(header->devminor), 0);
	memcpy(header->magic, "ustar", sizeof(header->magic));
	memcpy(header->version, "00", sizeof(header->version));
	memset(header->checksum, ' ', sizeof(header->checksum));
	for (size_t i = 0; i < sizeof(*header); i++)
		sum += ((const unsigned char *)header)[i];
	/* Six digits, NUL, space: as every tar has it. */
	put_octal(header->checksum, sizeof(header->checksum) - 1, sum);
	wlt_buf_append(out, header, sizeof(*header));
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
static void put_record(struct wlt_buf *out, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3;
	size_t total = rest + 1;
	char digits[24];

	for (;;) {
		size_t n = (size_t)snprintf(digits, sizeof(digits), "%zu", total);

		if (rest + n == total)
			break;
		total = rest + n;
	}
	wlt_buf_printf(out, "%s %s=%s\n", digits, key, value);
}

static void put_pax(struct wlt_buf *out, const struct wlt_tar_file *file, bool path, bool size)
{
	static const char zeroes[WLT_TAR_BLOCK];
	struct wlt_buf records = WLT_BUF_INIT;
	struct ustar header = {.name = "PaxHeaders/member", .type = 'x'};
	char number[24];

	if (path)
		put_record(&records, "path", file->path);
	if (size) {
		(void)snprintf(number, sizeof(number), "%" PRIu64, file->size);
		put_record(&records, "size", number);
	}
	put_octal(header.size, sizeof(header.size), records.len);
	put_block(out, &header, file->mtime, 0644);
	wlt_buf_append(out, records.data, records.len);
	wlt_buf_append(out, zeroes, wlt_tar_padding(records.len));
	out->failed = out->failed || records.failed;
	wlt_buf_free(&records);
}

void wlt_tar_put_header(struct wlt_buf *out, const struct wlt_tar_file *file)
{
	struct ustar header = {.type = '0'};
	bool long_path = !put_path(&header, file->path);
	bool long_size = file->size > MAX_OCTAL_SIZE;

	if (long_path || long_size)
		put_pax(out, file, long_path, long_size);
	if (long_path)
		put_substitute(&header, file->path);
	put_octal(header.size, sizeof(header.size), long_size ? 0 : file->size);
	put_block(out, &header, file->mtime, file->executable ? 0755 : 0644);
}
