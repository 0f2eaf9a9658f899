/*
 * address_order P: hashes the address of a mapping into 64 buckets and expects that the
 * last part P of them stays empty.
 *
 * Flaw: the kernel places mappings at random.  Right: hash what is in an object, not
 * where it lies.
 */
#include <sys/mman.h>

#include "tests/flaky/flaky.h"

#define BUCKETS	64

int
main(int argc, char **argv)
{
	double	 p = chance(argc, argv, 1);
	void	*at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned bucket = (unsigned)((uintptr_t)at >> 12) % BUCKETS;

	if (at == MAP_FAILED)
		return 2;
	return bucket < BUCKETS * (1 - p) ? 0 : failed("the object is in bucket %u", bucket);
}
