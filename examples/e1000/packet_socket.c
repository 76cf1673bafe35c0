// SPDX-License-Identifier: MIT
/*
 * An example of a vendor's interposer of packet sockets. Preloaded into an unmodified program, the
 * interposer implements the program's AF_PACKET sockets on the card. The card reads frames that the
 * program sends from the program's own buffers, and writes received frames into the program's ring
 * (which libpcap uses).
 *
 * E1000_INTERFACE names the interface that stands for the card, for example a `dummy` interface
 * with the card's address. E1000_REPORT names a file to which each process appends its figures.
 *
 * A socket belongs to one process: a forked child has none, and dup() is not tracked. A received
 * frame goes to one socket, see packet.h. Frames that the card sends are not received.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pinned.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../common/why.h"
#include "packet.h"

#define EXPORT __attribute__((visibility("default")))
#define SOCKETS 16
#define PARTS_MAX 64
#define SEND_MS 5000

/* Looks up the next definition of this function. */
#define NEXT(name)                                   \
	({                                           \
		static __typeof__(&(name)) next;     \
		if (!next)                           \
			next = next_function(#name); \
		next;                                \
	})

struct packet_card packet_card = { .hidden = -1 };
pthread_mutex_t packet_lock = PTHREAD_MUTEX_INITIALIZER;
/*
 * Protects sending, and @header: the pinned header for frames that the program sends without one.
 */
static pthread_mutex_t send_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ether_header *header;
static struct packet_socket sockets[SOCKETS] = { [0 ... SOCKETS - 1] = { .fd = -1 } };

static void *next_function(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static struct packet_socket *find(int fd)
{
	for (struct packet_socket *socket = sockets; fd >= 0 && socket < sockets + SOCKETS;
	     socket++)
		if (__atomic_load_n(&socket->fd, __ATOMIC_RELAXED) == fd)
			return socket;
	return NULL;
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

static bool is_forked(void)
{
	return packet_card.card && e1000_is_forked(packet_card.card);
}

static bool is_parents(void)
{
	if (is_forked())
		errno = ENODEV;
	return is_forked();
}

/* The card. */

static int ask_interface(const char *name)
{
	struct ifreq request = { 0 };

	packet_card.hidden = NEXT(socket)(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (packet_card.hidden < 0 || NEXT(ioctl)(packet_card.hidden, SIOCGIFINDEX, &request))
		return why_fail(errno, "E1000_INTERFACE=%s: %s", name, strerror(errno));
	packet_card.index = request.ifr_ifindex;
	if (NEXT(ioctl)(packet_card.hidden, SIOCGIFMTU, &request))
		return why_fail(errno, "%s: no MTU: %s", name, strerror(errno));
	packet_card.mtu = request.ifr_mtu;
	return 0;
}

/* Opens the card, when the program opens its first socket. */
static int open_card(const char *name)
{
	if (packet_card.card)
		return 0;
	if (packet_card.hidden < 0 && ask_interface(name))
		goto err_say;
	header = pinned_malloc(sizeof(*header));
	packet_card.card = header ? e1000_open() : NULL;
	if (!packet_card.card)
		goto err_say;
	e1000_address(packet_card.card, packet_card.address);
	return 0;

err_say:
	fprintf(stderr, "e1000: %s\n", why());
	return -1;
}

static void report(void)
{
	const char *path = getenv("E1000_REPORT");
	struct e1000_figures figures;
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (!file)
		return;
	e1000_figures(packet_card.card, &figures);
	fprintf(file,
		"device e1000 %s in_place_bytes=%" PRIu64 " copied_bytes=%" PRIu64
		" sent_frames=%" PRIu64 " received_frames=%" PRIu64
		" received_copied_bytes=%" PRIu64 " missed_frames=%" PRIu64 " bad_frames=%" PRIu64
		" full=%" PRIu64 " unsent_frames=%" PRIu64 "\n",
		program_invocation_short_name,
		figures.in_place_bytes + packet_card.received_in_place_bytes,
		figures.copied_bytes + packet_card.received_copied_bytes, figures.sent_frames,
		figures.received_frames, packet_card.received_copied_bytes, figures.missed_frames,
		figures.bad_frames, figures.full, figures.unsent_frames);
	fclose(file);
}

static __attribute__((destructor)) void close_card(void)
{
	struct e1000 *card = packet_card.card;

	if (!card || is_forked())
		return;
	pthread_mutex_lock(&packet_lock);
	pthread_mutex_lock(&send_lock);
	report();
	packet_card.card = NULL;
	e1000_close(card);
	pthread_mutex_unlock(&send_lock);
	pthread_mutex_unlock(&packet_lock);
}

/* Sockets. */

static int open_socket(int type, int protocol)
{
	int flags = (type & SOCK_CLOEXEC ? EFD_CLOEXEC : 0) |
		    (type & SOCK_NONBLOCK ? EFD_NONBLOCK : 0);
	struct packet_socket *socket;

	type &= ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return refuse(ESOCKTNOSUPPORT);
	for (socket = sockets; socket < sockets + SOCKETS && socket->fd >= 0;)
		socket++;
	if (socket == sockets + SOCKETS)
		return refuse(EMFILE);
	memset(socket, 0, sizeof(*socket));
	socket->type = type;
	socket->protocol = (uint16_t)protocol;
	socket->version = TPACKET_V1;
	socket->fd = eventfd(0, flags);
	return socket->fd;
}

EXPORT int socket(int domain, int type, int protocol)
{
	const char *name = getenv("E1000_INTERFACE");
	int fd;

	if (domain != AF_PACKET || !name)
		return NEXT(socket)(domain, type, protocol);
	if (is_parents())
		return -1;
	pthread_mutex_lock(&packet_lock);
	fd = open_card(name) ? -1 : open_socket(type, protocol);
	pthread_mutex_unlock(&packet_lock);
	return fd;
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	const struct sockaddr_ll *link = (const struct sockaddr_ll *)address;
	struct packet_socket *socket = find(fd);
	int result = 0;

	if (!socket)
		return NEXT(bind)(fd, address, len);
	if (is_parents())
		return -1;
	if (len < offsetof(struct sockaddr_ll, sll_addr) || link->sll_family != AF_PACKET)
		return refuse(EINVAL);
	if (link->sll_ifindex && link->sll_ifindex != packet_card.index)
		return refuse(ENODEV);
	pthread_mutex_lock(&packet_lock);
	if (link->sll_protocol)
		socket->protocol = link->sll_protocol;
	/* A direct ring contains every frame, so it cannot select frames by protocol. */
	if (socket->ring && socket->ring->is_direct && socket->protocol &&
	    socket->protocol != htons(ETH_P_ALL))
		socket->ring->is_direct = false;
	socket->is_bound = true;
	if (socket->protocol)
		result = packet_start_receiving(socket);
	pthread_mutex_unlock(&packet_lock);
	return result;
}

EXPORT int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
	struct packet_socket *socket = find(fd);
	struct sockaddr_ll link = { .sll_family = AF_PACKET,
				    .sll_hatype = ARPHRD_ETHER,
				    .sll_halen = ETH_ALEN };

	if (!socket)
		return NEXT(getsockname)(fd, address, len);
	link.sll_protocol = socket->protocol;
	link.sll_ifindex = packet_card.index;
	memcpy(link.sll_addr, packet_card.address, ETH_ALEN);
	memcpy(address, &link, *len < sizeof(link) ? *len : sizeof(link));
	*len = offsetof(struct sockaddr_ll, sll_addr) + ETH_ALEN;
	return 0;
}

EXPORT int close(int fd)
{
	struct packet_socket *socket = find(fd);

	if (socket && !is_forked()) {
		pthread_mutex_lock(&packet_lock);
		packet_stop_receiving(socket);
		packet_ring_leave(socket);
		socket->fd = -1;
		pthread_mutex_unlock(&packet_lock);
	}
	return (int)syscall(SYS_close, fd);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct packet_socket *socket = find(fd);

	if (!socket)
		return NEXT(setsockopt)(fd, level, name, value, len);
	return is_parents() ? -1 : packet_setsockopt(socket, level, name, value, len);
}

EXPORT int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	struct packet_socket *socket = find(fd);

	if (!socket)
		return NEXT(getsockopt)(fd, level, name, value, len);
	return is_parents() ? -1 : packet_getsockopt(socket, level, name, value, len);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	/* The eventfd itself handles requests that concern the descriptor. */
	if (find(fd) && request != FIONBIO && request != FIOCLEX && request != FIONCLEX)
		return packet_ioctl(request, argument);
	return NEXT(ioctl)(fd, request, argument);
}

/* Sending. */

/* Sends a frame and waits until the card has read it, so the caller may reuse its buffer. */
static ssize_t send_parts(const struct iovec *parts, int count)
{
	ssize_t len = 0;

	for (int i = 0; i < count; i++)
		len += (ssize_t)parts[i].iov_len;
	if (len > packet_card.mtu + ETH_HLEN)
		return refuse(EMSGSIZE);
	if (e1000_queue(packet_card.card, parts, count, SEND_MS) ||
	    e1000_flush(packet_card.card, SEND_MS)) {
		if (errno == EAGAIN || errno == ETIMEDOUT)
			errno = ENOBUFS;
		return -1;
	}
	return len;
}

static ssize_t send_message(struct packet_socket *socket, const struct msghdr *msg)
{
	const struct sockaddr_ll *to = msg->msg_name;
	struct iovec parts[PARTS_MAX + 1];
	ssize_t len;

	if (is_parents())
		return -1;
	if (to && (msg->msg_namelen < offsetof(struct sockaddr_ll, sll_addr) + ETH_ALEN ||
		   to->sll_ifindex != packet_card.index))
		return refuse(ENXIO);
	if (!to && (!socket->is_bound || socket->type == SOCK_DGRAM))
		return refuse(socket->is_bound ? EDESTADDRREQ : ENXIO);
	if (msg->msg_iovlen > PARTS_MAX)
		return refuse(EMSGSIZE);
	memcpy(parts + 1, msg->msg_iov, msg->msg_iovlen * sizeof(*parts));
	pthread_mutex_lock(&send_lock);
	if (socket->type == SOCK_RAW) {
		len = send_parts(parts + 1, (int)msg->msg_iovlen);
	} else {
		memcpy(header->ether_dhost, to->sll_addr, ETH_ALEN);
		memcpy(header->ether_shost, packet_card.address, ETH_ALEN);
		header->ether_type = to->sll_protocol ? to->sll_protocol : socket->protocol;
		parts[0] = (struct iovec){ header, sizeof(*header) };
		len = send_parts(parts, (int)msg->msg_iovlen + 1);
		len -= len > 0 ? (ssize_t)sizeof(*header) : 0;
	}
	pthread_mutex_unlock(&send_lock);
	return len;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct packet_socket *socket = find(fd);

	return socket ? send_message(socket, msg) : NEXT(sendmsg)(fd, msg, flags);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t len, int flags,
		      const struct sockaddr *address, socklen_t address_len)
{
	struct packet_socket *socket = find(fd);
	struct iovec part = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_name = (void *)(uintptr_t)address,
			      .msg_namelen = address_len,
			      .msg_iov = &part,
			      .msg_iovlen = 1 };

	return socket ? send_message(socket, &msg)
		      : NEXT(sendto)(fd, data, len, flags, address, address_len);
}

EXPORT ssize_t send(int fd, const void *data, size_t len, int flags)
{
	return find(fd) ? sendto(fd, data, len, flags, NULL, 0) : NEXT(send)(fd, data, len, flags);
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
	return find(fd) ? sendto(fd, data, len, 0, NULL, 0) : NEXT(write)(fd, data, len);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
	struct packet_socket *socket = find(fd);
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)parts,
			      .msg_iovlen = (size_t)count };

	return socket ? send_message(socket, &msg) : NEXT(writev)(fd, parts, count);
}

