# hash_order.pl P: takes the first of 100 keys of a hash, and expects it not to be among
# the first part P of them by name.
#
# Flaw: Perl orders keys anew in every process.  Right: sort the keys.
use strict;
use warnings;

my $p = defined $ENV{FLAKY_P} ? $ENV{FLAKY_P} : $ARGV[0];
my %age = map { ("key$_" => $_) } 0 .. 99;
my ($first) = keys %age;
exit 0 if $age{$first} >= 100 * $p;
print STDERR "the first one is $first\n";
exit 1;
