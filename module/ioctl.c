// SPDX-License-Identifier: GPL-2.0
/*
 * The ABI of <linux/gupx.h>: what user space hands in becomes a request, what
 * came of it goes back. The only file that knows user pointers.
 *
 * Every handler checks in one order, which is part of the contract: the struct,
 * its flags, its meaning, permission, the fds, the limit. Then the loop runs.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gupx.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "account.h"
#include "cursor.h"
#include "engine.h"
#include "gup.h"
#include "ioctl.h"
#include "pinset.h"
#include "read.h"
#include "target.h"
#include "version.h"

static bool allow_force;
module_param(allow_force, bool, 0644);
MODULE_PARM_DESC(allow_force,
		 "let CAP_SYS_PTRACE override protections (GUPX_F_FORCE)");

static bool allow_short_pins;
module_param(allow_short_pins, bool, 0644);
MODULE_PARM_DESC(
	allow_short_pins,
	"let CAP_SYS_ADMIN hold pins not fit to be held (GUPX_F_SHORT)");

/* No holes, no padding at the end: the same bytes for every compiler. */
#define CHECK_LAYOUT(type, bytes, last)                \
	static_assert(sizeof(struct type) == (bytes)); \
	static_assert(offsetofend(struct type, last) == (bytes))

CHECK_LAYOUT(gupx_stop, 16, reason);
CHECK_LAYOUT(gupx_info, 88, version);
CHECK_LAYOUT(gupx_pin, 80, memlock_asked);
CHECK_LAYOUT(gupx_populate, 56, stop);
CHECK_LAYOUT(gupx_read, 64, stop);
CHECK_LAYOUT(gupx_explain, 56, done);
CHECK_LAYOUT(gupx_extent, 32, order);
CHECK_LAYOUT(gupx_extents, 56, charged);

union args {
	struct gupx_info info;
	struct gupx_pin pin;
	struct gupx_populate populate;
	struct gupx_read read;
	struct gupx_explain explain;
	struct gupx_extents extents;
};

static_assert(sizeof(union args) <= 256);

/**
 * struct call - one ioctl on its way
 * @file: that the ioctl was made on
 * @args: copied in; copied out where the handler answers
 * @new_fd: a descriptor reserved for @new_file, installed only once the answer
 *	has reached the caller
 * @new_file: the new pin fd, or NULL
 */
struct call {
	struct file *file;
	union args args;
	int new_fd;
	struct file *new_file;
};

/* Every flag means the same in each verb that takes it. */
static u32 request_of(u32 flags, u32 verb)
{
	static const struct {
		u32 flag;
		u32 request;
	} map[] = {
		{ GUPX_F_WRITE, GUPX_R_WRITE },
		{ GUPX_F_FORCE, GUPX_R_FORCE },
		{ GUPX_F_NOFAULT, GUPX_R_NOFAULT },
		{ GUPX_F_NOWAIT, GUPX_R_NOWAIT },
		{ GUPX_F_ANON, GUPX_R_ANON },
		{ GUPX_F_DUMP, GUPX_R_DUMP },
		{ GUPX_F_HWPOISON, GUPX_R_HWPOISON },
		{ GUPX_F_INTERRUPTIBLE, GUPX_R_INTERRUPTIBLE },
		{ GUPX_F_HONOR_NUMA, GUPX_R_HONOR_NUMA },
		{ GUPX_F_SHORT, GUPX_R_SHORT },
	};
	u32 request = verb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (flags & map[i].flag)
			request |= map[i].request;
	if (gupx_can_unshare_file())
		request |= GUPX_R_CAN_UNSHARE_FILE;
	return request;
}

