#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that use all thread-specific keys, signals or cancellation: the shim takes no
# key, and signals and cancellation work as they do without the shim (Faults B27).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same pthread_keys "$programs/pthread_keys"
same signals_and_cancellation "$programs/signals_and_cancellation"
