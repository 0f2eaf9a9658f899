/* Which groups there are, and what is in them; see cgroup.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/identity.h"
#include "common/log.h"
#include "supervisor/cgroup.h"
#include "supervisor/cgroup_int.h"
#include "supervisor/own_group.h"

#define PERIOD_US	100000	/* of the scheduler, in which a share of the CPU is given */
#define NEEDED		"memory pids"
#define PATHS		(CGROUP_PARTS * (PATH_MAX + 16))

struct group {			/* of a slot */
	bool		made;
	struct limits	limits;	/* that are set; 0: none */
};

struct cgroup {
	bool		 v2;
	bool		 own;			/* v2: below our own group */
	bool		 cpu;			/* v2: there is its controller */
	char		 base[CGROUP_PARTS][PATH_MAX];	/* v2: [0]; "": none */
	int		 lock[CGROUP_PARTS];		/* of those that were made; -1: not yet */
	struct cgroup_mounts mounts;
	bool		 untidy;
	struct group	*slots;			/* by number */
	unsigned	 nslots;
	char		 tag[32];		/* of the groups beside the machine's own */
	char		 name[PATH_MAX + 32];
	char		 word[PATHS];
};

/* ---- a limit into its files ---- */

static void
number(char *buf, size_t size, uint64_t v, const char *none)
{
	if (v == 0)
		(void)snprintf(buf, size, "%s", none);
	else
		(void)snprintf(buf, size, "%" PRIu64, v);
}

static int
write_v2(const char *dir, enum cgroup_part part, uint64_t v)
{
	char	text[64];

	switch (part) {
	case CGROUP_MEMORY:
		/* What was swapped out would be used without being counted. */
		(void)cgroup_write(dir, "memory.swap.max", v != 0 ? "0" : "max");
		number(text, sizeof text, v, "max");
		return cgroup_write(dir, "memory.max", text);
	case CGROUP_PIDS:
		number(text, sizeof text, v, "max");
		return cgroup_write(dir, "pids.max", text);
	default:
		(void)snprintf(text, sizeof text, "max %d", PERIOD_US);
		if (v != 0)
			(void)snprintf(text, sizeof text, "%" PRIu64 " %d", v * PERIOD_US / 1000,
			    PERIOD_US);
		return cgroup_write(dir, "cpu.max", text);
	}
}

static int
write_v1(const char *dir, enum cgroup_part part, uint64_t v)
{
	char	text[64];
	int	r;

	switch (part) {
	case CGROUP_MEMORY:
		number(text, sizeof text, v, "-1");
		/* Memory and swap together may never be less than memory. */
		(void)cgroup_write(dir, "memory.memsw.limit_in_bytes", "-1");
		r = cgroup_write(dir, "memory.limit_in_bytes", text);
		(void)cgroup_write(dir, "memory.memsw.limit_in_bytes", text);
		return r;
	case CGROUP_PIDS:
		number(text, sizeof text, v, "max");
		return cgroup_write(dir, "pids.max", text);
	default:
		(void)snprintf(text, sizeof text, "%d", PERIOD_US);
		r = cgroup_write(dir, "cpu.cfs_period_us", text);
		number(text, sizeof text, v * PERIOD_US / 1000, "-1");
		return r == 0 ? cgroup_write(dir, "cpu.cfs_quota_us", text) : r;
	}
}

/* ---- the groups of a slot ---- */

/* v2: "", "/test" or "/worker" below the slot's own.  False: too long. */
static bool
slot_path(const struct cgroup *g, int part, unsigned slot, const char *below, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/slot-%u%s", g->base[part], slot, below) < PATH_MAX;
}

static struct group *
group_of(struct cgroup *g, unsigned slot)
{
	struct group	*v;

	if (slot >= g->nslots) {
		v = reallocarray(g->slots, slot + 1, sizeof *v);
		if (v == NULL)
			return NULL;
		memset(v + g->nslots, 0, (slot + 1 - g->nslots) * sizeof *v);
		g->slots = v;
		g->nslots = slot + 1;
	}
	return &g->slots[slot];
}

