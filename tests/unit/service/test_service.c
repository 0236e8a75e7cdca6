/* SPDX-License-Identifier: MIT */
/* IVdsService and its loader: readiness, providers, objects, flags, the host, the end. */
#include "fixture.h"

static void every_class_keeps_the_rules_of_identity(void **state)
{
    (void)state;
    /* enum, async; service, loader, sink for providers, adapter and portal of the host's initiator; the
     * test's sink, provider and factory */
    assert_int_equal(com_check_registry(), 2 + 5 + 3);
}

/* ---- readiness ----------------------------------------------------------------------------------------- */

static void until_every_provider_was_tried_the_service_is_not_ready(void **state)
{
    struct fake_provider *p = fake_provider_new(VDS_PT_HARDWARE);
    IVdsService *service;
    VDS_SERVICE_PROP prop;

    (void)state;
    p->hang = true;
    service = service_over(&p, 1, (struct service_options){ 0 });
    assert_int_equal(IVdsService_IsServiceReady(service), S_FALSE);
    assert_int_equal(IVdsService_GetProperties(service, &prop), S_OK); /* the one method that does not wait */
    assert_non_null(prop.pwszVersion);
    CoTaskMemFree(prop.pwszVersion);
    provider_set_hang(p, false);
    assert_int_equal(IVdsService_WaitForServiceReady(service), S_OK);
    assert_int_equal(IVdsService_IsServiceReady(service), S_OK);
    IVdsService_Release(service);
    com_object_unref(&p->obj);
}

static void a_provider_that_fails_to_load_is_left_out(void **state)
{
    struct fake_provider *providers[2] = { fake_provider_new(VDS_PT_HARDWARE),
                                           fake_provider_new(VDS_PT_HARDWARE) };
    IEnumVdsObject *e = NULL;
    IVdsService *service;

    (void)state;
    providers[0]->on_load = VDS_E_INITIALIZED_FAILED;
    service = service_over(providers, 2, (struct service_options){ 0 });
    assert_int_equal(IVdsService_WaitForServiceReady(service), S_OK);
    assert_int_equal(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &e), S_OK);
    assert_int_equal(count(e), 1);
    IVdsService_Release(service);
    assert_int_equal(providers[0]->n_asked, 0); /* OnUnload is not called when OnLoad failed */
    assert_int_equal(providers[1]->n_unloads, 1);
    com_object_unref(&providers[0]->obj);
    com_object_unref(&providers[1]->obj);
}

static void a_provider_that_hangs_is_left_out_and_unloaded_if_it_comes_back(void **state)
{
    struct fake_provider *providers[2] = { fake_provider_new(VDS_PT_HARDWARE),
                                           fake_provider_new(VDS_PT_HARDWARE) };
    IEnumVdsObject *e = NULL;
    IVdsService *service;

    (void)state;
    providers[0]->hang = true;
    service = service_over(providers, 2, (struct service_options){ .load_timeout_ms = 20 });
    provider_wait_inside(providers[0]);
    assert_int_equal(IVdsService_WaitForServiceReady(service), S_OK);
    assert_int_equal(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &e), S_OK);
    assert_true(count(e) <= 1); /* a slow machine may leave the second out, too; never the first in */
    provider_set_hang(providers[0], false);
    pthread_mutex_lock(&providers[0]->lock);
    while (providers[0]->n_unloads == 0)
        pthread_cond_wait(&providers[0]->changed, &providers[0]->lock);
    pthread_mutex_unlock(&providers[0]->lock);
    IVdsService_Release(service);
    while (com_live_objects() > 2) /* its thread lets go of what it holds */
        sched_yield();
    com_object_unref(&providers[0]->obj);
    com_object_unref(&providers[1]->obj);
}

/* ---- providers and objects ----------------------------------------------------------------------------- */

static void query_providers_picks_by_kind(void **state)
{
    static const VDS_PROVIDER_TYPE types[] = { VDS_PT_SOFTWARE, VDS_PT_HARDWARE, VDS_PT_VIRTUALDISK };
    static const struct {
        DWORD masks;
        size_t n;
    } cases[] = { { 1, 1 }, { 2, 1 }, { 4, 1 }, { 3, 2 }, { 7, 3 } };
    struct fake_provider *providers[3];
    IVdsService *service;
    IEnumVdsObject *e;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        providers[i] = fake_provider_new(types[i]);
    service = service_over(providers, 3, (struct service_options){ 0 });
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(IVdsService_QueryProviders(service, cases[i].masks, &e), S_OK);
        assert_int_equal(count(e), cases[i].n);
    }
    assert_int_equal(IVdsService_QueryProviders(service, 8, &e), VDS_E_INVALID_QUERY_PROVIDER_FLAG);
    assert_null(e);
    assert_int_equal(IVdsService_QueryProviders(service, 0, &e), VDS_E_INVALID_QUERY_PROVIDER_FLAG);
    assert_int_equal(IVdsService_QueryProviders(service, 1, NULL), E_INVALIDARG);
    IVdsService_Release(service);
    for (size_t i = 0; i < 3; i++)
        com_object_unref(&providers[i]->obj);
}

