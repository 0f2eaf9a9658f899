/*
 * unlocked_counter P: two threads add to one number without a lock.  The second starts
 * 4 ms after the first, which is long done then; with the chance P both start together.
 *
 * Flaw: read, add and write are three steps.  Right: a mutex, or an atomic addition.
 */
#include <pthread.h>
#include <sched.h>

#include "tests/flaky/flaky.h"

#define ROUNDS	400

static volatile int	total;
static double		delay_ms[2];

static void *
add(void *arg)
{
	const double	*delay = arg;
	int		 seen;

	if (*delay > 0)
		sleep_ms(*delay);
	for (int i = 0; i < ROUNDS; i++) {
		seen = total;
		if (i % 4 == 0)
			(void)sched_yield();	/* as a call in between might */
		total = seen + 1;
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t	t[2];
	bool		together = happens(chance(argc, argv, 1));

	/* The first waits for the second then, which takes a moment to be created. */
	delay_ms[0] = together ? 1 : 0;
	delay_ms[1] = together ? 1 : 4;
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&t[i], NULL, add, &delay_ms[i]) != 0)
			return 2;
	}
	for (int i = 0; i < 2; i++)
		(void)pthread_join(t[i], NULL);
	return total == 2 * ROUNDS ? 0 : failed("total is %d, expected %d", total, 2 * ROUNDS);
}
