// SPDX-License-Identifier: MIT
/*
 * Tests the driver without OpenSSL: results equal software for all algorithms of the device; every
 * error has its errno, and the device works afterwards; memory of requests in flight survives free,
 * fork and the death of a process. Needs two virtio-crypto devices.
 *
 * usage: try_driver [absent]    "absent": check only that a missing device is reported
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_pci.h>
#include <pinned.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "try.h"
#include "virtio_crypto.h"
#include "../common/why.h"

#define MIB ((size_t)1 << 20)
#define BIG (16 * MIB)

static const uint8_t key[64] = "0123456789abcdefFEDCBA9876543210abcdefgh01234567zyxwvutsrqponmlk";
static const uint8_t iv[16] = "an initial value";

static struct vcrypto *open_device(const struct vcrypto_options *options)
{
	struct vcrypto *dev = vcrypto_open(options);

	if (!dev)
		fprintf(stderr, "cannot open: %s\n", why());
	CHECK(dev);
	return dev;
}

static struct vcrypto_job cbc_job(struct vcrypto *dev, const void *src, void *dst, size_t len)
{
	struct vcrypto_job job = { .is_encrypting = true,
				   .algo = VIRTIO_CRYPTO_CIPHER_AES_CBC,
				   .iv = iv,
				   .iv_len = sizeof(iv),
				   .src = src,
				   .src_len = len,
				   .dst = dst };

	CHECK(!vcrypto_session_create(dev, job.algo, key, 16, true, &job.session));
	return job;
}

static int do_job(struct vcrypto *dev, const struct vcrypto_job *job)
{
	struct vcrypto_request *request = vcrypto_request_new();
	int result, error;

	CHECK(request);
	result = vcrypto_submit(dev, request, job) || vcrypto_wait(dev, request) ? -1 : 0;
	error = errno;
	vcrypto_request_free(request);
	errno = error;
	return result;
}

static uint8_t *pinned_data(size_t len, uint64_t seed)
{
	uint8_t *data = pinned_malloc(len);

	CHECK(data && pinned_v2p(data) != PINNED_NO_PHYS);
	fill_random(data, len, seed);
	return data;
}

/* Checks that the device works: the result of one job equals software. */
static void check_works(struct vcrypto *dev, size_t len)
{
	uint8_t *src = pinned_data(len, len), *dst = pinned_malloc(len),
		*expected = malloc(len + 16);
	struct vcrypto_job job = cbc_job(dev, src, dst, len);

	CHECK(dst && expected);
	CHECK(!do_job(dev, &job));
	CHECK(do_software("AES-128-CBC", key, iv, true, false, src, len, expected) == len);
	CHECK(!memcmp(dst, expected, len));
	CHECK(!vcrypto_session_destroy(dev, job.session));
	pinned_free(src);
	pinned_free(dst);
	free(expected);
}

static void check_refused(int result, int error, const char *words)
{
	if (result != -1 || errno != error || !strstr(why(), words))
		fprintf(stderr, "result %d errno %d (%s): %s; expected %d, \"%s\"\n", result, errno,
			strerror(errno), why(), error, words);
	CHECK(result == -1 && errno == error && strstr(why(), words));
}

/* Comparison with software. */

static void check_algorithm(struct vcrypto *dev, const char *name, uint32_t algo, size_t key_len,
			    size_t iv_len)
{
	static const size_t sizes[] = { 16, 48, 4096, 65536 + 16, MIB };

	for (int way = 0; way < 2 * 5; way++) {
		size_t len = sizes[way / 2];
		uint8_t *src = pinned_data(len, len), *expected = malloc(len + 16);
		struct vcrypto_job job = { .is_encrypting = way % 2,
					   .algo = algo,
					   .iv = iv,
					   .iv_len = iv_len,
					   .src = src,
					   .src_len = len,
					   .dst = src };

		CHECK(!vcrypto_session_create(dev, algo, key, key_len, way % 2, &job.session));
		CHECK(do_software(name, key, iv, way % 2, false, src, len, expected) == len);
		CHECK(!do_job(dev, &job));
		CHECK(!memcmp(src, expected, len));
		CHECK(!vcrypto_session_destroy(dev, job.session));
		pinned_free(src);
		free(expected);
	}
	printf("  %s: equal\n", name);
}

