/* Shows a process a processor with fewer instructions: preloaded, it traps CPUID and masks what it returns.
 *
 * XNNPACK, torch and MKL choose their kernels by CPUID, and only some of them have a switch for it. CPUID_MASKS has
 * groups of five hexadecimal numbers: leaf, subleaf, register (0 eax, 1 ebx, 2 ecx, 3 edx), bits to keep, bits to set.
 * Needs Linux on an x86-64 processor that can trap CPUID (`cpuid_fault` in /proc/cpuinfo). Exit code 70: it cannot. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { MOST_MASKS = 32, CANNOT_TRAP = 70 };
static struct { uint32_t leaf, subleaf, reg, keep, set; } masks[MOST_MASKS];
static int count;

static long trap_cpuid(int trap) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, !trap); }

static void on_trap(int signal_number, siginfo_t *info, void *context) {
  greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *at = (const unsigned char *)saved[REG_RIP];
  if (info->si_code != SI_KERNEL || at[0] != 0x0f || at[1] != 0xa2) { /* a true fault: it recurs without a handler */
    signal(signal_number, SIG_DFL);
    return;
  }
  uint32_t leaf = saved[REG_RAX], subleaf = saved[REG_RCX], found[4];
  trap_cpuid(0);
  __cpuid_count(leaf, subleaf, found[0], found[1], found[2], found[3]);
  trap_cpuid(1);
  for (int i = 0; i < count; i++)
    if (masks[i].leaf == leaf && masks[i].subleaf == subleaf)
      found[masks[i].reg & 3] = (found[masks[i].reg & 3] & masks[i].keep) | masks[i].set;
  saved[REG_RAX] = found[0];
  saved[REG_RBX] = found[1];
  saved[REG_RCX] = found[2];
  saved[REG_RDX] = found[3];
  saved[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
  const char *text = getenv("CPUID_MASKS");
  int used;
  while (text && count < MOST_MASKS &&
         sscanf(text, "%x %x %x %x %x%n", &masks[count].leaf, &masks[count].subleaf, &masks[count].reg,
                &masks[count].keep, &masks[count].set, &used) == 5) {
    text += used;
    count++;
  }
  if (!count) return;
  struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, NULL);
  if (trap_cpuid(1)) _exit(CANNOT_TRAP);
}
