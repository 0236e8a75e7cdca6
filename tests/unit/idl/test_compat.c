/* SPDX-License-Identifier: MIT */
/* What include/vds/compat does itself, built as its users build: its folder on the include path, L"" of 16 bits. */
#include "../unit_test.h"

#include <initguid.h>
#include <rpc.h>
#include <strsafe.h>
#include <tchar.h>
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

#define FORMATTED(format, ...) (assert_true(swprintf(text, 128, format, ##__VA_ARGS__) >= 0), text)
#define assert_wide(got, expected) assert_int_equal(wcscmp(got, expected), 0)

static void a_wide_format_takes_wide_text_for_s(void **state)
{
    WCHAR text[128];

    (void)state;
    assert_wide(FORMATTED(L"%s|%S|%ls|%hs|%ws", L"wide", "narrow", L"l", "h", L"w"), L"wide|narrow|l|h|w");
    assert_wide(FORMATTED(L"%c%C%lc", L'x', 'y', L'\u00FC'), L"xy\u00FC");
    assert_wide(FORMATTED(L"[%6s][%-6s][%.2s][%*s]", L"ab\u00FC", L"abc", L"abc", -4, L"x"), L"[   ab\u00FC][abc   ][ab][x   ]");
    assert_wide(FORMATTED(L"%s 100%%", (LPCWSTR)NULL), L"(null) 100%");
}

static void a_narrow_format_takes_narrow_text_for_s(void **state)
{
    char text[64];

    (void)state;
    assert_int_equal(snprintf(text, sizeof text, "%s|%S|%ls", "narrow", L"wide", L"\u00FC"), 14);
    assert_string_equal(text, "narrow|wide|\xC3\xBC");
    assert_int_equal(snprintf(text, 4, "%s", "narrow"), 6);
    assert_string_equal(text, "nar");
}

static void a_long_has_32_bits_and_I64_has_64(void **state)
{
    WCHAR text[128];

    (void)state;
    assert_wide(FORMATTED(L"%lu %ld %lX", (ULONG)4294967295u, (LONG)-2, (ULONG)0x8004243A), L"4294967295 -2 8004243A");
    assert_wide(FORMATTED(L"%I64u %llu %I64x", (ULONGLONG)-1, (ULONGLONG)1 << 40, (ULONGLONG)1 << 32),
                L"18446744073709551615 1099511627776 100000000");
    assert_wide(FORMATTED(L"%hu %hhd %+d % d %05d %#x", 65537, 257, 1, 2, 3, 255), L"1 1 +1  2 00003 0xff");
    assert_wide(FORMATTED(L"%.3f %g %8.2e", 1.5, 0.25, 12345.0), L"1.500 0.25 1.23e+04");
}

static void what_does_not_fit_leaves_an_empty_string(void **state)
{
    WCHAR text[4] = L"old";

    (void)state;
    assert_int_equal(swprintf(text, 4, L"%d", 1000), -1);
    assert_int_equal(text[0], 0);
    assert_int_equal(swprintf(text, 4, L"%d", 999), 3);
    assert_int_equal(swprintf(text, 4, L"\xD800"), -1); /* half a pair */
}

static void streams_are_written_in_utf8(void **state)
{
    FILE *f = tmpfile();
    char line[64];

    (void)state;
    assert_non_null(f);
    assert_int_equal(fwprintf(f, L"gr\u00FC%s\n", L"\u00DF"), 7);
    assert_true(fputws(L"\xD83D\xDE00", f) >= 0);
    rewind(f);
    assert_string_equal(fgets(line, sizeof line, f), "gr\xC3\xBC\xC3\x9F\n");
    assert_string_equal(fgets(line, sizeof line, f), "\xF0\x9F\x98\x80");
    fclose(f);
}

