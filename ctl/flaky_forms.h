/*
 * What is known of causes, each in one or more forms, and how likely each is by what was
 * seen of a test.  Pure.
 */
#ifndef CTL_FLAKY_FORMS_H
#define CTL_FLAKY_FORMS_H

#include "ctl/flaky_cause.h"

#define FORMS_HALF	0.5	/* from here on it is the rule that a condition matters */

/*
 * A cause in one of its forms.  `up`, `down`: how likely it is that it fails more often,
 * or less often, under a condition than plainly; 0: it does not speak of it.
 */
struct flaky_form {
	enum flaky_category category;
	double	weight;		/* how frequent it is, of all */
	double	up[FLAKE_CONDITION_COUNT], down[FLAKE_CONDITION_COUNT];
	double	paused_most;	/* pausing does more than a load; 0: either may */
	bool	seldom;		/* it is brought about by a condition: see SELDOM */
	bool	never;		/* it fails under that condition alone: see NEVER */
	unsigned marks;		/* that support it */
	bool	marks_only;	/* without one of them it is far less likely */
	bool	slow_only;	/* without `slow` it is less likely */
	/* It shows by that: */
	bool	stretches, rhythm, beside, again, clock, after, along, slow, lost;
	bool	may_be_again;	/* or by that, if it does */
	bool	race;		/* of TIMING: who is first */
};

/* Sets the share of each category, `likely` and `certainty`.  The likeliest form of the
 * likeliest category, static. */
const struct flaky_form	*flaky_weigh(const struct flaky_evidence *, struct flaky_cause *);

/* Is there a condition that it speaks of as a rule? */
bool	flaky_speaks_of_conditions(const struct flaky_form *);

/* All failures.  Failures beside those of others, against those apart (Fisher). */
uint64_t flaky_fails(const struct flaky_evidence *);
double	flaky_beside_p(const struct flaky_evidence *);

/* Do failing attempts take longer, by more than it takes to tell of a failure? */
bool	flaky_is_slower(const struct flaky_evidence *);

/* The chance of a contrast; 1 when it is not known. */
double	flaky_contrast_p(const struct flaky_contrast *);

#endif
