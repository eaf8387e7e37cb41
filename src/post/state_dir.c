/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "post/state_dir.h"

#include <stdlib.h>

#include "base/path.h"

char *wlt_state_default_dir(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	/* A relative path in the variable is to be ignored (XDG Base Directory Specification). */
	if (state != NULL && state[0] == '/')
		return wlt_path_join(state, "walnutfs");
	if (home != NULL && home[0] == '/')
		return wlt_path_join(home, ".local/state/walnutfs");
	return NULL;
}

char *wlt_state_mirrors_dir(const char *state_dir)
{
	return wlt_path_join(state_dir, "mirrors");
}