static void wide_text_is_searched_copied_and_compared(void **state)
{
    WCHAR text[16] = L"one", *copy, *end;

    (void)state;
    assert_wide(wcscat(text, L"Two"), L"oneTwo");
    assert_int_equal(wcslen(text), 6);
    assert_ptr_equal(wcschr(text, L'T'), text + 3);
    assert_null(wcschr(text, L'z'));
    assert_ptr_equal(wcschr(text, 0), text + 6);
    assert_ptr_equal(wcsrchr(text, L'o'), text + 5);
    assert_ptr_equal(wcsstr(text, L"Tw"), text + 3);
    assert_null(wcsstr(text, L"two"));
    assert_int_equal(_wcsicmp(text, L"ONETWO"), 0);
    assert_int_equal(_wcsnicmp(text, L"ONEx", 3), 0);
    assert_true(wcscmp(L"a", L"b") < 0 && wcsncmp(L"ab", L"ac", 1) == 0);
    copy = _wcsdup(text);
    assert_wide(copy, text);
    free(copy);
    assert_wide(wcsncpy(text, L"xyz", 16), L"xyz");
    assert_int_equal(wcstoul(L"0x1Fz", &end, 0), 31);
    assert_wide(end, L"z");
    assert_int_equal(_wtoi(L"-12"), -12);
}

static void checked_copies_say_when_they_do_not_fit(void **state)
{
    WCHAR text[6], *rest, words[] = L" a,b ";
    size_t n;

    (void)state;
    assert_int_equal(wcscpy_s(text, 6, L"abc"), 0);
    assert_int_equal(wcscat_s(text, 6, L"de"), 0);
    assert_wide(text, L"abcde");
    assert_int_equal(wcscat_s(text, 6, L"f"), ERANGE);
    assert_wide(text, L"");
    assert_int_equal(wcsncpy_s(text, 6, L"abcdefgh", _TRUNCATE), 0);
    assert_wide(text, L"abcde");
    assert_int_equal(wcsncpy_s(text, 3, L"abcdefgh", 3), ERANGE);
    assert_int_equal(StringCchCopyW(text, 6, L"abcdefgh"), STRSAFE_E_INSUFFICIENT_BUFFER);
    assert_wide(text, L"abcde");
    assert_int_equal(StringCchPrintfW(text, 6, L"%s%u", L"x", 12u), S_OK);
    assert_int_equal(StringCchCatW(text, 6, L"yz"), S_OK);
    assert_wide(text, L"x12yz");
    assert_int_equal(StringCchLengthW(text, 6, &n), S_OK);
    assert_int_equal(n, 5);
    assert_int_equal(StringCchLengthW(text, 5, &n), STRSAFE_E_INVALID_PARAMETER);
    assert_wide(wcstok(words, L" ,", &rest), L"a");
    assert_wide(wcstok(NULL, L" ,", &rest), L"b");
    assert_null(wcstok(NULL, L" ,", &rest));
    assert_int_equal(wcstol(L"-99999999999", NULL, 10), -0x7fffffff - 1);
    assert_int_equal(_wcstoui64(L"ffffffffff", NULL, 16), 0xffffffffffull);
    assert_int_equal(wcscspn(L"ab;c", L";,"), 2);
}

static void utf_8_becomes_wide_text_and_comes_back(void **state)
{
    static const char text[] = "Gr\xC3\xBC\xF0\x9F\x98\x80", bad[] = "a\xC3(\xED\xA0\x80\xF4\x90\x80\x80z";
    static const WCHAR lone[] = { 'a', 0xd83d, 'b', 0 };
    WCHAR wide[16];
    char back[32];
    int n = MultiByteToWideChar(CP_ACP, 0, text, -1, NULL, 0);

    (void)state;
    assert_int_equal(n, 6);
    assert_int_equal(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, n), n);
    assert_wide(wide, L"Gr\u00FC\U0001F600");
    assert_int_equal(MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, n - 1), 0);
    assert_int_equal(MultiByteToWideChar(CP_UTF8, 0, text, 2, wide, 2), 2);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, 0, L"Gr\u00FC\U0001F600", -1, NULL, 0, NULL, NULL), (int)sizeof text);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, 0, L"Gr\u00FC\U0001F600", -1, back, sizeof back, NULL, NULL), (int)sizeof text);
    assert_string_equal(back, text);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, 0, L"ab", 2, back, 1, NULL, NULL), 0);
    assert_int_equal(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, bad, -1, wide, 16), 0);
    assert_true(MultiByteToWideChar(CP_UTF8, 0, bad, -1, wide, 16) > 3);
    assert_true(wide[0] == 'a' && wide[1] == 0xfffd && wide[2] == '(');
    assert_int_equal(MultiByteToWideChar(CP_UTF8, 0, "\xC3", 1, wide, 16), 1);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, lone, -1, back, sizeof back, NULL, NULL), 0);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, 0, lone, -1, back, sizeof back, NULL, NULL), 6);
    assert_string_equal(back, "a\xEF\xBF\xBD" "b");
}

