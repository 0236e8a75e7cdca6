/* SPDX-License-Identifier: MIT */
/* The bytes of a script as UTF-8: what Windows' editors and PowerShell write is UTF-16 or UTF-8 with a byte
 * order mark, or plain. Knows nothing of lines. */
#ifndef VDS_CLI_DISKRAID_READER_H
#define VDS_CLI_DISKRAID_READER_H

#include <stdio.h>

enum reader_encoding { READER_UTF8, READER_UTF16_LITTLE, READER_UTF16_BIG };

struct reader {
    FILE *file;
    enum reader_encoding encoding;
    unsigned char ready[8]; /* read, or decoded, and not handed out yet */
    unsigned n_ready;
};

/* Looks for a byte order mark and takes it away. Without one, UTF-8. */
void reader_init(struct reader *reader, FILE *file);

/* The next byte, EOF at the end. Half a unit and what is no UTF-16 give 0xff, which is in no UTF-8 text. */
int reader_next(struct reader *reader);

#endif
