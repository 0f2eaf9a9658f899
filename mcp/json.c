/* JSON values for messages; see json.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "mcp/json.h"

json_t *
mj_need(json_t *v)
{
	if (v == NULL)
		fatal("mcp", "out of memory");
	return v;
}

/* Bytes of the character of valid UTF-8 at p; 0: there is none. */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	size_t	len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		    p[0] < 0xf5 ? 4 : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, what is past U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

json_t *
mj_text(const char *s)
{
	size_t	 n = strlen(s), len = 0, k;
	json_t	*v = json_stringn(s, n);
	char	*out;

	if (v != NULL)
		return v;
	out = xcalloc(n + 1, 3);
	for (size_t i = 0; i < n; i += k) {
		k = utf8_len((const unsigned char *)s + i, n - i);
		memcpy(out + len, k > 0 ? s + i : "\xef\xbf\xbd", k > 0 ? k : 3);
		len += k > 0 ? k : 3;
		k = k > 0 ? k : 1;
	}
	v = mj_need(json_stringn(out, len));
	free(out);
	return v;
}

json_t *
mj_int(int64_t n)
{
	return mj_need(json_integer(n));
}

json_t *
mj_number(double d)
{
	if (!isfinite(d))
		d = 0;
	return d == floor(d) && fabs(d) < 9e15 ? mj_int((int64_t)d) : mj_need(json_real(d));
}

json_t *
mj_vformat(const char *fmt, va_list ap)
{
	json_t	*v;
	char	*s;

	if (vasprintf(&s, fmt, ap) < 0)
		fatal("mcp", "out of memory");
	v = mj_text(s);
	free(s);
	return v;
}

void
mj_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		fatal("mcp", "cannot add \"%s\" to a message", key);
}

void
mj_put_text(json_t *object, const char *key, const char *s)
{
	if (s != NULL)
		mj_put(object, key, mj_text(s));
}

void
mj_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		fatal("mcp", "cannot add to a list of a message");
}

const char *
mj_string(const json_t *object, const char *key)
{
	const json_t	*v = json_object_get(object, key);
	const char	*s = json_string_value(v);

	return s != NULL && strlen(s) == json_string_length(v) ? s : NULL;
}

json_t *
mj_block(json_t *text)
{
	json_t	*b = mj_need(json_object());

	mj_put(b, "type", mj_text("text"));
	mj_put(b, "text", text);
	return b;
}

char *
mj_dump(const json_t *v, size_t *ret_n)
{
	char	*s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	if (s == NULL)
		fatal("mcp", "a message cannot be written");
	*ret_n = strlen(s);
	return s;
}

/* Control characters, and those that hide or turn the text around them. */
static bool
is_hidden(const char *s, size_t k)
{
	const unsigned char	*p = (const unsigned char *)s;

	if (k == 1)
		return p[0] < ' ' || p[0] >= 0x7f;
	if (k == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (k != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && ((p[2] >= 0x8b && p[2] <= 0x8f) ||
	    (p[2] >= 0xaa && p[2] <= 0xae))) || (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf);
}

void
mj_quote(char *buf, size_t size, const char *s, size_t n)
{
	size_t	len = 0, k;

	for (size_t i = 0; i < n; i += k) {
		k = utf8_len((const unsigned char *)s + i, n - i);
		k = k > 0 ? k : 1;
		if (len + k + 4 > size) {
			memcpy(buf + len, "...", 3);
			len += 3;
			break;
		}
		if (is_hidden(s + i, k))
			buf[len++] = ' ';
		else {
			memcpy(buf + len, s + i, k);
			len += k;
		}
	}
	buf[len] = '\0';
}
