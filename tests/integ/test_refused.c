/*
 * A host with a service that does not let its user in: who named none gets a supervisor of
 * his own, from paratest-mcp as from paratestctl.  The service is the test's, in a mount
 * namespace, since clients look for it at a fixed place; skipped where none can be had.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/buffer.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/rmtree.h"
#include "tests/integ/mcp_rig.h"

#define SERVICE_DIR	"/run/paratest"

struct fx {
	struct service	s;
	pid_t		service;	/* the one that refuses */
	char		run[80];
};

/* Says no to whoever comes, before a word of his, as a service does. */
static void __attribute__((noreturn))
refuse_all(int lfd)
{
	struct msg_error	 m = { .code = MSG_ERR_DENIED,
	    .text = SV_LIT("you may not use this service"), .hint = SV_LIT("ask") };
	struct evbuffer		*b;
	int			 fd;

	(void)signal(SIGPIPE, SIG_IGN);
	while ((fd = accept(lfd, NULL, NULL)) != -1) {
		b = evbuffer_new();
		if (b == NULL || msg_put(b, MSG_ERROR, 0, &m) != 0)
			_exit(1);
		(void)evbuffer_write(b, fd);	/* who only looks is gone already */
		evbuffer_free(b);
		(void)shutdown(fd, SHUT_WR);
		while (read(fd, &m.code, 1) > 0)	/* else what he says may end him */
			;
		(void)close(fd);
	}
	_exit(0);
}

static int
setup(void **state)
{
	struct sockaddr_un	 sa = { .sun_family = AF_UNIX, .sun_path = SERVICE_DIR
	    "/control.sock" };
	struct fx		*fx = calloc(1, sizeof *fx);
	int			 lfd;

	*state = NULL;
	if (fx == NULL)
		return 1;
	if ((unshare(CLONE_NEWNS) == -1 && unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/run", "tmpfs", 0, NULL) == -1) {
		print_message("skipped: no mount namespace can be had here\n");
		free(fx);
		return 0;
	}
	*state = fx;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	(void)snprintf(fx->s.dir, sizeof fx->s.dir, "/tmp/paratest-integ.XXXXXX");
	assert_non_null(mkdtemp(fx->s.dir));
	(void)snprintf(fx->run, sizeof fx->run, "%s/run", fx->s.dir);
	assert_int_equal(mkdir(fx->run, 0700), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", fx->run, 1), 0);
	assert_int_equal(mkdir(SERVICE_DIR, 0755), 0);
	lfd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(lfd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(lfd, 16), 0);
	fx->service = fork();
	if (fx->service == 0)
		refuse_all(lfd);
	(void)close(lfd);
	return 0;
}

static int
is_gone(void *arg)
{
	struct fx	*fx = arg;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return access(fx->s.socket, F_OK) == -1;
}

static int
teardown(void **state)
{
	struct fx	*fx = *state;

	if (fx == NULL)
		return 0;
	(void)kill(fx->service, SIGKILL);
	(void)waitpid(fx->service, NULL, 0);
	(void)rmtree_at(AT_FDCWD, fx->s.dir);
	free(fx);
	return 0;
}

static void
a_refusal_leads_to_ones_own(void **state)
{
	struct fx	*fx = *state != NULL ? *state : (skip(), (struct fx *)NULL);
	struct mcp_rig	 m;
	struct ran	 r;
	json_t		*runs;

	mcp_start(&m, &fx->s, NULL, NULL, false);
	runs = mcp_tool(&m, "console_list_test_runs", json_object());
	assert_int_equal(json_array_size(json_object_get(runs, "runs")), 0);
	json_decref(runs);
	mcp_end(&m);
	/* It is where paratestctl finds it. */
	(void)snprintf(fx->s.socket, sizeof fx->s.socket, "%.60s/paratest/control.sock", fx->run);
	CTL(&fx->s, &r, NULL, "shutdown");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	service_until(is_gone, fx, "the private supervisor does not end");
	/* A service that is named is no other. */
	(void)snprintf(fx->s.socket, sizeof fx->s.socket, SERVICE_DIR "/control.sock");
	mcp_start(&m, &fx->s, NULL, NULL, false);
	free(mcp_tool_fails(&m, "console_list_test_runs", json_object()));
	mcp_end(&m);
	CTL(&fx->s, &r, NULL, "ping");
	assert_int_equal(r.code, 3);
	assert_non_null(strstr(r.err, "you may not use this service"));
	ran_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_refusal_leads_to_ones_own, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
