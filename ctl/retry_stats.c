/* Figures of a retry; see retry_stats.h. */
#include "ctl/attempts.h"
#include "ctl/document.h"
#include "ctl/duration.h"
#include "ctl/json_value.h"
#include "ctl/retry_stats.h"
#include "ctl/text.h"

void
retry_stats_of(const struct results *r, struct retry_stats *ret)
{
	*ret = (struct retry_stats){ .tests = r->total };
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		const struct test_result	*t = &r->tests[i];

		if (t->done && t->status == TEST_PASS)
			ret->success++;
		ret->attempts += t->nattempts;
		for (size_t k = 0; k < t->nattempts; k++)
			ret->duration_us += attempts_of(t)[k].duration_us;
	}
	ret->failed = ret->tests - ret->success;
}

static double
per_test(const struct retry_stats *s, uint64_t n)
{
	return s->tests > 0 ? (double)n / (double)s->tests : 0;
}

void
retry_stats_print(const struct retry_stats *s, FILE *out)
{
	char	took[DURATION_TEXT];

	(void)fprintf(out, "again: %llu test%s, %llu passed now, %llu did not (%.0f%% healed); "
	    "%.1f attempts each, %s\n", (unsigned long long)s->tests, s->tests == 1 ? "" : "s",
	    (unsigned long long)s->success, (unsigned long long)s->failed,
	    100 * per_test(s, s->success), per_test(s, s->attempts),
	    duration_text(s->duration_us, took, sizeof took));
}

static json_t *
object(const struct retry_stats *s)
{
	json_t	*o = json_object();

	json_value_put(o, "totalTests", json_value_u64(s->tests));
	json_value_put(o, "successAfterRetry", json_value_u64(s->success));
	json_value_put(o, "failedAfterRetry", json_value_u64(s->failed));
	json_value_put(o, "successRate", json_real(per_test(s, s->success)));
	json_value_put(o, "averageAttempts", json_real(per_test(s, s->attempts)));
	json_value_put(o, "totalDuration", json_value_ms(s->duration_us));
	return o;
}

int
retry_stats_json(const struct retry_stats *s, const char *document, size_t len, FILE *out)
{
	struct text	t = { 0 };
	int		r;

	json_value_dump(&t, object(s));
	r = document_extend(document, len, "statistics", &t, out);
	text_free(&t);
	return r;
}
