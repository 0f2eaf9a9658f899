/* Width by CPU use: see width.h.  Pure. */
#include "supervisor/policy/width.h"

#define FULL_MILLI	1050	/* of each CPU may be expected to be in use */
#define IDLE_MILLI	500	/* of each CPU, by idle tests */
#define BUSY_MILLI	970	/* of each CPU: it is all busy */
#define FALL_MILLI	600	/* of the share is left at least, after one look */
#define RISE_MILLI	1050	/* of it, while too much waits */
#define CALM_MILLI	600	/* of the bound: pressure is over */

static const uint32_t costs[] = { WIDTH_LEAST, 40, WIDTH_IDLE, 80, 100, 125, 160, 200, 250, 320, 400, 500 };

uint32_t
width_share(uint64_t cpu_us, uint64_t shortest_us)
{
	uint64_t milli;

	if (shortest_us < WIDTH_SHORT_US)
		return 0;
	if (cpu_us >= shortest_us)
		return WIDTH_CPU;
	milli = cpu_us * WIDTH_CPU / shortest_us;
	return milli < WIDTH_LEAST ? WIDTH_LEAST : (uint32_t)milli;
}

uint32_t
width_cost(uint32_t share)
{
	uint32_t i;

	if (share == 0)
		return 0;
	for (i = 0; i < sizeof(costs) / sizeof(costs[0]); i++)
		if (share <= costs[i])
			return costs[i];
	return WIDTH_CPU;
}

bool
width_fits(uint32_t cpus, uint64_t busy_milli, uint32_t units)
{
	return busy_milli <= (uint64_t)cpus * FULL_MILLI && units <= cpus;
}

bool
width_fits_idle(uint32_t cpus, uint64_t idle_milli)
{
	return idle_milli <= (uint64_t)cpus * IDLE_MILLI;
}

void
width_init(struct width *w)
{
	*w = (struct width){ .share_milli = WIDTH_CPU };
}

static void
look_at_pressure(struct width *w, const struct width_seen *s)
{
	w->stall_milli = (w->stall_milli + s->stall_milli + 1) / 2;
	if (s->bound_milli == 0)
		w->pressed = false;
	else if (w->stall_milli >= s->bound_milli)
		w->pressed = true;
	else if (w->stall_milli < (uint64_t)s->bound_milli * CALM_MILLI / 1000)
		w->pressed = false;
}

void
width_look(struct width *w, const struct width_seen *s)
{
	uint64_t busy = s->busy_milli > s->known_milli ? s->busy_milli - s->known_milli : 0;
	uint64_t share = w->share_milli, seen;

	look_at_pressure(w, s);
	if (s->unknown == 0)
		return;
	seen = busy / s->unknown;
	if (w->pressed)
		share = share * RISE_MILLI / 1000 + 1;
	else if (seen > share)
		share += (seen - share + 1) / 2;
	else if (s->busy_milli < (uint64_t)s->cpus * BUSY_MILLI)
		share = share - (share - seen) / 2 > share * FALL_MILLI / 1000 ?
		    share - (share - seen) / 2 : share * FALL_MILLI / 1000;
	w->share_milli = share > WIDTH_CPU ? WIDTH_CPU : share < WIDTH_LEAST ? WIDTH_LEAST :
	    (uint32_t)share;
}
