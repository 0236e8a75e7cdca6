/* SPDX-License-Identifier: MIT */
/* properties.c: identification data against INQUIRY and VPD 80h, 83h (SPC-4), REPORT LUNS, and what is on the disk. */
#include "properties.h"

#define DESIGNATORS_MAX 8

/* Trailing blanks are the field's, not the text's (SPC-4 section 4.3.1). */
static char *unpadded(const uint8_t *field, size_t n, char *text)
{
    memcpy(text, field, n);
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    return text;
}

/* The designators of that association on VPD 83h, in order; those of the unit itself are association 0. */
static ULONG designators(const uint8_t *page, unsigned n, unsigned association, VDS_STORAGE_IDENTIFIER ids[static DESIGNATORS_MAX])
{
    ULONG n_ids = 0;

    for (unsigned at = 4; at + 4 <= n; at += 4u + page[at + 3]) {
        if ((page[at + 1] >> 4 & 3) != association)
            continue;
        assert_true(n_ids < DESIGNATORS_MAX);
        ids[n_ids++] = (VDS_STORAGE_IDENTIFIER){ page[at] & 0xf, page[at + 1] & 0xf, page[at + 3],
                                                 (BYTE *)(uintptr_t)(page + at + 4) };
    }
    return n_ids;
}

/* A way to the unit: the name of the port that VPD 83h tells who comes by it (SCSI name string), and the number there. */
static void way(unsigned portal, const struct lun_made *made, uint8_t page[static 252], uint8_t address[static 8], VDS_INTERCONNECT *ret_way)
{
    VDS_STORAGE_IDENTIFIER ids[DESIGNATORS_MAX];
    struct initiator in = wire(1, 2, portal);
    unsigned n = inquiry(&in, made->number, 0x83, page);
    ULONG n_ids = designators(page, n, 1, ids), i = 0;

    while (i < n_ids && ids[i].m_Type != VDSStorageIdTypeScsiNameString)
        i++;
    assert_true(i < n_ids && reported(&in, made->number, address));
    *ret_way = (VDS_INTERCONNECT){ VDS_IA_SCSI, ids[i].m_cbIdentifier, ids[i].m_rgbIdentifier, 8, address };
    initiator_close(&in);
}

static void move_block(struct initiator *in, const struct lun_made *made, bool write, uint8_t lba, uint8_t data[static 4096])
{
    const uint8_t cdb[10] = { write ? 0x2a : 0x28, [5] = lba, [8] = 1 };
    struct initiator_result result;

    assert_int_equal(initiator_command(in, made->number, cdb, 10, data, write ? made->block : 0, data, write ? 0 : made->block, &result), 0);
    assert_int_equal(result.status, 0);
}

/* What VDS_LUN_INFORMATION says of it: the GUID of the disk from a GPT header, or 32 bits from an MBR, or nothing. */
static GUID signature_on(struct initiator *in, const struct lun_made *made)
{
    uint8_t mbr[4096], gpt[4096];
    GUID signature;

    memset(&signature, 0, sizeof signature);
    move_block(in, made, false, 0, mbr);
    move_block(in, made, false, 1, gpt);
    if (mbr[510] != 0x55 || mbr[511] != 0xaa)
        return signature;
    if (memcmp(gpt, "EFI PART", 8) == 0)
        memcpy(&signature, gpt + 56, 16); /* as it is in memory of a little endian host, which tests run on */
    else
        memcpy(&signature.Data1, mbr + 440, 4);
    return signature;
}