/* Whoever our umask keeps out of files: workers go in there as their users. */
static int
make(const char *path)
{
	if (mkdir(path, 0755) == -1 && errno != EEXIST)
		return -errno;
	return chmod(path, 0755) == 0 ? 0 : -errno;
}

/* The controllers of the groups below this one.  That of devices only counts, where it is. */
static int
enable(const struct cgroup *g, const char *dir)
{
	int	r = cgroup_write(dir, "cgroup.subtree_control",
		    g->cpu ? "+memory +pids +cpu" : "+memory +pids");

	if (r == 0)
		(void)cgroup_write(dir, "cgroup.subtree_control", "+io");
	return r;
}

/* The files with which a worker starts tests into their group, of which the kernel asks
 * who opened them.  None that says how much they may have, and not the one that kills:
 * whoever opened it could do so when the group is another's. */
static int
give(const char *slot, const struct identity *who)
{
	static const char *const	files[] = { "/cgroup.procs", "/test/cgroup.procs" };
	char				path[PATH_MAX];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		if (snprintf(path, sizeof path, "%s%s", slot, files[i]) >= (int)sizeof path)
			return -ENAMETOOLONG;
		if (chown(path, who->uid, (gid_t)-1) == -1)
			return -errno;
	}
	return 0;
}

static int
make_v2(struct cgroup *g, struct group *s, unsigned slot, const struct identity *who)
{
	char	dir[PATH_MAX], test[PATH_MAX], worker[PATH_MAX];
	int	r;

	if (!slot_path(g, 0, slot, "", dir) || !slot_path(g, 0, slot, "/test", test) ||
	    !slot_path(g, 0, slot, "/worker", worker))
		return -ENAMETOOLONG;
	/* What tests left in memory that belongs to no process counts in there until it is
	 * gone: the next worker has a new one.  While somebody still dies in it, it stays. */
	if (rmdir(test) == 0) {
		s->made = false;
		memset(&s->limits, 0, sizeof s->limits);
	}
	r = make(dir);
	if (r == 0 && !s->made) {
		r = enable(g, dir);
		if (r == 0)
			r = make(test);
		if (r == 0)
			r = make(worker);
		if (r == 0)
			(void)cgroup_write(test, "memory.oom.group", "1");
		/* It may be there with those of a supervisor before us. */
		for (int i = 0; i < CGROUP_PARTS && r == 0; i++)
			r = cgroup_holds(g, cgroup_parts[i].limit) ?
			    write_v2(test, (enum cgroup_part)i, 0) : 0;
		s->made = r == 0;
	}
	return r == 0 && who != NULL ? give(dir, who) : r;
}

static int
make_v1(struct cgroup *g, struct group *s, unsigned slot)
{
	char	dir[PATH_MAX];
	int	r = 0;

	for (int i = 0; i < CGROUP_PARTS && r == 0; i++) {
		if (g->mounts.v1[i][0] == '\0')
			continue;
		if (g->lock[i] == -1)
			r = cgroup_make_base(g->base[i], &g->lock[i]);
		if (r == 0)
			r = slot_path(g, i, slot, "", dir) ? make(dir) : -ENAMETOOLONG;
	}
	s->made = r == 0;
	return r;
}

int
cgroup_limit(struct cgroup *g, unsigned slot, const struct limits *l)
{
	struct group	*s;
	char		 dir[PATH_MAX];
	int		 r = 0;

	if (g == NULL)
		return 0;
	s = group_of(g, slot);
	if (s == NULL)
		return -ENOMEM;
	if (g->v2 && !s->made)
		return limits_any(l) ? -ENOENT : 0;
	for (int i = 0; i < CGROUP_PARTS && r == 0; i++) {
		enum limit	which = cgroup_parts[i].limit;
		uint64_t	v = l->v[which], *set = &s->limits.v[which];

		if (v == *set || !cgroup_holds(g, which))
			continue;
		if (!g->v2 && !s->made)
			r = make_v1(g, s, slot);
		if (r == 0 && !slot_path(g, g->v2 ? 0 : i, slot, g->v2 ? "/test" : "", dir))
			r = -ENAMETOOLONG;
		if (r == 0)
			r = g->v2 ? write_v2(dir, (enum cgroup_part)i, v) :
			    write_v1(dir, (enum cgroup_part)i, v);
		if (r == 0)
			*set = v;
	}
	return r;
}

