/* Variables for each condition; see condition.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/faketime.h"
#include "common/xalloc.h"
#include "worker/condition.h"

#define DAY	86400	/* seconds */

/* ---- lists ---- */

static void
add(struct condition_env *e, char *text)
{
	if (e->n == CONDITION_OWN) {
		free(text);
		return;
	}
	e->own[e->n++] = text;
}

static bool
states(struct svs list, const char *text)
{
	size_t	n = strcspn(text, "=") + 1;

	for (uint32_t i = 0; i < list.n; i++) {
		if (list.v[i].n >= n && memcmp(list.v[i].p, text, n) == 0)
			return true;
	}
	return false;
}

/* Unless the test states it. */
static void
change(struct condition_env *e, const struct condition_facts *f, char *text)
{
	if (states(f->test_env, text))
		free(text);
	else
		add(e, text);
}

/* ---- languages ---- */

/*
 * With other letters and another order of them, a decimal comma, other messages: what is
 * compared, parsed or printed without a thought of that.  Turkish first, where the small
 * form of I has no dot; then Estonian, which has z before t.
 */
static const char *const languages[] = { "tr_TR.UTF-8", "et_EE.UTF-8", "de_DE.UTF-8",
	"fr_FR.UTF-8", "es_ES.UTF-8", "it_IT.UTF-8", "pl_PL.UTF-8", "cs_CZ.UTF-8",
	"ru_RU.UTF-8", "pt_BR.UTF-8", "nl_NL.UTF-8", "sv_SE.UTF-8", "da_DK.UTF-8" };

static bool
is_installed(const char *name)
{
	locale_t	l = newlocale(LC_ALL_MASK, name, (locale_t)0);

	if (l != (locale_t)0)
		freelocale(l);
	return l != (locale_t)0;
}

static const char *
installed(void)
{
	for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
		if (is_installed(languages[i]))
			return languages[i];
	}
	return NULL;
}

/* What a program would take as its language, in the order of setlocale(3). */
static const char *
current(char *const *env)
{
	static const char *const	names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char			*v;

	for (size_t i = 0; i < 3; i++) {
		v = env_get(env, names[i]);
		if (v != NULL && *v != '\0')
			return v;
	}
	return "C";
}

static bool
is_utf8(const char *name)
{
	return strcasestr(name, "utf-8") != NULL || strcasestr(name, "utf8") != NULL;
}

/* Where there is no other language there is another set of characters. */
static void
set_locale(struct condition_env *e, const struct condition_facts *f, char *const *env)
{
	const char	*name = installed(), *now = current(env);

	if (states(f->test_env, "LC_ALL=") || states(f->test_env, "LANG="))
		return;
	if (name == NULL)
		name = is_utf8(now) ? "C" : "C.UTF-8";
	change(e, f, xasprintf("LC_ALL=%s", name));
	change(e, f, xasprintf("LANG=%s", name));
}

/* ---- time ---- */

void
condition_midnight(uint64_t now, char *buf, size_t size)
{
	/* Local time is UTC less the offset. */
	long		off = (long)(now / 1000 % DAY) - (DAY - 2);
	char		sign;
	unsigned long	n;

	if (off <= -DAY / 2)
		off += DAY;
	sign = off < 0 ? '-' : '+';
	n = (unsigned long)labs(off);
	(void)snprintf(buf, size, "MID%c%02lu:%02lu:%02lu", sign, n / 3600, n / 60 % 60, n % 60);
}

