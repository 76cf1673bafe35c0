#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects the system from daemons that keep inherited memory: a daemon gives inherited memory back
# once the daemon has freed it (Faults E20), and also the objects that other threads of its parent
# had cached.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

# The daemon leaves by _exit, so it does not report.
same - "$programs/daemon_reloads"