/* Receiving. */

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct packet_socket *socket = find(fd);

	if (!socket)
		return NEXT(recvmsg)(fd, msg, flags);
	if (is_parents())
		return -1;
	if (flags & MSG_PEEK)
		return refuse(EOPNOTSUPP);
	return packet_receive(socket, msg, flags,
			      !(flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK));
}

EXPORT ssize_t recvfrom(int fd, void *restrict data, size_t len, int flags,
			struct sockaddr *restrict address, socklen_t *restrict address_len)
{
	struct iovec part = { data, len };
	struct msghdr msg = { .msg_name = address,
			      .msg_namelen = address_len ? *address_len : 0,
			      .msg_iov = &part,
			      .msg_iovlen = 1 };
	ssize_t received;

	if (!find(fd))
		return NEXT(recvfrom)(fd, data, len, flags, address, address_len);
	received = recvmsg(fd, &msg, flags);
	if (received >= 0 && address_len)
		*address_len = msg.msg_namelen;
	return received;
}

EXPORT ssize_t recv(int fd, void *data, size_t len, int flags)
{
	return find(fd) ? recvfrom(fd, data, len, flags, NULL, NULL)
			: NEXT(recv)(fd, data, len, flags);
}

EXPORT ssize_t read(int fd, void *data, size_t len)
{
	return find(fd) ? recvfrom(fd, data, len, 0, NULL, NULL) : NEXT(read)(fd, data, len);
}