static void an_identifier_comes_back_from_its_text(void **state)
{
    static const WCHAR *const bad[] = { L"", L"{", L"{3540A9C7-E60F-4111-A840-8BBA6C2C83D8", L"3540A9C7-E60F-4111-A840-8BBA6C2C83D8",
                                        L"{3540A9C7-E60F-4111-A840-8BBA6C2C83Dx}", L"{3540A9C7-E60F-4111-A840-8BBA6C2C83D8}x" };
    GUID id, other;
    WCHAR *text;

    (void)state;
    assert_int_equal(StringFromIID(&IID_IVdsLun, &text), S_OK);
    assert_int_equal(CLSIDFromString(text, &id), S_OK);
    assert_true(IsEqualIID(&id, &IID_IVdsLun));
    CoTaskMemFree(text);
    for (size_t i = 0; i < ARRAYSIZE(bad); i++)
        assert_int_equal(CLSIDFromString(bad[i], &id), CO_E_CLASSSTRING);
    assert_int_equal(CoCreateGuid(&id), S_OK);
    assert_int_equal(CoCreateGuid(&other), S_OK);
    assert_false(IsEqualGUID(&id, &other));
    assert_int_equal(id.Data3 >> 12, 4);
}

static void *set_event(void *event)
{
    SetEvent(event);
    return NULL;
}

static void an_event_lets_one_waiter_go_or_all_until_it_is_reset(void **state)
{
    HANDLE automatic = CreateEvent(NULL, FALSE, TRUE, NULL), manual = CreateEventW(NULL, TRUE, FALSE, NULL);
    pthread_t thread;

    (void)state;
    assert_int_equal(WaitForSingleObject(automatic, 0), WAIT_OBJECT_0);
    assert_int_equal(WaitForSingleObject(automatic, 1), WAIT_TIMEOUT);
    assert_int_equal(pthread_create(&thread, NULL, set_event, manual), 0);
    assert_int_equal(WaitForSingleObject(manual, INFINITE), WAIT_OBJECT_0);
    assert_int_equal(WaitForSingleObject(manual, 0), WAIT_OBJECT_0);
    ResetEvent(manual);
    assert_int_equal(WaitForSingleObject(manual, 0), WAIT_TIMEOUT);
    pthread_join(thread, NULL);
    CloseHandle(automatic);
    CloseHandle(manual);
}

static DWORD WINAPI wait_then_set(LPVOID handles)
{
    HANDLE *h = handles;

    WaitForSingleObject(h[0], INFINITE);
    SetEvent(h[1]);
    return 42;
}

static void threads_and_events_are_waited_for_together(void **state)
{
    HANDLE handles[2] = { CreateEvent(NULL, FALSE, FALSE, NULL), CreateEvent(NULL, FALSE, FALSE, NULL) }, both[2], thread;
    DWORD code, id = 0;

    (void)state;
    thread = CreateThread(NULL, 0, wait_then_set, handles, 0, &id);
    assert_non_null(thread);
    assert_int_not_equal(id, 0);
    assert_true(GetExitCodeThread(thread, &code));
    assert_int_equal(code, STILL_ACTIVE);
    both[0] = thread;
    both[1] = handles[1];
    assert_int_equal(WaitForMultipleObjects(2, both, FALSE, 0), WAIT_TIMEOUT);
    SetEvent(handles[0]);
    assert_int_equal(WaitForMultipleObjects(2, both, TRUE, INFINITE), WAIT_OBJECT_0);
    assert_int_equal(WaitForSingleObject(handles[1], 0), WAIT_TIMEOUT); /* it let one go */
    assert_int_equal(WaitForMultipleObjects(2, both, FALSE, INFINITE), WAIT_OBJECT_0);
    SetEvent(handles[1]);
    both[0] = handles[0];
    assert_int_equal(WaitForMultipleObjects(2, both, FALSE, INFINITE), WAIT_OBJECT_0 + 1);
    assert_true(GetExitCodeThread(thread, &code));
    assert_int_equal(code, 42);
    assert_true(CloseHandle(thread) && CloseHandle(handles[0]) && CloseHandle(handles[1]));
}

