// SPDX-License-Identifier: MIT
/*
 * Tests this folder's parts against a second card on the same wire, which the kernel drives. Each
 * check starts DPDK in its own process. Run this on pinned memory, by pinned-run. A card that is
 * bound to vfio-pci cannot be paused, so the checks that pause the card run only with other
 * drivers.
 *
 * usage: try_dpdk INTERFACE CARD EAL-OPTION...
 *        try_dpdk refused ERRNO-NAME CARD EAL-OPTION...
 *
 * INTERFACE is the second card's interface; CARD is the tested card's address, as 0000:00:04.0. The
 * second form only checks that the port does not start, and fails with this errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pinned.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../e1000/peer.h"
#include "../common/run_check.h"
#include "../common/pci/sysfs.h"
#include "../common/vfio/vfio.h"
#include "extmem.h"
#include "mbufs.h"
#include "port.h"

/* Registers of the card that DPDK's drivers do not expose. */
#define REG_TCTL (0x400 / sizeof(uint32_t))
#define TCTL_ENABLE 2u
#define REGISTERS 0x1000

static char **eal_argv;
static int eal_argc;
static const char *card;

static void start_dpdk(void)
{
	CHECK(rte_eal_init(eal_argc, eal_argv) >= 0);
}

static void start(bool is_receiver)
{
	start_dpdk();
	CHECK(!port_start(is_receiver));
}

/* Ends a check: everything must be released. */
static void end(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	port_stop();
	CHECK(!pinned_stats(&stats) && stats.retained_bytes == 0);
	rte_eal_cleanup();
}

