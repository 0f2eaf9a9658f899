/* Words as a shell takes them; see shell.h. */
#include <stdbool.h>
#include <string.h>

#include "ctl/shell.h"

#define SAFE	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_"

/* Is it shown as what it is? */
static bool
is_shown(const char *p, size_t n)
{
	struct text	t = { 0 };
	bool		same;

	(void)text_show(&t, p, n, 0, 0);
	same = t.n == n && (n == 0 || memcmp(t.p, p, n) == 0);
	text_free(&t);
	return same;
}

static void
put_quoted(struct text *t, const char *word)
{
	size_t	n;

	text_puts(t, "'");
	for (; *word != '\0'; word += n) {
		n = strcspn(word, "'");
		text_add(t, word, n);
		if (word[n] == '\'') {
			text_puts(t, "'\\''");
			n++;
		}
	}
	text_puts(t, "'");
}

static void
put_escaped(struct text *t, const char *word)
{
	size_t		n, left = strlen(word);
	uint32_t	c;

	text_puts(t, "$'");
	for (; left > 0; word += n, left -= n) {
		n = text_decode(word, left, &c);
		if (c == '\'' || c == '\\')
			text_addf(t, "\\%c", (char)c);
		else if (is_shown(word, n))
			text_add(t, word, n);
		else
			for (size_t i = 0; i < n; i++)
				text_addf(t, "\\%03o", (unsigned)(unsigned char)word[i]);
	}
	text_puts(t, "'");
}

void
shell_word(struct text *t, const char *word)
{
	if (*word != '\0' && word[strspn(word, SAFE)] == '\0')
		text_puts(t, word);
	else if (is_shown(word, strlen(word)))
		put_quoted(t, word);
	else
		put_escaped(t, word);
}