static void what_is_no_handle_is_an_error(void **state)
{
    (void)state;
    SetLastError(ERROR_SUCCESS);
    assert_int_equal(WaitForSingleObject(NULL, INFINITE), WAIT_FAILED);
    assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
    assert_false(SetEvent(INVALID_HANDLE_VALUE));
    assert_false(CloseHandle(NULL));
    assert_null(CreateThread(NULL, 0, wait_then_set, NULL, 4 /* suspended */, NULL));
    assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
}

static void counters_say_what_they_were_or_are(void **state)
{
    LONG n = 1;

    (void)state;
    assert_int_equal(InterlockedIncrement(&n), 2);
    assert_int_equal(InterlockedExchangeAdd(&n, 5), 2);
    assert_int_equal(InterlockedCompareExchange(&n, 9, 1), 7);
    assert_int_equal(InterlockedCompareExchange(&n, 9, 7), 7);
    assert_int_equal(InterlockedExchange(&n, 0), 9);
    assert_int_equal(InterlockedDecrement(&n), -1);
}

static void bounded_output_is_cut_as_microsofts_is(void **state)
{
    WCHAR text[6] = L"-----";
    char narrow[6];

    (void)state;
    assert_int_equal(_snwprintf(text, 3, L"%s", L"abcd"), -1); /* what fits, and no zero */
    assert_wide(text, L"abc--");
    assert_int_equal(_snwprintf(text, 5, L"%s", L"vwxyz"), 5);
    assert_wide(text, L"vwxyz");
    assert_int_equal(_snwprintf(text, 6, L"%d", 12), 2);
    assert_wide(text, L"12");
    assert_int_equal(_snwprintf_s(text, 6, _TRUNCATE, L"%s", L"abcdefgh"), -1);
    assert_wide(text, L"abcde");
    assert_int_equal(_snwprintf_s(text, 6, 2, L"%s", L"abc"), -1);
    assert_wide(text, L"ab");
    assert_int_equal(_snwprintf_s(text, 6, 5, L"%s", L"abcde"), 5);
    assert_wide(text, L"abcde");
    assert_int_equal(_snwprintf_s(text, 6, 9, L"%s", L"abcdef"), -1);
    assert_wide(text, L"");
    assert_int_equal(sprintf_s(narrow, sizeof narrow, "%ls", L"abcde"), 5);
    assert_int_equal(sprintf_s(narrow, sizeof narrow, "%s", "abcdef"), -1);
    assert_string_equal(narrow, "");
    assert_int_equal(strcpy_s(narrow, sizeof narrow, "ab"), 0);
    assert_int_equal(strcat_s(narrow, sizeof narrow, "cdef"), ERANGE);
    assert_int_equal(StringCchPrintfA(narrow, sizeof narrow, "%lu", (ULONG)12345), S_OK);
    assert_int_equal(StringCchCatA(narrow, sizeof narrow, "6"), STRSAFE_E_INSUFFICIENT_BUFFER);
    assert_string_equal(narrow, "12345");
}

static void lines_and_characters_are_utf8_outside(void **state)
{
    FILE *f = tmpfile();
    WCHAR line[8];

    (void)state;
    assert_non_null(f);
    assert_int_equal(fputwc(0xFC, f), 0xFC);
    assert_true(fputws(L"ber\nab", f) >= 0);
    rewind(f);
    assert_ptr_equal(fgetws(line, 8, f), line);
    assert_wide(line, L"\u00FCber\n");
    assert_wide(fgetws(line, 2, f), L"a");
    assert_wide(fgetws(line, 8, f), L"b");
    assert_null(fgetws(line, 8, f));
    fclose(f);
}

