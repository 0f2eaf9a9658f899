/*
 * What one user's two hundred hostile connections cost the others of a service.  In turn, in
 * each round: nobody is hostile; they are, at a socket of which nobody takes any notice; they
 * are, at the service.  The second is what the host gives them, and what a service cannot help:
 * they never rest, and use a CPU for that.  They have used up the burst that everybody has
 * when the run begins.  Needs root, for there to be users.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/service.h"
#include "bench/table.h"
#include "common/clock.h"
#include "common/fdutil.h"
#include "common/rmtree.h"
#include "ctl/client.h"
#include "tests/integ/hostile.h"

#define HOSTILE_TESTS	5000
#define HOSTILE_ROUNDS	5
#define HOSTILE_EVERY_MS 5	/* between two pings */
#define HOSTILE_SETTLE_MS 1500	/* longer than the burst that everybody has, see guests.h */
#define HOSTILE_KEEP	0.95	/* of the speed */
#define HOSTILE_PING_MS	50
#define VICTIM		"4001"
#define ATTACKER	4002
#define NO_RUN		"00112233445566778899aabbccddeeff"

enum leg { ALONE, IGNORED, HERE, N_LEGS };

struct scene {
	struct bench	*b;
	char		 dir[40];	/* that all users may enter */
	char		 ctl[64], suite[64];
	struct service	 here;
	char		 ignored[80];	/* a socket, and its descriptor */
	int		 ignored_fd;
	struct client	*pinger;
	struct samples	 speed[N_LEGS];	/* tests/s */
	struct samples	 ping[N_LEGS];
	struct samples	 kept[N_LEGS];	/* of the speed alone in the same round */
	struct samples	 left;		/* of the speed beside those that are ignored */
	struct samples	 cpu[N_LEGS];	/* that the supervisor takes, share of all CPUs */
	struct samples	 theirs[N_LEGS];	/* and those that are hostile */
};

/* A service as root, in a folder of its own. */
static int
start_service(struct scene *sc, const char *name, struct service *s)
{
	char		 program[BENCH_PATH + 16], state[80], scratch[80], log[80];
	const char	*argv[] = { program, "--service", "--socket", s->socket, "--state", state,
	    "--scratch", scratch, "--ready-fd", "3", NULL };
	struct proc	 p = { .argv = argv, .err = log };
	struct pollfd	 ready;
	int		 fds[2], r;

	(void)snprintf(program, sizeof program, "%s/paratestd", sc->b->bin);
	(void)snprintf(s->socket, sizeof s->socket, "%s/%s.sock", sc->dir, name);
	(void)snprintf(state, sizeof state, "%s/%s.state", sc->dir, name);
	(void)snprintf(scratch, sizeof scratch, "%s/%s.scratch", sc->dir, name);
	(void)snprintf(log, sizeof log, "%s/%s.log", sc->dir, name);
	if (pipe2(fds, O_CLOEXEC) == -1)
		return bench_fail(-errno, "pipe: %s", strerror(errno));
	p.ready_fd = fds[1];
	r = proc_start(&p, &s->pid);
	fd_close(&fds[1]);
	ready = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	if (r == 0 && (poll(&ready, 1, SERVICE_SHORT_MS) != 1 || !(ready.revents & POLLIN)))
		r = bench_fail(-EIO, "the service does not start; see %s", log);
	fd_close(&fds[0]);
	return r;
}

static int
listen_and_ignore(struct scene *sc)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };

	(void)snprintf(sc->ignored, sizeof sc->ignored, "%s/ignored.sock", sc->dir);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", sc->ignored);
	sc->ignored_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sc->ignored_fd == -1 || bind(sc->ignored_fd, (struct sockaddr *)&sa, sizeof sa) == -1 ||
	    chmod(sc->ignored, 0666) == -1 || listen(sc->ignored_fd, 128) == -1)
		return bench_fail(-errno, "%s: %s", sc->ignored, strerror(errno));
	return 0;
}