/* The groups of v1 are only named: they are made when they are needed. */
static const char *
name_v1(struct cgroup *g, unsigned slot)
{
	size_t	n = 0;

	g->word[0] = '\0';
	for (int i = 0; i < CGROUP_PARTS; i++) {
		if (g->base[i][0] != '\0')
			n += (size_t)snprintf(g->word + n, sizeof g->word - n, "%s%s:%s/slot-%u",
			    n > 0 ? "," : "", cgroup_parts[i].controller, g->base[i], slot);
	}
	return g->word;
}

const char *
cgroup_worker(struct cgroup *g, unsigned slot, const struct identity *who)
{
	struct group	*s = g != NULL ? group_of(g, slot) : NULL;
	int		 r;

	if (s == NULL)
		return NULL;
	cgroup_kill(g, slot);
	if (!g->v2)
		return name_v1(g, slot);
	r = make_v2(g, s, slot, who);
	if (r != 0) {
		log_warn("cgroup", "no group for worker %u: %s", slot, strerror(-r));
		return NULL;
	}
	return slot_path(g, 0, slot, "", g->word) ? g->word : NULL;
}

void
cgroup_kill(struct cgroup *g, unsigned slot)
{
	char	dir[PATH_MAX];

	if (g == NULL || slot >= g->nslots || !g->slots[slot].made)
		return;
	for (int i = 0; i < (g->v2 ? 1 : CGROUP_PARTS); i++) {
		if (g->base[i][0] != '\0' && slot_path(g, i, slot, "", dir))
			cgroup_kill_all(dir);
	}
}

bool
cgroup_holds(const struct cgroup *g, enum limit which)
{
	enum cgroup_part	part = cgroup_part_of(which);

	if (g == NULL || part == CGROUP_PARTS)
		return false;
	return g->v2 ? part != CGROUP_CPU || g->cpu : g->mounts.v1[part][0] != '\0';
}

int
cgroup_can(const struct cgroup *g, const struct limits *l, bool root, char why[CGROUP_WHY])
{
	if (l->v[LIMIT_PROCESSES] != 0 && root && !cgroup_holds(g, LIMIT_PROCESSES)) {
		(void)snprintf(why, CGROUP_WHY, "its limit of processes cannot be enforced: "
		    "tests run as root here, and there is no control group with the pids "
		    "controller; leave it out, or run as an ordinary user");
		return -ENOTSUP;
	}
	if (l->v[LIMIT_CPU] % 1000 != 0 && !cgroup_holds(g, LIMIT_CPU)) {
		(void)snprintf(why, CGROUP_WHY, "its limit of cpu cannot be enforced: for a part "
		    "of one there must be a control group with the cpu controller; give whole CPUs");
		return -ENOTSUP;
	}
	return 0;
}

bool
cgroup_for_all(const struct cgroup *g)
{
	return g != NULL && g->v2;
}

const char *
cgroup_name(const struct cgroup *g)
{
	return g != NULL ? g->name : NULL;
}

/* ---- which there are ---- */

/* Below our own group, which then has no process of its own but in groups below it. */
static int
take_own(struct cgroup *g)
{
	char	path[PATH_MAX], own[PATH_MAX], dir[PATH_MAX];
	int	r = own_group("", NULL, path, sizeof path);

	if (r != 0 || g->mounts.v2[0] == '\0')
		return -ENOENT;
	if (snprintf(own, sizeof own, "%s%s", g->mounts.v2, path) >= (int)sizeof own - 16)
		return -ENAMETOOLONG;
	if (access(own, W_OK) == -1 || !cgroup_has_words(own, "cgroup.controllers", NEEDED))
		return -EPERM;
	g->cpu = cgroup_has_words(own, "cgroup.controllers", "cpu");
	(void)snprintf(dir, sizeof dir, "%.*s/main", PATH_MAX - 16, own);
	r = make(dir);
	if (r == 0)
		r = cgroup_write(dir, "cgroup.procs", "0");
	if (r != 0)
		return r;
	r = enable(g, own);
	if (r != 0) {		/* others are in there */
		(void)cgroup_write(own, "cgroup.procs", "0");
		(void)rmdir(dir);
		return r;
	}
	g->own = true;
	(void)snprintf(g->base[0], PATH_MAX, "%.*s/jobs", PATH_MAX - 16, own);
	r = make(g->base[0]);
	return r == 0 ? enable(g, g->base[0]) : r;
}

