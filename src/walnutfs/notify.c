/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "walnutfs/notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/cleanup.h"

/* A drop that left the outbox. */
struct gone {
	char *peer;
	char *name;
	STAILQ_ENTRY(gone) next;
};
STAILQ_HEAD(gone_list, gone);

struct wlt_notifier {
	struct wlt_mount *mount;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t work;
	bool ready;
	bool stopping;
	bool inbox;
	bool peers;
	struct gone_list gone;

	/* the thread's own */
	const struct wlt_arrivals *shown; /* what the kernel may know of */
};

/* --- what the kernel is told ------------------------------------------------------------------- */

/* Forget the name in the folder, if the kernel knows the folder at all. -ENOENT: it did not know it. */
static void forget_name(struct wlt_mount *mount, struct wlt_node *folder, const char *name)
{
	(void)fuse_lowlevel_notify_inval_entry(mount->session, wlt_node_id(mount->nodes, folder),
					       name, strlen(name));
}

static void forget_attributes(struct wlt_mount *mount, struct wlt_node *node)
{
	(void)fuse_lowlevel_notify_inval_inode(mount->session, wlt_node_id(mount->nodes, node), -1,
					       0);
}

/* The node `top`/`name`, with a hold, if the kernel knows it. */
static struct wlt_node *known_folder(struct wlt_mount *mount, const char *top, const char *name)
{
	struct wlt_node *top_node = wlt_node_find(mount->nodes, NULL, top);
	struct wlt_node *node;

	if (top_node == NULL)
		return NULL;
	node = wlt_node_find(mount->nodes, top_node, name);
	wlt_node_unhold(mount->nodes, top_node);
	return node;
}

static void tell_drop_gone(struct wlt_mount *mount, const struct gone *gone)
{
	struct wlt_node *peer = known_folder(mount, "outbox", gone->peer);

	if (peer == NULL)
		return;
	wlt_node_unlink(mount->nodes, peer, gone->name);
	forget_name(mount, peer, gone->name);
	forget_attributes(mount, peer);
	wlt_node_unhold(mount->nodes, peer);
}

/* A package is shown by name as a folder or as a file; what was shown before and is not any more has to be
 * forgotten. */
static void tell_package(struct wlt_mount *mount, struct wlt_node *sender,
			 const struct wlt_arrival *before, const struct wlt_arrivals *now)
{
	const struct wlt_arrival *after = wlt_arrivals_find(now, before->sender, before->name);
	const char *name = before->openable ? before->name : before->file;

	if (after != NULL && after->openable == before->openable &&
	    strcmp(after->oid, before->oid) == 0)
		return;
	wlt_node_unlink(mount->nodes, sender, name);
	forget_name(mount, sender, name);
}

static void tell_sender(struct wlt_mount *mount, const char *sender,
			const struct wlt_arrivals *before, const struct wlt_arrivals *now)
{
	struct wlt_node *node = known_folder(mount, "inbox", sender);
	const struct wlt_arrival *items;
	size_t n = 0;

	if (node == NULL)
		return;
	items = wlt_arrivals_of(before, sender, &n);
	for (size_t i = 0; i < n; i++)
		tell_package(mount, node, &items[i], now);
	forget_attributes(mount, node);
	wlt_node_unhold(mount->nodes, node);
}

static void tell_top(struct wlt_mount *mount, const char *top, const char *name)
{
	struct wlt_node *node = wlt_node_find(mount->nodes, NULL, top);

	if (node == NULL)
		return;
	if (name != NULL)
		forget_name(mount, node, name);
	forget_attributes(mount, node);
	wlt_node_unhold(mount->nodes, node);
}

static bool has_sender(const struct wlt_arrivals *arrivals, const char *sender)
{
	return bsearch(&sender, arrivals->senders, arrivals->n_senders, sizeof(char *),
		       wlt_compare_strings) != NULL;
}

static void tell_inbox(struct wlt_notifier *notifier)
{
	struct wlt_mount *mount = notifier->mount;
	const struct wlt_arrivals *now = wlt_post_arrivals(mount->post);
	const struct wlt_arrivals *before = notifier->shown;

	for (size_t i = 0; before != NULL && i < before->n_senders; i++) {
		tell_sender(mount, before->senders[i], before, now);
		if (now->n_senders == 0 || !has_sender(now, before->senders[i]))
			tell_top(mount, "inbox", before->senders[i]);
	}
	tell_top(mount, "inbox", NULL);
	if (before != NULL)
		wlt_arrivals_release(before);
	notifier->shown = now;
}

/* --- the thread -------------------------------------------------------------------------------- */

static bool anything_left(const struct wlt_notifier *notifier)
{
	return notifier->inbox || notifier->peers || !STAILQ_EMPTY(&notifier->gone);
}

static void gone_free(struct gone *gone)
{
	free(gone->peer);
	free(gone->name);
	free(gone);
}

