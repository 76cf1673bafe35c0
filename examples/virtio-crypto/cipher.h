/* SPDX-License-Identifier: MIT */
/* The block ciphers that the provider offers, as OpenSSL's dispatch tables (provider-cipher(7)). */
#ifndef CIPHER_H
#define CIPHER_H

#include <openssl/core.h>

extern const OSSL_ALGORITHM vcrypto_ciphers[];

#endif /* CIPHER_H */
