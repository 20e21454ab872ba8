// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../kmod/rival.h"
#include "round.h"

/*
 * Sampling period in nanoseconds. The period is a prime number, so that the samples do
 * not always hit the same place of a loop in the kernel.
 */
#define SAMPLE_NS 10007

/**
 * struct shared - state that this process shares with targets
 * @sampler: fd of the rival module
 * @sampled: phase of the benchmark during which samples are recorded
 */
static struct shared {
	int sampler;
	enum round sampled;
} * shared;

static uint64_t begun;
static enum round running;
static long clock_cost;

static uint64_t read_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

void round_init(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	for (int i = 0; i < 16; i++) {
		long cost;

		round_begin(ROUND_NONE);
		cost = read_clock() - begun;
		if (!i || cost < clock_cost)
			clock_cost = cost;
	}
}

static bool is_sampled(void)
{
	return running != ROUND_NONE && running == shared->sampled;
}

/*
 * Wait for a random part of the sampling period. The profiler starts a new period in each
 * round. Without the wait, all rounds of a short request would be sampled at the same
 * instructions.
 */
static void wait_randomly(void)
{
	static uint32_t random = 1;
	uint64_t until;

	random = random * 1664525 + 1013904223;
	until = read_clock() + (random >> 8) % SAMPLE_NS;
	while (read_clock() < until)
		continue;
}

void round_begin(enum round round)
{
	running = round;
	if (is_sampled()) {
		ioctl(shared->sampler, RIVAL_SAMPLE, SAMPLE_NS);
		wait_randomly();
	}
	begun = read_clock();
}

long round_end(void)
{
	const long round = read_clock() - begun - clock_cost;

	if (is_sampled())
		ioctl(shared->sampler, RIVAL_SAMPLE, 0);
	return round;
}

void round_sample(int rival_fd, enum round round)
{
	shared->sampler = rival_fd;
	shared->sampled = round;
}

void round_print_samples(int rival_fd)
{
	char text[4096];
	ssize_t got;

	fflush(stdout);
	while ((got = read(rival_fd, text, sizeof(text))) > 0)
		if (write(STDOUT_FILENO, text, got) != got)
			break;
}
