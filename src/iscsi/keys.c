/* SPDX-License-Identifier: MIT */
/* Operational keys, RFC 7143 §13. A new key is a row; a new kind of key is a row and a function. Names of
 * people and places (InitiatorName, TargetName, ...) belong to login.c, SendTargets to discovery.c, CHAP_* to
 * chap.c. */
#include "iscsi/keys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

enum key_rule {
    KEY_MIN,             /* the smaller number */
    KEY_MAX,             /* the larger number */
    KEY_AND,             /* Yes when both say Yes */
    KEY_OR,              /* Yes when one says Yes */
    KEY_DECLARE,         /* theirs to say, no answer */
    KEY_DIGEST,          /* list: None, CRC32C */
    KEY_ONLY_RFC3720,    /* list: we know one word of it */
    KEY_OBSOLETE_NO,     /* §13.25: answer "No" ... */
    KEY_OBSOLETE_REJECT, /* ... or "Reject", never NotUnderstood */
};

enum {
    LEADING = KEY_IN_LOGIN, /* LO and IO: one connection per session makes them the same */
    ALWAYS = KEY_IN_LOGIN | KEY_IN_FULL,
    NOT_IN_DISCOVERY = 4, /* "Irrelevant when SessionType=Discovery" */
    NORMAL = LEADING | NOT_IN_DISCOVERY,
};

struct key_def {
    const char *name;
    enum key_rule rule;
    unsigned flags;
    size_t field; /* in struct iscsi_params: where the outcome goes */
    size_t limit; /* in struct iscsi_limits: what we would agree to */
    enum { LIMIT_NONE, LIMIT_U32, LIMIT_U16, LIMIT_BOOL } limit_type;
    uint32_t rfc_default, min, max;
};

#define FIELD(f)     offsetof(struct iscsi_params, f)
#define OURS_U32(f)  offsetof(struct iscsi_limits, f), LIMIT_U32
#define OURS_U16(f)  offsetof(struct iscsi_limits, f), LIMIT_U16
#define OURS_BOOL(f) offsetof(struct iscsi_limits, f), LIMIT_BOOL
#define OURS_DEFAULT 0, LIMIT_NONE /* the table's default is our offer too */
#define SEGMENT_MAX  16777215

/* clang-format off */
static const struct key_def keys[] = {
    /* §13.1 to §13.20, §13.23 to §13.25: name, rule, when, outcome, our side, default, min, max */
    { "HeaderDigest", KEY_DIGEST, LEADING, FIELD(header_digest), OURS_DEFAULT, 0, 0, 1 },
    { "DataDigest", KEY_DIGEST, LEADING, FIELD(data_digest), OURS_DEFAULT, 0, 0, 1 },
    { "MaxConnections", KEY_MIN, NORMAL, FIELD(max_connections), OURS_DEFAULT, 1, 1, 65535 },
    { "InitialR2T", KEY_OR, NORMAL, FIELD(initial_r2t), OURS_BOOL(initial_r2t), 1, 0, 1 },
    { "ImmediateData", KEY_AND, NORMAL, FIELD(immediate_data), OURS_BOOL(immediate_data), 1, 0, 1 },
    { "MaxRecvDataSegmentLength", KEY_DECLARE, ALWAYS, FIELD(max_xmit_segment), OURS_DEFAULT, 8192, 512, SEGMENT_MAX },
    { "MaxBurstLength", KEY_MIN, NORMAL, FIELD(max_burst), OURS_U32(max_burst), 262144, 512, SEGMENT_MAX },
    { "FirstBurstLength", KEY_MIN, NORMAL, FIELD(first_burst), OURS_U32(first_burst), 65536, 512, SEGMENT_MAX },
    { "DefaultTime2Wait", KEY_MAX, LEADING, FIELD(time2wait), OURS_U16(time2wait), 2, 0, 3600 },
    { "DefaultTime2Retain", KEY_MIN, LEADING, FIELD(time2retain), OURS_U16(time2retain), 20, 0, 3600 },
    { "MaxOutstandingR2T", KEY_MIN, NORMAL, FIELD(max_outstanding_r2t), OURS_U16(max_outstanding_r2t), 1, 1, 65535 },
    { "DataPDUInOrder", KEY_OR, NORMAL, FIELD(data_pdu_in_order), OURS_DEFAULT, 1, 0, 1 },
    { "DataSequenceInOrder", KEY_OR, NORMAL, FIELD(data_sequence_in_order), OURS_DEFAULT, 1, 0, 1 },
    { "ErrorRecoveryLevel", KEY_MIN, LEADING, FIELD(error_recovery_level), OURS_DEFAULT, 0, 0, 2 },
    { "TaskReporting", KEY_ONLY_RFC3720, NORMAL, FIELD(task_reporting), OURS_DEFAULT, 0, 0, 0 },
    { "iSCSIProtocolLevel", KEY_MIN, NORMAL, FIELD(protocol_level), OURS_DEFAULT, 1, 0, 31 },
    { "IFMarker", KEY_OBSOLETE_NO, LEADING, 0, OURS_DEFAULT, 0, 0, 0 },
    { "OFMarker", KEY_OBSOLETE_NO, LEADING, 0, OURS_DEFAULT, 0, 0, 0 },
    { "IFMarkInt", KEY_OBSOLETE_REJECT, LEADING, 0, OURS_DEFAULT, 0, 0, 0 },
    { "OFMarkInt", KEY_OBSOLETE_REJECT, LEADING, 0, OURS_DEFAULT, 0, 0, 0 },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(keys) <= 32, "struct key_negotiation.seen has one bit per row");

