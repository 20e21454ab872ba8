// SPDX-License-Identifier: GPL-2.0
/*
 * The ABI of <linux/gupx.h>: convert the caller's struct to a request, and write the result
 * of the request to the struct. Only this file and pinfd.c pass user pointers to other
 * files.
 *
 * All handlers make their checks in the same order, and callers may rely on this order: the
 * size of the struct, the flags, the other fields, permissions, file descriptors, limits.
 * If all checks pass, the loop processes the request.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gupx.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "account.h"
#include "acquire.h"
#include "audit.h"
#include "cursor.h"
#include "dispatch.h"
#include "engine.h"
#include "explain.h"
#include "gup.h"
#include "ioctl.h"
#include "pinfd.h"
#include "pinset.h"
#include "read.h"
#include "readv.h"
#include "selfcheck.h"
#include "target.h"
#include "trace.h"
#include "version.h"

static bool allow_force;
module_param(allow_force, bool, 0644);
MODULE_PARM_DESC(
	allow_force,
	"Allow GUPX_F_FORCE to callers with CAP_SYS_PTRACE (default N)");

static bool allow_short_pins;
module_param(allow_short_pins, bool, 0644);
MODULE_PARM_DESC(
	allow_short_pins,
	"Allow GUPX_F_SHORT to callers with CAP_SYS_ADMIN (default N)");

static bool allow_kernel_engine;
module_param(allow_kernel_engine, bool, 0644);
MODULE_PARM_DESC(
	allow_kernel_engine,
	"Allow GUPX_F_ENGINE_KERNEL without CAP_SYS_ADMIN (default N)");

static bool allow_pins = true;
module_param(allow_pins, bool, 0644);
MODULE_PARM_DESC(allow_pins, "Allow new pins; existing pins stay (default Y)");

/*
 * Maximum length of one PIN. Each page may need an extent of 8 bytes, so this limit bounds
 * the kernel memory that one PIN uses.
 */
static unsigned int max_pin_mib = 64 << 10;
module_param(max_pin_mib, uint, 0644);
MODULE_PARM_DESC(max_pin_mib, "Maximum size of one PIN in MiB (default 65536)");

/* Get the GUPX_R_* flags of a request. A GUPX_F_* flag has the same meaning in all verbs. */
static u32 make_request(u32 flags, u32 verb)
{
	u32 request = (flags & GUPX_R_ASKED) | verb;

	/* Pins are FOLL_LONGTERM unless GUPX_F_SHORT is set. */
	if ((request & GUPX_R_PIN) && !(request & GUPX_R_SHORT))
		request |= GUPX_R_LONGTERM;
	if (gupx_can_unshare_file())
		request |= GUPX_R_CAN_UNSHARE_FILE;
	if (gupx_can_migrate_hugetlb())
		request |= GUPX_R_CAN_MOVE_HUGETLB;
	return request;
}

static gupx_fill_fn get_engine(u32 flags)
{
	return flags & GUPX_F_ENGINE_KERNEL ? gupx_engine_fill : gupx_gup_fill;
}

/* Set up the cursor of a PIN, POPULATE or READ. */
static void begin_request(struct gupx_cursor *cursor, struct mm_struct *mm,
			  unsigned long addr, unsigned long len, u32 flags,
			  u32 verb)
{
	gupx_cursor_init(cursor, mm, addr, len, make_request(flags, verb),
			 get_engine(flags));
	trace_gupx_request(cursor);
}

/*
 * Check the flags that need a capability or a module parameter. A request without these
 * flags only needs a file descriptor of the target's /proc/PID/mem; gupx_target_get()
 * checks it.
 */
static int check_permission(u32 flags)
{
	static_assert((GUPX_PIN_FLAGS | GUPX_POPULATE_FLAGS |
		       GUPX_READ_FLAGS) == 2 * GUPX_F_READ_ONLY - 1,
		      "new GUPX_F_ flag: check its permission here");

	if ((flags & GUPX_F_FORCE) && !(allow_force && capable(CAP_SYS_PTRACE)))
		return -EPERM;
	if ((flags & GUPX_F_SHORT) &&
	    !(allow_short_pins && capable(CAP_SYS_ADMIN)))
		return -EPERM;
	if ((flags & GUPX_F_ENGINE_KERNEL) &&
	    !(allow_kernel_engine || capable(CAP_SYS_ADMIN)))
		return -EPERM;
	return 0;
}

