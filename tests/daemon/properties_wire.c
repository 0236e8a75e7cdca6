/* SPDX-License-Identifier: MIT */
/* properties.c: what a unit says of itself, asked by an initiator. */
#include "properties.h"

struct initiator wire(unsigned number, unsigned isid, unsigned portal)
{
    struct initiator in;
    char name[64];

    snprintf(name, sizeof name, "iqn.2024-01.test:initiator.%u", number);
    initiator_init_named(&in, name, isid);
    assert_int_equal(initiator_connect_text(&in, scene.portals[portal]), 0);
    assert_int_equal(initiator_login(&in, TARGET_NAME), 0);
    return in;
}

/* A command that reads, and must succeed; unit attentions are taken before. Returns how much came. */
static unsigned ask(struct initiator *in, ULONG lun, const uint8_t *cdb, size_t n_cdb, uint8_t *data, unsigned room)
{
    struct initiator_result result;

    memset(data, 0, room);
    assert_true(initiator_clear_attentions(in, lun, NULL) >= 0);
    assert_int_equal(initiator_command(in, lun, cdb, n_cdb, NULL, 0, data, room, &result), 0);
    assert_int_equal(result.status, 0);
    return result.n_in;
}

unsigned inquiry(struct initiator *in, ULONG lun, int page, uint8_t data[static 252])
{
    return ask(in, lun, (const uint8_t[6]){ 0x12, page >= 0, page >= 0 ? (uint8_t)page : 0, 0, 252 }, 6, data, 252);
}

void read_capacity(struct initiator *in, ULONG lun, uint8_t data[static 32])
{
    ask(in, lun, (const uint8_t[16]){ 0x9e, 0x10, [13] = 32 }, 16, data, 32);
}

void mode_page(struct initiator *in, ULONG lun, uint8_t page, uint8_t data[static 64])
{
    ask(in, lun, (const uint8_t[6]){ 0x1a, 0x08 /* DBD */, page, 0, 64 }, 6, data, 64);
}

ULONGLONG be_number(const uint8_t *bytes, unsigned n)
{
    ULONGLONG value = 0;

    while (n-- > 0)
        value = value << 8 | *bytes++;
    return value;
}

bool reported(struct initiator *in, ULONG lun, uint8_t address[static 8])
{
    uint8_t data[512];
    unsigned n = ask(in, luns[0].number, (const uint8_t[12]){ 0xa0, [8] = 2 }, 12, data, sizeof data);

    for (unsigned at = 8; at + 8 <= n; at += 8) {
        memcpy(address, data + at, 8);
        if (data[at] == 0 && data[at + 1] == lun)
            return true;
    }
    return false;
}