static void free_gone(struct gone_list *list)
{
	while (!STAILQ_EMPTY(list)) {
		struct gone *gone = STAILQ_FIRST(list);

		STAILQ_REMOVE_HEAD(list, next);
		gone_free(gone);
	}
}

/* What is there to say, taken off the notifier. */
struct words {
	bool inbox;
	bool peers;
	struct gone_list gone;
};

/* Waits for words; false when there will be none any more. */
static bool take_words(struct wlt_notifier *notifier, struct words *words)
{
	bool stopping;

	STAILQ_INIT(&words->gone);
	(void)pthread_mutex_lock(&notifier->lock);
	while (!notifier->stopping && !(notifier->ready && anything_left(notifier)))
		(void)pthread_cond_wait(&notifier->work, &notifier->lock);
	stopping = notifier->stopping;
	words->inbox = notifier->inbox;
	words->peers = notifier->peers;
	notifier->inbox = false;
	notifier->peers = false;
	STAILQ_CONCAT(&words->gone, &notifier->gone);
	(void)pthread_mutex_unlock(&notifier->lock);
	return !stopping;
}

static void *run(void *argument)
{
	struct wlt_notifier *notifier = argument;
	struct words words;
	struct gone *gone;

	while (take_words(notifier, &words)) {
		if (words.inbox)
			tell_inbox(notifier);
		if (words.peers)
			tell_top(notifier->mount, "outbox", NULL);
		STAILQ_FOREACH(gone, &words.gone, next)
		tell_drop_gone(notifier->mount, gone);
		free_gone(&words.gone);
	}
	free_gone(&words.gone);
	return NULL;
}

/* --- leaving word ------------------------------------------------------------------------------ */

static void leave_word(struct wlt_notifier *notifier, bool *word)
{
	(void)pthread_mutex_lock(&notifier->lock);
	*word = true;
	(void)pthread_cond_signal(&notifier->work);
	(void)pthread_mutex_unlock(&notifier->lock);
}

static void on_inbox(void *context)
{
	struct wlt_notifier *notifier = context;

	leave_word(notifier, &notifier->inbox);
}

static void on_peers(void *context)
{
	struct wlt_notifier *notifier = context;

	leave_word(notifier, &notifier->peers);
}

static void on_drop_gone(void *context, const char *peer, const char *name)
{
	struct wlt_notifier *notifier = context;
	struct gone *gone = calloc(1, sizeof(*gone));

	/* Without memory for it, the kernel's own time-out makes the name vanish. */
	if (gone == NULL)
		return;
	gone->peer = strdup(peer);
	gone->name = strdup(name);
	if (gone->peer == NULL || gone->name == NULL) {
		gone_free(gone);
		return;
	}
	(void)pthread_mutex_lock(&notifier->lock);
	STAILQ_INSERT_TAIL(&notifier->gone, gone, next);
	(void)pthread_cond_signal(&notifier->work);
	(void)pthread_mutex_unlock(&notifier->lock);
}

struct wlt_post_observer wlt_notifier_observer(struct wlt_notifier *notifier)
{
	const struct wlt_post_observer observer = {.context = notifier,
						   .inbox_changed = on_inbox,
						   .drop_gone = on_drop_gone,
						   .peers_changed = on_peers};

	return observer;
}

void wlt_notifier_ready(struct wlt_notifier *notifier)
{
	leave_word(notifier, &notifier->ready);
}

struct wlt_notifier *wlt_notifier_start(struct wlt_mount *mount)
{
	struct wlt_notifier *notifier = calloc(1, sizeof(*notifier));

	if (notifier == NULL)
		return NULL;
	notifier->mount = mount;
	/* The first look at the inbox is due in any case. */
	notifier->inbox = true;
	STAILQ_INIT(&notifier->gone);
	if (pthread_mutex_init(&notifier->lock, NULL) != 0) {
		free(notifier);
		return NULL;
	}
	if (pthread_cond_init(&notifier->work, NULL) != 0 ||
	    pthread_create(&notifier->thread, NULL, run, notifier) != 0) {
		(void)pthread_mutex_destroy(&notifier->lock);
		free(notifier);
		return NULL;
	}
	return notifier;
}

void wlt_notifier_stop(struct wlt_notifier *notifier)
{
	leave_word(notifier, &notifier->stopping);
}

void wlt_notifier_join(struct wlt_notifier *notifier)
{
	(void)pthread_join(notifier->thread, NULL);
	if (notifier->shown != NULL)
		wlt_arrivals_release(notifier->shown);
	notifier->shown = NULL;
}

void wlt_notifier_free(struct wlt_notifier *notifier)
{
	if (notifier == NULL)
		return;
	free_gone(&notifier->gone);
	(void)pthread_cond_destroy(&notifier->work);
	(void)pthread_mutex_destroy(&notifier->lock);
	free(notifier);
}
