#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: cron runs a job, and the job prints nothing that cron would mail.
. "$(dirname "$0")/../guest-common"
rm -f /run/cron_job.out
echo '* * * * * root (grep -c "r-xp.*libmalloc-pinned" /proc/self/maps; perl -e "print 6 * 7") >/run/cron_job.new 2>&1; mv /run/cron_job.new /run/cron_job.out' >/etc/cron.d/system-test
wait_until test -e /run/cron_job.out
rm /etc/cron.d/system-test
[ "$(tr '\n' ' ' </run/cron_job.out)" = '1 42' ] || fail "$(cat /run/cron_job.out)"
