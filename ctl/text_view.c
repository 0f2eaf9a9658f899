/* How a failure looks, and the marks and colours of all views; see text_view.h. */
#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/attempts.h"
#include "ctl/duration.h"
#include "ctl/text_view.h"

#define VIEW_LINE_COLUMNS	500	/* of a line of output */
#define VIEW_MESSAGE_LINES	30
#define VIEW_LIST		10	/* failed assertions, leaked processes */

void
text_style_init(struct text_style *style, bool terminal, bool colour)
{
	bool	utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

	*style = (struct text_style){ .colour = colour, .ascii = !utf8 };
	if (!utf8)
		style->flags = terminal ? TEXT_ASCII : TEXT_DOTS;
}

const char *
text_mark(const struct text_style *style, enum text_mark mark)
{
	static const struct {
		const char *utf8, *ascii;
	} marks[MARK_COUNT] = {
		[MARK_PASS] = { "✓", "ok" },
		[MARK_FAIL] = { "✗", "x" },
		[MARK_FLAKY] = { "~", "~" },
		[MARK_SKIP] = { "-", "-" },
		[MARK_AGAIN] = { "↻", "again:" },
		[MARK_QUOTE] = { "│ ", "| " },
		[MARK_DOTS] = { "…", "..." },
		[MARK_BAR_DONE] = { "━", "#" },
		[MARK_BAR_REST] = { "─", "-" },
	};

	return style->ascii ? marks[mark].ascii : marks[mark].utf8;
}

void
text_ink(struct text *t, const struct text_style *style, enum text_ink ink, const char *s)
{
	static const char *const codes[] = {
		[INK_NONE] = "", [INK_RED] = "31", [INK_GREEN] = "32", [INK_YELLOW] = "33",
		[INK_DIM] = "2", [INK_BOLD] = "1", [INK_BOLD_RED] = "1;31",
		[INK_BOLD_GREEN] = "1;32", [INK_BOLD_YELLOW] = "1;33",
	};

	if (!style->colour || ink == INK_NONE || s[0] == '\0')
		text_puts(t, s);
	else
		text_addf(t, "\033[%sm%s\033[0m", codes[ink], s);
}

size_t
text_view_name(struct text *t, const struct text_style *style, const char *name, size_t max)
{
	return text_show_name(t, name, strlen(name), style->flags, max);
}

size_t
text_view_line(struct text *t, const struct text_style *style, const char *p, size_t n,
    size_t max)
{
	return text_show(t, p, n, style->flags | TEXT_OUTPUT, max);
}

void
text_why_attempt(struct text *t, const struct attempt_result *a)
{
	char	buf[64];

	if (a->error_message != NULL)
		text_puts(t, a->error_message);
	else if (a->outcome == OUTCOME_TIMEOUT)
		text_addf(t, "timed out after %s", duration_text(a->duration_us, buf, sizeof(buf)));
	else if (a->has_signal)
		text_addf(t, "ended by %s", text_signal(a->signal, buf, sizeof(buf)));
	else if (a->has_exit_code && a->outcome == OUTCOME_FAIL)
		text_addf(t, "exit code %" PRIu64, a->exit_code);
	else
		text_puts(t, a->message != NULL ? a->message : outcome_name(a->outcome));
}

void
text_why(struct text *t, const struct test_result *test)
{
	if (test->message != NULL)
		text_puts(t, test->message);
	else if (test->nattempts > 0)
		text_why_attempt(t, attempts_last(test));
	else
		text_puts(t, test_status_name(test->status));
}

static void
put_first_line(struct text *t, const struct text_style *style, const struct text *why, size_t max)
{
	const char	*p = why->p;
	size_t		 n = why->n;

	text_view_line(t, style, why->p, text_line(&p, &n), max);
}

void
text_view_attempt_why(struct text *t, const struct text_style *style,
    const struct attempt_result *a, size_t max)
{
	struct text	why = { 0 };

	text_why_attempt(&why, a);
	put_first_line(t, style, &why, max);
	text_free(&why);
}

void
text_view_why(struct text *t, const struct text_style *style, const struct test_result *test,
    size_t max)
{
	struct text	why = { 0 };

	text_why(&why, test);
	put_first_line(t, style, &why, max);
	text_free(&why);
}

static const char *
status_word(enum test_status s)
{
	switch (s) {
	case TEST_PASS:
		return "passed";
	case TEST_FAIL:
		return "failed";
	case TEST_SKIP:
		return "skipped";
	case TEST_TIMEOUT:
		return "timed out";
	case TEST_CANCELLED:
		return "cancelled";
	case TEST_ERROR:
	case TEST_STATUS_COUNT:
		break;
	}
	return "error";
}

/* Text of several lines, each behind a prefix. */
static void
put_lines(struct text *t, const struct text_style *style, const char *first,
    const char *prefix, const char *s)
{
	const char	*p = s, *line = s;
	size_t		 n = strlen(s);

	for (size_t i = 0; n > 0 && i < VIEW_MESSAGE_LINES; i++, line = p) {
		size_t	len = text_line(&p, &n);

		text_puts(t, i == 0 ? first : prefix);
		text_view_line(t, style, line, len, VIEW_LINE_COLUMNS);
		text_puts(t, "\n");
	}
}

