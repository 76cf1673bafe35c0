/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the interposer: a socket of AF_PACKET that is this process's own, on the card. Its descriptor
 * is an eventfd, which can be read from as long as frames wait: poll, select and epoll work as they are.
 *
 * packet_lock protects all that is about sockets and receiving. Functions set errno when they return -1.
 */
#ifndef PACKET_H
#define PACKET_H

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "e1000.h"

/* A ring of PACKET_RX_RING, in pinned memory that the program has mapped. */
struct packet_ring {
	uint8_t *base; /* NULL: there is none */
	size_t len;
	struct tpacket_req req;
	unsigned int frames_per_block;
	size_t mac;	     /* where a frame's bytes begin behind its header */
	bool is_direct;	     /* a frame has room enough for the card to write there */
	bool is_mapped;	     /* until munmap */
	unsigned int next;   /* the frame that is filled next */
	unsigned int posted; /* from there on, are the card's */
};

struct packet_socket {
	int fd; /* -1: a free entry */
	int type;
	uint16_t protocol; /* in network order */
	uint32_t version;
	uint32_t reserve;
	bool is_bound, is_promiscuous, is_signalled;
	struct packet_ring *ring;
	struct e1000_figures seen; /* at the last PACKET_STATISTICS */
};

/* The one interface, and the card behind it. */
struct packet_card {
	struct e1000 *card; /* NULL: not opened */
	int hidden;	    /* a socket for what the kernel can tell of the interface */
	int index;
	int mtu;
	uint8_t address[ETH_ALEN];
	uint64_t received_in_place_bytes, received_copied_bytes;
};
extern struct packet_card packet_card;
extern pthread_mutex_t packet_lock;

/* packet_options.c */
int packet_setsockopt(struct packet_socket *socket, int level, int name, const void *value,
		      socklen_t len);
int packet_getsockopt(struct packet_socket *socket, int level, int name, void *value,
		      socklen_t *len);
int packet_ioctl(unsigned long request, void *argument);

/*
 * packet_receive.c. The card's frames go to one socket: the last one that has made a ring, or else was bound.
 * A thread serves it.
 */
int packet_start_receiving(struct packet_socket *socket);
void packet_stop_receiving(struct packet_socket *socket);
/* One frame into @msg, waiting if @is_waiting. Return: its bytes as recvmsg(2) does. Takes packet_lock. */
ssize_t packet_receive(struct packet_socket *socket, struct msghdr *msg, int flags,
		       bool is_waiting);

/* packet_ring.c */
int packet_ring_make(struct packet_socket *socket, const struct tpacket_req *req);
void packet_ring_leave(struct packet_socket *socket);
/* Return: whether the address was a ring's. */
bool packet_ring_unmap(void *address);
/* Rooms of a direct ring to the card. */
int packet_ring_post(struct packet_ring *ring);
/* The next frame is @len bytes in its place, or if it is not direct at @from. Return: false: the program has no room. */
bool packet_ring_fill(struct packet_ring *ring, const uint8_t *from, size_t len);
bool packet_ring_is_full(const struct packet_ring *ring);
/* Is there a frame that the program has not given back? */
bool packet_ring_is_readable(const struct packet_ring *ring);
/* Of a frame that the card received. */
void packet_describe(const uint8_t *frame, struct sockaddr_ll *address);

#endif /* PACKET_H */