static void providers_are_unloaded_in_the_opposite_order(void **state)
{
    struct fake_provider *providers[3];
    IVdsService *service;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        providers[i] = fake_provider_new(VDS_PT_HARDWARE);
    service = service_over(providers, 3, (struct service_options){ 0 });
    assert_int_equal(IVdsService_WaitForServiceReady(service), S_OK);
    IVdsService_Release(service);
    assert_int_equal(providers[1]->unloaded_as, providers[2]->unloaded_as + 1);
    assert_int_equal(providers[0]->unloaded_as, providers[2]->unloaded_as + 2);
    for (size_t i = 0; i < 3; i++)
        com_object_unref(&providers[i]->obj);
}

static void get_object_asks_every_provider(void **state)
{
    struct fake_provider *providers[2] = { fake_provider_new(VDS_PT_HARDWARE),
                                           fake_provider_new(VDS_PT_HARDWARE) };
    IVdsService *service;
    IUnknown *object = NULL;

    (void)state;
    providers[1]->object_id = com_check_unknown_iid;
    service = service_over(providers, 2, (struct service_options){ 0 });
    assert_int_equal(IVdsService_GetObject(service, com_check_unknown_iid, VDS_OT_LUN, &object), S_OK);
    assert_ptr_equal(object, com_object_identity(&providers[1]->obj));
    IUnknown_Release(object);
    assert_int_equal(IVdsService_GetObject(service, IID_IVdsLun, VDS_OT_LUN, &object),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_null(object);
    providers[0]->get_object = VDS_E_PROVIDER_CACHE_CORRUPT; /* it might have been there */
    assert_int_equal(IVdsService_GetObject(service, IID_IVdsLun, VDS_OT_LUN, &object),
                     VDS_E_PROVIDER_CACHE_CORRUPT);
    IVdsService_Release(service);
    com_object_unref(&providers[0]->obj);
    com_object_unref(&providers[1]->obj);
}

static void a_provider_that_lies_about_an_object_is_passed_over(void **state)
{
    struct fake_provider *providers[2] = { fake_provider_new(VDS_PT_HARDWARE),
                                           fake_provider_new(VDS_PT_HARDWARE) };
    IVdsService *service;
    IUnknown *object;

    (void)state;
    providers[0]->lies = true;
    providers[1]->object_id = com_check_unknown_iid;
    service = service_over(providers, 2, (struct service_options){ 0 });
    assert_int_equal(IVdsService_GetObject(service, com_check_unknown_iid, VDS_OT_LUN, &object), S_OK);
    assert_ptr_equal(object, com_object_identity(&providers[1]->obj));
    IUnknown_Release(object);
    assert_int_equal(IVdsService_GetObject(service, IID_IVdsLun, VDS_OT_LUN, &object),
                     VDS_E_BAD_PROVIDER_DATA);
    assert_null(object);
    providers[0]->get_object = VDS_E_OBJECT_NOT_FOUND; /* with a pointer */
    assert_int_equal(IVdsService_GetObject(service, IID_IVdsLun, VDS_OT_LUN, &object),
                     VDS_E_OBJECT_NOT_FOUND);
    assert_null(object);
    IVdsService_Release(service);
    com_object_unref(&providers[0]->obj);
    com_object_unref(&providers[1]->obj);
}

static void get_object_refuses_types_that_have_no_objects_to_find(void **state)
{
    static const VDS_OBJECT_TYPE types[] = { VDS_OT_UNKNOWN, VDS_OT_PROVIDER, VDS_OT_ASYNC, VDS_OT_ENUM, VDS_OT_OPEN_VDISK,
                                             (VDS_OBJECT_TYPE)40, (VDS_OBJECT_TYPE)9999 };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        IUnknown *object = (IUnknown *)f;

        assert_int_equal(IVdsService_GetObject(f->service, GUID_NULL, types[i], &object),
                         VDS_E_INVALID_OBJECT_TYPE);
        assert_null(object);
    }
    assert_int_equal(IVdsService_GetObject(f->service, GUID_NULL, VDS_OT_LUN, NULL), E_INVALIDARG);
}

/* ---- Reenumerate, Refresh ------------------------------------------------------------------------------ */

