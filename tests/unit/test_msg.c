/* Unit tests of common/msg.c: every body there and back, every body refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <event2/buffer.h>
#include <msgpack.h>

#include "common/msg.h"

/* ---- values for any message, out of msg.def ---- */

static const char text[] = "abcdefghijkl";
static const char bytes[] = "\0\377\n\0x\200\0\0";
static const uint64_t numbers[] = { 0, 127, 65536, UINT64_MAX };
static const struct sv items[] = { { "one", 3 }, { "", 0 }, { "drei", 4 } };

static uint64_t
next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 17;
}

static uint64_t
some_u64(uint64_t *seed)
{
	static const uint64_t edges[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX,
	    UINT64_C(1) << 32, INT64_MAX, UINT64_MAX };

	return edges[next(seed) % (sizeof edges / sizeof edges[0])];
}

/* The values of one message, and whether two are the same. */
#define MSG(dir, code, NAME, name, max, right)				\
	static void fill_##name(union msg_body *b, uint64_t *seed)	\
	{ struct msg_##name *m = &b->name; (void)m; (void)seed;
#define END(NAME, name)			}
#define U64(name, field, tag, need)	m->field = some_u64(seed);
#define BOOL(name, field, tag, need)	m->field = next(seed) % 2;
#define STR(name, field, tag, need)					\
	m->field = (struct sv){ text, next(seed) % sizeof text };
#define BIN(name, field, tag, need)					\
	m->field = (struct sv){ bytes, next(seed) % sizeof bytes };
#define STRS(name, field, tag, need)					\
	m->field = (struct svs){ items, (uint32_t)(next(seed) % 4) };
#define NUMS(name, field, tag, need)					\
	m->field = (struct nums){ numbers, (uint32_t)(next(seed) % 5) };
#include "common/msg.def"

static bool
same_strs(struct svs a, struct svs b)
{
	bool	same = a.n == b.n;

	for (uint32_t i = 0; same && i < a.n; i++)
		same = sv_eq(a.v[i], b.v[i]);
	return same;
}

static bool
same_nums(struct nums a, struct nums b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.v, b.v, a.n * sizeof *a.v) == 0);
}

#define MSG(dir, code, NAME, name, max, right)				\
	static bool same_##name(const union msg_body *x, const union msg_body *y) \
	{ const struct msg_##name *a = &x->name, *b = &y->name; bool same = true; \
	(void)a; (void)b;
#define END(NAME, name)			return same; }
#define U64(name, field, tag, need)	same &= a->field == b->field;
#define BOOL(name, field, tag, need)	same &= a->field == b->field;
#define STR(name, field, tag, need)	same &= sv_eq(a->field, b->field);
#define BIN(name, field, tag, need)	same &= sv_eq(a->field, b->field);
#define STRS(name, field, tag, need)	same &= same_strs(a->field, b->field);
#define NUMS(name, field, tag, need)	same &= same_nums(a->field, b->field);
#include "common/msg.def"

static const struct message {
	const char	*name;
	enum msg_type	 type;
	void		(*fill)(union msg_body *, uint64_t *seed);
	bool		(*same)(const union msg_body *, const union msg_body *);
} messages[] = {
#define MSG(dir, code, NAME, name, max, right)				\
	{ #name, MSG_##NAME, fill_##name, same_##name },
#include "common/msg.def"
};
#define NMESSAGES	(sizeof messages / sizeof messages[0])

enum kind { KIND_U64, KIND_BOOL, KIND_STR, KIND_BIN, KIND_STRS, KIND_NUMS, KIND_NIL, KIND_NEGATIVE,
    KIND_DOUBLE, KIND_MAP, KIND_NEGATIVES, NKINDS };
#define OPT	0
#define REQ	1

static const struct field {
	const char	*message, *name;
	enum kind	 kind;
	unsigned	 tag;
	int		 need;
} fields[] = {
#define U64(name, field, tag, need)	{ #name, #field, KIND_U64, tag, need },
#define BOOL(name, field, tag, need)	{ #name, #field, KIND_BOOL, tag, need },
#define STR(name, field, tag, need)	{ #name, #field, KIND_STR, tag, need },
#define BIN(name, field, tag, need)	{ #name, #field, KIND_BIN, tag, need },
#define STRS(name, field, tag, need)	{ #name, #field, KIND_STRS, tag, need },
#define NUMS(name, field, tag, need)	{ #name, #field, KIND_NUMS, tag, need },
#include "common/msg.def"
};
#define NFIELDS		(sizeof fields / sizeof fields[0])

/* ---- there and back ---- */

static int
open_reader(void **state)
{
	*state = msg_reader_new();
	return *state == NULL;
}

static int
close_reader(void **state)
{
	msg_reader_free(*state);
	return 0;
}

static void
every_message_comes_back_as_it_was(void **state)
{
	uint64_t	seed = 1;
	union msg_body	in, out;
	const char	*why = "";
	char		*data;
	size_t		 len;

	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < NMESSAGES; i++) {
			const struct message	*m = &messages[i];

			memset(&in, 0, sizeof in);
			m->fill(&in, &seed);
			assert_int_equal(msg_encode(m->type, &in, &data, &len), 0);
			assert_true(len > 0 && len <= msg_desc(m->type)->max_len);
			assert_int_equal(msg_scan(data, len), 0);
			memset(&out, 0xff, sizeof out);
			if (msg_decode(*state, m->type, data, len, &out, &why) != 0)
				fail_msg("%s: %s", m->name, why);
			if (!m->same(&in, &out))
				fail_msg("%s: a field came back changed", m->name);
			free(data);
		}
	}
}

