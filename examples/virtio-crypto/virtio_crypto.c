// SPDX-License-Identifier: MIT
/*
 * Opens, resets and closes the device, and manages sessions through its control queue. Requests on
 * data are in virtio_crypto_data.c.
 */
#include "virtio_crypto_device.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../common/why.h"

#define DEFAULT_RING 256
#define RING_MIN 8
#define CONTROL_RING 16
#define DEFAULT_TIMEOUT_MS 30000

/* Translates the device's status to an errno. */
static int error_of(uint32_t status)
{
	switch (status) {
	case VIRTIO_CRYPTO_OK:
		return 0;
	case VIRTIO_CRYPTO_BADMSG:
		return EBADMSG;
	case VIRTIO_CRYPTO_NOTSUPP:
		return ENOTSUP;
	case VIRTIO_CRYPTO_INVSESS:
		return EINVAL;
	case VIRTIO_CRYPTO_NOSPC:
		return ENOSPC;
	default:
		return EIO;
	}
}

int vcrypto_fail_by_status(const struct vcrypto *dev, const char *what, uint32_t status)
{
	static const char *const names[] = { "OK", "ERR", "BADMSG", "NOTSUPP", "INVSESS", "NOSPC" };

	return why_fail(error_of(status), "%s answers %s to %s", dev->virtio.pci.name,
			status < sizeof(names) / sizeof(names[0]) ? names[status] : "nonsense",
			what);
}

/* The device's life. */

/* Sets up a device that has just been reset. */
static int set_up(struct vcrypto *dev)
{
	volatile struct virtio_crypto_config *config = (void *)dev->virtio.config;
	uint16_t data_queues;
	int error;

	if (virtio_pci_negotiate(&dev->virtio, 0))
		return -1;
	if (dev->virtio.config_len < sizeof(*config))
		return why_fail(EPROTO, "%s: its configuration is too short", dev->virtio.pci.name);
	if (!(le32toh(config->crypto_services) & 1u << VIRTIO_CRYPTO_SERVICE_CIPHER))
		return why_fail(ENOTSUP, "%s offers no ciphers", dev->virtio.pci.name);
	/*
	 * 5.9.2: the control queue comes after the data queues; only the first data queue is used.
	 */
	data_queues = (uint16_t)le32toh(config->max_dataqueues);
	dev->max_size = le64toh(config->max_size);
	if (virtqueue_open(&dev->data, &dev->virtio, 0, dev->ring_entries))
		return -1;
	if (virtqueue_open(&dev->control, &dev->virtio, data_queues ? data_queues : 1,
			   CONTROL_RING))
		goto err_close_data;
	virtio_pci_start(&dev->virtio);
	if (!(le32toh(config->status) & VIRTIO_CRYPTO_S_HW_READY)) {
		why_fail(ENODEV, "%s: its hardware is not ready", dev->virtio.pci.name);
		goto err_close_control;
	}
	return 0;

err_close_control:
	error = errno;
	virtio_pci_reset(&dev->virtio);
	virtqueue_close(&dev->control);
	errno = error;
err_close_data:
	error = errno;
	virtio_pci_reset(&dev->virtio);
	virtqueue_close(&dev->data);
	errno = error;
	return -1;
}

/*
 * Resets the device before anything is released. If the device cannot be reset, then its requests
 * and their memory are never released.
 */
void vcrypto_revive_locked(struct vcrypto *dev, int error)
{
	struct vcrypto_request *request;

	dev->generation++;
	if (dev->is_broken || virtio_pci_reset(&dev->virtio)) {
		dev->is_broken = true;
		return;
	}
	while ((request = virtqueue_forget(&dev->data)))
		vcrypto_end_request(request, error);
	virtqueue_close(&dev->data);
	virtqueue_close(&dev->control);
	dev->is_broken = set_up(dev) != 0;
}

struct vcrypto *vcrypto_open(const struct vcrypto_options *options)
{
	struct vcrypto *dev = calloc(1, sizeof(*dev));
	int error;

	if (!dev)
		return NULL;
	pthread_mutex_init(&dev->mutex, NULL);
	dev->timeout_ms = options && options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
	dev->ring_entries = options && options->ring_entries ? options->ring_entries : DEFAULT_RING;
	if (dev->ring_entries < RING_MIN || dev->ring_entries > RING_MAX ||
	    dev->ring_entries & (dev->ring_entries - 1)) {
		why_fail(EINVAL, "a ring cannot have %u entries", dev->ring_entries);
		goto err_free;
	}
	dev->control_request = pinned_malloc(sizeof(*dev->control_request));
	if (!dev->control_request) {
		why_fail(ENOMEM, "no pinned memory: backend %s", pinned_backend());
		goto err_free;
	}
	if (virtio_pci_open(&dev->virtio, VIRTIO_ID_CRYPTO))
		goto err_free;
	if (set_up(dev))
		goto err_close;
	return dev;

err_close:
	error = errno;
	virtio_pci_close(&dev->virtio);
	errno = error;
err_free:
	pinned_free(dev->control_request);
	free(dev);
	return NULL;
}

void vcrypto_close(struct vcrypto *dev)
{
	struct vcrypto_request *request;

	if (!dev)
		return;
	if (vcrypto_is_own(dev)) {
		pthread_mutex_lock(&dev->mutex);
		/* Stop the device before the memory of its rings and requests is released. */
		virtio_pci_close(&dev->virtio);
		while (!dev->is_broken && (request = virtqueue_forget(&dev->data)))
			vcrypto_end_request(request, EIO);
		pthread_mutex_unlock(&dev->mutex);
	}
	if (!dev->is_broken) {
		virtqueue_close(&dev->data);
		virtqueue_close(&dev->control);
		pinned_free(dev->control_request);
	}
	free(dev);
}

