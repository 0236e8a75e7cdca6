/* SPDX-License-Identifier: MIT */
/* key=value text of Login and Text PDUs (RFC 7143 §6.1): a reader that never leaves its buffer, a writer that
 * never outgrows its bound.
 *
 * What an initiator sends decides how much it sends, never how much we answer: every answer goes through one
 * writer with one limit.
 */
#ifndef VDS_ISCSI_TEXT_H
#define VDS_ISCSI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_NAME_MAX   63   /* §6.1: key-name */
#define TEXT_VALUE_MAX  255  /* §6.1: values, unless a key says otherwise */
#define TEXT_BINARY_MAX 1024 /* §12.1.3: CHAP's large binary values, decoded */

/* ---- growing byte buffer with an end ------------------------------------------------------------------- */

struct text {
    char *bytes; /* owned; NULL while empty */
    size_t len, room, max;
};

void text_init(struct text *t, size_t max);
void text_fini(struct text *t);
/* -ENOSPC: past `max`, nothing added. -ENOMEM. */
int text_append(struct text *t, const void *bytes, size_t len);
/* "key=value" with its zero. Same errors, and then nothing of it is there. */
int text_put(struct text *t, const char *key, const char *value);
int text_put_number(struct text *t, const char *key, uint32_t value);
/* "key=0x0123..." */
int text_put_hex(struct text *t, const char *key, const uint8_t *bytes, size_t len);

/* ---- reading ------------------------------------------------------------------------------------------- */

struct text_pair {
    char name[TEXT_NAME_MAX + 1];
    const char *value; /* zero-terminated, inside the text that is read */
};

/* Takes the next pair from t at *at: 1 and *ret_pair, 0 at the end, -EINVAL when it is no pair (no '=', name
 * empty or too long, no zero behind it). t must be complete (§6.2: no C bit pending). */
int text_next(const struct text *t, size_t *at, struct text_pair *ret_pair);

/* Decimal or 0x hexadecimal (§6.1 numerical-value). -EINVAL, -ERANGE. */
int text_number(const char *value, uint32_t *ret_number);
/* Binary value: 0x hexadecimal or 0b base64. -EINVAL, -ENOSPC. */
int text_binary(const char *value, uint8_t *out, size_t n_out, size_t *ret_len);

/* Cuts the next word off a comma-separated list: returns false at the end. Words longer than n_word - 1 come
 * out empty. */
bool text_list_next(const char **list, char *word, size_t n_word);

#endif
