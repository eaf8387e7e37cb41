/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "walnut/walnut.h"

#define DEFAULT_CACHE     (256ull << 20)
#define DEFAULT_POLL      60
#define DEFAULT_GRACE_MS  200
#define DEFAULT_SETTLE_MS 3000

const char wlt_options_usage[] =
	"usage: walnutfs [-f] [-d] [-o OPTION[,OPTION...]] MOUNTPOINT\n"
	"\n"
	"  -f                 stay in the foreground\n"
	"  -d                 print every request (implies -f)\n"
	"  -o world=DIR       the world whose preferences count (default: ALIVE_WORLD, or around\n"
	"                     the current folder)\n"
	"  -o poll=SECONDS    look at the own relay that often (default 60, 0: never by itself)\n"
	"  -o grace=SECONDS   a drop is complete that long after its last writer ended (0.2)\n"
	"  -o settle=SECONDS  the same, where the writer lives on: quiet time (3)\n"
	"  -o cache=SIZE      plaintext kept in memory, with K, M or G (256M)\n"
	"  -o allow_other     let root's processes in as well; other users are still refused\n"
	"  --help, --version\n"
	"\n"
	"Unmount with: fusermount3 -u MOUNTPOINT\n";

/* The words of -o as they came. */
struct words {
	char *world;
	char *poll;
	char *grace;
	char *settle;
	char *cache;
	int foreground;
	int debug;
	int allow_other;
	int help;
	int version;
	char *mountpoint;
	bool second_mountpoint;
};

#define WORD(template, field, value)                           \
	{                                                      \
		template, offsetof(struct words, field), value \
	}

static const struct fuse_opt specification[] = {
	WORD("world=%s", world, 0),
	WORD("poll=%s", poll, 0),
	WORD("grace=%s", grace, 0),
	WORD("settle=%s", settle, 0),
	WORD("cache=%s", cache, 0),
	WORD("-f", foreground, 1),
	WORD("-d", debug, 1),
	WORD("debug", debug, 1),
	WORD("allow_other", allow_other, 1),
	WORD("-h", help, 1),
	WORD("--help", help, 1),
	WORD("-V", version, 1),
	WORD("--version", version, 1),
	FUSE_OPT_END,
};

/* The one word that is no option is the mount point. */
static int take_word(void *data, const char *argument, int key, struct fuse_args *rest)
{
	struct words *words = data;

	(void)rest;
	if (key != FUSE_OPT_KEY_NONOPT)
		return 1;
	if (words->mountpoint != NULL)
		words->second_mountpoint = true;
	else
		words->mountpoint = strdup(argument);
	return 0;
}

/* A number of seconds, fractions allowed, as milliseconds. `text` NULL: `fallback`. */
static bool parse_seconds(const char *name, const char *text, int fallback, int *out,
			  struct wlt_error *err)
{
	char *end = NULL;
	double seconds;

	*out = fallback;
	if (text == NULL)
		return true;
	errno = 0;
	seconds = strtod(text, &end);
	if (errno != 0 || end == text || *end != '\0' || !(seconds >= 0 && seconds <= 86400))
		return wlt_fail(err, WLT_USAGE, "%s=%s is not a number of seconds from 0 to 86400",
				name, text);
	*out = (int)lround(seconds * 1000);
	return true;
}

static bool parse_size(const char *text, uint64_t *out, struct wlt_error *err)
{
	const char *units = "KMG";
	const char *unit;
	char *end = NULL;
	unsigned long long number;

	*out = DEFAULT_CACHE;
	if (text == NULL)
		return true;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno == 0 && end != text && *end != '\0' && end[1] == '\0' &&
	    (unit = strchr(units, *end)) != NULL && number < (1ull << 30)) {
		number <<= 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number < (1u << 20))
		return wlt_fail(err, WLT_USAGE,
				"cache=%s is not a size of at least 1M, such as 256M or 2G", text);
	*out = number;
	return true;
}

