/* SPDX-License-Identifier: MIT */
/*
 * Encrypts and decrypts whole blocks with a key: on the device if the data is pinned and the device
 * accepts the request, and otherwise by OpenSSL's software. The engine counts the bytes of both. A
 * process uses one device, which is opened when it is first needed; a forked child opens its own.
 *
 * Environment:
 *   VCRYPTO_REPORT=FILE  append a line of figures to FILE when the process ends; "-" is stderr
 *   VCRYPTO_VERIFY=1     repeat in software everything that the device does, and compare
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

/* An algorithm: OpenSSL's name for it, the device's number, and its sizes. */
struct engine_cipher {
	const char *name;
	uint32_t algo;
	size_t key_len;
	size_t iv_len;
	unsigned int mode;
};

/* A key for one direction, encryption or decryption. */
struct engine_key {
	const struct engine_cipher *cipher;
	uint8_t key[ENGINE_KEY_MAX];
	bool is_encrypting;
	bool has_session;
	unsigned int forks; /* pci_forks() when the members below were set */
	struct vcrypto_session session;
	struct vcrypto_request *request;
	EVP_CIPHER_CTX *software;
};

/*
 * The data is @head, at most one block that the caller had held back, followed by @src; together
 * they are whole blocks. @is_staged: the data is one block, and the result is copied to @dst.
 */
struct engine_run {
	const uint8_t *head;
	size_t head_len;
	const uint8_t *src;
	size_t src_len;
	uint8_t *dst;
	bool is_staged;
};

/*
 * Start and stop the engine. Calls are counted, for programs that load providers more than once.
 * The last stop closes the device and reports.
 */
bool engine_start(void);
void engine_stop(void);

/* Sets the key, of @key->cipher->key_len bytes, for one direction. */
void engine_key_set(struct engine_key *key, const uint8_t *bytes, bool is_encrypting);
/* Ends the key's session and wipes the key. */
void engine_key_clear(struct engine_key *key);
/* Returns a software context with this key, without padding; NULL on failure. */
EVP_CIPHER_CTX *engine_software(struct engine_key *key);

/*
 * Processes the data of @run, and updates @iv for the next call. Return: false on failure; the
 * content of @dst is then undefined.
 */
bool engine_do(struct engine_key *key, uint8_t *iv, const struct engine_run *run);
/* Counts @len bytes that the caller processed with the context of engine_software(). */
void engine_count_software(size_t len);

#endif /* ENGINE_H */
