// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>

#include "op.h"

#define AS_TEXT(name, text) #text,

static const char *const verbs[] = { EACH_VERB(AS_TEXT) };
static const char *const places[] = { EACH_PLACE(AS_TEXT) };
static const char *const sizes[] = { EACH_SIZE(AS_TEXT) };
static const char *const handles[] = { EACH_HANDLE(AS_TEXT) };
static const char *const wheres[] = { EACH_WHERE(AS_TEXT) };
static const char *const extents[] = { EACH_EXTENT(AS_TEXT) };
static const char *const buffers[] = { EACH_BUFFER(AS_TEXT) };

const char *op_verb_name(unsigned int verb)
{
	return verbs[verb];
}

static void print_call(const struct op *op)
{
	if (op->place != PLACE_GOOD)
		printf(" struct=%s", places[op->place]);
	if (op->size != SIZE_EXACT)
		printf(" size=%s", sizes[op->size]);
	if (op->buffer != BUFFER_GOOD)
		printf(" buffer=%s", buffers[op->buffer]);
	if (op->reserved)
		printf(" reserved=%#x", op->reserved);
	if (op->alarm)
		printf(" alarm=%u", op->alarm);
	if (op->compat)
		printf(" compat");
}

void op_print(const struct op *op)
{
	printf("%s mem=%s file=%s %s %u %s flags=%#x number=%#" PRIx64,
	       verbs[op->verb], handles[op->mem], handles[op->file],
	       wheres[op->where], op->region, extents[op->extent], op->flags,
	       op->number);
	if (op->count)
		printf(" count=%u", op->count);
	print_call(op);
	putchar('\n');
}