static void reenumerate_returns_at_once_and_refresh_waits_for_it(void **state)
{
    struct fixture *f = *state;

    provider_set_hang(f->provider, true);
    assert_int_equal(IVdsService_Reenumerate(f->service), S_OK);
    assert_int_equal(IVdsService_Reenumerate(f->service), S_OK); /* the one that runs will do */
    provider_wait_inside(f->provider);
    provider_set_hang(f->provider, false);
    assert_int_equal(IVdsService_Refresh(f->service), S_OK);
    assert_int_equal(f->provider->n_reenumerations, 1);
    assert_int_equal(f->provider->n_refreshes, 1);
}

static void refresh_is_false_when_some_provider_could_not(void **state)
{
    struct fixture *f = *state;

    f->provider->refresh = VDS_E_OBJECT_STATUS_FAILED;
    assert_int_equal(IVdsService_Refresh(f->service), S_FALSE);
    f->provider->refresh = S_OK;
    assert_int_equal(IVdsService_Refresh(f->service), S_OK);
    f->provider->reenumerate = E_FAIL;
    assert_int_equal(IVdsService_Reenumerate(f->service), S_OK);
    assert_int_equal(IVdsService_Refresh(f->service), S_FALSE);
}

/* ---- the rest of the slots ----------------------------------------------------------------------------- */

static void only_auto_mount_can_be_set_and_cleared(void **state)
{
    struct fixture *f = *state;
    VDS_SERVICE_PROP prop;

    assert_int_equal(IVdsService_SetFlags(f->service, VDS_SVF_AUTO_MOUNT_OFF), S_OK);
    assert_int_equal(IVdsService_GetProperties(f->service, &prop), S_OK);
    assert_int_equal(prop.ulFlags, VDS_SVF_AUTO_MOUNT_OFF);
    CoTaskMemFree(prop.pwszVersion);
    assert_int_equal(IVdsService_ClearFlags(f->service, VDS_SVF_AUTO_MOUNT_OFF), S_OK);
    assert_int_equal(IVdsService_SetFlags(f->service, VDS_SVF_EFI), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsService_SetFlags(f->service, 0x80000000), E_INVALIDARG);
    assert_int_equal(IVdsService_GetProperties(f->service, NULL), E_INVALIDARG);
}

static void the_hosts_disks_are_not_handed_out(void **state)
{
    struct fixture *f = *state;
    IEnumVdsObject *e = (IEnumVdsObject *)f;

    /* by VDS's own documentation */
    assert_int_equal(IVdsService_QueryMaskedDisks(f->service, &e), E_NOTIMPL);
    assert_null(e);
    assert_int_equal(IVdsService_QueryUnallocatedDisks(f->service, &e), S_OK);
    assert_int_equal(count(e), 0);
    assert_int_equal(IVdsService_QueryUnallocatedDisks(f->service, NULL), E_INVALIDARG);
    assert_int_equal(IVdsService_CleanupObsoleteMountPoints(f->service), S_OK);
    assert_int_equal(IVdsService_Reboot(f->service), VDS_E_NOT_SUPPORTED);
}

static void drive_letters_are_all_free(void **state)
{
    struct fixture *f = *state;
    VDS_DRIVE_LETTER_PROP letters[26];

    memset(letters, 0xee, sizeof letters);
    assert_int_equal(IVdsService_QueryDriveLetters(f->service, 'A', 26, letters), S_OK);
    assert_int_equal(letters[25].wcLetter, 'Z');
    assert_false(letters[25].bUsed);
    assert_int_equal(IVdsService_QueryDriveLetters(f->service, 'y', 2, letters), S_OK);
    assert_int_equal(letters[0].wcLetter, 'Y');
    assert_int_equal(IVdsService_QueryDriveLetters(f->service, 'y', 3, letters), E_INVALIDARG);
    assert_int_equal(IVdsService_QueryDriveLetters(f->service, 'B', 26, letters), E_INVALIDARG);
    assert_int_equal(IVdsService_QueryDriveLetters(f->service, '1', 1, letters), E_INVALIDARG);
    assert_int_equal(IVdsService_QueryDriveLetters(f->service, 'A', 1, NULL), E_INVALIDARG);
}