static void
the_table_is_what_msg_def_says(void **state)
{
	(void)state;
	assert_null(msg_desc(0));
	assert_null(msg_desc(MSG_TYPE_MAX));
	assert_null(msg_desc(UINT32_MAX));
	assert_string_equal(msg_desc(MSG_TEST_ADD)->name, "test_add");
	assert_int_equal(msg_desc(MSG_TEST_ADD)->dir, MSG_DIR_C2S);
	assert_int_equal(msg_desc(MSG_SHUTDOWN)->right, MSG_RIGHT_ADMIN);
	assert_int_equal(msg_desc(MSG_RUN_CANCEL)->right, MSG_RIGHT_OWNER);
	assert_int_equal(msg_desc(MSG_EVENT)->size, sizeof(struct msg_event));
}

/* Exit code 0 is said with its bit, and is not the same as none. */
static void
an_optional_zero_is_sent_when_its_bit_is_set(void **state)
{
	struct msg_event	with = { .has = MSG_BIT(event, exit_code) }, without = { 0 };
	union msg_body		out;
	char			*data;
	size_t			 len, len_without;

	assert_int_equal(msg_encode(MSG_EVENT, &with, &data, &len), 0);
	assert_int_equal(msg_decode(*state, MSG_EVENT, data, len, &out, NULL), 0);
	assert_true(MSG_HAS(&out.event, event, exit_code));
	assert_int_equal(out.event.exit_code, 0);
	assert_false(MSG_HAS(&out.event, event, signal));
	free(data);
	assert_int_equal(msg_encode(MSG_EVENT, &without, &data, &len_without), 0);
	assert_true(len_without < len);
	assert_int_equal(msg_decode(*state, MSG_EVENT, data, len_without, &out, NULL), 0);
	assert_false(MSG_HAS(&out.event, event, exit_code));
	assert_true(MSG_HAS(&out.event, event, seq));	/* required: always there */
	free(data);
}

static void
what_cannot_be_sent_is_refused(void **state)
{
	struct evbuffer		*out = evbuffer_new();
	char			*big = calloc(1, 2000);
	struct msg_hello	 nul = { .program = { "a\0b", 3 } };
	struct msg_hello	 wide = { .program = { big, 1100 } };
	char			*data;
	size_t			 len;

	(void)state;
	memset(big, 'x', 2000);
	assert_int_equal(msg_put(out, MSG_HELLO, 1, &nul), -EINVAL);
	assert_int_equal(msg_put(out, MSG_HELLO, 1, &wide), -EMSGSIZE);
	assert_int_equal(evbuffer_get_length(out), 0);
	assert_int_equal(msg_encode(MSG_HELLO, &nul, &data, &len), -EINVAL);
	assert_int_equal(msg_encode(MSG_HELLO, &wide, &data, &len), -EMSGSIZE);
	free(big);
	evbuffer_free(out);
}

