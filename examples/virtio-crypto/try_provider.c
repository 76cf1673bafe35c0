// SPDX-License-Identifier: MIT
/*
 * Tests the provider through OpenSSL's interface, as an unmodified program uses it: results equal
 * software for every length, alignment and division of the data, and errors equal software's. Run
 * this with OPENSSL_CONF, under pinned-run. The provider's report tells which bytes the device
 * processed.
 *
 * usage: try_provider pinned|unpinned|child|reset
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <linux/virtio_pci.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <sys/mman.h>

#include "try.h"

#define MIB ((size_t)1 << 20)
#define MAX (16 * MIB)
/* Bytes before and after the data. */
#define MARGIN 64

static const uint8_t key[33] = "0123456789abcdefFEDCBA9876543210";
static const uint8_t iv[17] = "an initial value";
static uint64_t seed = 1;

struct way {
	const char *name;
	size_t len, in_offset, out_offset;
	bool is_encrypting, is_padding, is_in_place, is_divided;
};

static EVP_CIPHER_CTX *begin(const char *name, bool is_encrypting, bool is_padding)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	CHECK(cipher && context);
	CHECK(!strcmp(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher)), "vcrypto"));
	CHECK(EVP_CipherInit_ex2(context, cipher, key, iv, is_encrypting, NULL));
	CHECK(EVP_CIPHER_CTX_set_padding(context, is_padding));
	EVP_CIPHER_free(cipher);
	return context;
}

/*
 * Processes the data with the provider, in pieces of random lengths if @is_divided. Return: the
 * length of the result.
 */
static size_t do_provider(const struct way *way, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *context = begin(way->name, way->is_encrypting, way->is_padding);
	size_t at = 0, done = 0;
	int n;

	while (at < len) {
		size_t piece = way->is_divided ? 1 + next_random(&seed) % (len / 3 + 1) : len;

		piece = piece < len - at ? piece : len - at;
		CHECK(EVP_CipherUpdate(context, out + done, &n, in + at, (int)piece));
		at += piece;
		done += (size_t)n;
	}
	CHECK(EVP_CipherFinal_ex(context, out + done, &n));
	EVP_CIPHER_CTX_free(context);
	return done + (size_t)n;
}

/* Checks that the memory around the result is unchanged. */
static void check_margins(const uint8_t *memory, size_t used)
{
	for (size_t i = 0; i < MARGIN; i++)
		CHECK(memory[i] == 0xa5 && memory[used + i] == 0xa5);
}

/*
 * Makes plain text and cipher text in software, then compares the provider in the way's direction.
 */
static void check_way(const struct way *way, uint8_t *from, uint8_t *to)
{
	static uint8_t *plain, *secret;
	uint8_t *in = from + MARGIN + way->in_offset, *out = to + MARGIN + way->out_offset;
	size_t secret_len, in_len, out_len;
	const uint8_t *expected;

	if (!plain)
		plain = malloc(MAX + 16), secret = malloc(MAX + 32);
	CHECK(plain && secret);
	fill_random(plain, way->len, seed++);
	secret_len =
		do_software(way->name, key, iv, true, way->is_padding, plain, way->len, secret);
	in_len = way->is_encrypting ? way->len : secret_len;
	out_len = way->is_encrypting ? secret_len : way->len;
	expected = way->is_encrypting ? secret : plain;
	if (way->is_in_place)
		out = in;
	memset(out - MARGIN, 0xa5, secret_len + 2 * MARGIN);
	memcpy(in, way->is_encrypting ? plain : secret, in_len);
	CHECK(do_provider(way, in, in_len, out) == out_len);
	CHECK(!memcmp(out, expected, out_len));
	check_margins(out - MARGIN, secret_len + MARGIN);
}

