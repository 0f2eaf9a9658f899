/*
 * The manual pages have every verb, option, setting and key that the programs have, and no
 * other: what one has and the other has not is named, with the line that is wanted.
 *
 * The programs' side is their own tables: ctl/cmd.c (verbs), the option_row tables of the
 * verbs and ctl/options.c, supervisor/daemon.c, mcpsrv/args.c, CONFIG_LIST of
 * supervisor/config.h, ctl/suite_keys.c.  The pages' side is their lines ".It":
 *
 *	paratestctl.1	.It Ic VERB below VERBS; .It Fl -OPTION Ar TAKES within that (an option
 *			of that verb) or below OPTIONS, where the title of the .Ss names the
 *			verbs that have it behind its colon (none: all), and ".Pq not Ic VERB" at
 *			the end of the line those that have not
 *	paratestd.8, paratest-mcp.1	.It Fl -OPTION Ar TAKES
 *	paratestd.yaml.5	.It Ic SETTING, and "Default D, from L to M." as its first line
 *	paratest-suite.5	.It Ic KEY below the .Ss "Keys of MAPPING"
 *
 * So a new option needs its row in the table, its line in the verb's usage text, and its
 * .It in the page.  The same tables are held against --help here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/cmd.h"
#include "ctl/options.h"
#include "ctl/suite_keys.h"
#include "mcpsrv/args.h"
#include "supervisor/config.h"
#include "supervisor/daemon.h"

#define WORDS_MAX	32

/* What a page or a program has, one line an entry. */
struct entries {
	struct strs	v;
};

static void __attribute__((format(printf, 2, 3)))
add(struct entries *e, const char *fmt, ...)
{
	va_list	 ap;
	char	*text;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) != -1);
	va_end(ap);
	strs_add(&e->v, text);
	free(text);
}

static bool
has(const struct entries *e, const char *text)
{
	for (size_t i = 0; i < e->v.n; i++) {
		if (strcmp(e->v.v[i], text) == 0)
			return true;
	}
	return false;
}

/* Both have the same; else what is missing where. */
static void
same(const char *page, struct entries *programs, struct entries *pages)
{
	size_t	missing = 0;

	for (size_t i = 0; i < programs->v.n; i++) {
		if (!has(pages, programs->v.v[i])) {
			print_error("%s: not in the page: %s\n", page, programs->v.v[i]);
			missing++;
		}
	}
	for (size_t i = 0; i < pages->v.n; i++) {
		if (!has(programs, pages->v.v[i])) {
			print_error("%s: not in the program: %s\n", page, pages->v.v[i]);
			missing++;
		}
	}
	assert_true(programs->v.n > 0);
	strs_free(&programs->v);
	strs_free(&pages->v);
	if (missing > 0)
		fail_msg("%s and the program differ; tests/unit/test_pages.c tells how a page is "
		    "written", page);
}

/* ---- pages ---- */

static char *
page_text(const char *name)
{
	char	 path[256], *text = NULL;
	size_t	 size = 0;
	FILE	*f;

	(void)snprintf(path, sizeof path, "man/%s", name);
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s cannot be read: tests are run in the top folder", path);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	(void)fclose(f);
	return text;
}

/*
 * The words of an .It line as they are printed, without blanks: "Fl j , Fl -jobs Ar N | Cm
 * auto" is "-j,--jobsN|auto".  What Pq holds is cut off; *ret_not is then behind it.
 */
static void
form(const char *words, char *buf, size_t size, const char **ret_not)
{
	const char	*flag = "", *end = words + strlen(words), *q = strstr(words, " Pq ");
	size_t		 n;

	*ret_not = q != NULL ? q + 4 : end;
	end = q != NULL ? q : end;
	for (buf[0] = '\0'; words < end; words += n) {
		words += strspn(words, " ");
		n = strcspn(words, " ");
		if (n > (size_t)(end - words))
			n = (size_t)(end - words);
		if (n == 2 && strncmp(words, "Fl", 2) == 0)
			flag = "-";
		else if (n == 2 && (strncmp(words, "Oo", 2) == 0 || strncmp(words, "Oc", 2) == 0))
			(void)strlcat(buf, words[1] == 'o' ? "[" : "]", size);
		else if (n == 2 && isupper((unsigned char)words[0]) &&
		    islower((unsigned char)words[1]))
			flag = "";
		else if (n > 0) {
			(void)snprintf(buf + strlen(buf), size - strlen(buf), "%s%.*s", flag,
			    (int)n, words);
			flag = "";
		}
	}
}

