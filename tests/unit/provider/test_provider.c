/* SPDX-License-Identifier: MIT */
/* The provider object: classes, OnLoad and OnUnload, notifications, GetObject, the class factory. */
#include "fixture.h"

static int fixture_setup_unloaded(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    fixture_make(f);
    *state = f;
    return 0;
}

static void every_class_keeps_the_rules_of_identity(void **state)
{
    (void)state;
    /* enum, async, sink of the test; provider, factory and nine kinds of handles */
    assert_int_equal(com_check_registry(), 3 + 2 + 9);
}

/* ---- OnLoad, OnUnload ---------------------------------------------------------------------------------- */

static void before_on_load_the_provider_says_that_it_is_not_initialised(void **state)
{
    struct fixture *f = *state;
    IVdsProvider *provider = query(f->hw, &IID_IVdsProvider);
    IEnumVdsObject *e = (IEnumVdsObject *)f;
    IUnknown *object = (IUnknown *)f;
    VDS_PROVIDER_PROP prop;

    assert_int_equal(IVdsHwProvider_QuerySubSystems(f->hw, &e), VDS_E_INITIALIZE_NOT_CALLED);
    assert_null(e);
    assert_int_equal(IVdsHwProvider_Reenumerate(f->hw), VDS_E_INITIALIZE_NOT_CALLED);
    assert_int_equal(IVdsHwProvider_Refresh(f->hw), VDS_E_INITIALIZE_NOT_CALLED);
    assert_int_equal(IVdsProvider_GetProperties(provider, &prop), VDS_E_INITIALIZE_NOT_CALLED);
    assert_null(prop.pwszName);
    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, GUID_NULL, VDS_OT_LUN, &object),
                     VDS_E_INITIALIZE_NOT_CALLED);
    assert_null(object);
    assert_int_equal(IVdsProviderPrivate_OnUnload(f->private_face, FALSE), VDS_E_INITIALIZE_NOT_CALLED);
    IVdsProvider_Release(provider);
}

static void on_load_needs_a_callback_that_is_a_sink(void **state)
{
    struct fixture *f = *state;
    WCHAR machine[] = u"";

    assert_int_equal(IVdsProviderPrivate_OnLoad(f->private_face, machine, NULL), E_INVALIDARG);
    assert_int_equal(IVdsProviderPrivate_OnLoad(f->private_face, machine, (IUnknown *)f->hw),
                     VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsProviderPrivate_OnLoad(f->private_face, machine, (IUnknown *)&f->sink->face), S_OK);
    assert_int_equal(IVdsProviderPrivate_OnLoad(f->private_face, machine, (IUnknown *)&f->sink->face),
                     VDS_E_INVALID_OPERATION);
}

static void after_on_unload_forgotten_handles_touch_nothing(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    VDS_ISCSI_TARGET_PROP prop;
    IEnumVdsObject *e = NULL;

    assert_int_equal(IVdsProviderPrivate_OnUnload(f->private_face, FALSE), S_OK);
    assert_int_equal(IVdsIscsiTarget_GetProperties(target, &prop), VDS_E_INITIALIZE_NOT_CALLED);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(f->iscsi, &e), VDS_E_INITIALIZE_NOT_CALLED);
    IVdsIscsiTarget_Release(target);
}

static void *delete_lun(void *arg)
{
    assert_int_equal(IVdsLun_Delete((IVdsLun *)arg), S_OK);
    return NULL;
}

static void on_unload_waits_only_by_force_for_a_call_inside_the_array(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    pthread_t thread;

    fake_hold(f->array);
    assert_int_equal(pthread_create(&thread, NULL, delete_lun, lun), 0);
    while (!fake_somebody_blocks(f->array))
        sched_yield();
    assert_int_equal(IVdsProviderPrivate_OnUnload(f->private_face, FALSE), S_FALSE);
    fake_let_go(f->array, S_OK, NULL);
    assert_int_equal(IVdsProviderPrivate_OnUnload(f->private_face, TRUE), S_OK);
    pthread_join(thread, NULL);
    IVdsLun_Release(lun);
}

/* ---- notifications ------------------------------------------------------------------------------------- */

static void an_event_of_the_array_reaches_the_sink_with_its_id(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");

    assert_int_equal(f->sink->n_events, 1);
    assert_int_equal(f->sink->events[0], VDS_NF_TARGET_ARRIVE);
    assert_int_equal(f->sink->last_type, VDS_NTT_TARGET);
    assert_true(same_id(f->sink->last_id, target_id(target)));
    IVdsIscsiTarget_Release(target);
}

static void events_stay_together_up_to_a_hundred(void **state)
{
    struct array_notification events[250];
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(events); i++)
        events[i] = (struct array_notification){ .event = VDS_NF_LUN_MODIFY, .object_type = VDS_NTT_LUN };
    fake_emit(f->array, events, ARRAY_SIZE(events));
    assert_int_equal(f->sink->n_calls, 3);
    assert_int_equal(f->sink->calls[0], 100);
    assert_int_equal(f->sink->calls[1], 100);
    assert_int_equal(f->sink->calls[2], 50);
}