static void check_all(uint8_t *from, uint8_t *to, const size_t *sizes, size_t count)
{
	static const char *const names[] = { "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };

	for (size_t i = 0; i < count * 16; i++) {
		struct way way = { .name = names[i % 3],
				   .len = sizes[i / 16],
				   .in_offset = next_random(&seed) % 17,
				   .out_offset = next_random(&seed) % 17,
				   .is_encrypting = i & 1,
				   .is_padding = i & 2,
				   .is_in_place = i & 4,
				   .is_divided = i & 8 };

		if (!way.is_padding)
			way.len = (way.len + 15) / 16 * 16;
		/* Pieces in place would overlap by less than a block, which OpenSSL forbids. */
		if (way.is_in_place && way.is_divided)
			way.is_divided = false;
		check_way(&way, from, to);
	}
}

static const size_t small_sizes[] = { 1,   2,	 15,   16,   17,   31,	 32,	33,    48,
				      100, 1000, 4095, 4096, 4097, 8192, 16384, 16389, 65536 };
static const size_t large_sizes[] = { 65537,	    MIB + 1,	 2 * MIB - 1, 2 * MIB,
				      2 * MIB + 17, 5 * MIB + 3, MAX };

static void sizes(void)
{
	uint8_t *from = malloc(MAX + 4096), *to = malloc(MAX + 4096);

	check_all(from, to, small_sizes, sizeof(small_sizes) / sizeof(small_sizes[0]));
	check_all(from, to, large_sizes, sizeof(large_sizes) / sizeof(large_sizes[0]));
}

/* Data that begins shortly before the boundary of a chunk and ends after it. */
static void chunk_borders(void)
{
	uint8_t *from = malloc(8 * MIB), *to = malloc(8 * MIB);
	size_t border = 2 * MIB - (uintptr_t)from % (2 * MIB);
	size_t other = 2 * MIB - (uintptr_t)to % (2 * MIB);

	for (size_t i = 1; i < 64; i++) {
		struct way way = { .name = "AES-256-CBC",
				   .len = 4096 + i,
				   .in_offset = 2 * MIB + border - MARGIN - i * 33,
				   .out_offset = 2 * MIB + other - MARGIN - i * 61,
				   .is_encrypting = i & 1,
				   .is_padding = true,
				   .is_in_place = i & 2 };

		check_way(&way, from, to);
	}
}

/* Stack, static and mapped memory; and pinned memory for only one of input and output. */
static void other_memory(void)
{
	static uint8_t in_program[200000];
	uint8_t on_stack[200000], *pinned = malloc(200000);
	uint8_t *mapped =
		mmap(NULL, 200000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const size_t count = sizeof(small_sizes) / sizeof(small_sizes[0]);

	check_all(on_stack, in_program, small_sizes, count);
	check_all(mapped, on_stack, small_sizes, count);
	check_all(mapped, pinned, small_sizes, count);
	check_all(pinned, mapped, small_sizes, count);
}

/* Input and output that overlap in a way that OpenSSL does not allow. */
static void overlapping(void)
{
	uint8_t *memory = malloc(8192), *plain = malloc(8192), *expected = malloc(8192);
	EVP_CIPHER_CTX *context = begin("AES-128-CBC", true, false);
	int n, more;

	fill_random(plain, 4096, 3);
	do_software("AES-128-CBC", key, iv, true, false, plain, 4096, expected);
	memcpy(memory + 5, plain, 4096);
	CHECK(EVP_CipherUpdate(context, memory + 5, &n, memory + 5, 5) && n == 0);
	CHECK(EVP_CipherUpdate(context, memory + 64, &more, memory + 10, 4091) && more == 4096);
	CHECK(!memcmp(memory + 64, expected, 4096));
	EVP_CIPHER_CTX_free(context);
}

static void errors(void)
{
	uint8_t *data = malloc(4096), *out = malloc(4096);
	EVP_CIPHER_CTX *context = begin("AES-128-CBC", false, true);
	int n;

	fill_random(data, 4096, 5);
	/* The last block is not a valid padding, like 255 of 256 random blocks. */
	CHECK(EVP_CipherUpdate(context, out, &n, data, 4096) && n == 4080);
	CHECK(!EVP_CipherFinal_ex(context, out + n, &n));
	EVP_CIPHER_CTX_free(context);
	context = begin("AES-128-CBC", true, false);
	CHECK(EVP_CipherUpdate(context, out, &n, data, 17) && n == 16);
	CHECK(!EVP_CipherFinal_ex(context, out + n, &n));
	EVP_CIPHER_CTX_free(context);
	context = begin("AES-128-CBC", false, true);
	CHECK(EVP_CipherUpdate(context, out, &n, data, 33) && n == 32);
	CHECK(!EVP_CipherFinal_ex(context, out + n, &n));
	EVP_CIPHER_CTX_free(context);
	context = EVP_CIPHER_CTX_new();
	CHECK(EVP_CipherInit_ex2(context, EVP_aes_128_cbc(), NULL, NULL, 1, NULL));
	CHECK(!EVP_CipherUpdate(context, out, &n, data, 16));
	EVP_CIPHER_CTX_free(context);
}

/* A program can read the current vector, and copy a context in the middle of the data. */
static void state(void)
{
	uint8_t *data = malloc(4096), *out = malloc(8192), *expected = malloc(8192), now[16];
	EVP_CIPHER_CTX *context = begin("AES-192-CBC", true, true), *copy = EVP_CIPHER_CTX_new();
	int n, rest;

	fill_random(data, 4096, 6);
	do_software("AES-192-CBC", key, iv, true, true, data, 4096, expected);
	CHECK(EVP_CipherUpdate(context, out, &n, data, 2007) && n == 2000);
	CHECK(EVP_CIPHER_CTX_get_updated_iv(context, now, sizeof(now)));
	CHECK(!memcmp(now, expected + 1984, 16));
	CHECK(EVP_CIPHER_CTX_get_original_iv(context, now, sizeof(now)) && !memcmp(now, iv, 16));
	CHECK(EVP_CIPHER_CTX_copy(copy, context));
	EVP_CIPHER_CTX_free(context);
	CHECK(EVP_CipherUpdate(copy, out + n, &rest, data + 2007, 4096 - 2007));
	CHECK(EVP_CipherFinal_ex(copy, out + n + rest, &n) && n == 16);
	CHECK(!memcmp(out, expected, 4112));
	EVP_CIPHER_CTX_free(copy);
}

/*
 * Resets the devices through their registers, without the provider's knowledge. QEMU places the
 * common configuration at the start of BAR 4.
 */
static void reset_devices(void)
{
	unsigned int found = 0, id;
	glob_t files;

	CHECK(!glob("/sys/bus/pci/devices/*/device", 0, NULL, &files));
	for (size_t i = 0; i < files.gl_pathc; i++) {
		FILE *file = fopen(files.gl_pathv[i], "re");
		char path[300];
		uint8_t *bar;
		int fd;

		CHECK(file && fscanf(file, "%x", &id) == 1);
		fclose(file);
		if (id != 0x1054)
			continue;
		snprintf(path, sizeof(path), "%.*s/resource4",
			 (int)(strrchr(files.gl_pathv[i], '/') - files.gl_pathv[i]),
			 files.gl_pathv[i]);
		fd = open(path, O_RDWR);
		bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		CHECK(fd >= 0 && bar != MAP_FAILED);
		*(volatile uint8_t *)(bar + VIRTIO_PCI_COMMON_STATUS) = 0;
		munmap(bar, 4096);
		close(fd);
		found++;
	}
	globfree(&files);
	CHECK(found);
}

/*
 * Requests that a reset loses are repeated in software; then the device is used with a new session.
 */
static void reset_by_others(void)
{
	uint8_t *data = malloc(40960), *out = malloc(40960), *expected = malloc(40960 + 16);
	EVP_CIPHER_CTX *context = begin("AES-128-CBC", true, false);
	int n;

	fill_random(data, 40960, 9);
	do_software("AES-128-CBC", key, iv, true, false, data, 40960, expected);
	for (int i = 0; i < 10; i++) {
		if (i == 3)
			reset_devices();
		CHECK(EVP_CipherUpdate(context, out + i * 4096, &n, data + i * 4096, 4096));
		CHECK(n == 4096);
	}
	CHECK(!memcmp(out, expected, 40960));
	EVP_CIPHER_CTX_free(context);
	/* A lost request in place leaves the buffer undefined: an error, never a wrong result. */
	context = begin("AES-128-CBC", true, false);
	CHECK(EVP_CipherUpdate(context, out, &n, data, 4096) && n == 4096);
	reset_devices();
	CHECK(!EVP_CipherUpdate(context, data + 4096, &n, data + 4096, 4096));
	EVP_CIPHER_CTX_free(context);
}

/* A context that the parent started works on in the parent and in the forked child. */
static void over_fork(void)
{
	uint8_t *data = malloc(8192), *out = malloc(8192), *expected = malloc(8192 + 16);
	EVP_CIPHER_CTX *context = begin("AES-256-CBC", true, true);
	int n, more, status = -1;
	pid_t pid;

	fill_random(data, 8192, 8);
	do_software("AES-256-CBC", key, iv, true, true, data, 8192, expected);
	CHECK(EVP_CipherUpdate(context, out, &n, data, 4099) && n == 4096);
	pid = fork();
	if (!pid) {
		/* Inherited memory is not pinned in the child; newly allocated memory is. */
		uint8_t *own = malloc(8192);

		memcpy(own, data, 8192);
		CHECK(EVP_CipherUpdate(context, own, &more, own + 4099, 8192 - 4099) &&
		      more == 4096);
		CHECK(!memcmp(own, expected + 4096, 4096));
		for (size_t i = 0; i < 20; i++) {
			EVP_CIPHER_CTX *other = begin("AES-256-CBC", true, true);

			memcpy(own, data, 8192);
			CHECK(EVP_CipherUpdate(other, own, &more, own, 4096) && more == 4096);
			CHECK(!memcmp(own, expected, 4096));
			EVP_CIPHER_CTX_free(other);
		}
		EVP_CIPHER_CTX_free(context);
		exit(0);
	}
	CHECK(EVP_CipherUpdate(context, out + n, &more, data + 4099, 8192 - 4099) && more == 4096);
	CHECK(EVP_CipherFinal_ex(context, out + n + more, &n) && n == 16);
	CHECK(!memcmp(out, expected, 8208));
	EVP_CIPHER_CTX_free(context);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "pinned")) {
		run_check("sizes", sizes);
		run_check("chunk_borders", chunk_borders);
		run_check("errors", errors);
		run_check("state", state);
	} else if (!strcmp(what, "unpinned")) {
		run_check("other_memory", other_memory);
		run_check("overlapping", overlapping);
	} else if (!strcmp(what, "child")) {
		run_check("over_fork", over_fork);
	} else if (!strcmp(what, "reset")) {
		run_check("reset_by_others", reset_by_others);
	}
	return end_checks();
}
