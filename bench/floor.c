/*
 * What a test costs beside what any runner must pay: a loop of posix_spawn and wait4
 * over /bin/true, paratest with capture, events and results on, and the peers that
 * are installed, all in turn, round by round.  Without an argument, since `true` does
 * three times the work when it has one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/service.h"
#include "bench/table.h"
#include "common/clock.h"

#define FLOOR_BAR	1.15
#define FLOOR_LEN	64

struct floor {
	struct bench	*b;
	size_t		 tests;
	char		 list[BENCH_PATH], suite[BENCH_PATH], events[BENCH_PATH], work[BENCH_PATH];
	char		 ntests[FLOOR_LEN], jobs[FLOOR_LEN], width[FLOOR_LEN];
	struct service	 warm;
	uint64_t	 warm_cpu_us;	/* of its clients so far */
	size_t		 warm_runs;
};

struct contender {
	const char	*name;
	const char	*program;	/* that must be installed; NULL: ours */
	const char	*key;		/* of the figures */
	/* Runs all the tests once; 0 or -errno, printed. */
	int		(*run)(struct floor *, struct proc_usage *);
};

/* ---- the contenders ---- */

static int
run_program(struct floor *f, const char *const *argv, const char *dir, struct proc_usage *ret)
{
	struct proc	p = { .argv = argv, .in = f->list, .dir = dir };
	int		r = proc_run(f->b, &p, SERVICE_LONG_MS, ret);

	if (r == 0 && ret->code != 0)
		r = bench_fail(-EIO, "%s ended with code %d", argv[0], ret->code);
	return r;
}

static int
run_floor(struct floor *f, struct proc_usage *ret)
{
	const char	*const argv[] = { f->b->self, "--loop", f->ntests, f->width, NULL };

	return run_program(f, argv, NULL, ret);
}

static int
run_paratest(struct floor *f, const struct service *s, struct proc_usage *ret)
{
	struct service_call	 call = { .timeout_ms = SERVICE_LONG_MS };
	json_t			*doc = NULL;
	struct stat		 st;
	double			 passed;
	int			 r = ASK(f->b, s, &call, &doc, "run", f->jobs, "--json", "--events",
	    f->events, f->suite);

	*ret = call.usage;
	if (r != 0)
		return r;
	passed = service_number(doc, "summary", "passed");
	json_decref(doc);
	if ((size_t)passed != f->tests)
		return bench_fail(-EIO, "%.0f of %zu tests passed", passed, f->tests);
	if (stat(f->events, &st) == -1 || st.st_size == 0)
		return bench_fail(-EIO, "no events were written");
	return 0;
}

/* From nothing: the supervisor is started, and ended afterwards; its end counts as CPU
 * time only, since nobody waits for it. */
static int
run_cold(struct floor *f, struct proc_usage *ret)
{
	struct service		s;
	struct proc_usage	client, all;
	uint64_t		start = now_us();
	int			r = service_start(f->b, "cold", &s), r1;

	if (r != 0)
		return r;
	start = now_us() - start;
	r = run_paratest(f, &s, &client);
	r1 = service_stop(f->b, &s, &all);
	ret->wall_us = start + client.wall_us;
	ret->cpu_us = all.cpu_us + client.cpu_us;
	return r != 0 ? r : r1;
}

/* The supervisor and its workers are there; their CPU time is known when they end. */
static int
run_warm(struct floor *f, struct proc_usage *ret)
{
	int	r = run_paratest(f, &f->warm, ret);

	f->warm_cpu_us += ret->cpu_us;
	f->warm_runs++;
	ret->cpu_us = 0;
	return r;
}

static int
run_xargs(struct floor *f, struct proc_usage *ret)
{
	const char	*const argv[] = { "xargs", "-P", f->width, "-I{}", "/bin/true", NULL };

	return run_program(f, argv, NULL, ret);
}

static int
run_ctest(struct floor *f, struct proc_usage *ret)
{
	const char	*const argv[] = { "ctest", f->jobs, NULL };

	return run_program(f, argv, f->work, ret);
}

