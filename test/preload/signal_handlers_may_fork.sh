#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs with one thread whose signal handlers fork: if the signal interrupts malloc or
# free, fork does not hang, as it does not with glibc (Faults B12).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same signals_and_cancellation "$programs/signals_and_cancellation" fork
