/* SPDX-License-Identifier: MIT */
/* Registrations, what PERSISTENT RESERVE IN tells of them, and what of them outlives the process. */
#include "pr_fixture.h"

#include <errno.h>

#include "scsi/reply.h"
#include "scsi/transport_id.h"

static bool has_key(struct fixture *f, uint64_t key)
{
    struct outcome o = exec(f, pr_in(READ_KEYS));

    for (uint32_t i = 8; i + 8 <= o.n; i += 8)
        if (be64_get(o.data + i) == key)
            return true;
    return false;
}

/* ---- registrations ------------------------------------------------------------------------------------ */

static void a_nexus_registers_changes_and_removes_its_key(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    assert_true(has_key(f, KEY(0)));
    assert_good(exec(f, pr_out(0, REGISTER, 0, KEY(0), 77, 0)));
    assert_true(has_key(f, 77));
    assert_int_equal(n_keys(f), 1);
    assert_good(exec(f, pr_out(0, REGISTER, 0, 77, 0, 0)));
    assert_int_equal(n_keys(f), 0);
    assert_int_equal(generation(f), 3);
}

static void register_with_the_wrong_key_is_a_conflict(void **state)
{
    struct fixture *f = *state;

    assert_status(exec(f, pr_out(0, REGISTER, 0, 5, 6, 0)), SCSI_RESERVATION_CONFLICT);
    register_key(f, 0);
    assert_status(exec(f, pr_out(0, REGISTER, 0, 0, 6, 0)), SCSI_RESERVATION_CONFLICT);
    assert_status(exec(f, pr_out(0, REGISTER, 0, 5, 6, 0)), SCSI_RESERVATION_CONFLICT);
    assert_int_equal(generation(f), 1);
}

static void register_and_ignore_takes_no_notice_of_the_old_key(void **state)
{
    struct fixture *f = *state;

    assert_good(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 99, 0, 0))); /* nothing to do */
    assert_int_equal(generation(f), 0);
    assert_good(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 99, 5, 0)));
    assert_good(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 12345, 6, 0)));
    assert_true(has_key(f, 6));
    assert_int_equal(n_keys(f), 1);
}

static void the_same_initiator_port_through_another_group_is_another_nexus(void **state)
{
    struct fixture *f = *state;

    nexus_open(f, 3, "iqn.2026-01.test:a", 9);
    register_key(f, 0);
    assert_status(exec(f, pr_out(3, REGISTER, 0, KEY(0), 5, 0)), SCSI_RESERVATION_CONFLICT);
    register_key(f, 3);
    assert_int_equal(n_keys(f), 2);
}

static void a_registration_outlives_its_session(void **state)
{
    struct fixture *f = *state;

    register_key(f, 0);
    register_key(f, 1);
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    nexus_close(f, 0);
    assert_status(exec(f, on_nexus(write10(0, 1, pattern(512, 1)), 1)), SCSI_RESERVATION_CONFLICT);
    nexus_open(f, 0, "iqn.2026-01.test:a", 1);
    assert_good(exec(f, write10(0, 1, pattern(512, 1))));
}