/* ---- bodies that are refused ---- */

#define RAW(s)	s, sizeof(s) - 1

static void
unsound_bodies_are_refused_before_they_are_unpacked(void **state)
{
	static const struct {
		const char	*name, *data;
		size_t		 len;
		int		 r;
	} cases[] = {
		{ "an empty map", RAW("\x80"), 0 },
		{ "a map of 16 bits", RAW("\xde\0\1\1\1"), 0 },
		{ "a map of 32 bits", RAW("\xdf\0\0\0\1\1\1"), 0 },
		{ "depth 3", RAW("\x81\1\x91\x91\1"), 0 },
		{ "nothing", RAW(""), -EBADMSG },
		{ "no map", RAW("\x91\1"), -EBADMSG },
		{ "a number", RAW("\1"), -EBADMSG },
		{ "half a pair", RAW("\x81\1"), -EBADMSG },
		{ "a trailing byte", RAW("\x80\xc0"), -EBADMSG },
		{ "two maps", RAW("\x80\x80"), -EBADMSG },
		{ "depth 4", RAW("\x81\1\x91\x91\x91\1"), -EBADMSG },
		{ "maps in maps", RAW("\x81\1\x81\1\x81\1\x81\1\1"), -EBADMSG },
		{ "array32 of 2^27", RAW("\x81\1\xdd\x07\xff\xff\xff"), -EBADMSG },
		{ "array32 of 2^32 - 1", RAW("\x81\1\xdd\xff\xff\xff\xff\1\1"), -EBADMSG },
		{ "map32 of 2^31", RAW("\xdf\x80\0\0\0"), -EBADMSG },
		{ "map32 of 2^32 - 1", RAW("\xdf\xff\xff\xff\xff\1\1"), -EBADMSG },
		{ "map16 of 65535", RAW("\xde\xff\xff\1\1"), -EBADMSG },
		{ "str32 beyond its bytes", RAW("\x81\1\xdb\xff\xff\xff\xff" "abc"), -EBADMSG },
		{ "bin32 beyond its bytes", RAW("\x81\1\xc6\0\0\0\4" "abc"), -EBADMSG },
		{ "str8 without its length", RAW("\x81\1\xd9"), -EBADMSG },
		{ "a short u64", RAW("\x81\1\xcf\0\0\0\0\0\0\0"), -EBADMSG },
		{ "a short double", RAW("\x81\1\xcb\0\0\0"), -EBADMSG },
		{ "fixext 1", RAW("\x81\1\xd4\1\1"), -EBADMSG },
		{ "fixext 16", RAW("\x81\1\xd8\1" "0123456789abcdef"), -EBADMSG },
		{ "ext 8", RAW("\x81\1\xc7\1\1x"), -EBADMSG },
		{ "ext 32", RAW("\x81\1\xc9\xff\xff\xff\xff\1"), -EBADMSG },
		{ "the unused c1", RAW("\x81\1\xc1"), -EBADMSG },
	};
	union msg_body	out;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (msg_scan(cases[i].data, cases[i].len) != cases[i].r)
			fail_msg("%s", cases[i].name);
		if (cases[i].r != 0 && msg_decode(*state, MSG_PING, cases[i].data, cases[i].len,
		    &out, NULL) != -EBADMSG)
			fail_msg("%s: decoded", cases[i].name);
	}
}

