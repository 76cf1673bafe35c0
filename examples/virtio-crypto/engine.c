// SPDX-License-Identifier: MIT
/*
 * Decides whether the device or software processes data. The mutex protects only opening and
 * closing of the device. fork() handlers hold it during a fork, so that it is free in the child.
 */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pinned.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virtio_pci.h"
#include "../common/why.h"

/* The most bytes for one call of OpenSSL. */
#define SOFTWARE_MAX (1u << 30)

static struct {
	uint64_t in_place_bytes, copied_bytes, software_bytes, mismatches, verified_bytes;
} totals;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct vcrypto *device;
static bool is_tried, is_told, is_verifying;
static unsigned int starts;
/* A copy of the variable's value, because some programs clear their environment. */
static char *report_path;
static OSSL_LIB_CTX *software_context;

static void count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* The report. */

static __attribute__((format(printf, 1, 2))) void report(const char *format, ...)
{
	const char *path = report_path;
	char text[600];
	va_list args;
	int fd, len;

	if (!path)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = strcmp(path, "-") ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)
			       : STDERR_FILENO;
	if (fd < 0)
		return;
	if (write(fd, text, (size_t)len) != len)
		fprintf(stderr, "vcrypto: cannot write to %s\n", path);
	if (fd != STDERR_FILENO)
		close(fd);
}

/* Reports once per process why software is used; a program may make millions of requests. */
static void tell_why_software(void)
{
	if (!__atomic_exchange_n(&is_told, true, __ATOMIC_RELAXED))
		report("vcrypto: %s: in software: %s\n", program_invocation_short_name, why());
}

static void report_totals(void)
{
	report("device virtio-crypto %s in_place_bytes=%" PRIu64 " copied_bytes=%" PRIu64
	       " software_bytes=%" PRIu64 " mismatches=%" PRIu64 " verified_bytes=%" PRIu64 "\n",
	       program_invocation_short_name, totals.in_place_bytes, totals.copied_bytes,
	       totals.software_bytes, totals.mismatches, totals.verified_bytes);
}

/* The device. */

