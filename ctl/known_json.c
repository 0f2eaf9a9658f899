/* A test that is known to be flaky, as JSON; see known_row.h. */
#include "ctl/json_put.h"
#include "ctl/known_row.h"

#define PPM	1e6

static struct sv
word_at(struct svs words, uint32_t i)
{
	return i < words.n ? words.v[i] : SV_LIT("");
}

/* ,"key":{runId, startTime, revision} */
static void
put_place(struct text *t, const char *key, const struct msg_flaky_row *r, enum flaky_place at)
{
	struct sv	revision = word_at(r->began_revisions, at);

	json_put_key(t, key);
	text_puts(t, "{");
	json_put_sv(t, "runId", word_at(r->began_runs, at));
	json_put_count(t, "startTime", nums_at(r->began_ms, at));
	if (revision.n > 0)
		json_put_sv(t, "revision", revision);
	text_puts(t, "}");
}

static void
put_began(struct text *t, const struct msg_flaky_row *r)
{
	if (!known_row_began(r)) {
		json_put_null(t, "began");
		return;
	}
	json_put_key(t, "began");
	text_puts(t, "{");
	put_place(t, "at", r, FLAKY_BEGAN);
	put_place(t, "before", r, FLAKY_BEFORE);
	put_place(t, "earliest", r, FLAKY_EARLIEST);
	put_place(t, "latest", r, FLAKY_LATEST);
	put_place(t, "lastSound", r, FLAKY_SOUND);
	json_put_ratio(t, "failureRateBefore", (double)r->before_ppm / PPM);
	json_put_ratio(t, "logBayesFactor", (double)r->began_milli / 1000);
	text_puts(t, "}");
}

static void
put_rate(struct text *t, const struct msg_flaky_row *r)
{
	json_put_key(t, "failureRate");
	text_puts(t, "{");
	json_put_ratio(t, "rate", r->rate_results > 0 ?
	    (double)r->rate_failures / (double)r->rate_results : 0);
	json_put_ratio(t, "low", (double)r->rate_low_ppm / PPM);
	json_put_ratio(t, "high", (double)r->rate_high_ppm / PPM);
	json_put_count(t, "failures", r->rate_failures);
	json_put_count(t, "results", r->rate_results);
	text_puts(t, "}");
}

void
known_row_json(struct text *t, const struct msg_flaky_row *r)
{
	json_put_key(t, NULL);
	text_puts(t, "\n{");
	json_put_sv(t, "testName", r->test);
	json_put_sv(t, "suite", r->suite);
	json_put_text(t, "state", known_state_name(r->state));
	json_put_bool(t, "isFlaky", r->state == FLAKY_STATE_IS);
	json_put_ratio(t, "score", (double)r->score_milli / 1000);
	json_put_count(t, "results", r->results);
	json_put_count(t, "failures", r->failures);
	json_put_count(t, "runs", r->runs);
	json_put_count(t, "seen", r->seen);
	json_put_count(t, "healed", r->healed);
	json_put_count(t, "cleanPasses", r->clean);
	json_put_count(t, "firstSeen", r->first_ms);
	json_put_count(t, "lastSeen", r->last_ms);
	json_put_ms(t, "timeLost", r->lost_us);
	put_rate(t, r);
	json_put_key(t, "failure");
	text_puts(t, "{");
	json_put_sv(t, "message", r->failure);
	if (r->fingerprint != 0)
		json_put_hash(t, "fingerprint", r->fingerprint);
	json_put_count(t, "count", r->alike);
	text_puts(t, "}");
	put_began(t, r);
	if (r->alarm_run.n > 0) {
		json_put_key(t, "alarm");
		text_puts(t, "{");
		json_put_sv(t, "runId", r->alarm_run);
		json_put_count(t, "startTime", r->alarm_ms);
		text_puts(t, "}");
	} else {
		json_put_null(t, "alarm");
	}
	text_puts(t, "}");
}