static void
pack(msgpack_packer *pk, enum kind kind)
{
	switch (kind) {
	case KIND_U64:
		(void)msgpack_pack_uint64(pk, 7);
		break;
	case KIND_BOOL:
		(void)msgpack_pack_true(pk);
		break;
	case KIND_STR:
		(void)msgpack_pack_str_with_body(pk, "x", 1);
		break;
	case KIND_BIN:
		(void)msgpack_pack_bin_with_body(pk, "\0", 1);
		break;
	case KIND_STRS:
		(void)msgpack_pack_array(pk, 1);
		(void)msgpack_pack_str_with_body(pk, "x", 1);
		break;
	case KIND_NUMS:
		(void)msgpack_pack_array(pk, 1);
		(void)msgpack_pack_uint64(pk, 7);
		break;
	case KIND_NIL:
		(void)msgpack_pack_nil(pk);
		break;
	case KIND_NEGATIVE:
		(void)msgpack_pack_int64(pk, -7);
		break;
	case KIND_DOUBLE:
		(void)msgpack_pack_double(pk, 7);
		break;
	case KIND_MAP:
		(void)msgpack_pack_map(pk, 0);
		break;
	case KIND_NEGATIVES:
		(void)msgpack_pack_array(pk, 1);
		(void)msgpack_pack_int64(pk, -7);
		break;
	case NKINDS:
		break;
	}
}

static enum msg_type
type_of(const char *name)
{
	for (size_t i = 0; i < NMESSAGES; i++) {
		if (strcmp(messages[i].name, name) == 0)
			return messages[i].type;
	}
	return MSG_TYPE_MAX;
}

/*
 * Decodes a body of f's message that has all its required fields; f itself is left
 * out, or comes `times` times, as a value of `kind`.
 */
static int
decode_with(struct msg_reader *rd, const struct field *f, int times, enum kind kind,
    const char **ret_why)
{
	msgpack_sbuffer	buf;
	msgpack_packer	pk;
	union msg_body	out;
	size_t		n = 0;
	int		r;

	for (size_t i = 0; i < NFIELDS; i++)
		n += &fields[i] != f && fields[i].need == REQ &&
		    strcmp(fields[i].message, f->message) == 0;
	msgpack_sbuffer_init(&buf);
	msgpack_packer_init(&pk, &buf, msgpack_sbuffer_write);
	(void)msgpack_pack_map(&pk, n + (size_t)times);
	for (size_t i = 0; i < NFIELDS; i++) {
		if (&fields[i] == f || fields[i].need != REQ ||
		    strcmp(fields[i].message, f->message) != 0)
			continue;
		(void)msgpack_pack_uint8(&pk, (uint8_t)fields[i].tag);
		pack(&pk, fields[i].kind);
	}
	for (int i = 0; i < times; i++) {
		(void)msgpack_pack_uint8(&pk, (uint8_t)f->tag);
		pack(&pk, kind);
	}
	r = msg_decode(rd, type_of(f->message), buf.data, buf.size, &out, ret_why);
	msgpack_sbuffer_destroy(&buf);
	return r;
}

static void
each_field_takes_its_kind_only(void **state)
{
	const char	*why = "";

	for (size_t i = 0; i < NFIELDS; i++) {
		for (enum kind k = 0; k < NKINDS; k++) {
			int	r = decode_with(*state, &fields[i], 1, k, &why);

			if (r != (k == fields[i].kind ? 0 : -EBADMSG))
				fail_msg("%s.%s, value %d: %d", fields[i].message,
				    fields[i].name, (int)k, r);
			if (r != 0)
				assert_string_equal(why, "a field is of the wrong type");
		}
	}
}

static void
each_required_field_is_missed(void **state)
{
	const char	*why = "";

	for (size_t i = 0; i < NFIELDS; i++) {
		int	r = decode_with(*state, &fields[i], 0, KIND_NIL, &why);

		if (r != (fields[i].need == REQ ? -EBADMSG : 0))
			fail_msg("%s.%s: %d", fields[i].message, fields[i].name, r);
		if (r != 0)
			assert_string_equal(why, "a required field is missing");
	}
}

static void
no_tag_comes_twice(void **state)
{
	const char	*why = "";

	for (size_t i = 0; i < NFIELDS; i++) {
		if (decode_with(*state, &fields[i], 2, fields[i].kind, &why) != -EBADMSG)
			fail_msg("%s.%s", fields[i].message, fields[i].name);
		assert_string_equal(why, "a tag came twice");
	}
}

