/* SPDX-License-Identifier: MIT */
/*
 * Whole blocks under a key: by the device where the data is pinned and the device takes it, else by
 * OpenSSL's own software. Counts which bytes went which way. One device for a process, opened when
 * first needed; a forked child opens its own.
 *
 * Environment:
 *   VCRYPTO_REPORT=FILE  append a line of figures there when the process ends; "-" is stderr
 *   VCRYPTO_VERIFY=1     do everything that the device does in software too, and compare
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_crypto.h"

#define ENGINE_BLOCK 16
#define ENGINE_KEY_MAX 32

/* An algorithm, as OpenSSL and the device call it. */
struct engine_cipher {
	const char *name;
	uint32_t algo;
	size_t key_len;
	size_t iv_len;
	unsigned int mode;
};

/* One direction of one key. */
struct engine_key {
	const struct engine_cipher *cipher;
	uint8_t key[ENGINE_KEY_MAX];
	bool is_encrypting;
	bool has_session;
	unsigned int forks; /* when what follows was made */
	struct vcrypto_session session;
	struct vcrypto_request *request;
	EVP_CIPHER_CTX *software;
};

/*
 * @head of at most a block, held back by the caller, then @src: whole blocks together. @is_staged: one
 * block, whose result reaches @dst by a copy.
 */
struct engine_run {
	const uint8_t *head;
	size_t head_len;
	const uint8_t *src;
	size_t src_len;
	uint8_t *dst;
	bool is_staged;
};

/* Counted, for programs that load providers more than once. The last stop closes the device and reports. */
bool engine_start(void);
void engine_stop(void);

void engine_key_set(struct engine_key *key, const uint8_t *bytes, bool is_encrypting);
/* Ends its session, wipes the key. */
void engine_key_clear(struct engine_key *key);
/* A software context of this key, without padding of its own; NULL if there is none. */
EVP_CIPHER_CTX *engine_software(struct engine_key *key);

/* The chain goes on in @iv. Return: false if the data could not be done: what @dst holds is undefined. */
bool engine_do(struct engine_key *key, uint8_t *iv, const struct engine_run *run);
/* For what the caller had done by engine_software() itself. */
void engine_count_software(size_t len);

#endif /* ENGINE_H */
