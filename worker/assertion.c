/* The types of expectations; see assertion.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/spec.h"
#include "common/xalloc.h"
#include "worker/assertion.h"
#include "worker/noerrors.h"
#include "worker/pattern.h"
#include "worker/strbuf.h"

#define ASSERTION_US	UINT64_C(1000000)	/* for the patterns of one assertion */

struct check {
	struct sv			 expected;
	const char			*what;	/* "stdout": the text's name */
	struct sv			 text;
	const struct assertion_facts	*facts;
	struct strbuf			 message;
};

/* Each returns its verdict, and what it has to say in c->message. */
typedef bool	check_fn(struct check *);

struct assertion_type {
	const char	*name;
	int		 target;	/* ASSERTION_TARGETS: as given */
	check_fn	*fn;
};

/* ---- how it ended ---- */

static bool
number(struct sv s, int *ret)
{
	int	v = 0;

	if (s.n == 0 || s.n > 3)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*ret = v;
	return true;
}

/* The next of a list with commas, without blanks around it. */
static bool
next_item(struct sv *list, struct sv *ret)
{
	const char	*comma;
	struct sv	 s = *list;

	if (list->p == NULL)
		return false;
	comma = memchr(s.p, ',', s.n);
	if (comma != NULL) {
		s.n = (size_t)(comma - s.p);
		*list = (struct sv){ comma + 1, list->n - s.n - 1 };
	} else {
		*list = (struct sv){ NULL, 0 };
	}
	for (; s.n > 0 && *s.p == ' '; s.p++)
		s.n--;
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	*ret = s;
	return true;
}

/* Is that end in the list?  -1: the list is not one. */
static int
end_in_list(struct sv list, bool signaled, int code)
{
	static const char	prefix[] = "signal:";
	struct sv		item;
	int			n, found = 0;

	if (list.p == NULL)
		list.p = "";
	while (next_item(&list, &item)) {
		bool	is_signal = item.n > 7 && strncasecmp(item.p, prefix, 7) == 0;

		if (is_signal)
			n = (int)spec_signal((struct sv){ item.p + 7, item.n - 7 });
		else if (!number(item, &n))
			return -1;
		if (is_signal && n == 0)
			return -1;
		if (is_signal == signaled && n == code)
			found = 1;
	}
	return found;
}

char *
assertion_describe_end(bool signaled, int code)
{
	const char	*name = signaled ? sigabbrev_np(code) : NULL;

	if (!signaled)
		return xasprintf("exit code %d", code);
	if (name != NULL)
		return xasprintf("killed by SIG%s", name);
	return xasprintf("killed by signal %d", code);
}

static bool
check_exit_code(struct check *c)
{
	struct sv	list = c->expected;
	bool		none = list.n > 0 && *list.p == '!', passed;
	char		*end;
	int		 r;

	if (none)
		list = (struct sv){ list.p + 1, list.n - 1 };
	r = end_in_list(list, c->facts->signaled, c->facts->code);
	if (r == -1) {
		strbuf_add_quoted(&c->message, c->expected);
		strbuf_addf(&c->message, " is not an exit code; say 0 or 0,3 or !0 or signal:SEGV");
		return false;
	}
	passed = none ? !c->facts->signaled && r == 0 : r == 1;
	end = assertion_describe_end(c->facts->signaled, c->facts->code);
	strbuf_addf(&c->message, "%s", end);
	if (!passed) {
		strbuf_addf(&c->message, ", expected %s", none ? "an exit code other than " : "");
		strbuf_add_escaped(&c->message, list, STRBUF_SHOWN);
	}
	free(end);
	return passed;
}

/* ---- what it printed ---- */

static void
say_text(struct check *c)
{
	if (c->text.n == 0) {
		strbuf_addf(&c->message, "; it is empty");
		return;
	}
	strbuf_addf(&c->message, "; it is ");
	strbuf_add_quoted(&c->message, c->text);
}

static void
say(struct check *c, const char *verb)
{
	strbuf_addf(&c->message, "%s %s ", c->what, verb);
	strbuf_add_quoted(&c->message, c->expected);
}

static bool
has_lines(struct sv s)
{
	const char	*nl = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;

	return nl != NULL && nl + 1 < s.p + s.n;
}

static void
say_line(struct check *c, struct sv s, size_t from)
{
	if (from == s.n)
		strbuf_addf(&c->message, "the end");
	else
		strbuf_add_quoted(&c->message, strbuf_line(s, from, true));
}

