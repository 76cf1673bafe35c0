/* SPDX-License-Identifier: MIT */
/*
 * Real-time programs (key realtime). The default heap obtains chunks at the start, touches all pages
 * of them and of the memory for records, and gives no chunk back. A program that needs no more than
 * that causes neither system calls nor page faults by allocating and freeing, unless two threads
 * wait for one lock.
 */
#ifndef PN_REALTIME_H
#define PN_REALTIME_H

#include "os/base.h"

/*
 * Makes the default heap obtain @bytes, rounded up to whole chunks, and memory for the records of as
 * many bytes of objects. From now on, the heap gives no chunk back, and the library's clock stands
 * still. The library is initialised, and the caller holds no lock. Return: 0; or ENOMEM, with the
 * heap as it was.
 */
int pn_realtime_start(size_t bytes);

#endif /* PN_REALTIME_H */
