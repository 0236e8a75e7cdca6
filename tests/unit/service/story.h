/* SPDX-License-Identifier: MIT */
#ifndef VDS_TESTS_UNIT_STORY_H
#define VDS_TESTS_UNIT_STORY_H

#include <vds/vds.h>

/* What a program that uses VDS does: makes a target and a group, adds a portal, lists what there is, takes
 * all of it away. `serves` looks at the wire when a portal serves a target (tag > 0) or must not (0). Returns
 * 0, or the line where something was not as it should be. */
int story(IVdsService *service, int (*serves)(void *arg, const VDS_IPADDRESS *address, unsigned tag),
          void *arg);

#endif