static void lock(void)
{
	pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

/* Resets the counters in a forked child, because the parent reports its own. */
static void begin_child(void)
{
	memset(&totals, 0, sizeof(totals));
	is_told = false;
	unlock();
}

static void prepare(void)
{
	pthread_atfork(lock, unlock, begin_child);
	is_verifying = secure_getenv("VCRYPTO_VERIFY") != NULL;
	if (secure_getenv("VCRYPTO_REPORT"))
		report_path = strdup(secure_getenv("VCRYPTO_REPORT"));
}

/* Opens the device at first use. Return: NULL with why() if there is none, or it is in use. */
static struct vcrypto *get_device(void)
{
	struct vcrypto *dev = __atomic_load_n(&device, __ATOMIC_ACQUIRE);

	if (dev && vcrypto_is_own(dev))
		return dev;
	lock();
	if (device && !vcrypto_is_own(device)) {
		vcrypto_close(device);
		device = NULL;
		is_tried = false;
	}
	if (!device && !is_tried) {
		is_tried = true;
		__atomic_store_n(&device, vcrypto_open(NULL), __ATOMIC_RELEASE);
		if (!device)
			tell_why_software();
	}
	dev = device;
	unlock();
	return dev;
}

static void close_device(void)
{
	lock();
	vcrypto_close(device);
	device = NULL;
	is_tried = false;
	unlock();
}

bool engine_start(void)
{
	bool is_good;

	pthread_once(&once, prepare);
	lock();
	/* A separate context without configuration never fetches this provider's algorithms. */
	if (!software_context)
		software_context = OSSL_LIB_CTX_new();
	is_good = software_context != NULL;
	starts += is_good;
	unlock();
	return is_good;
}

void engine_stop(void)
{
	if (__atomic_sub_fetch(&starts, 1, __ATOMIC_SEQ_CST))
		return;
	close_device();
	OSSL_LIB_CTX_free(software_context);
	software_context = NULL;
	report_totals();
}

/* Closes the device if the program ends without OpenSSL's clean-up. */
static __attribute__((destructor)) void stop_at_exit(void)
{
	if (!starts)
		return;
	close_device();
	report_totals();
}

/* Keys. */

void engine_key_set(struct engine_key *key, const uint8_t *bytes, bool is_encrypting)
{
	engine_key_clear(key);
	memcpy(key->key, bytes, key->cipher->key_len);
	key->is_encrypting = is_encrypting;
}

/* Forgets the session and request in a forked child, because they belong to the parent. */
static void forget_after_fork(struct engine_key *key)
{
	if (key->forks == pci_forks())
		return;
	key->has_session = false;
	vcrypto_request_free(key->request);
	key->request = NULL;
	key->forks = pci_forks();
}

void engine_key_clear(struct engine_key *key)
{
	forget_after_fork(key);
	if (key->has_session && device)
		vcrypto_session_destroy(device, key->session);
	key->has_session = false;
	vcrypto_request_free(key->request);
	key->request = NULL;
	EVP_CIPHER_CTX_free(key->software);
	key->software = NULL;
	OPENSSL_cleanse(key->key, sizeof(key->key));
}

static bool is_ready(struct engine_key *key, struct vcrypto *dev)
{
	if (!key->request)
		key->request = vcrypto_request_new();
	if (!key->request)
		return false;
	if (!key->has_session)
		key->has_session = !vcrypto_session_create(dev, key->cipher->algo, key->key,
							   key->cipher->key_len, key->is_encrypting,
							   &key->session);
	return key->has_session;
}

/* Software. */

EVP_CIPHER_CTX *engine_software(struct engine_key *key)
{
	EVP_CIPHER *cipher;

	if (key->software)
		return key->software;
	cipher = EVP_CIPHER_fetch(software_context, key->cipher->name, "provider=default");
	key->software = EVP_CIPHER_CTX_new();
	if (!cipher || !key->software ||
	    !EVP_CipherInit_ex2(key->software, cipher, key->key, NULL, key->is_encrypting, NULL) ||
	    !EVP_CIPHER_CTX_set_padding(key->software, 0)) {
		EVP_CIPHER_CTX_free(key->software);
		key->software = NULL;
	}
	EVP_CIPHER_free(cipher);
	return key->software;
}

void engine_count_software(size_t len)
{
	count(&totals.software_bytes, len);
}

/* Processes @len bytes in software. Return: the number of bytes written, or -1. */
static long long update(EVP_CIPHER_CTX *context, uint8_t *dst, const uint8_t *src, size_t len)
{
	long long done = 0;

	while (len) {
		size_t piece = len < SOFTWARE_MAX ? len : SOFTWARE_MAX;
		int n;

		if (!EVP_CipherUpdate(context, dst + done, &n, src, (int)piece))
			return -1;
		done += n;
		src += piece;
		len -= piece;
	}
	return done;
}

static bool do_in_software(struct engine_key *key, const uint8_t *iv, const struct engine_run *run,
			   uint8_t *dst)
{
	EVP_CIPHER_CTX *context = engine_software(key);
	long long head, rest;

	if (!context ||
	    !EVP_CipherInit_ex2(context, NULL, NULL, key->cipher->iv_len ? iv : NULL, -1, NULL))
		return false;
	head = update(context, dst, run->head, run->head_len);
	if (head < 0)
		return false;
	rest = update(context, dst + head, run->src, run->src_len);
	return rest >= 0 && (size_t)(head + rest) == run->head_len + run->src_len;
}

/* Data on the device. */

/* SPOILED: the device failed, and may have overwritten its input. */
enum outcome { DONE, NOT_DONE, SPOILED };

/* Returns whether @error, the device's answer, means that the device did not write the result. */
static bool is_untouched(int error)
{
	return error == EBADMSG || error == ENOTSUP || error == EINVAL;
}

static bool overlaps(const uint8_t *a, const uint8_t *b, size_t len)
{
	return a < b + len && b < a + len;
}

static enum outcome do_on_device(struct engine_key *key, const uint8_t *iv,
				 const struct engine_run *run)
{
	const struct vcrypto_job job = {
		.session = key->session,
		.is_encrypting = key->is_encrypting,
		.algo = key->cipher->algo,
		.iv = iv,
		.iv_len = key->cipher->iv_len,
		.head = run->head,
		.head_len = run->head_len,
		.src = run->src,
		.src_len = run->src_len,
		.dst = run->is_staged ? NULL : run->dst,
	};
	size_t len = run->head_len + run->src_len;
	int result;

	/* If the ring is full, try again: the threads that filled the ring empty it meanwhile. */
	while ((result = vcrypto_submit(device, key->request, &job)) && errno == EAGAIN)
		sched_yield();
	if (result) {
		if (errno == ESTALE)
			key->has_session = false;
		tell_why_software();
		return NOT_DONE;
	}
	if (vcrypto_wait(device, key->request)) {
		int error = errno;

		tell_why_software();
		key->has_session = key->has_session && error != EINVAL;
		return is_untouched(error) || run->is_staged || !overlaps(run->src, run->dst, len)
			       ? NOT_DONE
			       : SPOILED;
	}
	if (run->is_staged)
		memcpy(run->dst, vcrypto_request_result(key->request), len);
	count(&totals.copied_bytes, run->is_staged ? len : run->head_len);
	count(&totals.in_place_bytes, run->is_staged ? 0 : run->src_len);
	return DONE;
}

/* Copies the input for verification, because processing in place overwrites it. */
static uint8_t *copy_for_verify(const struct engine_run *run)
{
	uint8_t *copy = is_verifying ? OPENSSL_malloc(run->head_len + run->src_len) : NULL;

	if (copy && run->head_len)
		memcpy(copy, run->head, run->head_len);
	if (copy && run->src_len)
		memcpy(copy + run->head_len, run->src, run->src_len);
	return copy;
}

static void verify(struct engine_key *key, const uint8_t *iv, uint8_t *copy,
		   const struct engine_run *run)
{
	size_t len = run->head_len + run->src_len;
	const struct engine_run again = { .src = copy, .src_len = len };

	if (!do_in_software(key, iv, &again, copy) || memcmp(copy, run->dst, len))
		count(&totals.mismatches, 1);
	count(&totals.verified_bytes, len);
}

/*
 * Returns whether input and output overlap without starting at the same address. Such data is
 * copied, and then processed in one piece by software.
 */
static bool is_shifted(const struct engine_run *run)
{
	const uint8_t *to = run->dst + run->head_len;

	return run->src_len && to != run->src &&
	       overlaps(run->dst, run->src, run->head_len + run->src_len);
}

static bool do_shifted(struct engine_key *key, const uint8_t *iv, const struct engine_run *run)
{
	size_t len = run->head_len + run->src_len;
	struct engine_run copied = { .src = OPENSSL_malloc(len), .src_len = len, .dst = run->dst };
	bool is_good;

	if (!copied.src)
		return false;
	memcpy((uint8_t *)copied.src, run->head, run->head_len);
	memcpy((uint8_t *)copied.src + run->head_len, run->src, run->src_len);
	is_good = do_in_software(key, iv, &copied, run->dst);
	engine_count_software(len);
	OPENSSL_clear_free((uint8_t *)copied.src, len);
	return is_good;
}

static bool is_pinned(const struct vcrypto *dev, const struct engine_run *run)
{
	return (!run->src_len || vcrypto_reaches(dev, run->src)) &&
	       (run->is_staged || vcrypto_reaches(dev, run->dst));
}

static enum outcome try_device(struct engine_key *key, const uint8_t *iv,
			       const struct engine_run *run)
{
	struct vcrypto *dev = get_device();
	enum outcome outcome;
	uint8_t *copy;

	if (!dev)
		return NOT_DONE;
	forget_after_fork(key);
	if (!is_pinned(dev, run)) {
		why_fail(EFAULT, "data at %p or room at %p is not pinned", (const void *)run->src,
			 (void *)run->dst);
		tell_why_software();
		return NOT_DONE;
	}
	if (!is_ready(key, dev)) {
		tell_why_software();
		return NOT_DONE;
	}
	copy = copy_for_verify(run);
	outcome = do_on_device(key, iv, run);
	if (copy && outcome == DONE)
		verify(key, iv, copy, run);
	OPENSSL_clear_free(copy, copy ? run->head_len + run->src_len : 0);
	return outcome;
}

/* Copies the last block of the input. For decryption in place, call this before processing. */
static void last_block(uint8_t *to, const struct engine_run *run)
{
	size_t from_src = run->src_len < ENGINE_BLOCK ? run->src_len : ENGINE_BLOCK;
	size_t from_head = ENGINE_BLOCK - from_src;

	if (from_head)
		memcpy(to, run->head + run->head_len - from_head, from_head);
	if (from_src)
		memcpy(to + from_head, run->src + run->src_len - from_src, from_src);
}

bool engine_do(struct engine_key *key, uint8_t *iv, const struct engine_run *run)
{
	size_t len = run->head_len + run->src_len;
	uint8_t next[ENGINE_BLOCK];
	enum outcome outcome;

	if (!len)
		return true;
	if (!key->is_encrypting)
		last_block(next, run);
	outcome = is_shifted(run) ? NOT_DONE : try_device(key, iv, run);
	if (outcome == SPOILED)
		return false;
	if (outcome == NOT_DONE) {
		if (is_shifted(run)) {
			if (!do_shifted(key, iv, run))
				return false;
		} else {
			if (!do_in_software(key, iv, run, run->dst))
				return false;
			engine_count_software(len);
		}
	}
	if (key->is_encrypting)
		memcpy(next, run->dst + len - ENGINE_BLOCK, ENGINE_BLOCK);
	memcpy(iv, next, ENGINE_BLOCK);
	return true;
}
