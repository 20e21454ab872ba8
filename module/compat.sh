#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compat.sh COMPILER-AND-FLAGS: print a #define for each interface, to 1 if this kernel's
# headers have the interface, else to 0. The script does not compare kernel versions,
# because distributions backport changes to older versions.
#
# Each probe has two snippets, of which at most one compiles. The snippet that compiles
# determines the result. If neither compiles, the kernel is not supported, and the build
# fails. The snippet `typedef char NAME` only compiles if NAME is not declared.
set -eu
cc=$1

can_compile() {
	printf '%s\n' "$1" | eval "$cc" \
		-Wno-error -Werror=implicit-function-declaration \
		-Werror=incompatible-pointer-types -Werror=int-conversion \
		-fsyntax-only -x c - 2>"$log"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

if ! can_compile '#include <linux/mm.h>'; then
	cat "$log" >&2
	echo "gupx: cannot compile <linux/mm.h>; install the complete kernel headers" >&2
	exit 1
fi

# Some functions compute pfn_to_page(pfn) as pfn_to_page(0) + pfn. This is only correct if the
# array of struct page is virtually contiguous.
if ! can_compile '#if !defined(CONFIG_SPARSEMEM_VMEMMAP) && !defined(CONFIG_FLATMEM)
	#error
	#endif'; then
	echo "gupx: this kernel has neither SPARSEMEM_VMEMMAP nor FLATMEM, which gupx needs" >&2
	exit 1
fi

# probe NAME HEADERS SNIPPET-IF-PRESENT SNIPPET-IF-ABSENT: print the #define for NAME.
probe() {
	includes=$(for header in $2; do echo "#include <$header>"; done)
	if can_compile "$includes
$3"; then
		echo "#define GUPX_HAVE_$1 1"
	elif can_compile "$includes
$4"; then
		echo "#define GUPX_HAVE_$1 0"
	else
		[ "${KBUILD_VERBOSE:-0}" = 0 ] || cat "$log" >&2
		echo "gupx: cannot probe $1: this kernel is newer than this gupx supports; update gupx" >&2
		exit 1
	fi
}

# The parameter was removed by Linux 0b295316b3a9 ("mm/gup: remove unused vmas parameter from
# pin_user_pages_remote()") and ca5e863233e8 (for get_user_pages_remote()), in v6.5.
probe REMOTE_WITHOUT_VMAS linux/mm.h \
	'long f(struct mm_struct *m, struct page **p, int *l) {
		return pin_user_pages_remote(m, 0, 1, 0, p, l) +
		       get_user_pages_remote(m, 0, 1, 0, p, l); }' \
	'long f(struct mm_struct *m, struct page **p, int *l) {
		return pin_user_pages_remote(m, 0, 1, 0, p, NULL, l) +
		       get_user_pages_remote(m, 0, 1, 0, p, NULL, l); }'

# Changed by Linux c8070b787519 ("mm: Don't pin ZERO_PAGE in pin_user_pages()"), in v6.5.
# Debian's 6.1 has a backport.
probe UNCOUNTED_ZERO_PAGE linux/mm.h \
	'bool f(struct page *p) { return is_zero_page(p); }' \
	'typedef char is_zero_page;'

# Changed by Linux 84209e87c696 ("mm/gup: reliable R/O long-term pinning in COW mappings"),
# in v6.3. Since then, UNSHARE faults work on file pages, and gup_must_unshare() has a VMA
# parameter. It also compiles where it is not declared at all, so a second fact of v6.3 has to
# agree: 2c2241081f7d ("mm/gup: move private gup FOLL_ flags to internal.h"). Linux 5.15 has
# neither function nor FAULT_FLAG_UNSHARE.
probe UNSHARE_FILE linux/mm.h \
	'static inline bool gup_must_unshare(struct vm_area_struct *vma,
		unsigned int flags, struct page *page);
	typedef char FOLL_REMOTE;
	int g(void) { return FAULT_FLAG_UNSHARE; }' \
	'bool f(struct page *p) { return gup_must_unshare(0u, p); }
	int g(void) { return FOLL_REMOTE | FAULT_FLAG_UNSHARE; }'