static int check_wrap(u64 addr, u64 len)
{
	u64 end;

	if (check_add_overflow(addr, len, &end) || end > ULONG_MAX - PAGE_SIZE)
		return -EINVAL;
	return 0;
}

static int check_pages(u64 addr, u64 len)
{
	if (!PAGE_ALIGNED(addr) || !PAGE_ALIGNED(len))
		return -EINVAL;
	return check_wrap(addr, len);
}

/*
 * Fill in @stop for user space: the reason of the stop and the address @done_at, where the
 * processed range ends. @done_at is based on the address in the caller's struct, so it
 * contains the tag bits of that address.
 */
static void fill_stop(const struct gupx_cursor *cursor, u64 done_at,
		      struct gupx_stop *stop)
{
	*stop = (struct gupx_stop){
		.addr = done_at,
		.error = cursor->stop.error,
		.stage = cursor->stop.stage,
		.reason = cursor->stop.reason,
	};
}

static int run_info(struct gupx_call *call)
{
	struct gupx_info *info = &call->args.info;

	if (info->flags)
		return -EOPNOTSUPP;
	*info = (struct gupx_info){
		.size = info->size,
		.abi = GUPX_ABI,
		.page_size = PAGE_SIZE,
		.pin_flags = GUPX_PIN_FLAGS,
		.populate_flags = GUPX_POPULATE_FLAGS,
		.read_flags = GUPX_READ_FLAGS,
		.explain_flags = GUPX_EXPLAIN_FLAGS,
		.params = (allow_force ? GUPX_PARAM_FORCE : 0) |
			  (allow_short_pins ? GUPX_PARAM_SHORT_PINS : 0) |
			  (allow_kernel_engine ? GUPX_PARAM_KERNEL_ENGINE : 0) |
			  (allow_pins ? GUPX_PARAM_PINS : 0),
		.max_pin_mib = max_pin_mib,
		.memlock_limit = gupx_account_limit(),
		.memlock_used = gupx_account_used(current_user()),
		.version = GUPX_VERSION,
		.max_extents = gupx_account_max_extents(),
		.extents_used = gupx_account_used_extents(current_user()->uid),
		.kernel = gupx_selfcheck_kernel(),
	};
	return 0;
}

static int check_pin(const struct gupx_pin *pin)
{
	int error;

	if (pin->flags & ~GUPX_PIN_FLAGS)
		return -EOPNOTSUPP;
	/*
	 * For a short-term pin, our loop also checks rows V3 (fsdax) and V6 (dirty
	 * tracking). The kernel's engine makes these checks only for long-term pins.
	 */
	if ((pin->flags & GUPX_F_SHORT) && (pin->flags & GUPX_F_ENGINE_KERNEL))
		return -EINVAL;
	if ((pin->flags & GUPX_F_READ_ONLY) && pin->pin_fd != -1)
		return -EINVAL;
	error = check_pages(pin->addr, pin->len);
	if (error)
		return error;
	if (pin->len > (u64)max_pin_mib << 20)
		return -EFBIG;
	return allow_pins ? check_permission(pin->flags) : -EPERM;
}

static int pin_range(struct gupx_pinset *set, struct mm_struct *mm,
		     struct gupx_pin *pin)
{
	struct gupx_cursor cursor;
	unsigned long addr;
	int error = gupx_target_untag(mm, pin->addr, &addr);

