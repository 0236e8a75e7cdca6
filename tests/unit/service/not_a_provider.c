/* SPDX-License-Identifier: MIT */
/* A shared object that is no provider. */
extern const int not_a_provider;
const int not_a_provider = 1;
