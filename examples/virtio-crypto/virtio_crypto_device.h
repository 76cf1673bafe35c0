/* SPDX-License-Identifier: MIT */
/*
 * Declarations that the two files of the driver share. One mutex per device is held while a request
 * is put into a ring or taken out of it, but not while the device works, except for the control
 * queue's short requests.
 *
 * A device that fails or does not answer is reset before an error is reported. Only after the reset
 * is it certain that the device no longer writes to the program's memory, so only then are retained
 * objects released.
 */
#ifndef VIRTIO_CRYPTO_DEVICE_H
#define VIRTIO_CRYPTO_DEVICE_H

#include <pinned.h>
#include <pthread.h>

#include "virtio_crypto.h"
#include "virtqueue.h"

#define RING_MAX 1024
#define KEY_MAX 64
/*
 * The least time between reads of the device's status, since each read exits the virtual machine.
 */
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
	bool is_broken; /* the device could not be reset and set up again */
};

/* Lies in pinned memory, because the device reads and writes it. */
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

/* Locks the mutex. Return: 0 with the mutex held; -1 with ENODEV in a forked child. */
int vcrypto_lock_own(struct vcrypto *dev);
/* Resets a failed device, which loses its sessions. Return: 0 if the device runs; -1 with EIO. */
int vcrypto_check_locked(struct vcrypto *dev);
/* Resets the device, ends requests in flight with @error, and sets the device up again. */
void vcrypto_revive_locked(struct vcrypto *dev, int error);
/* Sets errno and why() from the device's answer @status to @what. Return: -1. */
int vcrypto_fail_by_status(const struct vcrypto *dev, const char *what, uint32_t status);
/* Ends a request that the device has finished, or that a reset has cancelled. */
void vcrypto_end_request(struct vcrypto_request *request, int error);

#endif /* VIRTIO_CRYPTO_DEVICE_H */