static void equals_software(void)
{
	struct vcrypto *dev = open_device(NULL);

	check_algorithm(dev, "AES-128-CBC", VIRTIO_CRYPTO_CIPHER_AES_CBC, 16, 16);
	check_algorithm(dev, "AES-192-CBC", VIRTIO_CRYPTO_CIPHER_AES_CBC, 24, 16);
	check_algorithm(dev, "AES-256-CBC", VIRTIO_CRYPTO_CIPHER_AES_CBC, 32, 16);
	check_algorithm(dev, "AES-128-ECB", VIRTIO_CRYPTO_CIPHER_AES_ECB, 16, 0);
	check_algorithm(dev, "AES-192-ECB", VIRTIO_CRYPTO_CIPHER_AES_ECB, 24, 0);
	check_algorithm(dev, "AES-256-ECB", VIRTIO_CRYPTO_CIPHER_AES_ECB, 32, 0);
	check_algorithm(dev, "AES-128-CTR", VIRTIO_CRYPTO_CIPHER_AES_CTR, 16, 16);
	check_algorithm(dev, "AES-256-CTR", VIRTIO_CRYPTO_CIPHER_AES_CTR, 32, 16);
	check_algorithm(dev, "AES-128-XTS", VIRTIO_CRYPTO_CIPHER_AES_XTS, 32, 16);
	check_algorithm(dev, "AES-256-XTS", VIRTIO_CRYPTO_CIPHER_AES_XTS, 64, 16);
	check_algorithm(dev, "DES-EDE3-CBC", VIRTIO_CRYPTO_CIPHER_3DES_CBC, 24, 8);
	check_algorithm(dev, "DES-EDE3-ECB", VIRTIO_CRYPTO_CIPHER_3DES_ECB, 24, 0);
	vcrypto_close(dev);
}

/* One request of 16 MiB that begins and ends in the middle of a chunk. */
static void crosses_chunks(void)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *src = pinned_data(BIG + 4096, 1), *expected = malloc(BIG + 16);
	struct vcrypto_job job = cbc_job(dev, src + 1234, src + 1234, BIG);

	CHECK(pinned_v2p_sg(src, BIG, NULL, 0) >= 1);
	do_software("AES-128-CBC", key, iv, true, false, src + 1234, BIG, expected);
	CHECK(!do_job(dev, &job));
	CHECK(!memcmp(src + 1234, expected, BIG));
	vcrypto_close(dev);
}

/* The device rejects requests, and still works afterwards. */
static void error_statuses(void)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *data = pinned_data(4096, 1), *copy = malloc(4096);
	struct vcrypto_job job = cbc_job(dev, data, data, 17), stale = job;
	struct vcrypto_session session;

	memcpy(copy, data, 4096);
	check_refused(do_job(dev, &job), EIO, "answers ERR to a data request");
	stale.src_len = 16;
	stale.session.id = 255;
	check_refused(do_job(dev, &stale), EINVAL, "answers INVSESS");
	CHECK(!memcmp(copy, data, 4096));
	check_refused(vcrypto_session_create(dev, VIRTIO_CRYPTO_CIPHER_AES_CBC, key, 15, true,
					     &session),
		      EIO, "answers ERR to a new session");
	check_refused(vcrypto_session_create(dev, VIRTIO_CRYPTO_CIPHER_AES_CBC, key, 65, true,
					     &session),
		      EINVAL, "a key of 65 bytes");
	check_refused(vcrypto_session_create(dev, VIRTIO_CRYPTO_CIPHER_SNOW3G_UEA2, key, 16, true,
					     &session),
		      EIO, "answers ERR to a new session");
	check_works(dev, 4096);
	vcrypto_close(dev);
}

