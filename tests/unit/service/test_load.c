/* SPDX-License-Identifier: MIT */
/* Providers from shared objects. argv[1]: a module that is one, argv[2]: one that exports nothing of the
 * kind. */
#include "fixture.h"
#include "module.h"

static const char *module_path, *other_path;

static size_t n_loaded_from(const char *path, CLSID clsid)
{
    struct service_provider config = { .name = "module", .path = path, .clsid = clsid };
    struct service_options options = { .providers = &config, .n_providers = 1 };
    IEnumVdsObject *e = NULL;
    IVdsService *service = NULL;
    size_t n;

    assert_int_equal(service_create(&options, &service), S_OK);
    assert_int_equal(IVdsService_WaitForServiceReady(service), S_OK);
    assert_int_equal(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &e), S_OK);
    n = count(e);
    IVdsService_Release(service);
    return n;
}

static void a_provider_is_loaded_from_a_shared_object(void **state)
{
    (void)state;
    assert_int_equal(n_loaded_from(module_path, (CLSID)MODULE_CLSID), 1);
}

static void a_module_without_that_class_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(n_loaded_from(module_path, com_check_unknown_iid), 0);
}

static void a_module_that_is_missing_or_no_provider_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(n_loaded_from("/nonexistent/provider.so", (CLSID)MODULE_CLSID), 0);
    assert_int_equal(n_loaded_from(other_path, (CLSID)MODULE_CLSID), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        com_test(a_provider_is_loaded_from_a_shared_object),
        com_test(a_module_without_that_class_is_left_out),
        com_test(a_module_that_is_missing_or_no_provider_is_left_out),
    };

    if (argc != 3)
        return 2;
    module_path = argv[1];
    other_path = argv[2];
    return RUN_TESTS(tests);
}