/* The same of a table's row. */
static void
row_form(const struct option_row *r, char *buf, size_t size)
{
	char	text[OPTION_FORM];
	size_t	n = 0;

	option_form(r, text);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != ' ' && n + 1 < size)
			buf[n++] = *p;
	}
	buf[n] = '\0';
}

/* Is the word among those of a text?  `flaky --known` is one, too, in quotes. */
static bool
names(const char *text, const char *word)
{
	size_t	n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += n) {
		if ((at == text || at[-1] == ' ') && strchr(" ,\"", at[n]) != NULL &&
		    strncmp(at + n, " --", 3) != 0)
			return true;
	}
	return false;
}

/* The options of a page that lists them only, or of the verbs of a page that has verbs. */
static void
read_options(char *text, bool verbs, struct entries *ret)
{
	char		 shown[256], verb[64] = "", title[256] = "", section[128] = "", *line;
	const char	*without;

	while ((line = strsep(&text, "\n")) != NULL) {
		if (strncmp(line, ".Sh ", 4) == 0) {
			(void)snprintf(section, sizeof section, "%s", line + 4);
			verb[0] = '\0';
		} else if (strncmp(line, ".Ss ", 4) == 0) {
			(void)snprintf(title, sizeof title, "%s", line + 4);
		} else if (verbs && strcmp(section, "VERBS") == 0 &&
		    strncmp(line, ".It Ic ", 7) == 0) {
			(void)snprintf(verb, sizeof verb, "%.*s", (int)strcspn(line + 7, " "),
			    line + 7);
			if (strncmp(line + 7, "flaky Fl -known", 15) == 0)
				(void)snprintf(verb, sizeof verb, "flaky --known");
			add(ret, "%s", verb);
		} else if (strncmp(line, ".It Fl ", 7) == 0) {
			form(line + 4, shown, sizeof shown, &without);
			if (!verbs || verb[0] != '\0') {
				add(ret, "%s%s%s", verb, verbs ? " " : "", shown);
				continue;
			}
			for (size_t i = 0; cmd_verbs[i] != NULL &&
			    strcmp(section, "OPTIONS") == 0; i++) {
				if ((strchr(title, ':') == NULL || names(strchr(title, ':'),
				    cmd_verbs[i]->name)) && !names(without, cmd_verbs[i]->name))
					add(ret, "%s %s", cmd_verbs[i]->name, shown);
			}
			if (strcmp(section, "DESCRIPTION") == 0)
				add(ret, "%s", shown);
		}
	}
}

/* ---- programs ---- */

static void
add_rows(struct entries *e, const char *verb, const struct option_row *r)
{
	char	shown[256];

	for (; r != NULL && r->name != NULL; r++) {
		row_form(r, shown, sizeof shown);
		/* `flaky --known` has it in its name. */
		if (strchr(verb, ' ') != NULL && strcmp(strchr(verb, ' ') + 1, shown) == 0)
			continue;
		add(e, "%s%s%s", verb, *verb != '\0' ? " " : "", shown);
	}
}

static void
add_verb(struct entries *e, const struct cmd_entry *cmd)
{
	struct option_row	rows[OPTION_ROWS + 1];

	options_rows(cmd->shared, rows);
	add(e, "%s", cmd->name);
	add_rows(e, cmd->name, rows);
	add_rows(e, cmd->name, cmd->rows);
}

static void
test_paratestctl(void **state)
{
	struct entries	 programs = { { 0 } }, pages = { { 0 } };
	char		*text = page_text("paratestctl.1");

	(void)state;
	add_rows(&programs, "", cmd_global_rows);
	for (size_t i = 0; cmd_verbs[i] != NULL; i++) {
		add_verb(&programs, cmd_verbs[i]);
		add_rows(&programs, cmd_verbs[i]->name, cmd_common_rows);
	}
	/* The others are the same options of the same verb. */
	for (size_t i = 0; cmd_forms[i] != NULL; i++) {
		if (cmd_forms[i]->rows != NULL)
			add_verb(&programs, cmd_forms[i]);
	}
	read_options(text, true, &pages);
	same("man/paratestctl.1", &programs, &pages);
	free(text);
}

static void
plain(const char *page, const struct option_row *rows)
{
	struct entries	 programs = { { 0 } }, pages = { { 0 } };
	char		*text = page_text(page);

	add_rows(&programs, "", rows);
	read_options(text, false, &pages);
	same(page, &programs, &pages);
	free(text);
}

static void
test_paratestd(void **state)
{
	(void)state;
	plain("paratestd.8", daemon_rows);
}

static void
test_paratest_mcp(void **state)
{
	(void)state;
	plain("paratest-mcp.1", args_rows);
}

