/* SPDX-License-Identifier: MIT */
/* The places in which sh6 and sh8 keep their objects, and the order in which they free them. */
#ifndef SH_H
#define SH_H

#include "workload.h"

/**
 * struct places - objects in the order of allocation
 * @objects: the objects
 * @count: number of places
 * @at: the place of the next object
 * @kept_begin: the objects from here on stay until the next time around,
 * @kept_end: up to here
 */
struct places {
	char **objects;
	size_t count;
	size_t at;
	size_t kept_begin;
	size_t kept_end;
};

/* At first no object stays: the part that is kept begins and ends with the places. */
static inline struct places places_of(size_t count)
{
	return (struct places){ .count = count, .kept_begin = count, .kept_end = count };
}

/* Keeps another fifth of the objects; frees those before it in order, and those after it in reverse. */
static inline void turn_around(struct places *places)
{
	places->kept_begin = places->kept_end < places->count ? places->kept_end : 0;
	places->kept_end = places->kept_begin + places->count / 5;
	if (places->kept_end > places->count)
		places->kept_end = places->count;
	for (size_t i = 0; i < places->kept_begin; i++)
		free(places->objects[i]);
	for (size_t i = places->count; i > places->kept_end; i--)
		free(places->objects[i - 1]);
	places->at = 0;
}

/* Passes over the part that is kept, and turns around at the end of the places. */
static inline void advance(struct places *places)
{
	if (places->at == places->kept_begin)
		places->at = places->kept_end;
	if (places->at >= places->count)
		turn_around(places);
}

#endif
