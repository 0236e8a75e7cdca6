/* SPDX-License-Identifier: MIT */
#include "../unit_test.h"

#include <string.h>

#include "cli/diskraid/hints.h"

static struct shell shell;
static const char *wanted;

static int setup(void **state)
{
    (void)state;
    shell = (struct shell){ 0 };
    return 0;
}

static int set(const char *name, const char *value)
{
    return hints_set(&shell, name, strlen(name), value, &wanted);
}

static void booleans_set_their_bit_in_the_mask(void **state)
{
    (void)state;
    assert_int_equal(set("MSR", "yes"), 0);
    assert_int_equal(set("wtc", "No"), 0);
    assert_int_equal(shell.hints.ullHintMask, VDS_HINT_MOSTLYREADS | VDS_HINT_WRITETHROUGHCACHINGENABLED);
    assert_int_equal(shell.hints.bMostlyReads, TRUE);
    assert_int_equal(shell.hints.bWriteThroughCachingEnabled, FALSE);
    assert_int_equal(set("MSR", NULL), 0);
    assert_int_equal(shell.hints.ullHintMask, VDS_HINT_WRITETHROUGHCACHINGENABLED);
    assert_int_equal(shell.hints.bMostlyReads, FALSE);
}

static void all_17_flags_reach_their_field(void **state)
{
    (void)state;
    assert_int_equal(set("FCR", "1"), 0);
    assert_int_equal(shell.hints.bFastCrashRecoveryRequired, TRUE);
    assert_int_equal(set("FTL", "true"), 0);
    assert_int_equal(set("MXD", "4"), 0);
    assert_int_equal(shell.hints.ulMaximumDriveCount, 4);
    assert_int_equal(set("MXS", "1TB"), 0);
    assert_true(shell.hints.ullExpectedMaximumSize == 1ull << 40);
    assert_int_equal(set("ORA", "512B"), 0);
    assert_int_equal(shell.hints.ulOptimalReadAlignment, 512);
    assert_int_equal(set("ORS", "64KB"), 0);
    assert_int_equal(shell.hints.ulOptimalReadSize, 65536);
    assert_int_equal(set("OSR", "on"), 0);
    assert_int_equal(shell.hints.bOptimizeForSequentialReads, TRUE);
    assert_int_equal(set("OSW", "on"), 0);
    assert_int_equal(shell.hints.bOptimizeForSequentialWrites, TRUE);
    assert_int_equal(set("OWA", "4KB"), 0);
    assert_int_equal(shell.hints.ulOptimalWriteAlignment, 4096);
    assert_int_equal(set("OWS", "1"), 0); /* megabytes, as all sizes */
    assert_int_equal(shell.hints.ulOptimalWriteSize, 1 << 20);
    assert_int_equal(set("RBP", "16"), 0);
    assert_int_equal(shell.hints.sRebuildPriority, 16);
    assert_int_equal(set("RBV", "yes"), 0);
    assert_int_equal(shell.hints.bReadBackVerifyEnabled, TRUE);
    assert_int_equal(set("RMP", "yes"), 0);
    assert_int_equal(shell.hints.bRemapEnabled, TRUE);
    assert_int_equal(set("STS", "128KB"), 0);
    assert_int_equal(shell.hints.ulStripeSize, 131072);
    assert_int_equal(set("YNK", "yes"), 0);
    assert_int_equal(shell.hints.bIsYankable, TRUE);
}

static void ftl_chooses_the_layout(void **state)
{
    (void)state;
    assert_int_equal(hints_layout(&shell), VDS_LT_DEFAULT);
    assert_int_equal(set("FTL", "yes"), 0);
    assert_int_equal(hints_layout(&shell), VDS_LT_FAULT_TOLERANT);
    assert_int_equal(set("FTL", "no"), 0);
    assert_int_equal(hints_layout(&shell), VDS_LT_NON_FAULT_TOLERANT);
    assert_int_equal(set("FTL", NULL), 0);
    assert_int_equal(hints_layout(&shell), VDS_LT_DEFAULT);
}

static void bad_flags_and_values_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(set("XYZ", "1"), -1);
    assert_int_equal(set("MS", "yes"), -1);
    assert_int_equal(set("MSRX", "yes"), -1);
    assert_int_equal(set("MSR", "perhaps"), -2);
    assert_string_equal(wanted, "yes or no");
    assert_int_equal(set("MXD", "-1"), -2);
    assert_int_equal(set("MXD", "4294967296"), -2);
    assert_int_equal(set("RBP", "17"), -2);
    assert_int_equal(set("STS", "4GB"), -2);
    assert_int_equal(set("STS", "many"), -2);
    assert_int_equal(shell.hints_set, 0);
    assert_int_equal(shell.hints.ullHintMask, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(booleans_set_their_bit_in_the_mask, setup),
        cmocka_unit_test_setup(all_17_flags_reach_their_field, setup),
        cmocka_unit_test_setup(ftl_chooses_the_layout, setup),
        cmocka_unit_test_setup(bad_flags_and_values_change_nothing, setup),
    };

    return RUN_TESTS(tests);
}
