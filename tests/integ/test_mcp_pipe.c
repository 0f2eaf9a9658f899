/*
 * A server of the MCP core as a process: its pipes, its end, and what it keeps for
 * itself.  The server is tests/mcp/fixture.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"

#define DEADLINE_MS	20000
#define INIT "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"," \
	"\"params\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}\n"
#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}\n"
#define PONG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}\n"
#define SLOW(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\"," \
	"\"params\":{\"name\":\"slow_compute\",\"arguments\":{\"seconds\":600}," \
	"\"_meta\":{\"progressToken\":\"p\"}}}\n"

struct server {
	pid_t	 pid;
	int	 in, out;	/* -1: closed */
	char	*text;
	size_t	 len;
};

/* Starts it on these descriptors, which become its own. */
static pid_t
spawn_on(int in, int out)
{
	const char	*bin = getenv("BIN");
	char		*path = xasprintf("%s/tests/mcp/fixture", bin != NULL ? bin : "build");
	char		*argv[] = { path, NULL }, *envp[] = { NULL };
	posix_spawn_file_actions_t fa;
	pid_t		 pid;

	assert_int_equal(posix_spawn_file_actions_init(&fa), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&fa, in, 0), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&fa, out, 1), 0);
	if (posix_spawn(&pid, path, &fa, NULL, argv, envp) != 0)
		fail_msg("%s cannot be started", path);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(in);
	(void)close(out);
	free(path);
	return pid;
}

static void
start(struct server *s)
{
	int	in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	*s = (struct server){ .in = in[1], .out = out[0] };
	s->pid = spawn_on(in[0], out[1]);
}

static void
say(struct server *s, const char *text)
{
	assert_int_equal(write(s->in, text, strlen(text)), strlen(text));
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Reads until `want` is in what came, or, for NULL, to the end. */
static void
read_until(struct server *s, const char *want)
{
	msec_t		deadline = now_ms() + DEADLINE_MS, now;
	struct pollfd	p = { .fd = s->out, .events = POLLIN };
	char		buf[65536];
	ssize_t		n;

	while (want == NULL || s->text == NULL || strstr(s->text, want) == NULL) {
		now = now_ms();
		if (now >= deadline || poll(&p, 1, (int)(deadline - now)) <= 0)
			fail_msg("waiting for %s: got %s", want != NULL ? want : "the end",
			    s->text != NULL ? s->text : "nothing");
		n = read(s->out, buf, sizeof(buf));
		if (n <= 0 && want == NULL)
			return;
		assert_true(n > 0);
		s->text = xreallocarray(s->text, s->len + (size_t)n + 1, 1);
		memcpy(s->text + s->len, buf, (size_t)n);
		s->len += (size_t)n;
		s->text[s->len] = '\0';
	}
}

/* It ends by itself with this code, soon. */
static void
ends(struct server *s, int code)
{
	msec_t	deadline = now_ms() + DEADLINE_MS;
	int	status;
	pid_t	r;

	while ((r = waitpid(s->pid, &status, WNOHANG)) == 0 && now_ms() < deadline)
		(void)usleep(5000);
	if (r == 0) {
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, &status, 0);
		fail_msg("the server does not end");
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	shut(&s->in);
	shut(&s->out);
	free(s->text);
}

/* A ping is answered while a call is at work, and the end of input ends both. */
static void
at_work(void **state)
{
	struct server	s;

	(void)state;
	start(&s);
	say(&s, INIT SLOW("1") PING("2"));
	read_until(&s, PONG("2"));
	read_until(&s, "\"progressToken\":\"p\",\"progress\":0,\"total\":600");
	assert_null(strstr(s.text, "\"id\":1,"));
	shut(&s.in);
	read_until(&s, NULL);
	assert_null(strstr(s.text, "\"id\":1,"));
	ends(&s, 0);
}

/* What was asked before the end is answered, also when the answer takes a moment. */
static void
from_a_file(void **state)
{
	static const char	text[] = INIT PING("1") "{\"jsonrpc\":\"2.0\",\"id\":2,"
	    "\"method\":\"tools/call\",\"params\":{"
	    "\"name\":\"test_tool_with_logging\"}}\n" PING("3");
	char			name[] = "/tmp/test_mcp_pipe-XXXXXX";
	struct server		s = { .in = -1 };
	int			out[2], fd = mkostemp(name, O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	(void)unlink(name);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s.pid = spawn_on(fd, out[1]);
	s.out = out[0];
	read_until(&s, NULL);
	assert_non_null(strstr(s.text, PONG("3")));
	assert_non_null(strstr(s.text, "\"id\":2,\"result\""));
	ends(&s, 0);
}

static void
from_nothing(void **state)
{
	struct server	s = { .in = -1 };
	int		out[2];

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s.pid = spawn_on(open("/dev/null", O_RDONLY | O_CLOEXEC), out[1]);
	s.out = out[0];
	read_until(&s, NULL);
	assert_null(s.text);
	ends(&s, 0);
}

/* A client that goes without a word: no signal, no noise. */
static void
nobody_there(void **state)
{
	struct server	s;

	(void)state;
	start(&s);
	say(&s, INIT SLOW("1"));
	read_until(&s, "\"progress\":0");
	shut(&s.out);
	say(&s, PING("2"));
	ends(&s, 0);
}

static void
two_at_once(void **state)
{
	struct server	a, b;

	(void)state;
	start(&a);
	start(&b);
	say(&a, INIT PING("\"a\""));
	say(&b, INIT PING("\"b\""));
	read_until(&a, PONG("\"a\""));
	read_until(&b, PONG("\"b\""));
	assert_null(strstr(a.text, "\"b\""));
	shut(&a.in);
	ends(&a, 0);
	say(&b, PING("\"still\""));
	read_until(&b, PONG("\"still\""));
	shut(&b.in);
	ends(&b, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_work),
		cmocka_unit_test(from_a_file),
		cmocka_unit_test(from_nothing),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(two_at_once),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