static int
set_up(struct scene *sc)
{
	char			program[BENCH_PATH + 16];
	const char		*argv[] = { "cp", program, sc->ctl, NULL };
	struct proc		p = { .argv = argv };
	struct proc_usage	u;
	struct client_error	e = { .code = 0 };
	int			r;

	(void)snprintf(sc->dir, sizeof sc->dir, "/tmp/paratest-hostile.XXXXXX");
	if (mkdtemp(sc->dir) == NULL || chmod(sc->dir, 0755) == -1)
		return bench_fail(-errno, "%s: %s", sc->dir, strerror(errno));
	(void)snprintf(sc->ctl, sizeof sc->ctl, "%s/paratestctl", sc->dir);
	(void)snprintf(sc->suite, sizeof sc->suite, "%s/suite.yaml", sc->dir);
	(void)snprintf(program, sizeof program, "%s/paratestctl", sc->b->bin);
	r = proc_run(sc->b, &p, SERVICE_SHORT_MS, &u);
	if (r == 0)
		r = bench_write_suite(sc->suite, HOSTILE_TESTS, "[/bin/true]");
	if (r == 0 && (chmod(sc->ctl, 0755) == -1 || chmod(sc->suite, 0644) == -1))
		r = bench_fail(-errno, "%s: %s", sc->dir, strerror(errno));
	if (r == 0)
		r = start_service(sc, "here", &sc->here);
	if (r == 0)
		r = listen_and_ignore(sc);
	if (r == 0) {
		sc->pinger = client_open(sc->here.socket, false, &e);
		if (sc->pinger == NULL)
			r = bench_fail(-EIO, "%s", e.text);
	}
	return r;
}

/* And waits until they have settled. */
static int
start_hostile(const char *path, pid_t *ret)
{
	int	fds[2];
	char	c;

	if (pipe(fds) == -1)
		return bench_fail(-errno, "pipe: %s", strerror(errno));
	*ret = fork();
	if (*ret == 0) {
		fd_close(&fds[0]);
		hostile_be(path, ATTACKER, ATTACKER, NO_RUN, fds[1]);
	}
	fd_close(&fds[1]);
	if (*ret == -1 || read(fds[0], &c, 1) != 1) {
		fd_close(&fds[0]);
		return bench_fail(-EIO, "nobody can be hostile here");
	}
	fd_close(&fds[0]);
	(void)poll(NULL, 0, HOSTILE_SETTLE_MS);
	return 0;
}

/* Pings for as long as this process is there. */
static int
ping_until(struct scene *sc, pid_t pid, struct samples *ret)
{
	struct msg_ping		m = { .has = 0 };
	struct client_error	e;
	siginfo_t		si = { .si_pid = 0 };
	uint64_t		start;
	int			r;

	while (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == 0) {
		start = now_us();
		r = client_request(sc->pinger, MSG_PING, &m, NULL, NULL, &e);
		if (r != 0)
			return bench_fail(r, "ping: %s", e.text);
		samples_add(ret, (double)(now_us() - start) / 1000);
		(void)poll(NULL, 0, HOSTILE_EVERY_MS);
	}
	return 0;
}

/* One run of the victim's. */
static int
run(struct scene *sc, enum leg leg, double *ret_speed)
{
	const char		*argv[] = { "setpriv", "--reuid=" VICTIM, "--regid=" VICTIM,
	    "--clear-groups", sc->ctl, "--socket", sc->here.socket, "run", "-q", "-j", "2",
	    sc->suite, NULL };
	struct proc		p = { .argv = argv };
	struct proc_usage	u;
	uint64_t		cpu = proc_cpu_ns(sc->here.pid);
	uint64_t		start = now_us();
	pid_t			pid;
	int			r = proc_start(&p, &pid), r1;

	if (r != 0)
		return r;
	r = ping_until(sc, pid, &sc->ping[leg]);
	cpu = proc_cpu_ns(sc->here.pid) - cpu;
	samples_add(&sc->cpu[leg], (double)cpu / 1e3 / (double)(now_us() - start) / sc->b->width);
	*ret_speed = HOSTILE_TESTS * 1e6 / (double)(now_us() - start);
	r1 = proc_wait(sc->b, pid, SERVICE_LONG_MS, &u);
	if (r == 0 && r1 == 0 && u.code != 0)
		r1 = bench_fail(-EIO, "a run ends with code %d", u.code);
	return r != 0 ? r : r1;
}