static void after_on_unload_nothing_is_delivered(void **state)
{
    struct array_notification event = { .event = VDS_NF_LUN_MODIFY, .object_type = VDS_NTT_LUN };
    struct fixture *f = *state;

    assert_int_equal(IVdsProviderPrivate_OnUnload(f->private_face, FALSE), S_OK);
    fake_emit(f->array, &event, 1);
    assert_int_equal(f->sink->n_calls, 0);
}

/* ---- what it says of itself ---------------------------------------------------------------------------- */

static void properties_say_hardware_iscsi_and_a_lasting_id(void **state)
{
    struct fixture *f = *state;
    IVdsProvider *provider = NULL;
    IVdsProviderSupport *support = query(f->hw, &IID_IVdsProviderSupport);
    IVdsHwProviderType *type = query(f->hw, &IID_IVdsHwProviderType);
    IVdsHwProviderType2 *type2 = query(f->hw, &IID_IVdsHwProviderType2);
    VDS_HWPROVIDER_TYPE t = VDS_HWT_UNKNOWN, t2 = VDS_HWT_UNKNOWN;
    VDS_PROVIDER_PROP prop;
    ULONG versions = 0;

    assert_int_equal(IVdsSubSystem_GetProvider(f->subsystem, &provider), S_OK);
    assert_int_equal(IVdsProvider_GetProperties(provider, &prop), S_OK);
    assert_int_equal(prop.type, VDS_PT_HARDWARE);
    assert_false(same_id(prop.id, GUID_NULL));
    assert_true(prop.pwszName[0] && prop.pwszVersion[0]);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszVersion);
    assert_int_equal(IVdsProvider_GetProperties(provider, NULL), E_INVALIDARG);
    assert_int_equal(IVdsProviderSupport_GetVersionSupport(support, &versions), S_OK);
    assert_true(versions & VDS_VSF_1_1);
    assert_int_equal(IVdsHwProviderType_GetProviderType(type, &t), S_OK);
    assert_int_equal(IVdsHwProviderType2_GetProviderType2(type2, &t2), S_OK);
    assert_int_equal(t, VDS_HWT_ISCSI);
    assert_int_equal(t2, VDS_HWT_ISCSI);
    assert_int_equal(IVdsHwProviderType_GetProviderType(type, NULL), E_INVALIDARG);
    IVdsHwProviderType2_Release(type2);
    IVdsHwProviderType_Release(type);
    IVdsProviderSupport_Release(support);
    IVdsProvider_Release(provider);
}

static void a_corrupt_cache_bars_nobody_from_the_way_to_its_cure(void **state)
{
    struct fixture *f = *state;
    IVdsProvider *provider = query(f->hw, &IID_IVdsProvider);
    IEnumVdsObject *e = NULL;
    VDS_PROVIDER_PROP prop;
    VDS_ARRAY_STATUS status;
    IVdsSubSystemEx *ex;

    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsProvider_GetProperties(provider, &prop), S_OK);
    CoTaskMemFree(prop.pwszName);
    CoTaskMemFree(prop.pwszVersion);
    assert_int_equal(IVdsHwProvider_QuerySubSystems(f->hw, &e), S_OK);
    ex = member(e, 0, &IID_IVdsSubSystemEx);
    assert_int_equal(IVdsSubSystemEx_GetStatus(ex, &status), S_OK);
    CoTaskMemFree(status.pwszVersion);
    CoTaskMemFree(status.pwszBackend);
    CoTaskMemFree(status.pwszReason);
    fake_fail(f->array, S_OK);
    drop(ex);
    drop(provider);
}

static void every_object_knows_its_id_even_when_it_is_deleted(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    VDS_OBJECT_ID expected = target_id(target), id = GUID_NULL;
    IVdsAsync *async = NULL;

    assert_int_equal(IVdsIscsiTarget_Delete(target, &async), S_OK);
    assert_int_equal(com_object_id((IUnknown *)target, &id), S_OK);
    assert_true(same_id(id, expected));
    assert_int_equal(com_object_id((IUnknown *)f->hw, &id), S_OK);
    assert_false(same_id(id, GUID_NULL));
    assert_int_equal(com_object_id((IUnknown *)async, &id), E_NOINTERFACE);
    drop(async);
    drop(target);
}

static void get_object_finds_each_kind_by_its_id(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    VDS_OBJECT_ID id = target_id(target);
    IUnknown *object = NULL;

    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, id, VDS_OT_TARGET, &object), S_OK);
    drop(query(object, &IID_IVdsIscsiTarget));
    IUnknown_Release(object);
    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, id, VDS_OT_LUN, &object),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_null(object);
    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, id, VDS_OT_PACK, &object),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsProviderPrivate_GetObject(f->private_face, id, VDS_OT_TARGET, NULL), E_INVALIDARG);
    IVdsIscsiTarget_Release(target);
}

/* ---- QueryIfCreatedLun --------------------------------------------------------------------------------- */

