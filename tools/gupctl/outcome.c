// SPDX-License-Identifier: GPL-2.0
/*
 * Names and texts for enum gupx_outcome and enum gupx_content. tests/unit_test.c checks
 * that each value in linux/gupx.h has an entry here with the same name.
 */
#include <stddef.h>

#include <string.h>

#include "outcome.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const char *const verbs[] = {
	[GUPX_VERB_PIN] = "pin",
	[GUPX_VERB_POPULATE] = "populate",
	[GUPX_VERB_READ] = "read",
};

static const struct {
	const char *name;
	const char *text;
} contents[] = {
	[GUPX_CONTENT_HOLE] = { "hole", "no mapping" },
	[GUPX_CONTENT_UNSEEN] = { "unseen", "not checked" },
	[GUPX_CONTENT_EMPTY] = { "empty", "empty" },
	[GUPX_CONTENT_ABSENT] = { "absent", "not resident" },
	[GUPX_CONTENT_ANON] = { "anon", "anonymous" },
	[GUPX_CONTENT_FILE] = { "file", "page cache" },
	[GUPX_CONTENT_ZERO] = { "zero", "zero page" },
	[GUPX_CONTENT_FRAME] = { "frame", "raw frame" },
	[GUPX_CONTENT_DEVICE] = { "device", "device" },
	[GUPX_CONTENT_GATE] = { "gate", "vsyscall" },
	[GUPX_CONTENT_BAD] = { "bad", "corrupted" },
	[GUPX_CONTENT_GUARD] = { "guard", "guard region" },
};

static const struct {
	const char *name;
	struct gupx_outcome_phrase phrase;
} outcomes[] = {
	[GUPX_OUTCOME_TAKE] = { "take", { "take", " as is" } },
	[GUPX_OUTCOME_SKIP] = { "skip", { "count", " as done" } },
	[GUPX_OUTCOME_FAULT] = { "fault", { "fault", " in" } },
	[GUPX_OUTCOME_UNSHARE] = { "unshare", { "unshare", "" } },
	[GUPX_OUTCOME_MIGRATE] = { "migrate", { "migrate", "" } },
	[GUPX_OUTCOME_STOP] = { "stop", { "stop at", "" } },
};

const char *gupx_outcome_name(unsigned int outcome)
{
	if (outcome >= ARRAY_SIZE(outcomes) || !outcomes[outcome].name)
		return "unknown";
	return outcomes[outcome].name;
}

const char *gupx_outcome_content_name(unsigned int content)
{
	if (content >= ARRAY_SIZE(contents) || !contents[content].name)
		return "unknown";
	return contents[content].name;
}

const char *gupx_outcome_content_text(unsigned int content)
{
	if (content >= ARRAY_SIZE(contents) || !contents[content].text)
		return "unknown";
	return contents[content].text;
}

struct gupx_outcome_phrase gupx_outcome_get_phrase(unsigned int verb,
						   unsigned int outcome)
{
	if (outcome >= ARRAY_SIZE(outcomes) || !outcomes[outcome].name)
		return (struct gupx_outcome_phrase){ "handle",
						     " in an unknown way" };
	/*
	 * GUPX_OUTCOME_TAKE does not mean a pin here: POPULATE only finds the page
	 * present, and READ only copies the page.
	 */
	if (outcome == GUPX_OUTCOME_TAKE && verb == GUPX_VERB_POPULATE)
		return (struct gupx_outcome_phrase){ "find", " present" };
	if (outcome == GUPX_OUTCOME_TAKE && verb == GUPX_VERB_READ)
		return (struct gupx_outcome_phrase){ "copy", " as is" };
	return outcomes[outcome].phrase;
}

const char *gupx_outcome_verb_name(unsigned int verb)
{
	return verb < ARRAY_SIZE(verbs) ? verbs[verb] : NULL;
}

int gupx_outcome_find_verb(const char *name)
{
	unsigned int verb;

	for (verb = 0; gupx_outcome_verb_name(verb); verb++)
		if (!strcmp(gupx_outcome_verb_name(verb), name))
			return (int)verb;
	return -1;
}
