// SPDX-License-Identifier: MIT
/*
 * Requests on data: checks a job, describes it as extents, puts it into the data queue, and waits
 * for it. A waiting thread takes every finished request out of the ring, its own and other
 * threads'.
 */
#include "virtio_crypto_device.h"

#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "../common/why.h"

/* How long to poll without a pause. Most requests end sooner; later, other threads get the CPU. */
#define SPIN_MS 2

/* The whole structure lies in pinned memory, because the device reads and writes parts of it. */
struct vcrypto_request {
	struct virtio_crypto_op_data_req header;
	uint8_t iv[VCRYPTO_IV_MAX];
	uint8_t head[VCRYPTO_HEAD_MAX];
	uint8_t result[VCRYPTO_HEAD_MAX];
	uint8_t status;
	bool is_in_flight;
	int error;
	int64_t end_ms;
	/* To sync for the CPU when the request ends, and to release unless is_kept is set. */
	const void *src, *dst;
	size_t src_len, dst_len;
	bool is_kept;
};

int64_t vcrypto_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ends. */

static void release(struct vcrypto_request *request)
{
	int error = errno;

	if (request->src && !request->is_kept)
		pinned_release(request->src);
	if (request->dst && !request->is_kept)
		pinned_release(request->dst);
	request->src = request->dst = NULL;
	errno = error;
}

void vcrypto_end_request(struct vcrypto_request *request, int error)
{
	pinned_sync_for_cpu(request, sizeof(*request), PINNED_DEVICE_READS | PINNED_DEVICE_WRITES);
	if (request->dst)
		pinned_sync_for_cpu(request->dst, request->dst_len, PINNED_DEVICE_WRITES);
	release(request);
	request->error = error;
	__atomic_store_n(&request->is_in_flight, false, __ATOMIC_RELEASE);
}

struct vcrypto_request *vcrypto_request_new(void)
{
	struct vcrypto_request *request = pinned_calloc(1, sizeof(*request));

	if (!request)
		why_fail(ENOMEM, "no pinned memory: backend %s", pinned_backend());
	return request;
}

void vcrypto_request_free(struct vcrypto_request *request)
{
	if (!request || request->is_in_flight)
		return;
	explicit_bzero(request, sizeof(*request));
	pinned_free(request);
}

const void *vcrypto_request_result(const struct vcrypto_request *request)
{
	return request->result;
}

static void fill_header(struct vcrypto_request *request, const struct vcrypto_job *job)
{
	struct virtio_crypto_op_data_req *header = &request->header;
	struct virtio_crypto_cipher_para *cipher = &header->u.sym_req.u.cipher.para;
	uint32_t len = (uint32_t)(job->head_len + job->src_len);

	memset(header, 0, sizeof(*header));
	header->header.opcode = htole32(job->is_encrypting ? VIRTIO_CRYPTO_CIPHER_ENCRYPT
							   : VIRTIO_CRYPTO_CIPHER_DECRYPT);
	header->header.algo = htole32(job->algo);
	header->header.session_id = htole64(job->session.id);
	header->u.sym_req.op_type = htole32(VIRTIO_CRYPTO_SYM_OP_CIPHER);
	cipher->iv_len = htole32((uint32_t)job->iv_len);
	cipher->src_data_len = htole32(len);
	cipher->dst_data_len = htole32(len);
	if (job->iv_len)
		memcpy(request->iv, job->iv, job->iv_len);
	if (job->head_len)
		memcpy(request->head, job->head, job->head_len);
	request->status = 0xff;
}

/* Appends the extents of @len bytes at @ptr. Return: the new number of extents; -1 with errno. */
static int add_range(const struct vcrypto *dev, struct pinned_extent *extents, int count, int max,
		     const void *ptr, size_t len)
{
	long more = pci_extents(&dev->virtio.pci, ptr, len, extents + count, (size_t)(max - count));

	if (more < 0)
		return why_fail(EFAULT, "%zu bytes at %p are not all in pinned memory", len, ptr);
	if (more > max - count)
		return why_fail(E2BIG, "%zu bytes have %ld extents, more than the ring takes", len,
				more);
	return count + (int)more;
}

/*
 * Describes a request as extents: first header, vector, head and data, which the device reads; then
 * result and status, which it writes. Return: the number of extents, of which the first @readable
 * are for reading; -1 with errno.
 */
static int describe(const struct vcrypto *dev, struct pinned_extent *extents,
		    struct vcrypto_request *request, const struct vcrypto_job *job, int *readable)
{
	size_t len = job->head_len + job->src_len;
	int count = 0, max = dev->ring_entries;

	extents[count++] = vcrypto_extent_of(dev, &request->header, sizeof(request->header));
	if (job->iv_len)
		extents[count++] = vcrypto_extent_of(dev, request->iv, job->iv_len);
	if (job->head_len)
		extents[count++] = vcrypto_extent_of(dev, request->head, job->head_len);
	if (extents[0].phys == PINNED_NO_PHYS)
		return why_fail(EFAULT, "the request is not in pinned memory of this process");
	count = add_range(dev, extents, count, max, job->src, job->src_len);
	if (count < 0)
		return -1;
	*readable = count;
	count = add_range(dev, extents, count, max, job->dst ? job->dst : request->result, len);
	if (count < 0)
		return -1;
	if (count == max)
		return why_fail(E2BIG, "%zu bytes have more extents than the ring takes", len);
	extents[count++] = vcrypto_extent_of(dev, &request->status, sizeof(request->status));
	return count;
}

