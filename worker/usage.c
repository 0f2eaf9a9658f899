/* Sums of struct rusage; see usage.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/xalloc.h"
#include "worker/usage.h"

void
usage_clear(struct usage *u)
{
	free(u->pids.v);
	free(u->sids.v);
	memset(u, 0, sizeof *u);
}

/* The place of an id, or where it would go. */
static size_t
place(const struct usage_ids *s, pid_t id)
{
	size_t	low = 0, high = s->n;

	while (low < high) {
		size_t	mid = low + (high - low) / 2;

		if (s->v[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
has(const struct usage_ids *s, size_t at, pid_t id)
{
	return at < s->n && s->v[at] == id;
}

/* Whether it was not there before. */
static bool
add(struct usage_ids *s, pid_t id)
{
	size_t	at = place(s, id);

	if (has(s, at, id) || s->n == USAGE_IDS_MAX)
		return false;
	if (s->n == s->cap) {
		s->cap = s->cap * 2 + 4;
		s->v = xreallocarray(s->v, s->cap, sizeof *s->v);
	}
	memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof *s->v);
	s->v[at] = id;
	s->n++;
	return true;
}

/* Whether it was there. */
static bool
take(struct usage_ids *s, pid_t id)
{
	size_t	at = place(s, id);

	if (!has(s, at, id))
		return false;
	s->n--;
	memmove(&s->v[at], &s->v[at + 1], (s->n - at) * sizeof *s->v);
	return true;
}

static uint64_t
microseconds(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

void
usage_reaped(struct usage *u, pid_t pid, const struct rusage *ru)
{
	uint64_t	rss = (uint64_t)ru->ru_maxrss * 1024;

	u->user_us += microseconds(ru->ru_utime);
	u->system_us += microseconds(ru->ru_stime);
	u->minor_faults += (uint64_t)ru->ru_minflt;
	u->major_faults += (uint64_t)ru->ru_majflt;
	u->voluntary += (uint64_t)ru->ru_nvcsw;
	u->involuntary += (uint64_t)ru->ru_nivcsw;
	if (rss > u->max_rss)
		u->max_rss = rss;
	/* Its id may soon be another's. */
	if (!take(&u->pids, pid))
		u->processes++;
}

void
usage_saw(struct usage *u, pid_t pid, pid_t session)
{
	if (add(&u->pids, pid))
		u->processes++;
	usage_saw_session(u, session);
}

void
usage_saw_session(struct usage *u, pid_t session)
{
	if (add(&u->sids, session))
		u->sessions++;
}
