/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnut/walnut.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Takes `text` over, also on failure. Room grows by doubling: it is full at every power of two. */
static bool adopt(struct wlt_strings *list, char *text, struct wlt_error *err)
{
	size_t used = list->n + 1; /* with the NULL behind the last */

	if (text == NULL)
		return wlt_fail_memory(err);
	if (list->items == NULL || (used & (used - 1)) == 0) {
		size_t room = used < 4 ? 8 : 2 * used;
		char **items = realloc(list->items, room * sizeof(*items));

		if (items == NULL) {
			free(text);
			return wlt_fail_memory(err);
		}
		list->items = items;
	}
	list->items[list->n++] = text;
	list->items[list->n] = NULL;
	return true;
}

bool wlt_strings_add(struct wlt_strings *list, const char *text, struct wlt_error *err)
{
	return adopt(list, strdup(text), err);
}

bool wlt_strings_add_unique(struct wlt_strings *list, const char *text, struct wlt_error *err)
{
	return wlt_strings_contain(list, text) || wlt_strings_add(list, text, err);
}

bool wlt_strings_addf(struct wlt_strings *list, struct wlt_error *err, const char *fmt, ...)
{
	char *text = NULL;
	va_list arguments;
	int len;

	va_start(arguments, fmt);
	len = vasprintf(&text, fmt, arguments);
	va_end(arguments);
	return adopt(list, len < 0 ? NULL : text, err);
}

bool wlt_strings_contain(const struct wlt_strings *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

void wlt_strings_sort(struct wlt_strings *list)
{
	if (list->n > 1)
		qsort(list->items, list->n, sizeof(*list->items), wlt_compare_strings);
}

void wlt_strings_free(struct wlt_strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct wlt_strings){0};
}
