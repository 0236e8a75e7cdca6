/* SPDX-License-Identifier: MIT */
/* UTF-8 inside, UTF-16 at the API: the one place where the two meet. */
#ifndef VDS_BASE_UTF_H
#define VDS_BASE_UTF_H

#include <stddef.h>
#include <stdint.h>

/* Number of UTF-16 units that `text` needs, without the zero; -EILSEQ when it is not valid UTF-8. */
int utf16_length(const char *text, size_t *ret_units);

/* Writes utf16_length() units and a zero into `out`, which must hold them (checked against n_out). -EILSEQ,
 * -ENOBUFS. */
int utf8_to_utf16(const char *text, uint16_t *out, size_t n_out);

/* A malloc'ed UTF-8 copy of zero-terminated UTF-16. -EILSEQ for an unpaired surrogate, -ENOMEM. The caller
 * frees it. */
int utf16_to_utf8(const uint16_t *text, char **ret_text);

#endif
