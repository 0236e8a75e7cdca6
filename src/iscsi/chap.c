/* SPDX-License-Identifier: MIT */
/* CHAP (RFC 1994) as RFC 7143 §12.1.3 carries it, from the target's side:
 *
 *     METHOD     AuthMethod=CHAP,None   -> AuthMethod=CHAP
 *     ALGORITHM  CHAP_A=8,7,6,5         -> CHAP_A=8 CHAP_I=.. CHAP_C=..
 *     RESPONSE   CHAP_N CHAP_R          -> (mutual: CHAP_I CHAP_C in, CHAP_N CHAP_R out)
 *     PROVED
 *
 * Each step takes its own keys and no others. Digests come from libcrypto; one that it lacks at run time is
 * not chosen.
 */
#include "iscsi/chap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/cleanup.h"

#define DIGEST_MAX 32

enum chap_step { CHAP_METHOD, CHAP_ALGORITHM, CHAP_RESPONSE, CHAP_PROVED, CHAP_NONE };
enum chap_key { KEY_METHOD, KEY_A, KEY_N, KEY_R, KEY_I, KEY_C, N_CHAP_KEYS };

static const struct {
    const char *name;
    enum chap_step step; /* when it may come */
} chap_keys[N_CHAP_KEYS] = {
    [KEY_METHOD] = { "AuthMethod", CHAP_METHOD }, [KEY_A] = { "CHAP_A", CHAP_ALGORITHM },
    [KEY_N] = { "CHAP_N", CHAP_RESPONSE },        [KEY_R] = { "CHAP_R", CHAP_RESPONSE },
    [KEY_I] = { "CHAP_I", CHAP_RESPONSE },        [KEY_C] = { "CHAP_C", CHAP_RESPONSE },
};

static const struct {
    uint32_t number; /* IANA "PPP authentication algorithms" */
    const char *digest;
} algorithms[] = { { 5, "MD5" }, { 6, "SHA1" }, { 7, "SHA256" }, { 8, "SHA3-256" } };

struct chap {
    const struct iscsi_auth *auth;
    char initiator[ISCSI_NAME_MAX + 1], target[ISCSI_NAME_MAX + 1];
    enum chap_step step;
    EVP_MD *md;
    uint8_t id, challenge[DIGEST_MAX];
    size_t n_challenge;
    char *values[N_CHAP_KEYS]; /* of the request at hand */
};

struct chap *chap_create(const struct iscsi_auth *auth, const char *initiator, const char *target)
{
    struct chap *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->auth = auth;
    strncpy(c->initiator, initiator, ISCSI_NAME_MAX);
    strncpy(c->target, target, ISCSI_NAME_MAX);
    return c;
}

static void forget_values(struct chap *c)
{
    for (int i = 0; i < N_CHAP_KEYS; i++) {
        free(c->values[i]);
        c->values[i] = NULL;
    }
}

void chap_destroy(struct chap *c)
{
    if (!c)
        return;
    forget_values(c);
    EVP_MD_free(c->md);
    OPENSSL_cleanse(c, sizeof *c);
    free(c);
}

static int key_index(const char *name)
{
    for (int i = 0; i < N_CHAP_KEYS; i++)
        if (strcmp(chap_keys[i].name, name) == 0)
            return i;
    return -1;
}

bool chap_is_key(const char *name)
{
    return key_index(name) >= 0;
}

int chap_key(struct chap *c, const char *name, const char *value)
{
    int i = key_index(name);

    if (i < 0 || chap_keys[i].step != c->step || c->values[i])
        return -EPROTO;
    c->values[i] = strdup(value); /* a value is bounded by limits.login_bytes */
    return c->values[i] ? 0 : -ENOMEM;
}

bool chap_is_done(const struct chap *c)
{
    return c->step == CHAP_PROVED || c->step == CHAP_NONE || (c->step == CHAP_METHOD && !c->auth->required);
}

bool chap_has_proved(const struct chap *c)
{
    return c->step == CHAP_PROVED;
}

/* ---- METHOD -------------------------------------------------------------------------------------------- */

/* The initiator's order decides among what we can do and may accept. */
static int choose_method(struct chap *c, struct text *out)
{
    const char *list = c->values[KEY_METHOD];
    char word[8];

    if (!list)
        return 0;
    while (text_list_next(&list, word, sizeof word)) {
        if (strcmp(word, "CHAP") == 0 && c->auth->in.len) {
            c->step = CHAP_ALGORITHM;
            return text_put(out, "AuthMethod", "CHAP");
        }
        if (strcmp(word, "None") == 0 && !c->auth->required) {
            c->step = CHAP_NONE;
            return text_put(out, "AuthMethod", "None");
        }
    }
    return -EACCES;
}

/* ---- ALGORITHM ----------------------------------------------------------------------------------------- */

static EVP_MD *fetch(uint32_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
        if (algorithms[i].number == number)
            return EVP_MD_fetch(NULL, algorithms[i].digest, NULL);
    return NULL;
}

