// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for the range parser of gupctl. No input may crash the parser. The
 * end of an accepted range must not overflow. When an accepted range is printed and
 * parsed again, the result must be the same range.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../../tools/gupctl/range.h"

#define PAGE 4096ULL
#define TEXT_MAX 128

/*
 * Check that the range is unchanged after it is printed in each of the two formats and
 * parsed again.
 */
static void check_round_trip(const struct gupx_range *range)
{
	struct gupx_range again;
	char text[80];

	snprintf(text, sizeof(text), "0x%llx+%llu", range->addr, range->len);
	assert(gupx_range_parse(text, &again) == GUPX_RANGE_BYTES);
	assert(again.addr == range->addr && again.len == range->len);
	snprintf(text, sizeof(text), "%llu-%llu", range->addr,
		 range->addr + range->len);
	assert(gupx_range_parse(text, &again) == GUPX_RANGE_BYTES);
	assert(again.addr == range->addr && again.len == range->len);
}

/* Check that the range is rounded outward to whole pages, and no further. */
static void check_rounding(const struct gupx_range *range)
{
	const unsigned long long end = range->addr + range->len;
	struct gupx_range pages = *range;

	if (gupx_range_round(&pages, PAGE) != GUPX_RANGE_BYTES) {
		assert(end > ~0ULL - (PAGE - 1));
		return;
	}
	assert(!(pages.addr % PAGE) && !(pages.len % PAGE));
	assert(pages.addr <= range->addr && range->addr - pages.addr < PAGE);
	if (!range->len)
		assert(!pages.len);
	else
		assert(pages.addr + pages.len >= end &&
		       pages.addr + pages.len - end < PAGE);
}

static void check_range(const char *text)
{
	struct gupx_range range = { .addr = 1, .len = 2 };
	const enum gupx_range_result result = gupx_range_parse(text, &range);

	assert(result <= GUPX_RANGE_OVERFLOW);
	assert(strlen(gupx_range_strerror(result)));
	if (result != GUPX_RANGE_BYTES) {
		/* Check that a refused input does not change the range. */
		assert(range.addr == 1 && range.len == 2);
		return;
	}
	assert(range.len <= ~0ULL - range.addr);
	check_round_trip(&range);
	check_rounding(&range);
}

static void check_size(const char *text)
{
	char printed[32];
	__u64 size, again;

	if (gupx_range_parse_size(text, &size) != GUPX_RANGE_BYTES)
		return;
	snprintf(printed, sizeof(printed), "%llu", size);
	assert(gupx_range_parse_size(printed, &again) == GUPX_RANGE_BYTES);
	assert(again == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX];

	if (size >= sizeof(text))
		return -1;
	memcpy(text, data, size);
	text[size] = 0;
	check_range(text);
	check_size(text);
	return 0;
}
