/* Attempts, most of them packed; see attempts.h. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/attempt_pack.h"
#include "ctl/attempts.h"

#define ROOM_MIN	32	/* bytes, of the first packed attempts */

/* Of a packed attempt that passed. */
struct kept_output {
	uint64_t	number, condition;
	size_t		len;
	char		*p;
};

struct attempt_packing {
	struct attempt_view	*view;	/* borrowed from the results */
	unsigned char		*p;	/* the first, and then what differs from it in each */
	size_t			 len, cap;
	size_t			 n;	/* attempts */
	struct kept_output	*outputs;
	size_t			 noutputs;
};

/* The attempts of one test, unpacked. */
struct attempt_view {
	const struct test_result *of;	/* NULL: none */
	struct attempt_result	 *v;
	size_t			  cap;
};

static size_t
nfull(const struct test_result *t)
{
	return t->nattempts - (t->packing != NULL ? t->packing->n : 0);
}

static void
changed(const struct test_result *t)
{
	if (t->packing != NULL && t->packing->view->of == t)
		t->packing->view->of = NULL;
}

/* ---- unpacking ---- */

/* The full one whose texts a packed one that failed has. */
static const struct attempt_result *
kin_of(const struct test_result *t, const struct attempt_result *a)
{
	for (size_t i = 0; i < nfull(t) && a->fingerprint != 0; i++) {
		if (t->full[i].finished && t->full[i].fingerprint == a->fingerprint &&
		    t->full[i].number != a->number)
			return &t->full[i];
	}
	return NULL;
}

static void
lend_texts(const struct test_result *t, struct attempt_result *a)
{
	const struct attempt_packing	*k = t->packing;
	const struct attempt_result	*kin = kin_of(t, a);

	if (kin != NULL) {
		a->error_message = a->reworded ? kin->failure : kin->error_message;
		a->failure = kin->failure;
	}
	for (size_t i = 0; i < k->noutputs; i++) {
		if (k->outputs[i].number == a->number) {
			a->output = k->outputs[i].p;
			a->output_len = k->outputs[i].len;
		}
	}
}

static int
by_number(const void *va, const void *vb)
{
	const struct attempt_result	*a = va, *b = vb;

	return a->number < b->number ? -1 : a->number > b->number;
}

static void
unpack(const struct test_result *t, struct attempt_view *view)
{
	const struct attempt_packing	*k = t->packing;
	const unsigned char		*p = k->p;
	size_t				 n = nfull(t);
	bool				 sorted = true;

	if (view->cap < t->nattempts) {
		view->cap = t->nattempts + t->nattempts / 2;
		free(view->v);
		view->v = xcalloc(view->cap, sizeof *view->v);
	}
	for (size_t i = 0; i < k->n; i++) {
		p += attempt_unpack(p, i > 0 ? &view->v[0] : NULL, &view->v[i]);
		lend_texts(t, &view->v[i]);
		sorted &= i == 0 || view->v[i - 1].number < view->v[i].number;
	}
	for (size_t i = 0; i < n; i++)
		view->v[k->n + i] = t->full[i];
	/* The full ones are mostly the newest. */
	if (!sorted || (n > 0 && t->full[0].number < view->v[k->n - 1].number))
		qsort(view->v, t->nattempts, sizeof *view->v, by_number);
	view->of = t;
}

const struct attempt_result *
attempts_of(const struct test_result *t)
{
	if (t->packing == NULL)
		return t->full;
	if (t->packing->view->of != t)
		unpack(t, t->packing->view);
	return t->packing->view->v;
}

const struct attempt_result *
attempts_last(const struct test_result *t)
{
	return t->nattempts > 0 ? &t->full[nfull(t) - 1] : NULL;
}

static bool
is_packed(const struct test_result *t, uint64_t number)
{
	const struct attempt_packing	*k = t->packing;
	const unsigned char		*p = k != NULL ? k->p : NULL;
	struct attempt_result		 first, a;

	for (size_t i = 0; k != NULL && i < k->n; i++) {
		p += attempt_unpack(p, i > 0 ? &first : NULL, &a);
		if (i == 0)
			first = a;
		if (a.number == number)
			return true;
	}
	return false;
}

/* ---- the full ones ---- */

struct attempt_result *
attempts_get(struct test_result *t, uint64_t number)
{
	size_t	n = nfull(t), at = n;

	while (at > 0 && t->full[at - 1].number > number)
		at--;
	if (at > 0 && t->full[at - 1].number == number)
		return &t->full[at - 1];
	if (number == 0 || t->nattempts >= ATTEMPTS_MAX || (at < n && is_packed(t, number)))
		return NULL;
	/* Room for a power of two; attempts_settle() gives it back. */
	if ((n & (n - 1)) == 0)
		t->full = xreallocarray(t->full, n > 0 ? n * 2 : 1, sizeof *t->full);
	memmove(&t->full[at + 1], &t->full[at], (n - at) * sizeof *t->full);
	t->full[at] = (struct attempt_result){ .number = number, .outcome = OUTCOME_LOST };
	t->nattempts++;
	changed(t);
	return &t->full[at];
}

/* The texts that no report needs of an attempt of which there are many. */
static void
strip(struct attempt_result *a)
{
	free(a->output);
	a->output = NULL;
	a->output_len = 0;
	strs_free(&a->assertions);
	strs_free(&a->leaked);
	strs_free(&a->sub_failures);
}

