/* A real worker and the changed conditions of flake detection. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/faketime.h"
#include "tests/integ/worker_rig.h"
#include "worker/condition.h"
#include "worker/exec.h"

static struct rig	g;

static int
start(void **state)
{
	(void)state;
	rig_start(&g, 1000, 60000);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_stop(&g);
	return 0;
}

/* What a shell line prints under a condition. */
static const char *
prints(const char *line, enum flake_condition condition)
{
	struct msg_test_add	t = rig_test(SH(line));
	struct rig_options	o = { .condition = condition };

	rig_run(&g, &t, &o);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	return g.r.streams[1].p;
}

/* The n-th attempt of it. */
static const char *
nth_prints(const char *line, enum flake_condition condition, uint64_t n)
{
	struct msg_test_add	t = rig_test(SH(line));
	struct rig_options	o = { .condition = condition, .number = n };

	rig_run(&g, &t, &o);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	return g.r.streams[1].p;
}

static void
each_changes_what_it_says(void **state)
{
	char	plain[16];

	(void)state;
	(void)snprintf(plain, sizeof plain, "%s", prints("nice", FLAKE_PLAIN));
	assert_string_equal(prints("nice", FLAKE_LOW_PRIORITY), "10\n");
	assert_string_equal(prints("nproc", FLAKE_ONE_CPU), "1\n");
	assert_string_equal(nth_prints("echo $TZ; date +%z", FLAKE_ZONE, 2),
	    "Pacific/Kiritimati\n+1400\n");
	assert_string_equal(prints("nice", FLAKE_LOADED), "10\n");
	assert_string_equal(prints("echo $PYTHONHASHSEED", FLAKE_SEEDS), "1\n");
	assert_string_equal(prints("echo $PYTHONHASHSEED", FLAKE_FIXED_LAYOUT), "0\n");
	/* Of the next attempt nothing is changed. */
	assert_string_equal(prints("nice", FLAKE_PLAIN), plain);
	assert_string_equal(prints("echo \"$TZ\"", FLAKE_PLAIN), "\n");
	/* One that is not known is none. */
	assert_string_equal(prints("nice", (enum flake_condition)99), plain);
}

static void
few_files(void **state)
{
	const char	*soft;
	char		 hard[32], plain[32];

	(void)state;
	(void)snprintf(hard, sizeof hard, "%s", prints("ulimit -Hn", FLAKE_PLAIN));
	(void)snprintf(plain, sizeof plain, "%s", prints("ulimit -Sn", FLAKE_PLAIN));
	soft = prints("ulimit -Sn", FLAKE_FEW_FILES);
	assert_int_equal(strtol(soft, NULL, 10), strcmp(plain, "unlimited\n") != 0 &&
	    strtol(plain, NULL, 10) < EXEC_FEW_FILES ? strtol(plain, NULL, 10) : EXEC_FEW_FILES);
	/* Who asks for more gets it. */
	assert_string_equal(prints("ulimit -Hn", FLAKE_FEW_FILES), hard);
}

/* Which may be past when it is looked at. */
static void
assert_around_midnight(const char *hour_minute)
{
	assert_non_null(strstr("23:59\n 00:00\n", hour_minute));
}

/* In turn far away and just before midnight, wherever that is now. */
static void
zones(void **state)
{
	char		 tz[32];

	(void)state;
	assert_around_midnight(nth_prints("date +%H:%M", FLAKE_ZONE, 11));
	assert_string_equal(nth_prints("echo $TZ", FLAKE_ZONE, 10), "Pacific/Kiritimati\n");
	condition_midnight(0, tz, sizeof tz);
	assert_string_equal(tz, "MID+00:00:02");
	condition_midnight(UINT64_C(86400000) * 20000 + 3661000, tz, sizeof tz);
	assert_string_equal(tz, "MID+01:01:03");
	condition_midnight(UINT64_C(86400000) * 20000 + 12 * 3600000, tz, sizeof tz);
	assert_string_equal(tz, "MID-11:59:58");
}

