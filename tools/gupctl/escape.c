// SPDX-License-Identifier: GPL-2.0
/* Make text of other processes safe to print. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "out.h"

/*
 * Decode one character of UTF-8. Return: its length in bytes, or 0 if the bytes are not
 * valid: overlong, a surrogate, beyond U+10FFFF or cut off.
 */
static size_t decode_char(const unsigned char *at, unsigned int *code)
{
	static const unsigned int lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = 1;
	size_t i;

	if (at[0] >= 0xf0)
		length = 4;
	else if (at[0] >= 0xe0)
		length = 3;
	else if (at[0] >= 0xc0)
		length = 2;
	else if (at[0] >= 0x80)
		return 0;
	*code = length == 1 ? at[0] : at[0] & (0xffU >> (length + 1));
	for (i = 1; i < length; i++) {
		/* The NUL at the end of the text ends this loop, too. */
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3f);
	}
	if (*code < lowest[length] || *code > 0x10ffff || at[0] >= 0xf8 ||
	    (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return length;
}

static bool is_control(unsigned int code)
{
	static const struct {
		unsigned int first, last;
	} controls[] = {
		{ 0x00, 0x1f },
		{ 0x7f, 0x9f }, /* C0, DEL and C1 */
		{ 0x61c, 0x61c },
		{ 0x200e, 0x200f }, /* direction marks */
		{ 0x2028, 0x202e },
		{ 0x2066, 0x2069 }, /* separators, direction */
	};
	size_t i;

	for (i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (code >= controls[i].first && code <= controls[i].last)
			return true;
	return false;
}

/* Allocate a buffer for @length bytes and a NUL. */
static char *allocate_text(size_t length)
{
	char *buffer = malloc(length + 1);

	if (buffer)
		return buffer;
	fputs("gupctl: out of memory\n", stderr);
	exit(GUPX_EXIT_REFUSED);
}

char *gupx_escape(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	char *escaped = allocate_text(4 * strlen(text));
	char *end = escaped;
	unsigned int code;
	size_t length;

	while (*at) {
		length = decode_char(at, &code);
		if (length && !is_control(code)) {
			memcpy(end, at, length);
			end += length;
			at += length;
			continue;
		}
		/* Escape all bytes of a control character, but only one invalid byte. */
		for (length += !length; length; length--)
			end += sprintf(end, "\\x%02x", *at++);
	}
	*end = '\0';
	return escaped;
}

static const struct {
	const char *text, *entity;
} xml_entities[] = {
	{ "&", "&amp;" },
	{ "<", "&lt;" },
	{ ">", "&gt;" },
	{ "\"", "&quot;" },
	{ "'", "&apos;" },
	{ "\xef\xbf\xbe", "\xef\xbf\xbd" },
	{ "\xef\xbf\xbf", "\xef\xbf\xbd" },
};

#define ENTITIES (sizeof(xml_entities) / sizeof(xml_entities[0]))

char *gupx_escape_xml(const char *text)
{
	char *plain = gupx_escape(text);
	char *escaped = allocate_text(strlen("&quot;") * strlen(plain));
	char *end = escaped;
	const char *at = plain;
	size_t i;

	while (*at) {
		for (i = 0; i < ENTITIES; i++)
			if (!strncmp(at, xml_entities[i].text,
				     strlen(xml_entities[i].text)))
				break;
		if (i == ENTITIES) {
			*end++ = *at++;
			continue;
		}
		end = stpcpy(end, xml_entities[i].entity);
		at += strlen(xml_entities[i].text);
	}
	*end = '\0';
	free(plain);
	return escaped;
}
