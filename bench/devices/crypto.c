// SPDX-License-Identifier: MIT
/*
 * Encrypts one buffer of the program into another, with examples/virtio-crypto. If malloc returns
 * pinned memory, then the device reads and writes the two buffers in place, and each buffer is
 * retained and translated. Otherwise the data is copied into and out of buffers that a library
 * would keep for the device; these are translated, and need not be retained.
 *
 * usage: crypto NAME      NAME: the driver's name in the results
 */
#include <pinned.h>

#include "../../examples/virtio-crypto/virtio_crypto.h"
#include "../../examples/common/why.h"
#include "meter.h"

/* An hour of the guest's time, which passes while the guest polls until QEMU runs the device. */
#define TIMEOUT_MS 3600000

struct crypto {
	struct vcrypto *device;
	struct vcrypto_request *request;
	struct vcrypto_job job;
	uint8_t *src, *dst;
	/* The buffers that the device accesses. */
	uint8_t *from, *to;
	uint64_t copied;
};

static void copy(struct crypto *crypto, void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	crypto->copied += len;
}

static void encrypt(void *context, size_t len, struct meter *meter)
{
	struct crypto *crypto = context;
	bool is_bounced = crypto->from != crypto->src;
	struct vcrypto_job job = crypto->job;
	int result;

	crypto->copied = 0;
	if (is_bounced)
		copy(crypto, crypto->from, crypto->src, len);
	job.src = crypto->from;
	job.src_len = len;
	job.dst = crypto->to;
	job.is_kept = is_bounced;
	MUST(!vcrypto_submit(crypto->device, crypto->request, &job));
	meter_work(meter);
	/* The poll that finds the request done takes it out of the ring, so it counts as work. */
	while (!(result = vcrypto_poll(crypto->device, crypto->request)))
		meter_waiting(meter);
	MUST(result == 1);
	if (is_bounced)
		copy(crypto, crypto->dst, crypto->to, len);
	meter_work(meter);
}

static void open_device(struct crypto *crypto)
{
	static const uint8_t key[16] = "a key of 16 byte", iv[16] = "an initial value";

	crypto->device = vcrypto_open(&(struct vcrypto_options){ .timeout_ms = TIMEOUT_MS });
	if (!crypto->device) {
		fprintf(stderr, "crypto: %s\n", why());
		exit(1);
	}
	crypto->request = vcrypto_request_new();
	MUST(crypto->request);
	crypto->job = (struct vcrypto_job){ .is_encrypting = true,
					    .algo = VIRTIO_CRYPTO_CIPHER_AES_CBC,
					    .iv = iv,
					    .iv_len = sizeof(iv) };
	MUST(!vcrypto_session_create(crypto->device, crypto->job.algo, key, sizeof(key), true,
				     &crypto->job.session));
}

int main(int argc, char **argv)
{
	struct crypto crypto = { 0 };

	MUST(argc == 2);
	meter_check();
	open_device(&crypto);
	for (size_t len = SIZE_FIRST; len <= SIZE_LAST; len *= 4) {
		struct result result;
		bool is_reached;

		crypto.src = checked(malloc(len));
		crypto.dst = checked(malloc(len));
		is_reached = vcrypto_reaches(crypto.device, crypto.src);
		crypto.from = is_reached ? crypto.src : checked(pinned_malloc(len));
		crypto.to = is_reached ? crypto.dst : checked(pinned_malloc(len));
		fill(crypto.src, len);
		result =
			measure(argv[1], is_reached ? "in_place" : "bounce", encrypt, &crypto, len);
		report(&result, crypto.copied, checksum(crypto.dst, len));
		if (!is_reached) {
			pinned_free(crypto.from);
			pinned_free(crypto.to);
		}
		free(crypto.src);
		free(crypto.dst);
	}
	vcrypto_request_free(crypto.request);
	vcrypto_close(crypto.device);
	return 0;
}
