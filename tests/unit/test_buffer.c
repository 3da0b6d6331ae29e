/*
 * Growing, the limit that refuses as a whole, and handing over.
 */

#include "shared/buffer.h"

#include "tests/unit/check.h"

static void
test_growing(void)
{
	struct buffer b;
	unsigned i;

	buffer_init(&b, 100000);
	check_text("empty", buffer_text(&b), "");
	buffer_add_text(&b, "policy=");
	buffer_addf(&b, "%s id=%d", "sts", 42);
	buffer_add(&b, NULL, 0);
	check_text("added", buffer_text(&b), "policy=sts id=42");
	for (i = 0; i < 10000; i++)
		buffer_add(&b, &"0123456789"[i % 10], 1);
	check_int("long", (int64_t)b.len, 10016);
	check_bool("still terminated", strlen(buffer_text(&b)) == b.len, true);
	check_text("last octets", buffer_text(&b) + 10006, "0123456789");
	buffer_reset(&b);
	check_text("reset", buffer_text(&b), "");
	buffer_clear(&b);
	buffer_add_text(&b, "again");
	check_text("used again after clear", buffer_text(&b), "again");
	buffer_clear(&b);
}

static void
test_limit(void)
{
	struct buffer b;

	buffer_init(&b, 8);
	buffer_add_text(&b, "12345678");
	check_bool("the limit itself fits", b.is_overfull, false);
	buffer_add_text(&b, "");
	check_bool("nothing always fits", b.is_overfull, false);
	buffer_reset(&b);

	buffer_add_text(&b, "123456");
	buffer_addf(&b, "%d", 789);
	check_bool("one octet too many", b.is_overfull, true);
	check_text("is left out as a whole", buffer_text(&b), "123456");
	buffer_add_text(&b, "7");
	check_text("and so is what follows", buffer_text(&b), "123456");
	buffer_reset(&b);
	check_bool("reset forgets it", b.is_overfull, false);
	buffer_clear(&b);

	buffer_init(&b, 0);
	buffer_add_text(&b, "x");
	check_bool("a limit of nothing", b.is_overfull, true);
	check_text("holds nothing", buffer_text(&b), "");
	buffer_clear(&b);
}

static void
test_drain_and_take(void)
{
	struct buffer b;
	char *taken;

	buffer_init(&b, 64);
	buffer_drain(&b, 0);
	buffer_add_text(&b, "first;second");
	buffer_drain(&b, 6);
	check_text("drained", buffer_text(&b), "second");
	buffer_drain(&b, 6);
	check_text("drained to the end", buffer_text(&b), "");
	buffer_add_text(&b, "third");
	taken = buffer_take(&b);
	check_text("taken", taken, "third");
	free(taken);
	check_int("then empty", (int64_t)b.len, 0);
	taken = buffer_take(&b);
	check_text("nothing taken is a string too", taken, "");
	free(taken);
	buffer_add_text(&b, "fourth");
	check_text("used again after take", buffer_text(&b), "fourth");
	buffer_clear(&b);
}

int
main(void)
{
	test_growing();
	test_limit();
	test_drain_and_take();
	return check_end();
}
