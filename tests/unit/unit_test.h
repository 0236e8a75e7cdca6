/* SPDX-License-Identifier: MIT */
/* What every unit test includes: cmocka with the headers it wants, in the order it wants them. */
#ifndef VDS_TESTS_UNIT_TEST_H
#define VDS_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
