/* SPDX-License-Identifier: MIT */
/*
 * Structures of callers that were compiled with an older or a newer header than this library. Each
 * structure begins with its size as a size_t. A later version only adds members at the end, and a
 * member that is 0 means what the version without that member did. Caller and library therefore
 * agree on the bytes that both know. The library copies a structure once before it reads anything
 * in the copy.
 */
#ifndef PN_SIZED_H
#define PN_SIZED_H

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* No version's structure is larger. A larger size means that the caller has not set the size. */
#define PN_SIZED_MAX ((size_t)4096)

/* The size of @type in the version in which @member was the last one. */
#define PN_SIZE_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/**
 * pn_sized_read() - copies a structure that the caller fills in
 * @known: receives the structure as this library knows it; members that the caller lacks become 0
 * @known_size: bytes of @known
 * @given: the caller's structure
 * @first_size: bytes of the structure in the first release
 *
 * Return: 0; EINVAL if the caller's size is none that a version can have; E2BIG if the caller sets
 * a member that this library does not know.
 */
static inline int pn_sized_read(void *known, size_t known_size, const void *given,
				size_t first_size)
{
	size_t size;

	memcpy(&size, given, sizeof(size));
	if (size < first_size || size > PN_SIZED_MAX)
		return EINVAL;
	for (size_t i = known_size; i < size; i++)
		if (((const unsigned char *)given)[i])
			return E2BIG;
	memset(known, 0, known_size);
	memcpy(known, given, size < known_size ? size : known_size);
	return 0;
}

/**
 * pn_sized_write() - fills in a structure of the caller's
 * @given: the caller's structure, with its size set
 * @known: the structure as this library knows it
 * @known_size: bytes of @known
 * @first_size: bytes of the structure in the first release
 *
 * Members that this library does not know become 0. The caller's size becomes the number of bytes
 * that both know, so that the caller can tell an unknown member from one that is 0.
 *
 * Return: 0; EINVAL if the caller's size is none that a version can have, and nothing is written.
 */
static inline int pn_sized_write(void *given, const void *known, size_t known_size,
				 size_t first_size)
{
	size_t size, both;

	memcpy(&size, given, sizeof(size));
	if (size < first_size || size > PN_SIZED_MAX)
		return EINVAL;
	both = size < known_size ? size : known_size;
	memset(given, 0, size);
	memcpy(given, known, both);
	memcpy(given, &both, sizeof(both));
	return 0;
}

#endif /* PN_SIZED_H */