static void bad_parameter_lists_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t list[64] = { 0 };
    struct outcome o;

    be64_put(list + 8, 5);
    for (uint32_t len = 0; len < 24; len++)
        assert_sense(exec(f, pr_out_list(REGISTER, 0, list, len)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, 25)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_sense(exec(f, pr_out_list(RESERVE, 1, list, 28)), KEY_ILLEGAL_REQUEST, 0x1a00);
    o = exec(f, pr_out(0, REGISTER, 0, 0, 5, 0x04)); /* ALL_TG_PT */
    assert_sense(o, KEY_ILLEGAL_REQUEST, 0x2600);
    assert_int_equal(be16_get(o.sense + 16), 20);
    assert_sense(exec(f, pr_out(0, REGISTER, 0, 0, 5, 0x01)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* APTPL without a place to save */
    assert_sense(exec(f, pr_out(0, REGISTER_AND_IGNORE, 0, 0, 5, 0x08)), KEY_ILLEGAL_REQUEST, 0x2600);
    assert_int_equal(n_keys(f), 0);
}

/* The header of a SPEC_I_PT list and then one TransportID. */
static uint32_t spec_i_pt_list(uint8_t *list, uint64_t key, const char *port)
{
    struct reply reply = { .p = list + 28, .room = 300 };

    memset(list, 0, 28);
    be64_put(list + 8, key);
    list[20] = 0x08;
    transport_id_write(&reply, port);
    be32_put(list + 24, (uint32_t)reply.n);
    return 28 + (uint32_t)reply.n;
}

static void spec_i_pt_registers_the_listed_ports_too(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint32_t n = spec_i_pt_list(list, 5, "iqn.2026-01.test:b,i,0x00023d000001");

    assert_good(exec(f, pr_out_list(REGISTER, 0, list, n)));
    assert_int_equal(n_keys(f), 2);
    assert_good(exec(f, pr_out(1, REGISTER, 0, 5, 6, 0))); /* the other has it and can change it */
}

static void spec_i_pt_is_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint32_t n = spec_i_pt_list(list, 5, "iqn.2026-01.test:b,i,0x00023d000001");

    list[28] = 0x06; /* not an iSCSI TransportID */
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, n)), KEY_ILLEGAL_REQUEST, 0x2600);
    list[28] = 0x45;
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, n - 4)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_int_equal(n_keys(f), 0);
    register_key(f, 1);
    assert_sense(exec(f, pr_out_list(REGISTER, 0, list, n)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* one of them has one */
    assert_int_equal(n_keys(f), 1);
}

static void a_device_transport_id_means_all_its_ports_that_are_logged_in(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512] = { 0 };
    static const char name[] = "iqn.2026-01.test:b";

    be64_put(list + 8, 5);
    list[20] = 0x08;
    be32_put(list + 24, 24);
    list[28] = 0x05;
    be16_put(list + 30, 20);
    memcpy(list + 32, name, sizeof name);
    assert_good(exec(f, pr_out_list(REGISTER, 0, list, 52)));
    assert_int_equal(n_keys(f), 2);
    assert_good(exec(f, pr_out(1, REGISTER, 0, 5, 0, 0)));
}

static void there_is_a_limit_to_registrations(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];

    for (unsigned i = 0; i < PR_MAX_REGISTRATIONS - 1; i++) {
        char port[64];
        uint32_t n;

        snprintf(port, sizeof port, "iqn.2026-01.test:many,i,0x00023d%06x", i);
        n = spec_i_pt_list(list, 5, port);
        assert_good(exec(f, pr_out_list(REGISTER, 0, list, n)));
        if (i < PR_MAX_REGISTRATIONS - 2)
            assert_good(exec(f, pr_out(0, REGISTER, 0, 5, 0, 0)));
    }
    assert_int_equal(n_keys(f), PR_MAX_REGISTRATIONS);
    assert_sense(exec(f, pr_out(1, REGISTER, 0, 0, 5, 0)), KEY_ILLEGAL_REQUEST, 0x5504);
    assert_good(exec(f, pr_in(READ_FULL_STATUS)));
}

/* ---- register and move -------------------------------------------------------------------------------- */

static uint32_t move_list(uint8_t *list, uint64_t key, uint64_t new_key, uint8_t flags, uint16_t tag,
                          const char *port)
{
    struct reply reply = { .p = list + 24, .room = 300 };

    memset(list, 0, 24);
    be64_put(list, key);
    be64_put(list + 8, new_key);
    list[17] = flags;
    be16_put(list + 18, tag);
    transport_id_write(&reply, port);
    be32_put(list + 20, (uint32_t)reply.n);
    return 24 + (uint32_t)reply.n;
}

static void register_and_move_hands_the_reservation_on(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint64_t key;
    uint32_t n = move_list(list, KEY(0), KEY(1), 0x02, 1, "iqn.2026-01.test:b,i,0x00023d000001");

    register_key(f, 0);
    assert_status(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)),
                  SCSI_RESERVATION_CONFLICT); /* holds nothing */
    reserve(f, 0, PR_EXCLUSIVE_ACCESS);
    assert_good(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)));
    assert_int_equal(reserved_type(f, &key), PR_EXCLUSIVE_ACCESS);
    assert_int_equal(key, KEY(1));
    assert_int_equal(n_keys(f), 1); /* UNREG */
    assert_good(exec(f, on_nexus(read10(0, 1), 1)));
    assert_status(exec(f, read10(0, 1)), SCSI_RESERVATION_CONFLICT);
}

