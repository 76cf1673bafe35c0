#!/bin/bash
# SPDX-License-Identifier: MIT
# A daemon gives back what it inherited when it has freed it (Faults E20), and what other threads of its
# parent had cached.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

# The daemon leaves by _exit, so it does not report.
same - "$programs/daemon_reloads"
