/* SPDX-License-Identifier: MIT */
/* History from one repository of this machine to another. Private to relay/. */
#ifndef WLT_RELAY_LOCAL_COPY_H
#define WLT_RELAY_LOCAL_COPY_H

#include "relay/mirror.h"

/* Give `to` everything up to `tip` that is neither there nor in the history of `have`. Every object comes
 * after those it refers to, so that one that is there is there with all it needs, whenever this is
 * interrupted. Returns a code of libgit2. */
int wlt_local_copy(git_repository *from, git_repository *to, const git_oid *tip,
		   const struct wlt_tip *have);

#endif