/* The place of our groups beside those of the machine.  False: too long. */
static bool
name_base(struct cgroup *g, int part, const char *mount)
{
	char	*base = g->base[part];

	(void)strlcpy(base, mount, PATH_MAX);
	(void)strlcat(base, "/" CGROUP_PREFIX, PATH_MAX);
	return strlcat(base, g->tag, PATH_MAX) < PATH_MAX - 64;
}

/* Beside the groups of the machine. */
static int
take_beside(struct cgroup *g)
{
	const char	*mount = g->mounts.v2;
	int		 r;

	if (geteuid() != 0 || mount[0] == '\0' ||
	    !cgroup_has_words(mount, "cgroup.subtree_control", NEEDED))
		return -EPERM;
	g->cpu = cgroup_has_words(mount, "cgroup.subtree_control", "cpu");
	g->untidy = cgroup_remove_stale(mount);
	r = name_base(g, 0, mount) ? cgroup_make_base(g->base[0], &g->lock[0]) : -ENAMETOOLONG;
	return r == 0 ? enable(g, g->base[0]) : r;
}

static int
take_v1(struct cgroup *g)
{
	bool	any = false;

	if (geteuid() != 0)
		return -EPERM;
	for (int i = 0; i < CGROUP_PARTS; i++) {
		if (g->mounts.v1[i][0] == '\0' || access(g->mounts.v1[i], W_OK) == -1) {
			g->mounts.v1[i][0] = '\0';
			continue;
		}
		any |= name_base(g, i, g->mounts.v1[i]);
		g->untidy |= cgroup_remove_stale(g->mounts.v1[i]);
	}
	return any ? 0 : -ENOENT;
}

struct cgroup *
cgroup_new(bool service)
{
	struct cgroup	*g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	for (int i = 0; i < CGROUP_PARTS; i++)
		g->lock[i] = -1;
	/* The same pid may be in another namespace, with the same groups. */
	(void)snprintf(g->tag, sizeof g->tag, "%d-%08x", (int)getpid(), (unsigned)arc4random());
	if (cgroup_find_mounts(&g->mounts) != 0) {
		free(g);
		return NULL;
	}
	g->v2 = true;
	if ((geteuid() == 0 && !service ? take_beside(g) : take_own(g)) == 0) {
		(void)snprintf(g->name, sizeof g->name, "cgroup v2 in %s", g->base[0]);
		return g;
	}
	g->v2 = false;
	g->base[0][0] = '\0';
	if (!service && take_v1(g) == 0) {
		(void)snprintf(g->name, sizeof g->name, "cgroup v1, for tests with limits");
		return g;
	}
	cgroup_free(g);
	return NULL;
}

void
cgroup_tidy(struct cgroup *g)
{
	if (g == NULL || !g->untidy)
		return;
	g->untidy = false;
	if (g->v2)
		g->untidy = cgroup_remove_stale(g->mounts.v2);
	for (int i = 0; i < CGROUP_PARTS && !g->v2; i++) {
		if (g->mounts.v1[i][0] != '\0')
			g->untidy |= cgroup_remove_stale(g->mounts.v1[i]);
	}
}

void
cgroup_free(struct cgroup *g)
{
	if (g == NULL)
		return;
	for (int i = 0; i < CGROUP_PARTS; i++) {
		if (g->lock[i] == -1 && !(g->own && i == 0))
			continue;
		if (cgroup_remove(g->base[i]) != 0) {
			cgroup_kill_all(g->base[i]);
			(void)cgroup_remove(g->base[i]);
		}
		if (g->lock[i] != -1)
			(void)close(g->lock[i]);
	}
	free(g->slots);
	free(g);
}