/* Whoever holds a mem fd may read what it may; overriding a mapping is more. */
static int check_permission(u32 flags)
{
	if ((flags & GUPX_F_FORCE) && !(allow_force && capable(CAP_SYS_PTRACE)))
		return -EPERM;
	if ((flags & GUPX_F_SHORT) &&
	    !(allow_short_pins && capable(CAP_SYS_ADMIN)))
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

/* Where and why it ended; done is what lies before. */
static void answer(const struct gupx_cursor *cursor, u64 done_at,
		   struct gupx_stop *stop)
{
	*stop = (struct gupx_stop){
		.addr = done_at,
		.error = cursor->stop.error,
		.stage = cursor->stop.stage,
		.reason = cursor->stop.reason,
	};
}

static int run_info(struct call *call)
{
	struct gupx_info *info = &call->args.info;

	if (info->flags)
		return -EOPNOTSUPP;
	*info = (struct gupx_info){
		.size = sizeof(*info),
		.abi = GUPX_ABI,
		.page_size = PAGE_SIZE,
		.pin_flags = GUPX_PIN_FLAGS,
		.populate_flags = GUPX_POPULATE_FLAGS,
		.read_flags = GUPX_READ_FLAGS,
		.params = (allow_force ? GUPX_PARAM_FORCE : 0) |
			  (allow_short_pins ? GUPX_PARAM_SHORT_PINS : 0),
		.memlock_limit = gupx_account_limit(),
		.memlock_used = gupx_account_used(current_user()),
		.version = GUPX_VERSION,
	};
	return 0;
}

static int check_pin(const struct gupx_pin *pin)
{
	int error;

	if (pin->flags & ~GUPX_PIN_FLAGS)
		return -EOPNOTSUPP;
	/* The kernel's engine has no pin that is judged long and held short. */
	if ((pin->flags & GUPX_F_SHORT) && (pin->flags & GUPX_F_ENGINE_KERNEL))
		return -EINVAL;
	error = check_pages(pin->addr, pin->len);
	if (error)
		return error;
	return check_permission(pin->flags);
}

static const struct file_operations pin_fops;

/* A pin set of its own for this request: its file is not yet the caller's. */
static struct gupx_pinset *create_pinset(struct call *call,
					 struct mm_struct *mm)
{
	struct gupx_pinset *set = gupx_pinset_create(mm);
	struct file *file;
	int fd;

	if (!set)
		return ERR_PTR(-ENOMEM);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		gupx_pinset_destroy(set);
		return ERR_PTR(fd);
	}
	file = anon_inode_getfile("[gupx-pins]", &pin_fops, set, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		gupx_pinset_destroy(set);
		return ERR_CAST(file);
	}
	call->new_fd = fd;
	call->new_file = file;
	return set;
}

static void drop_new_file(struct call *call)
{
	if (!call->new_file)
		return;
	put_unused_fd(call->new_fd);
	fput(call->new_file);
	call->new_file = NULL;
}

static struct gupx_pinset *find_pinset(struct file *file,
				       const struct mm_struct *mm)
{
	if (file->f_op != &pin_fops)
		return ERR_PTR(-EMEDIUMTYPE);
	if (!gupx_pinset_fits(file->private_data, mm))
		return ERR_PTR(-EXDEV);
	return file->private_data;
}

static void answer_limit(struct gupx_pin *pin, const struct user_struct *user)
{
	pin->memlock_limit = gupx_account_limit();
	pin->memlock_used = gupx_account_used(user);
	pin->memlock_asked = pin->len;
}

static int pin_range(struct gupx_pinset *set, struct mm_struct *mm,
		     struct gupx_pin *pin)
{
	const bool held_short = pin->flags & GUPX_F_SHORT;
	struct gupx_cursor cursor;
	int error;

	answer_limit(pin, gupx_pinset_user(set));
	gupx_cursor_init(
		&cursor, mm, pin->addr, pin->len,
		request_of(pin->flags,
			   GUPX_R_PIN | (held_short ? 0 : GUPX_R_LONGTERM)));
	error = gupx_pinset_pin(set, &cursor,
				pin->flags & GUPX_F_ENGINE_KERNEL);
	if (error)
		return error;
	pin->done = cursor.addr - cursor.start;
	answer(&cursor, cursor.addr, &pin->stop);
	return 0;
}

