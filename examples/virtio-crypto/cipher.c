// SPDX-License-Identifier: MIT
/*
 * Turns streams of bytes into runs of whole blocks: keeps an incomplete block in the context until
 * more bytes arrive, adds and removes padding, and handles TLS records. engine.c encrypts and
 * decrypts the blocks.
 *
 * As OpenSSL requires, one thread at a time uses a context.
 */
#include "cipher.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/ssl.h>
#include <string.h>

#include "engine.h"

struct context {
	struct engine_key key;
	bool has_key, has_iv, is_encrypting, is_padding;
	uint8_t first_iv[ENGINE_BLOCK], iv[ENGINE_BLOCK];
	uint8_t held[ENGINE_BLOCK]; /* input that waits for more */
	size_t held_len;
	/*
	 * If not 0, the data is TLS records; records with a MAC inside are delegated to software.
	 */
	unsigned int tls_version;
	size_t tls_mac_len;
	bool is_delegated;
};

static int fail(int reason)
{
	ERR_raise(ERR_LIB_PROV, reason);
	return 0;
}

/* Life. */

static void *new_context(const struct engine_cipher *cipher)
{
	struct context *context = OPENSSL_zalloc(sizeof(*context));

	if (context) {
		context->key.cipher = cipher;
		context->is_padding = true;
	}
	return context;
}

static void free_context(void *ptr)
{
	struct context *context = ptr;

	engine_key_clear(&context->key);
	OPENSSL_clear_free(context, sizeof(*context));
}

static void *copy_context(void *ptr)
{
	const struct context *from = ptr;
	struct context *to;

	/* The state of a record that was delegated to software cannot be copied. */
	if (from->is_delegated)
		return NULL;
	to = OPENSSL_memdup(from, sizeof(*from));
	if (to) {
		to->key.has_session = false;
		to->key.request = NULL;
		to->key.software = NULL;
	}
	return to;
}

static int set_params(void *ptr, const OSSL_PARAM params[]);

static int init(struct context *context, const unsigned char *key, size_t key_len,
		const unsigned char *iv, size_t iv_len, const OSSL_PARAM params[],
		bool is_encrypting)
{
	const struct engine_cipher *cipher = context->key.cipher;

	context->held_len = 0;
	context->is_delegated = false;
	if (iv && cipher->iv_len) {
		if (iv_len != cipher->iv_len)
			return fail(PROV_R_INVALID_IV_LENGTH);
		memcpy(context->first_iv, iv, iv_len);
		context->has_iv = true;
	}
	memcpy(context->iv, context->first_iv, sizeof(context->iv));
	if (key) {
		if (key_len != cipher->key_len)
			return fail(PROV_R_INVALID_KEY_LENGTH);
		engine_key_set(&context->key, key, is_encrypting);
		context->has_key = true;
	} else if (context->has_key && is_encrypting != context->is_encrypting) {
		uint8_t same[ENGINE_KEY_MAX];

		memcpy(same, context->key.key, sizeof(same));
		engine_key_set(&context->key, same, is_encrypting);
		OPENSSL_cleanse(same, sizeof(same));
	}
	context->is_encrypting = is_encrypting;
	return set_params(context, params);
}

static int init_encryption(void *ptr, const unsigned char *key, size_t key_len,
			   const unsigned char *iv, size_t iv_len, const OSSL_PARAM params[])
{
	return init(ptr, key, key_len, iv, iv_len, params, true);
}

static int init_decryption(void *ptr, const unsigned char *key, size_t key_len,
			   const unsigned char *iv, size_t iv_len, const OSSL_PARAM params[])
{
	return init(ptr, key, key_len, iv, iv_len, params, false);
}

/* Data. */

static int check_ready(const struct context *context)
{
	if (!context->has_key)
		return fail(PROV_R_NO_KEY_SET);
	if (context->key.cipher->iv_len && !context->has_iv)
		return fail(PROV_R_MISSING_CONFIG_DATA);
	return 1;
}