	if (error)
		return error;
	pin->memlock_limit = gupx_account_limit();
	pin->memlock_used = gupx_account_used(gupx_pinset_user(set));
	pin->memlock_asked = pin->len;
	begin_request(&cursor, mm, addr, pin->len, pin->flags, GUPX_R_PIN);
	error = gupx_acquire_pins(set, &cursor);
	if (error)
		return error;
	pin->done = cursor.addr - cursor.start;
	fill_stop(&cursor, pin->addr + pin->done, &pin->stop);
	gupx_audit_pin(mm, pin);
	return 0;
}

static int pin_into_new_set(struct gupx_call *call, struct mm_struct *mm)
{
	struct gupx_pin *pin = &call->args.pin;
	struct gupx_pinset *set;
	int error;

	if (!pin->len)
		return 0;
	set = gupx_pinfd_create(call, mm, pin->flags & GUPX_F_READ_ONLY);
	if (IS_ERR(set))
		return PTR_ERR(set);
	error = pin_range(set, mm, pin);
	if (error || !pin->done)
		gupx_dispatch_drop_file(call);
	else
		pin->pin_fd = call->new_fd;
	return error;
}

static int pin_into_set(struct gupx_pin *pin, struct mm_struct *mm)
{
	struct file *file = fget(pin->pin_fd);
	struct gupx_pinset *set;
	int error = 0;

	if (!file)
		return -EBADF;
	set = gupx_pinfd_set(file);
	if (!set)
		error = -EMEDIUMTYPE;
	else if (!gupx_pinset_fits(set, mm))
		error = -EXDEV;
	else if (pin->len)
		error = pin_range(set, mm, pin);
	fput(file);
	return error;
}

static int run_pin(struct gupx_call *call)
{
	struct gupx_pin *pin = &call->args.pin;
	struct mm_struct *mm;
	int error = check_pin(pin);

	if (error)
		return error;
	mm = gupx_target_get(pin->mem_fd, pin->flags & GUPX_F_WRITE);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	pin->done = 0;
	pin->stop = (struct gupx_stop){ .addr = pin->addr };
	error = pin->pin_fd == -1 ? pin_into_new_set(call, mm)
				  : pin_into_set(pin, mm);
	gupx_target_put(mm);
	return error;
}

static int check_populate(const struct gupx_populate *populate)
{
	int error;

	if (populate->flags & ~GUPX_POPULATE_FLAGS)
		return -EOPNOTSUPP;
	if (populate->reserved)
		return -EINVAL;
	error = check_pages(populate->addr, populate->len);
	return error ?: check_permission(populate->flags);
}

static int populate_range(struct gupx_populate *populate, struct mm_struct *mm)
{
	struct gupx_cursor cursor;
	unsigned long addr;
	int error = gupx_target_untag(mm, populate->addr, &addr);

	if (error)
		return error;
	begin_request(&cursor, mm, addr, populate->len, populate->flags,
		      GUPX_R_POPULATE);
	while (!gupx_cursor_is_over(&cursor))
		cursor.fill(&cursor, NULL);
	gupx_cursor_unlock(&cursor);
	populate->done = cursor.addr - cursor.start;
	fill_stop(&cursor, populate->addr + populate->done, &populate->stop);
	return 0;
}

static int run_populate(struct gupx_call *call)
{
	struct gupx_populate *populate = &call->args.populate;
	struct mm_struct *mm;
	int error = check_populate(populate);

	if (error)
		return error;
	mm = gupx_target_get(populate->mem_fd, populate->flags & GUPX_F_WRITE);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	error = populate_range(populate, mm);
	gupx_target_put(mm);
	return error;
}

static int check_read(const struct gupx_read *read)
{
	int error;

	if (read->flags & ~GUPX_READ_FLAGS)
		return -EOPNOTSUPP;
	if (read->reserved)
		return -EINVAL;
	error = check_wrap(read->addr, read->len);
	if (error)
		return error;
	if (!access_ok(u64_to_user_ptr(read->buf), read->len))
		return -EFAULT;
	return check_permission(read->flags);
}