static void a_disk_with_our_serial_number_is_ours(void **state)
{
    struct fixture *f = *state;
    IVdsHwProviderPrivate *hw_private = query(f->hw, &IID_IVdsHwProviderPrivate);
    WCHAR path[] = u"/dev/sda";
    VDS_LUN_INFORMATION info = { .m_version = VER_VDS_LUN_INFORMATION };
    VDS_OBJECT_ID id = com_check_unknown_iid;
    IVdsLun *lun = make_lun(f);

    assert_int_equal(IVdsHwProviderPrivate_QueryIfCreatedLun(hw_private, path, &info, &id), S_FALSE);
    assert_true(same_id(id, GUID_NULL));
    info.m_szSerialNumber = (void *)"serial-1";
    assert_int_equal(IVdsHwProviderPrivate_QueryIfCreatedLun(hw_private, path, &info, &id), S_OK);
    assert_true(same_id(id, lun_id(lun)));
    assert_int_equal(IVdsHwProviderPrivate_QueryIfCreatedLun(hw_private, path, NULL, &id), E_INVALIDARG);
    assert_true(same_id(id, GUID_NULL));
    IVdsLun_Release(lun);
    IVdsHwProviderPrivate_Release(hw_private);
}

static void a_disk_with_our_naa_designator_is_ours(void **state)
{
    struct fixture *f = *state;
    IVdsHwProviderPrivate *hw_private = query(f->hw, &IID_IVdsHwProviderPrivate);
    IVdsLun *lun = make_lun(f);
    WCHAR path[] = u"/dev/sda";
    VDS_LUN_INFORMATION info, ours;
    VDS_OBJECT_ID id = GUID_NULL;

    assert_int_equal(IVdsLun_GetIdentificationData(lun, &ours), S_OK);
    memset(&info, 0, sizeof info);
    info.m_deviceIdDescriptor = ours.m_deviceIdDescriptor;
    assert_int_equal(IVdsHwProviderPrivate_QueryIfCreatedLun(hw_private, path, &info, &id), S_OK);
    assert_true(same_id(id, lun_id(lun)));
    CoTaskMemFree(ours.m_deviceIdDescriptor.m_rgIdentifiers[0].m_rgbIdentifier);
    CoTaskMemFree(ours.m_deviceIdDescriptor.m_rgIdentifiers[1].m_rgbIdentifier);
    CoTaskMemFree(ours.m_deviceIdDescriptor.m_rgIdentifiers);
    CoTaskMemFree(ours.m_szVendorId);
    CoTaskMemFree(ours.m_szProductId);
    CoTaskMemFree(ours.m_szProductRevision);
    CoTaskMemFree(ours.m_szSerialNumber);
    IVdsLun_Release(lun);
    IVdsHwProviderPrivate_Release(hw_private);
}

/* ---- the class factory --------------------------------------------------------------------------------- */

static void the_factory_makes_providers_of_its_own_class_only(void **state)
{
    struct fixture *f = *state;
    IClassFactory *factory = NULL;
    IUnknown *object = (IUnknown *)f;

    assert_int_equal(
        provider_class_object(f->factory, &provider_clsid, &IID_IClassFactory, (void **)&factory), S_OK);
    assert_int_equal(
        provider_class_object(f->factory, &CLSID_VdsLoader, &IID_IClassFactory, (void **)&object),
        CLASS_E_CLASSNOTAVAILABLE);
    assert_null(object);
    assert_int_equal(
        IClassFactory_CreateInstance(factory, (IUnknown *)f->hw, &IID_IUnknown, (void **)&object),
        CLASS_E_NOAGGREGATION);
    assert_null(object);
    assert_int_equal(IClassFactory_CreateInstance(factory, NULL, &IID_IVdsLun, (void **)&object),
                     E_NOINTERFACE);
    assert_null(object);
    assert_int_equal(IClassFactory_CreateInstance(factory, NULL, &IID_IUnknown, NULL), E_INVALIDARG);
    assert_int_equal(IClassFactory_LockServer(factory, TRUE), S_OK);
    assert_int_equal(IClassFactory_LockServer(factory, FALSE), S_OK);
    IClassFactory_Release(factory);
}

#define unloaded_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup_unloaded, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_keeps_the_rules_of_identity),
        unloaded_test(before_on_load_the_provider_says_that_it_is_not_initialised),
        unloaded_test(on_load_needs_a_callback_that_is_a_sink),
        provider_test(after_on_unload_forgotten_handles_touch_nothing),
        provider_test(on_unload_waits_only_by_force_for_a_call_inside_the_array),
        provider_test(an_event_of_the_array_reaches_the_sink_with_its_id),
        provider_test(events_stay_together_up_to_a_hundred),
        provider_test(after_on_unload_nothing_is_delivered),
        provider_test(properties_say_hardware_iscsi_and_a_lasting_id),
        provider_test(a_corrupt_cache_bars_nobody_from_the_way_to_its_cure),
        provider_test(every_object_knows_its_id_even_when_it_is_deleted),
        provider_test(get_object_finds_each_kind_by_its_id),
        provider_test(a_disk_with_our_serial_number_is_ours),
        provider_test(a_disk_with_our_naa_designator_is_ours),
        provider_test(the_factory_makes_providers_of_its_own_class_only),
    };

    return RUN_TESTS(tests);
}
