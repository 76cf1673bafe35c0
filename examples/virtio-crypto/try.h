/* SPDX-License-Identifier: MIT */
/*
 * Helpers for both test programs: checks that report their place, test data, and software results.
 */
#ifndef TRY_H
#define TRY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/run_check.h"

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                        \
		}                                                                       \
	} while (0)

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline void fill_random(void *to, size_t len, uint64_t seed)
{
	uint8_t *bytes = to;

	seed = seed * 2 + 1;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(next_random(&seed) >> 24);
}

/*
 * Encrypts or decrypts with OpenSSL's default provider, whatever is configured. Return: the length
 * of the result.
 */
static inline size_t do_software(const char *name, const uint8_t *key, const uint8_t *iv,
				 bool is_encrypting, bool is_padding, const uint8_t *in, size_t len,
				 uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, "provider=default");
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;

	CHECK(cipher && context);
	CHECK(EVP_CipherInit_ex2(context, cipher, key, iv, is_encrypting, NULL));
	EVP_CIPHER_CTX_set_padding(context, is_padding);
	CHECK(EVP_CipherUpdate(context, out, &n, in, (int)len));
	CHECK(EVP_CipherFinal_ex(context, out + n, &rest));
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return (size_t)(n + rest);
}

#endif /* TRY_H */
