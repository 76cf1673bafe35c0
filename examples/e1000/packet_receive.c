// SPDX-License-Identifier: MIT
/*
 * Receiving. A thread polls the card, because user space gets no interrupt. The card writes frames
 * for a direct ring straight into the ring. All other frames are received into rooms of this file
 * and copied to the program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pinned.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../common/why.h"
#include "packet.h"

#define ROOM 2048
/* How long the thread sleeps when there is nothing to do. */
#define PERIOD_NS 200000

static struct packet_socket *receiver;
static bool has_thread;
static uint8_t *rooms;

/* Frames that wait for recvmsg, each in its room, oldest first. */
static struct {
	uint8_t *room;
	size_t len;
} queue[E1000_RING];
static unsigned int queue_first, queue_count;

/* Makes the socket's eventfd readable or not, without read() and write(), which are interposed. */
static void signal_program(struct packet_socket *socket, bool is_readable)
{
	uint64_t one = 1;

	if (is_readable == socket->is_signalled)
		return;
	socket->is_signalled = is_readable;
	if (syscall(is_readable ? SYS_write : SYS_read, socket->fd, &one, sizeof(one)) < 0)
		perror("e1000: eventfd");
}

static bool is_wanted(const struct packet_socket *socket, const uint8_t *frame)
{
	return socket->protocol == htons(ETH_P_ALL) ||
	       !memcmp(&socket->protocol, frame + 2 * ETH_ALEN, sizeof(socket->protocol));
}

static void post(void *room)
{
	if (e1000_post(packet_card.card, room))
		fprintf(stderr, "e1000: %s\n", why());
}

static int give_rooms(void)
{
	if (!rooms)
		rooms = pinned_malloc((size_t)ROOM * E1000_RING);
	if (!rooms)
		return -1;
	for (size_t i = 0; i < E1000_RING; i++)
		if (e1000_post(packet_card.card, rooms + i * ROOM))
			return -1;
	return 0;
}

static bool has_direct_ring(void)
{
	return receiver->ring && receiver->ring->is_direct;
}

/* Drops all frames that wait for the program, and gives the card empty rooms. */
static int restart(void)
{
	e1000_forget_rooms(packet_card.card);
	queue_first = queue_count = 0;
	if (!receiver)
		return 0;
	e1000_set_promiscuous(packet_card.card, receiver->is_promiscuous);
	if (!has_direct_ring())
		return give_rooms();
	receiver->ring->posted = 0;
	return packet_ring_post(receiver->ring);
}

/* Delivers all received frames to a direct ring. Returns whether there were any. */
static bool serve_direct_ring(struct packet_ring *ring)
{
	bool is_busy = false;
	void *room;
	size_t len;

	while (e1000_receive(packet_card.card, &room, &len) == 1) {
		is_busy = true;
		/* A room cannot be skipped, so all rooms are posted again from this frame on. */
		if (!len || !packet_ring_fill(ring, NULL, len)) {
			restart();
			break;
		}
	}
	packet_ring_post(ring);
	return is_busy;
}

static bool serve_rooms(struct packet_socket *socket)
{
	bool is_busy = false;
	void *room;
	size_t len;

	while (!(socket->ring && packet_ring_is_full(socket->ring)) &&
	       e1000_receive(packet_card.card, &room, &len) == 1) {
		is_busy = true;
		if (len && is_wanted(socket, room) && !socket->ring) {
			unsigned int last = (queue_first + queue_count++) % E1000_RING;

			queue[last].room = room;
			queue[last].len = len;
			continue;
		}
		if (len && is_wanted(socket, room))
			packet_ring_fill(socket->ring, room, len);
		post(room);
	}
	return is_busy;
}

static bool serve(struct packet_socket *socket)
{
	bool is_busy = has_direct_ring() ? serve_direct_ring(socket->ring) : serve_rooms(socket);

	signal_program(socket,
		       socket->ring ? packet_ring_is_readable(socket->ring) : queue_count > 0);
	return is_busy;
}

static void *serve_all(void *unused)
{
	(void)unused;
	for (;;) {
		bool is_busy;

		pthread_mutex_lock(&packet_lock);
		is_busy = packet_card.card && receiver && serve(receiver);
		pthread_mutex_unlock(&packet_lock);
		if (!is_busy)
			nanosleep(&(struct timespec){ .tv_nsec = PERIOD_NS }, NULL);
	}
	return NULL;
}

/* Starts the thread with all signals blocked, so that it never handles the program's signals. */
static int start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	if (has_thread)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, serve_all, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		errno = error;
		return -1;
	}
	pthread_detach(thread);
	has_thread = true;
	return 0;
}

int packet_start_receiving(struct packet_socket *socket)
{
	if (receiver && receiver != socket && receiver->ring && !socket->ring)
		return 0;
	if (receiver && receiver != socket)
		signal_program(receiver, false);
	receiver = socket;
	return restart() || start_thread() ? -1 : 0;
}

void packet_stop_receiving(struct packet_socket *socket)
{
	if (receiver != socket)
		return;
	signal_program(socket, false);
	receiver = NULL;
	restart();
}

/* Copies @frame into the message. Return: the number of bytes that fit. */
static size_t scatter(struct msghdr *msg, const uint8_t *frame, size_t len)
{
	size_t done = 0;

	for (size_t i = 0; i < msg->msg_iovlen && done < len; i++) {
		size_t piece = msg->msg_iov[i].iov_len < len - done ? msg->msg_iov[i].iov_len
								    : len - done;

		memcpy(msg->msg_iov[i].iov_base, frame + done, piece);
		done += piece;
	}
	return done;
}

static ssize_t take_first(struct packet_socket *socket, struct msghdr *msg, int flags)
{
	uint8_t *room = queue[queue_first].room;
	size_t skipped = socket->type == SOCK_DGRAM ? ETH_HLEN : 0;
	size_t len = queue[queue_first].len - skipped, copied = scatter(msg, room + skipped, len);
	struct sockaddr_ll address;

	packet_card.received_copied_bytes += copied;
	packet_describe(room, &address);
	if (msg->msg_name)
		memcpy(msg->msg_name, &address,
		       msg->msg_namelen < sizeof(address) ? msg->msg_namelen : sizeof(address));
	msg->msg_namelen = sizeof(address);
	msg->msg_controllen = 0;
	msg->msg_flags = copied < len ? MSG_TRUNC : 0;
	queue_first = (queue_first + 1) % E1000_RING;
	queue_count--;
	post(room);
	signal_program(socket, queue_count > 0);
	return (ssize_t)(flags & MSG_TRUNC ? len : copied);
}

ssize_t packet_receive(struct packet_socket *socket, struct msghdr *msg, int flags, bool is_waiting)
{
	for (;;) {
		struct pollfd descriptor = { .fd = socket->fd, .events = POLLIN };
		ssize_t len = -1;

		pthread_mutex_lock(&packet_lock);
		if (receiver == socket && !socket->ring && queue_count)
			len = take_first(socket, msg, flags);
		pthread_mutex_unlock(&packet_lock);
		if (len >= 0)
			return len;
		if (!is_waiting) {
			errno = EAGAIN;
			return -1;
		}
		if (poll(&descriptor, 1, -1) < 0)
			return -1;
	}
}