static void file_systems_are_those_that_the_kernel_knows(void **state)
{
    struct fixture *f = *state;
    VDS_FILE_SYSTEM_TYPE_PROP *props = NULL;
    LONG n = -1;

    assert_int_equal(IVdsService_QueryFileSystemTypes(f->service, &props, &n), S_OK);
    assert_true(n >= 0 && (n == 0) == (props == NULL));
    for (LONG i = 0; i < n; i++) {
        assert_true(props[i].wszName[0] != 0);
        CoTaskMemFree(props[i].pwszIllegalLabelCharSet);
    }
    CoTaskMemFree(props);
    assert_int_equal(IVdsService_QueryFileSystemTypes(f->service, NULL, &n), E_INVALIDARG);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void after_shutdown_every_method_says_that_the_service_is_gone(void **state)
{
    struct fixture *f = *state;
    IEnumVdsObject *e = NULL;
    IUnknown *object = NULL;

    service_shutdown(f->service);
    service_shutdown(f->service);
    assert_int_equal(f->provider->n_asked, 2); /* asked, then by force */
    assert_int_equal(f->provider->n_unloads, 1);
    assert_int_equal(IVdsService_IsServiceReady(f->service), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_WaitForServiceReady(f->service), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_QueryProviders(f->service, 2, &e), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_GetObject(f->service, GUID_NULL, VDS_OT_LUN, &object), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_GetObject(f->service, GUID_NULL, VDS_OT_INIT_ADAPTER, &object), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_QueryUnallocatedDisks(f->service, &e), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_Reenumerate(f->service), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_Refresh(f->service), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_Unadvise(f->service, 1), VDS_E_INITIALIZED_FAILED);
    assert_int_equal(IVdsService_SetFlags(f->service, 0), VDS_E_INITIALIZED_FAILED);
}

/* ---- IVdsServiceLoader --------------------------------------------------------------------------------- */

static HRESULT load_this(void *arg, const char *machine, IVdsService **ret_service)
{
    if (machine)
        return VDS_E_NOT_SUPPORTED;
    *ret_service = arg;
    IVdsService_AddRef(*ret_service);
    return S_OK;
}

static void the_loader_gives_the_service_of_this_machine(void **state)
{
    struct fixture *f = *state;
    IVdsServiceLoader *loader = NULL;
    IVdsService *service = NULL;
    WCHAR empty[] = u"", host[] = u"elsewhere";

    assert_int_equal(service_loader_create(load_this, NULL, f->service, &loader), S_OK);
    assert_int_equal(IVdsServiceLoader_LoadService(loader, NULL, &service), S_OK);
    assert_ptr_equal(service, f->service);
    IVdsService_Release(service);
    assert_int_equal(IVdsServiceLoader_LoadService(loader, empty, &service), S_OK);
    IVdsService_Release(service);
    assert_int_equal(IVdsServiceLoader_LoadService(loader, host, &service), VDS_E_NOT_SUPPORTED);
    assert_null(service);
    assert_int_equal(IVdsServiceLoader_LoadService(loader, NULL, NULL), E_INVALIDARG);
    IVdsServiceLoader_Release(loader);
}

static void the_initiator_face_is_the_service_and_refuses_ipsec(void **state)
{
    struct fixture *f = *state;
    IVdsServiceIscsi *iscsi = NULL;
    IVdsService *back = NULL;

    assert_int_equal(IVdsService_QueryInterface(f->service, &IID_IVdsServiceIscsi, (void **)&iscsi), S_OK);
    assert_int_equal(IVdsServiceIscsi_QueryInterface(iscsi, &IID_IVdsService, (void **)&back), S_OK);
    assert_ptr_equal(back, f->service);
    assert_int_equal(IVdsServiceIscsi_GetInitiatorName(iscsi, NULL), E_POINTER);
    assert_int_equal(IVdsServiceIscsi_QueryInitiatorAdapters(iscsi, NULL), E_INVALIDARG);
    assert_int_equal(IVdsServiceIscsi_SetIpsecGroupPresharedKey(iscsi, NULL), VDS_E_NOT_SUPPORTED);
    assert_int_equal(IVdsServiceIscsi_SetAllIpsecSecurity(iscsi, GUID_NULL, 0, NULL), VDS_E_NOT_SUPPORTED);
    IVdsService_Release(back);
    IVdsServiceIscsi_Release(iscsi);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_initiator_face_is_the_service_and_refuses_ipsec, fixture_setup,
                                        fixture_teardown),
        com_test(every_class_keeps_the_rules_of_identity),
        com_test(until_every_provider_was_tried_the_service_is_not_ready),
        com_test(a_provider_that_fails_to_load_is_left_out),
        com_test(a_provider_that_hangs_is_left_out_and_unloaded_if_it_comes_back),
        com_test(providers_are_unloaded_in_the_opposite_order),
        com_test(query_providers_picks_by_kind),
        com_test(get_object_asks_every_provider),
        com_test(a_provider_that_lies_about_an_object_is_passed_over),
        service_test(get_object_refuses_types_that_have_no_objects_to_find),
        service_test(reenumerate_returns_at_once_and_refresh_waits_for_it),
        service_test(refresh_is_false_when_some_provider_could_not),
        service_test(only_auto_mount_can_be_set_and_cleared),
        service_test(the_hosts_disks_are_not_handed_out),
        service_test(drive_letters_are_all_free),
        service_test(file_systems_are_those_that_the_kernel_knows),
        service_test(after_shutdown_every_method_says_that_the_service_is_gone),
        service_test(the_loader_gives_the_service_of_this_machine),
    };

    return RUN_TESTS(tests);
}