/* ".It Ic KEY" and the line behind it, as "KEY: LINE" */
static void
test_settings(void **state)
{
	struct entries	 programs = { { 0 } }, pages = { { 0 } };
	struct config	 c;
	const char	*key, *words;
	char		 value[64], dflt[64], least[64], most[64];
	char		*text = page_text("paratestd.yaml.5"), *rest = text, *line;

	(void)state;
	config_init(&c);
	for (size_t i = 0; config_row(&c, i, &key, &words, value, dflt, sizeof value) == 0 &&
	    config_bounds(i, least, most, sizeof least) == 0; i++) {
		if (*most != '\0')
			add(&programs, "%s: Default %s, from %s to %s.", key, dflt, least, most);
		else
			add(&programs, *dflt == '\0' ? "%s: The name or number of a group; default "
			    "none." : "%s: A level of isolation; default %s.", key, dflt);
	}
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, ".It Ic ", 7) != 0 || strchr(line + 7, ' ') != NULL)
			continue;
		add(&pages, "%s: %.*s", line + 7, rest != NULL ? (int)strcspn(rest, "\n") : 0,
		    rest != NULL ? rest : "");
	}
	same("man/paratestd.yaml.5", &programs, &pages);
	free(text);
}

/* "a , b" are two that are explained together. */
static void
add_keys(struct entries *e, const char *where, char *words)
{
	char	*word;

	while ((word = strsep(&words, " ,")) != NULL) {
		if (*word != '\0')
			add(e, "%s: %s", where, word);
	}
}

static void
test_suite_keys(void **state)
{
	struct entries	 programs = { { 0 } }, pages = { { 0 } };
	char		*text = page_text("paratest-suite.5"), *rest = text, *line, where[128] = "";

	(void)state;
	for (const struct suite_keys *k = suite_keys; k->where != NULL; k++) {
		for (size_t i = 0; k->keys[i] != NULL; i++)
			add(&programs, "Keys of %s: %s", k->where, k->keys[i]);
	}
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, ".Ss ", 4) == 0 || strncmp(line, ".Sh ", 4) == 0)
			(void)snprintf(where, sizeof where, "%s", line + 4);
		else if (strncmp(line, ".It Ic ", 7) == 0 && strncmp(where, "Keys of ", 8) == 0)
			add_keys(&pages, where, line + 7);
	}
	same("man/paratest-suite.5", &programs, &pages);
	free(text);
}

/* A list of keys that the loader takes and that suite_keys.c has not would be in no page. */
static void
test_lists_of_keys(void **state)
{
	FILE	*f;
	char	*line = NULL, *table = NULL, *word, *end;
	size_t	 size = 0, n = 0;

	(void)state;
	f = fopen("ctl/suite_keys.c", "r");
	assert_non_null(f);
	assert_true(getdelim(&table, &size, '\0', f) > 0);
	(void)fclose(f);
	/* The third argument, or the first list in it. */
	f = popen("sed -n 's/.*suite_key([^,]*, [^,]*key, *//p' ctl/suite*.c", "r");
	assert_non_null(f);
	for (size = 0; getline(&line, &size, f) != -1; n++) {
		word = strstr(line, "? ") != NULL ? strstr(line, "? ") + 2 : line;
		end = word + strspn(word, "abcdefghijklmnopqrstuvwxyz_");
		*end = '\0';
		if (end == word || strstr(table, word) == NULL)
			fail_msg("suite_key() is given '%s', which ctl/suite_keys.c has not", word);
	}
	assert_true(n > 10);
	free(line);
	free(table);
	(void)pclose(f);
}

/* What mandoc finds, but for references, which it looks for among what is installed. */
static void
test_lint(void **state)
{
	FILE	*f;
	char	*line = NULL;
	size_t	 size = 0;
	bool	 clean = true;

	(void)state;
	if (system("command -v mandoc >/dev/null 2>&1") != 0)
		skip();
	f = popen("mandoc -Tlint -W style man/*.[0-9] 2>/dev/null", "r");
	assert_non_null(f);
	while (getline(&line, &size, f) != -1) {
		if (strstr(line, "referenced manual not found") == NULL) {
			print_error("%s", line);
			clean = false;
		}
	}
	free(line);
	(void)pclose(f);
	assert_true(clean);
}

/* ---- --help ---- */

/* Does a usage text name the option? */
static bool
usage_has(const char *usage, const char *name)
{
	char	text[OPTION_FORM];
	size_t	n = (size_t)snprintf(text, sizeof text, "--%s", name);

	for (const char *at = usage; (at = strstr(at, text)) != NULL; at += n) {
		if (strchr(" [|(", at[-1]) != NULL && !isalnum((unsigned char)at[n]) &&
		    at[n] != '-')
			return true;
	}
	return false;
}

