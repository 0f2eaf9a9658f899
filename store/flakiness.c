/* The score of flakiness; see flakiness.h. */
#include "store/flakiness.h"

#define KEEP	0.98851402035289614	/* 2^(-1/60) */

void
flakiness_add(struct flakiness *f, double weight)
{
	f->score = f->score * KEEP + weight;
	if (f->score > FLAKINESS_TOP)
		f->score = FLAKINESS_TOP;
	if (f->score >= FLAKINESS_ON)
		f->state = FLAKY_STATE_IS;
	else if (f->score < FLAKINESS_OFF && f->state == FLAKY_STATE_IS)
		f->state = FLAKY_STATE_WAS;
}
