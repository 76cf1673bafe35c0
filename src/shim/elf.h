/* SPDX-License-Identifier: MIT */
/*
 * The objects that the dynamic linker has loaded, and the symbols that each of them defines, read
 * from its list of objects and from their dynamic sections. Nothing here allocates, takes a lock,
 * or calls a function of the C library, so all of it can run inside the first call of malloc.
 */
#ifndef PN_ELF_H
#define PN_ELF_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct pn_elf - the tables of a loaded object
 * @base: what its addresses are relative to
 * @symbols: its dynamic symbols
 * @strings: their names
 * @versions: their versions; or NULL
 * @gnu_hash: hash table of the symbols in GNU's form; or NULL
 * @hash: in the older form; or NULL
 */
struct pn_elf {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Half) * versions;
	const uint32_t *gnu_hash;
	const uint32_t *hash;
};

/* The addresses that an object is loaded at. */
struct pn_elf_range {
	uintptr_t start;
	size_t size;
};

/* Returns the first object of the list that this library is in, or NULL if the list is not found. */
const struct link_map *pn_elf_first(void);

/* Is @map this library? */
bool pn_elf_is_self(const struct link_map *map);

/* Reads the dynamic section of @map. Returns false if the object exports nothing. */
bool pn_elf_open(struct pn_elf *elf, const struct link_map *map);

/* Returns the address of the function @name that the object defines, in its default version, or NULL. */
void *pn_elf_find(const struct pn_elf *elf, const char *name);

/* Returns the addresses of a shared library; nothing for an object whose ELF header is not loaded. */
struct pn_elf_range pn_elf_range(const struct link_map *map);

#endif /* PN_ELF_H */
