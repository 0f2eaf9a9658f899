/* Levels tried, and chosen for runs; see levels.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/privilege.h"
#include "supervisor/levels.h"
#include "supervisor/spawn.h"

static int
try(const struct levels *lv, const struct isolation_want *want, char *why, size_t size)
{
	char	text[SPAWN_WHY];
	int	r = 0;

	if (want->level == ISOLATION_CGROUP && !lv->groups) {
		(void)snprintf(why, size, "there are no control groups of version 2 with the "
		    "controllers memory and pids that can be used");
		return -ENOTSUP;
	}
	/* In a user namespace nobody else could be become. */
	if (want->level >= ISOLATION_PID && want->level != ISOLATION_CGROUP && lv->as_users &&
	    !privilege_over_host()) {
		(void)snprintf(why, size, "the service lacks the capability SYS_ADMIN");
		return -EPERM;
	}
	r = spawn_probe(want, text);
	if (r != 0)
		(void)snprintf(why, size, "%s", text);
	return r;
}

/* Can it be had?  Asked once; what is asked for after too many others is tried each time. */
static const struct levels_answer *
answer(struct levels *lv, const struct isolation_want *want)
{
	uint64_t		 key = isolation_pack(want);
	struct levels_answer	*a = lv->tried;

	while (a < lv->tried + lv->ntried && a->want != key)
		a++;
	if (a < lv->tried + lv->ntried)
		return a;
	if (lv->ntried < LEVELS_TRIED)
		lv->ntried++;
	else
		a = &lv->tried[LEVELS_TRIED - 1];
	a->want = key;
	a->r = try(lv, want, a->why, sizeof a->why);
	return a;
}

/*
 * The highest level at which a test finds all that it was promised.  A user namespace is
 * none: set-uid programs stop working in it.
 */
static enum isolation
automatic(struct levels *lv)
{
	const struct isolation_want	pid = { .level = ISOLATION_PID };
	const struct isolation_want	cgroup = { .level = ISOLATION_CGROUP };

	if (lv->groups && answer(lv, &cgroup)->r == 0)
		return ISOLATION_CGROUP;
	return privilege_over_host() && answer(lv, &pid)->r == 0 ? ISOLATION_PID :
	    ISOLATION_PROCESS;
}

/* What the setting makes of a wish, which it may be the floor of.  0 or -EINVAL. */
static int
with_setting(const struct isolation_want *setting, struct isolation_want *w, char *why)
{
	char	asked[ISOLATION_TEXT], least[ISOLATION_TEXT];

	(void)isolation_format(w, asked);
	(void)isolation_format(setting, least);
	if (w->level == ISOLATION_AUTO) {
		*w = *setting;
		return 0;
	}
	if (w->level >= setting->level && isolation_join(w, setting) == 0)
		return 0;
	(void)snprintf(why, LEVELS_WHY, "isolation %s is not what this supervisor gives: its "
	    "setting isolation is %s; ask for that or more, or for nothing", asked, least);
	return -EINVAL;
}

int
levels_decide(struct levels *lv, uint64_t setting, const struct isolation_want *asked,
    struct isolation_want *ret, char why[LEVELS_WHY])
{
	struct isolation_want		 floor = isolation_unpack(setting), w = *asked;
	const struct levels_answer	*a;
	char				 text[ISOLATION_TEXT];

	if (with_setting(&floor, &w, why) != 0)
		return -EINVAL;
	if (w.level == ISOLATION_AUTO)
		w.level = automatic(lv);
	if (w.level == ISOLATION_SANDBOX && w.network == NETWORK_UNSAID)
		w.network = NETWORK_HOST;
	a = answer(lv, &w);
	if (a->r != 0) {
		(void)snprintf(why, LEVELS_WHY, "isolation %s cannot be had here: %s; ask for less, "
		    "or for auto, which takes what there is", isolation_format(&w, text), a->why);
		return -EINVAL;
	}
	*ret = w;
	return 0;
}

void
levels_tell(struct levels *lv, uint64_t setting, char text[ISOLATION_TEXT], char why[LEVELS_WHY])
{
	const struct isolation_want	nothing = { .level = ISOLATION_AUTO };
	struct isolation_want		w = isolation_unpack(setting);

	why[0] = '\0';
	if (levels_decide(lv, setting, &nothing, &w, why) == 0 && w.level == ISOLATION_PROCESS &&
	    isolation_unpack(setting).level == ISOLATION_AUTO)
		(void)snprintf(why, LEVELS_WHY, "%s", privilege_over_host() ?
		    answer(lv, &(struct isolation_want){ .level = ISOLATION_PID })->why :
		    "more needs the capability SYS_ADMIN, or a run that asks for a user namespace "
		    "(--isolation pid)");
	(void)isolation_format(&w, text);
}

void
levels_init(struct levels *lv, uint64_t setting, bool as_users, bool groups)
{
	char	why[LEVELS_WHY], text[ISOLATION_TEXT];

	memset(lv, 0, sizeof *lv);
	lv->as_users = as_users;
	lv->groups = groups;
	levels_tell(lv, setting, text, why);
	log_info("isolation", "tests are kept apart by %s%s%s", text, why[0] != '\0' ? ": " : "",
	    why);
}