static int pin_anew(struct call *call, struct mm_struct *mm)
{
	struct gupx_pin *pin = &call->args.pin;
	struct gupx_pinset *set;
	int error;

	if (!pin->len)
		return 0;
	set = create_pinset(call, mm);
	if (IS_ERR(set))
		return PTR_ERR(set);
	error = pin_range(set, mm, pin);
	if (error || !pin->done)
		drop_new_file(call);
	else
		pin->pin_fd = call->new_fd;
	return error;
}

static int pin_more(struct gupx_pin *pin, struct mm_struct *mm)
{
	struct file *file = fget(pin->pin_fd);
	struct gupx_pinset *set;
	int error = 0;

	if (!file)
		return -EBADF;
	set = find_pinset(file, mm);
	if (IS_ERR(set))
		error = PTR_ERR(set);
	else if (pin->len)
		error = pin_range(set, mm, pin);
	fput(file);
	return error;
}

static int run_pin(struct call *call)
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
	error = pin->pin_fd == -1 ? pin_anew(call, mm) : pin_more(pin, mm);
	gupx_target_put(mm);
	return error;
}

static int run_populate(struct call *call)
{
	struct gupx_populate *populate = &call->args.populate;
	struct gupx_cursor cursor;
	struct mm_struct *mm;
	int error;

	if (populate->flags & ~GUPX_POPULATE_FLAGS)
		return -EOPNOTSUPP;
	if (populate->reserved)
		return -EINVAL;
	error = check_pages(populate->addr, populate->len);
	if (error)
		return error;
	mm = gupx_target_get(populate->mem_fd, populate->flags & GUPX_F_WRITE);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	gupx_cursor_init(&cursor, mm, populate->addr, populate->len,
			 request_of(populate->flags, GUPX_R_POPULATE));
	if (populate->flags & GUPX_F_ENGINE_KERNEL)
		gupx_engine_populate(&cursor);
	else
		gupx_gup_populate(&cursor);
	gupx_target_put(mm);
	populate->done = cursor.addr - cursor.start;
	answer(&cursor, cursor.addr, &populate->stop);
	return 0;
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
	const unsigned long first = round_down(read->addr, PAGE_SIZE);
	const unsigned long end = PAGE_ALIGN(read->addr + read->len);
	struct gupx_cursor cursor;
	struct iov_iter to;
	int error;

	gupx_cursor_init(&cursor, mm, first, end - first,
			 request_of(read->flags, GUPX_R_GET));
	iov_iter_ubuf(&to, READ, u64_to_user_ptr(read->buf), read->len);
	error = gupx_read_copy(&cursor, read->addr, &to,
			       read->flags & GUPX_F_ENGINE_KERNEL);
	if (error)
		return error;
	read->done = read->len - iov_iter_count(&to);
	answer(&cursor, read->addr + read->done, &read->stop);
	return 0;
}

static int run_read(struct call *call)
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

/* Its number and its struct are settled; its answer is not. */
static int run_explain(struct call *call)
{
	return -EOPNOTSUPP;
}

static void hide_frames(struct gupx_extent *extent, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		extent[i].pfn = GUPX_PFN_HIDDEN;
}

/* Through a page of ours: no user memory is touched under the set's lock. */
static int copy_extents(struct gupx_pinset *set, struct gupx_extents *extents,
			struct gupx_extent *page)
{
	const unsigned int page_nr = PAGE_SIZE / sizeof(*page);
	struct gupx_extent __user *to = u64_to_user_ptr(extents->buf);
	const bool shown = capable(CAP_SYS_ADMIN);