static bool
check_equals(struct check *c)
{
	size_t	i = 0, start = 0;

	if (sv_eq(c->text, c->expected)) {
		say(c, "is");
		return true;
	}
	if (!has_lines(c->text) && !has_lines(c->expected)) {
		strbuf_addf(&c->message, "%s is ", c->what);
		strbuf_add_quoted(&c->message, c->text);
		strbuf_addf(&c->message, ", expected ");
		strbuf_add_quoted(&c->message, c->expected);
		return false;
	}
	for (; i < c->text.n && i < c->expected.n && c->text.p[i] == c->expected.p[i]; i++) {
		if (c->text.p[i] == '\n')
			start = i + 1;
	}
	strbuf_addf(&c->message, "%s differs in line %zu: it is ", c->what,
	    strbuf_line_number(c->text, start));
	say_line(c, c->text, start);
	strbuf_addf(&c->message, ", expected ");
	say_line(c, c->expected, start);
	return false;
}

static const char *
find(const struct check *c)
{
	return memmem(c->text.p, c->text.n, c->expected.p, c->expected.n);
}

static bool
check_contains(struct check *c)
{
	bool	passed = find(c) != NULL;

	say(c, passed ? "contains" : "does not contain");
	if (!passed)
		say_text(c);
	return passed;
}

static bool
check_not_contains(struct check *c)
{
	const char	*at = find(c);

	say(c, at == NULL ? "does not contain" : "contains");
	if (at != NULL)
		strbuf_add_where(&c->message, c->text, (size_t)(at - c->text.p));
	return at == NULL;
}

static bool
check_starts(struct check *c)
{
	bool	passed = c->text.n >= c->expected.n &&
		    memcmp(c->text.p, c->expected.p, c->expected.n) == 0;

	say(c, passed ? "starts with" : "does not start with");
	if (!passed)
		say_text(c);
	return passed;
}

static bool
check_ends(struct check *c)
{
	bool	passed = c->text.n >= c->expected.n &&
		    memcmp(c->text.p + c->text.n - c->expected.n, c->expected.p,
		    c->expected.n) == 0;

	say(c, passed ? "ends with" : "does not end with");
	if (!passed)
		say_text(c);
	return passed;
}

static bool
check_empty(struct check *c)
{
	bool	wanted = !sv_is(c->expected, "false"), empty = c->text.n == 0;

	strbuf_addf(&c->message, "%s is %sempty", c->what, empty ? "" : "not ");
	if (wanted != empty)
		strbuf_addf(&c->message, ", expected %s", wanted ? "nothing" : "something");
	if (!empty && wanted) {
		strbuf_addf(&c->message, ": ");
		strbuf_add_quoted(&c->message, c->text);
	}
	return wanted == empty;
}

/* ---- patterns ---- */

static bool
check_pattern(struct check *c, bool wanted)
{
	struct pattern	*p = pattern_new(c->expected, c->text, false, &c->message);
	size_t		 start, end;
	int		 r;

	if (p == NULL)
		return false;
	r = pattern_find(p, c->text, 0, now_us() + ASSERTION_US, &start, &end);
	pattern_free(p);
	if (r < 0) {
		pattern_gave_up(c->expected, c->text, &c->message);
		return false;
	}
	strbuf_addf(&c->message, "%s %s ", c->what, r ? "matches" : "does not match");
	strbuf_add_escaped(&c->message, c->expected, STRBUF_SHOWN);
	if (r && !wanted)
		strbuf_add_where(&c->message, c->text, start);
	else if (!r && wanted)
		say_text(c);
	return (r == 1) == wanted;
}

static bool
check_matches(struct check *c)
{
	return check_pattern(c, true);
}

static bool
check_not_matches(struct check *c)
{
	return check_pattern(c, false);
}

static bool
check_no_errors(struct check *c)
{
	return noerrors_check(c->text, c->what, c->expected, now_us() + ASSERTION_US,
	    &c->message);
}

/* ---- the table ---- */

