/* SPDX-License-Identifier: MIT */
/* Where the daemon and the commands keep their state. */
#ifndef WLT_POST_STATE_DIR_H
#define WLT_POST_STATE_DIR_H

/* $XDG_STATE_HOME/walnutfs, else $HOME/.local/state/walnutfs; not made. malloc()ed; NULL when out of
 * memory or neither variable is set to an absolute path. */
char *wlt_state_default_dir(void);

/* The folder of the mirrors beneath it. */
char *wlt_state_mirrors_dir(const char *state_dir);

#endif
