#!/bin/bash
# SPDX-License-Identifier: MIT
# A signal handler that forks while the process's only thread is inside malloc or
# free does not hang, as it does not with glibc (Faults B12).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same signals "$programs/signals" fork