/* The usage texts of a verb and of the forms that it has, together. */
static char *
usage_of(const struct cmd_entry *cmd)
{
	char	*all = xstrdup(cmd->usage), *more;
	size_t	 n = strlen(cmd->name);

	for (size_t i = 0; cmd_forms[i] != NULL; i++) {
		if (strncmp(cmd_forms[i]->name, cmd->name, n) != 0 || cmd_forms[i]->name[n] != ' ')
			continue;
		more = xasprintf("%s%s", all, cmd_forms[i]->usage);
		free(all);
		all = more;
	}
	return all;
}

static bool
rows_have(const struct option_row *r, const char *name, size_t n)
{
	for (; r != NULL && r->name != NULL; r++) {
		if (strlen(r->name) == n && memcmp(r->name, name, n) == 0)
			return true;
	}
	return false;
}

/* "      --name ..." and "  -x, --name ..." of a usage text are in the tables. */
static void
check_lines(const struct cmd_entry *cmd, const struct option_row *shared)
{
	const char	*name;
	size_t		 n;
	bool		 known;

	for (const char *line = cmd->usage; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		name = line + strspn(line, " ");
		if (name != line && name[0] == '-' && name[1] != '-' && name[2] == ',')
			name += 4;
		if (name == line || strncmp(name, "--", 2) != 0)
			continue;
		name += 2;
		n = strspn(name, "abcdefghijklmnopqrstuvwxyz-");
		known = rows_have(shared, name, n) || rows_have(cmd->rows, name, n) ||
		    rows_have(cmd_common_rows, name, n);
		if (!known)
			fail_msg("paratestctl %s --help has --%.*s, which is in no table",
			    cmd->name, (int)n, name);
	}
}

static void
test_help(void **state)
{
	struct option_row	 rows[OPTION_ROWS + 1];
	char			*usage;

	(void)state;
	for (size_t i = 0; cmd_verbs[i] != NULL; i++) {
		const struct cmd_entry	*cmd = cmd_verbs[i];

		options_rows(cmd->shared, rows);
		usage = usage_of(cmd);
		for (const struct option_row *r = rows; r->name != NULL; r++) {
			if (!usage_has(usage, r->name))
				fail_msg("paratestctl %s --help does not tell of --%s", cmd->name,
				    r->name);
		}
		for (const struct option_row *r = cmd->rows; r != NULL && r->name != NULL; r++) {
			if (!usage_has(usage, r->name))
				fail_msg("paratestctl %s --help does not tell of --%s", cmd->name,
				    r->name);
		}
		free(usage);
		check_lines(cmd, rows);
	}
	for (size_t i = 0; cmd_forms[i] != NULL; i++) {
		options_rows(cmd_forms[i]->shared, rows);
		check_lines(cmd_forms[i], rows);
	}
}

/* ---- what completions offer is taken ---- */

static void
take_word(const struct cmd_entry *cmd, const struct option_row *r, const char *word)
{
	char		 verb[64], option[OPTION_FORM], *argv[] = { verb, option, NULL };
	struct options	 o;

	(void)snprintf(verb, sizeof verb, "%s", cmd->name);
	(void)snprintf(option, sizeof option, "--%s=%s", r->name, word);
	optind = 0;
	if (options_parse(cmd, 2, argv, (enum options_verb)cmd->shared, &o) != 0)
		fail_msg("%s %s is offered and not taken", cmd->name, option);
	options_free(&o);
}

static void
test_words(void **state)
{
	struct option_row	 rows[OPTION_ROWS + 1];
	char			*copy, *rest, *word;
	size_t			 n = 0;

	(void)state;
	for (size_t i = 0; cmd_verbs[i] != NULL; i++) {
		options_rows(cmd_verbs[i]->shared, rows);
		for (const struct option_row *r = rows; r->name != NULL; r++) {
			/* By time is nothing without a number of parts. */
			if (r->takes == NULL || strcmp(r->name, "shard-by") == 0)
				continue;
			copy = rest = xstrdup(r->takes);
			while ((word = strsep(&rest, "|[]")) != NULL) {
				if (*word == '\0' || isupper((unsigned char)*word))
					continue;
				take_word(cmd_verbs[i], r, word);
				n++;
			}
			free(copy);
		}
	}
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_paratestctl),
		cmocka_unit_test(test_paratestd),
		cmocka_unit_test(test_paratest_mcp),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_suite_keys),
		cmocka_unit_test(test_lists_of_keys),
		cmocka_unit_test(test_lint),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