static int run(struct context *context, const struct engine_run *what)
{
	return engine_do(&context->key, context->iv, what) ? 1
							   : fail(PROV_R_CIPHER_OPERATION_FAILED);
}

/*
 * Checks the padding at the end of decrypted data. Always compares all padding bytes, so that the
 * time taken does not tell which byte was wrong. Return: the number of padding bytes; 0 if they are
 * invalid.
 */
static size_t padding_len(const uint8_t *data, size_t len, bool is_tls)
{
	size_t count = data[len - 1] + (is_tls ? 1u : 0u);
	uint8_t differs = 0;

	if (!count || count > len || (!is_tls && count > ENGINE_BLOCK))
		return 0;
	for (size_t i = 0; i < count; i++)
		differs |= data[len - 1 - i] ^ data[len - 1];
	return differs ? 0 : count;
}

/*
 * Encrypts or decrypts a TLS record in place. The record is encrypt-then-MAC, so the padding is
 * checked only after the MAC was found good.
 */
static int do_record(struct context *context, uint8_t *out, size_t *out_len, size_t out_size,
		     const uint8_t *in, size_t len)
{
	size_t padding = 0;

	if (context->is_encrypting) {
		padding = ENGINE_BLOCK - len % ENGINE_BLOCK;
		if (in != out || out_size < len + padding)
			return fail(PROV_R_OUTPUT_BUFFER_TOO_SMALL);
		memset(out + len, (int)(padding - 1), padding);
		len += padding;
	} else if (in != out || len % ENGINE_BLOCK || len < 2 * ENGINE_BLOCK) {
		return fail(PROV_R_CIPHER_OPERATION_FAILED);
	}
	if (!run(context, &(struct engine_run){ .src = out, .src_len = len, .dst = out }))
		return 0;
	*out_len = len;
	if (context->is_encrypting)
		return 1;
	/* The caller skips the first block, which is the record's initialisation vector. */
	*out_len -= ENGINE_BLOCK;
	padding = padding_len(out + ENGINE_BLOCK, *out_len, true);
	*out_len -= padding;
	return padding ? 1 : fail(PROV_R_CIPHER_OPERATION_FAILED);
}

static int delegate(struct context *context, uint8_t *out, size_t *out_len, const uint8_t *in,
		    size_t len)
{
	EVP_CIPHER_CTX *software = engine_software(&context->key);
	OSSL_PARAM params[] = {
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_TLS_VERSION, &context->tls_version),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_TLS_MAC_SIZE, &context->tls_mac_len),
		OSSL_PARAM_END
	};
	int n = 0;

	if (!software || len > INT32_MAX)
		return 0;
	if (!context->is_delegated) {
		if (!EVP_CipherInit_ex2(software, NULL, NULL, context->iv, -1, NULL) ||
		    !EVP_CIPHER_CTX_set_padding(software, 1) ||
		    !EVP_CIPHER_CTX_set_params(software, params))
			return 0;
		context->is_delegated = true;
	}
	if (!EVP_CipherUpdate(software, out, &n, in, (int)len))
		return 0;
	engine_count_software(len);
	*out_len = (size_t)n;
	return 1;
}

/*
 * Returns how many of @len available bytes can be processed now. When decrypting, the last block
 * waits, because it may contain padding.
 */
static size_t whole_blocks(const struct context *context, size_t len)
{
	if (!context->is_encrypting && context->is_padding && len)
		len--;
	return len / ENGINE_BLOCK * ENGINE_BLOCK;
}