static void
another_language(void **state)
{
	const char	*name = prints("echo \"$LC_ALL\"", FLAKE_LOCALE);

	(void)state;
	/* The rig states none, which is C. */
	assert_string_not_equal(name, "\n");
	assert_string_not_equal(name, "C\n");
	/* It is one that is there: what is not would be complained about. */
	assert_string_equal(prints("perl -e 1 2>&1", FLAKE_LOCALE), "");
}

static void
a_deeper_folder(void **state)
{
	const char	*dir = prints("echo \"$TMPDIR\"; cd \"$TMPDIR\" && touch x && pwd && "
			    "chmod 500 ..", FLAKE_TMPDIR);

	(void)state;
	rig_assert_contains(dir, CONDITION_INNER "\n");
	assert_int_equal(strstr(dir, "\n") - dir, strlen(strstr(dir, "\n") + 1) - 1);
	/* With room for a socket in it. */
	assert_true(strcspn(dir, "\n") < 80);
	assert_null(strstr(prints("echo \"$TMPDIR\"", FLAKE_PLAIN), " "));
}

/* What a test states it needs. */
static void
what_a_test_states_stays(void **state)
{
	struct msg_test_add	t = rig_test(SH("echo $TZ $LC_ALL $LANG $PYTHONHASHSEED"));
	static const enum flake_condition all[] = { FLAKE_ZONE, FLAKE_LOCALE, FLAKE_SEEDS,
	    FLAKE_FIXED_LAYOUT };

	(void)state;
	t.env = LIST("TZ=UTC", "LC_ALL=C", "PYTHONHASHSEED=7");
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct rig_options	o = { .condition = all[i] };

		rig_run(&g, &t, &o);
		assert_string_equal(g.r.streams[1].p, "UTC C 7\n");
	}
}

static void
one_layout(void **state)
{
	static const char	line[] = "grep -m1 '\\[stack\\]' /proc/self/maps | cut -d' ' -f1";
	char			first[64];
	int			now = personality(0xffffffff);

	(void)state;
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) == -1)
		skip();		/* a container can forbid it */
	(void)personality((unsigned long)now);
	(void)snprintf(first, sizeof first, "%s", prints(line, FLAKE_FIXED_LAYOUT));
	assert_true(first[0] != '\0');
	assert_string_equal(prints(line, FLAKE_FIXED_LAYOUT), first);
	assert_string_not_equal(prints(line, FLAKE_PLAIN), first);
}

static void
another_time_of_day(void **state)
{
	char	*library = faketime_find(), path[64];
	pid_t	 pid;

	(void)state;
	if (library == NULL)
		skip();
	free(library);
	for (uint64_t n = 0; n < 6; n += 2)
		assert_around_midnight(nth_prints("date +%H:%M", FLAKE_CLOCK, n + 12));
	assert_non_null(strstr("12-31\n 01-01\n", nth_prints("date +%m-%d", FLAKE_CLOCK, 16)));
	/* The library leaves a name behind, we do not. */
	pid = rig_pid(nth_prints("echo $$; date >/dev/null", FLAKE_CLOCK, 2));
	(void)snprintf(path, sizeof path, "/dev/shm/faketime_shm_%d", (int)pid);
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(path, sizeof path, "/dev/shm/sem.faketime_sem_%d", (int)pid);
	assert_int_equal(access(path, F_OK), -1);
}

/* The day, the month, the year in turn; each 20 ms, 200 ms, 2 s before its end. */
static void
shifts_of_the_clock(void **state)
{
	const uint64_t	now = UINT64_C(1700000000000);	/* 2023-11-14 22:13:20 UTC */

	(void)state;
	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	assert_int_equal(condition_shift_ms(now, 0), 6400000 - 20);
	assert_int_equal(condition_shift_ms(now, 6), 6400000 - 200);
	assert_int_equal(condition_shift_ms(now, 12), 6400000 - 2000);
	assert_int_equal(condition_shift_ms(now, 2), 6400000 + INT64_C(16) * 86400000 - 20);
	assert_int_equal(condition_shift_ms(now, 4), 6400000 + INT64_C(47) * 86400000 - 20);
	(void)unsetenv("TZ");
}

