/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of the driver share. One mutex for the device: it is held while a request is
 * put into a ring or taken out, not while the device works, but for the control queue's short
 * requests.
 *
 * A device that fails, or does not answer, is reset before anybody is told: only then is it certain
 * that it does not write into the program's memory any more, and what was retained is released.
 */
#ifndef VIRTIO_CRYPTO_DEVICE_H
#define VIRTIO_CRYPTO_DEVICE_H

#include <pinned.h>
#include <pthread.h>

#include "virtio_crypto.h"
#include "virtqueue.h"

#define RING_MAX 1024
#define KEY_MAX 64
/* Looking at the device's status leaves the virtual machine: not more often than this. */
#define STATUS_MS 2

struct vcrypto {
	pthread_mutex_t mutex;
	struct virtio_pci virtio;
	struct virtqueue data, control;
	struct control_request *control_request;
	uint64_t max_size;
	unsigned int generation;
	unsigned int timeout_ms;
	uint16_t ring_entries;
	bool is_broken; /* it could not be set up again */
};

/* Pinned, as the device reads and writes it. */
struct control_request {
	struct virtio_crypto_op_ctrl_req request;
	uint8_t key[KEY_MAX];
	struct virtio_crypto_session_input session;
	uint8_t status;
};

int64_t vcrypto_now_ms(void);

static inline struct pinned_extent vcrypto_extent_of(const struct vcrypto *dev, const void *ptr,
						     size_t len)
{
	return (struct pinned_extent){ .phys = pci_address(&dev->virtio.pci, ptr), .len = len };
}

/* Return: 0 with the mutex held; -1 with ENODEV in a forked child. */
int vcrypto_lock_own(struct vcrypto *dev);
/* Return: 0 if the device runs, again maybe, without its sessions; -1 with EIO. */
int vcrypto_check_locked(struct vcrypto *dev);
/* Resets the device, ends what is in flight with @error, sets it up anew. */
void vcrypto_revive_locked(struct vcrypto *dev, int error);
/* The device's answer to @what as errno and why(). Return: -1. */
int vcrypto_fail_by_status(const struct vcrypto *dev, const char *what, uint32_t status);
/* The device is done with it, or has been reset. */
void vcrypto_end_request(struct vcrypto_request *request, int error);

#endif /* VIRTIO_CRYPTO_DEVICE_H */