static void
attempt_free(struct attempt_result *a)
{
	strip(a);
	free(a->error_message);
	free(a->message);
	free(a->failure);
	free(a->reason);
}

/* ---- packing ---- */

static struct attempt_packing *
packing_of(struct results *r, struct test_result *t)
{
	if (r->view == NULL)
		r->view = xcalloc(1, sizeof *r->view);
	if (t->packing == NULL) {
		t->packing = xcalloc(1, sizeof *t->packing);
		t->packing->view = r->view;
	}
	return t->packing;
}

/* Takes over the output of a pass, while there is room for it. */
static void
keep_output(struct attempt_packing *k, struct attempt_result *a)
{
	size_t	alike = 0, bytes = a->output_len;

	for (size_t i = 0; i < k->noutputs; i++) {
		alike += k->outputs[i].condition == a->condition;
		bytes += k->outputs[i].len;
	}
	if (a->outcome != OUTCOME_PASS || a->output == NULL || alike >= ATTEMPTS_OUTPUTS ||
	    bytes > ATTEMPTS_OUTPUT)
		return;
	k->outputs = xreallocarray(k->outputs, k->noutputs + 1, sizeof *k->outputs);
	k->outputs[k->noutputs++] = (struct kept_output){ a->number, a->condition, a->output_len,
	    a->output };
	a->output = NULL;
	a->output_len = 0;
}

static void
add_packed(struct attempt_packing *k, const struct attempt_result *a)
{
	unsigned char		buf[ATTEMPT_PACKED_MAX];
	struct attempt_result	first;
	size_t			n;

	if (k->n > 0)
		(void)attempt_unpack(k->p, NULL, &first);
	n = attempt_pack(a, k->n > 0 ? &first : NULL, buf);
	if (k->cap - k->len < n) {
		k->cap = (k->len + n) * 3 / 2 + ROOM_MIN;
		k->p = xreallocarray(k->p, k->cap, 1);
	}
	memcpy(k->p + k->len, buf, n);
	k->len += n;
	k->n++;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Is what is known of an attempt that failed known of enough others, too?  Else its texts
 * go when there are too many of them. */
static bool
is_known(const struct test_result *t, struct attempt_result *a)
{
	const struct attempt_result	*kin = kin_of(t, a);
	size_t				 failed = 0, alike = 0;

	for (size_t i = 0; i < nfull(t) && failed < ATTEMPTS_FAILED; i++) {
		const struct attempt_result	*b = &t->full[i];

		failed += b->finished && b->fingerprint != 0 && b != a;
		alike += b->finished && b->fingerprint == a->fingerprint && b != a;
	}
	if (failed >= ATTEMPTS_FAILED && kin == NULL)
		strip(a);
	if (kin == NULL || (failed < ATTEMPTS_FAILED && alike < ATTEMPTS_ALIKE) ||
	    !same(kin->failure, a->failure))
		return false;
	a->reworded = !same(kin->error_message, a->error_message);
	return true;
}

/* A pass says nothing but its figures. */
static bool
is_to_pack(const struct test_result *t, struct attempt_result *a)
{
	if (!a->started || !a->finished || a->decision != RETRY_NONE || a->reason != NULL)
		return false;
	if (a->outcome == OUTCOME_PASS)
		return a->fingerprint == 0 && a->error_message == NULL && a->failure == NULL;
	return a->message == NULL && is_known(t, a);
}

void
attempts_settle(struct results *r, struct test_result *t, uint64_t number)
{
	size_t			 n = nfull(t), at = n;
	struct attempt_packing	*k;
	struct attempt_result	*a;

	while (at > 0 && t->full[at - 1].number > number)
		at--;
	/* The last one is the newest.  Where tests are retried each attempt tells something. */
	if (!r->detects || at == 0 || at == n || t->full[at - 1].number != number ||
	    !is_to_pack(t, &t->full[at - 1]))
		return;
	a = &t->full[at - 1];
	k = packing_of(r, t);
	keep_output(k, a);
	add_packed(k, a);
	attempt_free(a);
	memmove(a, a + 1, (n - at) * sizeof *a);
	n--;
	if ((n & (n - 1)) == 0)
		t->full = xreallocarray(t->full, n, sizeof *t->full);
	changed(t);
}

void
attempts_close(struct test_result *t)
{
	struct attempt_packing	*k = t->packing;

	if (k == NULL)
		return;
	k->p = xreallocarray(k->p, k->len, 1);
	k->cap = k->len;
	if (t->flake.verdict != FLAKE_STABLE)
		return;
	/* Nobody asks what a stable test printed before. */
	for (size_t i = 0; i < k->noutputs; i++)
		free(k->outputs[i].p);
	k->noutputs = 0;
	changed(t);
}

void
attempts_free(struct test_result *t)
{
	struct attempt_packing	*k = t->packing;

	for (size_t i = 0; i < nfull(t); i++)
		attempt_free(&t->full[i]);
	free(t->full);
	for (size_t i = 0; k != NULL && i < k->noutputs; i++)
		free(k->outputs[i].p);
	if (k != NULL) {
		free(k->outputs);
		free(k->p);
	}
	free(k);
}

void
attempts_view_free(struct attempt_view *view)
{
	if (view != NULL)
		free(view->v);
	free(view);
}
