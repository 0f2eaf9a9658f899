/* JUnit XML: the exact text, well-formed whatever a test prints, and only the
 * elements and attributes that Jenkins' schema has. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/text.h"
#include "tests/unit/events_fixture.h"

/* ---- a small strict reader of the XML that we write ---- */

/* What Jenkins' junit schema allows: an element, where it may stand, its
 * attributes; those with a ! must be there. */
static const struct element {
	const char	*name, *parents, *attributes;
	bool		 text;		/* may have text in it */
} schema[] = {
	{ "testsuites", "/", " name time tests failures errors ", false },
	{ "testsuite", " testsuites ", " name! tests! failures! errors! time skipped timestamp "
	    "hostname id ", false },
	{ "properties", " testsuite ", " ", false },
	{ "property", " properties ", " name! value! ", false },
	{ "testcase", " testsuite ", " name! time classname ", false },
	{ "skipped", " testcase ", " type message ", true },
	{ "failure", " testcase ", " type message ", true },
	{ "error", " testcase ", " type message ", true },
	{ "flakyFailure", " testcase ", " type! message ", true },
	{ "flakyError", " testcase ", " type! message ", true },
	{ "rerunFailure", " testcase ", " type! message ", true },
	{ "rerunError", " testcase ", " type! message ", true },
	{ "stackTrace", " flakyFailure flakyError rerunFailure rerunError ", " ", true },
	{ "system-out", " testcase flakyFailure flakyError rerunFailure rerunError ", " ", true },
};

struct reader {
	const char	*p;
	const char	*why;		/* the first mistake */
	const struct element *stack[16];
	size_t		 depth;
	unsigned	 count[sizeof(schema) / sizeof(schema[0])];
};

static void
mistake(struct reader *x, const char *why)
{
	if (x->why == NULL)
		x->why = why;
}

static bool
listed(const char *list, const char *word, size_t n, const char *mark)
{
	char	key[64];

	if (n + strlen(mark) + 3 > sizeof(key))
		return false;
	(void)snprintf(key, sizeof(key), " %.*s%s ", (int)n, word, mark);
	return strstr(list, key) != NULL;
}

static const struct element *
element_of(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(schema) / sizeof(schema[0]); i++) {
		if (strlen(schema[i].name) == n && memcmp(schema[i].name, name, n) == 0)
			return &schema[i];
	}
	return NULL;
}

/* &lt; and the like at x->p. */
static void
read_entity(struct reader *x)
{
	static const char *const	known[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&#10;",
	    "&#9;" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strncmp(x->p, known[i], strlen(known[i])) == 0) {
			x->p += strlen(known[i]);
			return;
		}
	}
	mistake(x, "a reference that is none");
	x->p++;
}

static void
read_char(struct reader *x, bool attribute)
{
	uint32_t	c;
	size_t		len;

	if (*x->p == '&') {
		read_entity(x);
		return;
	}
	len = text_decode(x->p, strlen(x->p), &c);
	if (c == TEXT_BAD || (c < 0x20 && c != '\n' && c != '\t') || c == 0xfffe || c == 0xffff)
		mistake(x, "a character that XML does not have");
	if (c == '<' || (attribute && c < 0x20))
		mistake(x, "a character that must be written otherwise");
	if (strncmp(x->p, "]]>", 3) == 0)
		mistake(x, "]]> in text");
	x->p += len;
}

static void
read_attributes(struct reader *x, const struct element *e)
{
	unsigned	needed = 0;

	for (const char *p = e->attributes; (p = strchr(p, '!')) != NULL; p++)
		needed++;
	while (*x->p == ' ') {
		const char	*name = ++x->p;
		size_t		 n = strcspn(name, "=<>\" ");

		if (listed(e->attributes, name, n, "!"))
			needed--;
		else if (!listed(e->attributes, name, n, ""))
			mistake(x, "an attribute that the schema does not have");
		x->p += n;
		if (strncmp(x->p, "=\"", 2) != 0) {
			mistake(x, "an attribute without a value");
			return;
		}
		for (x->p += 2; *x->p != '"' && *x->p != '\0';)
			read_char(x, true);
		x->p += *x->p == '"';
	}
	if (needed != 0)
		mistake(x, "an attribute is missing");
}