static void sessions_run_out(void)
{
	struct vcrypto *dev = open_device(NULL);
	struct vcrypto_session sessions[1024];
	unsigned int n = 0;

	while (n < 1024 && !vcrypto_session_create(dev, VIRTIO_CRYPTO_CIPHER_AES_CBC, key, 16, true,
						   &sessions[n]))
		n++;
	CHECK(n > 1 && n < 1024);
	check_refused(-1, errno, "to a new session");
	CHECK(!vcrypto_session_destroy(dev, sessions[--n]));
	check_works(dev, 4096);
	while (n)
		CHECK(!vcrypto_session_destroy(dev, sessions[--n]));
	vcrypto_close(dev);
}

/* The ring. */

static void ring_full(void)
{
	struct vcrypto *dev = open_device(&(struct vcrypto_options){ .ring_entries = 8 });
	/* One extent, so long that the device is still busy with it when the next one comes. */
	uint8_t *data = pinned_memalign(PINNED_CHUNK_SIZE, PINNED_CHUNK_SIZE);
	struct vcrypto_request *first = vcrypto_request_new(), *second = vcrypto_request_new();
	struct vcrypto_job one = cbc_job(dev, data, data, 2 * MIB - 4096), two = one;
	int result = 0, error = 0;

	two.src = two.dst = data + 2 * MIB - 4096;
	two.src_len = 4096;
	for (int i = 0; i < 100 && !result; i++) {
		CHECK(!vcrypto_submit(dev, first, &one));
		result = vcrypto_submit(dev, second, &two);
		error = errno;
		CHECK(!vcrypto_wait(dev, first) && (result || !vcrypto_wait(dev, second)));
	}
	errno = error;
	check_refused(result, EAGAIN, "the ring is full: 5 of its 8 entries are in use");
	CHECK(!vcrypto_submit(dev, second, &two) && !vcrypto_wait(dev, second));
	check_works(dev, 4096);
	vcrypto_close(dev);
}

/* Returns memory of at least three extents, which chunks that stay allocated keep apart. */
static uint8_t *scattered(size_t len)
{
	enum { CHUNKS = 64 };
	void *chunks[CHUNKS];
	uint8_t *memory;

	for (int i = 0; i < CHUNKS; i++)
		CHECK((chunks[i] = pinned_chunks_alloc(NULL, 1, PINNED_CHUNK_SIZE, 0, NULL, NULL)));
	for (int i = 0; i < CHUNKS; i += 2)
		CHECK(!pinned_chunks_free(chunks[i], 1));
	pinned_purge();
	for (int i = 0; i < 16; i++) {
		CHECK((memory = pinned_malloc(len)));
		if (pinned_v2p_sg(memory, len, NULL, 0) >= 3)
			return memory;
	}
	return NULL;
}

static void more_extents_than_the_ring(void)
{
	struct vcrypto *dev = open_device(&(struct vcrypto_options){ .ring_entries = 8 });
	uint8_t *data = scattered(BIG), *expected = malloc(BIG + 16);
	struct vcrypto_job job;

	CHECK(data);
	printf("  %ld extents\n", pinned_v2p_sg(data, BIG, NULL, 0));
	fill_random(data, BIG, 1);
	job = cbc_job(dev, data, data, BIG);
	check_refused(do_job(dev, &job), E2BIG, "more");
	check_works(dev, 4096);
	vcrypto_close(dev);
	/* A longer ring accepts the request. */
	dev = open_device(NULL);
	job = cbc_job(dev, data, data, BIG);
	do_software("AES-128-CBC", key, iv, true, false, data, BIG, expected);
	CHECK(!do_job(dev, &job) && !memcmp(data, expected, BIG));
	vcrypto_close(dev);
}

