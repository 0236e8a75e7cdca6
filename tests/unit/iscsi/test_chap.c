/* SPDX-License-Identifier: MIT */
/* CHAP, one-way and mutual, with every digest (RFC 7143 §12.1.3, RFC 1994 §4.1). The answers are computed
 * here by libcrypto's one-shot functions; the MD5 case has fixed vectors too. */
#include "initiator.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "iscsi/chap.h"

#define NAMES       "InitiatorName=" OUR_NAME "\nTargetName=" TARGET_NAME "\n"
#define IN_SECURITY (STAGE_SECURITY << 2)
#define TO_FULL     (LOGIN_TRANSIT | STAGE_SECURITY << 2 | STAGE_FULL)

static const char secret[] = "a secret of 16 b", other_secret[] = "the other secret";

static void set_secret(struct iscsi_secret *s, const char *text)
{
    s->len = (uint8_t)strlen(text);
    memcpy(s->bytes, text, s->len);
}

static struct iscsi_auth auth(bool mutual)
{
    struct iscsi_auth a = { .required = true, .user = "alice", .mutual_user = "bob" };

    set_secret(&a.in, secret);
    if (mutual)
        set_secret(&a.mutual, other_secret);
    return a;
}

static unsigned unhex(const char *hex, uint8_t *out)
{
    unsigned n = 0, v;

    assert_memory_equal(hex, "0x", 2);
    for (hex += 2; sscanf(hex, "%2x", &v) == 1; hex += 2)
        out[n++] = (uint8_t)v;
    return n;
}

/* H(id, secret, challenge) as "0x..." */
static const char *proof(const char *digest, unsigned id, const char *key, const uint8_t *challenge,
                         unsigned n)
{
    static char hex[2 + 64 + 1];
    uint8_t input[1 + 64 + 1024], out[EVP_MAX_MD_SIZE];
    size_t n_key = strlen(key), n_out = 0;

    input[0] = (uint8_t)id;
    memcpy(input + 1, key, n_key);
    memcpy(input + 1 + n_key, challenge, n);
    assert_int_equal(EVP_Q_digest(NULL, digest, NULL, input, 1 + n_key + n, out, &n_out), 1);
    strcpy(hex, "0x");
    for (size_t k = 0; k < n_out; k++)
        snprintf(hex + 2 + 2 * k, 3, "%02x", out[k]);
    return hex;
}

static unsigned status_of(const struct reply *r)
{
    return be16_get(r->bhs + 36);
}

struct exchange {
    unsigned id, n_challenge;
    uint8_t challenge[64];
};

/* AuthMethod and CHAP_A: what we are challenged with. */
static struct exchange begin(struct initiator *i, const char *algorithms, const char *expected)
{
    struct exchange x;
    char text[64];
    struct reply r = login_step(i, IN_SECURITY, NAMES "AuthMethod=CHAP,None");

    assert_string_equal(text_value(&r, "AuthMethod"), "CHAP");
    snprintf(text, sizeof text, "CHAP_A=%s", algorithms);
    r = login_step(i, IN_SECURITY, text);
    assert_int_equal(status_of(&r), 0);
    assert_string_equal(text_value(&r, "CHAP_A"), expected);
    assert_int_equal(sscanf(text_value(&r, "CHAP_I"), "%u", &x.id), 1);
    x.n_challenge = unhex(text_value(&r, "CHAP_C"), x.challenge);
    assert_true(x.n_challenge >= 16);
    return x;
}

static struct reply answer(struct initiator *i, const char *name, const char *response, const char *more)
{
    char text[4096];

    snprintf(text, sizeof text, "CHAP_N=%s\nCHAP_R=%s%s", name, response, more);
    return login_step(i, TO_FULL, text);
}

static const struct {
    const char *number, *digest;
} digests[] = { { "5", "MD5" }, { "6", "SHA1" }, { "7", "SHA256" }, { "8", "SHA3-256" } };