# Added by Linux bb6525f2f8c4 ("mm: add bitmap mm->flags field") and later commits, in v6.18.
probe MM_FLAGS_BITMAP "linux/mm.h linux/sched/coredump.h" \
	'void f(struct mm_struct *m) { if (!mm_flags_test(MMF_HAS_PINNED, m))
		mm_flags_set(MMF_HAS_PINNED, m); }' \
	'void f(struct mm_struct *m) { if (!test_bit(MMF_HAS_PINNED, &m->flags))
		set_bit(MMF_HAS_PINNED, &m->flags); }'

# Removed by Linux d438d2734170 ("mm: remove devmap related functions and page table
# bits"), in v6.17.
probe DEVMAP linux/mm.h \
	'int f(pte_t a, pmd_t b, pud_t c) {
		return pte_devmap(a) + pmd_devmap(b) + pud_devmap(c); }' \
	'typedef char pte_devmap;'

# Added by Linux bc02afbd4d73 ("mm/fork: accept huge pfnmap entries") and related commits, in
# v6.12.
probe PMD_SPECIAL linux/mm.h \
	'int f(pmd_t p) { return pmd_special(p); }' \
	'typedef char pmd_special;'

# Removed by Linux 21aa65bf82a7 ("mm: remove callers of pfn_t functionality"), in v6.17.
probe PFN_T "linux/mm.h linux/huge_mm.h" \
	'vm_fault_t f(struct vm_fault *v, pfn_t p) {
		return vmf_insert_pfn_pmd(v, p, false); }' \
	'vm_fault_t f(struct vm_fault *v, unsigned long p) {
		return vmf_insert_pfn_pmd(v, p, false); }
	typedef char pfn_t;'

# Added by Linux 4003f107fa2e ("mm: introduce FOLL_PCI_P2PDMA to gate getting PCI P2PDMA
# pages"), in v6.2.
probe FOLL_PCI_P2PDMA linux/mm.h \
	'int f(void) { return FOLL_PCI_P2PDMA; }' \
	'typedef char FOLL_PCI_P2PDMA;'

# Added by Linux 93c5c61d9e58 ("mm/gup: Add FOLL_INTERRUPTIBLE"), in v6.2.
probe FOLL_INTERRUPTIBLE linux/mm.h \
	'int f(void) { return FOLL_INTERRUPTIBLE; }' \
	'typedef char FOLL_INTERRUPTIBLE;'

# Added by Linux d74943a2f3cd ("mm/gup: reintroduce FOLL_NUMA as FOLL_HONOR_NUMA_FAULT"),
# in v6.6.
probe FOLL_HONOR_NUMA_FAULT linux/mm.h \
	'int f(void) { return FOLL_HONOR_NUMA_FAULT; }' \
	'typedef char FOLL_HONOR_NUMA_FAULT;'

# Changed by Linux 5ef495e55f07 ("x86: Allow atomic MM_CONTEXT flags setting"), in v6.4.
probe MM_CONTEXT_BITS "linux/mm.h asm/mmu.h" \
	'#ifdef MM_CONTEXT_HAS_VSYSCALL
	int f(struct mm_struct *m) {
		_Static_assert(sizeof(m->context.flags) == sizeof(long), "");
		return test_bit(MM_CONTEXT_HAS_VSYSCALL, &m->context.flags); }
	#endif' \
	'int f(struct mm_struct *m) {
		_Static_assert(sizeof(m->context.flags) == sizeof(short), "");
		return m->context.flags & MM_CONTEXT_HAS_VSYSCALL; }'

# Renamed by Linux "mm: rename vm_ops->find_special_page() to vm_ops->find_normal_page()",
# in v6.18.
probe FIND_SPECIAL_PAGE linux/mm.h \
	'void *f(struct vm_operations_struct *o) { return o->find_special_page; }' \
	'#ifdef CONFIG_FIND_NORMAL_PAGE
	void *f(struct vm_operations_struct *o) { return o->find_normal_page; }
	#endif'

# Added by Linux bc292ab00f6c ("mm: introduce vma->vm_flags wrapper functions"), in v6.3.
probe VM_FLAGS_MOD linux/mm.h \
	'void f(struct vm_area_struct *v) { vm_flags_mod(v, VM_IO, VM_EXEC); }' \
	'typedef char vm_flags_mod; typedef char vm_flags_set;
	void f(struct vm_area_struct *v) { v->vm_flags |= VM_IO; }'