static void impossible_jobs(void)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *data = pinned_data(4096, 1), on_stack[64], *chunks;
	struct vcrypto_job job = cbc_job(dev, on_stack, data, sizeof(on_stack));

	check_refused(do_job(dev, &job), EFAULT, "cannot retain the data");
	job.src = data;
	job.dst = on_stack;
	check_refused(do_job(dev, &job), EFAULT, "cannot retain the memory");
	job.dst = data;
	job.src_len = (size_t)5 << 30;
	check_refused(do_job(dev, &job), EMSGSIZE, "more than the device takes");
	job.src_len = 0;
	check_refused(do_job(dev, &job), EINVAL, "makes no sense");
	/* The memory after the object is released, so half of the range is not pinned. */
	chunks = pinned_malloc(2 * PINNED_CHUNK_SIZE);
	CHECK(chunks);
	chunks = pinned_realloc(chunks, PINNED_CHUNK_SIZE + 4096);
	while (pinned_v2p(chunks + PINNED_CHUNK_SIZE) != PINNED_NO_PHYS)
		chunks += PINNED_CHUNK_SIZE;
	job.src = job.dst = chunks + PINNED_CHUNK_SIZE - 32;
	job.src_len = 64;
	CHECK(pinned_v2p(job.src) != PINNED_NO_PHYS);
	check_refused(do_job(dev, &job), EFAULT, "64 bytes at");
	check_works(dev, 4096);
	vcrypto_close(dev);
}

/* In flight. */

static void freed_in_flight(void)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *src = pinned_data(BIG, 1), *dst = pinned_malloc(BIG), *expected = malloc(BIG + 16);
	struct vcrypto_request *request = vcrypto_request_new();
	struct vcrypto_job job = cbc_job(dev, src, dst, BIG);

	do_software("AES-128-CBC", key, iv, true, false, src, BIG, expected);
	/* The test's own reference, to read the result after the object is freed. */
	CHECK(!pinned_retain(dst));
	CHECK(!vcrypto_submit(dev, request, &job));
	pinned_free(src);
	pinned_free(dst);
	for (int i = 0; i < 4; i++) {
		uint8_t *other = pinned_malloc(BIG);

		CHECK(other && other != src && other != dst);
		memset(other, 0x55, BIG);
	}
	CHECK(!vcrypto_wait(dev, request));
	CHECK(!memcmp(dst, expected, BIG));
	CHECK(!pinned_release(dst));
	/* Nothing refers to the objects any more. */
	CHECK(pinned_retain(dst) == -1 && pinned_retain(src) == -1);
	vcrypto_close(dev);
}

/* The driver does not retain memory of a job with is_kept. */
static void kept_by_the_caller(void)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *data = pinned_data(BIG, 1);
	struct vcrypto_request *request = vcrypto_request_new();
	struct vcrypto_job job = cbc_job(dev, data, data, BIG);

	job.is_kept = true;
	CHECK(!vcrypto_submit(dev, request, &job));
	CHECK(pinned_release(data) == -1 && errno == EINVAL);
	CHECK(!vcrypto_wait(dev, request));
	vcrypto_close(dev);
}

static void child_of_fork(struct vcrypto *dev, struct vcrypto_request *request, uint8_t *src,
			  uint8_t *dst)
{
	struct vcrypto *own;

	CHECK(pinned_v2p(dst) == PINNED_NO_PHYS);
	memset(src, 0, BIG);
	memset(dst, 0, BIG);
	check_refused(vcrypto_session_destroy(dev, (struct vcrypto_session){ 0, 0 }), ENODEV,
		      "parent");
	if (vcrypto_poll(dev, request) == -1)
		CHECK(errno == ENODEV);
	vcrypto_close(dev);
	own = open_device(NULL);
	check_works(own, MIB);
	vcrypto_close(own);
	exit(0);
}

static void fork_in_flight(void)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *src = pinned_data(BIG, 1), *dst = pinned_malloc(BIG), *expected = malloc(BIG + 16);
	struct vcrypto_request *request = vcrypto_request_new();
	struct vcrypto_job job = cbc_job(dev, src, dst, BIG);
	int status = -1;
	pid_t pid;

	do_software("AES-128-CBC", key, iv, true, false, src, BIG, expected);
	CHECK(!vcrypto_submit(dev, request, &job));
	pid = fork();
	if (!pid)
		child_of_fork(dev, request, src, dst);
	CHECK(!vcrypto_wait(dev, request));
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	CHECK(!memcmp(dst, expected, BIG));
	check_works(dev, 4096);
	vcrypto_close(dev);
}

