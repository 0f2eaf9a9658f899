/* What the attempts of a run have printed; see run_output.h. */
#include <errno.h>
#include <stdlib.h>

#include "common/journal.h"
#include "supervisor/record.h"
#include "supervisor/run_output.h"
#include "supervisor/runs.h"

void
run_follow(struct run *run, uint32_t test)
{
	if (test == POOL_ALL)
		run->plan.live = true;
	else
		run->plan.tests[test].follow = true;
	pool_follow(run->runs->pool, run, test);
}

/* Flake detection has hundreds of attempts of a test: their oldest output makes room for
 * the next.  NULL: that is not needed yet. */
static struct manifest_output *
forget_output(struct run *run, struct manifest_test *t)
{
	struct manifest_output	**p = &t->outputs, *o;
	unsigned		  n = 1;

	for (; *p != NULL && (*p)->next != NULL; n++)
		p = &(*p)->next;
	if (!run->plan.flake.on || n < RUN_OUTPUTS)
		return NULL;
	o = *p;
	*p = NULL;
	t->forgotten = o->attempt;
	*o->last = run->plan.spare;
	run->plan.spare = o->first;
	return o;
}

static struct manifest_output *
output_of(struct run *run, struct manifest_test *t, uint32_t attempt)
{
	struct manifest_output	*o = t->outputs;

	if (o != NULL && o->attempt == attempt)
		return o;
	o = forget_output(run, t);
	if (o == NULL)
		o = arena_alloc(&run->plan.arena, sizeof *o);
	if (o == NULL)
		return NULL;
	*o = (struct manifest_output){ .attempt = attempt, .last = &o->first, .next = t->outputs };
	t->outputs = o;
	return o;
}

static struct manifest_extent *
new_extent(struct run *run)
{
	struct manifest_extent	*e = run->plan.spare;

	if (e == NULL)
		return arena_alloc(&run->plan.arena, sizeof *e);
	run->plan.spare = e->next;
	*e = (struct manifest_extent){ .next = NULL };
	return e;
}

/* Puts a piece on record; *ret_at is where its bytes are. */
static int
keep_piece(struct run *run, uint32_t test, uint32_t attempt, unsigned stream, struct sv data,
    uint64_t *ret_at)
{
	struct msg_jrn_output	rec = { .test = test, .attempt = attempt, .stream = stream,
	    .data = data };
	char			*body = NULL;
	size_t			 len = 0;
	uint64_t		 at = 0;
	int			 r;

	if (run->output_bytes + data.n > run->runs->config->max_output)
		return -ENOSPC;
	r = msg_encode(MSG_JRN_OUTPUT, &rec, &body, &len);
	if (r == 0)
		r = journal_append(&run->journal, MSG_JRN_OUTPUT, body, len, &at);
	free(body);
	*ret_at = at + len - data.n;	/* the data come last */
	return r;
}

void
run_recall_output(struct run *run, uint32_t test, uint32_t attempt, unsigned stream, uint64_t at,
    uint32_t len)
{
	struct manifest_output	*o = output_of(run, &run->plan.tests[test], attempt);
	struct manifest_extent	*e = o != NULL ? new_extent(run) : NULL;

	if (e == NULL) {
		if (o != NULL)
			o->cut = true;
		return;
	}
	e->at = at;
	e->stream = stream;
	e->len = len;
	*o->last = e;
	o->last = &e->next;
	run->output_bytes += len;
}

void
run_keep_output(struct run *run, uint32_t test, uint32_t attempt, unsigned stream, struct sv data)
{
	struct manifest_output	*o = output_of(run, &run->plan.tests[test], attempt);
	uint64_t		 at;
	int			 r;

	if (o == NULL)
		return;
	r = keep_piece(run, test, attempt, stream, data, &at);
	if (r == 0) {
		run_recall_output(run, test, attempt, stream, at, (uint32_t)data.n);
		return;
	}
	o->cut = true;
	if (!run->output_failed)
		record_warning(run, r == -ENOSPC ?
		    "output is no longer kept: the bound of max-output is reached" :
		    "output could not be kept on disk");
	run->output_failed = true;
}

const struct manifest_output *
run_output(const struct run *run, uint32_t test, uint32_t attempt)
{
	const struct manifest_output	*o = run->plan.tests[test].outputs;

	while (o != NULL && attempt != 0 && o->attempt != attempt)
		o = o->next;
	return o;
}