/* prove wants TAP: printf instead of true, its words without blanks. */
static int
run_prove(struct floor *f, struct proc_usage *ret)
{
	const char	*const argv[] = { "prove", f->jobs, "-Q", "--exec",
	    "/usr/bin/printf 1..1\\nok\\x201\\n#%s\\n", "-", NULL };

	return run_program(f, argv, f->work, ret);
}

static int
run_parallel(struct floor *f, struct proc_usage *ret)
{
	const char	*const argv[] = { "parallel", f->jobs, "-N0", "/bin/true", NULL };

	return run_program(f, argv, NULL, ret);
}

enum { C_FLOOR, C_COLD, C_WARM, C_XARGS, C_CTEST, C_PROVE, C_PARALLEL, NCONTENDERS };

static const struct contender contenders[NCONTENDERS] = {
	[C_FLOOR] = { "floor (posix_spawn, wait4)", NULL, "floor", run_floor },
	[C_COLD] = { "paratest, with its start", NULL, "paratest", run_cold },
	[C_WARM] = { "paratest, supervisor there", NULL, "paratestWarm", run_warm },
	[C_XARGS] = { "xargs -P", "xargs", "xargs", run_xargs },
	[C_CTEST] = { "ctest -j", "ctest", "ctest", run_ctest },
	[C_PROVE] = { "prove -j", "prove", "prove", run_prove },
	[C_PARALLEL] = { "GNU parallel", "parallel", "parallel", run_parallel },
};

/* ---- what they need ---- */

/* ctest's list, and a file a test, which prove asks for. */
static int
make_work(const struct floor *f)
{
	char	 path[2 * BENCH_PATH];
	FILE	*ctest, *one;
	int	 r = 0;

	if (mkdir(f->work, 0700) == -1)
		return bench_fail(-errno, "%s: %s", f->work, strerror(errno));
	(void)snprintf(path, sizeof path, "%s/CTestTestfile.cmake", f->work);
	ctest = fopen(path, "we");
	for (size_t i = 1; i <= f->tests && ctest != NULL && r == 0; i++) {
		(void)fprintf(ctest, "add_test(t%zu /bin/true)\n", i);
		(void)snprintf(path, sizeof path, "%s/%zu", f->work, i);
		one = fopen(path, "we");
		if (one == NULL || fclose(one) != 0)
			r = -EIO;
	}
	if (ctest == NULL || fclose(ctest) != 0 || r != 0)
		return bench_fail(-EIO, "%s: %s", path, strerror(errno));
	return 0;
}

static int
prepare(struct floor *f)
{
	int	r;

	(void)bench_path(f->b, "floor.list", f->list);
	(void)bench_path(f->b, "floor.yaml", f->suite);
	(void)bench_path(f->b, "floor.events", f->events);
	(void)bench_path(f->b, "floor.work", f->work);
	(void)snprintf(f->ntests, sizeof f->ntests, "%zu", f->tests);
	(void)snprintf(f->width, sizeof f->width, "%u", f->b->width);
	(void)snprintf(f->jobs, sizeof f->jobs, "-j%u", f->b->width);
	r = bench_write_list(f->list, f->tests);
	if (r == 0)
		r = bench_write_suite(f->suite, f->tests, "[/bin/true]");
	if (r == 0)
		r = make_work(f);
	if (r == 0)
		r = service_start(f->b, "warm", &f->warm);
	return r;
}

/* ---- measuring ---- */

/* Of one contender: microseconds a test, and against the floor of the same round. */
struct measured {
	struct samples	 wall, cpu, wall_ratio, cpu_ratio;
	const char	*absent;	/* why it is left out; NULL: it is not */
};

/* One of ours must work; another that does not is left out. */
static int
run_one(struct floor *f, const struct contender *c, struct proc_usage *ret, const char **absent)
{
	int	r;

	memset(ret, 0, sizeof *ret);
	if (*absent == NULL && c->program != NULL && !proc_installed(c->program))
		*absent = "not installed";
	if (*absent != NULL)
		return 0;
	r = c->run(f, ret);
	if (r == 0 || r == -EINTR || c->program == NULL)
		return r;
	*absent = "it did not work";
	return 0;
}