/* ---- none makes a sound test fail ---- */

static const struct {
	const char	*needs, *line;
} sound[] = {
	{ "sh", "i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done; [ $i = 200 ]" },
	{ "sleep", "sleep 0.02" },
	{ "sort", "seq 2000 | sort -R | sort -n | head -1 | grep -qx 1" },
	{ "mktemp", "d=$(mktemp -d) && echo a >\"$d/f\" && [ \"$(cat \"$d/f\")\" = a ]" },
	{ "awk", "seq 100 | awk '{ s += $1 } END { exit s != 5050 }'" },
	{ "cc", "cd \"$TMPDIR\" && printf 'int main(void) { return 0; }' >a.c && cc -o a a.c "
	    "&& ./a" },
	{ "make", "cd \"$TMPDIR\" && printf 'b: a\n\tcp a b\n' >Makefile && echo x >a && "
	    "make -s && make -q" },
	{ "git", "cd \"$TMPDIR\" && HOME=$PWD && export HOME && git init -q . && echo x >f && "
	    "git add f && git -c user.name=n -c user.email=e commit -qm m && "
	    "[ -z \"$(git status --porcelain)\" ]" },
	{ "perl", "perl -e 'my %h = map { $_ => 1 } 1 .. 99; exit(keys(%h) != 99)'" },
	{ "python3", "python3 -c 'import tempfile, threading, time, subprocess\n"
	    "with tempfile.TemporaryFile() as f: f.write(b\"a\")\n"
	    "t = threading.Thread(target=time.sleep, args=(0.02,)); t.start(); t.join()\n"
	    "assert subprocess.run([\"true\"]).returncode == 0\n'" },
};

static bool
is_there(const char *program)
{
	char	line[64];

	(void)snprintf(line, sizeof line, "command -v %s >/dev/null && echo yes || true", program);
	return strcmp(prints(line, FLAKE_PLAIN), "yes\n") == 0;
}

static void
a_sound_test_stays_sound(void **state)
{
	const uint32_t	harmless = FLAKE_USUAL | 1u << FLAKE_FIXED_LAYOUT | 1u << FLAKE_COPIES;

	(void)state;
	for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
		if (!is_there(sound[i].needs)) {
			print_message("no %s here\n", sound[i].needs);
			continue;
		}
		for (unsigned c = FLAKE_PLAIN; c < FLAKE_CONDITION_COUNT; c++) {
			struct msg_test_add	t = rig_test(SH(sound[i].line));
			struct rig_options	o = { .condition = (enum flake_condition)c };

			if (c != FLAKE_PLAIN && (harmless >> c & 1) == 0)
				continue;
			o.number = i % 2 == 0 ? 2 : 4;
			rig_run(&g, &t, &o);
			if (g.r.m.outcome != OUTCOME_PASS)
				fail_msg("%s when %s: %s\n%s", sound[i].needs,
				    flake_condition_name(c), g.r.message, g.r.streams[0].p);
		}
	}
}

static void
hooks_are_left_alone(void **state)
{
	struct msg_test_add	t = rig_test(SH("nice"));
	struct rig_options	o = { .condition = FLAKE_LOW_PRIORITY };
	const char		*last;

	(void)state;
	if (getpriority(PRIO_PROCESS, 0) >= EXEC_NICE)
		skip();		/* all is of low priority here */
	t.setup = SH("nice");
	t.teardown = SH("nice");
	rig_run(&g, &t, &o);
	rig_assert_outcome(&g, OUTCOME_PASS, CATEGORY_NONE);
	last = strstr(g.r.streams[1].p, "10\n");
	assert_non_null(last);
	assert_true(last > g.r.streams[1].p);
	assert_string_not_equal(last, "10\n");
	assert_null(strstr(last + 1, "10\n"));
}

