/* SPDX-License-Identifier: MIT */
/*
 * The contract between the arena and whatever gives it memory. All calls are
 * made under the arena's lock, and before the arena's first call to any other
 * function, open() has returned 0.
 */
#ifndef PN_BACKEND_H
#define PN_BACKEND_H

#include "base.h"
#include "config.h"

/* populate() and punch(): the descriptor was lost, what it gave stays, open() anew. */
#define PN_BACKEND_LOST (-1)

/* What populate() stores for a chunk whose physical address it does not know. */
#define PN_PHYS_UNKNOWN UINT64_MAX

/**
 * struct pn_backend - a source of chunks
 * @name: for people
 * @survives_fork: memory is private to the process that forks too: the child may go on
 *	allocating from what it inherited
 * @open: get ready to populate; 0 or an errno
 * @populate: make @count chunks from @addr, which is @slot's address in the reserved arena, usable
 *	and zeroed, and store their physical addresses; all or none.
 *	0, an errno or PN_BACKEND_LOST
 * @punch: give @count chunks back; afterwards the range is reserved, not mapped or not backed.
 *	0, an errno or PN_BACKEND_LOST
 * @disown: in a forked child: let go of what belongs to the parent; open() follows when needed
 * @mend: in the parent, some time after a fork: undo what that did to the mappings. true when
 *	nothing is left to do; may be NULL
 * @after_fork: in the parent, after a fork: physical addresses of @count chunks again, if a fork
 *	may have changed them; may be NULL
 */
struct pn_backend {
	const char *name;
	bool survives_fork;
	int (*open)(const struct pn_config *config);
	int (*populate)(char *addr, size_t slot, size_t count, uint64_t *phys);
	int (*punch)(char *addr, size_t slot, size_t count);
	void (*disown)(void);
	bool (*mend)(char *arena);
	void (*after_fork)(char *addr, size_t count, uint64_t *phys);
};

extern const struct pn_backend pn_backend_device;
extern const struct pn_backend pn_backend_hugetlb;
extern const struct pn_backend pn_backend_anon;

#endif /* PN_BACKEND_H */
