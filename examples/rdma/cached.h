/* SPDX-License-Identifier: MIT */
/*
 * What the two programs share that write by RDMA through a library's cache of registrations: the
 * rounds, and the count of registrations. Each program contributes the library's part.
 */
#ifndef CACHED_H
#define CACHED_H

#include <stddef.h>

/* Prints the program's name and a message, and exits with 1. */
_Noreturn void cached_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Opens the library, connects it with itself, and makes @target writable from remote. @address is
 * the card's IP address.
 */
void cached_begin(const char *address, void *target, size_t size);
/* Writes the bytes of @buffer to the target by RDMA, and returns when they have arrived. */
void cached_write(const void *buffer, size_t size);
/* Closes everything. */
void cached_end(void);

#endif /* CACHED_H */
