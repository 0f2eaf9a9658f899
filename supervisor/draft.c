/* Plans on their way in; see draft.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/draft.h"

static void
new_id(char id[DRAFT_ID + 1])
{
	unsigned char	bytes[DRAFT_ID / 2];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		fatal("runs", "no random bytes");
	for (size_t i = 0; i < sizeof bytes; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

/* A journal in the folder of journals; where that cannot be, one without a name, which
 * holds the run's output as long as it is on show. */
static void
open_journal(struct draft *d, const struct draft_place *place)
{
	const struct log_subject about = { .run = d->id, .has_uid = true, .uid = d->uid };
	int			 dir, r = -1;

	if (place->state->fd != -1) {
		r = journal_create(&d->journal, place->state->journals, d->id);
		if (r == 0)
			d->tracked = history_track(place->history, d->id);
		if (r == 0 && d->tracked == NULL)
			(void)unlinkat(place->state->journals, d->id, 0);
		else if (r != 0)
			log_about(&about, LOG_LEVEL_WARN, "history", "cannot make a journal: %s",
			    strerror(-r));
	}
	if (r == 0)
		return;
	dir = open(place->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1 || journal_create(&d->journal, dir, NULL) != 0)
		log_about(&about, LOG_LEVEL_WARN, "history", "no output can be kept");
	if (dir != -1)
		(void)close(dir);
}

/* The first record: what RUN_BEGIN said, with what it left to our settings. */
static void
put_begin(struct draft *d, const struct msg_run_begin *m)
{
	struct msg_jrn_run	rec = { .run = sv_from(d->id), .uid = d->uid,
	    .jobs = d->plan.jobs, .test_timeout_ms = d->plan.test_timeout_ms,
	    .grace_ms = d->plan.grace_ms };
	uint64_t		 groups[IDENTITY_GROUPS];
	char			*body = NULL;
	size_t			 len = 0;

	if (d->who != NULL) {
		rec.gid = d->who->gid;
		rec.has |= MSG_BIT(jrn_run, gid);
		for (size_t i = 0; i < d->who->ngroups; i++)
			groups[i] = d->who->groups[i];
		rec.groups = (struct nums){ groups, d->who->ngroups };
	}
	if (msg_encode(MSG_RUN_BEGIN, m, &body, &len) == 0) {
		rec.begin = (struct sv){ body, len };
		(void)journal_put(&d->journal, MSG_JRN_RUN, &rec, NULL);
	}
	free(body);
}

static struct draft *
begin(const struct config *config, uint32_t cpus, const struct msg_run_begin *m, uid_t uid)
{
	struct draft	*d = calloc(1, sizeof *d);
	uint64_t	 key = 0;

	if (d == NULL)
		return NULL;
	(void)getrandom(&key, sizeof key, GRND_NONBLOCK);
	d->uid = uid;
	d->journal.fd = -1;
	d->error = manifest_begin(&d->plan, m, config, cpus, key, d->why);
	return d;
}

struct draft *
draft_new(const struct draft_place *place, const struct msg_run_begin *m, uid_t uid)
{
	struct draft	*d = begin(place->config, place->cpus, m, uid);

	if (d == NULL || d->error != 0)
		return d;
	if (place->who != NULL && (d->who = identity_dup(place->who)) == NULL) {
		draft_free(d);
		return NULL;
	}
	d->history = place->history;
	new_id(d->id);
	open_journal(d, place);
	put_begin(d, m);
	return d;
}

struct draft *
draft_recall(const struct config *config, const struct msg_run_begin *m, const char *id, uid_t uid)
{
	struct draft	*d = begin(config, 1, m, uid);

	if (d != NULL)
		memcpy(d->id, id, DRAFT_ID);
	return d;
}

void
draft_isolate(struct draft *d, const struct draft_place *place)
{
	if (d->error == 0 && place->levels != NULL)
		d->error = levels_decide(place->levels, place->config->isolation, &d->plan.asked,
		    &d->plan.isolation, d->why);
}

void
draft_free(struct draft *d)
{
	if (d == NULL)
		return;
	history_drop(d->history, d->tracked);
	journal_close(&d->journal);
	manifest_free(&d->plan);
	free(d->who);
	free(d);
}

/* In the /tmp of the host? */
static bool
is_hidden(struct sv path)
{
	static const char	tmp[] = "/tmp/";

	return path.n > sizeof tmp - 1 && memcmp(path.p, tmp, sizeof tmp - 1) == 0;
}

void
draft_add(struct draft *d, const struct msg_test_add *m, const struct config *config)
{
	struct sv	spec;

	if (d->error == 0 && d->plan.isolation.level == ISOLATION_SANDBOX && is_hidden(m->cwd)) {
		(void)snprintf(d->why, sizeof d->why, "test '%.*s' is to be run in %.*s, which is not "
		    "there in a sandbox: it has a /tmp of its own", (int)(m->name.n < 80 ? m->name.n :
		    80), m->name.p, (int)(m->cwd.n < 200 ? m->cwd.n : 200), m->cwd.p);
		d->error = -EINVAL;
	}
	if (d->error == 0)
		d->error = manifest_add(&d->plan, m, config, d->why);
	if (d->error != 0)
		return;
	spec = d->plan.tests[d->plan.ntests - 1].spec;
	(void)journal_append(&d->journal, MSG_TEST_ADD, spec.p, spec.n, NULL);
}

void
draft_untrack(struct draft *d)
{
	history_drop(d->history, d->tracked);
	d->tracked = NULL;
}

void
draft_flush(struct draft *d)
{
	(void)journal_flush(&d->journal);
}
