/* SPDX-License-Identifier: MIT */
/* Prints "class iid slot" for every method of every class of provider and service that COM_NOT_BUILT marks;
 * test_api_status.py reads it. */
#include <stdio.h>
#include <string.h>

#include "com/com.h"

static void print_face(const struct com_class *class, const struct com_face *face)
{
    char iid[GUID_TEXT_SIZE];

    guid_format(com_guid(face->iid), iid);
    for (size_t slot = 0; slot < face->n_slots; slot++) {
        void *method;

        memcpy(&method, (const char *)face->vtbl + slot * sizeof method, sizeof method);
        if (com_slot_is_not_built(method))
            printf("%s %s %zu\n", class->name, iid, slot);
    }
}

int main(void)
{
    for (const struct com_class *c = com_class_first(); c; c = c->next) {
        for (size_t i = 1; i < c->n_faces; i++) /* 0 is the identity, which is one of the others */
            print_face(c, &c->faces[i]);
    }
    return 0;
}