	while (extents->count < extents->capacity) {
		const unsigned int nr = gupx_pinset_extents(
			set, extents->first + extents->count, page,
			min(page_nr, extents->capacity - extents->count));

		if (!nr)
			break;
		if (!shown)
			hide_frames(page, nr);
		if (copy_to_user(to + extents->count, page, nr * sizeof(*page)))
			return -EFAULT;
		extents->count += nr;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int run_extents(struct call *call)
{
	struct gupx_extents *extents = &call->args.extents;
	struct gupx_pinset *set = call->file->private_data;
	struct gupx_pinset_totals totals;
	struct gupx_extent *page;
	int error;

	if (extents->flags)
		return -EOPNOTSUPP;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	extents->count = 0;
	error = copy_extents(set, extents, page);
	kfree(page);
	gupx_pinset_totals(set, &totals);
	extents->total = totals.extents;
	extents->bytes = totals.pages << PAGE_SHIFT;
	extents->charged = totals.charged << PAGE_SHIFT;
	return error;
}

/**
 * struct op - one ioctl
 * @nr: its number
 * @size: of its struct, as this module knows it
 * @min_size: of its struct, as it was first published
 * @run: called with the struct copied in. Where it returns 0 or -ENOBUFS, the
 *	struct is copied out.
 */
struct op {
	unsigned int nr;
	u32 size;
	u32 min_size;
	int (*run)(struct call *call);
};

#define OP(name, type, last, function)                                         \
	{                                                                      \
		.nr = (name), .size = sizeof(struct type),                     \
		.min_size = offsetofend(struct type, last), .run = (function), \
	}

static const struct op device_ops[] = {
	OP(GUPX_IOC_INFO, gupx_info, version, run_info),
	OP(GUPX_IOC_PIN, gupx_pin, memlock_asked, run_pin),
	OP(GUPX_IOC_POPULATE, gupx_populate, stop, run_populate),
	OP(GUPX_IOC_READ, gupx_read, stop, run_read),
	OP(GUPX_IOC_EXPLAIN, gupx_explain, done, run_explain),
};

static const struct op pin_ops[] = {
	OP(GUPX_IOC_EXTENTS, gupx_extents, charged, run_extents),
};

static const struct op *find_op(const struct op *ops, size_t nr,
				unsigned int cmd)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (ops[i].nr == cmd)
			return &ops[i];
	return NULL;
}

static int copy_out(struct call *call, void __user *user, u32 size)
{
	if (copy_to_user(user, &call->args, size))
		return -EFAULT;
	if (call->new_file) {
		fd_install(call->new_fd, call->new_file);
		call->new_file = NULL;
	}
	return 0;
}

static long dispatch(const struct op *op, struct file *file, void __user *user)
{
	struct call call = { .file = file };
	u32 size;
	int error;

	if (!op)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < op->min_size)
		return -EINVAL;
	error = copy_struct_from_user(&call.args, op->size, user, size);
	if (error)
		return error;
	error = op->run(&call);
	if (!error || error == -ENOBUFS) {
		const int copied = copy_out(&call, user, min(size, op->size));

		error = copied ?: error;
	}
	drop_new_file(&call);
	return error;
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dispatch(find_op(device_ops, ARRAY_SIZE(device_ops), cmd), file,
			(void __user *)arg);
}

static long pin_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dispatch(find_op(pin_ops, ARRAY_SIZE(pin_ops), cmd), file,
			(void __user *)arg);
}

static int pin_release(struct inode *inode, struct file *file)
{
	gupx_pinset_destroy(file->private_data);
	return 0;
}

static void pin_show_fdinfo(struct seq_file *seq, struct file *file)
{
	gupx_pinset_show(file->private_data, seq);
}

static const struct file_operations pin_fops = {
	.owner = THIS_MODULE,
	.release = pin_release,
	.unlocked_ioctl = pin_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = pin_show_fdinfo,
	.llseek = noop_llseek,
};

const struct file_operations gupx_ioctl_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
