/*
 * outage P HOST: asks a server that is out of reach for 50 ms at a time, in the share P of
 * all such spells; every test that asks in such a spell fails.
 *
 * Flaw: none of the test's own; the environment is bad in bursts.  Right: a server of
 * the test's own, or a retry after the spell.
 */
#include "tests/flaky/flaky.h"

#define SPELL_S	0.05

int
main(int argc, char **argv)
{
	double		p = chance(argc, argv, 1);
	uint64_t	x = (uint64_t)(seconds(CLOCK_REALTIME) / SPELL_S);

	/* The finalizer of MurmurHash3 (A. Appleby, public domain) makes a draw of it. */
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	if ((double)(x >> 11) / 9007199254740992.0 >= p)
		return 0;
	return failed("connect to %s: Connection refused", argc > 2 ? argv[2] : "server");
}