static const struct assertion_type types[] = {
	{ "exit_code", -1, check_exit_code },
	{ "output_equals", ASSERTION_TARGETS, check_equals },
	{ "output_contains", ASSERTION_TARGETS, check_contains },
	{ "output_not_contains", ASSERTION_TARGETS, check_not_contains },
	{ "output_matches", ASSERTION_TARGETS, check_matches },
	{ "output_not_matches", ASSERTION_TARGETS, check_not_matches },
	{ "output_starts", ASSERTION_TARGETS, check_starts },
	{ "output_ends", ASSERTION_TARGETS, check_ends },
	{ "output_empty", ASSERTION_TARGETS, check_empty },
	{ "stdout_equals", ASSERTION_STDOUT, check_equals },
	{ "no_errors", ASSERTION_TARGETS, check_no_errors },
};
#define N_TYPES		(sizeof types / sizeof types[0])

static const char *const targets[ASSERTION_TARGETS] = { "output", "stdout", "stderr" };

static const struct assertion_type *
type_of(struct sv name)
{
	for (size_t i = 0; i < N_TYPES; i++) {
		if (sv_is(name, types[i].name))
			return &types[i];
	}
	return NULL;
}

/* Which text: an index, or -1 for none. */
static int
target_of(const struct assertion_type *type, struct sv name)
{
	if (type->target != ASSERTION_TARGETS)
		return type->target;
	for (int i = 0; i < ASSERTION_TARGETS; i++) {
		if (sv_is(name, targets[i]))
			return i;
	}
	return ASSERTION_OUTPUT;
}

unsigned
assertion_targets(struct svs expect)
{
	unsigned	bits = 0;

	for (uint32_t i = 0; i + SPEC_EXPECT_STRIDE <= expect.n; i += SPEC_EXPECT_STRIDE) {
		const struct assertion_type	*type = type_of(expect.v[i]);
		int	target = type != NULL ? target_of(type, expect.v[i + 1]) : -1;

		if (target >= 0)
			bits |= 1u << target;
	}
	return bits;
}

bool
assertion_on_exit(struct svs expect)
{
	for (uint32_t i = 0; i + SPEC_EXPECT_STRIDE <= expect.n; i += SPEC_EXPECT_STRIDE) {
		if (sv_is(expect.v[i], "exit_code"))
			return true;
	}
	return false;
}

bool
assertion_takes_signal(struct svs expect, int sig)
{
	for (uint32_t i = 0; i + SPEC_EXPECT_STRIDE <= expect.n; i += SPEC_EXPECT_STRIDE) {
		if (sv_is(expect.v[i], "exit_code") &&
		    end_in_list(expect.v[i + 2], true, sig) == 1)
			return true;
	}
	return false;
}

bool
assertion_takes_code(struct svs expect, int code)
{
	for (uint32_t i = 0; i + SPEC_EXPECT_STRIDE <= expect.n; i += SPEC_EXPECT_STRIDE) {
		struct sv	list = expect.v[i + 2];
		bool		none = list.n > 0 && *list.p == '!';

		if (none)
			list = (struct sv){ list.p + 1, list.n - 1 };
		if (sv_is(expect.v[i], "exit_code") && end_in_list(list, false, code) == !none)
			return true;
	}
	return false;
}

static char *
name_of(const struct assertion_type *type, int target)
{
	if (type->target == ASSERTION_TARGETS && strncmp(type->name, "output_", 7) == 0)
		return xasprintf("%s_%s", targets[target], type->name + 7);
	return xstrdup(type->name);
}

void
assertion_check(struct svs expect, uint32_t i, const struct assertion_facts *facts,
    struct assertion_result *ret)
{
	const struct sv			*e = &expect.v[(size_t)i * SPEC_EXPECT_STRIDE];
	const struct assertion_type	*type = type_of(e[0]);
	struct check			 c = { .expected = e[2], .facts = facts };
	int				 target;

	ret->passed = false;
	if (type == NULL) {
		ret->name = xstrndup(e[0].n > 0 ? e[0].p : "", e[0].n < 64 ? e[0].n : 64);
		ret->message = xstrdup("this type of expectation is not known");
		return;
	}
	target = target_of(type, e[1]);
	if (target >= 0) {
		c.what = targets[target];
		c.text = facts->text[target];
	}
	if (c.text.p == NULL)
		c.text.p = "";
	if (c.expected.p == NULL)
		c.expected.p = "";
	ret->name = name_of(type, target);
	ret->passed = type->fn(&c);
	if (target >= 0 && facts->truncated)
		strbuf_addf(&c.message, " (the middle of the output was not kept)");
	if (!ret->passed && e[3].n > 0) {
		c.message.n = 0;
		strbuf_add_escaped(&c.message, e[3], 4 * STRBUF_SHOWN);
	}
	ret->message = c.message.p;
}