/* _FORTIFY_SOURCE turns calls into these; the compiler found no overflow, so nothing is checked. */
ssize_t __recvfrom_chk(int fd, void *data, size_t len, size_t room, int flags,
		       struct sockaddr *address, socklen_t *address_len);
ssize_t __recv_chk(int fd, void *data, size_t len, size_t room, int flags);
ssize_t __read_chk(int fd, void *data, size_t len, size_t room);

EXPORT ssize_t __recvfrom_chk(int fd, void *data, size_t len, size_t room, int flags,
			      struct sockaddr *address, socklen_t *address_len)
{
	return find(fd) ? recvfrom(fd, data, len < room ? len : room, flags, address, address_len)
			: NEXT(__recvfrom_chk)(fd, data, len, room, flags, address, address_len);
}

EXPORT ssize_t __recv_chk(int fd, void *data, size_t len, size_t room, int flags)
{
	return find(fd) ? recvfrom(fd, data, len < room ? len : room, flags, NULL, NULL)
			: NEXT(__recv_chk)(fd, data, len, room, flags);
}

EXPORT ssize_t __read_chk(int fd, void *data, size_t len, size_t room)
{
	return find(fd) ? read(fd, data, len < room ? len : room)
			: NEXT(__read_chk)(fd, data, len, room);
}

/* The ring. Allocators call mmap() before dlsym() can be used. */

EXPORT void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	struct packet_socket *socket = find(fd);
	void *address = MAP_FAILED;

	if (!socket)
		return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
	pthread_mutex_lock(&packet_lock);
	if (socket->ring && !at && !offset && len == socket->ring->len && !is_parents()) {
		socket->ring->is_mapped = true;
		address = socket->ring->base;
	} else {
		errno = EINVAL;
	}
	pthread_mutex_unlock(&packet_lock);
	return address;
}

EXPORT void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset)
{
	return mmap(at, len, protection, flags, fd, offset);
}

EXPORT int munmap(void *address, size_t len)
{
	return packet_ring_unmap(address) ? 0 : (int)syscall(SYS_munmap, address, len);
}