static uint32_t *outcome(const struct key_def *def, struct iscsi_params *params)
{
    return (uint32_t *)(void *)((char *)params + def->field);
}

static bool has_outcome(const struct key_def *def)
{
    return def->rule < KEY_ONLY_RFC3720;
}

void params_default(struct iscsi_params *params)
{
    memset(params, 0, sizeof *params);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (has_outcome(&keys[i]))
            *outcome(&keys[i], params) = keys[i].rfc_default;
}

static uint32_t ours(const struct key_def *def, const struct iscsi_limits *limits)
{
    const void *p = (const char *)limits + def->limit;

    switch (def->limit_type) {
    case LIMIT_U32:
        return *(const uint32_t *)p;
    case LIMIT_U16:
        return *(const uint16_t *)p;
    case LIMIT_BOOL:
        return *(const bool *)p;
    default:
        return def->rfc_default;
    }
}

static int refuse(const char *name, struct text *answer)
{
    int r = text_put(answer, name, "Reject");

    return r < 0 ? r : -EBADMSG;
}

static int answer_number(struct key_negotiation *n, const struct key_def *def, const char *value,
                         struct text *answer)
{
    uint32_t theirs, mine = ours(def, n->limits), *out = outcome(def, n->params);

    if (text_number(value, &theirs) < 0 || theirs < def->min || theirs > def->max)
        return refuse(def->name, answer);
    if (def->rule == KEY_DECLARE) {
        *out = theirs;
        return 0;
    }
    *out = (def->rule == KEY_MIN) == (theirs < mine) ? theirs : mine;
    return text_put_number(answer, def->name, *out);
}

static int answer_boolean(struct key_negotiation *n, const struct key_def *def, const char *value,
                          struct text *answer)
{
    bool theirs = strcmp(value, "Yes") == 0, mine = ours(def, n->limits);
    uint32_t *out = outcome(def, n->params);

    if (!theirs && strcmp(value, "No") != 0)
        return refuse(def->name, answer);
    *out = def->rule == KEY_AND ? theirs && mine : theirs || mine;
    return text_put(answer, def->name, *out ? "Yes" : "No");
}

/* §6.2.1: the first value of the originator's list that the responder supports. */
static int answer_list(struct key_negotiation *n, const struct key_def *def, const char *value,
                       struct text *answer)
{
    static const char *const digests[] = { "None", "CRC32C", NULL }, *const reporting[] = { "RFC3720", NULL };
    const char *const *known = def->rule == KEY_DIGEST ? digests : reporting;
    char word[16];

    while (text_list_next(&value, word, sizeof word))
        for (uint32_t i = 0; known[i]; i++)
            if (strcmp(word, known[i]) == 0) {
                *outcome(def, n->params) = i;
                return text_put(answer, def->name, word);
            }
    return refuse(def->name, answer);
}

static int answer_obsolete(struct key_negotiation *n, const struct key_def *def, const char *value,
                           struct text *answer)
{
    (void)n, (void)value;
    return text_put(answer, def->name, def->rule == KEY_OBSOLETE_NO ? "No" : "Reject");
}

static int (*const answers[])(struct key_negotiation *, const struct key_def *, const char *,
                              struct text *) = {
    [KEY_MIN] = answer_number,
    [KEY_MAX] = answer_number,
    [KEY_AND] = answer_boolean,
    [KEY_OR] = answer_boolean,
    [KEY_DECLARE] = answer_number,
    [KEY_DIGEST] = answer_list,
    [KEY_ONLY_RFC3720] = answer_list,
    [KEY_OBSOLETE_NO] = answer_obsolete,
    [KEY_OBSOLETE_REJECT] = answer_obsolete,
};

static const struct key_def *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* Answers to what we have declared, and the words that close a negotiation, need no answer (§6.2). */
static bool is_closing(const char *value)
{
    return strcmp(value, "NotUnderstood") == 0 || strcmp(value, "Irrelevant") == 0 ||
           strcmp(value, "Reject") == 0;
}

int keys_answer(struct key_negotiation *n, const struct text_pair *pair, struct text *answer)
{
    const struct key_def *def = find(pair->name);
    uint32_t bit;

    if (is_closing(pair->value))
        return 0;
    if (!def)
        return text_put(answer, pair->name, "NotUnderstood");
    bit = 1u << (def - keys);
    if (n->seen & bit || !(def->flags & n->phase))
        return -EPROTO;
    if (strlen(pair->value) > TEXT_VALUE_MAX)
        return refuse(def->name, answer);
    n->seen |= bit;
    if (n->discovery && def->flags & NOT_IN_DISCOVERY)
        return text_put(answer, def->name, "Irrelevant");
    return answers[def->rule](n, def, pair->value, answer);
}

void keys_settle(struct iscsi_params *params)
{
    if (params->first_burst > params->max_burst) /* §13.14: MUST NOT exceed MaxBurstLength */
        params->first_burst = params->max_burst;
}
