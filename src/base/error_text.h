/* SPDX-License-Identifier: MIT */
/* The sentence that goes with an error code: names the object and the next step. Per thread, like errno;
 * codes decide, text explains. */
#ifndef VDS_BASE_ERROR_TEXT_H
#define VDS_BASE_ERROR_TEXT_H

/* Remembers the sentence for the failure that this thread is about to return. */
void error_text_set(const char *format, ...) __attribute__((format(printf, 1, 2)));
void error_text_clear(void);

/* The last sentence set on this thread since the last clear, or "". Valid until the next call here on this
 * thread. */
const char *error_text_get(void);

#endif
