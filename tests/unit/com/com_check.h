/* SPDX-License-Identifier: MIT */
/* What the tests of every room with COM classes share: the rules of identity and QueryInterface checked for
 * each class in the registry, and the count of objects and task memory that no test may leave behind. */
#ifndef VDS_TESTS_UNIT_COM_CHECK_H
#define VDS_TESTS_UNIT_COM_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "com/com.h"
#include "unit_test.h"

static const IID com_check_unknown_iid = { 0x12345678, 0x9abc, 0xdef0, { 1, 2, 3, 4, 5, 6, 7, 8 } };

/* Nothing alive: no object, no task memory. For use as the teardown of every test. */
static inline int com_check_nothing_alive(void **state)
{
    (void)state;
    for (struct com_class *c = com_class_first(); c; c = c->next) {
        if (atomic_load(&c->n_live) != 0)
            print_error("%zu objects of class %s are alive\n", atomic_load(&c->n_live), c->name);
    }
    if (com_live_task_blocks() != 0)
        print_error("%zu blocks of task memory are alive\n", com_live_task_blocks());
    return com_live_objects() == 0 && com_live_task_blocks() == 0 ? 0 : -1;
}

static inline void com_check_vtables(const struct com_class *class)
{
    for (size_t i = 0; i < class->n_faces; i++) {
        assert_true(class->faces[i].n_slots >= 3);
        for (size_t slot = 0; slot < class->faces[i].n_slots; slot++) {
            void *method;

            memcpy(&method, (const char *)class->faces[i].vtbl + slot * sizeof method, sizeof method);
            if (!method)
                fail_msg("class %s, face %zu, slot %zu is NULL", class->name, i, slot);
        }
    }
}

static inline IUnknown *com_check_face(struct com_object *obj, size_t i)
{
    return (IUnknown *)(void *)((char *)obj + obj->class->faces[i].offset);
}

/* From each face to each: the same object, wherever one came from (reflexive, symmetric, transitive), with
 * one reference each. */
static inline void com_check_pair(struct com_object *obj, size_t from, size_t to)
{
    void *face = NULL;

    assert_int_equal(IUnknown_QueryInterface(com_check_face(obj, from), obj->class->faces[to].iid, &face),
                     S_OK);
    assert_ptr_equal(face, com_check_face(obj, to));
    assert_int_equal(IUnknown_Release((IUnknown *)face), 1);
}

static inline void com_check_refusals(struct com_object *obj, size_t from)
{
    IUnknown *face = com_check_face(obj, from);
    void *out = obj;

    assert_int_equal(IUnknown_QueryInterface(face, &com_check_unknown_iid, &out), E_NOINTERFACE);
    assert_null(out);
    assert_int_equal(IUnknown_QueryInterface(face, &IID_IUnknown, NULL), E_POINTER);
    out = obj;
    assert_int_equal(IUnknown_QueryInterface(face, NULL, &out), E_INVALIDARG);
    assert_null(out);
}

static inline void com_check_class(const struct com_class *class)
{
    /* A body of the class with nothing in it but its faces: QueryInterface, AddRef and Release need no
     * more. */
    struct com_class bare = {
        .name = class->name, .size = class->size, .faces = class->faces, .n_faces = class->n_faces
    };
    struct com_object *obj = com_object_new(&bare);

    assert_non_null(obj);
    assert_true(guid_equal(com_guid(class->faces[0].iid), com_guid(&IID_IUnknown)));
    com_check_vtables(class);
    for (size_t i = 0; i < class->n_faces; i++) {
        for (size_t j = 0; j < class->n_faces; j++) {
            com_check_pair(obj, i, j);
            if (i != j)
                assert_false(guid_equal(com_guid(class->faces[i].iid), com_guid(class->faces[j].iid)));
        }
        com_check_refusals(obj, i);
    }
    assert_int_equal(com_object_unref(obj), 0);
}

/* Every class that is linked into this program. Returns how many there were. */
static inline size_t com_check_registry(void)
{
    size_t n = 0;

    for (struct com_class *c = com_class_first(); c; c = c->next, n++)
        com_check_class(c);
    return n;
}

#define com_test(f) cmocka_unit_test_setup_teardown(f, NULL, com_check_nothing_alive)

#endif
