/* SPDX-License-Identifier: MIT */
/*
 * A user-space driver for virtio-crypto-pci (virtio 1.2, section 5.9): cipher sessions, and
 * requests on data in pinned memory, which the device reads and writes in place.
 *
 * Thread-safe, except that only one thread at a time may use a request. In a forked child all
 * functions fail with ENODEV for a device of the parent; the child can open its own. Functions that
 * return int return 0, or -1 with errno and a message in why().
 */
#ifndef VIRTIO_CRYPTO_DRIVER_H
#define VIRTIO_CRYPTO_DRIVER_H

#include <linux/virtio_crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most data bytes that a request itself can contain, and the longest initialisation vector. */
#define VCRYPTO_HEAD_MAX 16
#define VCRYPTO_IV_MAX 16

struct vcrypto;
struct vcrypto_request;

/* Options for vcrypto_open(). A member that is 0 stands for a default. */
struct vcrypto_options {
	uint16_t ring_entries;	 /* size of the data queue, a power of two */
	unsigned int timeout_ms; /* how long a request may take before the device is reset */
};

/*
 * A key in the device. A reset of the device loses all sessions; using a lost session fails, even
 * if a newer session has the same number.
 */
struct vcrypto_session {
	uint64_t id;
	unsigned int generation;
};

/**
 * struct vcrypto_job - one data request
 * @session: a session for this direction
 * @is_encrypting: whether to encrypt; else decrypt
 * @algo: VIRTIO_CRYPTO_CIPHER_*, as in the session
 * @iv: initialisation vector, which is copied; or NULL
 * @iv_len: length of @iv
 * @head: first bytes of the data, which are copied into the request; or NULL
 * @head_len: length of @head, at most VCRYPTO_HEAD_MAX
 * @src: the remaining data, in pinned memory
 * @src_len: length of @src
 * @dst: the result, as long as head and src together, in pinned memory; may be @src. NULL: the
 * result, of at most VCRYPTO_HEAD_MAX bytes, lies in the request, see vcrypto_request_result()
 * @is_kept: the caller itself keeps @src and @dst allocated until the request has ended
 *
 * Unless @is_kept is set, the objects at @src and @dst are retained until the request has ended,
 * and the program may free them earlier.
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
 * Opens the first free device. Return: NULL with errno ENODEV (no device), EBUSY (all are in use or
 * bound to a kernel driver), ENOTSUP (no physical addresses, or the device needs other addresses),
 * ENOMEM, EACCES, or an error of sysfs.
 */
struct vcrypto *vcrypto_open(const struct vcrypto_options *options);
/* Resets the device; requests in flight end with EIO. In a forked child this only frees memory. */
void vcrypto_close(struct vcrypto *dev);
/* Returns the device's name in sysfs, where the device's registers can be mapped. */
const char *vcrypto_name(const struct vcrypto *dev);
/* Returns whether the device can access the byte at @ptr. */
bool vcrypto_reaches(const struct vcrypto *dev, const void *ptr);
/* Returns whether the calling process itself, and not its parent, opened the device. */
bool vcrypto_is_own(const struct vcrypto *dev);

/*
 * Gives the device a key, for one direction. Errors: ENOTSUP, EINVAL, ENOSPC and EIO as the device
 * answers; others as vcrypto_submit().
 */
int vcrypto_session_create(struct vcrypto *dev, uint32_t algo, const void *key, size_t key_len,
			   bool is_encrypting, struct vcrypto_session *session);
/* Succeeds without doing anything if the session is lost. */
int vcrypto_session_destroy(struct vcrypto *dev, struct vcrypto_session session);

/* Creates a request, which can be used again after it has ended. Return: NULL with errno ENOMEM. */
struct vcrypto_request *vcrypto_request_new(void);
/* Frees a request. A request in flight is not freed, because the device may still write to it. */
void vcrypto_request_free(struct vcrypto_request *request);
/* Returns the result of a job whose dst was NULL. */
const void *vcrypto_request_result(const struct vcrypto_request *request);

/*
 * Submits the job to the device.
 *
 * Errors: EFAULT, part of the data is not in pinned memory of this process; EMSGSIZE, more than the
 * device accepts; E2BIG, more extents than the ring has entries; EAGAIN, the ring is full, so wait
 * for a request first; EINVAL; ESTALE, a reset lost the session; ENODEV, called in a forked child;
 * EIO, the device failed and a reset did not help; ENOBUFS, ENOMEM: see pinned_retain(). After an
 * error, the device has not received the job.
 */
int vcrypto_submit(struct vcrypto *dev, struct vcrypto_request *request,
		   const struct vcrypto_job *job);
/* Return: 1 if the request has succeeded; 0 if it is in flight; -1 with errno as vcrypto_wait(). */
int vcrypto_poll(struct vcrypto *dev, struct vcrypto_request *request);
/*
 * Waits until the request has ended.
 *
 * Errors: EIO, the device failed, or something else reset it, while the request was in flight;
 * ETIMEDOUT, the device did not answer and was reset; EBADMSG, ENOTSUP, EINVAL, as the device
 * answered. After errors other than the last three, the content of @dst is undefined.
 */
int vcrypto_wait(struct vcrypto *dev, struct vcrypto_request *request);

#endif /* VIRTIO_CRYPTO_DRIVER_H */
