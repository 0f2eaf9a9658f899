/*
 * unwaited_thread P: a consumer reads 3 ms after its start what a producer thread writes
 * at once, or, with the chance P, 15 ms late.
 *
 * Flaw: nothing orders the write before the read.  Right: a condition variable, or a join.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/flaky/flaky.h"

static atomic_int	value;
static double		p;

static void *
produce(void *arg)
{
	if (happens(p))
		sleep_ms(15);
	burn_ms(1);
	atomic_store(&value, 42);
	return arg;
}

int
main(int argc, char **argv)
{
	pthread_t	t;
	int		seen;

	p = chance(argc, argv, 1);
	if (pthread_create(&t, NULL, produce, NULL) != 0)
		return 2;
	sleep_ms(3);			/* asks somebody else */
	seen = atomic_load(&value);
	(void)pthread_join(t, NULL);
	return seen == 42 ? 0 : failed("value is %d, expected 42", seen);
}
