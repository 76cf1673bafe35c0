// SPDX-License-Identifier: MIT
/*
 * The module that OpenSSL loads: its name, its algorithms, and its functions for start and end; see
 * provider(7).
 */
#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "cipher.h"
#include "engine.h"

#define VERSION "1"

static const OSSL_PARAM *gettable_params(void *provider)
{
	static const OSSL_PARAM params[] = { OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
					     OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
					     OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
					     OSSL_PARAM_END };

	(void)provider;
	return params;
}

static int get_params(void *provider, OSSL_PARAM params[])
{
	OSSL_PARAM *name = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
	OSSL_PARAM *version = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
	OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

	(void)provider;
	return (!name || OSSL_PARAM_set_utf8_ptr(name, "Ciphers of virtio-crypto")) &&
	       (!version || OSSL_PARAM_set_utf8_ptr(version, VERSION)) &&
	       (!status || OSSL_PARAM_set_int(status, 1));
}

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_CIPHER ? vcrypto_ciphers : NULL;
}

static void teardown(void *provider)
{
	(void)provider;
	engine_stop();
}

/* OpenSSL looks this function up by its name. */
__attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		       const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
		{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
		{ OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL }
	};

	(void)in;
	if (!engine_start())
		return 0;
	*out = functions;
	*provider = (void *)handle;
	return 1;
}