static int
play(struct scene *sc, enum leg leg, double *ret_speed)
{
	uint64_t	before, start;
	pid_t		hostile = 0;
	int		r = 0;

	if (leg != ALONE)
		r = start_hostile(leg == HERE ? sc->here.socket : sc->ignored, &hostile);
	before = hostile > 0 ? proc_cpu_ns(hostile) : 0;
	start = now_us();
	if (r == 0)
		r = run(sc, leg, ret_speed);
	if (hostile > 0)
		samples_add(&sc->theirs[leg], (double)(proc_cpu_ns(hostile) - before) / 1e3 /
		    (double)(now_us() - start) / sc->b->width);
	if (hostile > 0) {
		(void)kill(hostile, SIGKILL);
		(void)waitpid(hostile, NULL, 0);
	}
	return r;
}

static void
show(const struct scene *sc, json_t *figures)
{
	static const char *const	names[] = { "alone", "200 that are ignored", "200 here" };
	static const char *const	keys[] = { "alone", "ignored", "here" };
	struct table			t = { NULL, 0 };
	char				title[120], bar[64], left[16];

	table_row(&t, "hostile|tests/s|of alone|of ignored||supervisor's CPU|their own|ping p50 "
	    "ms|p99 ms|");
	for (size_t i = 0; i < N_LEGS; i++) {
		double	kept = samples_median(&sc->kept[i]), p99 = samples_rank(&sc->ping[i], 99);
		json_t	*o = json_object();

		left[0] = bar[0] = '\0';
		if (i == HERE) {
			(void)snprintf(left, sizeof left, "%.2f", samples_median(&sc->left));
			(void)snprintf(bar, sizeof bar, "%s",
			    table_at_least(samples_median(&sc->left), HOSTILE_KEEP, ""));
			bench_figure(o, "ofIgnored", samples_median(&sc->left));
		}
		table_row(&t, "%s|%.0f|%.2f|%s|%s|%.3f|%.3f|%.3f|%.3f|%s", names[i],
		    samples_median(&sc->speed[i]), kept, left, bar, samples_median(&sc->cpu[i]),
		    samples_median(&sc->theirs[i]), samples_median(&sc->ping[i]), p99,
		    i == HERE ? table_at_most(p99, HOSTILE_PING_MS, " ms") : "");
		bench_figure(o, "testsPerSecond", samples_median(&sc->speed[i]));
		bench_figure(o, "ofAlone", kept);
		bench_figure(o, "supervisorCpu", samples_median(&sc->cpu[i]));
		bench_figure(o, "pingP50Ms", samples_median(&sc->ping[i]));
		bench_figure(o, "pingP99Ms", p99);
		(void)json_object_set_new(figures, keys[i], o);
	}
	(void)snprintf(title, sizeof title, "hostile: %d x /bin/true of one user, beside another's "
	    "%d connections; %zu rounds", HOSTILE_TESTS, HOSTILE_CLIENTS, sc->kept[ALONE].n);
	table_print(&t, title);
}

static int
play_all(struct scene *sc)
{
	unsigned	rounds = sc->b->repeat != 0 ? sc->b->repeat : sc->b->quick ? 2 :
	    HOSTILE_ROUNDS;
	double		speed[N_LEGS] = { 0 };
	int		r = run(sc, ALONE, speed);	/* warm */

	sc->ping[ALONE].n = sc->cpu[ALONE].n = 0;
	for (unsigned i = 0; i < rounds && r == 0; i++) {
		for (unsigned leg = 0; leg < N_LEGS && r == 0; leg++)
			r = play(sc, (enum leg)leg, &speed[leg]);
		for (unsigned leg = 0; leg < N_LEGS && r == 0; leg++) {
			samples_add(&sc->speed[leg], speed[leg]);
			samples_add(&sc->kept[leg], speed[leg] / speed[ALONE]);
		}
		if (r == 0)
			samples_add(&sc->left, speed[HERE] / speed[IGNORED]);
	}
	return r;
}

int
bench_hostile(struct bench *b, json_t *figures)
{
	static struct scene	sc;
	int			r, r1;

	if (getuid() != 0) {
		(void)printf("hostile: not measured: only root can have several users\n\n");
		return 0;
	}
	memset(&sc, 0, sizeof sc);
	sc.b = b;
	sc.ignored_fd = -1;
	r = set_up(&sc);
	if (r == 0)
		r = play_all(&sc);
	client_close(sc.pinger);
	r1 = service_stop(b, &sc.here, NULL);
	if (r == 0)
		r = r1;
	fd_close(&sc.ignored_fd);
	if (r == 0)
		show(&sc, figures);
	if (r == 0 || b->interrupted)
		(void)rmtree_at(AT_FDCWD, sc.dir);
	return r;
}
