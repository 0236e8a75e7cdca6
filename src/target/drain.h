/* SPDX-License-Identifier: MIT */
/* Draining (design section 4), as far as the rest of the engine must know of it. The operations are
 * engine_drain_*() in engine.h. */
#ifndef VDS_TARGET_DRAIN_H
#define VDS_TARGET_DRAIN_H

#include "target/internal.h"

/* Under the directory's lock for reading. One connection of the drain's pairs is gone; `follower` (NULL:
 * nobody) is the initiator that has left as asked and will come back to learn where to go. */
void target_drain_left(struct engine_drain *drain, const char *follower);
/* That initiator has been sent on, or has come in by another portal. */
void target_drain_followed(struct engine_drain *drain, const char *initiator);
/* The pair goes away: the drain that has it (if any) forgets it and its connections. Under the lock for
 * writing. */
void target_drain_forget(struct dir_path *path);
/* Engine_destroy: drains that the caller still holds no longer refer to the engine. On no reactor's thread,
 * under no lock. */
void target_drains_abandon(struct engine *engine);

#endif