static int
measure(struct floor *f, size_t round, struct measured m[NCONTENDERS])
{
	struct proc_usage	u[NCONTENDERS];
	size_t			i;
	int			r;

	/* Not always in the same order, so that nobody always comes after a heavy one. */
	for (size_t k = 0; k < NCONTENDERS; k++) {
		i = (k + round) % NCONTENDERS;
		r = run_one(f, &contenders[i], &u[i], &m[i].absent);
		if (r != 0)
			return bench_fail(r, "floor: %s did not work", contenders[i].name);
	}
	for (i = 0; i < NCONTENDERS; i++) {
		if (m[i].absent != NULL)
			continue;
		samples_add(&m[i].wall, (double)u[i].wall_us / (double)f->tests);
		samples_add(&m[i].wall_ratio, (double)u[i].wall_us / (double)u[C_FLOOR].wall_us);
		if (u[i].cpu_us == 0)
			continue;
		samples_add(&m[i].cpu, (double)u[i].cpu_us / (double)f->tests);
		samples_add(&m[i].cpu_ratio, (double)u[i].cpu_us / (double)u[C_FLOOR].cpu_us);
	}
	return 0;
}

/* The mean over all of its runs, the first one too. */
static void
add_warm_cpu(const struct floor *f, const struct proc_usage *supervisor,
    struct measured m[NCONTENDERS])
{
	double	sum = 0, mean = (double)(supervisor->cpu_us + f->warm_cpu_us) /
	    (double)(f->warm_runs * f->tests);

	for (size_t i = 0; i < m[C_FLOOR].cpu.n; i++)
		sum += m[C_FLOOR].cpu.v[i];
	samples_add(&m[C_WARM].cpu, mean);
	samples_add(&m[C_WARM].cpu_ratio, mean * (double)m[C_FLOOR].cpu.n / sum);
}

static void
show_one(struct table *t, const struct contender *c, const struct measured *m, json_t *figures)
{
	double	 wall = samples_median(&m->wall_ratio), cpu = samples_median(&m->cpu_ratio);
	json_t	*o;

	if (m->absent != NULL) {
		table_row(t, "%s|-|-|-|-|%s", c->name, m->absent);
		return;
	}
	o = json_object();
	bench_figure(o, "wallMicroseconds", samples_median(&m->wall));
	bench_figure(o, "wallRatio", wall);
	bench_figure(o, "cpuMicroseconds", samples_median(&m->cpu));
	bench_figure(o, "cpuRatio", cpu);
	(void)json_object_set_new(figures, c->key, o);
	table_row(t, "%s|%.0f|%.2f|%.0f|%.2f|%s", c->name, samples_median(&m->wall), wall,
	    samples_median(&m->cpu), cpu, c->program == NULL && c->run != run_floor ?
	    table_at_most(wall > cpu ? wall : cpu, FLOOR_BAR, "") : "");
}

int
bench_floor(struct bench *b, json_t *figures)
{
	struct floor	 f = { .b = b, .tests = b->quick ? 200 : 1000 };
	struct measured	 m[NCONTENDERS] = { 0 };
	struct table	 t = { NULL, 0 };
	struct proc_usage supervisor = { 0 };
	size_t		 rounds = b->quick ? 3 : 7;
	char		 title[128];
	int		 r = prepare(&f), r1;

	if (r == 0)
		r = run_warm(&f, &(struct proc_usage){ 0 });
	for (size_t i = 0; i < rounds && r == 0; i++)
		r = measure(&f, i, m);
	r1 = service_stop(b, &f.warm, &supervisor);
	if (r != 0 || r1 != 0)
		return r != 0 ? r : r1;
	add_warm_cpu(&f, &supervisor, m);
	table_row(&t, "a test|wall \xc2\xb5s|\xc3\x97 floor|CPU \xc2\xb5s|\xc3\x97 floor|");
	for (size_t i = 0; i < NCONTENDERS; i++)
		show_one(&t, &contenders[i], &m[i], figures);
	(void)snprintf(title, sizeof title, "floor: %zu \xc3\x97 /bin/true, %u at a time, "
	    "medians of %zu rounds", f.tests, b->width, rounds);
	table_print(&t, title);
	return 0;
}
