/* What the files of FLAKY share: which runs are evidence, and the tests that are known. */
#ifndef STORE_QUERY_FLAKY_H
#define STORE_QUERY_FLAKY_H

#include "store/known.h"
#include "store/query_int.h"

/* A place in the order of results, as it is kept until it is sent. */
struct flaky_at {
	int64_t		run;		/* runs.id, 0: none */
	uint64_t	start_ms;
};

/* A test that is told of.  Most of those that failed once or twice are never asked for:
 * what is known of them is found out when they are sent (`open`), and `lost_us` is until
 * then what all retries of it took. */
struct flaky_item {
	int64_t			id;
	bool			open;
	struct known		known;		/* its indices are told by what follows */
	uint64_t		first_ms, last_ms, lost_us;
	struct flaky_at		places[FLAKY_PLACE_COUNT], alarm;
	/* An attempt with the most frequent failure, and how many are like it. */
	int64_t			run;
	uint32_t		index, attempt;
	uint64_t		print, alike;
};

struct flaky_run;
struct flaky_storm;

struct flaky_scan {
	struct query		*q;		/* borrowed, as m */
	const struct msg_flaky	*m;
	uint64_t		 now_ms;
	struct flaky_run	*runs;		/* by id */
	size_t			 nruns, runs_cap;
	bool			 revisions;	/* one at least has one */
	struct flaky_storm	*storms;	/* by run and time */
	size_t			 nstorms, storms_cap;
	struct flaky_item	*items;		/* in no order */
	size_t			 n, cap;
	struct evidence		*evidence;	/* owned, as all above; NULL: not open */
	struct known_work	*work;
};

/* Opens it: which runs there are, and room for one test after another.  0 or -errno; to
 * be freed either way. */
int	query_flaky_open(struct flaky_scan *);
void	query_flaky_free(struct flaky_scan *);

/* Fills items.  0 or -errno. */
int	query_flaky_scan(struct flaky_scan *);

/* All of one test.  1; 0: there is nothing to tell of it; or -errno. */
int	query_flaky_look(struct flaky_scan *, struct flaky_item *);

/* ---- query_evidence.c: the results of one test ---- */

/* Which runs there are, and when something was wrong with all of them.  0 or -errno. */
int	query_evidence_open(struct flaky_scan *);

/* Statements and room for one test after another. */
struct evidence {
	struct flaky_scan	*scan;		/* borrowed */
	sqlite3_stmt		*list, *failure, *spec;
	struct known_result	 v[KNOWN_RESULTS];
	size_t			 n;
	uint64_t		 lost_us;	/* to its retries */
	bool			 failed, passed;	/* are both among them? */
};

/* 0 or -errno; to be closed either way. */
int	evidence_open(struct evidence *, struct flaky_scan *);
void	evidence_close(struct evidence *);

/* How many failures of it are evidence, of which no more than `most` are counted: without
 * a look at anything but an index.  -errno. */
int	evidence_count(struct evidence *, int64_t test, int most);

/* Fills v, by run, index and attempt, and lost_us; n is 0 when it is not worth a look:
 * without a pass, or without a failure that counts.  0 or -errno. */
int	evidence_of(struct evidence *, int64_t test);

/* A known_weight_fn over a struct evidence. */
double	evidence_weight(void *evidence, const struct known_result *, const struct known_result *);

#endif
