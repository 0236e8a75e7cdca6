/* SPDX-License-Identifier: MIT */
/* Sizes and features of LUNs, CHAP secrets: what the faces make of their arguments. What it does:
 * tests/unit/array. */
#include "fixture.h"


static HRESULT create(struct fixture *f, ULONG features, ULONG block, ULONG physical, IVdsAsync **ret_async)
{
    IVdsSubSystemLunEx *ex = query(f->subsystem, &IID_IVdsSubSystemLunEx);
    WCHAR mask[] = u"*", name[] = u"disk";
    HRESULT hr = IVdsSubSystemLunEx_CreateLunWithFeatures(ex, 1 << 20, features, block, physical, NULL, 0,
                                                          mask, name, ret_async);

    drop(ex);
    return hr;
}

static void a_lun_tells_the_features_it_was_made_with(void **state)
{
    struct fixture *f = *state;
    ULONG features = VDS_LUN_FEATURE_REMOVABLE | VDS_LUN_FEATURE_READ_ONLY | VDS_LUN_FEATURE_THICK, got,
          block, physical;
    IVdsAsync *async = NULL;
    IVdsLun *lun;
    IVdsLunEx2 *ex;

    assert_int_equal(create(f, features, 0, 4096, &async), S_OK);
    lun = finish_as(async, S_OK, &IID_IVdsLun);
    ex = query(lun, &IID_IVdsLunEx2);
    assert_int_equal(IVdsLunEx2_GetFeatures(ex, &got, &block, &physical), S_OK);
    assert_int_equal(got, features);
    assert_int_equal(block, 512);
    assert_int_equal(physical, 4096);
    assert_int_equal(IVdsLunEx2_GetFeatures(ex, NULL, &block, &physical), E_INVALIDARG);
    assert_true(block == 0 && physical == 0); /* the others are cleared even so */
    assert_int_equal(IVdsLun_Delete(lun), S_OK);
    assert_int_equal(IVdsLunEx2_GetFeatures(ex, &got, &block, &physical), VDS_E_OBJECT_DELETED);
    assert_int_equal(got, 0);
    drop(ex);
    drop(lun);
}

static void features_that_nobody_knows_are_E_INVALIDARG(void **state)
{
    struct fixture *f = *state;
    IVdsAsync *async = (IVdsAsync *)f;

    assert_int_equal(create(f, 0x10, 0, 0, &async), E_INVALIDARG);
    assert_null(async);
    assert_int_equal(create(f, 0, 0, 0, NULL), E_INVALIDARG);
}

static ULONGLONG size_of(IVdsLun *lun)
{
    VDS_LUN_PROP prop;

    assert_int_equal(IVdsLun_GetProperties(lun, &prop), S_OK);
    CoTaskMemFree(prop.pwszFriendlyName);
    CoTaskMemFree(prop.pwszIdentification);
    CoTaskMemFree(prop.pwszUnmaskingList);
    return prop.ullSize;
}

