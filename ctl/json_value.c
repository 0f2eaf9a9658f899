/* Results as JSON values; see json_value.h. */
#include <string.h>

#include "common/log.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/json_value.h"
#include "ctl/text_view.h"

static json_t *
checked(json_t *v)
{
	if (v == NULL)
		fatal("memory", "out of memory");
	return v;
}

json_t *
json_value_bytes(const char *p, size_t n)
{
	struct text	 t = { 0 };
	json_t		*v;

	if (n == 0)
		return checked(json_string_nocheck(""));
	if (text_is_utf8(p, n))
		return checked(json_stringn_nocheck(p, n));
	text_utf8(&t, p, n);
	v = checked(json_stringn_nocheck(t.p, t.n));
	text_free(&t);
	return v;
}

json_t *
json_value_text(const char *s)
{
	return json_value_bytes(s, s != NULL ? strlen(s) : 0);
}

json_t *
json_value_u64(uint64_t n)
{
	char	buf[24];

	if (n <= INT64_MAX)
		return checked(json_integer((json_int_t)n));
	(void)snprintf(buf, sizeof(buf), "%llu", (unsigned long long)n);
	return checked(json_string_nocheck(buf));
}

json_t *
json_value_ms(uint64_t us)
{
	if (us % 1000 == 0)
		return checked(json_integer((json_int_t)(us / 1000)));
	return checked(json_real((double)us / 1000));
}

void
json_value_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, value) != 0)
		fatal("memory", "out of memory");
}

static void
append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		fatal("memory", "out of memory");
}

static int
dump_part(const char *p, size_t n, void *arg)
{
	text_add(arg, p, n);
	return 0;
}

void
json_value_dump(struct text *t, json_t *value)
{
	/* 15 digits: 12.5 and not 12.500000000000001. */
	(void)json_dump_callback(value, dump_part, t, JSON_COMPACT | JSON_ENCODE_ANY |
	    JSON_REAL_PRECISION(15));
	json_decref(value);
}

/* A number that came as text, or the text when it is none. */
static json_t *
number(struct sv s)
{
	char		 buf[24];
	const char	*why = NULL;
	long long	 n;

	if (s.n == 0 || s.n >= sizeof(buf))
		return json_value_bytes(s.p, s.n);
	memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
	n = strtonum(buf, 0, INT64_MAX, &why);
	return why == NULL ? json_value_u64((uint64_t)n) : json_value_bytes(s.p, s.n);
}

json_t *
json_value_assertions(struct svs v)
{
	json_t	*list = checked(json_array());

	for (uint32_t i = 0; i + 2 < v.n; i += 3) {
		json_t	*one = checked(json_object());
		json_t	*what = checked(json_object());

		json_value_put(what, "type", json_value_bytes(v.v[i].p, v.v[i].n));
		json_value_put(one, "assertion", what);
		json_value_put(one, "passed", json_boolean(sv_is(v.v[i + 1], "pass")));
		json_value_put(one, "message", json_value_bytes(v.v[i + 2].p, v.v[i + 2].n));
		append(list, one);
	}
	return list;
}

json_t *
json_value_leaked(struct svs v)
{
	json_t	*list = checked(json_array());

	for (uint32_t i = 0; i + 1 < v.n; i += 2) {
		json_t	*one = checked(json_object());

		json_value_put(one, "pid", number(v.v[i]));
		json_value_put(one, "argv", json_value_bytes(v.v[i + 1].p, v.v[i + 1].n));
		append(list, one);
	}
	return list;
}

json_t *
json_value_subtests(uint64_t total, uint64_t passed, uint64_t failed, uint64_t skipped,
    uint64_t todo, struct svs failures)
{
	json_t	*all = checked(json_object());
	json_t	*list = checked(json_array());

	json_value_put(all, "total", json_value_u64(total));
	json_value_put(all, "passed", json_value_u64(passed));
	json_value_put(all, "failed", json_value_u64(failed));
	json_value_put(all, "skipped", json_value_u64(skipped));
	json_value_put(all, "todo", json_value_u64(todo));
	for (uint32_t i = 0; i + 1 < failures.n; i += 2) {
		json_t	*one = checked(json_object());
		struct sv name = failures.v[i + 1];

		json_value_put(one, "number", number(failures.v[i]));
		json_value_put(one, "name", json_value_bytes(name.p, name.n));
		append(list, one);
	}
	json_value_put(all, "failures", list);
	return all;
}

json_t *
json_value_error(struct sv message, uint64_t category)
{
	json_t	*error = checked(json_object());

	json_value_put(error, "message", json_value_bytes(message.p, message.n));
	if (category != CATEGORY_NONE)
		json_value_put(error, "category", json_value_text(error_category_name(category)));
	return error;
}

json_t *
json_value_signal(uint64_t sig)
{
	char	buf[40];

	return json_value_text(text_signal(sig, buf, sizeof(buf)));
}
