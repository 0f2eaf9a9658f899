/*
 * A plan while a client sends it: the manifest that it will be, its journal, and the
 * id of the run that it becomes.  Nobody sees it before it is committed; one that is
 * dropped never was.
 */
#ifndef SUPERVISOR_DRAFT_H
#define SUPERVISOR_DRAFT_H

#include <sys/types.h>

#include "common/identity.h"
#include "common/journal.h"
#include "supervisor/config.h"
#include "supervisor/history.h"
#include "supervisor/levels.h"
#include "supervisor/manifest.h"

#define DRAFT_ID	32	/* hexadecimal digits */

struct draft {
	struct manifest	 plan;
	struct journal	 journal;
	struct history	*history;	/* borrowed */
	struct tracked	*tracked;	/* NULL: it is in no history */
	char		 id[DRAFT_ID + 1];
	uid_t		 uid;		/* whose it is */
	struct identity	*who;		/* owned: whom it is run as; NULL: as we are */
	uint64_t	 elapsed_ms;	/* the run's clock goes for so long already */
	int		 error;		/* it is refused at RUN_COMMIT, for `why` */
	char		 why[MANIFEST_WHY];
};

/* Where drafts find what they need; all borrowed. */
struct draft_place {
	const struct config	*config;
	const struct state	*state;
	struct history		*history;
	const char		*scratch;	/* for a journal that is not kept */
	uint32_t		 cpus;
	const struct identity	*who;		/* whom its tests run as; NULL: as we are */
	struct levels		*levels;	/* NULL: of the lowest */
};

/* A draft as RUN_BEGIN describes it.  What is wrong with it is said when it is
 * committed.  NULL: no memory. */
struct draft	*draft_new(const struct draft_place *, const struct msg_run_begin *, uid_t);

/* One that is read back from a journal: it has none of its own.  NULL: no memory. */
struct draft	*draft_recall(const struct config *, const struct msg_run_begin *, const char *id,
		    uid_t);

/* Decides how far its tests are kept apart; that it cannot be is its error. */
void		 draft_isolate(struct draft *, const struct draft_place *);

/* Drops it and its journal.  Takes NULL. */
void		 draft_free(struct draft *);

/* Adds a test; after the first error it does nothing. */
void		 draft_add(struct draft *, const struct msg_test_add *, const struct config *);

/* Its journal is no use to anybody else: it goes from the history. */
void		 draft_untrack(struct draft *);

/* Once a turn: what came is written. */
void		 draft_flush(struct draft *);

#endif
