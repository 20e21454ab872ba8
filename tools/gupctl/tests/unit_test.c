// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of gupctl. They test ranges, names of mappings, texts of reasons, text and
 * JSON output, and hexadecimal dumps. Prints TAP. The module is not needed.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "escape.h"
#include "hex.h"
#include "outcome.h"
#include "maps.h"
#include "out.h"
#include "range.h"
#include "reason.h"
#include "tap.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	enum gupx_range_result result;
	__u64 addr;
	__u64 len;
} range_cases[] = {
	{ "4096+8192", GUPX_RANGE_BYTES, 4096, 8192 },
	{ "0x1000+0x2000", GUPX_RANGE_BYTES, 4096, 8192 },
	{ "0X1000+2K", GUPX_RANGE_BYTES, 4096, 2048 },
	{ "0x1000+2k", GUPX_RANGE_BYTES, 4096, 2048 },
	{ "0x1000+64M", GUPX_RANGE_BYTES, 4096, 64ULL << 20 },
	{ "0x1000+64MiB", GUPX_RANGE_BYTES, 4096, 64ULL << 20 },
	{ "0x1000+2G", GUPX_RANGE_BYTES, 4096, 2ULL << 30 },
	{ "0x1000+1T", GUPX_RANGE_BYTES, 4096, 1ULL << 40 },
	{ "0+0", GUPX_RANGE_BYTES, 0, 0 },
	{ "0x1000-0x3000", GUPX_RANGE_BYTES, 4096, 8192 },
	{ "4096-12288", GUPX_RANGE_BYTES, 4096, 8192 },
	{ "0x1000-0x1000", GUPX_RANGE_BYTES, 4096, 0 },
	{ "0x0+0xffffffffffffffff", GUPX_RANGE_BYTES, 0, ~0ULL },
	/* These ranges have the format of /proc/PID/maps. */
	{ "55e6f0a04000-55e6f0a25000", GUPX_RANGE_BYTES, 0x55e6f0a04000,
	  0x21000 },
	{ "00400000-00452000", GUPX_RANGE_BYTES, 0x400000, 0x52000 },
	{ "ffffffffff600000-ffffffffff601000", GUPX_RANGE_BYTES,
	  0xffffffffff600000, 0x1000 },
	/*
	 * This range is decimal: its numbers contain no letter and have no leading
	 * zero.
	 */
	{ "10000000-20000000", GUPX_RANGE_BYTES, 10000000, 10000000 },
	{ "[heap]", GUPX_RANGE_NAME, 0, 0 },
	{ "[anon]", GUPX_RANGE_NAME, 0, 0 },
	{ "/usr/lib/libc.so.6", GUPX_RANGE_NAME, 0, 0 },
	{ "libstdc++.so.6", GUPX_RANGE_NAME, 0, 0 },
	{ "ld-linux-x86-64.so.2", GUPX_RANGE_NAME, 0, 0 },
	{ "7zip", GUPX_RANGE_NAME, 0, 0 },
	{ "cafe-babe", GUPX_RANGE_NAME, 0, 0 },
	{ "+4096", GUPX_RANGE_NAME, 0, 0 },
	{ " 4096+1", GUPX_RANGE_NAME, 0, 0 },
	{ "", GUPX_RANGE_EMPTY, 0, 0 },
	{ "4096", GUPX_RANGE_NO_LENGTH, 0, 0 },
	{ "0x1000", GUPX_RANGE_NO_LENGTH, 0, 0 },
	{ "0x+4096", GUPX_RANGE_BAD_ADDRESS, 0, 0 },
	{ "10ab+4096", GUPX_RANGE_BAD_ADDRESS, 0, 0 },
	{ "0x1000+", GUPX_RANGE_BAD_LENGTH, 0, 0 },
	{ "0x1000+K", GUPX_RANGE_BAD_LENGTH, 0, 0 },
	{ "0x1000+4Q", GUPX_RANGE_BAD_LENGTH, 0, 0 },
	{ "0x1000+4KB", GUPX_RANGE_BAD_LENGTH, 0, 0 },
	{ "0x1000+-1", GUPX_RANGE_BAD_LENGTH, 0, 0 },
	{ "0x1000+0x10ax", GUPX_RANGE_BAD_LENGTH, 0, 0 },
	{ "0x1000-", GUPX_RANGE_BAD_END, 0, 0 },
	{ "0x1000-0x", GUPX_RANGE_BAD_END, 0, 0 },
	{ "0x1000-2M", GUPX_RANGE_BAD_END, 0, 0 },
	{ "0x3000-0x1000", GUPX_RANGE_BACKWARDS, 0, 0 },
	{ "0x1+0xffffffffffffffff", GUPX_RANGE_OVERFLOW, 0, 0 },
	{ "0x10000000000000000+1", GUPX_RANGE_OVERFLOW, 0, 0 },
	{ "18446744073709551616+1", GUPX_RANGE_OVERFLOW, 0, 0 },
	{ "0x1000+18446744073709551616", GUPX_RANGE_OVERFLOW, 0, 0 },
	{ "0x1000+16777216T", GUPX_RANGE_OVERFLOW, 0, 0 },
	{ "0x1000-0x10000000000000000", GUPX_RANGE_OVERFLOW, 0, 0 },
};

