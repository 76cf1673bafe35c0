// SPDX-License-Identifier: MIT
/*
 * The driver. Both rings lie in pinned memory. Descriptors contain the addresses that libpinned
 * returns for the caller's own pointers: with VFIO I/O addresses, else physical addresses. One
 * entry of a ring always stays free, because a full ring would otherwise look empty.
 */
#define _GNU_SOURCE
#include "e1000.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <pinned.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/pci/pci.h"
#include "../common/why.h"
#include "e1000_hw.h"

#define ENTRIES (E1000_RING + 1)
#define MASK (ENTRIES - 1)
#define ETHERNET_HEADER 14
#define LINK_MS 5000
#define RESET_MS 10
#define PHY_MS 100
/* While no frame arrives, the receiver checks at this interval whether the card was reset. */
#define LOOK_MS 100

/* What keeps a descriptor's memory until the card is done: a retained object, or a copy to free. */
struct hold {
	const void *retained;
	void *copy;
};

struct e1000 {
	struct pci pci;
	struct e1000_figures figures;
	bool is_promiscuous, is_receiving;
	/* After a foreign reset, both the sending and the receiving thread may raise the link. */
	pthread_mutex_t link_mutex;

	/* Sending. The card owns the entries from @tx_first up to, but not including, @tx_tail. */
	volatile struct tx_descriptor *tx;
	struct hold holds[ENTRIES];
	uint16_t frame_end[ENTRIES]; /* at a frame's first entry: the index of its last entry */
	unsigned int tx_first, tx_tail;

	/*
	 * Receiving. The card owns the entries from @rx_first up to, but not including, @rx_tail.
	 */
	volatile struct rx_descriptor *rx;
	void *rooms[ENTRIES];
	unsigned int rx_first, rx_tail;
	int64_t next_look_ms;
};

static uint32_t read_register(const struct e1000 *card, size_t reg)
{
	return le32toh(*(volatile uint32_t *)(card->pci.bars[0] + reg));
}

