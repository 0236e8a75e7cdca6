/* SPDX-License-Identifier: MIT */
/* Which operations may run side by side (design section 5): one at a time on an object, ancestors kept from
 * deletion only, siblings free. Marks, not mutexes: nobody waits, a clash is VDS_E_ANOTHER_CALL_IN_PROGRESS.
 *
 *               PIN    CHANGE   EXCLUSIVE   held by somebody else
 *   PIN         yes    yes      no
 *   CHANGE      yes    no       no
 *   EXCLUSIVE   no     no       no
 */
#include "array/array_internal.h"

static bool clashes(const struct object *object, enum lock_mode mode)
{
    if (mode == LOCK_PIN)
        return object->closing;
    return object->busy || (mode == LOCK_EXCLUSIVE && object->n_pins > 0);
}

static bool room_make(struct lock_set *set)
{
    size_t room = set->room ? set->room * 2 : 4;
    void *more = set->n < set->room ? set->held : realloc(set->held, room * sizeof *set->held);

    if (!more)
        return false;
    if (set->n == set->room)
        set->room = room;
    set->held = more;
    return true;
}

HRESULT lock_take(struct lock_set *set, struct object *object, enum lock_mode mode)
{
    char text[TEXT_MAX];

    if (clashes(object, mode)) {
        error_text_set("another operation on %s has not ended", object_text(object, text));
        return VDS_E_ANOTHER_CALL_IN_PROGRESS;
    }
    if (!room_make(set))
        return E_OUTOFMEMORY;
    set->held[set->n].object = object;
    set->held[set->n++].mode = mode;
    object->n_pins += mode == LOCK_PIN;
    object->busy |= mode != LOCK_PIN;
    object->closing |= mode == LOCK_EXCLUSIVE;
    return S_OK;
}

static void release(struct object *object, enum lock_mode mode)
{
    object->n_pins -= mode == LOCK_PIN;
    if (mode != LOCK_PIN)
        object->busy = false;
    if (mode == LOCK_EXCLUSIVE)
        object->closing = false;
}

void lock_release_all(struct lock_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->held[i].object)
            release(set->held[i].object, set->held[i].mode);
    free(set->held);
    *set = (struct lock_set){ 0 };
}

void lock_forget(struct lock_set *set, const struct object *object)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->held[i].object == object)
            set->held[i].object = NULL;
}
