// SPDX-License-Identifier: GPL-2.0
/*
 * Sampling profiler for one CPU. The profiler records which instruction runs each time
 * the cpu-clock timer of perf fires. If the VM counts instructions instead of time,
 * each run records the same samples. If the timer fires while interrupts are off, the
 * sample shows the instruction that turns interrupts on again.
 */
#include <linux/perf_event.h>
#include <linux/ptrace.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>

#include "sample.h"

#define SAMPLES_MAX (1U << 17)

/*
 * There is only one set of samples for the whole machine, because only the benchmark
 * uses the profiler.
 */
static struct perf_event *event;
static unsigned long *samples;
static unsigned int nr;

static void take_sample(struct perf_event *unused,
			struct perf_sample_data *data, struct pt_regs *regs)
{
	if (nr < SAMPLES_MAX)
		samples[nr++] = user_mode(regs) ? 0 : instruction_pointer(regs);
}

/*
 * Start or stop the profiler. The profiler is started and stopped for each measured
 * phase, so create the perf counter only once, and then only enable and disable it.
 */
long sample_every(unsigned long ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = ns,
		.disabled = true,
	};

	if (event && !ns)
		perf_event_disable(event);
	if (!ns)
		return 0;
	if (!event) {
		event = perf_event_create_kernel_counter(&attr, 0, NULL,
							 take_sample, NULL);
		if (IS_ERR(event)) {
			const long error = PTR_ERR(event);

			event = NULL;
			return error;
		}
	}
	perf_event_enable(event);
	return 0;
}

int sample_show(struct seq_file *seq, void *unused)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (samples[i])
			seq_printf(seq, "%pS\n", (void *)samples[i]);
		else
			seq_puts(seq, "user\n");
	}
	return 0;
}

int sample_init(void)
{
	samples = vmalloc(SAMPLES_MAX * sizeof(*samples));
	return samples ? 0 : -ENOMEM;
}

void sample_fini(void)
{
	if (event)
		perf_event_release_kernel(event);
	vfree(samples);
}