static void numbers_become_text_in_any_base(void **state)
{
    WCHAR text[66];

    (void)state;
    assert_wide(_itow(-5, text, 10), L"-5");
    assert_wide(_itow(-1, text, 16), L"ffffffff");
    assert_wide(_i64tow(INT64_MIN, text, 10), L"-9223372036854775808");
    assert_wide(_ui64tow(UINT64_MAX, text, 2), L"1111111111111111111111111111111111111111111111111111111111111111");
    assert_wide(_wcsupr(_ultow(255, text, 16)), L"FF");
}

static void an_identifier_of_rpc_has_no_braces(void **state)
{
    WCHAR bad[] = L"3540a9c7-e60f-4111-a840-8bba6c2c83d8x";
    RPC_STATUS status;
    RPC_WSTR text;
    UUID id;

    (void)state;
    assert_int_equal(UuidToStringW(&IID_IVdsLun, &text), RPC_S_OK);
    assert_wide(text, L"3540a9c7-e60f-4111-a840-8bba6c2c83d8");
    assert_int_equal(UuidFromStringW(text, &id), RPC_S_OK);
    assert_true(UuidEqual(&id, &IID_IVdsLun, &status));
    assert_int_equal(UuidFromStringW(bad, &id), RPC_S_INVALID_STRING_UUID);
    assert_int_equal(UuidFromStringW(NULL, &id), RPC_S_OK);
    assert_true(UuidIsNil(&id, NULL));
    RpcStringFreeW(&text);
    assert_null(text);
}

static int attached;

/* In a program, too: once, before main(). */
BOOL WINAPI DllMain(HINSTANCE library, DWORD reason, LPVOID reserved)
{
    (void)reserved;
    attached += library && reason == DLL_PROCESS_ATTACH;
    return TRUE;
}

static void the_entry_point_of_a_library_is_called_once(void **state)
{
    (void)state;
    assert_int_equal(attached, 1);
}

int wmain(int argc, WCHAR **argv, WCHAR **envp);
int wmain(int argc, WCHAR **argv, WCHAR **envp)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked_copies_say_when_they_do_not_fit),
        cmocka_unit_test(utf_8_becomes_wide_text_and_comes_back),
        cmocka_unit_test(an_identifier_comes_back_from_its_text),
        cmocka_unit_test(an_event_lets_one_waiter_go_or_all_until_it_is_reset),
        cmocka_unit_test(threads_and_events_are_waited_for_together),
        cmocka_unit_test(what_is_no_handle_is_an_error),
        cmocka_unit_test(counters_say_what_they_were_or_are),
        cmocka_unit_test(bounded_output_is_cut_as_microsofts_is),
        cmocka_unit_test(lines_and_characters_are_utf8_outside),
        cmocka_unit_test(numbers_become_text_in_any_base),
        cmocka_unit_test(an_identifier_of_rpc_has_no_braces),
        cmocka_unit_test(the_entry_point_of_a_library_is_called_once),
        cmocka_unit_test(a_wide_format_takes_wide_text_for_s),
        cmocka_unit_test(a_narrow_format_takes_narrow_text_for_s),
        cmocka_unit_test(a_long_has_32_bits_and_I64_has_64),
        cmocka_unit_test(what_does_not_fit_leaves_an_empty_string),
        cmocka_unit_test(streams_are_written_in_utf8),
        cmocka_unit_test(wide_text_is_searched_copied_and_compared),
        cmocka_unit_test(a_guid_is_written_in_capitals_and_braces),
        cmocka_unit_test(a_guid_is_not_written_where_it_does_not_fit),
        cmocka_unit_test(text_is_measured_and_compared_in_units_of_16_bits),
    };

    return argc == 1 && wcslen(argv[0]) > 0 && !argv[1] && wcschr(envp[0], L'=') ? RUN_TESTS(tests) : 2;
}
