/* SPDX-License-Identifier: MIT */
/*
 * Two users with relays of their own on this machine, their post offices, and programs that drop things.
 * Everything here fails the test when it does not work.
 */
#ifndef WLT_TESTS_POST_HELP_H
#define WLT_TESTS_POST_HELP_H

#include <stdbool.h>
#include <sys/types.h>

#include "post/post.h"

#define HELP_GRACE_MS  40
#define HELP_SETTLE_MS 250

/* Where one user has what, relative to the scratch folder; `repo` is the bare repository. */
struct help_user {
	char relay_dir[64];
	char keys_dir[64];
	char state_dir[64];
	char repo[64];
};

/* main() of a test whose post offices need couriers. */
int help_post_main(int argc, char **argv, Suite *suite);

/* A folder of its own for this test, which is the current one and HOME then. */
void help_folder(void);

/* Keys for `alice` and `bob`, once for a whole suite, because they take longest: an unchecked fixture. */
void help_keys(void);

/* A user with keys of 2,048 bits and a relay. */
void help_user_make(struct help_user *user, const char *name);
/* A user with a relay.json only: one accepted peer `ben`, whose relay is nowhere. */
void help_user_forge(struct help_user *user, const char *name);
/* Give a peer of `user` another URL. */
void help_user_move_peer(const struct help_user *user, const char *peer, const char *url);

/* Both invite and accept each other. */
void help_users_meet(const struct help_user *a, const char *a_name, const struct help_user *b,
		     const char *b_name);

struct wlt_post *help_office(const struct help_user *user,
			     const struct wlt_post_observer *observer);
struct wlt_post_options help_options(const struct help_user *user);

/* Wait until `condition` holds, at most twenty seconds. */
#define HELP_WAIT(condition)                                                               \
	do {                                                                               \
		long long help_until = help_clock() + 20000;                               \
		while (!(condition)) {                                                     \
			ck_assert_msg(help_clock() < help_until, "never: %s", #condition); \
			help_pause();                                                      \
		}                                                                          \
	} while (0)
long long help_clock(void);
void help_pause(void); /* about a millisecond */

/* How a program that drops something ends. */
enum help_end { HELP_EXIT_0, HELP_EXIT_3, HELP_KILLED, HELP_LIVES_ON };

/* A program makes a small walnut as the drop's entry, and then ends. Its pid; HELP_LIVES_ON leaves it
 * running for help_writer_stop(). */
pid_t help_drop_walnut(struct wlt_drop *drop, const char *name, enum help_end end);
void help_writer_stop(pid_t pid);

/* A drop with a walnut in it that a program has made and left with `end`. */
struct wlt_drop *help_dropped(struct wlt_post *post, const char *peer, const char *name,
			      enum help_end end);

/* Wait until it has been sent; what it says of itself is shown when that does not happen. */
void help_wait_sent(struct wlt_drop *drop);

bool help_state_is(struct wlt_drop *drop, const char *state);
/* The value of an attribute is, or contains, `text`. */
void help_attribute_has(struct wlt_drop *drop, const char *name, const char *text);

/* How many packages the history of a relay's main branch has ever had added, counted by git. */
int help_packages_ever(const struct help_user *user);

/* How many lines of `events` are about `event`. */
int help_events(const struct help_user *user, const char *event);

#endif
