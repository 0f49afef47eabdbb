/* apiclient in containers: starts the host's program with the host's loader and libraries.
 *
 * The host mounts this program at /usr/local/bin/apiclient and its own /usr at /.bulkhead/usr, both read-only. The
 * container may have another C library than the host, or none, so this program needs nothing: it is linked with no
 * library and only makes system calls. The paths of the loader are real files, not links: a link's absolute target
 * would be looked for in the container. */

typedef unsigned long word;

#define HOST "/.bulkhead/usr"
#define PROGRAM HOST "/lib/bulkhead/bulkhead-host"
#define SWIFT HOST "/lib/swift/linux"

#if defined(__x86_64__)

#define LIBRARIES HOST "/lib/x86_64-linux-gnu"
#define LOADER LIBRARIES "/ld-linux-x86-64.so.2"
enum { SYS_WRITE = 1, SYS_EXECVE = 59, SYS_EXIT = 60 };

static long call(long number, word a, word b, word c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call start\n"
        "    hlt\n");

#elif defined(__aarch64__)

#define LIBRARIES HOST "/lib/aarch64-linux-gnu"
#define LOADER LIBRARIES "/ld-linux-aarch64.so.1"
enum { SYS_WRITE = 64, SYS_EXECVE = 221, SYS_EXIT = 93 };

static long call(long number, word a, word b, word c) {
    register long x8 __asm__("x8") = number;
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return (long)x0;
}

__asm__(".globl _start\n"
        "_start:\n"
        "    mov x29, #0\n"
        "    mov x0, sp\n"
        "    bl start\n"
        "    brk #1\n");

#else
#error "another architecture needs its system calls"
#endif

static const char failure[] =
    "apiclient: the host's programs are not at " HOST ": this container was not started as a host container of Bulkhead\n";

/* The kernel's stack at a program's start: the number of arguments, they, a null, the environment, a null. */
__attribute__((noreturn, used)) void start(word *stack) {
    word count = stack[0];
    char **arguments = (char **)(stack + 1);
    char **environment = arguments + count + 1;
    const char *all[count + 8];
    word next = 0;
    all[next++] = LOADER;
    all[next++] = "--argv0";
    all[next++] = "apiclient";
    all[next++] = "--library-path";
    all[next++] = SWIFT ":" LIBRARIES;
    all[next++] = PROGRAM;
    for (word index = 1; index < count; index++) all[next++] = arguments[index];
    all[next] = 0;
    call(SYS_EXECVE, (word)LOADER, (word)all, (word)environment);
    call(SYS_WRITE, 2, (word)failure, sizeof failure - 1);
    for (;;) call(SYS_EXIT, 127, 0, 0);
}
