#!/bin/bash
# SPDX-License-Identifier: MIT
# The shim takes no thread-specific keys, and signals and cancellation work as
# without it (Faults B27).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same pthread_keys "$programs/pthread_keys"
same signals "$programs/signals"
