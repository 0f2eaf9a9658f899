/* The report in the form that is asked for; see flaky_tell.h. */
#include "ctl/flaky.h"
#include "ctl/flaky_tell.h"
#include "ctl/screen.h"
#include "ctl/text_view.h"

int
flaky_tell(const struct results *r, const char *suites, bool json, FILE *out, struct text *t)
{
	struct flaky_report		report;
	struct report_text_options	o;
	struct text_style		style;
	int				code;

	flaky_report_of(r, suites, &report);
	code = flaky_report_code(&report);
	if (json) {
		flaky_json(&report, t);
	} else {
		screen_options(out, &o);
		text_style_init(&style, o.terminal, o.colour);
		flaky_text(&report, &style, screen_columns(out), t);
	}
	flaky_report_free(&report);
	return code;
}
