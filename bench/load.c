// SPDX-License-Identifier: MIT
/*
 * Load for memcached: sends sets, gets and deletes of random keys with values of 10 to 4000 bytes,
 * in batches, on one connection of a Unix socket. Waits for every answer and counts it.
 *
 * usage: load SOCKET REQUESTS
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite/workload.h"

#define BATCH 50
#define KEYS 50000
#define VALUE_MAX 4000
#define OUT_MAX (BATCH * (VALUE_MAX + 100))

static void give_up(const char *why)
{
	perror(why);
	exit(1);
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		give_up(path);
	return fd;
}

static size_t write_request(char *out, uint64_t *random, const char *value)
{
	size_t key = random_below(random, KEYS), kind = random_below(random, 10);
	size_t length = 10 + random_below(random, VALUE_MAX - 10);

	if (kind < 5)
		return (size_t)sprintf(out, "get key%zu\r\n", key);
	if (kind < 6)
		return (size_t)sprintf(out, "delete key%zu\r\n", key);
	return (size_t)sprintf(out, "set key%zu 0 0 %zu\r\n%.*s\r\n", key, length, (int)length,
			       value);
}

static void send_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t sent = write(fd, data, size);

		if (sent <= 0)
			give_up("write");
		data += sent;
		size -= (size_t)sent;
	}
}

/*
 * Waits for answers. The last line of an answer begins with a capital letter and is not a VALUE
 * line; the values contain no capitals.
 */
static void await(int fd, size_t answers)
{
	static char in[65536];
	static int begins_line = 1;

	while (answers) {
		ssize_t got = read(fd, in, sizeof(in));

		if (got <= 0)
			give_up("read");
		for (ssize_t i = 0; i < got; i++) {
			if (begins_line && strchr("ESND", in[i]))
				answers--;
			begins_line = in[i] == '\n';
		}
	}
}

int main(int argc, char **argv)
{
	static char out[OUT_MAX], value[VALUE_MAX + 1];
	size_t requests = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t random = random_seed(0);
	int fd;

	if (!requests) {
		fprintf(stderr, "usage: load SOCKET REQUESTS\n");
		return 2;
	}
	fd = dial(argv[1]);
	memset(value, 'x', VALUE_MAX);
	for (size_t done = 0; done < requests; done += BATCH) {
		size_t length = 0;

		for (size_t i = 0; i < BATCH; i++)
			length += write_request(out + length, &random, value);
		send_all(fd, out, length);
		await(fd, BATCH);
	}
	close(fd);
	return 0;
}
