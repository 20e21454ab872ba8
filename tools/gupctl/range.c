// SPDX-License-Identifier: GPL-2.0
/* Parse address ranges. */
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "range.h"

#define HEX_DIGITS "0123456789abcdefABCDEF"

static int get_digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/*
 * Parse digits, and set *@end to the first character after the last digit. strtoull()
 * is not used, because it accepts blanks, signs and octal numbers.
 */
static enum gupx_range_result scan_digits(const char *text, unsigned int base,
					  __u64 *value, const char **end)
{
	const char *at = text;
	__u64 sum = 0;

	for (; get_digit_value(*at) < (int)base; at++)
		if (__builtin_mul_overflow(sum, (__u64)base, &sum) ||
		    __builtin_add_overflow(sum, (__u64)get_digit_value(*at),
					   &sum))
			return GUPX_RANGE_OVERFLOW;
	*value = sum;
	*end = at;
	return at == text ? GUPX_RANGE_BAD_ADDRESS : GUPX_RANGE_BYTES;
}

static bool has_hex_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

static enum gupx_range_result scan_number(const char *text, bool bare_hex,
					  __u64 *value, const char **end)
{
	if (has_hex_prefix(text))
		return scan_digits(text + 2, 16, value, end);
	return scan_digits(text, bare_hex ? 16 : 10, value, end);
}

/*
 * Return: the number of bits by which a size suffix shifts the number, for example 10
 * for K; 0 if there is no suffix; -1 if the suffix is invalid.
 */
static int get_suffix_shift(const char *text)
{
	static const char letters[] = "KMGT";
	const char *letter;

	if (!*text)
		return 0;
	letter = strchr(letters, toupper((unsigned char)*text));
	if (!letter)
		return -1;
	if (text[1] && strcmp(text + 1, "iB"))
		return -1;
	return 10 * (int)(letter - letters + 1);
}

enum gupx_range_result gupx_range_parse_size(const char *text, __u64 *size)
{
	enum gupx_range_result result;
	const char *end;
	__u64 value;
	int shift;

	result = scan_number(text, false, &value, &end);
	if (result == GUPX_RANGE_OVERFLOW)
		return result;
	if (result != GUPX_RANGE_BYTES)
		return GUPX_RANGE_BAD_LENGTH;
	shift = get_suffix_shift(end);
	if (shift < 0)
		return GUPX_RANGE_BAD_LENGTH;
	if (value > ~0ULL >> shift)
		return GUPX_RANGE_OVERFLOW;
	*size = value << shift;
	return GUPX_RANGE_BYTES;
}

/*
 * Return: true if @text looks like a range copied from /proc/PID/maps, such as
 * "55e6f0a04000-55e6f0a25000", else false. The kernel pads addresses to eight digits.
 */
static bool looks_pasted(const char *text)
{
	size_t first = strspn(text, HEX_DIGITS);
	size_t second;

	if (first < 8 || text[first] != '-')
		return false;
	second = strspn(text + first + 1, HEX_DIGITS);
	if (second < 8 || text[first + 1 + second])
		return false;
	return text[0] == '0' || text[first + 1] == '0' ||
	       strpbrk(text, "abcdefABCDEF");
}

/*
 * Return: true if @text begins with a number, else false. A number is a sequence of
 * digits that ends at a +, at a - or at the end of the text. Names of mappings may also
 * contain + and - (libstdc++.so.6, ld-linux-x86-64.so.2), and may begin with a digit.
 */
static bool looks_numeric(const char *text)
{
	const char *digits = has_hex_prefix(text) ? text + 2 : text;
	char next = digits[strspn(digits, HEX_DIGITS)];

	return isdigit((unsigned char)*text) && (!next || strchr("+-", next));
}

static enum gupx_range_result parse_end(const char *text, bool bare_hex,
					struct gupx_range *range)
{
	enum gupx_range_result result;
	const char *tail;
	__u64 end;

	result = scan_number(text, bare_hex, &end, &tail);
	if (result == GUPX_RANGE_OVERFLOW)
		return result;
	if (result != GUPX_RANGE_BYTES || *tail)
		return GUPX_RANGE_BAD_END;
	if (end < range->addr)
		return GUPX_RANGE_BACKWARDS;
	range->len = end - range->addr;
	return GUPX_RANGE_BYTES;
}

