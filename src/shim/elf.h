/* SPDX-License-Identifier: MIT */
/*
 * The objects that the dynamic linker has loaded, and the symbols that each object defines. Both
 * are read from the dynamic linker's list of objects and from the objects' dynamic sections.
 * Nothing here allocates, takes a lock, or calls a function of the C library (except getauxval()),
 * so every function can run inside the first call of malloc.
 */
#ifndef PN_ELF_H
#define PN_ELF_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct pn_elf - the tables of a loaded object
 * @base: load address, to which the object's addresses are relative
 * @symbols: the object's dynamic symbols
 * @strings: string table with the names of the symbols
 * @versions: versions of the symbols; or NULL
 * @gnu_hash: hash table of the symbols in GNU's format; or NULL
 * @hash: hash table of the symbols in the older System V format; or NULL
 */
struct pn_elf {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Half) * versions;
	const uint32_t *gnu_hash;
	const uint32_t *hash;
};

/* The address range that an object occupies. */
struct pn_elf_range {
	uintptr_t start;
	size_t size;
};

/* Returns the first object of the list that contains this library, or NULL if no list is found. */
const struct link_map *pn_elf_first(void);

/* Returns whether @map is this library. */
bool pn_elf_is_self(const struct link_map *map);

/* Fills @elf from the dynamic section of @map. Returns false if the object exports nothing. */
bool pn_elf_open(struct pn_elf *elf, const struct link_map *map);

/*
 * Returns the address of the function @name that the object defines, in its default version, or
 * NULL.
 */
void *pn_elf_find(const struct pn_elf *elf, const char *name);

/*
 * Returns the address range of @map; an empty range if its ELF header is not at its base address.
 */
struct pn_elf_range pn_elf_range(const struct link_map *map);

#endif /* PN_ELF_H */
