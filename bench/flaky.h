/*
 * The benchmark of flake detection: programs whose cause and failure rate are known
 * (tests/flaky), looked at by four ways of detection in turn.
 */
#ifndef BENCH_FLAKY_H
#define BENCH_FLAKY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/bench.h"
#include "bench/service.h"
#include "ctl/plan.h"

#define FLAKY_SUITE	"tests/flaky/corpus.yaml"
#define FLAKY_TRUTH	"tests/flaky/truth.json"
/* Of these nothing was looked at when the causes were tuned. */
#define UNSEEN_SUITE	"tests/flaky/unseen/unseen.yaml"
#define UNSEEN_TRUTH	"tests/flaky/unseen/truth.json"

/* What changed conditions may help, what they cannot, and the rest. */
#define CORPUS_GROUP_LIST(X)			\
	X(TIMING, "timing and race")		\
	X(RANDOM, "randomness")			\
	X(OTHER, "other causes")		\
	X(SOUND, "sound")

enum corpus_group {
#define X(N, s)	CORPUS_##N,
	CORPUS_GROUP_LIST(X)
#undef X
	CORPUS_GROUPS
};

struct corpus_test {
	const struct plan_test	*plan;
	json_t			*truth;	/* its entry, borrowed */
	const char		*cause;	/* "sound" for one that is not flaky; borrowed */
	const char		*category;	/* what ours calls it; borrowed */
	enum corpus_group	 group;
	bool			 flaky;
	double			 p;	/* failure rate when it runs alone; -1: none is stated */
};

struct corpus {
	struct plan		 plan;
	json_t			*truth;
	struct corpus_test	*tests;		/* in the order of the suite */
	size_t			 n;
	char			 suite[BENCH_PATH];	/* its path, absolute */
};

/* Reads a suite and what is known of it, which must name the same tests.  0 or
 * -errno, printed; corpus_free() in either case. */
int	corpus_load(struct corpus *, const char *suite, const char *truth);
void	corpus_free(struct corpus *);
const char	*corpus_group_name(enum corpus_group);

/* Sets what the programs take from the environment; a new shared folder each time.
 * 0 or -errno, printed. */
int	corpus_environment(const struct bench *);

/* ---- campaigns ---- */

#define WAY_LIST(X)							\
	X(ORIGINAL, "ten copies at once, minority > 0.1", "original")	\
	X(LOOP, "plain loop, any disagreement", "loop")			\
	X(PLAIN, "ours, no changed conditions", "plain")		\
	X(OURS, "ours", "ours")

enum way {
#define X(N, s, k)	WAY_##N,
	WAY_LIST(X)
#undef X
	WAYS
};
const char	*way_name(enum way);
const char	*way_key(enum way);

/* What a campaign has seen of a test. */
struct score {
	unsigned	passes, fails;
	double		spent_ms;	/* of the machine, as spans.h has it, in all its attempts */
	double		until_ms;	/* in those up to the first that failed */
	bool		flagged;	/* called flaky, or not able to bear copies of itself */
	bool		confirmed;
	char		verdict[12];	/* of ours */
	char		cause[24];	/* of ours; "": none named */
};

struct campaign {
	struct score	*scores;	/* as corpus.tests; owned */
	double		 seconds;	/* of the machine */
	bool		 cut;		/* by the limit of time */
};

/* All campaigns: of repetition r, way w: v[r * WAYS + w]. */
struct campaigns {
	struct campaign	*v;
	size_t		 repeats;
	struct campaign	 diagnosis;	/* ours, with attempts more for the causes */
	struct campaign	 unseen;	/* the same of the other corpus */
	struct campaign	 warm;		/* ours on the sound ones, with RECORD runs on record */
};
#define RECORD	30

/*
 * Runs programs without paratest, each in a folder and process group of its own:
 * all, `width` at a time and never two of one test, again and again until the time is
 * up, in an order drawn anew each round; or n copies of one test at once.  0 or -errno,
 * printed.
 */
int	bare_loop(struct bench *, const struct corpus *, unsigned width, double seconds,
	    unsigned long long seed, struct score *);
int	bare_copies(struct bench *, const struct corpus_test *, unsigned n, struct score *);

/* The order of n things in a round, by a seed that is changed; v has room for n. */
void	bare_shuffle(size_t *v, size_t n, unsigned long long *seed);

/* Prints the tables, and puts their figures into the object. */
void	flaky_tables(const struct corpus *, const struct corpus *unseen, const struct campaigns *,
	    json_t *figures);

/* Wilson's interval of k of n (E. B. Wilson, JASA 22, 1927, 209-212), with the normal
 * quantile z. */
void	wilson(double k, double n, double z, double *low, double *high);

#endif
