/* SPDX-License-Identifier: MIT */
/* Reference counts, identity, QueryInterface, the registry. */
#include "com_check.h"

struct cup {
    struct com_object obj;
    IVdsAsync async;
    IEnumVdsObject list;
    int *n_destroyed;
};

COM_UNKNOWN(cup, IVdsAsync, async)
COM_UNKNOWN(cup, IEnumVdsObject, list)

static HRESULT cup_Cancel(IVdsAsync *face)
{
    (void)face;
    return S_OK;
}

COM_NOT_BUILT static HRESULT cup_Wait(IVdsAsync *face, HRESULT *ret_hr, VDS_ASYNC_OUTPUT *ret_output)
{
    (void)face;
    (void)ret_hr;
    (void)ret_output;
    return COM_NOT_BUILT_RESULT;
}

static HRESULT cup_QueryStatus(IVdsAsync *face, HRESULT *ret_hr, ULONG *ret_percent)
{
    (void)face;
    (void)ret_hr;
    (void)ret_percent;
    return S_OK;
}

static HRESULT cup_Next(IEnumVdsObject *face, ULONG celt, IUnknown **ret_objects, ULONG *ret_fetched)
{
    (void)face;
    (void)celt;
    (void)ret_objects;
    (void)ret_fetched;
    return S_OK;
}

static HRESULT cup_Skip(IEnumVdsObject *face, ULONG celt)
{
    (void)face;
    (void)celt;
    return S_OK;
}

static HRESULT cup_Reset(IEnumVdsObject *face)
{
    (void)face;
    return S_OK;
}

static HRESULT cup_Clone(IEnumVdsObject *face, IEnumVdsObject **ret_enum)
{
    (void)face;
    (void)ret_enum;
    return S_OK;
}

static const IVdsAsyncVtbl cup_async_vtbl = {
    COM_UNKNOWN_SLOTS(cup, IVdsAsync), .Cancel = cup_Cancel, .Wait = cup_Wait, .QueryStatus = cup_QueryStatus,
};
static const IEnumVdsObjectVtbl cup_list_vtbl = {
    COM_UNKNOWN_SLOTS(cup, IEnumVdsObject),
    .Next = cup_Next,
    .Skip = cup_Skip,
    .Reset = cup_Reset,
    .Clone = cup_Clone,
};
static const struct com_face cup_faces[] = {
    COM_IDENTITY(cup, IVdsAsync, async, cup_async_vtbl),
    COM_FACE(cup, IVdsAsync, async, cup_async_vtbl),
    COM_FACE(cup, IEnumVdsObject, list, cup_list_vtbl),
};

static void cup_destroy(struct com_object *obj)
{
    struct cup *cup = container_of(obj, struct cup, obj);

    ++*cup->n_destroyed;
    free(cup);
}
COM_CLASS(cup, cup_destroy)

static void every_class_in_the_registry_keeps_the_rules_of_identity(void **state)
{
    (void)state;
    assert_int_equal(com_check_registry(), 3); /* cup, com_enum, com_async */
}

static void an_object_goes_with_its_last_reference(void **state)
{
    int n_destroyed = 0;
    struct cup *cup = com_object_new(&cup_class);
    IEnumVdsObject *list = NULL;

    (void)state;
    assert_non_null(cup);
    cup->n_destroyed = &n_destroyed;
    assert_int_equal(com_live_objects(), 1);
    assert_int_equal(IVdsAsync_QueryInterface(&cup->async, &IID_IEnumVdsObject, (void **)&list), S_OK);
    assert_ptr_equal(cup_from_IEnumVdsObject(list), cup);
    assert_ptr_equal(cup_from_IVdsAsync(&cup->async), cup);
    assert_int_equal(IVdsAsync_Release(&cup->async), 1);
    assert_int_equal(n_destroyed, 0);
    assert_int_equal(IEnumVdsObject_AddRef(list), 2);
    assert_int_equal(IEnumVdsObject_Release(list), 1);
    assert_int_equal(IEnumVdsObject_Release(list), 0);
    assert_int_equal(n_destroyed, 1);
}

static void a_method_that_is_not_built_is_known_by_its_address(void **state)
{
    (void)state;
    assert_true(com_slot_is_not_built((const void *)cup_async_vtbl.Wait));
    assert_false(com_slot_is_not_built((const void *)cup_async_vtbl.Cancel));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        com_test(every_class_in_the_registry_keeps_the_rules_of_identity),
        com_test(an_object_goes_with_its_last_reference),
        com_test(a_method_that_is_not_built_is_known_by_its_address),
    };

    return RUN_TESTS(tests);
}
