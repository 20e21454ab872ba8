// SPDX-License-Identifier: GPL-2.0
/*
 * Get the facts of a mapping for policy.h to judge. The caller holds mmap_lock.
 */
#include <linux/backing-dev.h>
#include <linux/fs.h>
#include <linux/hugetlb_inline.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/userfaultfd_k.h>

#include "arch.h"
#include "policy.h"
#include "vma.h"

static u32 get_file_facts(struct vm_area_struct *vma)
{
	const struct file *file = vma->vm_file;
	u32 facts = 0;

	if (vma_is_anonymous(vma))
		facts |= GUPX_V_ANON;
	if (vma_is_fsdax(vma))
		facts |= GUPX_V_FSDAX;
	if (is_vm_hugetlb_page(vma))
		facts |= GUPX_V_HUGETLB;
	/*
	 * vma_is_secretmem() is not exported, so check the magic number of the file system.
	 */
	if (file && file_inode(file)->i_sb->s_magic == SECRETMEM_MAGIC)
		facts |= GUPX_V_SECRETMEM;
	if (vma->vm_ops &&
	    (vma->vm_ops->page_mkwrite || vma->vm_ops->pfn_mkwrite))
		facts |= GUPX_V_MKWRITE;
	if (gupx_compat_is_vvar(vma))
		facts |= GUPX_V_IO;
	if (userfaultfd_rwp(vma))
		facts |= GUPX_V_UFFD_RWP;
	if (file && file->f_mapping && mapping_can_writeback(file->f_mapping))
		facts |= GUPX_V_WRITEBACK;
	return facts;
}

/**
 * gupx_vma_facts() - get the facts of a mapping
 * @vma: mapping, under mmap_lock
 *
 * Return: facts for policy.h, GUPX_V_*.
 */
u32 gupx_vma_facts(struct vm_area_struct *vma)
{
	const unsigned long flags = vma->vm_flags;

	return get_file_facts(vma) | (flags & VM_IO ? GUPX_V_IO : 0) |
	       (flags & VM_PFNMAP ? GUPX_V_PFNMAP : 0) |
	       (flags & VM_READ ? GUPX_V_READ : 0) |
	       (flags & VM_WRITE ? GUPX_V_WRITE : 0) |
	       (flags & VM_SHADOW_STACK ? GUPX_V_SHADOW_STACK : 0) |
	       (flags & VM_MAYREAD ? GUPX_V_MAYREAD : 0) |
	       (flags & VM_MAYWRITE ? GUPX_V_MAYWRITE : 0) |
	       (flags & VM_SHARED ? GUPX_V_SHARED : 0) |
	       (flags & VM_MAYSHARE ? GUPX_V_MAYSHARE : 0);
}

/**
 * gupx_vma_is_gate() - check whether an address is in the gate page
 * @mm: address space of the target
 * @addr: address to check
 *
 * Row L7: the gate page of x86 is the vsyscall page, which does not have a VMA. This
 * function is the counterpart of in_gate_area(), which is not exported. Use
 * gupx_entry_read_gate() to check that the page is present.
 *
 * Return: true if @addr is in the gate page.
 */
bool gupx_vma_is_gate(struct mm_struct *mm, unsigned long addr)
{
	return gupx_arch_is_gate(addr) && gupx_compat_has_vsyscall(mm);
}