/* Maps the device's status register, without the driver's knowledge. */
static volatile uint8_t *status_register(struct vcrypto *dev)
{
	volatile uint8_t *bar;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource4", vcrypto_name(dev));
	fd = open(path, O_RDWR);
	CHECK(fd >= 0);
	bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(bar != MAP_FAILED);
	close(fd);
	/* QEMU places the common configuration at the start of the BAR. 0xf: the device runs. */
	CHECK(bar[VIRTIO_PCI_COMMON_STATUS] == 0xf);
	return bar + VIRTIO_PCI_COMMON_STATUS;
}

static void reset_by_others(void)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *data = pinned_data(BIG, 1);
	volatile uint8_t *status = status_register(dev);
	struct vcrypto_job job = cbc_job(dev, data, data, 4096);
	struct vcrypto_request *request = vcrypto_request_new();

	*status = 0;
	check_refused(do_job(dev, &job), EIO, "was reset with the request in flight");
	/* The device runs again, but the session is lost: another key may have its number now. */
	CHECK(*status == 0xf);
	check_refused(do_job(dev, &job), ESTALE, "the session is lost");
	check_works(dev, 4096);
	job = cbc_job(dev, data, data, BIG);
	CHECK(!vcrypto_submit(dev, request, &job));
	*status = 0;
	if (vcrypto_wait(dev, request))
		CHECK(errno == EIO);
	/* Whether the request or the reset came first, a new session works. */
	check_works(dev, MIB);
	vcrypto_close(dev);
}

/*
 * After a time-out the device no longer writes. While QEMU's device works, reading a register
 * blocks, so the time must already be over at the first read.
 */
static void time_out(void)
{
	struct vcrypto *dev = open_device(&(struct vcrypto_options){ .timeout_ms = 1 });
	uint8_t *src = pinned_data(BIG, 1), *dst = pinned_malloc(BIG), *mark = malloc(BIG);
	const struct timespec pause = { .tv_nsec = 300000000 };
	struct vcrypto_request *request = vcrypto_request_new();
	int timed_out = 0;

	memset(mark, 0x77, BIG);
	for (int i = 0; i < 100 && !timed_out; i++) {
		struct vcrypto_job job = { .algo = VIRTIO_CRYPTO_CIPHER_AES_CBC,
					   .is_encrypting = true,
					   .iv = iv,
					   .iv_len = sizeof(iv),
					   .src = src,
					   .src_len = BIG,
					   .dst = dst };

		/* On a busy machine even creating a session takes longer than the time-out. */
		if (vcrypto_session_create(dev, job.algo, key, 16, true, &job.session)) {
			CHECK(errno == ETIMEDOUT);
			continue;
		}
		CHECK(!vcrypto_submit(dev, request, &job));
		if (!vcrypto_wait(dev, request))
			continue;
		CHECK(errno == ETIMEDOUT && strstr(why(), "was reset"));
		memset(dst, 0x77, BIG);
		nanosleep(&pause, NULL);
		CHECK(!memcmp(dst, mark, BIG));
		timed_out++;
	}
	CHECK(timed_out);
	vcrypto_close(dev);
}

static void die_in_flight(int ready)
{
	struct vcrypto *dev = open_device(NULL);
	uint8_t *data = pinned_data(BIG, 1);
	struct vcrypto_request *request = vcrypto_request_new();
	struct vcrypto_job job = cbc_job(dev, data, data, BIG);

	for (;;) {
		CHECK(!vcrypto_submit(dev, request, &job));
		CHECK(write(ready, "x", 1) == 1);
		CHECK(!vcrypto_wait(dev, request));
	}
}