static void the_right_secret_opens_with_every_digest(void **state)
{
    for (size_t k = 0; k < 4; k++) {
        struct initiator *i = *state;
        struct iscsi_conn_facts facts;
        struct exchange x;
        struct reply r;

        i->admission.auth = auth(false);
        initiator_connect(i);
        x = begin(i, digests[k].number, digests[k].number);
        r = answer(i, "alice", proof(digests[k].digest, x.id, secret, x.challenge, x.n_challenge), "");
        assert_int_equal(status_of(&r), 0);
        assert_int_equal(r.flags, TO_FULL);
        assert_null(text_value(&r, "CHAP_R"));
        iscsi_conn_facts(i->conn, &facts);
        assert_true(facts.authenticated);
        initiator_fini(i);
        unconnected(state);
    }
}

static void the_target_proves_itself_when_it_is_asked(void **state)
{
    for (size_t k = 0; k < 4; k++) {
        struct initiator *i = *state;
        static const uint8_t ours[20] = "twenty bytes of ours";
        char more[128] = "\nCHAP_I=0x21\nCHAP_C=0x";
        struct exchange x;
        struct reply r;

        for (size_t n = 0; n < sizeof ours; n++)
            snprintf(more + strlen(more), 3, "%02x", ours[n]);
        i->admission.auth = auth(true);
        initiator_connect(i);
        x = begin(i, digests[k].number, digests[k].number);
        r = answer(i, "alice", proof(digests[k].digest, x.id, secret, x.challenge, x.n_challenge), more);
        assert_int_equal(status_of(&r), 0);
        assert_string_equal(text_value(&r, "CHAP_N"), "bob");
        assert_string_equal(text_value(&r, "CHAP_R"),
                            proof(digests[k].digest, 0x21, other_secret, ours, sizeof ours));
        initiator_fini(i);
        unconnected(state);
    }
}

static void the_initiators_order_of_digests_decides(void **state)
{
    struct initiator *i = *state;

    i->admission.auth = auth(false);
    initiator_connect(i);
    begin(i, "200,7,5", "7");
}

static void no_digest_in_common_is_an_authentication_failure(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->admission.auth = auth(false);
    initiator_connect(i);
    login_step(i, IN_SECURITY, NAMES "AuthMethod=CHAP");
    r = login_step(i, IN_SECURITY, "CHAP_A=1,2,77,x");
    assert_int_equal(status_of(&r), 0x0201);
    assert_true(initiator_is_over(i));
}

static void wrong_proofs_are_refused(void **state)
{
    for (int k = 0; k < 6; k++) {
        struct initiator *i = *state;
        struct exchange x;
        const char *right;
        char response[80];
        struct reply r;

        i->admission.auth = auth(false);
        initiator_connect(i);
        x = begin(i, "5", "5");
        right = proof("MD5", x.id, k == 0 ? other_secret : secret, x.challenge, x.n_challenge);
        snprintf(response, sizeof response, "%s", right);
        if (k == 1)
            response[4] = response[4] == '0' ? '1' : '0';
        if (k == 2)
            response[strlen(response) - 2] = '\0'; /* too short */
        if (k == 3)
            strcat(response, "00"); /* too long */
        if (k == 4)
            response[1] = 'q'; /* no binary value */
        r = answer(i, k == 5 ? "mallory" : "alice", response, "");
        assert_int_equal(status_of(&r), 0x0201);
        assert_int_equal(r.flags & LOGIN_TRANSIT, 0);
        assert_true(initiator_is_over(i));
        initiator_fini(i);
        unconnected(state);
    }
}

static void without_a_user_name_the_initiators_own_is_expected(void **state)
{
    struct initiator *i = *state;
    struct exchange x;
    struct reply r;

    i->admission.auth = auth(false);
    i->admission.auth.user[0] = '\0';
    initiator_connect(i);
    x = begin(i, "7", "7");
    r = answer(i, OUR_NAME, proof("SHA256", x.id, secret, x.challenge, x.n_challenge), "");
    assert_int_equal(status_of(&r), 0);
}

