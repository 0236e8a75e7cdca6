/* SPDX-License-Identifier: MIT */
/* The public headers, compiled here, against what 64-bit Windows has: facts.tsv, which facts.py turns into rows. */
#include "../unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vds_table.h"

struct number {
    const char *what;
    uint64_t got, want;
};
struct identifier {
    const char *name;
    const GUID *got;
    uint8_t want[16];
};
#include "facts.inc"

static size_t n_wrong(const struct number *rows, size_t n)
{
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++) {
        if (rows[i].got == rows[i].want)
            continue;
        fprintf(stderr, "%s is %#llx, not %#llx\n", rows[i].what, (unsigned long long)rows[i].got,
                (unsigned long long)rows[i].want);
        wrong++;
    }
    return wrong;
}
#define N_WRONG(rows) n_wrong(rows, sizeof(rows) / sizeof((rows)[0]))

static void sizes_and_offsets_equal_those_of_64_bit_windows(void **state)
{
    (void)state;
    assert_int_equal(N_WRONG(layout_rows), 0);
}

static void enumerators_events_and_constants_have_their_published_values(void **state)
{
    (void)state;
    assert_int_equal(N_WRONG(value_rows), 0);
}

static void result_codes_have_their_published_values(void **state)
{
    (void)state;
    assert_int_equal(N_WRONG(result_rows), 0);
}

static void methods_are_in_their_published_slots_with_their_published_types(void **state)
{
    (void)state;
    assert_int_equal(N_WRONG(slot_rows), 0);
}

static void identifiers_are_the_published_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof guid_rows / sizeof guid_rows[0]; i++)
        if (memcmp(guid_rows[i].got, guid_rows[i].want, sizeof(GUID)))
            fail_msg("%s", guid_rows[i].name);
}

/* Every result code and its sentence, as programs that print them see it. */
static const struct {
    HRESULT hr;
    const char *name, *text;
} codes[] = {
#define ROW(name, text) { name, #name, text },
    VDS_HRESULT_LIST(ROW)
};
#define N_CODES (sizeof codes / sizeof codes[0])

static void the_list_of_result_codes_names_each_of_them_once(void **state)
{
    (void)state;
    assert_true(N_CODES >= sizeof result_rows / sizeof result_rows[0]);
    for (size_t i = 0; i < N_CODES; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(codes[i].hr != codes[k].hr && strcmp(codes[i].name, codes[k].name));
}

static void every_result_code_has_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CODES; i++) {
        size_t length = strlen(codes[i].text);

        assert_true(length > 0 && codes[i].text[length - 1] == '.');
    }
}

static void failure_is_the_top_bit_and_win32_codes_are_wrapped_once(void **state)
{
    (void)state;
    assert_true(SUCCEEDED(VDS_S_ALREADY_EXISTS) && FAILED(VDS_E_OBJECT_DELETED));
    assert_int_equal(HRESULT_FROM_WIN32(0), S_OK);
    assert_int_equal(HRESULT_FROM_WIN32(5), E_ACCESSDENIED);
    assert_int_equal(HRESULT_FROM_WIN32((ULONG)E_ACCESSDENIED), E_ACCESSDENIED);
}

/* ---- vds_table.h ------------------------------------------------------------------------------------------------------------- */

static const struct vds_class *class_of(VDS_OBJECT_TYPE kind)
{
    for (size_t i = 0; i < vds_n_classes; i++)
        if (vds_classes[i].kind == kind)
            return &vds_classes[i];
    return NULL;
}

static void the_table_lists_a_class_with_its_identity_first(void **state)
{
    const struct vds_class *class = class_of(VDS_OT_PORTAL_GROUP);

    (void)state;
    assert_non_null(class);
    assert_string_equal(class->name, "VdsPortalGroup");
    assert_true(IsEqualIID(class->faces[0].interface->iid, &IID_IVdsIscsiPortalGroup));
    assert_false(class->faces[0].restricted);
}

static void the_table_lists_methods_by_slot(void **state)
{
    const struct vds_interface *lun = class_of(VDS_OT_LUN)->faces[0].interface;

    (void)state;
    assert_int_equal(lun->n_methods, sizeof(IVdsLunVtbl) / sizeof(void *));
    assert_string_equal(lun->methods[0], "QueryInterface");
    assert_string_equal(lun->methods[offsetof(IVdsLunVtbl, SetMask) / sizeof(void *)], "SetMask");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_offsets_equal_those_of_64_bit_windows),
        cmocka_unit_test(enumerators_events_and_constants_have_their_published_values),
        cmocka_unit_test(result_codes_have_their_published_values),
        cmocka_unit_test(methods_are_in_their_published_slots_with_their_published_types),
        cmocka_unit_test(identifiers_are_the_published_ones),
        cmocka_unit_test(the_list_of_result_codes_names_each_of_them_once),
        cmocka_unit_test(every_result_code_has_a_sentence),
        cmocka_unit_test(the_table_lists_a_class_with_its_identity_first),
        cmocka_unit_test(the_table_lists_methods_by_slot),
        cmocka_unit_test(failure_is_the_top_bit_and_win32_codes_are_wrapped_once),
    };

    return RUN_TESTS(tests);
}
