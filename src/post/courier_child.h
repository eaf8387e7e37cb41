/* SPDX-License-Identifier: MIT */
/* The operations of a courier child: a request's members in, a reply's members out. Private. */
#ifndef WLT_POST_COURIER_CHILD_H
#define WLT_POST_COURIER_CHILD_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/error.h"
#include "relay/relay.h"

#define WLT_COURIER_BULK_FD 3

/* Each fills `reply`, an empty object. */
typedef bool wlt_courier_operation(struct json_object *request, struct json_object *reply,
				   struct wlt_error *err);

wlt_courier_operation wlt_courier_poll;
wlt_courier_operation wlt_courier_export;
wlt_courier_operation wlt_courier_apply;
wlt_courier_operation wlt_courier_forget;
wlt_courier_operation wlt_courier_setup;
wlt_courier_operation wlt_courier_invite;
wlt_courier_operation wlt_courier_accept;

/* The answer to a poll, when it can be given at once: a relay that has not changed. */
bool wlt_courier_poll_at_once(struct json_object *request, struct json_object *reply);

/* A member that has to be there. Borrowed; NULL with `err` set when it is not. */
const char *wlt_courier_need(struct json_object *request, const char *key, struct wlt_error *err);

/* The mirror that `mirrors` and `url` name. */
bool wlt_courier_mirror(struct json_object *request, struct wlt_mirror **mirror,
			struct wlt_error *err);

#endif