static void compare_identification(struct initiator *in, const struct lun_made *made)
{
    uint8_t standard[252], serial[252], page[252], pages[2][252], addresses[2][8];
    VDS_STORAGE_IDENTIFIER ids[DESIGNATORS_MAX];
    VDS_INTERCONNECT ways[2]; /* two portal groups are two ports (RFC 7143 section 4.4.1) */
    VDS_LUN_INFORMATION got, expected;
    char text[4][64];
    unsigned n;

    memset(&expected, 0, sizeof expected);
    inquiry(in, made->number, -1, standard);
    n = inquiry(in, made->number, 0x80, serial);
    expected.m_version = VER_VDS_LUN_INFORMATION;
    expected.m_DeviceType = standard[0] & 0x1f;
    expected.m_DeviceTypeModifier = standard[1] & 0x7f;
    expected.m_bCommandQueueing = standard[7] >> 1 & 1;
    expected.m_BusType = VDSBusTypeiScsi;
    expected.m_szVendorId = unpadded(standard + 8, 8, text[0]);
    expected.m_szProductId = unpadded(standard + 16, 16, text[1]);
    expected.m_szProductRevision = unpadded(standard + 32, 4, text[2]);
    expected.m_szSerialNumber = unpadded(serial + 4, n - 4, text[3]);
    n = inquiry(in, made->number, 0x83, page);
    expected.m_diskSignature = signature_on(in, made);
    expected.m_deviceIdDescriptor.m_version = 1;
    expected.m_deviceIdDescriptor.m_cIdentifiers = designators(page, n, 0, ids);
    expected.m_deviceIdDescriptor.m_rgIdentifiers = ids;
    expected.m_cInterconnects = 2;
    expected.m_rgInterconnects = ways;
    for (unsigned i = 0; i < 2; i++)
        way(i, made, pages[i], addresses[i], &ways[i]);
    assert_hr(IVdsLun_GetIdentificationData(made->lun, &got), S_OK);
    COMPARE(VDS_LUN_INFORMATION, &got, &expected);
}

/* Not tied to any target, it has no way. */
static void without_a_target(const struct lun_made *made)
{
    IVdsLunIscsi *ties = as(made->lun, &IID_IVdsLunIscsi);
    VDS_LUN_INFORMATION got;

    assert_hr(IVdsLunIscsi_AssociateTargets(ties, NULL, 0), S_OK);
    assert_hr(IVdsLun_GetIdentificationData(made->lun, &got), S_OK);
    assert_int_equal(got.m_cInterconnects, 0);
    assert_null(got.m_rgInterconnects);
    for (ULONG i = 0; i < got.m_deviceIdDescriptor.m_cIdentifiers; i++)
        CoTaskMemFree(got.m_deviceIdDescriptor.m_rgIdentifiers[i].m_rgbIdentifier);
    CoTaskMemFree(got.m_deviceIdDescriptor.m_rgIdentifiers);
    CoTaskMemFree(got.m_szVendorId);
    CoTaskMemFree(got.m_szProductId);
    CoTaskMemFree(got.m_szProductRevision);
    CoTaskMemFree(got.m_szSerialNumber);
    assert_hr(IVdsLunIscsi_AssociateTargets(ties, scene.target_ids, 1), S_OK);
    drop(ties);
}

/* A host puts an MBR on it, then a GPT, then neither. */
static void partition(struct initiator *in, const struct lun_made *made)
{
    static const uint8_t id[16] = { 0xa1, 0xb2, 0xc3, 0xd4, 0x15, 0x26, 0x37, 0x48, 9, 10, 11, 12, 13, 14, 15, 16 };
    uint8_t mbr[4096] = { [440] = 0xde, 0xad, 0xbe, 0xef, [510] = 0x55, 0xaa }, gpt[4096] = "EFI PART", none[4096] = { 0 };

    memcpy(gpt + 56, id, sizeof id);
    move_block(in, made, true, 0, mbr);
    assert_int_equal(signature_on(in, made).Data1, 0xefbeadde);
    compare_identification(in, made);
    move_block(in, made, true, 1, gpt);
    assert_int_equal(signature_on(in, made).Data1, 0xd4c3b2a1);
    compare_identification(in, made);
    move_block(in, made, true, 0, none);
    move_block(in, made, true, 1, none);
    compare_identification(in, made);
}

void identification_is_INQUIRY_and_VPD(void **state)
{
    struct initiator in = wire(1, 1, 0);

    (void)state;
    for (unsigned i = 0; i < N_LUNS; i++) {
        compare_identification(&in, &luns[i]);
        if (!(luns[i].features & VDS_LUN_FEATURE_READ_ONLY))
            partition(&in, &luns[i]);
    }
    initiator_close(&in);
    without_a_target(&luns[N_LUNS - 1]);
}