static int update(void *ptr, unsigned char *out, size_t *out_len, size_t out_size,
		  const unsigned char *in, size_t len)
{
	struct context *context = ptr;
	size_t now, from_held, from_in;

	*out_len = 0;
	if (!check_ready(context))
		return 0;
	if (context->tls_version && (context->tls_mac_len || context->tls_version == TLS1_VERSION))
		return delegate(context, out, out_len, in, len);
	if (context->tls_version)
		return do_record(context, out, out_len, out_size, in, len);
	now = whole_blocks(context, context->held_len + len);
	if (out_size < now)
		return fail(PROV_R_OUTPUT_BUFFER_TOO_SMALL);
	/* Either no block is processed now, or all of the held bytes are. */
	from_held = now ? context->held_len : 0;
	from_in = now - from_held;
	if (now && !run(context, &(struct engine_run){ .head = context->held,
						       .head_len = from_held,
						       .src = in,
						       .src_len = from_in,
						       .dst = out }))
		return 0;
	context->held_len -= from_held;
	if (len > from_in)
		memcpy(context->held + context->held_len, in + from_in, len - from_in);
	context->held_len += len - from_in;
	*out_len = now;
	return 1;
}

/* Encrypts or decrypts the held block within the context. */
static int do_held(struct context *context)
{
	return run(context, &(struct engine_run){ .head = context->held,
						  .head_len = ENGINE_BLOCK,
						  .dst = context->held,
						  .is_staged = true });
}

static int finish_encryption(struct context *context, unsigned char *out, size_t *out_len,
			     size_t out_size)
{
	size_t padding = ENGINE_BLOCK - context->held_len;

	if (!context->is_padding)
		return context->held_len ? fail(PROV_R_WRONG_FINAL_BLOCK_LENGTH) : 1;
	if (out_size < ENGINE_BLOCK)
		return fail(PROV_R_OUTPUT_BUFFER_TOO_SMALL);
	memset(context->held + context->held_len, (int)padding, padding);
	if (!do_held(context))
		return 0;
	memcpy(out, context->held, ENGINE_BLOCK);
	*out_len = ENGINE_BLOCK;
	return 1;
}

static int finish_decryption(struct context *context, unsigned char *out, size_t *out_len,
			     size_t out_size)
{
	size_t padding;

	if (!context->is_padding)
		return context->held_len ? fail(PROV_R_WRONG_FINAL_BLOCK_LENGTH) : 1;
	if (context->held_len != ENGINE_BLOCK)
		return fail(PROV_R_WRONG_FINAL_BLOCK_LENGTH);
	if (!do_held(context))
		return 0;
	padding = padding_len(context->held, ENGINE_BLOCK, false);
	if (!padding)
		return fail(PROV_R_BAD_DECRYPT);
	*out_len = ENGINE_BLOCK - padding;
	if (out_size < *out_len)
		return fail(PROV_R_OUTPUT_BUFFER_TOO_SMALL);
	memcpy(out, context->held, *out_len);
	return 1;
}

static int finish(void *ptr, unsigned char *out, size_t *out_len, size_t out_size)
{
	struct context *context = ptr;
	int result;

	*out_len = 0;
	if (!check_ready(context))
		return 0;
	if (context->tls_version)
		return fail(PROV_R_CIPHER_OPERATION_FAILED);
	result = context->is_encrypting ? finish_encryption(context, out, out_len, out_size)
					: finish_decryption(context, out, out_len, out_size);
	OPENSSL_cleanse(context->held, sizeof(context->held));
	context->held_len = 0;
	return result;
}

/* Implements EVP_Cipher(): whole blocks in one call, without padding. */
static int do_blocks(void *ptr, unsigned char *out, size_t *out_len, size_t out_size,
		     const unsigned char *in, size_t len)
{
	struct context *context = ptr;

	if (!check_ready(context))
		return 0;
	if (len % ENGINE_BLOCK)
		return fail(PROV_R_WRONG_FINAL_BLOCK_LENGTH);
	if (out_size < len)
		return fail(PROV_R_OUTPUT_BUFFER_TOO_SMALL);
	if (!run(context, &(struct engine_run){ .src = in, .src_len = len, .dst = out }))
		return 0;
	*out_len = len;
	return 1;
}

/* Parameters. */

static int set_size(OSSL_PARAM params[], const char *name, size_t value)
{
	OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

	return !param || OSSL_PARAM_set_size_t(param, value);
}

