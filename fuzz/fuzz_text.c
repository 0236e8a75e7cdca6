/* SPDX-License-Identifier: MIT */
/* The text reader and every key's answer: whatever comes, the answer stays within its bound. */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi/chap.h"
#include "iscsi/keys.h"
#include "iscsi/text.h"

static void answer_all(const struct text *in, bool discovery, enum key_phase phase)
{
    struct iscsi_params params;
    struct key_negotiation n = {
        .params = &params, .limits = &iscsi_limits_default, .phase = phase, .discovery = discovery
    };
    struct text out;
    struct text_pair pair;
    size_t at = 0;

    params_default(&params);
    text_init(&out, 1024);
    while (text_next(in, &at, &pair) > 0)
        keys_answer(&n, &pair, &out);
    keys_settle(&params);
    if (out.len > 1024 || params.first_burst > params.max_burst || params.max_xmit_segment < 512 ||
        params.max_outstanding_r2t < 1)
        abort();
    text_fini(&out);
}

static void authenticate(const struct text *in)
{
    static const struct iscsi_auth auth = { .required = true,
                                            .in = { "0123456789ab", 12 },
                                            .mutual = { "ba9876543210", 12 } };
    struct chap *c = chap_create(&auth, "iqn.i", "iqn.t");
    struct text out;
    struct text_pair pair;
    size_t at = 0;

    text_init(&out, 4096);
    while (c && text_next(in, &at, &pair) > 0) {
        if (chap_is_key(pair.name) && chap_key(c, pair.name, pair.value) < 0)
            break;
        if (chap_answer(c, &out) < 0)
            break;
    }
    if (c && chap_has_proved(c))
        abort(); /* nobody guesses that */
    chap_destroy(c);
    text_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text in;

    text_init(&in, 16384);
    if (size && text_append(&in, data + 1, size - 1) == 0) {
        answer_all(&in, *data & 1, *data & 2 ? KEY_IN_FULL : KEY_IN_LOGIN);
        authenticate(&in);
    }
    text_fini(&in);
    return 0;
}

size_t fuzz_sample(uint8_t *out, size_t n_out, uint32_t random)
{
    static const char *const pairs[] = {
        "HeaderDigest=CRC32C,None",
        "DataDigest=None",
        "MaxConnections=1",
        "InitialR2T=No",
        "ImmediateData=Yes",
        "MaxBurstLength=0x40000",
        "FirstBurstLength=65536",
        "DefaultTime2Wait=2",
        "DefaultTime2Retain=20",
        "MaxOutstandingR2T=8",
        "DataPDUInOrder=Yes",
        "DataSequenceInOrder=No",
        "ErrorRecoveryLevel=0",
        "IFMarker=No",
        "X-a=b",
        "AuthMethod=CHAP,None",
        "CHAP_A=5,6,7,8",
        "CHAP_N=alice",
        "CHAP_R=0x00112233445566",
        "CHAP_I=1",
        "CHAP_C=0bAAECAwQFBgcICQ==",
        "SendTargets=All",
        "MaxRecvDataSegmentLength=8192",
    };
    size_t n = 1;

    out[0] = (uint8_t)random;
    for (uint32_t k = random >> 8 & 31; k; k--) {
        const char *pair = pairs[(random >> 8) % (sizeof pairs / sizeof *pairs)];

        if (n + strlen(pair) + 1 > n_out)
            break;
        random = random * 1664525u + 1013904223u;
        memcpy(out + n, pair, strlen(pair) + 1);
        n += strlen(pair) + 1;
    }
    return n;
}