static void test_ranges(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(range_cases); i++) {
		struct gupx_range range = { 0 };
		enum gupx_range_result result;

		result = gupx_range_parse(range_cases[i].text, &range);
		tap_report(result == range_cases[i].result &&
				   range.addr == range_cases[i].addr &&
				   range.len == range_cases[i].len,
			   "range", range_cases[i].text);
	}
}

static void test_hex_ranges(void)
{
	static const struct {
		const char *text;
		__u64 addr, len;
		bool good, explicit;
	} cases[] = {
		{ "10000000-20000000", 0x10000000, 0x10000000, true, false },
		{ "400000+4K", 0x400000, 4096, true, false },
		{ "400000+1000", 0x400000, 1000, true, false },
		{ "7f12a0000000+64M", 0x7f12a0000000, 64ULL << 20, true,
		  false },
		{ "7f12a000-7f12b000", 0x7f12a000, 0x1000, true, false },
		{ "0x1000+4096", 0, 0, false, true },
		{ "4096-0x3000", 0, 0, false, true },
		{ "0x1000", 0, 0, false, true },
		{ "16384", 0, 0, false, false },
		{ "2024-11-25.log", 0, 0, false, false },
		{ "0a1b2c3d-0000-4e5f.db", 0, 0, false, false },
		{ "cafe-babe", 0, 0, false, false },
		{ "[heap]", 0, 0, false, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gupx_range range = { 0 };
		const bool good = gupx_range_parse_hex(cases[i].text, &range) ==
				  GUPX_RANGE_BYTES;

		tap_report(good == cases[i].good &&
				   range.addr == cases[i].addr &&
				   range.len == cases[i].len &&
				   gupx_range_is_explicit(cases[i].text) ==
					   cases[i].explicit,
			   "hexadecimal digits", cases[i].text);
	}
}

static void test_rounding(void)
{
	static const struct {
		const char *name;
		struct gupx_range in, out;
		enum gupx_range_result result;
	} cases[] = {
		{ "whole pages stay", { 4096, 8192 }, { 4096, 8192 }, 0 },
		{ "one byte is a page", { 4097, 1 }, { 4096, 4096 }, 0 },
		{ "two bytes can be two pages",
		  { 8191, 2 },
		  { 4096, 8192 },
		  0 },
		{ "nothing stays nothing", { 4097, 0 }, { 4096, 0 }, 0 },
		{ "the last whole page but one",
		  { ~0ULL - 8191, 4096 },
		  { ~0ULL - 8191, 4096 },
		  0 },
		{ "beyond the end is refused",
		  { ~0ULL - 100, 50 },
		  { ~0ULL - 100, 50 },
		  GUPX_RANGE_OVERFLOW },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gupx_range range = cases[i].in;

		tap_report(gupx_range_round(&range, 4096) == cases[i].result &&
				   range.addr == cases[i].out.addr &&
				   range.len == cases[i].out.len,
			   "round", cases[i].name);
	}
}

static void test_range_words(void)
{
	bool good = true;
	int result;

	for (result = GUPX_RANGE_EMPTY; result <= GUPX_RANGE_OVERFLOW; result++)
		good &= strcmp(gupx_range_strerror(result),
			       gupx_range_strerror(GUPX_RANGE_BYTES)) != 0;
	tap_report(good, "range", "every refusal has its words");
}

static char maps_text[] =
	"00400000-00401000 r-xp 00000000 08:01 42      /usr/bin/a b\n"
	"00600000-00621000 rw-p 00000000 00:00 0       [heap]\n"
	"7f0000000000-7f0000001000 rw-p 00000000 00:00 0\x20\n"
	"7f0000001000-7f0000002000 ---p 00000000 00:00 0\x20\n"
	"7f0000002000-7f0000003000 rw-s 00000000 00:01 9 /dev/zero (deleted)\n"
	"7f0000003000-7f0000004000 rw-p 00000000 08:01 7 /opt/lib/libx.so.1\n"
	"7f0000004000-7f0000005000 rw-p 00000000 00:00 0 [anon:cache]\n"
	"7f0000005000-7f0000006000 rw-s 00000000 00:01 8 /memfd:ring (deleted)\n"
	"7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0 [stack]\n"
	"7ffe00022000-7ffe00024000 r-xp 00000000 00:00 0 [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

static size_t count_matches(const struct gupx_maps *maps, const char *name)
{
	size_t matches = 0;
	size_t i;

	for (i = 0; i < maps->count; i++)
		matches += gupx_maps_match(&maps->map[i], name);
	return matches;
}

static void test_maps(void)
{
	static const struct {
		const char *name;
		size_t matches;
	} cases[] = {
		{ "[heap]", 1 },	 { "[stack]", 1 },
		{ "[vdso]", 1 },	 { "[vsyscall]", 1 },
		{ "[anon]", 5 },	 { "[shared]", 2 },
		{ "[file]", 2 },	 { "[writable]", 7 },
		{ "[anon:cache]", 1 },	 { "libx.so.1", 1 },
		{ "libx.so", 0 },	 { "/opt/lib/libx.so.1", 1 },
		{ "/lib/libx.so.1", 0 }, { "a b", 1 },
		{ "memfd:ring", 1 },	 { "/dev/zero", 1 },
		{ "zero", 1 },		 { "deleted", 0 },
		{ "heap", 0 },
	};
	FILE *file = fmemopen(maps_text, strlen(maps_text), "r");
	struct gupx_maps maps;
	size_t i;

	tap_report(file && !gupx_maps_parse(&maps, file) && maps.count == 11,
		   "maps", "all lines are taken");
	fclose(file);
	tap_report(!strcmp(maps.map[0].name, "/usr/bin/a b"), "maps",
		   "a name may hold a blank");
	tap_report(maps.map[10].addr == 0xffffffffff600000 &&
			   !strcmp(maps.map[10].perms, "--xp"),
		   "maps", "the last page of the address space");
	tap_report(gupx_maps_find(&maps, 0x620fff) == &maps.map[1], "maps",
		   "the last byte is in");
	tap_report(!gupx_maps_find(&maps, 0x621000), "maps", "the end is out");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_report(count_matches(&maps, cases[i].name) ==
				   cases[i].matches,
			   "match", cases[i].name);
	gupx_maps_free(&maps);
}

static void test_escape(void)
{
	static const struct {
		const char *name, *text, *escaped;
	} cases[] = {
		{ "plain text stays", "/usr/lib/a b\\c", "/usr/lib/a b\\c" },
		{ "valid UTF-8 stays", "\u20ac \U0001f600 \u05d0",
		  "\u20ac \U0001f600 \u05d0" },
		{ "C0", "a\033[31m\n\t\r\x01",
		  "a\\x1b[31m\\x0a\\x09\\x0d\\x01" },
		{ "DEL", "\x7f", "\\x7f" },
		{ "C1", "\xc2\x9b[31m", "\\xc2\\x9b[31m" },
		{ "bidi controls", "\u202egpj.\u2069\u200f",
		  "\\xe2\\x80\\xaegpj.\\xe2\\x81\\xa9\\xe2\\x80\\x8f" },
		{ "line separators", "\u2028\u2029",
		  "\\xe2\\x80\\xa8\\xe2\\x80\\xa9" },
		{ "Latin-1", "caf\xe9", "caf\\xe9" },
		{ "a lone continuation byte", "\x80-\xbf", "\\x80-\\xbf" },
		{ "overlong", "\xc0\x9b\xe0\x80\x9b",
		  "\\xc0\\x9b\\xe0\\x80\\x9b" },
		{ "a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "beyond Unicode", "\xf4\x90\x80\x80\xff",
		  "\\xf4\\x90\\x80\\x80\\xff" },
		{ "cut off", "\xe2\x82", "\\xe2\\x82" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		char *once = gupx_escape(cases[i].text);
		char *twice = gupx_escape(once);

		tap_report(!strcmp(once, cases[i].escaped) &&
				   !strcmp(once, twice),
			   "escape", cases[i].name);
		free(once);
		free(twice);
	}
}

static void test_odd_names(void)
{
	static const struct {
		const char *name, *wanted;
		bool match;
	} cases[] = {
		{ "/tmp/esc\033[31mred", "esc\\x1b[31mred", true },
		{ "/tmp/esc\033[31mred", "/tmp/esc\\x1b[31mred", true },
		{ "/tmp/\xff\xfe-latin", "\\xff\\xfe-latin", true },
		{ "/tmp/\xff\xfe-latin", "\xff\xfe-latin", true },
		{ "/tmp/esc\033 (deleted)", "esc\\x1b (deleted)", true },
		{ "/tmp/esc\033 (deleted)", "esc\\x1b", true },
		{ "/tmp/a\\x1b", "a\\x1b", true },
		{ "/tmp/[heap]", "[heap]", false },
		{ "/tmp/[heap]", "/tmp/[heap]", true },
		{ "[heap]", "[heap]", true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct gupx_map map = { .name = (char *)cases[i].name,
					      .inode = 1 };

		tap_report(gupx_maps_match(&map, cases[i].wanted) ==
				   cases[i].match,
			   "odd name", cases[i].wanted);
	}
}

static void test_smaps(void)
{
	char text[] = "7f0000000000-7f0000001000 rw-p 00002000 00:00 0\x20\n"
		      "Size:                  4 kB\n"
		      "Rss:                   8 kB\n"
		      "Swap:                 12 kB\n"
		      "SwapPss:              16 kB\n"
		      "VmFlags: rd wr\n"
		      "7f0000001000-7f0000002000 ---p 00000000 00:00 0\x20\n"
		      "Rss:                   0 kB\n";
	FILE *file = fmemopen(text, strlen(text), "r");
	struct gupx_maps maps;

	tap_report(file && !gupx_maps_parse(&maps, file) && maps.count == 2 &&
			   maps.map[0].rss == 8192 &&
			   maps.map[0].swap == 12288 &&
			   maps.map[0].offset == 0x2000 && !maps.map[1].swap,
		   "maps", "smaps has the resident and the swapped bytes");
	fclose(file);
	gupx_maps_free(&maps);
}

static void test_broken_maps(void)
{
	char text[] = "no line of that file\n";
	FILE *file = fmemopen(text, strlen(text), "r");
	struct gupx_maps maps;

	tap_report(file && gupx_maps_parse(&maps, file) < 0, "maps",
		   "a broken line is an error");
	fclose(file);
	gupx_maps_free(&maps);
}

static bool is_lower_twin(const char *lower, const char *upper, size_t length)
{
	size_t i;

	if (strlen(lower) != length)
		return false;
	for (i = 0; i < length; i++)
		if (lower[i] != tolower((unsigned char)upper[i]))
			return false;
	return true;
}

/*
 * Check that gupctl has an entry for each line "PREFIX_NAME = NUMBER," of the uapi
 * header, and that the entry has the same name. Return: the number of lines found.
 */
static unsigned int test_words(const char *prefix,
			       const char *(*name_of)(unsigned int),
			       const char *(*text_of)(unsigned int))
{
	FILE *file = fopen(GUPX_HEADER, "r");
	unsigned int found = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		char name[64];
		unsigned int number;

		if (strncmp(line + 1, prefix, strlen(prefix)) ||
		    sscanf(line + 1 + strlen(prefix), "%63[A-Z0-9_] = %u,",
			   name, &number) != 2)
			continue;
		found++;
		tap_report(is_lower_twin(name_of(number), name, strlen(name)),
			   prefix, name);
		if (text_of)
			tap_report(strcmp(text_of(number), text_of(9999)) != 0,
				   "text", name);
	}
	if (file)
		fclose(file);
	return found;
}

static const char *reason_name(unsigned int reason)
{
	return gupx_reason_get(reason)->name;
}

static const char *reason_text(unsigned int reason)
{
	return gupx_reason_get(reason)->text;
}

static const char *outcome_text(unsigned int outcome)
{
	return gupx_outcome_get_phrase(GUPX_VERB_PIN, outcome).before;
}

static void test_reasons(void)
{
	tap_report(test_words("GUPX_REASON_", reason_name, reason_text) ==
			   GUPX_REASONS,
		   "words", "the header's reasons are all known");
	tap_report(test_words("GUPX_STAGE_", gupx_reason_stage, NULL) > 10,
		   "words", "the header's stages were found");
	tap_report(test_words("GUPX_OUTCOME_", gupx_outcome_name,
			      outcome_text) > 5,
		   "words", "the header's outcomes were found");
	tap_report(test_words("GUPX_CONTENT_", gupx_outcome_content_name,
			      gupx_outcome_content_text) > 10,
		   "words", "the header's contents were found");
	tap_report(!strcmp(gupx_reason_get(9999)->name, "unknown") &&
			   !strcmp(gupx_reason_stage(9999), "unknown") &&
			   !strcmp(gupx_outcome_name(9999), "unknown") &&
			   !strcmp(gupx_outcome_content_name(9999), "unknown"),
		   "words", "values of a newer module are unknown");
	tap_report(!strcmp(gupx_reason_errno(14), "EFAULT") &&
			   !strcmp(gupx_reason_errno(133), "EHWPOISON") &&
			   !gupx_reason_errno(0),
		   "words", "errnos have names");
}

static void test_sizes(void)
{
	static const struct {
		__u64 bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 135168, "132 KiB" },
		{ 1536, "1.5 KiB" },
		{ 64ULL << 20, "64 MiB" },
		{ (1ULL << 30) + (1ULL << 29), "1.5 GiB" },
		{ 1ULL << 40, "1 TiB" },
		{ 1ULL << 63, "8 EiB" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_report(!strcmp(gupx_out_size(cases[i].bytes).text,
				   cases[i].text),
			   "size", cases[i].text);
}

struct sample_inner {
	__u64 number;
};

struct sample {
	const char *string;
	const char *no_string;
	__u64 number;
	__u64 all_ones;
	bool yes;
	const char *const *list;
	const char *const *no_list;
	const struct sample_inner *inner;
	const struct sample_inner *no_inner;
};

static const struct gupx_out_field inner_fields[] = {
	GUPX_OUT_FIELD(struct sample_inner, number, "number", "number",
		       GUPX_OUT_COUNT),
};

static const struct gupx_out_spec inner_spec = GUPX_OUT_SPEC(inner_fields);

#define SAMPLE(name, how, member, spec)                                    \
	{                                                                  \
		.key = name, .label = name, .form = how,                   \
		.offset = offsetof(struct sample, member), .record = spec, \
	}

static const struct gupx_out_field sample_fields[] = {
	SAMPLE("string", GUPX_OUT_STRING, string, NULL),
	SAMPLE("no_string", GUPX_OUT_STRING, no_string, NULL),
	SAMPLE("count", GUPX_OUT_COUNT, number, NULL),
	SAMPLE("size", GUPX_OUT_SIZE, number, NULL),
	SAMPLE("addr", GUPX_OUT_ADDR, number, NULL),
	SAMPLE("limit", GUPX_OUT_LIMIT, all_ones, NULL),
	SAMPLE("frame", GUPX_OUT_FRAME, all_ones, NULL),
	SAMPLE("yes", GUPX_OUT_BOOL, yes, NULL),
	SAMPLE("list", GUPX_OUT_LIST, list, NULL),
	{ .key = "no_list",
	  .label = "no_list",
	  .form = GUPX_OUT_LIST,
	  .offset = offsetof(struct sample, no_list),
	  .hide_zero = true },
	SAMPLE("inner", GUPX_OUT_RECORD, inner, &inner_spec),
	SAMPLE("no_inner", GUPX_OUT_RECORD, no_inner, &inner_spec),
};

static const struct gupx_out_spec sample_spec = GUPX_OUT_SPEC(sample_fields);

/* Run @say. Return: the text that @say writes to stdout. The caller frees the text. */
static char *capture_output(void (*say)(void))
{
	FILE *file = tmpfile();
	char *text = NULL;
	size_t room = 0;
	int before;

	fflush(stdout);
	before = dup(STDOUT_FILENO);
	if (!file || before < 0 || dup2(fileno(file), STDOUT_FILENO) < 0)
		return NULL;
	say();
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	rewind(file);
	if (getdelim(&text, &room, '\0', file) < 0)
		text = strdup("");
	fclose(file);
	return text;
}

static void say_sample(void)
{
	static const char *const list[] = { "one", "two", NULL };
	static const char *const no_list[] = { NULL };
	static const struct sample_inner inner = { .number = 7 };
	static const struct sample sample = {
		.string = "a \"b\"",
		.number = 4096,
		.all_ones = ~0ULL,
		.yes = true,
		.list = list,
		.no_list = no_list,
		.inner = &inner,
	};
	const struct gupx_out_rows rows = {
		.row = &sample,
		.count = 1,
		.stride = sizeof(sample),
	};

	gupx_out_record("record", &sample_spec, &sample);
	gupx_out_table("table", &inner_spec,
		       &(struct gupx_out_rows){ &inner, 1, sizeof(inner),
						false });
	gupx_out_table("rows", &sample_spec, &rows);
	gupx_out_note("a note");
	gupx_out_end();
}

static void test_text(void)
{
	char *text;

	gupx_out_init(false, false);
	text = capture_output(say_sample);
	tap_report(text && strstr(text, "size       4 KiB\n"), "text",
		   "a record is lines of label and value");
	tap_report(text && strstr(text, "limit      unlimited\n") &&
			   strstr(text, "frame      hidden\n") &&
			   strstr(text, "list       one, two\n") &&
			   strstr(text, "no_string  -\n"),
		   "text", "forms have words of their own");
	tap_report(text && !strstr(text, "\nno_list "), "text",
		   "an empty list may be hidden");
	tap_report(text && strstr(text, "\nnumber\n     7\n"), "text",
		   "a table stands under its header");
	tap_report(text && strstr(text, "a note\n"), "text",
		   "notes are printed");
	free(text);
}

static bool has_text(struct json_object *object, const char *key,
		     const char *value)
{
	struct json_object *found;

	return json_object_object_get_ex(object, key, &found) &&
	       json_object_is_type(found, json_type_string) &&
	       !strcmp(json_object_get_string(found), value);
}

static bool has_number(struct json_object *object, const char *key, __u64 value)
{
	struct json_object *found;

	return json_object_object_get_ex(object, key, &found) &&
	       json_object_is_type(found, json_type_int) &&
	       json_object_get_uint64(found) == value;
}

static bool has_null(struct json_object *object, const char *key)
{
	struct json_object *found;

	return json_object_object_get_ex(object, key, &found) && !found;
}

static void check_json_record(struct json_object *record)
{
	struct json_object *inner = NULL, *list = NULL;

	tap_report(has_text(record, "string", "a \"b\"") &&
			   has_text(record, "addr", "0x1000") &&
			   has_number(record, "count", 4096) &&
			   has_number(record, "size", 4096),
		   "json", "values in their forms");
	tap_report(has_null(record, "no_string") && has_null(record, "limit") &&
			   has_null(record, "frame") &&
			   has_null(record, "no_inner"),
		   "json", "what is not there is null");
	json_object_object_get_ex(record, "inner", &inner);
	tap_report(inner && has_number(inner, "number", 7), "json",
		   "a record in a record");
	json_object_object_get_ex(record, "list", &list);
	tap_report(list && json_object_array_length(list) == 2, "json",
		   "a list is an array");
	json_object_object_get_ex(record, "no_list", &list);
	tap_report(list && !json_object_array_length(list), "json",
		   "an empty list is an empty array");
}

static void test_json(void)
{
	struct json_object *root, *record = NULL, *rows = NULL;
	char *text;

	gupx_out_init(true, false);
	text = capture_output(say_sample);
	root = text ? json_tokener_parse(text) : NULL;
	tap_report(root, "json", "one whole object");
	tap_report(root && has_null(root, "error"), "json", "no error is null");
	json_object_object_get_ex(root, "record", &record);
	check_json_record(record);
	json_object_object_get_ex(root, "rows", &rows);
	tap_report(rows && json_object_array_length(rows) == 1 &&
			   json_object_equal(json_object_array_get_idx(rows, 0),
					     record),
		   "json", "a table's row is the record");
	tap_report(text && !strstr(text, "a note"), "json", "notes stay out");
	json_object_put(root);
	free(text);
}

static size_t dump_columns;

static void say_dump(void)
{
	unsigned char bytes[70] = "Hello\x7f\x80world";
	struct gupx_hex hex;

	gupx_hex_begin(&hex, stdout, 0x7f0000001003, dump_columns);
	gupx_hex_add(&hex, bytes, 5);
	gupx_hex_add(&hex, bytes + 5, sizeof(bytes) - 5);
	gupx_hex_end(&hex);
}

static size_t get_width(const char *text)
{
	size_t width = 0;

	while (text && *text) {
		const size_t length = strcspn(text, "\n");

		width = length > width ? length : width;
		text += length + !!text[length];
	}
	return width;
}

static void test_hex(void)
{
	static const char wanted[] =
		"7f0000001003  48 65 6c 6c 6f 7f 80 77  6f 72 6c 64 00 00 00 00  |Hello..world....|\n"
		"7f0000001013  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
		"*\n"
		"7f0000001043  00 00 00 00 00 00                                 |......|\n"
		"7f0000001049\n";
	static const struct {
		size_t columns, width;
	} cases[] = { { 82, 82 }, { 81, 80 }, { 80, 80 }, { 79, 49 },
		      { 49, 49 }, { 48, 33 }, { 40, 33 }, { 300, 82 } };
	char *text = capture_output(say_dump);
	size_t i;

	tap_report(text && !strcmp(text, wanted), "hex", "as of hexdump -C");
	free(text);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[32];

		dump_columns = cases[i].columns;
		text = capture_output(say_dump);
		snprintf(name, sizeof(name), "on %zu columns", dump_columns);
		tap_report(get_width(text) == cases[i].width, "hex", name);
		free(text);
	}
}

int main(void)
{
	gupx_out_init(false, false);
	test_ranges();
	test_hex_ranges();
	test_rounding();
	test_range_words();
	test_maps();
	test_escape();
	test_odd_names();
	test_smaps();
	test_broken_maps();
	test_reasons();
	test_sizes();
	test_text();
	test_json();
	test_hex();
	return tap_end();
}
