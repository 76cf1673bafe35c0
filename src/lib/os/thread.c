// SPDX-License-Identifier: MIT
/* The thread's own record; see thread.h. Locks and forked children both look at it. */
#include "os/thread.h"

__thread struct pn_lock_thread pn_lock_thread __attribute__((tls_model("initial-exec")));
