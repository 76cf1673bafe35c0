// SPDX-License-Identifier: MIT
/* The calling thread's record; see thread.h. Locks use it, and so do forked children. */
#include "os/thread.h"

__thread struct pn_lock_thread pn_lock_thread __attribute__((tls_model("initial-exec")));