static int get_cipher_params(OSSL_PARAM params[], const struct engine_cipher *cipher)
{
	OSSL_PARAM *mode = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_MODE);

	return (!mode || OSSL_PARAM_set_uint(mode, cipher->mode)) &&
	       set_size(params, OSSL_CIPHER_PARAM_KEYLEN, cipher->key_len) &&
	       set_size(params, OSSL_CIPHER_PARAM_IVLEN, cipher->iv_len) &&
	       set_size(params, OSSL_CIPHER_PARAM_BLOCK_SIZE, ENGINE_BLOCK);
}

static const OSSL_PARAM *gettable_cipher_params(void *provider)
{
	static const OSSL_PARAM params[] = { OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, NULL),
					     OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
					     OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
					     OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL),
					     OSSL_PARAM_END };

	(void)provider;
	return params;
}

static int set_iv(OSSL_PARAM params[], const char *name, const uint8_t *iv, size_t len)
{
	OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

	return !param || OSSL_PARAM_set_octet_ptr(param, iv, len) ||
	       OSSL_PARAM_set_octet_string(param, iv, len);
}

/* Asks the software context where it put the MAC of the last record. */
static int get_mac(struct context *context, OSSL_PARAM *param)
{
	OSSL_PARAM asked[] = { *param, OSSL_PARAM_END };

	if (!context->is_delegated)
		return OSSL_PARAM_set_octet_ptr(param, NULL, 0);
	return EVP_CIPHER_CTX_get_params(context->key.software, asked);
}

static int get_params(void *ptr, OSSL_PARAM params[])
{
	struct context *context = ptr;
	const struct engine_cipher *cipher = context->key.cipher;
	OSSL_PARAM *padding = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_PADDING);
	OSSL_PARAM *num = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_NUM);
	OSSL_PARAM *mac = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_TLS_MAC);

	return (!padding || OSSL_PARAM_set_uint(padding, context->is_padding)) &&
	       (!num || OSSL_PARAM_set_uint(num, 0)) && (!mac || get_mac(context, mac)) &&
	       set_size(params, OSSL_CIPHER_PARAM_KEYLEN, cipher->key_len) &&
	       set_size(params, OSSL_CIPHER_PARAM_IVLEN, cipher->iv_len) &&
	       set_iv(params, OSSL_CIPHER_PARAM_IV, context->first_iv, cipher->iv_len) &&
	       set_iv(params, OSSL_CIPHER_PARAM_UPDATED_IV, context->iv, cipher->iv_len);
}

static const OSSL_PARAM *gettable_params(void *ptr, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_NUM, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_IV, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_UPDATED_IV, NULL, 0),
		OSSL_PARAM_octet_ptr(OSSL_CIPHER_PARAM_TLS_MAC, NULL, 0),
		OSSL_PARAM_END
	};

	(void)ptr;
	(void)provider;
	return params;
}

static int set_params(void *ptr, const OSSL_PARAM params[])
{
	struct context *context = ptr;
	const OSSL_PARAM *param;
	unsigned int is_padding;
	size_t key_len;

	if (!params)
		return 1;
	param = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_PADDING);
	if (param) {
		if (!OSSL_PARAM_get_uint(param, &is_padding))
			return fail(PROV_R_FAILED_TO_GET_PARAMETER);
		context->is_padding = is_padding != 0;
	}
	param = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_KEYLEN);
	if (param &&
	    (!OSSL_PARAM_get_size_t(param, &key_len) || key_len != context->key.cipher->key_len))
		return fail(PROV_R_INVALID_KEY_LENGTH);
	param = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_TLS_VERSION);
	if (param && !OSSL_PARAM_get_uint(param, &context->tls_version))
		return fail(PROV_R_FAILED_TO_GET_PARAMETER);
	param = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_TLS_MAC_SIZE);
	if (param && !OSSL_PARAM_get_size_t(param, &context->tls_mac_len))
		return fail(PROV_R_FAILED_TO_GET_PARAMETER);
	return 1;
}

