// SPDX-License-Identifier: MIT
/*
 * The table of pins. Each entry describes the pages of one PIN of the driver and has a notice, a
 * word that counts the entry's uses. The driver sets PINNED_MEM_PIN_GONE in the notice before the
 * pages of the range change (see "Pins" in pinned_mem.h). So an entry whose notice has that bit
 * clear describes the range, and can be used again without a system call.
 *
 * The table lies in memory that the kernel wipes in forked children: a child has no pins, and all
 * entries are free. An entry is free while its @start is 0.
 *
 * Locks: table->lock covers all changes of entries; the notice is also changed by the driver.
 * Translations take no lock. An entry in use does not change, so whoever has pinned the range finds
 * the entry. A translation of memory that nobody has pinned may meet an entry that is being
 * changed. So each translation reads @changes before and after, and passes over an entry that has
 * changed. LOAD() and STORE() order these accesses. The array of extents of an entry is never
 * unmapped, only replaced by a larger one.
 */
#include "arena/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>

#include "os/child.h"
#include "os/errno.h"
#include "os/fdguard.h"
#include "os/lock.h"
#include "os/sys.h"
#include "pinned_mem.h"

/* The most pins; and of those that are not in use, the most that are kept, and their bytes. */
#define PINS_MAX 512
#define IDLE_MAX 64
#define IDLE_BYTES_MAX ((size_t)64 << 20)
#define FEW_EXTENTS 4

_Static_assert(sizeof(struct pinned_extent) == sizeof(struct pinned_mem_extent),
	       "the driver's extent is the library's");

#define LOAD(member) __atomic_load_n(&(member), __ATOMIC_ACQUIRE)
#define STORE(member, value) __atomic_store_n(&(member), value, __ATOMIC_RELEASE)

/**
 * struct pn_pin - one entry
 * @notice: PINNED_MEM_PIN_GONE, and the number of uses
 * @changes: odd while the entry is being changed
 * @start: first page; 0 if the entry is free
 * @end: end of the last page
 * @id: the driver's number
 * @pool: the driver's number of the open that @id belongs to
 * @last_use: when the entry was used last, as a count of uses
 * @count: number of @extents; 0 if the process may not learn physical addresses
 * @room: number of elements at @extents
 * @extents: the extents in order; the member len counts the bytes from @start to the extent's end
 * @few: the array for few extents
 */
struct pn_pin {
	uint32_t notice;
	uint32_t changes;
	uintptr_t start;
	uintptr_t end;
	uint32_t id;
	uint64_t pool;
	uint64_t last_use;
	size_t count;
	size_t room;
	struct pinned_extent *extents;
	struct pinned_extent few[FEW_EXTENTS];
};

/**
 * struct pn_pin_table - the table
 * @lock: see above
 * @is_open: the process has opened the driver itself, instead of its parent
 * @used: number of entries at the beginning of @pins that were ever used
 * @uses: number of uses so far
 */
struct pn_pin_table {
	struct pn_lock lock;
	bool is_open;
	size_t used;
	uint64_t uses;
	struct pn_pin pins[PINS_MAX];
};

/* NULL before the first pin. */
static struct pn_pin_table *known_table;
/* The driver; in a child that has not opened it, the parent's descriptor. */
static struct pn_fd driver = PN_FD_NONE;
static uint64_t driver_pool;
static uint32_t driver_features;

static struct pn_pin_table *get_table(void)
{
	struct pn_pin_table *made = __atomic_load_n(&known_table, __ATOMIC_ACQUIRE), *other = NULL;

