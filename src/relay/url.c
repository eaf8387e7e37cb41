/* SPDX-License-Identifier: MIT */
/*
 * Which addresses a relay may have. The list is closed: what is not on it never reaches libgit2, whose
 * own guessing (a path with a colon is ssh, a relative path is a file) is thereby out of the game.
 */
#include "config.h"

#include "relay/relay.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MAX_URL 2000

static const char file_scheme[] = "file://";
static const char *const network_schemes[] = {"ssh://", "git://", "https://"};

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_host(const char *host, size_t len)
{
	if (len == 0 || host[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)host[i]) && strchr(".-_:[]", host[i]) == NULL)
			return false;
	}
	return true;
}

static bool is_user(const char *user, size_t len)
{
	if (len == 0 || user[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)user[i]) && strchr("._-+%", user[i]) == NULL)
			return false;
	}
	return true;
}

/* USER@HOST/PATH behind a scheme. The URL is not quoted as long as it may hold a password. */
static bool check_authority(const char *url, const char *rest, struct wlt_error *err)
{
	size_t len = strcspn(rest, "/");
	const char *at = memrchr(rest, '@', len);
	size_t user_len = at != NULL ? (size_t)(at - rest) : 0;
	const char *host = at != NULL ? at + 1 : rest;
	size_t host_len = len - (size_t)(host - rest);

	if (memchr(rest, ':', user_len) != NULL)
		return wlt_fail(err, WLT_USAGE,
				"the relay URL has a password in it: leave it out (https takes the "
				"token from an environment variable, ssh a key)");
	if (at != NULL && !is_user(rest, user_len))
		return wlt_fail(err, WLT_USAGE, "the user name in the relay URL is not one");
	if (!is_host(host, host_len))
		return wlt_fail(err, WLT_USAGE, "relay URL %s: no host name in it", url);
	if (rest[len] == '\0' || rest[len + 1] == '\0')
		return wlt_fail(err, WLT_USAGE, "relay URL %s: no path of a repository in it", url);
	return true;
}

/* USER@HOST:PATH, the short form of ssh. */
static bool is_scp_form(const char *url)
{
	const char *at = strchr(url, '@');
	const char *colon = at != NULL ? strchr(at, ':') : NULL;

	return colon != NULL && is_user(url, (size_t)(at - url)) &&
	       is_host(at + 1, (size_t)(colon - at - 1)) && colon[1] != '\0';
}

static bool check_text(const char *url, struct wlt_error *err)
{
	size_t len = strlen(url);

	if (len == 0)
		return wlt_fail(err, WLT_USAGE, "the relay URL is empty");
	if (len > MAX_URL)
		return wlt_fail(err, WLT_USAGE, "the relay URL is longer than %d bytes", MAX_URL);
	if (!wlt_utf8_valid(url, len) || wlt_text_has_control(url, len))
		return wlt_fail(err, WLT_USAGE,
				"the relay URL has a control character or malformed text in it");
	return true;
}

bool wlt_url_check(const char *url, struct wlt_error *err)
{
	if (!check_text(url, err))
		return false;
	if (url[0] == '/')
		return true;
	if (starts_with(url, file_scheme)) {
		WLT_AUTOFREE char *path = wlt_url_local_path(url);

		if (path == NULL)
			return wlt_fail(err, WLT_USAGE,
					"relay URL %s: file:// needs an absolute path without a "
					"host, as in file:///srv/relay.git",
					url);
		return true;
	}
	if (strchr(url, ' ') != NULL)
		return wlt_fail(err, WLT_USAGE, "the relay URL has a space in it");
	for (size_t i = 0; i < sizeof network_schemes / sizeof network_schemes[0]; i++) {
		if (starts_with(url, network_schemes[i]))
			return check_authority(url, url + strlen(network_schemes[i]), err);
	}
	if (strstr(url, "://") == NULL && is_scp_form(url))
		return true;
	/* Not quoted: there may be a password in it. */
	return wlt_fail(err, WLT_USAGE,
			"the relay URL is none that is used here: give an absolute path, file://, "
			"ssh://, git://, https:// or USER@HOST:PATH");
}

/* Undo %XX in place; false for a malformed one and for %00. */
static bool percent_decode(char *text)
{
	char *out = text;

	for (const char *in = text; *in != '\0'; in++) {
		uint8_t byte = (uint8_t)*in;

		if (*in == '%') {
			const char digits[] = {in[1], in[1] != '\0' ? in[2] : '\0', '\0'};

			if (!wlt_hex_decode(digits, &byte, 1) || byte == 0)
				return false;
			in += 2;
		}
		*out++ = (char)byte;
	}
	*out = '\0';
	return true;
}

char *wlt_url_local_path(const char *url)
{
	if (url[0] == '/')
		return strdup(url);
	if (!starts_with(url, file_scheme))
		return NULL;

	const char *path = url + strlen(file_scheme);

	if (starts_with(path, "localhost/"))
		path += strlen("localhost");
	if (path[0] != '/')
		return NULL;

	WLT_AUTOFREE char *decoded = strdup(path);

	if (decoded == NULL || !percent_decode(decoded) ||
	    !wlt_utf8_valid(decoded, strlen(decoded)) ||
	    wlt_text_has_control(decoded, strlen(decoded)))
		return NULL;
	return wlt_take(decoded);
}
