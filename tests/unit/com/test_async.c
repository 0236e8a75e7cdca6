/* SPDX-License-Identifier: MIT */
/* IVdsAsync: the rules of results and outputs, over an operation that the test plays. */
#include "com_check.h"

struct play {
    HRESULT call, ended, cancelled;
    ULONG percent;
    IUnknown *made;
    int n_released;
};

static HRESULT play_wait(void *op, HRESULT *ret_hr)
{
    struct play *p = op;

    *ret_hr = p->ended;
    return p->call;
}

static HRESULT play_status(void *op, HRESULT *ret_hr, ULONG *ret_percent)
{
    struct play *p = op;

    *ret_hr = p->ended;
    *ret_percent = p->percent;
    return p->call;
}

static HRESULT play_cancel(void *op)
{
    return ((struct play *)op)->cancelled;
}

static HRESULT play_output(void *op, IUnknown **ret_object)
{
    struct play *p = op;

    if (!p->made)
        return E_OUTOFMEMORY;
    *ret_object = p->made;
    IUnknown_AddRef(p->made);
    return S_OK;
}

static void play_release(void *op)
{
    ((struct play *)op)->n_released++;
}

static const struct com_async_ops play_ops = {
    .wait = play_wait,
    .status = play_status,
    .cancel = play_cancel,
    .output = play_output,
    .release = play_release,
};

static IVdsAsync *async_of(struct play *p, VDS_ASYNC_OUTPUT_TYPE type)
{
    IVdsAsync *async = NULL;

    assert_int_equal(com_async_create(&play_ops, p, type, &async), S_OK);
    return async;
}

static void an_operation_that_makes_nothing_sets_only_the_type(void **state)
{
    static const VDS_ASYNC_OUTPUT_TYPE types[] = { VDS_ASYNCOUT_ADDPORTAL, VDS_ASYNCOUT_REMOVEPORTAL,
                                                   VDS_ASYNCOUT_DELETEPORTALGROUP,
                                                   VDS_ASYNCOUT_DELETETARGET };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct play p = { .ended = VDS_S_ALREADY_EXISTS };
        _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, types[i]);
        VDS_ASYNC_OUTPUT out, expected;
        HRESULT hr = E_FAIL;

        memset(&expected, 0, sizeof expected);
        expected.type = types[i];
        memset(&out, 0xee, sizeof out);
        assert_false(com_async_has_output(types[i]));
        assert_int_equal(IVdsAsync_Wait(async, &hr, &out), S_OK);
        assert_int_equal(hr, VDS_S_ALREADY_EXISTS);
        assert_memory_equal(&out, &expected, sizeof out);
    }
}

static void every_wait_hands_out_a_reference_of_its_own(void **state)
{
    struct play p = { .ended = S_OK };
    IEnumVdsObject *made = NULL;
    IVdsAsync *async;

    (void)state;
    assert_int_equal(com_enum_create(NULL, 0, &made), S_OK);
    p.made = (IUnknown *)made;
    async = async_of(&p, VDS_ASYNCOUT_CREATEPORTALGROUP);
    for (int i = 0; i < 3; i++) {
        VDS_ASYNC_OUTPUT out;
        HRESULT hr = E_FAIL;

        assert_int_equal(IVdsAsync_Wait(async, &hr, &out), S_OK);
        assert_int_equal(hr, S_OK);
        assert_int_equal(out.type, VDS_ASYNCOUT_CREATEPORTALGROUP);
        assert_ptr_equal(out.cpg.pPortalGroupUnk, made);
    }
    for (ULONG left = 3; left > 0; left--)
        assert_int_equal(IEnumVdsObject_Release(made), left);
    IVdsAsync_Release(async);
    assert_int_equal(p.n_released, 1);
    IEnumVdsObject_Release(made);
}

static void a_failed_operation_hands_out_nothing(void **state)
{
    struct play p = { .ended = VDS_E_OPERATION_CANCELED };
    _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, VDS_ASYNCOUT_CREATETARGET);
    VDS_ASYNC_OUTPUT out;
    HRESULT hr = S_OK;

    (void)state;
    memset(&out, 0xee, sizeof out);
    assert_int_equal(IVdsAsync_Wait(async, &hr, &out), S_OK);
    assert_int_equal(hr, VDS_E_OPERATION_CANCELED);
    assert_int_equal(out.type, VDS_ASYNCOUT_CREATETARGET);
    assert_null(out.ct.pTargetUnk);
}