/* Writes a register. All earlier writes to memory are visible to the card before that. */
static void write_register(const struct e1000 *card, size_t reg, uint32_t value)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*(volatile uint32_t *)(card->pci.bars[0] + reg) = htole32(value);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_us(long us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

static int refuse_fork(void)
{
	return why_fail(ENODEV, "the card is that of the parent process");
}

/* The link, and detection of a foreign reset (see e1000.h). */

static int ask_phy(struct e1000 *card, uint32_t request, uint16_t *value)
{
	int64_t end = now_ms() + PHY_MS;
	uint32_t answer;

	write_register(card, REG_MDIC, request | MDIC_PHY1);
	while (!((answer = read_register(card, REG_MDIC)) & MDIC_READY)) {
		if (now_ms() > end)
			return why_fail(EIO, "%s: its PHY does not answer", card->pci.name);
		pause_us(50);
	}
	*value = (uint16_t)answer;
	return 0;
}

/* Raises the link, and powers the PHY up, which the kernel's driver powers down when it unbinds. */
static int raise_link(struct e1000 *card)
{
	int64_t end = now_ms() + LINK_MS;
	uint16_t control;

	write_register(card, REG_CTRL, CTRL_FULL_DUPLEX | CTRL_AUTO_SPEED | CTRL_LINK_UP);
	if (ask_phy(card, MDIC_READ | MDIC_REGISTER(PHY_CONTROL), &control))
		return -1;
	if ((control & PHY_POWER_DOWN || !(read_register(card, REG_STATUS) & STATUS_LINK_UP)) &&
	    ask_phy(card, MDIC_WRITE | MDIC_REGISTER(PHY_CONTROL) | PHY_AUTO_NEGOTIATE, &control))
		return -1;
	while (!(read_register(card, REG_STATUS) & STATUS_LINK_UP)) {
		if (now_ms() > end)
			return why_fail(ENETDOWN, "%s has no link", card->pci.name);
		pause_us(1000);
	}
	return 0;
}

/* Raises the link again after a foreign reset. Each side calls this when it detects the reset. */
static int raise_again(struct e1000 *card)
{
	int result;

	pthread_mutex_lock(&card->link_mutex);
	result = pci_set_master(&card->pci, true) || raise_link(card) ? -1 : 0;
	pthread_mutex_unlock(&card->link_mutex);
	return result;
}

/* Returns the device's address of a ring. A ring is aligned to its size, so it is one extent. */
static uint64_t address_of(const struct e1000 *card, const volatile void *memory, size_t bytes)
{
	struct pinned_extent extent;

	if (pci_extents(&card->pci, (const void *)(uintptr_t)memory, bytes, &extent, 1) != 1)
		return PINNED_NO_PHYS;
	return extent.phys;
}

static void set_ring(struct e1000 *card, size_t ring, const volatile void *memory, size_t bytes)
{
	uint64_t address = address_of(card, memory, bytes);

	write_register(card, ring + RING_BASE_LOW, (uint32_t)address);
	write_register(card, ring + RING_BASE_HIGH, (uint32_t)(address >> 32));
	write_register(card, ring + RING_BYTES, (uint32_t)bytes);
	write_register(card, ring + RING_HEAD, 0);
	write_register(card, ring + RING_TAIL, 0);
}

/* Returns whether the card was reset: it then has no ring, and does not access memory. */
static bool was_reset(const struct e1000 *card, size_t ring)
{
	return read_register(card, ring + RING_BYTES) != ENTRIES * sizeof(*card->tx);
}

/* Sending. */

static void let_go(struct hold *hold)
{
	if (hold->retained)
		pinned_release(hold->retained);
	pinned_free(hold->copy);
	memset(hold, 0, sizeof(*hold));
}

/* Releases the first frame in the ring, whose last descriptor is @last. */
static void take_back(struct e1000 *card, unsigned int last, bool is_sent)
{
	unsigned int end = (last + 1) & MASK;

	for (; card->tx_first != end; card->tx_first = (card->tx_first + 1) & MASK)
		let_go(&card->holds[card->tx_first]);
	card->figures.sent_frames += is_sent;
	card->figures.unsent_frames += !is_sent;
}

/* Takes back the frames that the card is done with. */
static void reclaim(struct e1000 *card)
{
	while (card->tx_first != card->tx_tail) {
		unsigned int last = card->frame_end[card->tx_first];
		uint8_t status = __atomic_load_n(&card->tx[last].status, __ATOMIC_ACQUIRE);

		if (!(status & STATUS_DONE))
			return;
		take_back(card, last, !(status & TX_GIVEN_UP));
	}
}

void e1000_pause(struct e1000 *card, bool is_paused)
{
	write_register(card, REG_TCTL,
		       TCTL_PAD_SHORT | TCTL_COLLISIONS | (is_paused ? 0 : TCTL_ENABLE));
}

static void start_sending(struct e1000 *card)
{
	set_ring(card, REG_TX_RING, card->tx, ENTRIES * sizeof(*card->tx));
	write_register(card, REG_TIPG, TIPG_DEFAULT);
	e1000_pause(card, false);
}

static int revive_sending(struct e1000 *card)
{
	uint64_t before = card->figures.unsent_frames;

	while (card->tx_first != card->tx_tail)
		take_back(card, card->frame_end[card->tx_first], false);
	card->tx_first = card->tx_tail = 0;
	if (raise_again(card))
		return -1;
	start_sending(card);
	return why_fail(EIO, "%s was reset by somebody else: %" PRIu64 " frames in flight are lost",
			card->pci.name, card->figures.unsent_frames - before);
}

static unsigned int free_entries(const struct e1000 *card)
{
	return (card->tx_first - card->tx_tail - 1) & MASK;
}

/*
 * Retains @part, or copies it to pinned memory, and stores the device's addresses in @extents, an
 * array of @count entries. @hold records what keeps the memory. Return: the number of extents; 0
 * with errno.
 */
static size_t reach(const struct pci *pci, const struct iovec *part, struct pinned_extent *extents,
		    size_t count, struct hold *hold)
{
	long n = pci_extents(pci, part->iov_base, part->iov_len, extents, count);

	if (n >= 0) {
		if (pinned_retain(part->iov_base))
			n = -1;
		else
			hold->retained = part->iov_base;
	}
	if (n < 0) {
		hold->copy = pinned_malloc(part->iov_len);
		if (!hold->copy)
			return why_fail(ENOBUFS, "no pinned memory for a copy"), 0;
		memcpy(hold->copy, part->iov_base, part->iov_len);
		n = pci_extents(pci, hold->copy, part->iov_len, extents, count);
	}
	if (n > 0 && (size_t)n <= count &&
	    !pinned_sync_for_device(hold->copy ? hold->copy : part->iov_base, part->iov_len,
				    PINNED_DEVICE_READS))
		return (size_t)n;
	if (n <= 0)
		why_fail(ENOTSUP, "pinned memory without physical addresses: backend %s",
			 pinned_backend());
	else
		why_fail(EMSGSIZE, "the frame has more than %d pieces", E1000_RING);
	let_go(hold);
	return 0;
}

/*
 * Fills descriptors from the tail on, without handing them to the card. Return: the first
 * descriptor that is still unused; -1 with errno.
 */
static int describe(struct e1000 *card, const struct iovec *parts, int count)
{
	struct pinned_extent extents[E1000_RING];
	unsigned int at = card->tx_tail;

	for (int i = 0; i < count; i++) {
		struct hold hold = { 0 };
		size_t room = (card->tx_first - at - 1) & MASK, n;

		if (!parts[i].iov_len)
			continue;
		n = reach(&card->pci, &parts[i], extents, room, &hold);
		if (!n)
			goto err_let_go;
		for (size_t e = 0; e < n; e++, at = (at + 1) & MASK) {
			card->tx[at].address = htole64(extents[e].phys);
			card->tx[at].len = htole16((uint16_t)extents[e].len);
			card->tx[at].checksum_offset = 0;
			card->tx[at].command = TX_INSERT_FCS;
			card->tx[at].status = 0;
		}
		card->holds[(at - 1) & MASK] = hold;
		if (hold.copy)
			card->figures.copied_bytes += parts[i].iov_len;
		else
			card->figures.in_place_bytes += parts[i].iov_len;
	}
	return (int)at;

err_let_go:
	for (int error = errno; at != card->tx_tail; errno = error) {
		at = (at - 1) & MASK;
		let_go(&card->holds[at]);
	}
	return -1;
}

/* Waits until @pieces entries are free, which is the most that a frame is likely to need. */
static int wait_for_room(struct e1000 *card, unsigned int pieces, int wait_ms)
{
	int64_t end = now_ms() + wait_ms;

	reclaim(card);
	if (free_entries(card) >= pieces)
		return 0;
	card->figures.full++;
	do {
		if (was_reset(card, REG_TX_RING))
			return revive_sending(card);
		if (now_ms() >= end)
			return why_fail(EAGAIN, "the ring is full");
		pause_us(50);
		reclaim(card);
	} while (free_entries(card) < pieces);
	return 0;
}

/*
 * Checks a frame's size. A frame has at most 16288 bytes, so each part lies in at most two chunks.
 */
static int check_frame(const struct iovec *parts, int count)
{
	size_t len = 0;

	for (int i = 0; i < count; i++) {
		if (parts[i].iov_len > E1000_FRAME_MAX)
			return why_fail(EMSGSIZE, "%zu bytes, more than %d", parts[i].iov_len,
					E1000_FRAME_MAX);
		len += parts[i].iov_len;
	}
	if (len < ETHERNET_HEADER)
		return why_fail(EINVAL, "%zu bytes are less than an Ethernet header", len);
	if (len > E1000_FRAME_MAX)
		return why_fail(EMSGSIZE, "%zu bytes, more than %d", len, E1000_FRAME_MAX);
	if (count * 2 > E1000_RING)
		return why_fail(EMSGSIZE, "%d parts, more than the ring has room for", count);
	return 0;
}

bool e1000_is_forked(const struct e1000 *card)
{
	return pci_is_forked(&card->pci);
}

int e1000_queue(struct e1000 *card, const struct iovec *parts, int count, int wait_ms)
{
	unsigned int last;
	int end;

	if (pci_is_forked(&card->pci))
		return refuse_fork();
	if (check_frame(parts, count) || wait_for_room(card, (unsigned int)count * 2, wait_ms))
		return -1;
	end = describe(card, parts, count);
	if (end < 0)
		return -1;
	last = ((unsigned int)end - 1) & MASK;
	card->tx[last].command = TX_INSERT_FCS | TX_END_OF_PACKET | TX_REPORT_STATUS;
	card->frame_end[card->tx_tail] = (uint16_t)last;
	card->tx_tail = (unsigned int)end;
	write_register(card, REG_TX_RING + RING_TAIL, card->tx_tail);
	return 0;
}

int e1000_flush(struct e1000 *card, int wait_ms)
{
	int64_t end = now_ms() + wait_ms;

	if (pci_is_forked(&card->pci))
		return refuse_fork();
	for (reclaim(card); card->tx_first != card->tx_tail; reclaim(card)) {
		if (was_reset(card, REG_TX_RING))
			return revive_sending(card);
		if (now_ms() >= end)
			return why_fail(ETIMEDOUT, "%s: %u descriptors are not sent",
					card->pci.name, (card->tx_tail - card->tx_first) & MASK);
		pause_us(20);
	}
	return 0;
}

/* Receiving. */

static void start_receiving(struct e1000 *card)
{
	write_register(card, REG_RCTL,
		       RCTL_ENABLE | RCTL_BROADCAST | RCTL_STRIP_CRC |
			       (card->is_promiscuous ? RCTL_ALL_UNICAST | RCTL_ALL_MULTICAST : 0));
	card->is_receiving = true;
}

void e1000_set_promiscuous(struct e1000 *card, bool is_promiscuous)
{
	bool is_change = is_promiscuous != card->is_promiscuous;

	card->is_promiscuous = is_promiscuous;
	if (is_change && card->is_receiving)
		start_receiving(card);
}

int e1000_post(struct e1000 *card, void *room)
{
	struct pinned_extent extent;
	unsigned int next = (card->rx_tail + 1) & MASK;

	if (pci_is_forked(&card->pci))
		return refuse_fork();
	if (next == card->rx_first)
		return why_fail(ENOBUFS, "the ring is full");
	if (pci_extents(&card->pci, room, E1000_ROOM, &extent, 1) != 1)
		return why_fail(EFAULT, "%p: not %d bytes of pinned memory in one piece", room,
				E1000_ROOM);
	card->rx[card->rx_tail].address = htole64(extent.phys);
	card->rx[card->rx_tail].status = 0;
	card->rooms[card->rx_tail] = room;
	card->rx_tail = next;
	write_register(card, REG_RX_RING + RING_TAIL, next);
	if (!card->is_receiving)
		start_receiving(card);
	return 0;
}

/*
 * Restarts receiving after a foreign reset. The card continues with the first room that it has not
 * filled yet.
 */
static int revive_receiving(struct e1000 *card)
{
	unsigned int head = card->rx_first;

	if (raise_again(card))
		return -1;
	while (head != card->rx_tail && card->rx[head].status & STATUS_DONE)
		head = (head + 1) & MASK;
	set_ring(card, REG_RX_RING, card->rx, ENTRIES * sizeof(*card->rx));
	write_register(card, REG_RX_RING + RING_HEAD, head);
	write_register(card, REG_RX_RING + RING_TAIL, card->rx_tail);
	start_receiving(card);
	return why_fail(EIO, "%s was reset by somebody else: frames may be lost", card->pci.name);
}

/* Detects a foreign reset, after which no frame would ever arrive; checks every LOOK_MS. */
static int look_after(struct e1000 *card)
{
	int64_t now = now_ms();

	if (now < card->next_look_ms)
		return 0;
	card->next_look_ms = now + LOOK_MS;
	return was_reset(card, REG_RX_RING) ? revive_receiving(card) : 0;
}

int e1000_receive(struct e1000 *card, void **room, size_t *len)
{
	volatile struct rx_descriptor *entry = &card->rx[card->rx_first];
	uint8_t status;

	if (pci_is_forked(&card->pci))
		return refuse_fork();
	if (card->rx_first == card->rx_tail)
		return 0;
	status = __atomic_load_n(&entry->status, __ATOMIC_ACQUIRE);
	if (!(status & STATUS_DONE))
		return look_after(card);
	*room = card->rooms[card->rx_first];
	*len = le16toh(entry->len);
	card->rx_first = (card->rx_first + 1) & MASK;
	card->figures.received_frames++;
	/*
	 * The card would spread a long frame over several rooms, so it is set to reject long
	 * frames.
	 */
	if (!(status & RX_END_OF_PACKET) || entry->errors || *len > E1000_ROOM) {
		card->figures.bad_frames++;
		*len = 0;
	}
	return 1;
}

void e1000_forget_rooms(struct e1000 *card)
{
	if (pci_is_forked(&card->pci))
		return;
	write_register(card, REG_RCTL, 0);
	card->is_receiving = false;
	card->rx_first = card->rx_tail = 0;
	set_ring(card, REG_RX_RING, card->rx, ENTRIES * sizeof(*card->rx));
}

/* The card. */

/* Resets the card, so that work left by a killed process stops before bus mastering is enabled. */
static void reset(struct e1000 *card)
{
	write_register(card, REG_RCTL, 0);
	write_register(card, REG_TCTL, 0);
	write_register(card, REG_INTERRUPT_CLEAR, UINT32_MAX);
	write_register(card, REG_CTRL, CTRL_RESET);
	pause_us(RESET_MS * 1000L);
	write_register(card, REG_INTERRUPT_CLEAR, UINT32_MAX);
}

static int make_rings(struct e1000 *card)
{
	size_t bytes = ENTRIES * sizeof(*card->tx);

	card->tx = pinned_memalign(bytes, bytes);
	card->rx = pinned_memalign(bytes, bytes);
	if (!card->tx || !card->rx)
		return why_fail(errno, "no pinned memory for the rings");
	if (address_of(card, card->rx, bytes) == PINNED_NO_PHYS)
		return why_fail(ENOTSUP, "pinned memory without physical addresses: backend %s",
				pinned_backend());
	memset((void *)(uintptr_t)card->tx, 0, bytes);
	memset((void *)(uintptr_t)card->rx, 0, bytes);
	return 0;
}

static void start(struct e1000 *card)
{
	for (unsigned int i = 0; i < MULTICAST_WORDS; i++)
		write_register(card, REG_MULTICAST + i * sizeof(uint32_t), 0);
	e1000_forget_rooms(card);
	start_sending(card);
}

static void free_memory(struct e1000 *card)
{
	pinned_free((void *)(uintptr_t)card->tx);
	pinned_free((void *)(uintptr_t)card->rx);
	free(card);
}

struct e1000 *e1000_open(void)
{
	struct e1000 *card = calloc(1, sizeof(*card));
	int error;

	if (card)
		pthread_mutex_init(&card->link_mutex, NULL);
	if (!card || pci_open(&card->pci, E1000_VENDOR, E1000_DEVICE, E1000_NAME)) {
		error = errno;
		goto err_free;
	}
	if (pci_map_bar(&card->pci, 0))
		goto err_close;
	reset(card);
	if (!make_rings(card) && !raise_link(card) && !pci_set_master(&card->pci, true)) {
		start(card);
		return card;
	}
err_close:
	error = errno;
	pci_close(&card->pci);
err_free:
	if (card)
		free_memory(card);
	errno = error;
	return NULL;
}

void e1000_close(struct e1000 *card)
{
	if (!pci_is_forked(&card->pci)) {
		reset(card);
		pci_close(&card->pci);
		for (unsigned int i = 0; i < ENTRIES; i++)
			let_go(&card->holds[i]);
	}
	free_memory(card);
}

void e1000_address(const struct e1000 *card, uint8_t address[6])
{
	uint32_t low = read_register(card, REG_ADDRESS_LOW);
	uint32_t high = read_register(card, REG_ADDRESS_HIGH);

	for (unsigned int i = 0; i < 4; i++)
		address[i] = (uint8_t)(low >> (8 * i));
	address[4] = (uint8_t)high;
	address[5] = (uint8_t)(high >> 8);
}

void e1000_figures(struct e1000 *card, struct e1000_figures *figures)
{
	/* Reading the register clears it, so the count is accumulated here. */
	if (!pci_is_forked(&card->pci))
		card->figures.missed_frames += read_register(card, REG_MISSED_FRAMES);
	*figures = card->figures;
}
