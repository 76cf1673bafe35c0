/* SPDX-License-Identifier: MIT */
/*
 * Declarations that the interposer's files share. The interposer implements the process's AF_PACKET
 * sockets on the card. A socket's descriptor is an eventfd that is readable while frames wait, so
 * poll, select and epoll work unchanged.
 *
 * packet_lock protects the sockets and all state of receiving. Functions that return -1 set errno.
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

/* A PACKET_RX_RING, in pinned memory that the program has mapped. */
struct packet_ring {
	uint8_t *base; /* NULL: there is none */
	size_t len;
	struct tpacket_req req;
	unsigned int frames_per_block;
	size_t mac;	     /* offset of a frame's bytes from the start of its header */
	bool is_direct;	     /* frames are large enough for the card to write into them */
	bool is_mapped;	     /* the program has mapped the ring, and not yet unmapped it */
	unsigned int next;   /* the frame that is filled next */
	unsigned int posted; /* number of frames from @next on that the card owns */
};

struct packet_socket {
	int fd; /* -1 in an unused entry */
	int type;
	uint16_t protocol; /* in network byte order */
	uint32_t version;
	uint32_t reserve;
	bool is_bound, is_promiscuous, is_signalled;
	struct packet_ring *ring;
	struct e1000_figures seen; /* at the last PACKET_STATISTICS */
};

/* The interface that stands for the card, and the card itself. */
struct packet_card {
	struct e1000 *card; /* NULL: not opened */
	int hidden;	    /* a socket for asking the kernel about the interface */
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
 * packet_receive.c. All received frames go to one socket: the last one that made a ring, or else
 * the last one that was bound. A thread delivers the frames.
 */
int packet_start_receiving(struct packet_socket *socket);
void packet_stop_receiving(struct packet_socket *socket);
/*
 * Receives one frame into @msg; waits for a frame if @is_waiting. Return: as recvmsg(2). Takes
 * packet_lock.
 */
ssize_t packet_receive(struct packet_socket *socket, struct msghdr *msg, int flags,
		       bool is_waiting);

/* packet_ring.c */
int packet_ring_make(struct packet_socket *socket, const struct tpacket_req *req);
void packet_ring_leave(struct packet_socket *socket);
/* Unmaps the ring at @address. Returns whether there was one. */
bool packet_ring_unmap(void *address);
/* Posts free frames of a direct ring to the card as rooms. */
int packet_ring_post(struct packet_ring *ring);
/*
 * Delivers a frame of @len bytes to the program. In a direct ring the card has already written the
 * bytes in place; else they are copied from @from. Return: false if the ring is full.
 */
bool packet_ring_fill(struct packet_ring *ring, const uint8_t *from, size_t len);
bool packet_ring_is_full(const struct packet_ring *ring);
/* Returns whether the ring contains a frame that the program has not yet given back. */
bool packet_ring_is_readable(const struct packet_ring *ring);
/* Fills @address for a frame that the card received. */
void packet_describe(const uint8_t *frame, struct sockaddr_ll *address);

#endif /* PACKET_H */
