/*
 * The codec over msg.def.  A body is checked by msg_scan() before msgpack-c may
 * see it: five bytes that claim 2^27 elements make msgpack-c 4.0 reserve 4 GB.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <msgpack.h>

#include "common/msg.h"

enum kind { KIND_U64, KIND_BOOL, KIND_STR, KIND_BIN, KIND_STRS, KIND_NUMS };
enum { OPT = 0, REQ = 1 };

struct field {
	uint8_t		kind;	/* enum kind */
	uint8_t		tag;
	uint8_t		need;
	uint16_t	offset;	/* in the message's struct */
};

struct layout {
	const struct field	*fields;
	uint32_t		 n;
};

/* An element more than there are fields, since C has no empty arrays. */
#define MSG(dir, code, NAME, name, max, right)				\
	_Static_assert(MSG_NFIELDS_##name <= 64, "more fields than bits in has"); \
	_Static_assert((max) <= MSG_MAX_LEN, "MAXLEN above MSG_MAX_LEN");	\
	static const struct field fields_##name[MSG_NFIELDS_##name + 1] = {
#define END(NAME, name)		{ 0, 0, 0, 0 } };
#define ROW(K, name, field, tag, need)	{ K, tag, need, offsetof(struct msg_##name, field) },
#define U64(name, field, tag, need)	ROW(KIND_U64, name, field, tag, need)
#define BOOL(name, field, tag, need)	ROW(KIND_BOOL, name, field, tag, need)
#define STR(name, field, tag, need)	ROW(KIND_STR, name, field, tag, need)
#define BIN(name, field, tag, need)	ROW(KIND_BIN, name, field, tag, need)
#define STRS(name, field, tag, need)	ROW(KIND_STRS, name, field, tag, need)
#define NUMS(name, field, tag, need)	ROW(KIND_NUMS, name, field, tag, need)
#include "common/msg.def"

static const struct msg_desc descs[MSG_TYPE_MAX] = {
#define MSG(dir, code, NAME, name, max, right)				\
	[code] = { #name, max, MSG_DIR_##dir, MSG_RIGHT_##right, sizeof(struct msg_##name) },
#include "common/msg.def"
};

static const struct layout layouts[MSG_TYPE_MAX] = {
#define MSG(dir, code, NAME, name, max, right)				\
	[code] = { fields_##name, MSG_NFIELDS_##name },
#include "common/msg.def"
};

struct msg_reader {
	msgpack_zone	zone;
};

const struct msg_desc *
msg_desc(uint32_t type)
{
	if (type >= MSG_TYPE_MAX || descs[type].name == NULL)
		return NULL;
	return &descs[type];
}

/* ---- encoding ---- */

static bool
is_set(const struct field *f, uint32_t bit, const void *body)
{
	const char	*p = (const char *)body + f->offset;
	uint64_t	 has;

	memcpy(&has, body, sizeof has);
	if (f->need == REQ || (has >> bit & 1))
		return true;
	switch (f->kind) {
	case KIND_U64:
		return *(const uint64_t *)(const void *)p != 0;
	case KIND_BOOL:
		return *(const bool *)(const void *)p;
	case KIND_STR:
	case KIND_BIN:
		return ((const struct sv *)(const void *)p)->n != 0;
	case KIND_NUMS:
		return ((const struct nums *)(const void *)p)->n != 0;
	default:
		return ((const struct svs *)(const void *)p)->n != 0;
	}
}

static int
pack_str(msgpack_packer *pk, struct sv s)
{
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
		return -EINVAL;
	if (msgpack_pack_str(pk, s.n) != 0 || msgpack_pack_str_body(pk, s.p, s.n) != 0)
		return -ENOMEM;
	return 0;
}

static int
pack_nums(msgpack_packer *pk, const struct nums *list)
{
	int	r = msgpack_pack_array(pk, list->n);

	for (uint32_t i = 0; i < list->n && r == 0; i++)
		r = msgpack_pack_uint64(pk, list->v[i]);
	return r != 0 ? -ENOMEM : 0;
}

static int
pack_field(msgpack_packer *pk, const struct field *f, const void *body)
{
	const void	*p = (const char *)body + f->offset;
	const struct sv	*s = p;
	const struct svs *list = p;
	int		 r = 0;

	if (msgpack_pack_uint8(pk, f->tag) != 0)
		return -ENOMEM;
	switch (f->kind) {
	case KIND_U64:
		return msgpack_pack_uint64(pk, *(const uint64_t *)p) != 0 ? -ENOMEM : 0;
	case KIND_BOOL:
		return (*(const bool *)p ? msgpack_pack_true(pk) : msgpack_pack_false(pk)) != 0 ?
		    -ENOMEM : 0;
	case KIND_STR:
		return pack_str(pk, *s);
	case KIND_BIN:
		return msgpack_pack_bin(pk, s->n) != 0 ||
		    msgpack_pack_bin_body(pk, s->p, s->n) != 0 ? -ENOMEM : 0;
	case KIND_NUMS:
		return pack_nums(pk, p);
	default:
		if (msgpack_pack_array(pk, list->n) != 0)
			return -ENOMEM;
		for (uint32_t i = 0; i < list->n && r == 0; i++)
			r = pack_str(pk, list->v[i]);
		return r;
	}
}

/* Packs a body behind whatever the buffer holds. */
static int
pack_body(msgpack_sbuffer *buf, enum msg_type type, const void *body)
{
	const struct layout	*l = &layouts[type];
	size_t			 start = buf->size;
	msgpack_packer		 pk;
	uint8_t			 set[64];	/* the fields that are sent */
	uint32_t		 n = 0;
	int			 r = 0;

	msgpack_packer_init(&pk, buf, msgpack_sbuffer_write);
	for (uint32_t i = 0; i < l->n; i++) {
		if (is_set(&l->fields[i], i, body))
			set[n++] = (uint8_t)i;
	}
	if (msgpack_pack_map(&pk, n) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = pack_field(&pk, &l->fields[set[i]], body);
	if (r == 0 && buf->size - start > descs[type].max_len)
		r = -EMSGSIZE;
	return r;
}

void
msg_header(void *ret, enum msg_type type, uint32_t id, size_t body_len)
{
	const uint32_t	words[MSG_HEADER / 4] = { htonl((uint32_t)body_len),
	    htonl((uint32_t)type << 16), htonl(id) };

	memcpy(ret, words, sizeof words);
}

int
msg_put(struct evbuffer *out, enum msg_type type, uint32_t id, const void *body)
{
	msgpack_sbuffer	 buf;
	const char	 head[MSG_HEADER] = { 0 };
	int		 r;

	msgpack_sbuffer_init(&buf);
	/* The header's place, filled in when the length is known. */
	if (msgpack_sbuffer_write(&buf, head, sizeof head) != 0)
		return -ENOMEM;
	r = pack_body(&buf, type, body);
	if (r == 0) {
		msg_header(buf.data, type, id, buf.size - MSG_HEADER);
		if (evbuffer_add(out, buf.data, buf.size) != 0)
			r = -ENOMEM;
	}
	msgpack_sbuffer_destroy(&buf);
	return r;
}

int
msg_put_encoded(struct evbuffer *out, enum msg_type type, uint32_t id, struct sv body)
{
	char	head[MSG_HEADER];

	if (body.n > descs[type].max_len)
		return -EMSGSIZE;
	msg_header(head, type, id, body.n);
	if (evbuffer_expand(out, sizeof head + body.n) != 0 ||
	    evbuffer_add(out, head, sizeof head) != 0 || evbuffer_add(out, body.p, body.n) != 0)
		return -ENOMEM;
	return 0;
}

int
msg_encode(enum msg_type type, const void *body, char **ret_data, size_t *ret_len)
{
	msgpack_sbuffer	buf;
	int		r;

	msgpack_sbuffer_init(&buf);
	r = pack_body(&buf, type, body);
	if (r != 0) {
		msgpack_sbuffer_destroy(&buf);
		return r;
	}
	*ret_data = buf.data;
	*ret_len = buf.size;
	return 0;
}

/* ---- checking ---- */

struct scan {
	const unsigned char	*p, *end;
};

static int
scan_size(struct scan *s, unsigned bytes, uint64_t *ret)
{
	uint64_t	v = 0;

	if ((size_t)(s->end - s->p) < bytes)
		return -EBADMSG;
	while (bytes-- > 0)
		v = v << 8 | *s->p++;
	*ret = v;
	return 0;
}

static int
scan_skip(struct scan *s, uint64_t n)
{
	if ((uint64_t)(s->end - s->p) < n)
		return -EBADMSG;
	s->p += n;
	return 0;
}

static int	scan_value(struct scan *, unsigned depth);

/* n values; each takes at least a byte, so n can be checked before the work. */
static int
scan_values(struct scan *s, uint64_t n, unsigned depth)
{
	int	r = 0;

	if (depth >= MSG_MAX_DEPTH || n > (uint64_t)(s->end - s->p))
		return -EBADMSG;
	while (n-- > 0 && r == 0)
		r = scan_value(s, depth + 1);
	return r;
}

static int
scan_value(struct scan *s, unsigned depth)
{
	uint64_t	n;
	unsigned	b;

	if (s->p == s->end)
		return -EBADMSG;
	b = *s->p++;
	if (b <= 0x7f || b >= 0xe0 || b == 0xc0 || b == 0xc2 || b == 0xc3)
		return 0;			/* small integers, nil, booleans */
	if (b <= 0x8f)
		return scan_values(s, 2 * (uint64_t)(b & 0x0f), depth);
	if (b <= 0x9f)
		return scan_values(s, b & 0x0f, depth);
	if (b <= 0xbf)
		return scan_skip(s, b & 0x1f);
	switch (b) {
	case 0xc4: case 0xc5: case 0xc6:	/* bin 8, 16, 32 */
		return scan_size(s, 1u << (b - 0xc4), &n) != 0 ? -EBADMSG : scan_skip(s, n);
	case 0xd9: case 0xda: case 0xdb:	/* str 8, 16, 32 */
		return scan_size(s, 1u << (b - 0xd9), &n) != 0 ? -EBADMSG : scan_skip(s, n);
	case 0xca:				/* float, double */
		return scan_skip(s, 4);
	case 0xcb:
		return scan_skip(s, 8);
	case 0xcc: case 0xcd: case 0xce: case 0xcf:	/* unsigned */
		return scan_skip(s, UINT64_C(1) << (b - 0xcc));
	case 0xd0: case 0xd1: case 0xd2: case 0xd3:	/* signed */
		return scan_skip(s, UINT64_C(1) << (b - 0xd0));
	case 0xdc: case 0xdd:			/* array 16, 32 */
		return scan_size(s, b == 0xdc ? 2 : 4, &n) != 0 ? -EBADMSG :
		    scan_values(s, n, depth);
	case 0xde: case 0xdf:			/* map 16, 32 */
		return scan_size(s, b == 0xde ? 2 : 4, &n) != 0 ? -EBADMSG :
		    scan_values(s, 2 * n, depth);
	default:				/* extensions, the unused 0xc1 */
		return -EBADMSG;
	}
}

int
msg_scan(const void *data, size_t len)
{
	struct scan	s = { data, (const unsigned char *)data + len };

	if (len == 0 || !((*s.p & 0xf0) == 0x80 || *s.p == 0xde || *s.p == 0xdf))
		return -EBADMSG;
	if (scan_value(&s, 0) != 0 || s.p != s.end)
		return -EBADMSG;
	return 0;
}

/* ---- decoding ---- */

struct msg_reader *
msg_reader_new(void)
{
	struct msg_reader	*rd = calloc(1, sizeof *rd);

	if (rd != NULL && !msgpack_zone_init(&rd->zone, MSGPACK_ZONE_CHUNK_SIZE)) {
		free(rd);
		rd = NULL;
	}
	return rd;
}

void
msg_reader_free(struct msg_reader *rd)
{
	if (rd == NULL)
		return;
	msgpack_zone_destroy(&rd->zone);
	free(rd);
}

static const char *
take_str(const msgpack_object *o, struct sv *ret)
{
	if (o->type != MSGPACK_OBJECT_STR)
		return "a field is of the wrong type";
	if (o->via.str.size > 0 && memchr(o->via.str.ptr, '\0', o->via.str.size) != NULL)
		return "a string holds a NUL";
	*ret = (struct sv){ o->via.str.ptr, o->via.str.size };
	return NULL;
}

static const char *
take_strs(struct msg_reader *rd, const msgpack_object *o, struct svs *ret)
{
	const char	*why = NULL;
	struct sv	*v;
	uint32_t	 n;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return "a field is of the wrong type";
	n = o->via.array.size;
	v = msgpack_zone_malloc(&rd->zone, (n + 1) * sizeof *v);
	if (v == NULL)
		return "no memory";
	for (uint32_t i = 0; i < n && why == NULL; i++)
		why = take_str(&o->via.array.ptr[i], &v[i]);
	*ret = (struct svs){ v, n };
	return why;
}

static const char *
take_nums(struct msg_reader *rd, const msgpack_object *o, struct nums *ret)
{
	uint64_t	*v;
	uint32_t	 n;

	if (o->type != MSGPACK_OBJECT_ARRAY)
		return "a field is of the wrong type";
	n = o->via.array.size;
	v = msgpack_zone_malloc(&rd->zone, (n + 1) * sizeof *v);
	if (v == NULL)
		return "no memory";
	for (uint32_t i = 0; i < n; i++) {
		if (o->via.array.ptr[i].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
			return "a field is of the wrong type";
		v[i] = o->via.array.ptr[i].via.u64;
	}
	*ret = (struct nums){ v, n };
	return NULL;
}

/* Puts one value where its field is.  NULL, or what is wrong. */
static const char *
take(struct msg_reader *rd, const struct field *f, const msgpack_object *o, void *body)
{
	void		*p = (char *)body + f->offset;
	struct sv	*s = p;

	switch (f->kind) {
	case KIND_U64:
		if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
			return "a field is of the wrong type";
		*(uint64_t *)p = o->via.u64;
		return NULL;
	case KIND_BOOL:
		if (o->type != MSGPACK_OBJECT_BOOLEAN)
			return "a field is of the wrong type";
		*(bool *)p = o->via.boolean;
		return NULL;
	case KIND_STR:
		return take_str(o, s);
	case KIND_BIN:
		if (o->type != MSGPACK_OBJECT_BIN)
			return "a field is of the wrong type";
		*s = (struct sv){ o->via.bin.ptr, o->via.bin.size };
		return NULL;
	case KIND_NUMS:
		return take_nums(rd, o, p);
	default:
		return take_strs(rd, o, p);
	}
}

static const char *
take_map(struct msg_reader *rd, const struct layout *l, const msgpack_object *map, void *body)
{
	const char	*why;
	uint64_t	 has = 0;

	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv	*kv = &map->via.map.ptr[i];
		uint32_t		 at = 0;

		if (kv->key.type != MSGPACK_OBJECT_POSITIVE_INTEGER)
			return "a tag is not a number";
		while (at < l->n && l->fields[at].tag != kv->key.via.u64)
			at++;
		if (at == l->n)
			continue;	/* a newer peer's field */
		if (has >> at & 1)
			return "a tag came twice";
		has |= UINT64_C(1) << at;
		why = take(rd, &l->fields[at], &kv->val, body);
		if (why != NULL)
			return why;
	}
	for (uint32_t i = 0; i < l->n; i++) {
		if (l->fields[i].need == REQ && !(has >> i & 1))
			return "a required field is missing";
	}
	memcpy(body, &has, sizeof has);
	return NULL;
}

int
msg_decode(struct msg_reader *rd, enum msg_type type, const void *data, size_t len,
    union msg_body *ret, const char **ret_why)
{
	const struct msg_desc	*d = msg_desc(type);
	const char		*why = NULL;
	msgpack_object		 map;
	size_t			 off = 0;

	if (d == NULL)
		why = "an unknown type";
	else if (len > d->max_len)
		why = "a body is too long for its type";
	else if (msg_scan(data, len) != 0)
		why = "a body is not one sound msgpack map";
	if (why == NULL) {
		msgpack_zone_clear(&rd->zone);
		/* The scan was stricter: what fails now is memory. */
		if (msgpack_unpack(data, len, &off, &rd->zone, &map) != MSGPACK_UNPACK_SUCCESS)
			return -ENOMEM;
	}
	if (why == NULL) {
		memset(ret, 0, d->size);
		why = take_map(rd, &layouts[type], &map, ret);
	}
	if (why != NULL && ret_why != NULL)
		*ret_why = why;
	return why != NULL ? -EBADMSG : 0;
}

int
msg_drain(struct evbuffer *in, enum msg_dir dir, struct msg_reader *rd, msg_fn *fn, void *arg,
    const char **ret_why)
{
	unsigned char		 head[MSG_HEADER];
	const struct msg_desc	*d;
	const char		*why = NULL;
	union msg_body		 body;
	uint32_t		 len, type, id;
	unsigned char		*frame;
	int			 r = 0;

	while (r == 0 && evbuffer_copyout(in, head, sizeof head) == (ev_ssize_t)sizeof head) {
		len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 |
		    (uint32_t)head[2] << 8 | head[3];
		type = (uint32_t)head[4] << 8 | head[5];
		id = (uint32_t)head[8] << 24 | (uint32_t)head[9] << 16 |
		    (uint32_t)head[10] << 8 | head[11];
		d = msg_desc(type);
		if (d == NULL)
			why = "an unknown type";
		else if (d->dir != dir)
			why = "a message in the wrong direction";
		else if (len > d->max_len)
			why = "a body is too long for its type";
		else if (head[6] != 0 || head[7] != 0)
			why = "a header that is not one";
		if (why != NULL)
			break;
		if (evbuffer_get_length(in) < MSG_HEADER + (size_t)len)
			break;
		frame = evbuffer_pullup(in, (ev_ssize_t)(MSG_HEADER + len));
		if (frame == NULL)
			return -ENOMEM;
		r = msg_decode(rd, type, frame + MSG_HEADER, len, &body, &why);
		if (r == 0)
			r = fn(arg, type, id, &body);
		evbuffer_drain(in, MSG_HEADER + len);
	}
	if (why != NULL) {
		if (ret_why != NULL)
			*ret_why = why;
		r = -EBADMSG;
	}
	return r;
}
