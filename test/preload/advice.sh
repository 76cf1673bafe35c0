#!/bin/bash
# SPDX-License-Identifier: MIT
# Memory that a program says it does not need any more is zeros afterwards, as anonymous memory is, and wrong advice is
# refused with the same errors (Faults C22).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

same - "$programs/gives_advice"