/* §12.1.3 and the advice of §9.2.1: our own challenge is not answered */
static void a_reflected_challenge_is_refused(void **state)
{
    struct initiator *i = *state;
    char more[256];
    struct exchange x;
    struct reply r;
    int n;

    i->admission.auth = auth(true);
    initiator_connect(i);
    x = begin(i, "5", "5");
    n = snprintf(more, sizeof more, "\nCHAP_I=%u\nCHAP_C=0x", x.id);
    for (unsigned k = 0; k < x.n_challenge; k++)
        n += snprintf(more + n, 3, "%02x", x.challenge[k]);
    r = answer(i, "alice", proof("MD5", x.id, secret, x.challenge, x.n_challenge), more);
    assert_int_equal(status_of(&r), 0x0201);
    assert_null(text_value(&r, "CHAP_R"));
}

static void one_secret_for_both_directions_is_refused(void **state)
{
    struct initiator *i = *state;
    struct exchange x;
    struct reply r;

    i->admission.auth = auth(false);
    i->admission.auth.mutual = i->admission.auth.in;
    initiator_connect(i);
    x = begin(i, "5", "5");
    r = answer(i, "alice", proof("MD5", x.id, secret, x.challenge, x.n_challenge),
               "\nCHAP_I=1\nCHAP_C=0x0102030405060708");
    assert_int_equal(status_of(&r), 0x0201);
}

static void a_target_without_a_secret_of_its_own_does_not_answer_a_challenge(void **state)
{
    struct initiator *i = *state;
    struct exchange x;
    struct reply r;

    i->admission.auth = auth(false);
    initiator_connect(i);
    x = begin(i, "5", "5");
    r = answer(i, "alice", proof("MD5", x.id, secret, x.challenge, x.n_challenge),
               "\nCHAP_I=1\nCHAP_C=0b"
               "AQIDBAUGBwg=");
    assert_int_equal(status_of(&r), 0x0201);
}

/* Each step takes its own keys and no others. */
static void keys_out_of_order_are_refused(void **state)
{
    static const char *const first[] = { "CHAP_A=5", "CHAP_N=alice\nCHAP_R=0x00",
                                         "AuthMethod=CHAP\nCHAP_A=5\nCHAP_N=alice", "CHAP_I=1",
                                         "AuthMethod=CHAP\nAuthMethod=CHAP" };
    static const char *const second[] = { "AuthMethod=None", "CHAP_N=alice\nCHAP_R=0x00", "CHAP_C=0x00" };

    for (size_t k = 0; k < sizeof first / sizeof *first; k++) {
        struct initiator *i = *state;
        char text[512];
        struct reply r;

        i->admission.auth = auth(false);
        initiator_connect(i);
        snprintf(text, sizeof text, NAMES "%s", first[k]);
        r = login_step(i, IN_SECURITY, text);
        assert_int_equal(status_of(&r), 0x0200);
        initiator_fini(i);
        unconnected(state);
    }
    for (size_t k = 0; k < sizeof second / sizeof *second; k++) {
        struct initiator *i = *state;
        struct reply r;

        i->admission.auth = auth(false);
        initiator_connect(i);
        login_step(i, IN_SECURITY, NAMES "AuthMethod=CHAP");
        r = login_step(i, IN_SECURITY, second[k]);
        assert_int_equal(status_of(&r), 0x0200);
        initiator_fini(i);
        unconnected(state);
    }
}

static void the_stage_is_not_left_before_the_proof(void **state)
{
    struct initiator *i = *state;
    struct reply r;

    i->admission.auth = auth(false);
    initiator_connect(i);
    r = login_step(i, TO_FULL, NAMES "AuthMethod=CHAP");
    assert_int_equal(r.flags, IN_SECURITY); /* T is not granted */
    r = login_step(i, TO_FULL, "");
    assert_int_equal(r.flags, IN_SECURITY);
    r = login_step(i, TO_FULL, "CHAP_A=5");
    assert_int_equal(r.flags, IN_SECURITY);
    r = login_step(i, TO_FULL, "");
    assert_int_equal(r.flags, IN_SECURITY);
}

