/* SPDX-License-Identifier: MIT */
/*
 * Tells the kernel what to forget when something changes without its doing: packages that came, went or were
 * refused, drops that were sent, peers.
 *
 * The kernel takes its own locks when it is told, and may be waiting for us to answer a request meanwhile; so
 * one thread does nothing else, and holds no lock while it does. The post office's observers only leave word.
 *
 * One mutex guards the words left.
 */
#ifndef WLT_WALNUTFS_NOTIFY_H
#define WLT_WALNUTFS_NOTIFY_H

#include "walnutfs/mount.h"

struct wlt_notifier;

/* NULL when out of memory or threads. `mount` need not be complete before wlt_notifier_ready(). */
struct wlt_notifier *wlt_notifier_start(struct wlt_mount *mount);

/* Say nothing more from now on. What the thread is just telling may only come to its end once the filesystem
 * is unmounted; wlt_notifier_join() then waits for that. The post office's observer stays usable until
 * wlt_notifier_free(). */
void wlt_notifier_stop(struct wlt_notifier *notifier);
void wlt_notifier_join(struct wlt_notifier *notifier);
void wlt_notifier_free(struct wlt_notifier *notifier); /* NULL is allowed */

/* The post office's observer. Words left before the session runs wait for wlt_notifier_ready(). */
struct wlt_post_observer wlt_notifier_observer(struct wlt_notifier *notifier);
void wlt_notifier_ready(struct wlt_notifier *notifier);

#endif