static int read_range(struct gupx_read *read, struct mm_struct *mm)
{
	unsigned long addr, first, end;
	struct gupx_cursor cursor;
	struct iov_iter to;
	int error = gupx_target_untag(mm, read->addr, &addr);

	if (error)
		return error;
	gupx_audit_read(mm, read->flags, read->addr, read->len);
	first = round_down(addr, PAGE_SIZE);
	end = PAGE_ALIGN(addr + read->len);
	begin_request(&cursor, mm, first, end - first, read->flags, GUPX_R_GET);
	iov_iter_ubuf(&to, READ, u64_to_user_ptr(read->buf), read->len);
	error = gupx_read_copy(&cursor, addr, &to);
	if (error)
		return error;
	read->done = read->len - iov_iter_count(&to);
	fill_stop(&cursor, read->addr + read->done, &read->stop);
	return 0;
}

static int run_read(struct gupx_call *call)
{
	struct gupx_read *read = &call->args.read;
	struct mm_struct *mm;
	int error = check_read(read);

	if (error)
		return error;
	mm = gupx_target_get(read->mem_fd, false);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	read->done = 0;
	read->stop = (struct gupx_stop){ .addr = read->addr };
	if (read->len)
		error = read_range(read, mm);
	gupx_target_put(mm);
	return error;
}

static int check_readv(const struct gupx_readv *readv)
{
	if (readv->flags & ~GUPX_READ_FLAGS)
		return -EOPNOTSUPP;
	if (readv->reserved || readv->nr > GUPX_SEGMENTS_MAX)
		return -EINVAL;
	return gupx_dispatch_check_entry(readv->entry_size,
					 offsetofend(struct gupx_segment,
						     reason))
		       ?: check_permission(readv->flags);
}

/* Copy the segments from the caller, check them and clear their [out] fields. */
static int get_segments(const struct gupx_readv *readv,
			struct gupx_segment *segment)
{
	u64 left = readv->buf_len;
	u32 i;
	int error =
		gupx_dispatch_read_array(readv->segments, readv->entry_size,
					 segment, sizeof(*segment), readv->nr);

	for (i = 0; !error && i < readv->nr; i++) {
		error = check_wrap(segment[i].addr, segment[i].len);
		if (segment[i].len > left)
			error = -EINVAL;
		left -= segment[i].len;
		segment[i] = (struct gupx_segment){
			.addr = segment[i].addr,
			.len = segment[i].len,
		};
	}
	if (!error &&
	    !access_ok(u64_to_user_ptr(readv->buf), readv->buf_len - left))
		error = -EFAULT;
	return error;
}

static int read_segments(struct gupx_readv *readv, struct gupx_readv_job *job,
			 struct mm_struct *mm)
{
	int error = gupx_readv_audit(job, mm, readv->flags);

	if (error)
		return error;
	gupx_cursor_init(&job->cursor, mm, 0, 0,
			 make_request(readv->flags, GUPX_R_GET),
			 get_engine(readv->flags));
	job->to = u64_to_user_ptr(readv->buf);
	readv->done = gupx_readv_copy(job);
	return gupx_dispatch_copy_array(readv->segments, 0, readv->entry_size,
					job->segment, sizeof(*job->segment),
					readv->nr);
}

static int run_readv(struct gupx_call *call)
{
	struct gupx_readv *readv = &call->args.readv;
	struct gupx_readv_job *job;
	struct mm_struct *mm = NULL;
	int error = check_readv(readv);

	if (error)
		return error;
	job = gupx_readv_alloc(readv->nr);
	if (!job)
		return -ENOMEM;
	error = get_segments(readv, job->segment);
	if (!error)
		mm = gupx_target_get(readv->mem_fd, false);
	if (IS_ERR(mm)) {
		error = PTR_ERR(mm);
	} else if (mm) {
		error = read_segments(readv, job, mm);
		gupx_target_put(mm);
	}
	gupx_readv_free(job);
	return error;
}

/*
 * For each verb that EXPLAIN can judge: the flags that EXPLAIN accepts, and the GUPX_R_*
 * bit of the verb.
 */