static void
bodies_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char	*name;
		enum msg_type	 type;
		const char	*data;
		size_t		 len;
		const char	*why;	/* NULL: it is fine */
	} cases[] = {
		{ "unknown tags are skipped", MSG_HELLO,
		    RAW("\x83\x32\x91\x91\1\1\1\xcd\x01\x01\xc0"), NULL },
		{ "an unknown tag twice is skipped twice", MSG_PING, RAW("\x82\x32\1\x32\1"),
		    NULL },
		{ "a tag of 64 bits is another tag", MSG_HELLO,
		    RAW("\x82\1\1\xcf\0\0\0\1\0\0\0\1\1"), NULL },
		{ "a tag that is text", MSG_HELLO, RAW("\x81\xa1x\1"), "a tag is not a number" },
		{ "a negative tag", MSG_HELLO, RAW("\x81\xff\1"), "a tag is not a number" },
		{ "a NUL in a string", MSG_HELLO, RAW("\x82\1\1\2\xa3" "a\0b"),
		    "a string holds a NUL" },
		{ "a NUL in a list", MSG_RUN_BEGIN, RAW("\x81\2\x92\xa1x\xa1\0"),
		    "a string holds a NUL" },
		{ "an unknown type", 0x7f, RAW("\x80"), "an unknown type" },
		{ "a type out of range", 0x1000, RAW("\x80"), "an unknown type" },
	};
	const char	*why;
	union msg_body	 out;
	int		 r;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		why = NULL;
		r = msg_decode(*state, cases[i].type, cases[i].data, cases[i].len, &out, &why);
		if (r != (cases[i].why != NULL ? -EBADMSG : 0))
			fail_msg("%s: %d", cases[i].name, r);
		if (cases[i].why != NULL)
			assert_string_equal(why, cases[i].why);
	}
}

/* ---- bounds on memory ---- */

static size_t
peak_bytes(void)
{
	struct rusage	ru;

	assert_int_equal(getrusage(RUSAGE_SELF, &ru), 0);
	return (size_t)ru.ru_maxrss * 1024;
}

static void
memory_stays_in_proportion_to_the_bytes(void **state)
{
	static const char	claim[] = "\x81\2\xdd\x07\xff\xff\xff";
	const size_t		n = 1000000;
	char			*data = malloc(n + 16);
	size_t			 before = peak_bytes();
	union msg_body		 out;

	for (int i = 0; i < 100; i++)
		assert_int_equal(msg_decode(*state, MSG_RUN_BEGIN, claim, sizeof claim - 1, &out,
		    NULL), -EBADMSG);
	assert_true(peak_bytes() - before < (size_t)16 << 20);
	/* The worst that is sound: a million empty strings.  Once more costs little
	 * more. */
	(void)memcpy(data, "\x81\2\xdd\x00\x0f\x42\x40", 7);
	memset(data + 7, 0xa0, n);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(msg_decode(*state, MSG_RUN_BEGIN, data, n + 7, &out, NULL), 0);
		assert_int_equal(out.run_begin.env.n, n);
		assert_int_equal(out.run_begin.env.v[n - 1].n, 0);
	}
	assert_true(peak_bytes() - before < (size_t)160 << 20);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back_as_it_was),
		cmocka_unit_test(the_table_is_what_msg_def_says),
		cmocka_unit_test(an_optional_zero_is_sent_when_its_bit_is_set),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
		cmocka_unit_test(unsound_bodies_are_refused_before_they_are_unpacked),
		cmocka_unit_test(each_field_takes_its_kind_only),
		cmocka_unit_test(each_required_field_is_missed),
		cmocka_unit_test(no_tag_comes_twice),
		cmocka_unit_test(bodies_that_make_no_sense_are_refused),
		cmocka_unit_test(memory_stays_in_proportion_to_the_bytes),
	};

	return cmocka_run_group_tests(tests, open_reader, close_reader);
}
