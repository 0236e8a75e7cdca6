/* SPDX-License-Identifier: MIT */
/* Task memory, UTF-16 at the API, CoInitializeEx() results. */
#include <pthread.h>

#include "com_check.h"

static void task_memory_is_counted_until_it_is_freed(void **state)
{
    void *p = CoTaskMemAlloc(10), *empty = CoTaskMemAlloc(0);

    (void)state;
    assert_non_null(p);
    assert_non_null(empty);
    assert_int_equal(com_live_task_blocks(), 2);
    p = CoTaskMemRealloc(p, 100);
    assert_non_null(p);
    assert_int_equal(com_live_task_blocks(), 2);
    assert_null(CoTaskMemRealloc(p, 0));
    assert_int_equal(com_live_task_blocks(), 1);
    CoTaskMemFree(empty);
    CoTaskMemFree(NULL);
    p = CoTaskMemRealloc(NULL, 5);
    assert_int_equal(com_live_task_blocks(), 1);
    CoTaskMemFree(p);
}

static void zeroed_task_memory_refuses_a_size_that_wraps(void **state)
{
    unsigned char *p = com_task_calloc(3, 5);

    (void)state;
    assert_non_null(p);
    for (int i = 0; i < 15; i++)
        assert_int_equal(p[i], 0);
    CoTaskMemFree(p);
    assert_null(com_task_calloc(SIZE_MAX / 2, 3));
}

static void text_goes_to_the_api_and_back_unchanged(void **state)
{
    static const char *const texts[] = { "", "iqn.2026-01.org.example:disk", "gr\xc3\xbc\xc3\x9f dich",
                                         "\xf0\x9f\x92\xbe" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_(com_task_freep) LPWSTR wide = NULL;
        _cleanup_(freep) char *back = NULL;

        assert_int_equal(com_wide(texts[i], &wide), S_OK);
        assert_int_equal(com_utf8(wide, &back), S_OK);
        assert_string_equal(back, texts[i]);
    }
}

static void text_that_is_not_unicode_is_refused(void **state)
{
    static const WCHAR unpaired[] = { 0xd800, 'x', 0 };
    LPWSTR wide = NULL;
    char *text = NULL;

    (void)state;
    assert_int_equal(com_wide("\xff", &wide), E_UNEXPECTED);
    assert_int_equal(com_utf8(unpaired, &text), E_INVALIDARG);
}

static void no_text_is_empty_text(void **state)
{
    _cleanup_(com_task_freep) LPWSTR wide = NULL;

    (void)state;
    assert_int_equal(com_wide(NULL, &wide), S_OK);
    assert_int_equal(wide[0], 0);
}

static void *initialise_elsewhere(void *arg)
{
    (void)arg;
    assert_int_equal(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED), S_OK);
    CoUninitialize();
    return NULL;
}

static void initialising_answers_as_com_does(void **state)
{
    pthread_t thread;

    (void)state;
    assert_false(com_initialized());
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_FALSE);
    assert_int_equal(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED), RPC_E_CHANGED_MODE);
    assert_int_equal(pthread_create(&thread, NULL, initialise_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    CoUninitialize();
    assert_true(com_initialized());
    CoUninitialize();
    CoUninitialize(); /* one too many */
    assert_false(com_initialized());
    assert_int_equal(CoInitializeEx(&thread, COINIT_MULTITHREADED), E_INVALIDARG);
}

static HRESULT secure(void *reserved)
{
    return CoInitializeSecurity(NULL, -1, NULL, reserved, 0, 3, NULL, 0, NULL);
}

static void security_is_initialised_once_and_after_com(void **state)
{
    int there;

    (void)state;
    assert_int_equal(secure(NULL), CO_E_NOTINITIALIZED);
    assert_int_equal(CoInitialize(NULL), S_OK);
    assert_int_equal(secure(&there), E_INVALIDARG);
    assert_int_equal(secure(NULL), S_OK);
    assert_int_equal(secure(NULL), RPC_E_TOO_LATE);
    CoUninitialize();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        com_test(task_memory_is_counted_until_it_is_freed),
        com_test(zeroed_task_memory_refuses_a_size_that_wraps),
        com_test(text_goes_to_the_api_and_back_unchanged),
        com_test(text_that_is_not_unicode_is_refused),
        com_test(no_text_is_empty_text),
        com_test(initialising_answers_as_com_does),
        com_test(security_is_initialised_once_and_after_com),
    };

    return RUN_TESTS(tests);
}