static void extend_and_shrink_are_operations_with_their_results(void **state)
{
    struct fixture *f = *state;
    IVdsLun *lun = make_lun(f);
    IVdsLunEx2 *ex = query(lun, &IID_IVdsLunEx2);
    VDS_OBJECT_ID unknown = com_check_unknown_iid;
    IVdsAsync *async = (IVdsAsync *)f;

    assert_int_equal(IVdsLun_Extend(lun, 1 << 20, NULL, 0, &async), S_OK);
    assert_null(finish_as(async, S_OK, NULL));
    assert_int_equal(size_of(lun), (1 << 30) + (1 << 20));
    assert_int_equal(IVdsLun_Extend(lun, 1 << 20, NULL, 0, NULL), E_INVALIDARG);
    assert_int_equal(IVdsLun_Extend(lun, 1 << 20, NULL, 1, &async), E_INVALIDARG);
    assert_null(async);
    assert_int_equal(IVdsLun_Extend(lun, 1 << 20, &unknown, 1, &async), VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(IVdsLun_Extend(lun, 1ull << 60, NULL, 0, &async), VDS_E_NOT_ENOUGH_SPACE);
    assert_int_equal(IVdsLun_Shrink(lun, 1 << 20, &async), S_OK);
    assert_null(finish_as(async, VDS_E_SHRINK_OVER_DATA, NULL));
    assert_int_equal(IVdsLunEx2_ShrinkEx(ex, 1 << 20, TRUE, &async), S_OK);
    assert_null(finish_as(async, S_OK, NULL));
    assert_int_equal(size_of(lun), 1 << 30);
    assert_int_equal(IVdsLun_Shrink(lun, 1ull << 40, &async), VDS_E_INVALID_SHRINK_SIZE);
    assert_int_equal(IVdsLun_Shrink(lun, 1 << 20, NULL), E_INVALIDARG);
    assert_int_equal(IVdsLun_Delete(lun), S_OK);
    assert_int_equal(IVdsLun_Extend(lun, 1 << 20, NULL, 0, &async), VDS_E_OBJECT_DELETED);
    assert_int_equal(IVdsLun_Shrink(lun, 1 << 20, &async), VDS_E_OBJECT_DELETED);
    drop(ex);
    drop(lun);
}

static void secrets_of_a_target_go_to_the_right_direction(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiTarget *target = make_target(f, u"iqn.2026-01.example:a");
    VDS_ISCSI_SHARED_SECRET secret = { (UCHAR *)(uintptr_t)"twelve bytes", 12 }, none = { NULL, 0 },
                            wrong = { NULL, 12 };
    WCHAR host[] = u"iqn.2026-01.example:host", unpaired[] = { 0xdc00, 0 };

    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, &secret, NULL), S_OK);
    assert_string_equal(fake_last_secret(f->array), "target in all twelve bytes");
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, &secret, host), S_OK);
    assert_string_equal(fake_last_secret(f->array), "target in iqn.2026-01.example:host twelve bytes");
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, NULL, NULL), S_OK);
    assert_string_equal(fake_last_secret(f->array), "target in all ");
    assert_int_equal(IVdsIscsiTarget_RememberInitiatorSharedSecret(target, host, &secret), S_OK);
    assert_string_equal(fake_last_secret(f->array), "target mutual iqn.2026-01.example:host twelve bytes");
    assert_int_equal(IVdsIscsiTarget_RememberInitiatorSharedSecret(target, host, &none), S_OK);
    assert_int_equal(IVdsIscsiTarget_RememberInitiatorSharedSecret(target, NULL, &secret), E_INVALIDARG);
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, &wrong, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, &secret, unpaired), E_INVALIDARG);
    fake_fail(f->array, VDS_E_PROVIDER_CACHE_CORRUPT);
    assert_int_equal(IVdsIscsiTarget_SetSharedSecret(target, &secret, NULL), VDS_E_PROVIDER_CACHE_CORRUPT);
    fake_fail(f->array, S_OK);
    drop(target);
}

static void discovery_has_the_same_two_methods_and_a_flag(void **state)
{
    struct fixture *f = *state;
    IVdsIscsiDiscoveryEx *discovery = query(f->subsystem, &IID_IVdsIscsiDiscoveryEx);
    VDS_ISCSI_SHARED_SECRET secret = { (UCHAR *)(uintptr_t)"twelve bytes", 12 };
    BOOL chap = TRUE;

    assert_int_equal(IVdsIscsiDiscoveryEx_GetDiscoveryChap(discovery, &chap), S_OK);
    assert_false(chap);
    assert_int_equal(IVdsIscsiDiscoveryEx_RememberDiscoverySecret(discovery, NULL, &secret), S_OK);
    assert_string_equal(fake_last_secret(f->array), "discovery mutual all twelve bytes");
    assert_int_equal(IVdsIscsiDiscoveryEx_SetDiscoverySecret(discovery, &secret, NULL), S_OK);
    assert_int_equal(IVdsIscsiDiscoveryEx_GetDiscoveryChap(discovery, &chap), S_OK);
    assert_true(chap);
    assert_int_equal(IVdsIscsiDiscoveryEx_GetDiscoveryChap(discovery, NULL), E_INVALIDARG);
    drop(discovery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        provider_test(a_lun_tells_the_features_it_was_made_with),
        provider_test(features_that_nobody_knows_are_E_INVALIDARG),
        provider_test(extend_and_shrink_are_operations_with_their_results),
        provider_test(secrets_of_a_target_go_to_the_right_direction),
        provider_test(discovery_has_the_same_two_methods_and_a_flag),
    };

    return RUN_TESTS(tests);
}