const char *vcrypto_name(const struct vcrypto *dev)
{
	return dev->virtio.pci.name;
}

bool vcrypto_reaches(const struct vcrypto *dev, const void *ptr)
{
	return pci_address(&dev->virtio.pci, ptr) != PINNED_NO_PHYS;
}

bool vcrypto_is_own(const struct vcrypto *dev)
{
	return !pci_is_forked(&dev->virtio.pci);
}

/* Checks the device and resets a failed one. Return: 0 if the caller may use the device. */
int vcrypto_check_locked(struct vcrypto *dev)
{
	if (dev->is_broken)
		return why_fail(EIO, "%s failed and did not come back", dev->virtio.pci.name);
	if (virtio_pci_is_running(&dev->virtio))
		return 0;
	vcrypto_revive_locked(dev, EIO);
	return dev->is_broken
		       ? why_fail(EIO, "%s failed and does not come back", dev->virtio.pci.name)
		       : 0;
}

int vcrypto_lock_own(struct vcrypto *dev)
{
	if (!vcrypto_is_own(dev))
		return why_fail(ENODEV, "the device is that of the parent process");
	pthread_mutex_lock(&dev->mutex);
	return 0;
}

/* Sessions. */

static int wait_for_control(struct vcrypto *dev)
{
	int64_t end = vcrypto_now_ms() + dev->timeout_ms, look = vcrypto_now_ms() + STATUS_MS;

	while (!virtqueue_reap(&dev->control)) {
		if (vcrypto_now_ms() > look) {
			bool is_running = virtio_pci_is_running(&dev->virtio);

			if (!is_running || vcrypto_now_ms() > end) {
				int error = is_running ? ETIMEDOUT : EIO;

				vcrypto_revive_locked(dev, error);
				return why_fail(error, "%s does not answer its control queue",
						dev->virtio.pci.name);
			}
			look = vcrypto_now_ms() + STATUS_MS;
		}
		sched_yield();
	}
	return 0;
}

static int control_locked(struct vcrypto *dev, uint32_t opcode, uint32_t algo, size_t key_len,
			  void *answer, size_t answer_len)
{
	struct control_request *control = dev->control_request;
	struct pinned_extent extents[3];
	unsigned int readable = 0;

	control->request.header.opcode = htole32(opcode);
	control->request.header.algo = htole32(algo);
	extents[readable++] = vcrypto_extent_of(dev, &control->request, sizeof(control->request));
	if (key_len)
		extents[readable++] = vcrypto_extent_of(dev, control->key, key_len);
	extents[readable] = vcrypto_extent_of(dev, answer, answer_len);
	pinned_sync_for_device(control, sizeof(*control),
			       PINNED_DEVICE_READS | PINNED_DEVICE_WRITES);
	if (virtqueue_add(&dev->control, extents, readable, 1, control) || wait_for_control(dev))
		return -1;
	pinned_sync_for_cpu(control, sizeof(*control), PINNED_DEVICE_READS | PINNED_DEVICE_WRITES);
	return 0;
}

int vcrypto_session_create(struct vcrypto *dev, uint32_t algo, const void *key, size_t key_len,
			   bool is_encrypting, struct vcrypto_session *session)
{
	struct control_request *control = dev->control_request;
	struct virtio_crypto_sym_create_session_req *create;
	int result = -1;

	if (!key_len || key_len > KEY_MAX)
		return why_fail(EINVAL, "a key of %zu bytes", key_len);
	if (vcrypto_lock_own(dev))
		return -1;
	if (vcrypto_check_locked(dev))
		goto out;
	memset(control, 0, sizeof(*control));
	create = &control->request.u.sym_create_session;
	create->op_type = htole32(VIRTIO_CRYPTO_SYM_OP_CIPHER);
	create->u.cipher.para.algo = htole32(algo);
	create->u.cipher.para.keylen = htole32((uint32_t)key_len);
	create->u.cipher.para.op =
		htole32(is_encrypting ? VIRTIO_CRYPTO_OP_ENCRYPT : VIRTIO_CRYPTO_OP_DECRYPT);
	memcpy(control->key, key, key_len);
	control->session.status = htole32(UINT32_MAX);
	if (!control_locked(dev, VIRTIO_CRYPTO_CIPHER_CREATE_SESSION, algo, key_len,
			    &control->session, sizeof(control->session))) {
		uint32_t status = le32toh(control->session.status);

		session->id = le64toh(control->session.session_id);
		session->generation = dev->generation;
		result = status ? vcrypto_fail_by_status(dev, "a new session", status) : 0;
	}
	explicit_bzero(control->key, sizeof(control->key));
out:
	pthread_mutex_unlock(&dev->mutex);
	return result;
}

int vcrypto_session_destroy(struct vcrypto *dev, struct vcrypto_session session)
{
	struct control_request *control = dev->control_request;
	int result = -1;

	if (vcrypto_lock_own(dev))
		return -1;
	if (vcrypto_check_locked(dev))
		goto out;
	if (session.generation != dev->generation) {
		result = 0;
		goto out;
	}
	memset(control, 0, sizeof(*control));
	control->request.u.destroy_session.session_id = htole64(session.id);
	control->status = 0xff;
	if (!control_locked(dev, VIRTIO_CRYPTO_CIPHER_DESTROY_SESSION, 0, 0, &control->status,
			    sizeof(control->status)))
		result = control->status ? vcrypto_fail_by_status(dev, "the end of a session",
								  control->status)
					 : 0;
out:
	pthread_mutex_unlock(&dev->mutex);
	return result;
}
