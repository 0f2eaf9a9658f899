#!/usr/bin/perl
# unseen.pl CASE [P]: flaky tests that were written after the causes were tuned, and that nothing
# is tuned on: what is named rightly of them is what can be expected of other programs.  The
# flaw of each is in its comment; the chance P leads into it, as in the programs beside.
use strict;
use warnings;
use Time::HiRes qw(time sleep);
use POSIX qw(_exit);
use Fcntl;

my ($case, $p) = (@ARGV, 0);
my $shared = $ENV{FLAKY_SHARED} or die "set FLAKY_SHARED to a folder of your own\n";
my $tmp = $ENV{TMPDIR} // '/tmp';
$p = $ENV{FLAKY_P} if defined $ENV{FLAKY_P};

sub happens { return rand() < $p }
sub failed { print STDERR "$_[0]\n"; exit 1 }
sub spit { open my $f, '>', $_[0] or failed("$_[0]: $!"); print $f $_[1]; close $f }
sub slurp { open my $f, '<', $_[0] or return ''; local $/; return scalar(<$f>) // '' }
sub burn { my $end = (times)[0] + $_[0]; 1 while (times)[0] < $end }

my %cases = (
	# Timing: it asks ten times in 50 ms and gives up; the job may take 90.
	polls => sub {
		my $file = "$tmp/job.$$";
		my $late = happens();
		my $pid = fork();
		if ($pid == 0) { sleep($late ? 0.09 : 0.012); spit($file, 'done'); _exit(0) }
		my $tries = 10;
		sleep(0.005) while --$tries && !-e $file;
		my $ok = -e $file;
		waitpid($pid, 0);
		$ok or failed('no result after ten tries');
	},
	# Timing: an entry is good for 30 ms, and is used after 15, or 40.
	expires => sub {
		my $made = time;
		sleep(happens() ? 0.04 : 0.015);
		my $age = 1000 * (time - $made);
		$age < 30 or failed(sprintf('the entry has expired, it is %.1f ms old', $age));
	},
	# Race: the second child should be the second to write, which 5 ms make likely.
	turns => sub {
		my $file = "$tmp/turns.$$";
		my $together = happens();
		for my $n (1, 2) {
			next if fork();
			sleep($n == 1 ? ($together ? 0.008 : 0) : $together ? 0.002 : 0.005);
			open my $f, '>>', $file;
			print $f $n;
			close $f;
			_exit(0);
		}
		1 while wait() > 0;
		slurp($file) eq '12' or failed('the writes came in the order ' . slurp($file));
	},
	# Race: a file is written in two steps, and read meanwhile.
	halves => sub {
		my $file = "$tmp/halves.$$";
		my $late = happens();
		my $pid = fork();
		if ($pid == 0) {
			sleep($late ? 0.0055 : 0);
			open my $f, '>', $file;
			syswrite $f, 'one ';
			sleep(0.001);
			syswrite $f, 'two';
			_exit(0);
		}
		sleep(0.006);
		my $seen = slurp($file);
		waitpid($pid, 0);
		$seen eq 'one two' or failed("the file has '$seen'");
	},
	# Concurrency with itself: a folder of a fixed name.
	folder => sub {
		mkdir "$shared/work" or failed("mkdir work: $!");
		sleep(0.01);
		rmdir "$shared/work";
	},
	# Clash: one test writes the table anew for 15 ms of its 20, the other reads it.
	rewrites => sub {
		spit("$shared/rows", '');
		sleep(0.015);
		spit("$shared/rows", 'rows');
		sleep(0.005);
	},
	reads => sub {
		sleep(0.01);
		-e "$shared/rows" or spit("$shared/rows", 'rows');
		slurp("$shared/rows") eq 'rows' or failed('the table is empty');
	},
	# Starvation: a disk that is full at times.
	full => sub {
		open my $f, '>', happens() ? '/dev/full' : '/dev/null';
		print $f 'x';
		close $f or failed("write: $!");
	},
	# Starvation: it holds 300 descriptors.
	handles => sub {
		my @all;
		for (1 .. 300) { open my $f, '<', '/dev/null' or failed("open: $!"); push @all, $f }
	},
	# Order: a mode that one test sets and another takes back.
	'set-mode' => sub { spit("$shared/mode", 'strict') },
	'reset-mode' => sub { spit("$shared/mode", '') },
	'default-mode' => sub {
		slurp("$shared/mode") eq '' or failed('the mode is strict, expected the default');
	},
	# Order: a message is in the queue when the other test has sent one since.
	sends => sub { spit("$shared/queue", 'message') },
	empty => sub {
		my $left = slurp("$shared/queue");
		spit("$shared/queue", '');
		$left eq '' or failed('the queue is not empty');
	},
	# Time: two readings of the second, 60 ms apart.
	second => sub {
		my $first = int time;
		sleep(0.06);
		int time == $first or failed('the file is not of this second');
	},
	# Time: the hour of the epoch, of whatever zone.
	epoch => sub {
		my $hour = (localtime 0)[2];
		$hour == 0 or failed("the first hour is $hour");
	},
	# Environment: the letter is one character, or two.
	letter => sub {
		my $n = `printf '\\303\\251' | grep -c '^..\$'`;
		$n == 1 or failed('the name is not of two characters');
	},
	# Environment: a path without quotes.
	path => sub {
		spit("$tmp/list", 'x');
		system("test -e $tmp/list") == 0 or failed('the list is not there');
	},
	# Randomness: one of twenty, one of five.
	draw => sub { burn(0.01); rand() >= $p or failed('the sample has no large value') },
	# Randomness: the order of a hash.
	keys => sub {
		my %h = map { $_ => 1 } 'a' .. 'l';
		(keys %h)[0] ne 'c' or failed('the first entry is c');
	},
	# Randomness: where an object lies.
	address => sub {
		my $object = {};
		my ($at) = "$object" =~ /0x([0-9a-f]+)/;
		(hex($at) >> 12) % 16 or failed('the bucket is empty');
	},
	# Infrastructure: a service is away for 300 ms at a time.
	away => sub {
		my $x = int(time / 0.3) * 2654435761 % 4294967296;
		$x ^= $x >> 15;
		$x = $x * 2246822519 % 4294967296;
		$x / 4294967296 >= $p or failed('connect to the registry: No route to host');
	},
	# Leak: each seventh run finds the pool empty, and fills it.
	pool => sub {
		my $n = slurp("$shared/pool") || 0;
		spit("$shared/pool", ($n + 1) % 7);
		$n != 6 or failed('no connection left in the pool');
	},
	# Leak: a run that died has left its pid file.
	pidfile => sub {
		my $file = "$shared/pid";
		spit($file, '1') if happens();
		my $ok = sysopen(my $f, $file, O_CREAT | O_EXCL | O_WRONLY);
		my $why = "$!";
		unlink $file;
		$ok or failed("pid: $why");
	},
);
($cases{$case // ''} // die "no such case\n")->();
exit 0;
