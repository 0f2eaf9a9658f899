/* Options as a table; see option.h. */
#include <assert.h>
#include <string.h>

#include "common/option.h"

#define TEXT_AT	24	/* column of what an option is for */

static size_t
add(const struct option_row *row, size_t n, struct option *longs, char *shorts)
{
	for (; row != NULL && row->name != NULL; row++) {
		assert(n < OPTION_ROWS);
		longs[n++] = (struct option){ row->name, row->takes == NULL ? no_argument :
		    row->takes[0] == '[' ? optional_argument : required_argument, NULL, row->c };
		if (row->c >= OPTION_LONG)
			continue;
		shorts += strlen(shorts);
		*shorts++ = (char)row->c;
		if (row->takes != NULL)
			*shorts++ = ':';
		*shorts = '\0';
	}
	return n;
}

void
option_longs(const struct option_row *a, const struct option_row *b,
    struct option longs[OPTION_ROWS + 1], char shorts[2 * OPTION_ROWS + 1])
{
	size_t	n;

	*shorts = '\0';
	n = add(a, 0, longs, shorts);
	n = add(b, n, longs, shorts);
	longs[n] = (struct option){ NULL, 0, NULL, 0 };
}

void
option_form(const struct option_row *row, char buf[OPTION_FORM])
{
	char		letter[8] = "";
	const char	*takes = row->takes != NULL ? row->takes : "";

	if (row->c < OPTION_LONG)
		(void)snprintf(letter, sizeof letter, "-%c, ", row->c);
	if (*takes == '[')
		(void)snprintf(buf, OPTION_FORM, "%s--%s[=%s", letter, row->name, takes + 1);
	else
		(void)snprintf(buf, OPTION_FORM, "%s--%s%s%s", letter, row->name,
		    *takes != '\0' ? " " : "", takes);
}

void
option_help(const struct option_row *row, FILE *f)
{
	char		form[OPTION_FORM];
	const char	*line;
	int		n;

	for (; row->name != NULL; row++) {
		option_form(row, form);
		n = fprintf(f, "%s%s", row->c < OPTION_LONG ? "  " : "      ", form);
		for (line = row->text; line != NULL; line = strchr(line, '\n')) {
			line += *line == '\n';
			/* One that is long has a line to itself. */
			(void)fprintf(f, "%s%*s%.*s", n >= TEXT_AT ? "\n" : "",
			    n >= TEXT_AT ? TEXT_AT : TEXT_AT - n, "", (int)strcspn(line, "\n"),
			    line);
			n = TEXT_AT;
		}
		(void)fputc('\n', f);
	}
}
