# From a multiboot loader's 32-bit mode to 64-bit mode with the first gigabyte mapped as it lies and the vector registers
# of `wanted_xcr0` switched on, then emulated_main().
.section .multiboot, "a"
.align 4
.long 0x1BADB002, 0, -0x1BADB002

.section .text.boot, "ax"
.code32
.globl _start
_start:
  cli
  mov $stack_top, %esp
  mov $pdpt, %eax
  or $3, %eax
  mov %eax, pml4
  mov $pd, %eax
  or $3, %eax
  mov %eax, pdpt
  xor %ecx, %ecx
1:
  mov %ecx, %eax
  shl $21, %eax
  or $0x83, %eax  # present, writable, 2 MiB
  mov %eax, pd(, %ecx, 8)
  inc %ecx
  cmp $512, %ecx
  jne 1b
  mov $pml4, %eax
  mov %eax, %cr3
  mov %cr4, %eax
  or $((1 << 5) | (1 << 9) | (1 << 10) | (1 << 18)), %eax  # PAE, OSFXSR, OSXMMEXCPT, OSXSAVE
  mov %eax, %cr4
  mov $0xC0000080, %ecx  # EFER
  rdmsr
  or $(1 << 8), %eax  # LME
  wrmsr
  mov %cr0, %eax
  and $~(1 << 2), %eax  # EM
  or $((1 << 31) | (1 << 1) | 1), %eax  # PG, MP, PE
  mov %eax, %cr0
  lgdt gdtr
  ljmp $8, $long_mode
.code64
long_mode:
  mov $16, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov $stack_top, %rsp
  xor %ecx, %ecx
  xor %edx, %edx
  mov wanted_xcr0(%rip), %eax
  xsetbv
  call emulated_main
2:
  hlt
  jmp 2b

.section .data
.align 16
gdt:
  .quad 0, 0x00AF9A000000FFFF, 0x00CF92000000FFFF
gdtr:
  .word 23
  .long gdt

.section .bss
.align 4096
pml4: .skip 4096
pdpt: .skip 4096
pd: .skip 4096
.skip 262144
stack_top:
