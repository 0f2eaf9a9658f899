/* JSON written straight into a text; see json_put.h. */
#include <inttypes.h>
#include <string.h>

#include "common/figures.h"
#include "common/outcome.h"
#include "ctl/json_put.h"
#include "ctl/json_value.h"

#define KEY_MAX	60	/* bytes; they are ours */

void
json_put_key(struct text *t, const char *key)
{
	char	last = t->n > 0 ? t->p[t->n - 1] : '{', piece[KEY_MAX + 4];
	size_t	n = 0, len = key != NULL ? strlen(key) : 0;

	if (last != '{' && last != '[')
		piece[n++] = ',';
	if (len > KEY_MAX)
		len = KEY_MAX;
	if (len > 0) {
		piece[n++] = '"';
		memcpy(piece + n, key, len);
		n += len;
		piece[n++] = '"';
		piece[n++] = ':';
	}
	text_add(t, piece, n);
}

void
json_put_value(struct text *t, const char *key, json_t *value)
{
	json_put_key(t, key);
	json_value_dump(t, value);
}

/* How an ASCII byte is written when not as itself, NULL: as itself. */
static const char *
escape(char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\t':
		return "\\t";
	case '\r':
		return "\\r";
	default:
		return NULL;
	}
}

static bool
is_simple(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] < 0x20 && escape(s.p[i]) == NULL) || s.p[i] > 0x7e)
			return false;
	}
	return true;
}

void
json_put_sv(struct text *t, const char *key, struct sv s)
{
	size_t	from = 0;

	json_put_key(t, key);
	if (!is_simple(s)) {
		json_value_dump(t, json_value_bytes(s.p, s.n));
		return;
	}
	text_add(t, "\"", 1);
	for (size_t i = 0; i < s.n; i++) {
		const char	*as = escape(s.p[i]);

		if (as == NULL)
			continue;
		text_add(t, s.p + from, i - from);
		text_puts(t, as);
		from = i + 1;
	}
	if (s.n > from)
		text_add(t, s.p + from, s.n - from);
	text_add(t, "\"", 1);
}

void
json_put_text(struct text *t, const char *key, const char *s)
{
	json_put_sv(t, key, sv_from(s));
}

static void
add_decimal(struct text *t, uint64_t n)
{
	char	buf[20], *p = buf + sizeof(buf);

	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	text_add(t, p, (size_t)(buf + sizeof(buf) - p));
}

void
json_put_count(struct text *t, const char *key, uint64_t n)
{
	json_put_key(t, key);
	if (n <= INT64_MAX)
		add_decimal(t, n);
	else
		json_value_dump(t, json_value_u64(n));
}

void
json_put_ms(struct text *t, const char *key, uint64_t us)
{
	char	digits[] = { '.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
	    (char)('0' + us % 10) };
	size_t	n = us % 1000 == 0 ? 0 : us % 100 == 0 ? 2 : us % 10 == 0 ? 3 : 4;

	json_put_key(t, key);
	add_decimal(t, us / 1000);
	text_add(t, digits, n);
}

void
json_put_bool(struct text *t, const char *key, bool v)
{
	json_put_key(t, key);
	text_puts(t, v ? "true" : "false");
}

void
json_put_null(struct text *t, const char *key)
{
	json_put_key(t, key);
	text_puts(t, "null");
}

void
json_put_ratio(struct text *t, const char *key, double v)
{
	json_put_value(t, key, json_real(v));
}

void
json_put_hash(struct text *t, const char *key, uint64_t hash)
{
	json_put_key(t, key);
	text_addf(t, "\"%016" PRIx64 "\"", hash);
}

void
json_put_strs(struct text *t, const char *key, const struct strs *s)
{
	json_put_key(t, key);
	text_puts(t, "[");
	for (size_t i = 0; i < s->n; i++)
		json_put_text(t, NULL, s->v[i]);
	text_puts(t, "]");
}

const char *
json_put_source(uint64_t source)
{
	switch (source) {
	case SOURCE_RUSAGE:
		return "rusage";
	case SOURCE_PROCFS:
		return "procfs";
	case SOURCE_CGROUP:
		return "cgroup";
	default:
		return NULL;
	}
}

void
json_put_figures(struct text *t, const uint64_t *figures, size_t n)
{
	static const char *const	members[FIGURE_COUNT] = {
#define X(NAME, column, member, text)	[FIGURE_##NAME] = member,
		FIGURE_LIST(X)
#undef X
	};

	for (size_t i = 0; i < n && i < FIGURE_COUNT; i++) {
		switch ((enum figure)i) {
		case FIGURE_USER_US:
		case FIGURE_SYSTEM_US:
		case FIGURE_SPAWN_US:
		case FIGURE_QUEUED_US:
			json_put_ms(t, members[i], figures[i]);
			break;
		case FIGURE_TREE_SOURCE:
			if (json_put_source(figures[i]) != NULL)
				json_put_text(t, members[i], json_put_source(figures[i]));
			break;
		default:
			json_put_count(t, members[i], figures[i]);
			break;
		}
	}
}

void
json_put_retry(struct text *t, uint64_t decision, struct sv reason, uint64_t delay_ms)
{
	if (decision == RETRY_NONE)
		return;
	json_put_key(t, "retry");
	text_puts(t, "{");
	json_put_text(t, "decision", retry_decision_name(decision));
	json_put_sv(t, "reason", reason);
	if (decision == RETRY_GRANTED && delay_ms != UINT64_MAX)
		json_put_count(t, "delay", delay_ms);
	text_puts(t, "}");
}
