/* Unit tests of ctl/top_view.c: what is shown of a moment, and what is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "ctl/top.h"

static struct top_user	users[] = {
	{ .name = "alice", .uid = 1001, .weight = 3, .share = 6, .used = 6, .running = 6,
	    .queued = 90000, .runs = 2, .clients = 2, .memory = 3 << 20 },
	{ .name = "bob", .uid = 1002, .weight = 1, .share = 2, .used = 1, .running = 1,
	    .queued = 5, .runs = 2 },
};
static char		 label[] = "night\033[2Jly", name[] = "r\xc3\xa4ther long name of a test "
    "that "
			    "goes on and on and on";
static struct top_run	 runs[] = {
	{ .run = "0123456789abcdef", .label = label, .user = "alice", .uid = 1001, .priority = -2,
	    .total = 100000, .done = 9994, .running = 6, .queued = 90000, .age_us = 61000000 },
};
static struct top_test	 tests[] = {
	{ .name = name, .run = "0123456789abcdef", .user = "alice", .slot = 4, .attempt = 1,
	    .age_us = 12000000, .cpu_us = 11500000, .memory = 64 << 20 },
};
static const struct top	 moment = { .program = "paratestd 1", .state = "ready",
	.uptime_us = 7200000000, .capacity = 8, .busy = 7, .queued = 90005, .completed = 9994,
	.memory = 12 << 20, .users = users, .runs = runs, .tests = tests, .nusers = 2, .nruns = 1,
	.ntests = 1 };

static size_t
lines(const char *s)
{
	size_t	n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

static void
all_of_it(void **state)
{
	struct text	t = { 0 };
	struct top	own = moment;

	(void)state;
	own.own = true;
	top_show(&t, &own, 0, 0, false);
	assert_non_null(strstr(t.p, "7 (yours) of 8 busy"));
	text_clear(&t);
	top_show(&t, &moment, 0, 0, false);
	assert_int_equal(lines(t.p), 8);
	assert_non_null(strstr(t.p, "7 of 8 busy"));
	assert_non_null(strstr(t.p, "alice                 3      6      6       6    "
	    "90000     2"));
	assert_non_null(strstr(t.p, "bob                   1      2      1       1        "
	    "5     2"));
	assert_non_null(strstr(t.p, "01234567 alice        -2     9994   100000       6"));
	assert_non_null(strstr(t.p, "64M  r\xc3\xa4ther long"));
	assert_non_null(strstr(t.p, "night"));
	assert_null(strchr(t.p, '\033'));	/* what a user calls a run does nothing */
	text_free(&t);
}

/* A terminal never scrolls: the last row stays free. */
static void
as_much_as_there_is_room_for(void **state)
{
	struct text	t = { 0 };

	(void)state;
	for (unsigned rows = 1; rows <= 9; rows++) {
		top_show(&t, &moment, 80, rows, true);
		assert_int_equal(t.n > 0 ? lines(t.p) : 0, rows - 1);
		text_clear(&t);
	}
	top_show(&t, &moment, 80, 9, true);
	assert_null(strstr(t.p, "\xc3"));
	assert_null(strstr(t.p, "and on and on and on"));
	text_free(&t);
}

static void
a_document_for_programs(void **state)
{
	json_t	*doc, *o;

	(void)state;
	doc = top_json(&moment);
	o = json_array_get(json_object_get(doc, "users"), 0);
	assert_int_equal(json_integer_value(json_object_get(o, "uid")), 1001);
	assert_int_equal(json_integer_value(json_object_get(o, "share")), 6);
	o = json_array_get(json_object_get(doc, "users"), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "uid")), 1002);
	assert_true(json_is_false(json_object_get(doc, "own")));
	o = json_array_get(json_object_get(doc, "runs"), 0);
	assert_int_equal(json_integer_value(json_object_get(o, "priority")), -2);
	o = json_array_get(json_object_get(doc, "tests"), 0);
	assert_int_equal(json_integer_value(json_object_get(o, "memory")), 64 << 20);
	json_decref(doc);
}

int
main(void)
{
	const struct CMUnitTest tests_of_it[] = {
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(as_much_as_there_is_room_for),
		cmocka_unit_test(a_document_for_programs),
	};

	return cmocka_run_group_tests(tests_of_it, NULL, NULL);
}