	if (made)
		return made;
	made = pn_sys_table(sizeof(*made));
	if (!made)
		return NULL;
	if (!pn_sys_wipe_on_fork(made, sizeof(*made)) ||
	    !__atomic_compare_exchange_n(&known_table, &other, made, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		pn_sys_unmap(made, sizeof(*made));
		return other;
	}
	return made;
}

/* The driver. */

static int ask_info(struct pinned_mem_info *info)
{
	*info = (struct pinned_mem_info){ .size = sizeof(*info) };
	return pn_sys_ioctl(driver.fd, PINNED_MEM_IOC_INFO, info);
}

/* Returns true if the descriptor is still the one that was opened. */
static bool is_driver_there(void)
{
	struct pinned_mem_info info;

	return pn_fd_is_intact(&driver) && !ask_info(&info) && info.pool_id == driver_pool;
}

/* Opens the driver, unless it is open. Return: 0 or an errno. */
static int open_driver(struct pn_pin_table *table)
{
	struct pinned_mem_info info;
	int err;

	if (table->is_open && is_driver_there())
		return 0;
	/* In a child, closes the child's copy of its parent's descriptor. */
	pn_fd_drop(&driver);
	table->is_open = false;
	err = pn_fd_open(&driver, PINNED_MEM_DEVICE, O_RDWR);
	if (err)
		return err;
	err = ask_info(&info);
	if (!err && !(info.features & PINNED_MEM_FEATURE_PIN))
		err = EOPNOTSUPP;
	if (err) {
		pn_fd_drop(&driver);
		return err;
	}
	driver_pool = info.pool_id;
	driver_features = info.features;
	table->is_open = true;
	return 0;
}

/* Ends the driver's pin of an entry. If the driver has ended the pin already, nothing happens. */
static void end_pin(const struct pn_pin *pin)
{
	struct pinned_mem_unpin request = { .size = sizeof(request), .id = pin->id };

	if (pin->pool == driver_pool && is_driver_there())
		pn_sys_ioctl(driver.fd, PINNED_MEM_IOC_UNPIN, &request);
}

/*
 * Asks the driver to pin the pages of an entry, which then has one use. Sets *@found to the number
 * of extents. Return: 0 or an errno.
 */
static int begin_pin(struct pn_pin *pin, size_t *found)
{
	bool is_told = driver_features & PINNED_MEM_FEATURE_PHYS;
	struct pinned_mem_pin request = {
		.size = sizeof(request),
		.address = pin->start,
		.length = pin->end - pin->start,
		.extents_ptr = is_told ? (uintptr_t)pin->extents : 0,
		.extents_count = is_told ? (uint32_t)pin->room : 0,
		.notice_ptr = (uintptr_t)&pin->notice,
	};
	int err;

	STORE(pin->notice, 1);
	err = pn_sys_ioctl(driver.fd, PINNED_MEM_IOC_PIN, &request);
	pin->id = request.id;
	pin->pool = driver_pool;
	*found = request.extents_count;
	return err;
}

/* Entries. */

static uint32_t notice_of(const struct pn_pin *pin)
{
	return LOAD(pin->notice);
}

static bool is_in_use(const struct pn_pin *pin)
{
	uint32_t notice = notice_of(pin);

	return notice && !(notice & PINNED_MEM_PIN_GONE);
}

static void begin_change(struct pn_pin *pin)
{
	STORE(pin->changes, pin->changes | 1);
}

/* If a signal handler has forked since begin_change(), then the child begins here with 0. */
static void end_change(struct pn_pin *pin)
{
	STORE(pin->changes, (pin->changes | 1) + 1);
}

static void free_entry(struct pn_pin *pin)
{
	begin_change(pin);
	STORE(pin->start, 0);
	end_change(pin);
}

/*
 * Replaces the array of an entry by one with room for an extent for each page. The room is a power
 * of two, so that the earlier arrays of the entry together are no larger than the last one. Return:
 * 0 or ENOMEM.
 */
static int make_room(struct pn_pin *pin, size_t page)
{
	size_t pages = (pin->end - pin->start) / page, room = 2 * FEW_EXTENTS;
	struct pinned_extent *made;

	while (room < pages)
		room *= 2;
	made = pn_sys_table(room * sizeof(*made));
	if (!made)
		return ENOMEM;
	STORE(pin->extents, made);
	pin->room = room;
	return 0;
}

/* Pins the pages of an entry, which is being changed. */
static int fill_entry(struct pn_pin *pin, size_t page)
{
	size_t found;
	int err = begin_pin(pin, &found);

	if (!err && found > pin->room) {
		end_pin(pin);
		err = make_room(pin, page);
		if (!err)
			err = begin_pin(pin, &found);
	}
	if (err)
		found = 0;
	for (size_t i = 1; i < found; i++)
		STORE(pin->extents[i].len, pin->extents[i].len + pin->extents[i - 1].len);
	STORE(pin->count, found);
	return err;
}

static int use_entry(struct pn_pin *pin, uintptr_t start, uintptr_t end)
{
	int err;

	if (!pin->extents) {
		STORE(pin->extents, pin->few);
		pin->room = FEW_EXTENTS;
	}
	begin_change(pin);
	STORE(pin->start, start);
	STORE(pin->end, end);
	err = fill_entry(pin, getauxval(AT_PAGESZ));
	/* In a child that a signal handler has forked meanwhile, the entry was wiped. */
	if (!err && pn_child_is_new())
		err = EAGAIN;
	if (err)
		STORE(pin->start, 0);
	end_change(pin);
	return err;
}

/* The table. */

/*
 * Ends pins that are not in use, the least recently used pin first, until no more than @count such
 * pins are left, with no more than @bytes bytes together.
 */
static void trim_locked(struct pn_pin_table *table, size_t count, size_t bytes)
{
	pn_lock_assert_held(&table->lock);
	for (;;) {
		struct pn_pin *oldest = NULL;
		size_t n = 0, sum = 0;

		for (struct pn_pin *pin = table->pins; pin < table->pins + table->used; pin++) {
			if (!pin->start || notice_of(pin) & ~PINNED_MEM_PIN_GONE)
				continue;
			n++;
			sum += pin->end - pin->start;
			if (!oldest || pin->last_use < oldest->last_use)
				oldest = pin;
		}
		if (n <= count && sum <= bytes)
			return;
		end_pin(oldest);
		free_entry(oldest);
	}
}

static struct pn_pin *find_free_locked(struct pn_pin_table *table)
{
	pn_lock_assert_held(&table->lock);
	for (size_t i = 0; i < table->used; i++)
		if (!table->pins[i].start)
			return &table->pins[i];
	if (table->used == PINS_MAX)
		return NULL;
	STORE(table->used, table->used + 1);
	return &table->pins[table->used - 1];
}

/* Adds a use to an entry of exactly these pages, if there is one that is not gone. */
static bool use_again_locked(struct pn_pin_table *table, uintptr_t start, uintptr_t end)
{
	pn_lock_assert_held(&table->lock);
	for (struct pn_pin *pin = table->pins; pin < table->pins + table->used; pin++) {
		uint32_t notice = notice_of(pin);

		if (pin->start != start || pin->end != end)
			continue;
		while (!(notice & PINNED_MEM_PIN_GONE))
			if (__atomic_compare_exchange_n(&pin->notice, &notice, notice + 1, false,
							__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
				pin->last_use = ++table->uses;
				return true;
			}
	}
	return false;
}

static int add_locked(struct pn_pin_table *table, uintptr_t start, uintptr_t end)
{
	struct pn_pin *pin;
	int err;

	pn_lock_assert_held(&table->lock);
	if (use_again_locked(table, start, end))
		return 0;
	err = open_driver(table);
	if (err)
		return err;
	pin = find_free_locked(table);
	if (!pin) {
		trim_locked(table, 0, 0);
		pin = find_free_locked(table);
	}
	if (!pin)
		return ENOBUFS;
	err = use_entry(pin, start, end);
	if (err == ENOMEM || err == EDQUOT) {
		trim_locked(table, 0, 0);
		err = use_entry(pin, start, end);
	}
	pin->last_use = ++table->uses;
	return err;
}

/* Sets *@start and *@end to the pages that contain the range. Return: 0, EINVAL or EFAULT. */
static int find_pages(const void *ptr, size_t len, uintptr_t *start, uintptr_t *end)
{
	uintptr_t mask = getauxval(AT_PAGESZ) - 1;

	if (!len)
		return EINVAL;
	if (__builtin_add_overflow((uintptr_t)ptr, len, end) || *end > UINTPTR_MAX - mask)
		return EFAULT;
	*start = (uintptr_t)ptr & ~mask;
	*end = (*end + mask) & ~mask;
	/* The page at 0 cannot be pinned, because a @start of 0 means that an entry is free. */
	return *start ? 0 : EFAULT;
}

int pn_pins_add(const void *ptr, size_t len)
{
	struct pn_pin_table *table = get_table();
	uintptr_t start, end;
	int err = find_pages(ptr, len, &start, &end);

	if (err)
		return err;
	if (!table)
		return ENOMEM;
	pn_lock(&table->lock);
	err = add_locked(table, start, end);
	pn_unlock(&table->lock);
	return err;
}

/* Finds an entry of exactly these pages that has a use; prefers an entry that is gone. */
static struct pn_pin *find_used_locked(struct pn_pin_table *table, uintptr_t start, uintptr_t end)
{
	struct pn_pin *found = NULL;

	pn_lock_assert_held(&table->lock);
	for (struct pn_pin *pin = table->pins; pin < table->pins + table->used; pin++) {
		uint32_t notice = notice_of(pin);

		if (pin->start == start && pin->end == end && notice & ~PINNED_MEM_PIN_GONE &&
		    (!found || notice & PINNED_MEM_PIN_GONE))
			found = pin;
	}
	return found;
}

static int remove_locked(struct pn_pin_table *table, uintptr_t start, uintptr_t end)
{
	struct pn_pin *pin;
	uint32_t notice;

	pn_lock_assert_held(&table->lock);
	pin = find_used_locked(table, start, end);
	if (!pin)
		return EINVAL;
	notice = __atomic_sub_fetch(&pin->notice, 1, __ATOMIC_ACQ_REL);
	if (notice == PINNED_MEM_PIN_GONE) {
		end_pin(pin);
		free_entry(pin);
	} else if (!notice) {
		trim_locked(table, IDLE_MAX, IDLE_BYTES_MAX);
	}
	return 0;
}

int pn_pins_remove(const void *ptr, size_t len)
{
	struct pn_pin_table *table = __atomic_load_n(&known_table, __ATOMIC_ACQUIRE);
	uintptr_t start, end;
	int err = find_pages(ptr, len, &start, &end);

	if (err || !table)
		return EINVAL;
	pn_lock(&table->lock);
	err = remove_locked(table, start, end);
	pn_unlock(&table->lock);
	return err;
}

void pn_pins_purge(void)
{
	struct pn_pin_table *table = __atomic_load_n(&known_table, __ATOMIC_ACQUIRE);

	if (!table)
		return;
	pn_lock(&table->lock);
	trim_locked(table, 0, 0);
	pn_unlock(&table->lock);
}

/* Translations. */

/* Returns the index of the first of @count extents that ends after the byte at @offset. */
static size_t find_extent(const struct pinned_extent *from, size_t count, size_t offset)
{
	size_t low = 0, high = count - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (LOAD(from[middle].len) > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/*
 * Writes the extents of @len bytes at @offset of an entry. Return: their number, which is wrong if
 * the entry is changed meanwhile.
 */
static long cut_extents(const struct pn_pin *pin, size_t offset, size_t len,
			struct pinned_extent *extents, size_t room)
{
	const struct pinned_extent *from = LOAD(pin->extents);
	size_t count = LOAD(pin->count), found = 0;

	for (size_t i = count ? find_extent(from, count, offset) : 0; len && i < count; i++) {
		size_t begin = i ? LOAD(from[i - 1].len) : 0;
		size_t left = LOAD(from[i].len) - offset;
		size_t piece = left < len ? left : len;

		if (found < room) {
			extents[found].phys = LOAD(from[i].phys) + (offset - begin);
			extents[found].len = piece;
		}
		found++;
		offset += piece;
		len -= piece;
	}
	return (long)found;
}

/* Return: the number of extents; 0 if the entry is not in use, or does not contain the range. */
static long try_entry(const struct pn_pin *pin, uintptr_t at, size_t len,
		      struct pinned_extent *extents, size_t room)
{
	uint32_t changes = LOAD(pin->changes);
	uintptr_t start = LOAD(pin->start), end = LOAD(pin->end);
	long found;

	if (changes & 1 || !start || at < start || at >= end || len > end - at || !is_in_use(pin))
		return 0;
	found = cut_extents(pin, at - start, len, extents, room);
	return LOAD(pin->changes) == changes && is_in_use(pin) ? found : 0;
}

long pn_pins_sg(const void *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	struct pn_pin_table *table = __atomic_load_n(&known_table, __ATOMIC_ACQUIRE);
	size_t used = table ? __atomic_load_n(&table->used, __ATOMIC_ACQUIRE) : 0;
	long found = 0;

	for (size_t i = 0; i < used && !found; i++)
		found = try_entry(&table->pins[i], (uintptr_t)ptr, len, extents, count);
	if (found)
		return found;
	errno = EFAULT;
	return -1;
}

uint64_t pn_pins_v2p(const void *ptr)
{
	struct pinned_extent extent;
	int saved = errno;

	if (pn_pins_sg(ptr, 1, &extent, 1) == 1)
		return extent.phys;
	errno = saved;
	return PINNED_NO_PHYS;
}