static int check_job(const struct vcrypto *dev, const struct vcrypto_job *job)
{
	size_t len = job->head_len + job->src_len;

	if (!len || job->head_len > VCRYPTO_HEAD_MAX || job->iv_len > VCRYPTO_IV_MAX ||
	    (!job->dst && len > VCRYPTO_HEAD_MAX))
		return why_fail(EINVAL, "a job of %zu bytes that makes no sense", len);
	/* The device's limit applies to the sum of vector, data and result. */
	if (len > UINT32_MAX || 2 * (uint64_t)len + job->iv_len > dev->max_size)
		return why_fail(EMSGSIZE, "%zu bytes are more than the device takes", len);
	return 0;
}

/* Retains the source and the result, so that freeing them meanwhile does not release the memory. */
static int retain(struct vcrypto_request *request, const struct vcrypto_job *job)
{
	request->src = request->dst = NULL;
	request->is_kept = job->is_kept;
	if (job->src_len) {
		if (!job->is_kept && pinned_retain(job->src))
			return why_fail(errno, "cannot retain the data at %p", job->src);
		request->src = job->src;
	}
	if (job->dst) {
		if (!job->is_kept && pinned_retain(job->dst)) {
			why_fail(errno, "cannot retain the memory at %p", job->dst);
			return -1;
		}
		request->dst = job->dst;
	}
	request->src_len = job->src_len;
	request->dst_len = job->head_len + job->src_len;
	return 0;
}

static int submit_locked(struct vcrypto *dev, struct vcrypto_request *request,
			 unsigned int generation, const struct pinned_extent *extents, int readable,
			 int count)
{
	struct vcrypto_request *other;

	if (dev->is_broken)
		return why_fail(EIO, "%s failed and did not come back", dev->virtio.pci.name);
	/* After a reset, the session's number may belong to another key. */
	if (generation != dev->generation)
		return why_fail(ESTALE, "%s was reset, the session is lost", dev->virtio.pci.name);
	while ((other = virtqueue_reap(&dev->data)))
		vcrypto_end_request(other, 0);
	request->end_ms = vcrypto_now_ms() + dev->timeout_ms;
	request->is_in_flight = true;
	if (!virtqueue_add(&dev->data, extents, (unsigned int)readable,
			   (unsigned int)(count - readable), request))
		return 0;
	request->is_in_flight = false;
	return -1;
}

int vcrypto_submit(struct vcrypto *dev, struct vcrypto_request *request,
		   const struct vcrypto_job *job)
{
	struct pinned_extent extents[RING_MAX];
	int readable = 0, count, result = -1;

	if (check_job(dev, job) || vcrypto_lock_own(dev))
		return -1;
	/* Retain before translating, or another thread could free the memory in between. */
	if (retain(request, job))
		goto err_release;
	fill_header(request, job);
	count = describe(dev, extents, request, job, &readable);
	if (count < 0)
		goto err_release;
	pinned_sync_for_device(request, sizeof(*request),
			       PINNED_DEVICE_READS | PINNED_DEVICE_WRITES);
	if (job->src_len)
		pinned_sync_for_device(job->src, job->src_len, PINNED_DEVICE_READS);
	if (job->dst)
		pinned_sync_for_device(job->dst, request->dst_len, PINNED_DEVICE_WRITES);
	result = submit_locked(dev, request, job->session.generation, extents, readable, count);
err_release:
	if (result)
		release(request);
	pthread_mutex_unlock(&dev->mutex);
	return result;
}

/* Returns the result of a request that has ended: 1, or -1 with errno. */
static int result_of(const struct vcrypto *dev, const struct vcrypto_request *request)
{
	if (request->error)
		return why_fail(request->error, "%s was reset with the request in flight: %s",
				dev->virtio.pci.name, strerror(request->error));
	return request->status == VIRTIO_CRYPTO_OK
		       ? 1
		       : vcrypto_fail_by_status(dev, "a data request", request->status);
}

/* As vcrypto_poll(). @is_thorough: also check for a time-out and a failed device, and reset it. */
static int poll_once(struct vcrypto *dev, struct vcrypto_request *request, bool is_thorough)
{
	struct vcrypto_request *other;

	if (__atomic_load_n(&request->is_in_flight, __ATOMIC_ACQUIRE)) {
		if (vcrypto_lock_own(dev))
			return -1;
		while ((other = virtqueue_reap(&dev->data)))
			vcrypto_end_request(other, 0);
		if (request->is_in_flight && is_thorough) {
			if (vcrypto_now_ms() > request->end_ms)
				vcrypto_revive_locked(dev, ETIMEDOUT);
			else
				vcrypto_check_locked(dev);
		}
		pthread_mutex_unlock(&dev->mutex);
		if (__atomic_load_n(&request->is_in_flight, __ATOMIC_ACQUIRE))
			return dev->is_broken
				       ? why_fail(EIO, "%s cannot be reset", dev->virtio.pci.name)
				       : 0;
	}
	return result_of(dev, request);
}

int vcrypto_poll(struct vcrypto *dev, struct vcrypto_request *request)
{
	return poll_once(dev, request, true);
}

int vcrypto_wait(struct vcrypto *dev, struct vcrypto_request *request)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	int64_t begin = vcrypto_now_ms(), look = begin + STATUS_MS;

	for (;;) {
		int64_t now = vcrypto_now_ms();
		int result = poll_once(dev, request, now >= look);

		if (result)
			return result > 0 ? 0 : -1;
		if (now >= look)
			look = now + STATUS_MS;
		if (now - begin >= SPIN_MS)
			nanosleep(&pause, NULL);
		else
			sched_yield();
	}
}