static void register_and_move_checks_key_port_and_name(void **state)
{
    struct fixture *f = *state;
    uint8_t list[512];
    uint32_t n;

    register_key(f, 0);
    reserve(f, 0, PR_WRITE_EXCLUSIVE);
    n = move_list(list, KEY(0), 0, 0, 1, "iqn.2026-01.test:b,i,0x00023d000001");
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST, 0x2600);
    n = move_list(list, KEY(0), 5, 0, 77, "iqn.2026-01.test:b,i,0x00023d000001");
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* no such group */
    n = move_list(list, KEY(0), 5, 0, 1, "iqn.2026-01.test:a,i,0x00023D000000");
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST,
                 0x2600); /* to itself */
    n = move_list(list, KEY(0), 5, 0, 1, "iqn.2026-01.test:b,i,0x00023d000001");
    list[24] = 0x46;
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, n)), KEY_ILLEGAL_REQUEST, 0x2600);
    assert_sense(exec(f, pr_out_list(REGISTER_AND_MOVE, 0, list, 24)), KEY_ILLEGAL_REQUEST, 0x1a00);
    assert_int_equal(n_keys(f), 1);
}

/* ---- PERSISTENT RESERVE IN ---------------------------------------------------------------------------- */

static void read_keys_keeps_its_length_when_it_is_cut(void **state)
{
    struct fixture *f = *state;
    struct command c = pr_in(READ_KEYS);
    struct outcome o;

    register_key(f, 0);
    c.cdb[7] = 0;
    c.cdb[8] = 8;
    o = exec(f, c);
    assert_int_equal(o.n, 8);
    assert_int_equal(be32_get(o.data + 4), 8);
}

static void full_status_names_every_nexus(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    struct transport_id id;

    register_key(f, 0);
    register_key(f, 1);
    reserve(f, 1, PR_WRITE_EXCLUSIVE);
    o = exec(f, pr_in(READ_FULL_STATUS));
    assert_int_equal(be32_get(o.data + 4), o.n - 8);
    assert_int_equal(be64_get(o.data + 8), KEY(0));
    assert_int_equal(o.data[8 + 12], 0);
    assert_int_equal(be16_get(o.data + 8 + 18), 1);
    assert_int_equal(transport_id_parse(o.data + 32, o.n - 32, &id), be32_get(o.data + 8 + 20));
    assert_string_equal(id.name, "iqn.2026-01.test:a,i,0x00023d000000");
    assert_int_equal(o.data[32 + be32_get(o.data + 28) + 12], 1); /* R_HOLDER */
}

static void capabilities_are_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct outcome o = exec(f, pr_in(REPORT_CAPABILITIES));
    static const uint8_t expected[8] = { 0, 8, 0x18, 0x80, 0xea, 0x01, 0, 0 };

    assert_int_equal(o.n, 8);
    assert_memory_equal(o.data, expected, 8);
}

static void unknown_service_actions_are_refused(void **state)
{
    struct fixture *f = *state;

    for (uint8_t action = 4; action < 0x20; action++)
        assert_cdb_field(exec(f, pr_in(action)), 1);
    for (uint8_t action = 8; action < 0x20; action++)
        assert_cdb_field(exec(f, pr_out(0, action, 0, 0, 0, 0)), 1);
}

/* ---- APTPL -------------------------------------------------------------------------------------------- */

static void aptpl_survives_the_process(void **state)
{
    struct fixture f, g;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .n_nexuses = 2, .saves = true });
    assert_good(exec(&f, pr_out(0, REGISTER, 0, 0, KEY(0), 0x01)));
    reserve(&f, 0, PR_WRITE_EXCLUSIVE_RO);
    assert_int_equal(f.n_saves, 2);
    fixture_open(&g, (struct fixture_options){
                         .n_nexuses = 2, .saves = true, .load_pr = f.saved, .load_pr_len = f.saved_len });
    assert_int_equal(reserved_type(&g, NULL), PR_WRITE_EXCLUSIVE_RO);
    assert_good(exec(&g, write10(0, 1, pattern(512, 1))));
    assert_status(exec(&g, on_nexus(write10(0, 1, pattern(512, 1)), 1)), SCSI_RESERVATION_CONFLICT);
    assert_int_equal(exec(&g, pr_in(REPORT_CAPABILITIES)).data[3], 0x81);
    /* the last APTPL decides: without it everything is forgotten, durably */
    assert_good(exec(&g, pr_out(0, REGISTER, 0, KEY(0), KEY(0), 0)));
    fixture_close(&f);
    fixture_open(&f,
                 (struct fixture_options){ .saves = true, .load_pr = g.saved, .load_pr_len = g.saved_len });
    assert_int_equal(n_keys(&f), 0);
    fixture_close(&f);
    fixture_close(&g);
}