/* Returns the number of chunks that the kernel driver holds back from reuse for a while. */
static long resting_chunks(void)
{
	FILE *file = fopen("/sys/class/misc/pinned_mem/resting_chunks", "re");
	long chunks = -1;

	CHECK(file && fscanf(file, "%ld", &chunks) == 1);
	fclose(file);
	return chunks;
}

/*
 * After a process is killed, the next process finds the device reset, and nobody gets the dead
 * process's memory in between.
 */
static void killed_in_flight(void)
{
	for (int i = 0; i < 5; i++) {
		int ends[2], status;
		struct vcrypto *dev;
		pid_t pid;
		char byte;

		CHECK(!pipe(ends));
		pid = fork();
		if (!pid)
			die_in_flight(ends[1]);
		for (int j = 0; j <= i; j++)
			CHECK(read(ends[0], &byte, 1) == 1);
		CHECK(!kill(pid, SIGKILL));
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		CHECK(resting_chunks() >= (long)(BIG / PINNED_CHUNK_SIZE));
		close(ends[0]);
		close(ends[1]);
		dev = open_device(NULL);
		check_works(dev, MIB);
		vcrypto_close(dev);
	}
}

/* Many requests and threads. */

static void *work(void *arg)
{
	struct vcrypto *dev = arg;
	uint8_t *src = pinned_data(MIB, 7), *dst = pinned_malloc(MIB), *expected = malloc(MIB + 16);
	struct vcrypto_request *request = vcrypto_request_new();
	struct vcrypto_job job = cbc_job(dev, src, dst, MIB);

	for (int i = 0; i < 40; i++) {
		job.src_len = (size_t)(i + 1) * 1600;
		while (vcrypto_submit(dev, request, &job))
			CHECK(errno == EAGAIN);
		CHECK(!vcrypto_wait(dev, request));
		do_software("AES-128-CBC", key, iv, true, false, src, job.src_len, expected);
		CHECK(!memcmp(dst, expected, job.src_len));
	}
	return NULL;
}

static void threads(void)
{
	struct vcrypto *dev = open_device(&(struct vcrypto_options){ .ring_entries = 16 });
	pthread_t others[6];

	for (int i = 0; i < 6; i++)
		CHECK(!pthread_create(&others[i], NULL, work, dev));
	for (int i = 0; i < 6; i++)
		CHECK(!pthread_join(others[i], NULL));
	check_works(dev, 4096);
	vcrypto_close(dev);
}

static void all_in_use(void)
{
	struct vcrypto *a = open_device(NULL), *b = open_device(NULL);

	CHECK(strcmp(vcrypto_name(a), vcrypto_name(b)) != 0);
	check_refused(vcrypto_open(NULL) ? 0 : -1, EBUSY, "in use by another process");
	check_works(a, 4096);
	check_works(b, 4096);
	vcrypto_close(a);
	a = open_device(NULL);
	check_works(a, 4096);
	vcrypto_close(a);
	vcrypto_close(b);
}

static void absent(void)
{
	check_refused(vcrypto_open(NULL) ? 0 : -1, ENODEV, "no virtio device of type 20");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "absent")) {
		run_check("absent", absent);
		return end_checks();
	}
	run_check("equals_software", equals_software);
	run_check("crosses_chunks", crosses_chunks);
	run_check("error_statuses", error_statuses);
	run_check("sessions_run_out", sessions_run_out);
	run_check("ring_full", ring_full);
	run_check("more_extents_than_the_ring", more_extents_than_the_ring);
	run_check("impossible_jobs", impossible_jobs);
	run_check("freed_in_flight", freed_in_flight);
	run_check("kept_by_the_caller", kept_by_the_caller);
	run_check("fork_in_flight", fork_in_flight);
	run_check("reset_by_others", reset_by_others);
	run_check("time_out", time_out);
	run_check("killed_in_flight", killed_in_flight);
	run_check("threads", threads);
	run_check("all_in_use", all_in_use);
	return end_checks();
}
