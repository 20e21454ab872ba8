/* SPDX-License-Identifier: GPL-2.0 */
/* Run gupctl by a command line of the shell, on a target. */
#ifndef GUPX_TESTS_SHELL_H
#define GUPX_TESTS_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#define SHELL_GUPCTL "/usr/bin/gupctl"

/**
 * struct shell - the output of a command line
 * @output: what it wrote to stdout and stderr, NUL-terminated
 */
struct shell {
	char output[16384];
};

/*
 * Run a command line with /bin/sh. Returns its exit status, 128 plus the number of the
 * signal that killed the shell, or -1.
 */
__attribute__((format(printf, 2, 3))) int shell_run(struct shell *shell,
						    const char *format, ...);

/* Returns how often @text occurs in the output. */
size_t shell_count(const struct shell *shell, const char *text);

/* Expect that the output of self->shell contains @text @times times. */
#define EXPECT_PRINTED(times, text)                                 \
	EXPECT_EQ((size_t)(times), shell_count(&self->shell, text)) \
	{                                                           \
		TH_LOG("%s", self->shell.output);                   \
	}

/* Expect that the output of self->shell contains @text. */
#define EXPECT_PRINTS(text)                                        \
	EXPECT_LT((size_t)0, shell_count(&self->shell, text))      \
	{                                                          \
		TH_LOG("no \"%s\": %s", text, self->shell.output); \
	}

/* Expect that a command line exits with @status. */
#define EXPECT_EXIT(status, ...)                                \
	EXPECT_EQ(status, shell_run(&self->shell, __VA_ARGS__)) \
	{                                                       \
		TH_LOG("%s", self->shell.output);               \
	}

#endif /* GUPX_TESTS_SHELL_H */
