/* What is no evidence of flakiness: marks on runs, and environment events; see
 * flakiness.h and storm.h. */
#include "common/outcome.h"
#include "store/flakiness.h"
#include "store/ingest_int.h"

#define HEALTHY_MIN	20	/* results in which it never failed */

int
apply_mark(struct ingest *in, struct irun *run, uint64_t mark)
{
	static const char	sql[] = "UPDATE runs SET marks = marks | ?2 WHERE id = ?1";

	if (run->marks & mark)
		return 0;
	run->marks |= mark;
	return db_run(in->db, sql, "iu", run->row, mark);
}

int
apply_mass(struct ingest *in, struct irun *run, const struct msg_event *ev)
{
	uint64_t	bad = db_cut(ev->failed) + db_cut(ev->timed_out) + db_cut(ev->errored);
	uint64_t	results = bad + db_cut(ev->passed);

	if (run->marks & RUN_MARK_DETECTS || results < FLAKINESS_MASS_MIN ||
	    results < db_cut(ev->total) / 2 ||
	    (double)bad < FLAKINESS_MASS_SHARE * (double)results)
		return 0;
	return apply_mark(in, run, RUN_MARK_MASS);
}

/* Has the test passed again and again until this attempt, its newest? */
static bool
was_healthy(const void *list, size_t n)
{
	struct recent_row	rows[METRIC_RECENT];
	uint32_t		count;

	if (recent_read(list, n, rows, &count) != 0 || count <= HEALTHY_MIN)
		return false;
	for (uint32_t i = 1; i < count; i++) {
		if (rows[i].outcome != OUTCOME_PASS)
			return false;
	}
	return true;
}

int
apply_storm(struct ingest *in, struct irun *run, const struct icount *c, const void *list,
    size_t n)
{
	static const char	sql[] = "INSERT INTO storms (run, from_ms, to_ms) VALUES (?1, ?2, ?3)"
				    " ON CONFLICT (run, from_ms) DO UPDATE SET to_ms ="
				    " max(to_ms, excluded.to_ms)";
	uint64_t		from, end_ms = db_cut(c->end_ms);

	if (!storm_add(&run->storm, end_ms, c->row.outcome != OUTCOME_PASS && was_healthy(list, n),
	    c->group, &from))
		return 0;
	if (run->storm_to == 0 || from > run->storm_to)
		run->storm_from = from;
	/* Retries of what failed in it come a little later. */
	run->storm_to = end_ms + STORM_MS;
	return db_run(in->db, sql, "iuu", run->row, run->storm_from, run->storm_to);
}
