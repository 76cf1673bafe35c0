# SPDX-License-Identifier: MIT
# Uses memory as scripts do: strings, hashes of lists, sorting, substitution. Argument: amount of
# work in percent.
use strict;
use warnings;

my $rounds = $ARGV[0] / 10 || 1;
for (1 .. $rounds) {
	my (%lines, @text);
	for my $i (1 .. 4000) {
		push @text, join ' ', map { 'w' . ($i * $_ * 7919 % 5003) } 1 .. 8;
	}
	for my $line (@text) {
		(my $other = $line) =~ s/w(\d)(\d)/$2x$1/g;
		push @{$lines{$_}}, $other for split / /, $line;
	}
	my @sorted = sort { @{$lines{$b}} <=> @{$lines{$a}} || $a cmp $b } keys %lines;
	die if !@sorted;
}
