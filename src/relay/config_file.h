/* SPDX-License-Identifier: MIT */
/* What the room's other files need of relay.json. */
#ifndef WLT_RELAY_CONFIG_FILE_H
#define WLT_RELAY_CONFIG_FILE_H

#include "relay/relay.h"

/* Write a new relay.json into the existing folder `dir`; WLT_EXISTS when there is one. */
bool wlt_relay_config_create(const char *dir, const char *url, const char *username,
			     struct wlt_relay_config **out, struct wlt_error *err);
bool wlt_relay_config_exists(const char *dir);

/* The two refusals about its presence. Both return false. */
bool wlt_relay_fail_no_config(const char *dir, struct wlt_error *err);
bool wlt_relay_fail_exists(const char *dir, struct wlt_error *err);

#endif
