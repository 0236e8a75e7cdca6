/* SPDX-License-Identifier: MIT */
/* What a sink was told, as text: "A x, B y" is one call with two notifications, " | " stands between
 * calls. */
#ifndef VDS_TESTS_EVENT_TEXT_H
#define VDS_TESTS_EVENT_TEXT_H

#include "event_scene.h"

#define EVENT_TEXT_ROOM 1024

/* What came before the fence was made, calls apart; waits for the fence, and eats it. */
void event_text_read_until(const struct scene *s, struct event_sink *sink, const VDS_OBJECT_ID *fence,
                           char text[static EVENT_TEXT_ROOM]);

#endif
