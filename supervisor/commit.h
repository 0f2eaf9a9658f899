/*
 * A plan that is whole, on its way to become a run: what the history expects of its
 * tests is asked for, and waited for only a moment; then it is committed, or, for a
 * dry one, its order and duration are forecast and told.
 *
 *	ASKING ── all estimates came, or too late ──► FILLING ──► FORECASTING
 *	──► STEPPING ──┬── STARTING ──► DONE
 *	               └── dry: TELLING ──► DONE
 *
 * Each step of a large plan has a turn of the loop for itself.
 */
#ifndef SUPERVISOR_COMMIT_H
#define SUPERVISOR_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct commit;

#define COMMIT_WAIT_MS	100	/* for what history expects, in all */

/* Takes the connection's draft on; the answer to message `id` is sent when it is done.
 * 0 or -ENOMEM. */
int	commit_start(struct conn *, uint32_t id, bool dry);

/* Goes on; true: there is more to do. */
bool	commit_pump(struct commit *);

/* Takes NULL; the draft stays the connection's. */
void	commit_free(struct commit *);

#endif
