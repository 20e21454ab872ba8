// SPDX-License-Identifier: GPL-2.0
/*
 * proc_check: check the memory of a process without using gupx.
 *
 * The values that redis stores are the same bytes in every run, so that any copy of a
 * value can be checked. A value begins with readable text. Hexadecimal digits follow,
 * which a compressor can shrink to half their size at best.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define VALUE_MAX 65536

/*
 * Number of keys in one MGET command. The redis client accepts this many keys in one
 * command without a pause.
 */
#define KEYS_A_LINE 500

#define PAGE_SIZE 4096

/* Bits of /proc/PID/pagemap. See Documentation/admin-guide/mm/pagemap.rst. */
#define PM_PRESENT (1ULL << 63)
#define PM_SWAP (1ULL << 62)

static uint64_t parse_number(const char *text)
{
	char *end;
	const uint64_t number = strtoull(text, &end, 0);

	if (!*text || *end)
		errx(2, "'%s' is no number", text);
	return number;
}

static size_t parse_size(const char *text)
{
	const uint64_t size = parse_number(text);

	if (size < 64 || size > VALUE_MAX)
		errx(2, "a value has 64 to %d bytes", VALUE_MAX);
	return size;
}

/* Pseudorandom number generator: Marsaglia's xorshift. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void make_value(char *value, uint64_t index, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t state = (index + 1) * 0x9e3779b97f4a7c15ULL;
	uint64_t bits = 0;
	size_t at =
		snprintf(value, size, "the value of key:%07lu, as it was set: ",
			 (unsigned long)index);

	for (; at < size; at++) {
		if (!bits)
			bits = next_random(&state);
		value[at] = digits[bits & 15];
		bits >>= 4;
	}
}

/* Print SET commands in the protocol of redis, for redis-cli --pipe. */
static void print_commands(uint64_t count, size_t size)
{
	static char value[VALUE_MAX];
	uint64_t i;

	for (i = 0; i < count; i++) {
		make_value(value, i, size);
		printf("*3\r\n$3\r\nSET\r\n$11\r\nkey:%07lu\r\n$%zu\r\n",
		       (unsigned long)i, size);
		fwrite(value, 1, size, stdout);
		printf("\r\n");
	}
}

static void print_questions(uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		printf("%skey:%07lu%s", i % KEYS_A_LINE ? " " : "MGET ",
		       (unsigned long)i,
		       i + 1 == count || (i + 1) % KEYS_A_LINE == 0 ? "\n"
								    : "");
}

/* Check that stdin contains exactly the values that were set, one per line. */
static int check_answers(uint64_t count, size_t size)
{
	static char value[VALUE_MAX], answer[VALUE_MAX + 1];
	uint64_t i;

	for (i = 0; i < count; i++) {
		make_value(value, i, size);
		if (fread(answer, 1, size + 1, stdin) != size + 1 ||
		    memcmp(value, answer, size) || answer[size] != '\n')
			errx(1, "key:%07lu is not what was set",
			     (unsigned long)i);
	}
	if (getchar() != EOF)
		errx(1, "more came than %lu values", (unsigned long)count);
	return 0;
}

static void print_value(uint64_t index, size_t size)
{
	static char value[VALUE_MAX];

	make_value(value, index, size);
	fwrite(value, 1, size, stdout);
}

/*
 * Search stdin for the value of key number @index, and print the offset of the value.
 * Return: 0 if the value was found, else 1.
 */
static int find_value(uint64_t index, size_t size)
{
	static char value[VALUE_MAX], buffer[1 << 20];
	uint64_t passed = 0;
	size_t held = 0, got;
	const char *hit;

	make_value(value, index, size);
	while ((got = fread(buffer + held, 1, sizeof(buffer) - held, stdin))) {
		held += got;
		hit = memmem(buffer, held, value, size);
		if (hit) {
			printf("%lu\n", (unsigned long)(passed + hit - buffer));
			return 0;
		}
		if (held < size)
			continue;
		/*
		 * The value may begin at the end of the bytes read so far, so keep the
		 * last bytes.
		 */
		passed += held - (size - 1);
		memmove(buffer, buffer + held - (size - 1), size - 1);
		held = size - 1;
	}
	return 1;
}

static void print_memory(pid_t pid, uint64_t addr, size_t size)
{
	static char buffer[VALUE_MAX];
	const struct iovec local = { buffer, size };
	const struct iovec remote = { (void *)addr, size };

	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)size)
		err(1, "process_vm_readv");
	fwrite(buffer, 1, size, stdout);
}

static int open_pagemap(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/*
 * Print one character per page: # if the page is in memory, . if it is in swap, else _.
 */
static void print_map(pid_t pid, uint64_t addr, uint64_t pages)
{
	const int fd = open_pagemap(pid);
	uint64_t entry, i;

	for (i = 0; i < pages; i++) {
		const off_t at = (addr / PAGE_SIZE + i) * sizeof(entry);

		if (pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
			err(1, "pagemap");
		putchar(entry & PM_PRESENT ? '#' : entry & PM_SWAP ? '.' : '_');
	}
	putchar('\n');
	close(fd);
}

static int usage(void)
{
	fputs("proc_check commands COUNT SIZE   redis commands that set the values\n"
	      "proc_check questions COUNT       redis commands that ask for them\n"
	      "proc_check check COUNT SIZE      judge the answers on stdin\n"
	      "proc_check value INDEX SIZE      print one value\n"
	      "proc_check find INDEX SIZE       where is it in stdin?\n"
	      "proc_check memory PID ADDR SIZE  what process_vm_readv gives\n"
	      "proc_check map PID ADDR PAGES    # in memory, . in swap, _ neither\n",
	      stderr);
	return 2;
}

static int run(const char *verb, char **word)
{
	if (!strcmp(verb, "commands"))
		print_commands(parse_number(word[0]), parse_size(word[1]));
	else if (!strcmp(verb, "check"))
		return check_answers(parse_number(word[0]),
				     parse_size(word[1]));
	else if (!strcmp(verb, "value"))
		print_value(parse_number(word[0]), parse_size(word[1]));
	else if (!strcmp(verb, "find"))
		return find_value(parse_number(word[0]), parse_size(word[1]));
	else
		return usage();
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc == 3 && !strcmp(argv[1], "questions"))
		print_questions(parse_number(argv[2]));
	else if (argc == 5 && !strcmp(argv[1], "memory"))
		print_memory(parse_number(argv[2]), parse_number(argv[3]),
			     parse_size(argv[4]));
	else if (argc == 5 && !strcmp(argv[1], "map"))
		print_map(parse_number(argv[2]), parse_number(argv[3]),
			  parse_number(argv[4]));
	else if (argc == 4)
		status = run(argv[1], argv + 2);
	else
		return usage();
	if (fflush(stdout))
		err(1, "stdout");
	return status;
}