static void
put_assertions(struct text *t, const struct text_style *style, const struct attempt_result *a)
{
	size_t	shown = 0;

	for (size_t i = 0; i + 2 < a->assertions.n && shown < VIEW_LIST; i += 3) {
		const char	*text = a->assertions.v[i + 2];

		if (strcmp(a->assertions.v[i + 1], "pass") == 0)
			continue;
		/* The message of the attempt often is that of its first failure. */
		if (a->error_message != NULL && strstr(a->error_message, text) != NULL)
			continue;
		text_puts(t, "  ");
		text_view_name(t, style, a->assertions.v[i], 0);
		put_lines(t, style, ": ", "    ", text);
		shown++;
	}
}

static void
put_lists(struct text *t, const struct text_style *style, const struct attempt_result *a)
{
	if (a->has_subtests && a->sub_failed > 0)
		text_addf(t, "  %" PRIu64 " of %" PRIu64 " subtests failed\n", a->sub_failed,
		    a->sub_total);
	for (size_t i = 0; i + 1 < a->sub_failures.n && i / 2 < VIEW_LIST; i += 2) {
		text_puts(t, "    not ok ");
		text_view_name(t, style, a->sub_failures.v[i], 0);
		text_puts(t, " ");
		text_view_name(t, style, a->sub_failures.v[i + 1], VIEW_LINE_COLUMNS);
		text_puts(t, "\n");
	}
	for (size_t i = 0; i + 1 < a->leaked.n && i / 2 < VIEW_LIST; i += 2) {
		text_puts(t, "  left running, killed: ");
		text_view_name(t, style, a->leaked.v[i], 0);
		text_puts(t, " ");
		text_view_name(t, style, a->leaked.v[i + 1], VIEW_LINE_COLUMNS);
		text_puts(t, "\n");
	}
}

static void
put_output(struct text *t, const struct text_style *style, const struct attempt_result *a,
    size_t lines)
{
	size_t		 at = text_tail(a->output, a->output_len, lines);
	size_t		 n = a->output_len - at;
	const char	*p, *line;
	char		 buf[64];

	if (a->output_len == 0)
		return;
	p = line = a->output + at;
	if (a->output_bytes > n) {
		(void)snprintf(buf, sizeof(buf), "%s%s %" PRIu64 " bytes before this",
		    text_mark(style, MARK_QUOTE), text_mark(style, MARK_DOTS),
		    a->output_bytes - n);
		text_puts(t, "  ");
		text_ink(t, style, INK_DIM, buf);
		text_puts(t, "\n");
	}
	for (; n > 0; line = p) {
		size_t	len = text_line(&p, &n);

		text_puts(t, "  ");
		text_ink(t, style, INK_DIM, text_mark(style, MARK_QUOTE));
		text_view_line(t, style, line, len, VIEW_LINE_COLUMNS);
		text_puts(t, "\n");
	}
}

void
text_failure(struct text *t, const struct text_style *style, const struct test_result *test,
    size_t lines)
{
	const struct attempt_result	*a = attempts_last(test);
	struct text	words = { 0 };
	char		buf[DURATION_TEXT];

	text_puts(&words, text_mark(style, MARK_FAIL));
	text_puts(&words, " ");
	text_view_name(&words, style, test->name, 0);
	text_ink(t, style, INK_BOLD_RED, words.p);
	text_addf(t, " (%s", status_word(test->status));
	if (a != NULL && test->nattempts > 1)
		text_addf(t, ", attempt %" PRIu64 " of %zu", a->number, test->nattempts);
	if (a != NULL)
		text_addf(t, ", %s", duration_text(a->duration_us, buf, sizeof(buf)));
	text_puts(t, ")\n");
	text_clear(&words);
	text_why(&words, test);
	put_lines(t, style, "  ", "  ", words.p);
	text_free(&words);
	if (a == NULL || lines == 0)
		return;
	put_assertions(t, style, a);
	put_lists(t, style, a);
	put_output(t, style, a, lines);
}

void
text_retry(struct text *t, const struct text_style *style, const struct test_result *test,
    uint64_t number)
{
	const struct attempt_result	*before = NULL;
	char				 buf[DURATION_TEXT];
	uint64_t			 delay = 0;

	for (size_t i = 0; i < test->nattempts; i++) {
		const struct attempt_result	*a = &attempts_of(test)[i];

		if (a->number < number)
			before = a;
		else if (a->number == number)
			delay = a->delay_ms;
	}
	if (before == NULL || !before->finished)
		return;
	text_ink(t, style, INK_YELLOW, text_mark(style, MARK_AGAIN));
	text_puts(t, " ");
	text_view_name(t, style, test->name, 0);
	text_addf(t, ": attempt %" PRIu64 ": ", before->number);
	text_view_attempt_why(t, style, before, 100);
	text_puts(t, "; trying again");
	if (delay > 0)
		text_addf(t, " after %s", duration_text(delay * 1000, buf, sizeof(buf)));
	text_puts(t, "\n");
}