int64_t
condition_shift_ms(uint64_t now, uint64_t number)
{
	static const int64_t	before[] = { 20, 200, 2000 };
	time_t			t = (time_t)(now / 1000);
	unsigned		what = (unsigned)(number / 2 % 3);
	struct tm		tm;

	(void)localtime_r(&t, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday = what == 0 ? tm.tm_mday + 1 : 1;
	if (what == 1)
		tm.tm_mon++;
	else if (what == 2) {
		tm.tm_mon = 0;
		tm.tm_year++;
	}
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000 - before[number / 6 % 3] - (int64_t)now;
}

static void
set_zone(struct condition_env *e, const struct condition_facts *f)
{
	char	tz[32];

	/* The first to have each day; in turn with the one that is about to. */
	if (f->number % 2 == 0) {
		change(e, f, xstrdup("TZ=Pacific/Kiritimati"));
		return;
	}
	condition_midnight(wall_ms(), tz, sizeof tz);
	change(e, f, xasprintf("TZ=%s", tz));
}

static void
append(struct condition_env *e, char *const *env, const char *name, const char *text)
{
	const char	*v = env_get(env, name);

	if (v != NULL && *v != '\0')
		add(e, xasprintf("%s=%s:%s", name, v, text));
	else
		add(e, xasprintf("%s=%s", name, text));
}

static void
set_clock(struct condition_env *e, const struct condition_facts *f, char *const *env)
{
	char		*library = faketime_find();
	int64_t		 ms = condition_shift_ms(wall_ms(), f->number);

	if (library == NULL)
		return;
	append(e, env, "LD_PRELOAD", library);
	/* A program with AddressSanitizer refuses to be second. */
	append(e, env, "ASAN_OPTIONS", "verify_asan_link_order=0");
	add(e, xasprintf("FAKETIME=%c%lld.%03lld", ms < 0 ? '-' : '+', llabs(ms) / 1000,
	    llabs(ms) % 1000));
	/* Durations stay what they are. */
	add(e, xstrdup("FAKETIME_DONT_FAKE_MONOTONIC=1"));
	free(library);
}

void
condition_tidy(const char *path)
{
	DIR		*dir = opendir(path);
	struct dirent	*e;
	struct stat	 st;
	int		 pid;
	char		 rest;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if ((sscanf(e->d_name, "faketime_shm_%d%c", &pid, &rest) == 1 ||
		    sscanf(e->d_name, "sem.faketime_sem_%d%c", &pid, &rest) == 1) &&
		    kill(pid, 0) == -1 && errno == ESRCH &&
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid == geteuid())
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	(void)closedir(dir);
}

/* ---- folders ---- */

int
condition_tmpdir(char **dir)
{
	char	*outer = xasprintf("%s" CONDITION_OUTER, *dir);
	char	*inner = xasprintf("%s" CONDITION_INNER, *dir);
	int	 r = 0;

	/* The umask of the run may take bits of ours. */
	if (mkdir(outer, 0700) == -1 || chmod(outer, 0700) == -1 || mkdir(inner, 0700) == -1 ||
	    chmod(inner, 0700) == -1)
		r = -errno;
	free(outer);
	free(*dir);
	*dir = inner;
	return r;
}

/* ---- the whole ---- */

/* Of every attempt: printf takes five times as long. */
static void
set(struct condition_env *e, const char *name, struct sv value)
{
	size_t	 n = strlen(name);
	char	*text = xcalloc(n + 1 + value.n + 1, 1);

	memcpy(text, name, n);
	text[n] = '=';
	if (value.n > 0)
		memcpy(text + n + 1, value.p, value.n);
	add(e, text);
}

static void
set_number(struct condition_env *e, const char *name, uint64_t value)
{
	char	 digits[24], *p = digits + sizeof digits;

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	set(e, name, (struct sv){ p, (size_t)(digits + sizeof digits - p) });
}

static void
set_seeds(struct condition_env *e, const struct condition_facts *f, unsigned seed)
{
	change(e, f, xasprintf("PYTHONHASHSEED=%u", seed));
	change(e, f, xasprintf("PERL_HASH_SEED=%u", seed));
}

static void
set_condition(struct condition_env *e, const struct condition_facts *f, char *const *env)
{
	switch (f->condition) {
	case FLAKE_ZONE:
		set_zone(e, f);
		break;
	case FLAKE_LOCALE:
		set_locale(e, f, env);
		break;
	case FLAKE_SEEDS:
		set_seeds(e, f, (unsigned)f->number);
		break;
	case FLAKE_CLOCK:
		set_clock(e, f, env);
		break;
	case FLAKE_FIXED_LAYOUT:
		set_seeds(e, f, 0);
		break;
	default:
		break;
	}
}

void
condition_env_make(struct condition_env *e, const struct condition_facts *f)
{
	e->n = 0;
	set(e, "TMPDIR", sv_from(f->tmpdir));
	set(e, "PARATEST_RUN_ID", sv_from(f->run));
	set(e, "PARATEST_TEST_NAME", f->name);
	set_number(e, "PARATEST_ATTEMPT", f->number);
	set_number(e, "PARATEST_SLOT", f->slot);
	set_number(e, "PARATEST_SEED", f->seed);
	e->list = env_list(f->run_env, f->test_env, e->own, e->n);
	if (f->condition == FLAKE_PLAIN)
		return;
	set_condition(e, f, e->list);
	env_list_free(e->list);
	e->list = env_list(f->run_env, f->test_env, e->own, e->n);
}

void
condition_env_free(struct condition_env *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->own[i]);
	env_list_free(e->list);
	*e = (struct condition_env){ .n = 0 };
}
