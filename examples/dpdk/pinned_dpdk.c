// SPDX-License-Identifier: MIT
/*
 * Sends the frames of a capture file, or receives frames into one. Every frame is allocated by
 * malloc, as in a program that does not use DPDK's pools, and the card reads the frame there. The
 * program frees a frame as soon as its mbuf is made, not after it is sent. Received frames lie in
 * memory from malloc too. Prints a line of figures at the end.
 *
 * usage: pinned-dpdk [EAL-OPTION...] -- send FILE
 *        pinned-dpdk [EAL-OPTION...] -- receive FILE COUNT
 */
#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/why.h"
#include "mbufs.h"
#include "port.h"

#define BURST 32
#define WAIT_MS 10000
#define SNAP_LENGTH 65535

/* The header of a capture file, as in pcap-savefile(5), in this machine's byte order. */
struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap_length, link_type;
};

struct frame_header {
	uint32_t seconds, microseconds, kept, len;
};

#define MAGIC 0xa1b2c3d4
#define LINK_ETHERNET 1

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
	(void)number;
	is_stopped = 1;
}

static int fail(const char *what)
{
	fprintf(stderr, "pinned-dpdk: %s: %s\n", what, why());
	return -1;
}

static FILE *open_capture(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (!file)
		why_fail(errno, "%s", strerror(errno));
	return file;
}

/* Sending. */

/* Reads the next frame of the file. Return: 1; 0 at the file's end; -1 on error. */
static int read_frame(FILE *file, struct rte_mbuf **frame)
{
	struct frame_header header;
	void *data;

	if (fread(&header, sizeof(header), 1, file) != 1)
		return ferror(file) ? why_fail(EIO, "cannot be read") : 0;
	if (header.kept != header.len || header.len > SNAP_LENGTH)
		return why_fail(EINVAL, "a frame of %u bytes is not whole", header.len);
	data = malloc(header.len);
	if (!data || fread(data, 1, header.len, file) != header.len) {
		free(data);
		return why_fail(EIO, "ends within a frame");
	}
	*frame = mbufs_show(data, header.len);
	/* The mbuf retains the memory. */
	free(data);
	return *frame ? 1 : -1;
}

static int send_frames(FILE *file, uint64_t *sent)
{
	struct rte_mbuf *frames[BURST];
	unsigned int count, queued;
	int result = 1;

	while (result > 0 && !is_stopped) {
		for (count = 0; count < BURST && result > 0;)
			if ((result = read_frame(file, &frames[count])) > 0)
				count++;
		queued = port_send(frames, count, WAIT_MS);
		*sent += queued;
		if (queued < count) {
			rte_pktmbuf_free_bulk(frames + queued, count - queued);
			result = -1;
		}
	}
	return port_flush(WAIT_MS) || result < 0 ? -1 : 0;
}

static int run_send(const char *path, uint64_t *frames)
{
	FILE *file = open_capture(path, "rb");
	struct file_header header;
	int result;

	if (!file)
		return fail(path);
	if (fread(&header, sizeof(header), 1, file) != 1 || header.magic != MAGIC ||
	    header.link_type != LINK_ETHERNET)
		result = why_fail(EINVAL, "is no capture of Ethernet frames");
	else
		result = send_frames(file, frames);
	fclose(file);
	return result ? fail(path) : 0;
}

/* Receiving. */

static int write_frame(FILE *file, const struct rte_mbuf *frame)
{
	struct frame_header header = { .kept = frame->pkt_len, .len = frame->pkt_len };

	if (frame->nb_segs != 1)
		return why_fail(EMSGSIZE, "a frame of %u bytes", frame->pkt_len);
	if (fwrite(&header, sizeof(header), 1, file) != 1 ||
	    fwrite(rte_pktmbuf_mtod(frame, void *), 1, frame->pkt_len, file) != frame->pkt_len)
		return why_fail(errno, "%s", strerror(errno));
	return 0;
}

static int receive_frames(FILE *file, uint64_t wanted, uint64_t *frames, uint64_t *bytes)
{
	struct rte_mbuf *got[BURST];
	int result = 0;

	while (!result && *frames < wanted && !is_stopped) {
		int count =
			port_receive(got, (unsigned int)RTE_MIN((uint64_t)BURST, wanted - *frames));

		if (count < 0)
			return -1;
		for (int i = 0; i < count && !result; i++, ++*frames) {
			result = write_frame(file, got[i]);
			*bytes += got[i]->pkt_len;
		}
		if (count)
			rte_pktmbuf_free_bulk(got, (unsigned int)count);
		else
			rte_delay_us_sleep(200);
	}
	return result;
}

static int run_receive(const char *path, uint64_t wanted, uint64_t *frames, uint64_t *bytes)
{
	const struct file_header header = { MAGIC, 2, 4, 0, 0, SNAP_LENGTH, LINK_ETHERNET };
	FILE *file = open_capture(path, "wb");
	int result;

	if (!file)
		return fail(path);
	fprintf(stderr, "pinned-dpdk: receiving\n");
	if (fwrite(&header, sizeof(header), 1, file) != 1)
		result = why_fail(errno, "%s", strerror(errno));
	else
		result = receive_frames(file, wanted, frames, bytes);
	if (fclose(file) && !result)
		result = why_fail(errno, "%s", strerror(errno));
	return result ? fail(path) : 0;
}

static void report(const char *what, uint64_t frames, uint64_t received_bytes)
{
	struct mbufs_figures figures;
	struct rte_eth_stats stats = { 0 };

	mbufs_figures(&figures);
	rte_eth_stats_get(0, &stats);
	printf("dpdk-%s in_place_bytes=%llu copied_bytes=%llu frames=%llu missed_frames=%llu "
	       "bad_frames=%llu\n",
	       what, (unsigned long long)(figures.in_place_bytes + received_bytes),
	       (unsigned long long)figures.copied_bytes, (unsigned long long)frames,
	       (unsigned long long)stats.imissed,
	       (unsigned long long)(stats.ierrors + stats.oerrors));
}

static int run(char **argv, bool is_receiver)
{
	uint64_t frames = 0, bytes = 0;
	int result;

	if (port_start(is_receiver))
		return fail("cannot start");
	if (is_receiver)
		result = run_receive(argv[2], strtoull(argv[3], NULL, 10), &frames, &bytes);
	else
		result = run_send(argv[2], &frames);
	report(argv[1], frames, bytes);
	port_stop();
	return result;
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv), result;
	bool is_receiver;

	if (used < 0) {
		fprintf(stderr, "pinned-dpdk: DPDK does not start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	argc -= used;
	argv += used;
	is_receiver = argc == 4 && !strcmp(argv[1], "receive");
	if (!is_receiver && (argc != 3 || strcmp(argv[1], "send"))) {
		fprintf(stderr,
			"usage: pinned-dpdk [EAL-OPTION...] -- send FILE | receive FILE COUNT\n");
		return 2;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	result = run(argv, is_receiver);
	rte_eal_cleanup();
	return result ? 1 : 0;
}
