/* paratestctl list: what would run, without running it. */
#include <getopt.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/cmd_json.h"
#include "ctl/json_value.h"
#include "ctl/options.h"

static const char usage[] =
	"usage: paratestctl list [options] SUITE...\n"
	"       paratestctl list --each 'CMD {}' < LIST\n"
	"\n"
	"The tests that would run, after filters and shards.\n"
	OPTIONS_SELECT_HELP
	"      --json            an array of {name, suite, source, command, tags, ...}\n";

static json_t *
array(const struct strs *s)
{
	json_t	*a = json_array();

	for (size_t i = 0; i < s->n; i++)
		(void)json_array_append_new(a, json_value_text(s->v[i]));
	return a;
}

static json_t *
document(const struct plan *plan)
{
	json_t	*all = json_array(), *o;

	for (size_t i = 0; i < plan->ntests; i++) {
		const struct plan_test	*t = &plan->tests[i];

		o = json_object();
		(void)json_object_set_new(o, "name", json_value_text(t->name));
		if (t->suite != NULL)
			(void)json_object_set_new(o, "suite", json_value_text(t->suite));
		if (t->source != NULL)
			(void)json_object_set_new(o, "source", json_value_text(t->source));
		(void)json_object_set_new(o, "command", array(&t->argv));
		(void)json_object_set_new(o, "cwd", json_value_text(t->cwd));
		(void)json_object_set_new(o, "tags", array(&t->tags));
		if (t->has_timeout)
			(void)json_object_set_new(o, "timeout", json_integer((json_int_t)t->timeout_ms));
		(void)json_object_set_new(o, "retry", json_integer((json_int_t)t->retry.count));
		(void)json_object_set_new(o, "weight", json_integer((json_int_t)t->weight));
		(void)json_object_set_new(o, "serial", json_boolean(t->serial));
		if (t->skip != NULL)
			(void)json_object_set_new(o, "skip", json_value_text(t->skip));
		(void)json_array_append_new(all, o);
	}
	return all;
}

static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct options	 o;
	struct plan	 plan = { .name = NULL };
	json_t		*doc;
	int		 code = options_parse(&cmd_list, argc, argv, OPTIONS_LIST, &o);

	if (code == 0)
		code = options_plan(&cmd_list, g, &o, argc, argv, &plan);
	if (code == 0 && (o.json || g->json)) {
		doc = document(&plan);
		cmd_json_print(doc);
	} else if (code == 0) {
		for (size_t i = 0; i < plan.ntests; i++) {
			(void)fputs(plan.tests[i].name, stdout);
			if (plan.tests[i].skip != NULL)
				(void)printf("  (skipped: %s)", plan.tests[i].skip);
			(void)putchar('\n');
		}
	}
	plan_free(&plan);
	options_free(&o);
	return code;
}

const struct cmd_entry cmd_list = {
	"list", "what would run, without running it", usage, exec, NULL, OPTIONS_LIST,
	"SUITE..."
};
