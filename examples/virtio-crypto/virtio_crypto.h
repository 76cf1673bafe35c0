/* SPDX-License-Identifier: MIT */
/*
 * A user-space driver for virtio-crypto-pci (virtio 1.2, section 5.9): sessions of ciphers, and
 * requests on data that lies in pinned memory, which the device reads and writes where it is.
 *
 * Thread-safe, but for one request at a time from one thread. In a forked child a device of its
 * parent's answers ENODEV to everything; the child opens its own. Functions that return int return
 * 0, or -1 with errno and a line in why().
 */
#ifndef VIRTIO_CRYPTO_DRIVER_H
#define VIRTIO_CRYPTO_DRIVER_H

#include <linux/virtio_crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a job that may lie in the request itself; and of an initialisation vector. */
#define VCRYPTO_HEAD_MAX 16
#define VCRYPTO_IV_MAX 16

struct vcrypto;
struct vcrypto_request;

/* What is 0 has a default. */
struct vcrypto_options {
	uint16_t ring_entries;	 /* of the data queue, a power of two */
	unsigned int timeout_ms; /* after which the device is reset */
};

/* A key in the device; lost when that is reset, and a device that has been never takes it for another. */
struct vcrypto_session {
	uint64_t id;
	unsigned int generation;
};

/**
 * struct vcrypto_job - one data request
 * @session: of this direction
 * @is_encrypting: or decrypting
 * @algo: VIRTIO_CRYPTO_CIPHER_*, as in the session
 * @iv: or NULL; copied
 * @iv_len: bytes of it
 * @head: first bytes of the data, copied into the request; or NULL
 * @head_len: of them, at most VCRYPTO_HEAD_MAX
 * @src: what follows, in pinned memory
 * @src_len: bytes of it
 * @dst: result, as long as head and src together, in pinned memory; may be @src. NULL, if that is
 *	at most VCRYPTO_HEAD_MAX: in the request, see vcrypto_request_result()
 * @is_kept: the caller itself keeps @src and @dst until the request has ended
 *
 * Else of objects at @src and @dst each is retained until then: the program may free them.
 */
struct vcrypto_job {
	struct vcrypto_session session;
	bool is_encrypting;
	uint32_t algo;
	const void *iv;
	size_t iv_len;
	const void *head;
	size_t head_len;
	const void *src;
	size_t src_len;
	void *dst;
	bool is_kept;
};

/*
 * The first free device. ENODEV: there is none; EBUSY: in use, or a kernel driver has it; ENOTSUP: no
 * physical addresses, or the device wants others; ENOMEM, EACCES and what sysfs says.
 */
struct vcrypto *vcrypto_open(const struct vcrypto_options *options);
/* Resets the device; requests in flight end with EIO. In a forked child it only frees. */
void vcrypto_close(struct vcrypto *dev);
/* Its name in sysfs, and the registers, for who wants to see them. */
const char *vcrypto_name(const struct vcrypto *dev);
/* Does the device reach that byte? */
bool vcrypto_reaches(const struct vcrypto *dev, const void *ptr);
/* Has the process that calls opened it, or its parent? */
bool vcrypto_is_own(const struct vcrypto *dev);

/* ENOTSUP, EINVAL, ENOSPC, EIO as the device says; or as vcrypto_submit(). */
int vcrypto_session_create(struct vcrypto *dev, uint32_t algo, const void *key, size_t key_len,
			   bool is_encrypting, struct vcrypto_session *session);
/* Nothing is to be done for a session that is lost. */
int vcrypto_session_destroy(struct vcrypto *dev, struct vcrypto_session session);

/* NULL with errno ENOMEM. One in flight, on a device that cannot be reset, is never freed. */
struct vcrypto_request *vcrypto_request_new(void);
void vcrypto_request_free(struct vcrypto_request *request);
const void *vcrypto_request_result(const struct vcrypto_request *request);

/*
 * EFAULT: not all of the data is in pinned memory of this process; EMSGSIZE: more than the device
 * takes; E2BIG: more extents than the ring has entries; EAGAIN: the ring is full, wait for a
 * request; EINVAL; ESTALE: the session was lost by a reset; ENODEV: in a forked child; EIO: the
 * device is dead, and a reset did not help; ENOBUFS, ENOMEM: see pinned_retain(). Nothing was given
 * to the device then.
 */
int vcrypto_submit(struct vcrypto *dev, struct vcrypto_request *request,
		   const struct vcrypto_job *job);
/* Has it ended? Return: 1, 0, or -1 with errno: it ended as vcrypto_wait() says. */
int vcrypto_poll(struct vcrypto *dev, struct vcrypto_request *request);
/*
 * EIO: the device failed, or was reset by others, while this was in flight; ETIMEDOUT: it did not
 * answer and has been reset; EBADMSG, ENOTSUP, EINVAL: it says so. But for the last three, what @dst
 * holds is undefined.
 */
int vcrypto_wait(struct vcrypto *dev, struct vcrypto_request *request);

#endif /* VIRTIO_CRYPTO_DRIVER_H */