static void
read_start(struct reader *x)
{
	size_t			 n = strcspn(++x->p, " />");
	const struct element	*e = element_of(x->p, n), *parent = x->depth > 0 ?
	    x->stack[x->depth - 1] : NULL;

	x->p += n;
	if (e == NULL) {
		mistake(x, "an element that the schema does not have");
		return;
	}
	if (parent == NULL ? e->parents[0] != '/' :
	    !listed(e->parents, parent->name, strlen(parent->name), ""))
		mistake(x, "an element in the wrong place");
	x->count[e - schema]++;
	read_attributes(x, e);
	if (strncmp(x->p, "/>", 2) == 0) {
		x->p += 2;
	} else if (*x->p == '>') {
		x->p++;
		x->stack[x->depth++] = e;
	} else {
		mistake(x, "a tag that does not end");
	}
}

static void
read_end(struct reader *x)
{
	size_t	n = strcspn(x->p += 2, ">");

	if (x->depth == 0 || element_of(x->p, n) != x->stack[x->depth - 1])
		mistake(x, "an end without its start");
	else
		x->depth--;
	x->p += n + 1;
}

/* Reads a whole document.  NULL, or what is wrong with it. */
static const char *
read_xml(struct reader *x, const char *doc, size_t len)
{
	static const char	head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

	*x = (struct reader){ .p = doc };
	if (strlen(doc) != len)
		return "a NUL in it";
	if (strncmp(doc, head, sizeof(head) - 1) != 0)
		return "no XML declaration";
	x->p += sizeof(head) - 1;
	while (*x->p != '\0' && x->why == NULL) {
		if (strncmp(x->p, "</", 2) == 0)
			read_end(x);
		else if (*x->p == '<')
			read_start(x);
		else if (x->depth > 0 && x->stack[x->depth - 1]->text)
			read_char(x, false);
		else if (isspace((unsigned char)*x->p))
			x->p++;
		else
			mistake(x, "text where there must be none");
	}
	if (x->depth != 0)
		mistake(x, "an element is not ended");
	if (x->count[0] != 1)
		mistake(x, "not one document");
	return x->why;
}

static unsigned
count_of(const struct reader *x, const char *name)
{
	return x->count[element_of(name, strlen(name)) - schema];
}

/* ---- tests ---- */

static void
the_reader_finds_mistakes(void **state)
{
	static const char *const	bad[] = {
		"", "<testsuites>", "<testsuites></testsuite>", "<testsuites>x</testsuites>",
		"<testsuites/><testsuites/>", "<testcase name=\"a\"/>",
		"<testsuites other=\"a\"/>", "<testsuites name=\"a&b\"/>",
		"<testsuites name=\"a<b\"/>", "<testsuites name=\"a\x01\"/>",
		"<testsuites name=\"\xff\"/>", "<testsuites><testsuite name=\"a\"/></testsuites>",
	};
	struct reader	x;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char	doc[256];
		int	n = snprintf(doc, sizeof(doc),
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n%s", bad[i]);

		assert_non_null(read_xml(&x, doc, (size_t)n));
	}
}