static const struct {
	u32 flags;
	u32 request;
} verbs[] = {
	[GUPX_VERB_PIN] = { GUPX_EXPLAIN_FLAGS, GUPX_R_PIN },
	[GUPX_VERB_POPULATE] = { GUPX_POPULATE_FLAGS & GUPX_EXPLAIN_FLAGS,
				 GUPX_R_POPULATE },
	[GUPX_VERB_READ] = { GUPX_READ_FLAGS & GUPX_EXPLAIN_FLAGS, GUPX_R_GET },
};

/*
 * The caller has checked @verb. Also limit @verb when the CPU mispredicts that check
 * (Spectre).
 */
static u32 clamp_verb(u32 verb)
{
	return array_index_nospec(verb, ARRAY_SIZE(verbs));
}

static int check_explain(const struct gupx_explain *explain)
{
	int error;

	if (explain->verb >= ARRAY_SIZE(verbs) ||
	    (explain->flags & ~verbs[clamp_verb(explain->verb)].flags))
		return -EOPNOTSUPP;
	if (explain->reserved)
		return -EINVAL;
	error = gupx_dispatch_check_entry(
		explain->entry_size, offsetofend(struct gupx_judgement, flags));
	if (!error)
		error = check_pages(explain->addr, explain->len);
	return error ?: check_permission(explain->flags);
}

/*
 * Write judgements to a kernel page, then copy them to the caller's buffer. So no user
 * memory is accessed while the target's mmap_lock is held.
 */
static int copy_judgements(struct gupx_cursor *cursor,
			   struct gupx_explain *explain,
			   struct gupx_judgement *page)
{
	const unsigned int page_nr = PAGE_SIZE / sizeof(*page);
	const u64 tag = explain->addr - cursor->start;
	unsigned int i;

	while (cursor->addr < cursor->end &&
	       explain->count < explain->capacity) {
		const unsigned int nr = gupx_explain_fill(
			cursor, page,
			min(page_nr, explain->capacity - explain->count));

		for (i = 0; tag && i < nr; i++)
			page[i].addr += tag;
		if (gupx_dispatch_copy_array(explain->buf, explain->count,
					     explain->entry_size, page,
					     sizeof(*page), nr))
			return -EFAULT;
		explain->count += nr;
		if (cursor->stop.action == GUPX_STOP ||
		    fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int explain_range(struct gupx_explain *explain, struct mm_struct *mm)
{
	struct gupx_judgement *page;
	struct gupx_cursor cursor;
	unsigned long addr;
	int error = gupx_target_untag(mm, explain->addr, &addr);

	if (error)
		return error;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	gupx_cursor_init(&cursor, mm, addr, explain->len,
			 make_request(explain->flags,
				      verbs[clamp_verb(explain->verb)].request),
			 NULL);
	error = copy_judgements(&cursor, explain, page);
	explain->done = cursor.addr - cursor.start;
	kfree(page);
	return error;
}

static int run_explain(struct gupx_call *call)
{
	struct gupx_explain *explain = &call->args.explain;
	struct mm_struct *mm;
	int error = check_explain(explain);

	if (error)
		return error;
	mm = gupx_target_get(explain->mem_fd, explain->flags & GUPX_F_WRITE);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	explain->count = 0;
	explain->done = 0;
	error = explain_range(explain, mm);
	gupx_target_put(mm);
	return error;
}

static const struct gupx_op device_ops[] = {
	GUPX_OP(GUPX_IOC_INFO, gupx_info, reserved, run_info),
	GUPX_OP(GUPX_IOC_PIN, gupx_pin, memlock_asked, run_pin),
	GUPX_OP(GUPX_IOC_POPULATE, gupx_populate, stop, run_populate),
	GUPX_OP(GUPX_IOC_READ, gupx_read, stop, run_read),
	GUPX_OP(GUPX_IOC_EXPLAIN, gupx_explain, reserved, run_explain),
	GUPX_OP(GUPX_IOC_READV, gupx_readv, done, run_readv),
};

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return gupx_dispatch(device_ops, ARRAY_SIZE(device_ops), file, cmd,
			     arg);
}

const struct file_operations gupx_ioctl_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
