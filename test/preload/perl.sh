#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects perl programs: perl, which grows its buffers in its own way, behaves on pinned memory as
# it does without the shim, and its forked children can use what they inherit (Faults B13).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need perl

cat >scenario.pl <<'SCENARIO'
use strict;
use warnings;
$| = 1;
my %count;
$count{ ($_ * 7919) % 10007 } .= "$_," for 1 .. 100000;
my $sum = 0;
$sum += length $count{$_} for sort { $a <=> $b } keys %count;
print "$sum\n";

my $text = join ' ', map { "item$_=" . $_ ** 2 } 1 .. 20000;
my @found = $text =~ /item(\d*7)=(\d+)/g;
print scalar(@found), " $found[-1]\n";
(my $copy = $text) =~ s/(\d+)/<$1>/g;
print length $copy, "\n";

my @tree = map { my $i = $_; { id => $i, children => [ map { { id => $_ } } 1 .. 50 ] } } 1 .. 500;
print scalar(map { @{ $_->{children} } } @tree), "\n";
@tree = ();

for my $n (1 .. 10) {
	pipe my $reader, my $writer or die;
	my $pid = fork // die;
	if (!$pid) {
		close $reader;
		my $result = 0;
		$result += length $_ for values %count;
		delete @count{ (keys %count)[0 .. 1000] };
		print $writer "child $n: $result\n";
		close $writer;
		exit 0;
	}
	close $writer;
	print <$reader>;
	waitpid $pid, 0;
	print "status $?\n";
}
print scalar(keys %count), "\n";
my @sorted = sort map { sprintf '%06x', ($_ * 2654435761) % 16777216 } 1 .. 50000;
print "$sorted[0] $sorted[-1]\n", `echo from a shell`;
SCENARIO
PERL_HASH_SEED=0
export PERL_HASH_SEED
same perl perl ./scenario.pl