/* Stops the card from sending the frames of its ring, or lets it continue. */
static void pause_card(bool is_paused)
{
	int fd = pci_sysfs_open(card, "resource0", O_RDWR);
	volatile uint32_t *registers =
		mmap(NULL, REGISTERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(registers != MAP_FAILED);
	if (is_paused)
		registers[REG_TCTL] &= ~TCTL_ENABLE;
	else
		registers[REG_TCTL] |= TCTL_ENABLE;
	munmap((void *)(uintptr_t)registers, REGISTERS);
	close(fd);
}

static unsigned int queue(const void *frame, size_t len)
{
	struct rte_mbuf *mbuf = mbufs_show(frame, len);
	unsigned int sent;

	CHECK(mbuf);
	sent = port_send(&mbuf, 1, 0);
	if (!sent)
		rte_pktmbuf_free(mbuf);
	return sent;
}

static void check_copies(size_t in_place, size_t copied)
{
	struct mbufs_figures figures;

	mbufs_figures(&figures);
	CHECK(figures.in_place_bytes == in_place);
	CHECK(figures.copied_bytes == copied);
}

/* Returns whether DPDK's address of @ptr is extmem's, and without VFIO also pinned_v2p()'s. */
static bool dpdk_knows(const void *ptr)
{
	const struct rte_memseg *segment = rte_mem_virt2memseg(ptr, NULL);
	struct pinned_extent extent;

	return segment && rte_mem_virt2memseg_list(ptr)->external &&
	       extmem_find(ptr, 1, &extent, 1) == 1 &&
	       segment->iova + RTE_PTR_DIFF(ptr, segment->addr) == extent.phys &&
	       (rte_eal_iova_mode() == RTE_IOVA_VA || pinned_v2p(ptr) == extent.phys);
}

static void sends_in_place(void)
{
	int peer = open_peer();
	uint8_t *frame;
	size_t sum = 0;

	start(false);
	frame = malloc(FRAME + 64);
	for (size_t len = 60; len <= FRAME; len++) {
		fill(frame + len % 64, len, (unsigned int)len);
		CHECK(queue(frame + len % 64, len) == 1);
		CHECK(!port_flush(WAIT_MS));
		peer_sees(peer, len, (unsigned int)len);
		sum += len;
	}
	CHECK(dpdk_knows(frame));
	check_copies(sum, 0);
	free(frame);
	end();
}

/*
 * Places the boundary between two chunks, which need not be adjacent, at every offset in a frame.
 */
static void sends_across_chunks(void)
{
	int peer = open_peer();
	uint8_t *chunks;

	start(false);
	chunks = aligned_alloc(PINNED_CHUNK_SIZE, 2 * PINNED_CHUNK_SIZE);
	for (unsigned int before = 1; before < 300; before++) {
		uint8_t *frame = chunks + PINNED_CHUNK_SIZE - before;

		fill(frame, 300, before);
		CHECK(queue(frame, 300) == 1);
		CHECK(!port_flush(WAIT_MS));
		peer_sees(peer, 300, before);
	}
	CHECK(dpdk_knows(chunks) && dpdk_knows(chunks + PINNED_CHUNK_SIZE));
	check_copies(299 * 300, 0);
	free(chunks);
	end();
}

/* The header, on the stack, is copied; the payload, in pinned memory, is not. */
static void copies_what_is_not_pinned(void)
{
	int peer = open_peer();
	uint8_t frame[MBUFS_COPY_MAX + 1], *pinned;
	struct rte_mbuf *head, *payload;

	start(false);
	pinned = malloc(FRAME);
	fill(frame, FRAME, 1);
	CHECK(queue(frame, FRAME) == 1);
	/* The copy is what is sent, so the caller may overwrite its buffer. */
	memset(frame, 0, sizeof(frame));
	peer_sees(peer, FRAME, 1);
	check_copies(0, FRAME);
	fill(frame, 14, 2);
	fill(pinned, 500, 2);
	head = mbufs_show(frame, 14);
	payload = mbufs_show(pinned + 14, 500 - 14);
	CHECK(head && payload && !rte_pktmbuf_chain(head, payload));
	CHECK(port_send(&head, 1, 0) == 1);
	CHECK(!port_flush(WAIT_MS));
	peer_sees(peer, 500, 2);
	check_copies(500 - 14, FRAME + 14);
	CHECK(!mbufs_show(frame, sizeof(frame)) && errno == EMSGSIZE);
	CHECK(!mbufs_show(pinned, (size_t)UINT16_MAX + 1) && errno == EMSGSIZE);
	free(pinned);
	end();
}

/* DPDK frees an mbuf only when its entry of the ring is reused. The peer ignores these frames. */
static void fill_ring(void)
{
	uint8_t *frame = malloc(60);

	fill(frame, 60, 0);
	frame[13]++;
	for (unsigned int i = 0; i < PORT_RING; i++)
		CHECK(queue(frame, 60) == 1);
	free(frame);
}

/*
 * The heap releases a chunk and gets another one at the same place: DPDK must not keep the old
 * chunk's address. With VFIO the new chunk has the same address.
 */
static void follows_the_heap(void)
{
	struct pinned_extent now, before = { 0 };
	unsigned int moved = 0;
	struct pinned_heap *other;
	void *last = NULL;
	int peer = open_peer();

	start(false);
	other = pinned_heap_create(NULL);
	for (unsigned int n = 0; n < 20; n++) {
		uint8_t *chunk = aligned_alloc(PINNED_CHUNK_SIZE, PINNED_CHUNK_SIZE);

		fill(chunk, FRAME, n);
		CHECK(queue(chunk, FRAME) == 1);
		CHECK(!port_flush(WAIT_MS));
		peer_sees(peer, FRAME, n);
		CHECK(dpdk_knows(chunk) && extmem_find(chunk, 1, &now, 1) == 1);
		moved += chunk == last && now.phys != before.phys;
		before = now;
		last = chunk;
		free(chunk);
		fill_ring();
		pinned_purge();
		/* Another heap gets the memory. */
		CHECK(pinned_heap_malloc(other, PINNED_CHUNK_SIZE));
	}
	CHECK(vfio_has(card) ? !moved : moved);
	end();
}

static void keeps_few_runs(void)
{
	uint8_t *chunks[200];
	int peer = open_peer();

	start(false);
	/* More chunks than DPDK could register one by one. */
	for (unsigned int n = 0; n < 200; n++) {
		chunks[n] = aligned_alloc(PINNED_CHUNK_SIZE, PINNED_CHUNK_SIZE);
		fill(chunks[n], 100, n);
		CHECK(queue(chunks[n], 100) == 1);
		CHECK(!port_flush(WAIT_MS));
		peer_sees(peer, 100, n);
	}
	for (unsigned int n = 0; n < 200; n++) {
		CHECK(dpdk_knows(chunks[n]));
		free(chunks[n]);
	}
	check_copies(200 * 100, 0);
	end();
}

static void waits_when_full(void)
{
	int peer = open_peer();
	unsigned int n = 0;
	uint8_t *frames;
	struct rte_mbuf *left;

	start(false);
	frames = calloc(PORT_RING + 1, 128);
	pause_card(true);
	for (;; n++) {
		CHECK(n <= PORT_RING);
		fill(frames + n * 128, 128, n);
		left = mbufs_show(frames + n * 128, 128);
		CHECK(left);
		if (!port_send(&left, 1, 0))
			break;
	}
	CHECK(errno == EAGAIN && n >= PORT_RING / 2);
	CHECK(port_flush(20) == -1 && errno == ETIMEDOUT);
	peer_sees_nothing(peer);
	pause_card(false);
	CHECK(port_send(&left, 1, WAIT_MS) == 1);
	CHECK(!port_flush(WAIT_MS));
	for (unsigned int i = 0; i <= n; i++)
		peer_sees(peer, 128, i);
	free(frames);
	end();
}

/* While no mbuf is free, existing ones can be sent; after that, there are free ones again. */
static void runs_out_of_mbufs(void)
{
	struct rte_mbuf *mbufs[2000];
	unsigned int n = 0;
	uint8_t *frame;

	start(false);
	frame = malloc(100);
	fill(frame, 100, 0);
	while (n < 2000 && (mbufs[n] = mbufs_show(frame, 100)))
		n++;
	CHECK(n > PORT_RING && n < 2000 && errno == ENOBUFS);
	CHECK(port_send(mbufs, n, WAIT_MS) == n);
	CHECK(!port_flush(WAIT_MS));
	mbufs[0] = mbufs_show(frame, 100);
	CHECK(mbufs[0]);
	rte_pktmbuf_free(mbufs[0]);
	free(frame);
	end();
}

static uint64_t retained_bytes(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	CHECK(!pinned_stats(&stats));
	return stats.retained_bytes;
}

/* The program frees the buffer, and overwrites all memory that it allocates afterwards. */
static void keeps_what_is_freed(void)
{
	int peer = open_peer();
	uint8_t *frame;
	uint64_t phys;

	start(false);
	frame = malloc(FRAME);
	phys = pinned_v2p(frame);
	fill(frame, FRAME, 9);
	pause_card(true);
	CHECK(queue(frame, FRAME) == 1);
	free(frame);
	CHECK(retained_bytes() >= FRAME);
	for (int i = 0; i < 2000; i++) {
		uint8_t *other = malloc(FRAME);

		CHECK(other && pinned_v2p(other) != phys);
		memset(other, 0xdd, FRAME);
	}
	pause_card(false);
	CHECK(!port_flush(WAIT_MS));
	peer_sees(peer, FRAME, 9);
	end();
}

/* mbufs that are freed unsent release the object too, and a clone holds it as the original did. */
static void lets_go_with_the_last_mbuf(void)
{
	struct rte_mempool *pool;
	struct rte_mbuf *mbuf, *clone;
	uint8_t *frame;

	start(false);
	pool = rte_pktmbuf_pool_create("clones", 15, 0, 0, 0, SOCKET_ID_ANY);
	frame = malloc(FRAME);
	fill(frame, FRAME, 3);
	mbuf = mbufs_show(frame, FRAME);
	CHECK(pool && mbuf);
	clone = rte_pktmbuf_clone(mbuf, pool);
	CHECK(clone);
	free(frame);
	rte_pktmbuf_free(mbuf);
	CHECK(retained_bytes() >= FRAME);
	CHECK(is_frame(rte_pktmbuf_mtod(clone, uint8_t *), FRAME, 3));
	rte_pktmbuf_free(clone);
	CHECK(retained_bytes() == 0);
	end();
}

static void refuses_lengths(void)
{
	int peer = open_peer();
	uint8_t *frame;
	struct rte_mbuf *mbuf;

	start(false);
	frame = calloc(1, 2 * FRAME);
	CHECK(!queue(frame, 13) && errno == EINVAL);
	CHECK(!queue(frame, FRAME + 1) && errno == EMSGSIZE);
	mbuf = mbufs_show(frame, 10);
	for (int i = 0; i < 150; i++)
		CHECK(!rte_pktmbuf_chain(mbuf, mbufs_show(frame, 10)));
	CHECK(!port_send(&mbuf, 1, 0) && errno == EMSGSIZE);
	peer_sees_nothing(peer);
	/* A bad frame does not prevent those before it from being queued. */
	fill(frame, FRAME, 4);
	struct rte_mbuf *two[2] = { mbufs_show(frame, FRAME), mbuf };

	CHECK(port_send(two, 2, 0) == 1 && errno == EMSGSIZE);
	peer_sees(peer, FRAME, 4);
	rte_pktmbuf_free(mbuf);
	free(frame);
	end();
}

/* Returns the next frame that the test sent; other frames are on this wire too. */
static struct rte_mbuf *next_frame(int wait_ms)
{
	struct rte_mbuf *frame;

	for (int i = 0; i < wait_ms; i++) {
		if (port_receive(&frame, 1) == 1) {
			if (is_ours(rte_pktmbuf_mtod(frame, uint8_t *)))
				return frame;
			rte_pktmbuf_free(frame);
		}
		usleep(1000);
	}
	return NULL;
}

static void receives_in_place(void)
{
	struct rte_mbuf *frame = NULL;
	int peer = open_peer();

	start(true);
	/* QEMU's card accepts no frames in its first second. */
	for (int i = 0; i < 100 && !frame; i++) {
		peer_sends(peer, 60, 9999);
		frame = next_frame(100);
	}
	for (; frame; frame = next_frame(100))
		rte_pktmbuf_free(frame);
	for (unsigned int n = 0; n < 600; n++) {
		size_t len = 60 + n * 17 % (FRAME - 59);

		peer_sends(peer, len, n);
		frame = next_frame(WAIT_MS);
		CHECK(frame && frame->data_len == len && frame->pkt_len == len);
		CHECK(is_frame(rte_pktmbuf_mtod(frame, uint8_t *), len, n));
		CHECK(dpdk_knows(rte_pktmbuf_mtod(frame, uint8_t *)));
		rte_pktmbuf_free(frame);
	}
	end();
}

static void is_the_parents_alone(void)
{
	int peer = open_peer(), status;
	struct rte_mbuf *mbuf;
	uint8_t *frame;
	pid_t pid;

	start(false);
	frame = malloc(FRAME);
	fill(frame, FRAME, 5);
	mbuf = mbufs_show(frame, FRAME);
	pid = fork();
	if (!pid) {
		CHECK(!mbufs_show(frame, FRAME) && errno == ENODEV);
		CHECK(!port_send(&mbuf, 1, 0) && errno == ENODEV);
		CHECK(port_flush(0) == -1 && errno == ENODEV);
		CHECK(port_receive(&mbuf, 1) == -1 && errno == ENODEV);
		port_stop();
		memset(frame, 0, FRAME);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	peer_sees_nothing(peer);
	CHECK(port_send(&mbuf, 1, 0) == 1);
	CHECK(!port_flush(WAIT_MS));
	peer_sees(peer, FRAME, 5);
	free(frame);
	end();
}

/* After a process is killed, its frames are not sent and the card can be used again. */
static void outlives_a_killed_owner(void)
{
	int peer = open_peer(), status, ready[2];
	char byte;
	pid_t pid;

	CHECK(!pipe(ready));
	pid = fork();
	if (!pid) {
		uint8_t *frame;

		start(true);
		frame = malloc(FRAME);
		fill(frame, FRAME, 6);
		pause_card(true);
		for (int i = 0; i < 50; i++)
			CHECK(queue(frame, FRAME) == 1);
		CHECK(write(ready[1], "", 1) == 1);
		pause();
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	peer_sees_nothing(peer);
	sends_across_chunks();
}

static int refuses(const char *errno_name)
{
	start_dpdk();
	CHECK(port_start(true) == -1 && !strcmp(strerrorname_np(errno), errno_name));
	printf("refused: %s\n", why());
	return 0;
}

/* Collects DPDK's arguments: the program's name, the card, and the rest of the command line. */
static void take_arguments(int argc, char **argv)
{
	card = argv[0];
	eal_argv = calloc((size_t)argc + 3, sizeof(*eal_argv));
	eal_argv[eal_argc++] = "try_dpdk";
	eal_argv[eal_argc++] = "-a";
	for (int i = 0; i < argc; i++)
		eal_argv[eal_argc++] = argv[i];
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "refused")) {
		take_arguments(argc - 3, argv + 3);
		return refuses(argv[2]);
	}
	CHECK(argc >= 3 && (peer_index = (int)if_nametoindex(argv[1])));
	take_arguments(argc - 2, argv + 2);
	run_check("sends in place", sends_in_place);
	run_check("sends across chunks", sends_across_chunks);
	run_check("copies what is not pinned", copies_what_is_not_pinned);
	run_check("follows the heap", follows_the_heap);
	run_check("keeps few runs", keeps_few_runs);
	run_check("runs out of mbufs", runs_out_of_mbufs);
	run_check("lets go with the last mbuf", lets_go_with_the_last_mbuf);
	run_check("refuses lengths", refuses_lengths);
	run_check("receives in place", receives_in_place);
	run_check("is the parent's alone", is_the_parents_alone);
	if (!vfio_has(card)) {
		run_check("waits when full", waits_when_full);
		run_check("keeps what is freed", keeps_what_is_freed);
		run_check("outlives a killed owner", outlives_a_killed_owner);
	}
	return end_checks();
}
