/* The corpus: its suite, and beside it what is true of each test; see flaky.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/flaky.h"
#include "common/xalloc.h"
#include "ctl/suite.h"

const char *
corpus_group_name(enum corpus_group g)
{
	static const char	*const names[] = {
#define X(N, s)	s,
		CORPUS_GROUP_LIST(X)
#undef X
	};

	return names[g];
}

static enum corpus_group
group_of(const char *cause)
{
	if (strcmp(cause, "timing") == 0 || strcmp(cause, "race") == 0)
		return CORPUS_TIMING;
	if (strcmp(cause, "randomness") == 0)
		return CORPUS_RANDOM;
	return strcmp(cause, "sound") == 0 ? CORPUS_SOUND : CORPUS_OTHER;
}

static json_t *
entry_of(json_t *list, const char *name)
{
	json_t	*e;
	size_t	 i;

	json_array_foreach(list, i, e) {
		const char	*s = json_string_value(json_object_get(e, "name"));

		if (s != NULL && strcmp(s, name) == 0)
			return e;
	}
	return NULL;
}

/* What decides the group is the tag. */
static int
read_test(struct corpus *c, size_t i, json_t *list)
{
	struct corpus_test	*t = &c->tests[i];
	const char		*tag;
	json_t			*p;

	t->plan = &c->plan.tests[i];
	t->truth = entry_of(list, t->plan->name);
	if (t->truth == NULL || t->plan->tags.n != 1)
		return bench_fail(-EBADMSG, "'%s' needs one tag, and an entry among what is true",
		    t->plan->name);
	tag = t->plan->tags.v[0];
	t->flaky = json_is_true(json_object_get(t->truth, "flaky"));
	t->cause = t->flaky ? json_string_value(json_object_get(t->truth, "cause")) : "sound";
	if (t->cause == NULL || (t->flaky && strcmp(t->cause, tag) != 0))
		return bench_fail(-EBADMSG, "the cause of '%s' is not its tag", t->plan->name);
	t->category = json_string_value(json_object_get(t->truth, "category"));
	t->category = t->category != NULL ? t->category : t->cause;
	t->group = group_of(tag);
	p = json_object_get(t->truth, "p");
	t->p = json_is_number(p) ? json_number_value(p) : -1;
	return 0;
}

int
corpus_load(struct corpus *c, const char *suite, const char *truth)
{
	struct suite_error	 se;
	json_error_t		 je;
	json_t			*list;
	int			 r;

	memset(c, 0, sizeof *c);
	r = suite_load(&c->plan, suite, &se);
	if (r != 0)
		return bench_fail(r, "%s", se.text);
	c->truth = json_load_file(truth, 0, &je);
	if (c->truth == NULL)
		return bench_fail(-EBADMSG, "%s:%d: %s", truth, je.line, je.text);
	c->n = c->plan.ntests;
	c->tests = xcalloc(c->n, sizeof *c->tests);
	list = json_object_get(c->truth, "tests");
	for (size_t i = 0; i < c->n && r == 0; i++)
		r = read_test(c, i, list);
	if (r == 0 && json_array_size(list) != c->n)
		r = bench_fail(-EBADMSG, "%s has %zu tests, the suite %zu", truth,
		    json_array_size(list), c->n);
	if (r == 0 && snprintf(c->suite, sizeof c->suite, "%s%s", c->plan.tests[0].cwd,
	    strrchr(suite, '/')) >=
	    (int)sizeof c->suite)
		r = bench_fail(-ENAMETOOLONG, "%s: too long", c->plan.tests[0].cwd);
	return r;
}

void
corpus_free(struct corpus *c)
{
	plan_free(&c->plan);
	json_decref(c->truth);
	free(c->tests);
}

/* A port that nobody has now. */
static int
free_port(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		len = sizeof sin;
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;

	if (fd != -1 && bind(fd, (struct sockaddr *)&sin, sizeof sin) == 0 &&
	    getsockname(fd, (struct sockaddr *)&sin, &len) == 0)
		port = ntohs(sin.sin_port);
	if (fd != -1)
		(void)close(fd);
	return port;
}

int
corpus_environment(const struct bench *b)
{
	char	bin[BENCH_PATH], dir[BENCH_PATH], probe[BENCH_PATH + 8], port[16];

	if (snprintf(bin, sizeof bin, "%s/tests/flaky", b->bin) >= (int)sizeof bin ||
	    snprintf(dir, sizeof dir, "%s/shared.XXXXXX", b->dir) >= (int)sizeof dir)
		return bench_fail(-ENAMETOOLONG, "%s: too long", b->bin);
	(void)snprintf(probe, sizeof probe, "%s/chance", bin);
	if (access(probe, X_OK) == -1)
		return bench_fail(-errno, "%s is not there: make bench-flaky builds it", probe);
	if (mkdtemp(dir) == NULL)
		return bench_fail(-errno, "%s: %s", dir, strerror(errno));
	(void)snprintf(port, sizeof port, "%d", free_port());
	(void)unsetenv("FLAKY_P");
	/* Not in the suite: what a test states itself, no condition changes. */
	if (setenv("TZ", "UTC", 1) == -1 || setenv("LC_ALL", "C", 1) == -1 ||
	    setenv("FLAKY_BIN", bin, 1) == -1 || setenv("FLAKY_SHARED", dir, 1) == -1 ||
	    setenv("FLAKY_PORT", port, 1) == -1)
		return bench_fail(-errno, "environment: %s", strerror(errno));
	return 0;
}
