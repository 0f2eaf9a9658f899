/*
 * From journals into the database.  What the supervisor announces is read from where the
 * last commit stopped, in transactions of at most INGEST_ROWS rows or INGEST_MS, each of
 * which notes how far it has come (runs.applied).  Whatever fails, also the process, the
 * next try starts from there; and what is applied a second time all the same (a journal
 * that became shorter in a power cut is read from its start) changes nothing.
 *
 * A record that makes no sense is left out; one that cannot be read ends its journal:
 * when nothing more will come the run is put on record as ended with an error, and the
 * journal is set aside as journal.damaged-RUN.
 */
#ifndef STORE_INGEST_H
#define STORE_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sv.h"

#define INGEST_ROWS		4096
#define INGEST_MS		100
#define INGEST_DIR		"journal"
#define INGEST_RUN_ID		32		/* hexadecimal digits */

struct db;
struct ingest;

/* After a commit: so much of a journal is in the database; over: all of it. */
typedef void	ingest_stored_fn(void *arg, const char *run, uint64_t size, bool over);

/* Borrows db.  NULL: no memory. */
struct ingest	*ingest_new(struct db *, ingest_stored_fn *, void *arg);
void		 ingest_free(struct ingest *);

/* The journal of a run has so many whole bytes; over: it will not grow.  0, -EINVAL for
 * what is no id of a run, -ENOMEM. */
int		 ingest_announce(struct ingest *, struct sv run, uint64_t size, bool over);

/* Bytes announced and not yet in the database, about; UINT64_MAX when a run is over that
 * is not yet wholly in it. */
uint64_t	 ingest_waiting(const struct ingest *);

/*
 * One transaction.  1: there is more to do; 0: all that was announced is in the
 * database; or -errno: nothing was changed, and the next call tries again.
 */
int		 ingest_step(struct ingest *);

/*
 * Runs on record that are not over and have no journal: nothing more will be known of
 * them, and they are put on record as ended with an error.  0 or -errno.
 */
int		 ingest_end_lost(struct ingest *);

/* Another database is open, or none: what is known of it is forgotten. */
void		 ingest_forget(struct ingest *);

#endif