static int challenge(struct chap *c)
{
    c->n_challenge = (size_t)EVP_MD_get_size(c->md);
    if (c->n_challenge > DIGEST_MAX)
        return -EACCES;
    if (getrandom(c->challenge, c->n_challenge, 0) != (ssize_t)c->n_challenge || getrandom(&c->id, 1, 0) != 1)
        return -EACCES; /* without randomness there is no authentication */
    return 0;
}

static int choose_algorithm(struct chap *c, struct text *out)
{
    const char *list = c->values[KEY_A];
    char word[12];
    uint32_t number = 0;
    int r;

    if (!list)
        return 0;
    while (!c->md && text_list_next(&list, word, sizeof word))
        if (text_number(word, &number) == 0)
            c->md = fetch(number);
    if (!c->md || challenge(c) < 0)
        return -EACCES;
    c->step = CHAP_RESPONSE;
    r = text_put_number(out, "CHAP_A", number) ?: text_put_number(out, "CHAP_I", c->id);
    return r ?: text_put_hex(out, "CHAP_C", c->challenge, c->n_challenge);
}

/* ---- RESPONSE ------------------------------------------------------------------------------------------ */

/* RFC 1994 §4.1: H(identifier, secret, challenge) */
static int respond_to(const struct chap *c, uint8_t id, const struct iscsi_secret *secret,
                      const uint8_t *text, size_t n_text, uint8_t out[DIGEST_MAX])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, c->md, NULL) && EVP_DigestUpdate(ctx, &id, 1) &&
              EVP_DigestUpdate(ctx, secret->bytes, secret->len) && EVP_DigestUpdate(ctx, text, n_text) &&
              EVP_DigestFinal_ex(ctx, out, NULL);

    EVP_MD_CTX_free(ctx);
    return ok ? 0 : -EACCES;
}

static bool secrets_equal(const struct iscsi_secret *a, const struct iscsi_secret *b)
{
    return a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

static int verify(const struct chap *c)
{
    const char *user = *c->auth->user ? c->auth->user : c->initiator;
    uint8_t want[DIGEST_MAX], got[DIGEST_MAX];
    size_t n_got = 0, n_want = (size_t)EVP_MD_get_size(c->md);
    bool name_ok = strcmp(c->values[KEY_N], user) == 0;

    if (text_binary(c->values[KEY_R], got, sizeof got, &n_got) < 0 || n_got != n_want)
        return -EACCES;
    if (respond_to(c, c->id, &c->auth->in, c->challenge, c->n_challenge, want) < 0)
        return -EACCES;
    return CRYPTO_memcmp(got, want, n_want) == 0 && name_ok ? 0 : -EACCES;
}

/* §12.1.3: our own challenge sent back, or one secret for both directions, would make an oracle of us. */
static int prove_ourselves(const struct chap *c, struct text *out)
{
    uint8_t theirs[TEXT_BINARY_MAX], digest[DIGEST_MAX];
    const struct iscsi_secret *secret = &c->auth->mutual;
    size_t n_theirs;
    uint32_t id;

    if (!c->values[KEY_I] || !c->values[KEY_C] || text_number(c->values[KEY_I], &id) < 0 || id > 255)
        return -EPROTO;
    if (text_binary(c->values[KEY_C], theirs, sizeof theirs, &n_theirs) < 0)
        return -EPROTO;
    if (secret->len == 0 || secrets_equal(secret, &c->auth->in))
        return -EACCES;
    if (n_theirs == c->n_challenge && CRYPTO_memcmp(theirs, c->challenge, n_theirs) == 0)
        return -EACCES;
    if (respond_to(c, (uint8_t)id, secret, theirs, n_theirs, digest) < 0)
        return -EACCES;
    return text_put(out, "CHAP_N", *c->auth->mutual_user ? c->auth->mutual_user : c->target)
               ?: text_put_hex(out, "CHAP_R", digest, (size_t)EVP_MD_get_size(c->md));
}

static int check_response(struct chap *c, struct text *out)
{
    int r;

    if (!c->values[KEY_N] && !c->values[KEY_R] && !c->values[KEY_I] && !c->values[KEY_C])
        return 0;
    if (!c->values[KEY_N] || !c->values[KEY_R])
        return -EPROTO;
    r = verify(c);
    if (r == 0 && (c->values[KEY_I] || c->values[KEY_C]))
        r = prove_ourselves(c, out);
    if (r == 0)
        c->step = CHAP_PROVED;
    return r;
}

int chap_answer(struct chap *c, struct text *out)
{
    static int (*const steps[])(struct chap *, struct text *) = {
        [CHAP_METHOD] = choose_method,
        [CHAP_ALGORITHM] = choose_algorithm,
        [CHAP_RESPONSE] = check_response,
    };
    int r = c->step < ARRAY_SIZE(steps) ? steps[c->step](c, out) : 0;

    forget_values(c);
    return r;
}