static bool find_mountpoint(const char *given, char **out, struct wlt_error *err)
{
	struct stat attr;

	if (given == NULL)
		return wlt_fail(err, WLT_USAGE, "no mount point given, see walnutfs --help");
	if (stat(given, &attr) != 0 && errno == ENOENT)
		return wlt_fail(err, WLT_MISSING,
				"mount point %s is not there, make it first: mkdir %s", given,
				given);
	if (stat(given, &attr) != 0 && errno == ENOTCONN)
		return wlt_fail(
			err, WLT_BUSY,
			"a filesystem whose program has died is still mounted on %s, take it "
			"off first: fusermount3 -u %s",
			given, given);
	if (stat(given, &attr) != 0)
		return wlt_fail_errno(err, errno, "mount point %s", given);
	if (!S_ISDIR(attr.st_mode))
		return wlt_fail(err, WLT_USAGE, "mount point %s is not a folder", given);
	*out = realpath(given, NULL);
	return *out != NULL || wlt_fail_errno(err, errno, "mount point %s", given);
}

/* world=, else ALIVE_WORLD, else the world around the current folder, else none. */
static bool find_world(const char *given, char **out, struct wlt_error *err)
{
	const char *named = given != NULL ? given : getenv("ALIVE_WORLD");
	WLT_AUTOFREE char *here = NULL;
	WLT_AUTOFREE char *marker = NULL;
	struct stat attr;

	if (named == NULL || named[0] == '\0') {
		here = realpath(".", NULL);
		*out = here == NULL ? NULL : wlt_world_around(here);
		return true;
	}
	if (asprintf(&marker, "%s/.alive", named) < 0) {
		marker = NULL;
		return wlt_fail_memory(err);
	}
	if (stat(marker, &attr) != 0 || !S_ISDIR(attr.st_mode))
		return wlt_fail(err, WLT_MISSING, "%s is not a world: it has no .alive folder",
				named);
	*out = realpath(named, NULL);
	return *out != NULL || wlt_fail_errno(err, errno, "world %s", named);
}

static bool fill(const struct words *words, struct wlt_options *out, struct wlt_error *err)
{
	int poll_ms = 0;

	out->foreground = words->foreground != 0 || words->debug != 0;
	out->allow_other = words->allow_other != 0;
	out->show_help = words->help != 0;
	out->show_version = words->version != 0;
	if (out->show_help || out->show_version)
		return true;
	if (words->second_mountpoint)
		return wlt_fail(err, WLT_USAGE,
				"more than one mount point given, see walnutfs --help");
	if (!parse_seconds("poll", words->poll, DEFAULT_POLL * 1000, &poll_ms, err) ||
	    !parse_seconds("grace", words->grace, DEFAULT_GRACE_MS, &out->grace_ms, err) ||
	    !parse_seconds("settle", words->settle, DEFAULT_SETTLE_MS, &out->settle_ms, err) ||
	    !parse_size(words->cache, &out->cache, err))
		return false;
	out->poll_seconds = (poll_ms + 999) / 1000;
	return find_mountpoint(words->mountpoint, &out->mountpoint, err) &&
	       find_world(words->world, &out->world, err);
}

bool wlt_options_parse(int argc, char **argv, struct wlt_options *out, struct wlt_error *err)
{
	struct fuse_args arguments = FUSE_ARGS_INIT(argc, argv);
	struct words words = {0};
	bool ok;

	memset(out, 0, sizeof(*out));
	if (fuse_opt_parse(&arguments, &words, specification, take_word) != 0)
		ok = wlt_fail(err, WLT_USAGE, "the options cannot be read, see walnutfs --help");
	else
		ok = fill(&words, out, err);
	/* What was taken here and is libfuse's business as well, and what it is to call us. */
	if (ok && (fuse_opt_add_arg(&arguments, "-ofsname=walnutfs,subtype=walnutfs") != 0 ||
		   (words.debug != 0 && fuse_opt_add_arg(&arguments, "-d") != 0) ||
		   (out->allow_other && fuse_opt_add_arg(&arguments, "-oallow_other") != 0)))
		ok = wlt_fail_memory(err);
	out->session = arguments;
	free(words.world);
	free(words.poll);
	free(words.grace);
	free(words.settle);
	free(words.cache);
	free(words.mountpoint);
	return ok;
}

void wlt_options_free(struct wlt_options *options)
{
	fuse_opt_free_args(&options->session);
	free(options->mountpoint);
	free(options->world);
}
