/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "cli/passphrase.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

bool wlt_passphrase_take(const char *variable, struct wlt_passphrase *out, struct wlt_error *err)
{
	char *value = variable[0] != '\0' ? getenv(variable) : NULL;

	*out = (struct wlt_passphrase){.text = NULL};
	if (value == NULL || value[0] == '\0')
		return wlt_fail(err, WLT_USAGE,
				"there is no passphrase in the environment variable `%s`",
				variable);
	out->len = strlen(value);
	out->text = OPENSSL_secure_malloc(out->len + 1);
	if (out->text == NULL)
		return wlt_fail_memory(err);
	memcpy(out->text, value, out->len + 1);
	OPENSSL_cleanse(value, out->len);
	(void)unsetenv(variable); /* it has a value, so it has a valid name */
	return true;
}

void wlt_passphrase_free(struct wlt_passphrase *passphrase)
{
	OPENSSL_secure_clear_free(passphrase->text, passphrase->len + 1);
	*passphrase = (struct wlt_passphrase){.text = NULL};
}
