/* What the files of ingest.h share: a run whose journal is being read. */
#ifndef STORE_INGEST_INT_H
#define STORE_INGEST_INT_H

#include <sys/queue.h>

#include "common/journal.h"
#include "common/log.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/ingest.h"
#include "store/recent.h"
#include "store/storm.h"

#define INGEST_PIECE	((size_t)64 << 10)	/* raw bytes of a piece of event_log, about */

struct irun_extent {
	uint64_t	at;		/* in the journal */
	uint32_t	len, stream;
};

/* The output of an attempt that is not over: where it is in the journal. */
struct irun_output {
	LIST_ENTRY(irun_output)	 entry;
	uint64_t		 test, attempt, size;
	struct irun_extent	*v;
	size_t			 n, cap;
};

struct irun {
	TAILQ_ENTRY(irun)	 entry;
	char			 id[INGEST_RUN_ID + 1];
	uint64_t		 announced;
	bool			 over;

	/* What follows is of the last commit and what was applied since. */
	bool			 loaded, touched, ended;
	int			 fd;			/* of its journal, -1: not open */
	struct journal_reader	 reader;
	int64_t			 row;			/* runs.id */
	uint64_t		 uid, bytes;		/* bytes: of its rows, since the commit */
	uint64_t		 marks;			/* enum run_mark */
	struct storm		 storm;			/* of what ended since it was loaded */
	uint64_t		 storm_from, storm_to;	/* the newest event, 0: none */
	int64_t			*tests;			/* tests.id by index in the plan */
	size_t			 ntests, tests_cap;
	LIST_HEAD(, irun_output) outputs;
	char			*log;			/* frames of the next piece */
	size_t			 log_len, log_cap;
	uint64_t		 log_at, log_seq, log_events;
};

/* Whose it is, is known once its first record was read. */
#define irun_warn(run, ...)						\
	log_about(&(struct log_subject){ .run = (run)->id, .has_uid = (run)->row != 0,	\
	    .uid = (uid_t)(run)->uid }, LOG_LEVEL_WARN, "store", __VA_ARGS__)

/* A first attempt that has no row yet: most end in the transaction that they start in,
 * and are put into their row once. */
struct istart {
	struct irun	*run;
	uint64_t	 test, worker, start_ms, condition;
};

#define INGEST_STARTS	32

/* The last attempt, not yet counted for its test: most verdicts follow at once, and the
 * row of the test is written once for both. */
struct icount {
	struct irun		*run;		/* NULL: none */
	uint64_t		 test, attempt, end_ms;
	uint64_t		 group;		/* storm_group() of the test */
	struct recent_row	 row;
};

struct ingest {
	struct db		*db;
	ingest_stored_fn	*stored;
	void			*arg;
	TAILQ_HEAD(, irun)	 runs;
	struct packer		*packer;
	struct msg_reader	*decoder;
	/* Put into rows before the commit: */
	struct istart		 starts[INGEST_STARTS];
	size_t			 nstarts;
	struct icount		 count;
};

/* ---- load.c: a run in memory ---- */

/* 1; 0 when its plan is not whole yet; -ENOENT: no journal; or -errno. */
int	irun_load(struct ingest *, struct irun *);
void	irun_unload(struct irun *);

/* Remembers a test of the plan; its output so far; an event for the log. */
int	irun_add_test(struct irun *, int64_t test);
int	irun_add_output(struct irun *, const struct msg_jrn_output *, uint64_t at);
int	irun_add_event(struct irun *, uint64_t seq, struct sv body);
struct irun_output *irun_output_of(struct irun *, uint64_t test, uint64_t attempt);
void	irun_drop_output(struct irun_output *);

/* ---- ingest_end.c ---- */

/* Puts a run of which nothing more will be known on record as ended with an error, unless
 * it has an end.  0 or -errno. */
int	irun_end(struct ingest *, const char *id, const char *why);

/* ---- apply_doubt.c: what is no evidence of flakiness ---- */

/* Puts a mark of enum run_mark on a run, once. */
int	apply_mark(struct ingest *, struct irun *, uint64_t mark);
/* A run is over: did nearly all of it fail? */
int	apply_mass(struct ingest *, struct irun *, const struct msg_event *);
/* An attempt was counted; `list` of `n` bytes: the newest attempts of its test with it. */
int	apply_storm(struct ingest *, struct irun *, const struct icount *, const void *list,
	    size_t n);

/* ---- apply.c, apply_event.c: a record into rows ---- */

/* 0; -EINVAL, -EBADMSG for a record that makes no sense; or -errno. */
int	apply_record(struct ingest *, struct irun *, enum msg_type, struct sv body);
int	apply_run(struct ingest *, struct irun *, const struct msg_jrn_run *,
	    const struct msg_jrn_commit *);
int	apply_event(struct ingest *, struct irun *, const struct msg_event *);
/* What is not in its row yet.  At the end of each transaction. */
int	apply_rest(struct ingest *);
/* The piece of the log so far. */
int	apply_log(struct ingest *, struct irun *);

#endif