static const OSSL_PARAM *settable_params(void *ptr, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_TLS_VERSION, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_TLS_MAC_SIZE, NULL), OSSL_PARAM_END
	};

	(void)ptr;
	(void)provider;
	return params;
}

/*
 * The dispatch table of one algorithm. Two functions get no context, so they differ by algorithm.
 */
#define CIPHER(id, its_name, its_algo, bits, its_iv_len, its_mode)                            \
	static const struct engine_cipher id = { .name = its_name,                            \
						 .algo = its_algo,                            \
						 .key_len = (bits) / 8,                       \
						 .iv_len = its_iv_len,                        \
						 .mode = its_mode };                          \
	static void *id##_new(void *provider)                                                 \
	{                                                                                     \
		(void)provider;                                                               \
		return new_context(&id);                                                      \
	}                                                                                     \
	static int id##_get_params(OSSL_PARAM params[])                                       \
	{                                                                                     \
		return get_cipher_params(params, &id);                                        \
	}                                                                                     \
	static const OSSL_DISPATCH id##_functions[] = {                                       \
		{ OSSL_FUNC_CIPHER_NEWCTX, (void (*)(void))id##_new },                        \
		{ OSSL_FUNC_CIPHER_FREECTX, (void (*)(void))free_context },                   \
		{ OSSL_FUNC_CIPHER_DUPCTX, (void (*)(void))copy_context },                    \
		{ OSSL_FUNC_CIPHER_ENCRYPT_INIT, (void (*)(void))init_encryption },           \
		{ OSSL_FUNC_CIPHER_DECRYPT_INIT, (void (*)(void))init_decryption },           \
		{ OSSL_FUNC_CIPHER_UPDATE, (void (*)(void))update },                          \
		{ OSSL_FUNC_CIPHER_FINAL, (void (*)(void))finish },                           \
		{ OSSL_FUNC_CIPHER_CIPHER, (void (*)(void))do_blocks },                       \
		{ OSSL_FUNC_CIPHER_GET_PARAMS, (void (*)(void))id##_get_params },             \
		{ OSSL_FUNC_CIPHER_GETTABLE_PARAMS, (void (*)(void))gettable_cipher_params }, \
		{ OSSL_FUNC_CIPHER_GET_CTX_PARAMS, (void (*)(void))get_params },              \
		{ OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS, (void (*)(void))gettable_params },    \
		{ OSSL_FUNC_CIPHER_SET_CTX_PARAMS, (void (*)(void))set_params },              \
		{ OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))settable_params },    \
		{ 0, NULL }                                                                   \
	}

CIPHER(aes_128_cbc, "AES-128-CBC", VIRTIO_CRYPTO_CIPHER_AES_CBC, 128, 16, EVP_CIPH_CBC_MODE);
CIPHER(aes_192_cbc, "AES-192-CBC", VIRTIO_CRYPTO_CIPHER_AES_CBC, 192, 16, EVP_CIPH_CBC_MODE);
CIPHER(aes_256_cbc, "AES-256-CBC", VIRTIO_CRYPTO_CIPHER_AES_CBC, 256, 16, EVP_CIPH_CBC_MODE);

/*
 * ECB is left out, although the device offers it, because OpenSSL's random generators would use
 * this provider's ECB with their own keys.
 */
#define PROPERTIES "provider=vcrypto"
/* OpenSSL finds an algorithm by any of its names. These names are the default provider's. */
const OSSL_ALGORITHM vcrypto_ciphers[] = {
	{ "AES-128-CBC:AES128:2.16.840.1.101.3.4.1.2", PROPERTIES, aes_128_cbc_functions, NULL },
	{ "AES-192-CBC:AES192:2.16.840.1.101.3.4.1.22", PROPERTIES, aes_192_cbc_functions, NULL },
	{ "AES-256-CBC:AES256:2.16.840.1.101.3.4.1.42", PROPERTIES, aes_256_cbc_functions, NULL },
	{ NULL, NULL, NULL, NULL }
};