static void
golden(void **state)
{
	static const char	format[] =
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<testsuites name=\"demo\" tests=\"6\" failures=\"2\" errors=\"1\" time=\"1.000\">\n"
	    " <testsuite name=\"demo\" tests=\"6\" failures=\"2\" errors=\"1\" time=\"1.000\""
	    " skipped=\"1\" timestamp=\"2023-11-14T22:13:20Z\" hostname=\"%s\" id=\"0\">\n"
	    "  <properties>\n"
	    "   <property name=\"run\" value=\"" FX_RUN "\"/>\n"
	    "   <property name=\"status\" value=\"failed\"/>\n"
	    "   <property name=\"jobs\" value=\"4\"/>\n"
	    "   <property name=\"workers\" value=\"4\"/>\n"
	    "   <property name=\"seed\" value=\"7\"/>\n"
	    "   <property name=\"flaky\" value=\"1\"/>\n"
	    "   <property name=\"attempts\" value=\"5\"/>\n"
	    "   <property name=\"cpuTime\" value=\"41.250\"/>\n"
	    "   <property name=\"peakMemory\" value=\"1048576\"/>\n"
	    "  </properties>\n"
	    "  <testcase classname=\"demo\" name=\"greets\" time=\"0.013\"/>\n"
	    "  <testcase classname=\"demo\" name=\"adds # up\" time=\"0.013\">\n"
	    "   <failure message=\"1 of 2 failed\" type=\"assertion\">"
	    "demo.yaml:12: 1 of 2 failed\n"
	    "exit_code: expected 0, got 3\n"
	    "left running: 4711 sleep 1000\n"
	    "</failure>\n"
	    "   <system-out>[74 bytes before this]\n"
	    "  two\\x1b[31m red\\x1b[0m\n\nthree\n"
	    "</system-out>\n"
	    "  </testcase>\n"
	    "  <testcase classname=\"demo\" name=\"wobbles\" time=\"0.025\">\n"
	    "   <flakyFailure message=\"ended by SIGSEGV\" type=\"crash\">\n"
	    "    <stackTrace>ended by SIGSEGV\n"
	    "</stackTrace>\n"
	    "   </flakyFailure>\n"
	    "  </testcase>\n"
	    "  <testcase classname=\"demo\" name=\"not here\" time=\"0.000\">\n"
	    "   <skipped message=\"needs root\"/>\n"
	    "  </testcase>\n"
	    "  <testcase classname=\"demo\" name=\"hangs\" time=\"30.000\">\n"
	    "   <failure message=\"timed out after 30.00s\" type=\"timeout\">"
	    "timed out after 30.00s\n"
	    "</failure>\n"
	    "  </testcase>\n"
	    "  <testcase classname=\"demo\" name=\"late\" time=\"0.000\">\n"
	    "   <error message=\"it was not started\" type=\"cancelled\">it was not started\n"
	    "</error>\n"
	    "  </testcase>\n"
	    " </testsuite>\n"
	    "</testsuites>\n";
	char		host[256] = "", expected[sizeof(format) + sizeof(host)];
	struct reader	x;
	struct fx	fx;

	(void)state;
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	(void)snprintf(expected, sizeof(expected), format, host);
	fx_open(&fx);
	report_junit(&fx.reporter, fx.out);
	fx_demo(&fx);
	assert_int_equal(fx_end(&fx), 0);
	assert_string_equal(fx.written, expected);
	assert_null(read_xml(&x, fx.written, fx.written_len));
	fx_close(&fx);
}

static void
attempts_before_the_last(void **state)
{
	struct reader	x;
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_junit(&fx.reporter, fx.out);
	fx_started(&fx, 3);
	/* Fails three times, in three ways. */
	fx_attempt_done(&fx, 0, "a", 1, OUTCOME_FAIL, (struct msg_event){ .exit_code = 1 });
	fx_attempt_done(&fx, 0, "a", 2, OUTCOME_LOST, (struct msg_event){ 0 });
	fx_attempt_done(&fx, 0, "a", 3, OUTCOME_CRASH, (struct msg_event){ .signal = 6 });
	fx_test_done(&fx, 0, "a", TEST_FAIL, (struct msg_event){ .attempts = 3 });
	/* Its worker was lost once: not flaky, so nothing is to be said. */
	fx_attempt_done(&fx, 1, "b", 1, OUTCOME_LOST, (struct msg_event){ 0 });
	fx_attempt_done(&fx, 1, "b", 2, OUTCOME_PASS, (struct msg_event){ 0 });
	fx_test_done(&fx, 1, "b", TEST_PASS, (struct msg_event){ .attempts = 2 });
	/* The setup failed: around the test, not its verdict. */
	fx_attempt_done(&fx, 2, "c", 1, OUTCOME_FAIL, (struct msg_event){
	    .error_category = CATEGORY_SETUP });
	fx_test_done(&fx, 2, "c", TEST_FAIL, (struct msg_event){ .attempts = 1 });
	fx_finished(&fx, RUN_FAILED);
	assert_int_equal(fx_end(&fx), 0);
	assert_null(read_xml(&x, fx.written, fx.written_len));
	assert_int_equal(count_of(&x, "failure"), 1);
	assert_int_equal(count_of(&x, "rerunFailure"), 1);
	assert_int_equal(count_of(&x, "rerunError"), 1);
	assert_int_equal(count_of(&x, "flakyError"), 0);
	assert_int_equal(count_of(&x, "error"), 1);
	assert_non_null(strstr(fx.written, "failures=\"1\" errors=\"1\""));
	assert_non_null(strstr(fx.written, "<failure message=\"ended by SIGABRT\""));
	fx_close(&fx);
}

static void
a_lost_run_is_no_good_run(void **state)
{
	struct reader	x;
	struct fx	fx;

	(void)state;
	fx_open(&fx);
	report_junit(&fx.reporter, fx.out);
	fx_started(&fx, 3);
	fx_test(&fx, 0, "a", OUTCOME_PASS, (struct msg_event){ 0 });
	fx_attempt(&fx, 1, "b", 1);
	assert_int_equal(fx_end(&fx), 0);
	assert_null(read_xml(&x, fx.written, fx.written_len));
	assert_int_equal(count_of(&x, "testcase"), 3);
	assert_int_equal(count_of(&x, "error"), 2);
	assert_non_null(strstr(fx.written, "tests=\"3\" failures=\"0\" errors=\"2\""));
	fx_close(&fx);
}