# Changed by Linux a08c7193e4f1 ("mm/filemap: remove hugetlb special casing in filemap.c"),
# in v6.7. Since then, the index in hugetlb's page cache counts pages, not huge pages.
probe HUGETLB_CACHE_IN_PAGES "linux/pagemap.h linux/hugetlb.h" \
	'typedef char linear_hugepage_index;' \
	'pgoff_t f(struct vm_area_struct *v) {
		return linear_hugepage_index(v, 0); }'

# Changed by Linux 4849807114b8 ("mm/gup: retire follow_hugetlb_page()"), in v6.6. Older
# kernels WARN if a long-term pin has to migrate a hugetlb page.
probe MIGRATE_HUGETLB linux/hugetlb.h \
	'typedef char follow_hugetlb_page;' \
	'void *f(void) { return follow_hugetlb_page; }'

# Changed by Linux "mm: introduce memdesc_flags_t", in v6.18.
probe MEMDESC_FLAGS linux/mm_types.h \
	'unsigned long f(struct page *p) { return p->flags.f; }' \
	'unsigned long f(struct page *p) { return p->flags; }'

# vma_is_cow_mapping() replaces is_cow_mapping() since Linux 1050f28d3e6a ("mm: provide
# vma_[flags_]is_cow_mapping() and remove is_cow_mapping()"), in v7.3.
probe VMA_IS_COW linux/mm.h \
	'bool f(struct vm_area_struct *v) { return vma_is_cow_mapping(v); }' \
	'bool f(struct vm_area_struct *v) { return is_cow_mapping(v->vm_flags); }'

# Added by Linux "mm/userfaultfd: add RWP fault delivery and expose UFFDIO_REGISTER_MODE_RWP",
# in v7.3. With read-write protection (RWP), a PROT_NONE entry of an accessible mapping is not
# always a NUMA hint.
probe UFFD_RWP 'linux/mm.h linux/userfaultfd_k.h' \
	'bool f(struct vm_area_struct *v) { return userfaultfd_rwp(v); }' \
	'typedef char userfaultfd_rwp; typedef char VM_UFFD_RWP;'

# Added by Linux "fs: Rename anon_inode_getfile_secure() and anon_inode_getfd_secure()", in
# v6.7. The function is exported for KVM's guest_memfd.
probe ANON_INODE_CREATE linux/anon_inodes.h \
	'struct file *f(void) {
		return anon_inode_create_getfile("", NULL, NULL, 0, NULL); }' \
	'typedef char anon_inode_create_getfile;'

# Changed by Linux "mm/page_isolation: make page isolation a standalone bit", in v6.17. Since
# then, isolation does not overwrite the migratetype of the pageblock.
probe ISOLATION_BIT linux/mmzone.h \
	'#ifdef CONFIG_MEMORY_ISOLATION
	int g(void) { return PB_migrate_isolate; }
	#endif
	int f(void) { return PB_migrate_0 + PB_migrate_1 + PB_migrate_2; }' \
	'int f(void) { return PB_migrate_end; }'

# Changed by Linux "mm: update shmem_[kernel]_file_*() functions to use vma_flags_t".
probe SHMEM_VMA_FLAGS "linux/mm.h linux/shmem_fs.h" \
	'void *f(void) { return shmem_file_setup("", 0, EMPTY_VMA_FLAGS); }' \
	'void *f(void) { return shmem_file_setup("", 0, VM_NONE); }'

# Added by Linux 662df3e5c376 ("mm: madvise: implement lightweight guard page mechanism"), in
# v6.13.
probe GUARD_REGIONS "linux/swap.h linux/swapops.h" \
	'unsigned long f(void) { return PTE_MARKER_GUARD; }' \
	'typedef char PTE_MARKER_GUARD; typedef char is_guard_swp_entry;'

# Added by Linux "mm: introduce leaf entry type and use to simplify leaf entry logic", in
# v6.19. Swap entries, migration entries and markers are leaf entries since then.
probe LEAF_ENTRIES "linux/swap.h linux/swapops.h" \
	'#include <linux/leafops.h>
	bool f(pte_t p) { return softleaf_is_marker(softleaf_from_pte(p)); }' \
	'#if __has_include(<linux/leafops.h>)
	#error
	#endif'