static void without_aptpl_nothing_is_saved(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .saves = true });
    register_key(&f, 0);
    reserve(&f, 0, PR_EXCLUSIVE_ACCESS);
    assert_int_equal(f.n_saves, 0);
    fixture_close(&f);
}

static void what_could_not_be_saved_has_not_happened(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, (struct fixture_options){ .n_nexuses = 2, .saves = true });
    assert_good(exec(&f, pr_out(0, REGISTER, 0, 0, KEY(0), 0x01)));
    f.save_result = -EIO;
    assert_sense(exec(&f, pr_out(0, RESERVE, PR_EXCLUSIVE_ACCESS, KEY(0), 0, 0)), KEY_HARDWARE_ERROR, 0x4400);
    assert_int_equal(reserved_type(&f, NULL), 0);
    assert_good(exec(&f, on_nexus(read10(0, 1), 1)));
    assert_sense(exec(&f, pr_out(1, REGISTER, 0, 0, KEY(1), 0x01)), KEY_HARDWARE_ERROR, 0x4400);
    assert_int_equal(n_keys(&f), 1);
    fixture_close(&f);
}

static void saved_bytes_that_are_not_ours_are_refused(void **state)
{
    struct pr_state *pr = pr_state_new(), *back = NULL;
    uint8_t *bytes;
    size_t len;

    (void)state;
    assert_non_null(pr);
    pr->aptpl = true;
    assert_int_equal(pr_add(pr, "iqn.a,i,0x1", "iqn.t,t,0x1", 1, 5), 0);
    assert_int_equal(pr_add(pr, "iqn.b,i,0x1", "iqn.t,t,0x1", 1, 6), 0);
    pr->type = PR_WRITE_EXCLUSIVE;
    pr->regs[1]->holder = true;
    assert_int_equal(pr_encode(pr, &bytes, &len), 0);
    assert_int_equal(pr_decode(bytes, len, &back), 0);
    assert_int_equal(back->n, 2);
    assert_true(back->regs[1]->holder);
    pr_state_free(back);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(pr_decode(bytes, n, &back), -EINVAL);
    bytes[6] = PR_WRITE_EXCLUSIVE_AR; /* nobody may be marked as holder */
    assert_int_equal(pr_decode(bytes, len, &back), -EINVAL);
    bytes[6] = 4; /* no such type */
    assert_int_equal(pr_decode(bytes, len, &back), -EINVAL);
    free(bytes);
    pr_state_free(pr);
}

int main(void)
{
#define T(name) fixture_test(name, .n_nexuses = 3)
    const struct CMUnitTest tests[] = {
        T(a_nexus_registers_changes_and_removes_its_key),
        T(register_with_the_wrong_key_is_a_conflict),
        T(register_and_ignore_takes_no_notice_of_the_old_key),
        T(the_same_initiator_port_through_another_group_is_another_nexus),
        T(a_registration_outlives_its_session),
        T(bad_parameter_lists_are_refused),
        T(spec_i_pt_registers_the_listed_ports_too),
        T(spec_i_pt_is_all_or_nothing),
        T(a_device_transport_id_means_all_its_ports_that_are_logged_in),
        T(there_is_a_limit_to_registrations),
        T(register_and_move_hands_the_reservation_on),
        T(register_and_move_checks_key_port_and_name),
        T(read_keys_keeps_its_length_when_it_is_cut),
        T(full_status_names_every_nexus),
        T(capabilities_are_what_is_there),
        T(unknown_service_actions_are_refused),
        cmocka_unit_test(aptpl_survives_the_process),
        cmocka_unit_test(without_aptpl_nothing_is_saved),
        cmocka_unit_test(what_could_not_be_saved_has_not_happened),
        cmocka_unit_test(saved_bytes_that_are_not_ours_are_refused),
    };

    return RUN_TESTS(tests);
}