static void a_wait_that_failed_shows_in_both_codes(void **state)
{
    struct play p = { .call = E_UNEXPECTED, .ended = S_OK };
    _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, VDS_ASYNCOUT_CREATELUN);
    VDS_ASYNC_OUTPUT out;
    HRESULT hr = S_OK;
    ULONG percent = 7;

    (void)state;
    assert_int_equal(IVdsAsync_Wait(async, &hr, &out), E_UNEXPECTED);
    assert_int_equal(hr, E_UNEXPECTED);
    assert_null(out.cl.pLunUnk);
    hr = S_OK;
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, &percent), E_UNEXPECTED);
    assert_int_equal(hr, E_UNEXPECTED);
    assert_int_equal(percent, 0);
}

static void an_output_that_cannot_be_made_fails_the_wait(void **state)
{
    struct play p = { .ended = S_OK };
    _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, VDS_ASYNCOUT_CREATELUN);
    VDS_ASYNC_OUTPUT out;
    HRESULT hr;

    (void)state;
    assert_int_equal(IVdsAsync_Wait(async, &hr, &out), E_OUTOFMEMORY);
    assert_int_equal(hr, E_OUTOFMEMORY); /* who looks at one code only must not take it for success */
    assert_null(out.cl.pLunUnk);
}

static void while_it_runs_the_status_is_pending_and_below_a_hundred(void **state)
{
    struct play p = { .ended = VDS_E_OPERATION_PENDING, .percent = 100 };
    _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, VDS_ASYNCOUT_REMOVEPORTAL);
    HRESULT hr;
    ULONG percent;

    (void)state;
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, &percent), S_OK);
    assert_int_equal(hr, VDS_E_OPERATION_PENDING);
    assert_int_equal(percent, 99);
    p.percent = 40;
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, &percent), S_OK);
    assert_int_equal(percent, 40);
}

static void when_it_has_ended_the_status_is_its_result_and_a_hundred(void **state)
{
    struct play p = { .ended = VDS_E_OBJECT_NOT_FOUND, .percent = 3 };
    _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, VDS_ASYNCOUT_ADDPORTAL);
    HRESULT hr;
    ULONG percent;

    (void)state;
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, &percent), S_OK);
    assert_int_equal(hr, VDS_E_OBJECT_NOT_FOUND);
    assert_int_equal(percent, 100);
}

static void cancel_answers_what_the_operation_says(void **state)
{
    struct play p = { .cancelled = VDS_E_CANCEL_TOO_LATE };
    _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, VDS_ASYNCOUT_ADDPORTAL);

    (void)state;
    assert_int_equal(IVdsAsync_Cancel(async), VDS_E_CANCEL_TOO_LATE);
    p.cancelled = S_OK;
    assert_int_equal(IVdsAsync_Cancel(async), S_OK);
}

static void null_pointers_are_invalid_arguments(void **state)
{
    struct play p = { .ended = S_OK };
    _cleanup_(com_releasep) IVdsAsync *async = async_of(&p, VDS_ASYNCOUT_CREATETARGET);
    VDS_ASYNC_OUTPUT out;
    HRESULT hr = S_OK;
    ULONG percent = 50;

    (void)state;
    memset(&out, 0xee, sizeof out);
    assert_int_equal(IVdsAsync_Wait(async, NULL, &out), E_INVALIDARG);
    assert_int_equal(out.type, VDS_ASYNCOUT_CREATETARGET);
    assert_null(out.ct.pTargetUnk);
    assert_int_equal(IVdsAsync_Wait(async, &hr, NULL), E_INVALIDARG);
    assert_int_equal(hr, E_INVALIDARG);
    assert_int_equal(IVdsAsync_QueryStatus(async, NULL, &percent), E_INVALIDARG);
    assert_int_equal(percent, 0);
    hr = S_OK;
    assert_int_equal(IVdsAsync_QueryStatus(async, &hr, NULL), E_INVALIDARG);
    assert_int_equal(hr, E_INVALIDARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        com_test(an_operation_that_makes_nothing_sets_only_the_type),
        com_test(every_wait_hands_out_a_reference_of_its_own),
        com_test(a_failed_operation_hands_out_nothing),
        com_test(a_wait_that_failed_shows_in_both_codes),
        com_test(an_output_that_cannot_be_made_fails_the_wait),
        com_test(while_it_runs_the_status_is_pending_and_below_a_hundred),
        com_test(when_it_has_ended_the_status_is_its_result_and_a_hundred),
        com_test(cancel_answers_what_the_operation_says),
        com_test(null_pointers_are_invalid_arguments),
    };

    return RUN_TESTS(tests);
}