static void who_must_authenticate_can_not_go_around_it(void **state)
{
    static const struct {
        uint8_t flags;
        const char *pairs;
    } cases[] = { { FULL_FROM_OPERATIONAL, NAMES },
                  { TO_FULL, NAMES "AuthMethod=None" },
                  { IN_SECURITY, NAMES "AuthMethod=KRB5,None" } };

    for (size_t k = 0; k < 3; k++) {
        struct initiator *i = *state;
        struct reply r;

        i->admission.auth = auth(false);
        initiator_connect(i);
        r = login_step(i, cases[k].flags, cases[k].pairs);
        assert_int_equal(status_of(&r), 0x0201);
        initiator_fini(i);
        unconnected(state);
    }
    {
        struct initiator *i = *state;
        struct reply r;

        i->admission.auth = auth(false);
        initiator_connect(i);
        r = login_step(i, TO_FULL, NAMES); /* no AuthMethod at all */
        assert_int_equal(status_of(&r), 0);
        assert_int_equal(r.flags, IN_SECURITY);
    }
}

static void discovery_sessions_authenticate_too(void **state)
{
    struct initiator *i = *state;
    struct exchange x;
    struct reply r;
    char text[64];

    i->discovery_auth = auth(false);
    initiator_connect(i);
    r = login_step(i, IN_SECURITY, "InitiatorName=" OUR_NAME "\nSessionType=Discovery\nAuthMethod=CHAP,None");
    assert_string_equal(text_value(&r, "AuthMethod"), "CHAP");
    snprintf(text, sizeof text, "CHAP_A=8");
    r = login_step(i, IN_SECURITY, text);
    assert_int_equal(sscanf(text_value(&r, "CHAP_I"), "%u", &x.id), 1);
    x.n_challenge = unhex(text_value(&r, "CHAP_C"), x.challenge);
    r = answer(i, "alice", proof("SHA3-256", x.id, secret, x.challenge, x.n_challenge), "");
    assert_int_equal(r.flags, TO_FULL);
}

/* CVE-2024-45751: challenges are random, not a sequence that can be foreseen */
static void no_challenge_comes_twice(void **state)
{
    uint8_t seen[32][16];

    for (int k = 0; k < 32; k++) {
        struct initiator *i = *state;
        struct exchange x;

        i->admission.auth = auth(false);
        initiator_connect(i);
        x = begin(i, "5", "5");
        memcpy(seen[k], x.challenge, 16);
        for (int j = 0; j < k; j++)
            assert_memory_not_equal(seen[j], seen[k], 16);
        initiator_fini(i);
        unconnected(state);
    }
}

/* Fixed vectors: MD5(0x21 "the other secret" 01..08) and the same by SHA-256, computed with md5sum and
 * sha256sum. */
static void the_proof_is_the_hash_of_identifier_secret_and_challenge(void **state)
{
    static const uint8_t challenge[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    (void)state;
    assert_string_equal(proof("MD5", 0x21, other_secret, challenge, 8), "0x8585e8065eb7fd49f6fa9a6cdf9d87b1");
    assert_string_equal(proof("SHA256", 0x21, other_secret, challenge, 8),
                        "0x08e306aff7f622eee2ca4a597905fc686c891601fbf5412095221e2b970fce5f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_proof_is_the_hash_of_identifier_secret_and_challenge),
        TEST_FRESH(the_right_secret_opens_with_every_digest),
        TEST_FRESH(the_target_proves_itself_when_it_is_asked),
        TEST_FRESH(the_initiators_order_of_digests_decides),
        TEST_FRESH(no_digest_in_common_is_an_authentication_failure),
        TEST_FRESH(wrong_proofs_are_refused),
        TEST_FRESH(without_a_user_name_the_initiators_own_is_expected),
        TEST_FRESH(a_reflected_challenge_is_refused),
        TEST_FRESH(one_secret_for_both_directions_is_refused),
        TEST_FRESH(a_target_without_a_secret_of_its_own_does_not_answer_a_challenge),
        TEST_FRESH(keys_out_of_order_are_refused),
        TEST_FRESH(the_stage_is_not_left_before_the_proof),
        TEST_FRESH(who_must_authenticate_can_not_go_around_it),
        TEST_FRESH(discovery_sessions_authenticate_too),
        TEST_FRESH(no_challenge_comes_twice),
    };

    return RUN_TESTS(tests);
}
