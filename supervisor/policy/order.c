/* Start order and generator: see order.h.  Pure. */
#include "supervisor/policy/order.h"

uint64_t
order_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Multiply and reject: D. Lemire, "Fast Random Integer Generation in an
 * Interval", ACM TOMACS 29(1), 2019, algorithm 5 with 32-bit words. */
uint32_t
order_below(uint64_t *state, uint32_t bound)
{
	uint64_t m;
	uint32_t reject;

	if (bound == 0)
		return 0;
	reject = (UINT32_MAX - bound + 1) % bound;
	do {
		m = (order_random(state) >> 32) * bound;
	} while ((uint32_t)m < reject);
	return (uint32_t)(m >> 32);
}

/* Fisher-Yates in Durstenfeld's form: Knuth, TAOCP vol. 2, 3.4.2, algorithm P. */
void
order_fill(uint32_t *ret_order, uint32_t n, bool shuffle, uint64_t seed)
{
	uint64_t state = seed;
	uint32_t i, j, t;

	for (i = 0; i < n; i++)
		ret_order[i] = i;
	if (!shuffle)
		return;
	for (i = n; i > 1; i--) {
		j = order_below(&state, i);
		t = ret_order[i - 1];
		ret_order[i - 1] = ret_order[j];
		ret_order[j] = t;
	}
}

uint64_t
order_length(uint64_t expected_us)
{
	return expected_us < ORDER_LENGTH_MAX ? expected_us : ORDER_LENGTH_MAX;
}

uint64_t
order_by_length(uint64_t expected_us)
{
	return ORDER_LENGTH_MAX - order_length(expected_us);
}

uint64_t
order_by_rate(uint64_t expected_us, uint32_t fail_ppm)
{
	return (order_length(expected_us) << 20) / (fail_ppm > 0 ? fail_ppm : 1);
}

uint64_t
order_slack(uint64_t work, uint32_t slots)
{
	uint64_t share = work / slots, least = share - share / 10;

	if (least == 0)
		least = 1;
	return least <= ORDER_LENGTH_MAX ? ORDER_LENGTH_MAX - least + 1 : 0;
}
