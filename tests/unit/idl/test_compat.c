/* SPDX-License-Identifier: MIT */
/* What include/vds/compat does itself, built as its users build: its folder on the include path, L"" of 16 bits. */
#include "../unit_test.h"

#include <initguid.h>
#include <vds.h>

static void a_guid_is_written_in_capitals_and_braces(void **state)
{
    WCHAR text[VDS_COMPAT_GUID_UNITS];

    (void)state;
    assert_int_equal(StringFromGUID2(&IID_IVdsLun, text, VDS_COMPAT_GUID_UNITS), VDS_COMPAT_GUID_UNITS);
    assert_int_equal(lstrcmpW(text, L"{3540A9C7-E60F-4111-A840-8BBA6C2C83D8}"), 0);
}

static void a_guid_is_not_written_where_it_does_not_fit(void **state)
{
    WCHAR text[VDS_COMPAT_GUID_UNITS] = { 'x' };

    (void)state;
    assert_int_equal(StringFromGUID2(&IID_IVdsLun, text, VDS_COMPAT_GUID_UNITS - 1), 0);
    assert_int_equal(text[0], 'x');
}

static void text_is_measured_and_compared_in_units_of_16_bits(void **state)
{
    (void)state;
    assert_int_equal(lstrlenW(L"LUN"), 3);
    assert_int_equal(lstrlenW(NULL), 0);
    assert_int_equal(lstrcmpW(L"", L""), 0);
    assert_true(lstrcmpW(L"ab", L"abc") < 0 && lstrcmpW(L"b", L"abc") > 0);
    assert_true(lstrcmpW(L"\uFFEE", L"a") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guid_is_written_in_capitals_and_braces),
        cmocka_unit_test(a_guid_is_not_written_where_it_does_not_fit),
        cmocka_unit_test(text_is_measured_and_compared_in_units_of_16_bits),
    };

    return RUN_TESTS(tests);
}
