/* Held connections; see tarpit.h. */
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "supervisor/tarpit.h"

static void
drop_oldest(struct tarpit *t)
{
	(void)close(t->v[t->first].fd);
	t->first = (t->first + 1) % TARPIT_MOST;
	t->n--;
}

static bool
has_left(int fd)
{
	struct pollfd	p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1;
}

void
tarpit_hold(struct tarpit *t, int fd, msec_t now)
{
	unsigned	at;

	if (has_left(fd)) {
		(void)close(fd);
		return;
	}
	if (t->n == TARPIT_MOST)
		drop_oldest(t);
	at = (t->first + t->n++) % TARPIT_MOST;
	t->v[at].fd = fd;
	t->v[at].until = now + TARPIT_MS;
}

void
tarpit_tidy(struct tarpit *t, msec_t now)
{
	while (t->n > 0 && t->v[t->first].until <= now)
		drop_oldest(t);
}

void
tarpit_clear(struct tarpit *t)
{
	while (t->n > 0)
		drop_oldest(t);
}