static void
long_output_is_cut_in_the_middle(void **state)
{
	size_t		n = 200000;
	char		*output = malloc(n);
	struct reader	x;
	struct fx	fx;

	(void)state;
	assert_non_null(output);
	memset(output, 'o', n);
	memcpy(output, "BEGIN", 5);
	memcpy(output + n - 3, "END", 3);
	fx_open(&fx);
	report_junit(&fx.reporter, fx.out);
	fx_started(&fx, 1);
	fx_test(&fx, 0, "a", OUTCOME_FAIL, (struct msg_event){ .output = { output, n } });
	fx_finished(&fx, RUN_FAILED);
	assert_int_equal(fx_end(&fx), 0);
	assert_null(read_xml(&x, fx.written, fx.written_len));
	assert_non_null(strstr(fx.written, "<system-out>BEGINo"));
	assert_non_null(strstr(fx.written, "\n[134464 bytes left out]\n"));
	assert_non_null(strstr(fx.written, "oEND</system-out>"));
	assert_true(fx.written_len < 70000);
	free(output);
	fx_close(&fx);
}

static void
play_random(struct fx *fx, unsigned *seed)
{
	static const char	hard[] = "<>&\"']]>\n\r\t\x1b\xef\xbf\xbe\xed\xa0\x80";
	char			bytes[500], text[40];

	fx_open(fx);
	report_junit(&fx->reporter, fx->out);
	fx_started(fx, 8);
	for (uint64_t i = 0; i < 8; i++) {
		struct sv	list[3];

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = rand_r(seed) % 2 == 0 ? (char)rand_r(seed) :
			    hard[(size_t)rand_r(seed) % (sizeof(hard) - 1)];
		for (size_t k = 0; k + 1 < sizeof(text); k++)
			text[k] = bytes[k] != '\0' ? bytes[k] : '<';
		text[sizeof(text) - 1] = '\0';
		for (size_t k = 0; k < 3; k++)
			list[k] = sv_from(text + 1 + k);
		for (uint64_t attempt = 1; attempt <= 2; attempt++)
			fx_attempt_done(fx, i, text, attempt, (enum outcome)(rand_r(seed) %
			    OUTCOME_COUNT), (struct msg_event){
			    .output = { bytes, sizeof(bytes) }, .error_message = sv_from(text),
			    .assertions = { list, 3 }, .leaked = { list, 2 },
			    .sub_failures = { list, 2 }, .message = sv_from(text) });
		fx_test_done(fx, i, text, (enum test_status)(rand_r(seed) % TEST_STATUS_COUNT),
		    (struct msg_event){ .flaky = rand_r(seed) % 2 == 0, .attempts = 2,
		    .source = sv_from(text) });
	}
	fx_finished(fx, RUN_FAILED);
}

static void
any_bytes_are_xml(void **state)
{
	char		path[] = "/tmp/test_report_junit.XXXXXX", cmd[128];
	bool		xmllint = system("command -v xmllint >/dev/null 2>&1") == 0;
	unsigned	seed = 1234;
	int		fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)snprintf(cmd, sizeof(cmd), "xmllint --noout '%s' 2>&1", path);
	for (int round = 0; round < 200; round++) {
		const char	*why;
		struct reader	 x;
		struct fx	 fx;

		play_random(&fx, &seed);
		assert_int_equal(fx_end(&fx), 0);
		why = read_xml(&x, fx.written, fx.written_len);
		if (why != NULL)
			fail_msg("%s, near: %.60s", why, x.p);
		assert_int_equal(count_of(&x, "testcase"), 8);
		if (xmllint && round % 20 == 0) {
			assert_int_equal(ftruncate(fd, 0), 0);
			assert_int_equal(pwrite(fd, fx.written, fx.written_len, 0),
			    (ssize_t)fx.written_len);
			assert_int_equal(system(cmd), 0);
		}
		fx_close(&fx);
	}
	close(fd);
	(void)unlink(path);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(the_reader_finds_mistakes),
		cmocka_unit_test(golden),
		cmocka_unit_test(attempts_before_the_last),
		cmocka_unit_test(a_lost_run_is_no_good_run),
		cmocka_unit_test(long_output_is_cut_in_the_middle),
		cmocka_unit_test(any_bytes_are_xml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
