/* The file of results; see results.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/results.h"
#include "common/clock.h"

json_t *
results_timestamp(void)
{
	uint64_t	ms = wall_ms();
	time_t		sec = (time_t)(ms / 1000);
	struct tm	tm;
	char		day[32];

	(void)gmtime_r(&sec, &tm);
	(void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%03uZ", day, (unsigned)(ms % 1000));
}

/* The list of that name, made when there is none. */
static json_t *
list_of(json_t *doc, const char *key)
{
	json_t	*list = json_object_get(doc, key);

	if (!json_is_array(list)) {
		list = json_array();
		(void)json_object_set_new(doc, key, list);
	}
	return list;
}

static void
update(json_t *doc, json_t *runs, json_t *figures)
{
	json_t	*all = list_of(doc, "runs"), *run;
	double	 sum = 0;
	size_t	 i;

	(void)json_array_extend(all, runs);
	json_array_foreach(all, i, run)
		sum += json_number_value(json_object_get(run, "speedup"));
	if (i > 0) {
		(void)json_object_set(doc, "latestRun", json_array_get(all, i - 1));
		bench_figure(doc, "averageSpeedup", sum / (double)i);
	}
	(void)json_array_append(list_of(doc, "measurements"), figures);
}

int
results_append(const char *path, json_t *runs, json_t *figures)
{
	json_error_t	 je;
	json_t		*doc = access(path, F_OK) == 0 ? json_load_file(path, 0, &je) :
	    json_object();
	char		 fresh[4096];
	int		 r = 0;

	if (!json_is_object(doc)) {
		json_decref(doc);
		return bench_fail(-EBADMSG, "%s is no JSON object; move it away: nothing was added",
		    path);
	}
	update(doc, runs, figures);
	if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
		r = -ENAMETOOLONG;
	else if (json_dump_file(doc, fresh, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) != 0)
		r = -EIO;
	else if (rename(fresh, path) == -1)
		r = -errno;
	json_decref(doc);
	return r == 0 ? 0 : bench_fail(r, "cannot write %s: %s", path, strerror(-r));
}