static char
state_of(pid_t pid)
{
	char	path[64], buf[512], *p;
	FILE	*f;
	size_t	n;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, sizeof buf - 1, f);
	(void)fclose(f);
	buf[n] = '\0';
	p = strrchr(buf, ')');
	assert_non_null(p);
	return p[2];
}

/* Waits until the process is stopped, or is not. */
static void
until_stopped(pid_t pid, bool stopped)
{
	uint64_t	end = now_ms() + RIG_DEADLINE_MS;

	while ((state_of(pid) == 'T') != stopped) {
		if (now_ms() > end)
			fail_msg("process %d is never %s", (int)pid,
			    stopped ? "stopped" : "let go");
		(void)poll(NULL, 0, 1);
	}
}

static void
a_test_is_paused_again_and_again(void **state)
{
	struct msg_test_add	t = rig_test(SH("echo $$ up; exec sleep 60"));
	struct rig_options	o = { .condition = FLAKE_PAUSED, .follow = true,
				    .grace_ms = 30000 };
	uint64_t		id = rig_begin(&g, &t, &o);
	pid_t			pid;

	(void)state;
	rig_until_live(&g, "up");
	pid = rig_pid(g.r.live.p);
	for (int i = 0; i < 3; i++) {
		until_stopped(pid, true);
		until_stopped(pid, false);
	}
	/* It hears a TERM all the same. */
	rig_abort(&g, id, false, false);
	rig_finish(&g);
	rig_assert_outcome(&g, OUTCOME_CANCELLED, CATEGORY_NONE);
	assert_int_equal(g.r.m.signal, 15);
}

/* Also at its own timeout, and one that ends while it is stopped or not. */
static void
a_paused_test_ends(void **state)
{
	struct msg_test_add	hang = rig_test(LIST(rig_helper("hang")));
	struct rig_options	o = { .condition = FLAKE_PAUSED, .timeout_ms = 300,
				    .grace_ms = 30000 };

	(void)state;
	rig_run(&g, &hang, &o);
	rig_assert_outcome(&g, OUTCOME_TIMEOUT, CATEGORY_TIMEOUT);
	assert_null(g.r.leaked[0]);
	for (int i = 0; i < 20; i++)
		assert_string_equal(prints("sleep 0.01; echo a", FLAKE_PAUSED), "a\n");
}

/* Longer than anybody waits in it: what is not ready after 0.2 s is too late. */
static void
a_pause_is_as_long_as_the_test(void **state)
{
	struct msg_test_add	t = rig_test(SH("cd \"$TMPDIR\" || exit 0;"
				    "(sleep 0.01; echo ready >reply) & sleep 0.2; test -e reply"));
	struct rig_options	o = { .condition = FLAKE_PAUSED, .usual_ms = 400 };
	unsigned		n;

	(void)state;
	for (n = 0; n < 100; n++) {
		rig_run(&g, &t, &o);
		if (g.r.m.outcome == OUTCOME_FAIL)
			break;
	}
	assert_true(n < 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_changes_what_it_says, start, stop),
		cmocka_unit_test_setup_teardown(few_files, start, stop),
		cmocka_unit_test_setup_teardown(zones, start, stop),
		cmocka_unit_test_setup_teardown(another_language, start, stop),
		cmocka_unit_test_setup_teardown(a_deeper_folder, start, stop),
		cmocka_unit_test_setup_teardown(what_a_test_states_stays, start, stop),
		cmocka_unit_test_setup_teardown(one_layout, start, stop),
		cmocka_unit_test_setup_teardown(another_time_of_day, start, stop),
		cmocka_unit_test(shifts_of_the_clock),
		cmocka_unit_test_setup_teardown(a_sound_test_stays_sound, start, stop),
		cmocka_unit_test_setup_teardown(hooks_are_left_alone, start, stop),
		cmocka_unit_test_setup_teardown(a_test_is_paused_again_and_again, start, stop),
		cmocka_unit_test_setup_teardown(a_paused_test_ends, start, stop),
		cmocka_unit_test_setup_teardown(a_pause_is_as_long_as_the_test, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