static enum gupx_range_result parse_length(const char *text,
					   struct gupx_range *range)
{
	enum gupx_range_result result;

	result = gupx_range_parse_size(text, &range->len);
	if (result == GUPX_RANGE_BYTES && range->len > ~0ULL - range->addr)
		return GUPX_RANGE_OVERFLOW;
	return result;
}

enum gupx_range_result gupx_range_parse(const char *text,
					struct gupx_range *range)
{
	const bool bare_hex = looks_pasted(text);
	struct gupx_range found = { 0 };
	enum gupx_range_result result;
	const char *end;

	if (!*text)
		return GUPX_RANGE_EMPTY;
	if (!bare_hex && !looks_numeric(text))
		return GUPX_RANGE_NAME;
	result = scan_number(text, bare_hex, &found.addr, &end);
	if (result != GUPX_RANGE_BYTES)
		return result;
	switch (*end) {
	case '+':
		result = parse_length(end + 1, &found);
		break;
	case '-':
		result = parse_end(end + 1, bare_hex, &found);
		break;
	case '\0':
		return GUPX_RANGE_NO_LENGTH;
	default:
		return GUPX_RANGE_BAD_ADDRESS;
	}
	if (result == GUPX_RANGE_BYTES)
		*range = found;
	return result;
}

bool gupx_range_is_explicit(const char *text)
{
	const size_t first = strspn(text, HEX_DIGITS);

	return has_hex_prefix(text) ||
	       (isdigit((unsigned char)*text) && text[first] == '-' &&
		has_hex_prefix(text + first + 1));
}

enum gupx_range_result gupx_range_parse_hex(const char *text,
					    struct gupx_range *range)
{
	struct gupx_range found = { 0 };
	enum gupx_range_result result;
	const char *end;

	if (gupx_range_is_explicit(text) ||
	    scan_digits(text, 16, &found.addr, &end) != GUPX_RANGE_BYTES)
		return GUPX_RANGE_NAME;
	if (*end == '+')
		result = parse_length(end + 1, &found);
	else if (*end == '-')
		result = parse_end(end + 1, true, &found);
	else
		return GUPX_RANGE_NAME;
	if (result != GUPX_RANGE_BYTES)
		return GUPX_RANGE_NAME;
	*range = found;
	return GUPX_RANGE_BYTES;
}

const char *gupx_range_strerror(enum gupx_range_result result)
{
	switch (result) {
	case GUPX_RANGE_BYTES:
	case GUPX_RANGE_NAME:
		break;
	case GUPX_RANGE_EMPTY:
		return "empty argument, use ADDR+LEN, ADDR-END or the name of a mapping";
	case GUPX_RANGE_NO_LENGTH:
		return "missing length, use ADDR+LEN or ADDR-END";
	case GUPX_RANGE_BAD_ADDRESS:
		return "invalid address, use decimal digits, or hexadecimal with 0x";
	case GUPX_RANGE_BAD_LENGTH:
		return "invalid length, use bytes, or a size such as 64K, 16M, 2G or 1T";
	case GUPX_RANGE_BAD_END:
		return "invalid end address, use decimal digits, or hexadecimal with 0x";
	case GUPX_RANGE_BACKWARDS:
		return "end address is below the start address, swap them";
	case GUPX_RANGE_OVERFLOW:
		return "reaches beyond the end of the address space, use a smaller number";
	}
	return "no error";
}

enum gupx_range_result gupx_range_round(struct gupx_range *range,
					__u64 page_size)
{
	const __u64 mask = page_size - 1;
	__u64 end = range->addr + range->len;

	if (!range->len) {
		range->addr &= ~mask;
		return GUPX_RANGE_BYTES;
	}
	if (end > ~0ULL - mask)
		return GUPX_RANGE_OVERFLOW;
	end = (end + mask) & ~mask;
	range->addr &= ~mask;
	range->len = end - range->addr;
	return GUPX_RANGE_BYTES;
}
