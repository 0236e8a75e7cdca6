/* SPDX-License-Identifier: MIT */
/* A client of a service that lies: another host's, say, that is not what it was. Whatever comes, the program
 * gets an error, nothing is left behind, and nothing is touched that is not there. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "rpc/path.h"

#define TARGET "/org/vds/target/fa4e0001_1000_0002_8001_020304050607"

/* Answers to one method; the rest of the world gets a proper Hello. */
struct liar {
    const char *member;
    int (*answer)(sd_bus_message *m); /* appends */
    sd_bus *bus;
    int fd;
    atomic_bool ended;
    pthread_t thread;
    IVdsService *client;
};

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
    struct liar *liar = userdata;
    sd_bus_message *reply = NULL;

    (void)error;
    if (sd_bus_message_is_method_call(m, "org.vds.Connection", "Hello"))
        return sd_bus_reply_method_return(m, "us", 1, "liar 1.0");
    if (sd_bus_message_is_method_call(m, "org.vds.Connection", "Supports"))
        return sd_bus_reply_method_return(m, "b", 1);
    if (!sd_bus_message_is_method_call(m, NULL, liar->member))
        return sd_bus_reply_method_return(m, "i", S_OK);
    assert_true(sd_bus_message_new_method_return(m, &reply) >= 0);
    assert_true(liar->answer(reply) >= 0);
    assert_true(sd_bus_send(NULL, reply, NULL) >= 0);
    sd_bus_message_unref(reply);
    return 1;
}

static void *liar_run(void *arg)
{
    struct liar *liar = arg;
    sd_id128_t id = { 0 };

    assert_true(sd_bus_new(&liar->bus) >= 0 && sd_bus_set_fd(liar->bus, liar->fd, liar->fd) >= 0);
    assert_true(sd_bus_set_server(liar->bus, 1, id) >= 0 &&
                sd_bus_add_filter(liar->bus, NULL, on_message, liar) >= 0);
    assert_true(sd_bus_start(liar->bus) >= 0);
    while (sd_bus_process(liar->bus, NULL) >= 0 && sd_bus_wait(liar->bus, UINT64_MAX) >= 0)
        continue;
    sd_bus_close_unref(liar->bus);
    return NULL;
}

static void liar_start(struct liar *liar, const char *member, int (*answer)(sd_bus_message *m))
{
    int fds[2];

    rig_guard();
    *liar = (struct liar){ .member = member, .answer = answer };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    liar->fd = fds[0];
    pthread_create(&liar->thread, NULL, liar_run, liar);
    assert_int_equal(vds_connect_fd(fds[1], (void **)&liar->client), S_OK);
}

static void liar_stop(struct liar *liar)
{
    IVdsService_Release(liar->client);
    pthread_join(liar->thread, NULL);
}

/* ---- objects --------------------------------------------------------------------------------------- */

static int no_object(sd_bus_message *m)
{
    return sd_bus_message_append(m, "io", S_OK, "/");
}

static int another_kind(sd_bus_message *m)
{
    return sd_bus_message_append(m, "io", S_OK, "/org/vds/enclosure/fa4e0001_1000_0002_8001_020304050607");
}

static void an_object_that_is_none_is_not_handed_out(void **state)
{
    static int (*const answers[])(sd_bus_message *m) = { no_object, another_kind };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        IUnknown *object = (IUnknown *)&i;
        struct liar liar;

        liar_start(&liar, "GetObject", answers[i]);
        assert_int_equal(IVdsService_GetObject(liar.client, GUID_NULL, VDS_OT_TARGET, &object),
                         RPC_E_INVALID_DATA);
        assert_null(object);
        liar_stop(&liar);
    }
}

static int members_that_are_none(sd_bus_message *m)
{
    return sd_bus_message_append(m, "iao", S_OK, 3, TARGET, "/", TARGET);
}

static int members_of_no_kind(sd_bus_message *m)
{
    return sd_bus_message_append(m, "iao", S_OK, 2, TARGET, "/org/vds/target/x");
}

static void an_enumeration_of_what_are_no_objects_is_an_error(void **state)
{
    static int (*const answers[])(sd_bus_message *m) = { members_that_are_none, members_of_no_kind };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        IEnumVdsObject *all = (IEnumVdsObject *)&i;
        struct liar liar;

        liar_start(&liar, "QueryProviders", answers[i]);
        assert_int_equal(IVdsService_QueryProviders(liar.client, VDS_QUERY_HARDWARE_PROVIDERS, &all),
                         RPC_E_INVALID_DATA);
        assert_null(all);
        liar_stop(&liar);
    }
}

/* ---- values ---------------------------------------------------------------------------------------- */

static int a_failure_as_a_reply(sd_bus_message *m)
{
    return sd_bus_message_append(m, "i(asu)", E_FAIL, 0, 0);
}

static int nothing(sd_bus_message *m)
{
    return sd_bus_message_append(m, "i", S_OK);
}

static int another_structure(sd_bus_message *m)
{
    return sd_bus_message_append(m, "i(us)", S_OK, 1, "");
}

static int two_strings_where_there_is_one(sd_bus_message *m)
{
    return sd_bus_message_append(m, "i(asu)", S_OK, 2, "1.0", "2.0", 0);
}

static void an_answer_that_is_not_as_described_leaves_nothing(void **state)
{
    static int (*const answers[])(sd_bus_message * m) = { a_failure_as_a_reply, nothing, another_structure,
                                                          two_strings_where_there_is_one };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        VDS_SERVICE_PROP prop;
        struct liar liar;

        liar_start(&liar, "GetProperties", answers[i]);
        memset(&prop, 0xee, sizeof prop);
        assert_int_equal(IVdsService_GetProperties(liar.client, &prop), RPC_E_INVALID_DATA);
        assert_null(prop.pwszVersion);
        assert_int_equal(prop.ulFlags, 0);
        liar_stop(&liar);
    }
}

static int another_number_of_letters(sd_bus_message *m)
{
    return sd_bus_message_append(m, "ia(qsub)", S_OK, 1, 'C', "fa4e0001-1000-0002-8001-020304050607", 0, 0);
}

static void an_array_of_the_callers_is_not_filled_beyond_or_in_part(void **state)
{
    VDS_DRIVE_LETTER_PROP letters[4], zero[3] = { 0 };
    struct liar liar;

    (void)state;
    liar_start(&liar, "QueryDriveLetters", another_number_of_letters);
    memset(letters, 0xee, sizeof letters);
    assert_int_equal(IVdsService_QueryDriveLetters(liar.client, 'C', 3, letters), RPC_E_INVALID_DATA);
    assert_memory_equal(letters, zero, sizeof zero);
    assert_int_equal(letters[3].wcLetter, 0xeeee);
    liar_stop(&liar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_object_that_is_none_is_not_handed_out),
        RIG_TEST(an_enumeration_of_what_are_no_objects_is_an_error),
        RIG_TEST(an_answer_that_is_not_as_described_leaves_nothing),
        RIG_TEST(an_array_of_the_callers_is_not_filled_beyond_or_in_part),
    };

    return RUN_TESTS(tests);
}
