extension SeccompProfile {
    /// What a container without special rights may call: the set that containerd gives by default, so that images which
    /// run elsewhere run here.
    ///
    /// Without io_uring, which newer ones leave out, too: it goes past the filter, and has let many a program out.
    /// Its calls neither reach other containers nor change the machine; those that a capability is made for come with it.
    /// A test compares it with what containerd itself writes.
    /// - Parameters:
    ///   - capabilities: what the container has, such as `CAP_SYS_ADMIN`.
    ///   - extra: more calls that are allowed.
    public static func standard(capabilities: [String], extra: [String] = []) -> SeccompProfile {
        var rules = [
            Rule(words(calls)), Rule(["socket"], conditions: [.notEqual(argument: 0, value: vsock)]),
        ]
        rules += personalities.map { Rule(["personality"], conditions: [.equal(argument: 0, value: $0)]) }
        rules.append(Rule(machineCalls))
        for (capability, names) in callsOfCapabilities where capabilities.contains(capability) {
            rules.append(Rule(words(names)))
        }
        if !capabilities.contains("CAP_SYS_ADMIN") {
            // New namespaces would give a process rights that it has not; glibc falls back to clone(2) after ENOSYS.
            rules.append(Rule(["clone"], conditions: [.clear(argument: 0, mask: namespaceFlags)]))
            rules.append(Rule(["clone3"], errno: notImplemented))
        }
        if !extra.isEmpty { rules.append(Rule(extra)) }
        return SeccompProfile(architectures: machineArchitectures, rules: rules)
    }

    #if arch(x86_64)
        private static let machineArchitectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
        private static let machineCalls = ["arch_prctl", "modify_ldt"]
    #else
        private static let machineArchitectures = ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
        private static let machineCalls = [
            "arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls",
            "sync_file_range2",
        ]
    #endif

    /// AF_VSOCK: a way to the hypervisor, past every network rule.
    private static let vsock: UInt32 = 40
    /// PER_LINUX, PER_LINUX32, both with UNAME26, and the question which one it is.
    private static let personalities: [UInt32] = [0, 8, 0x20000, 0x20008, 0xffff_ffff]
    /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
    private static let namespaceFlags: UInt32 = 0x7e02_0000
    /// ENOSYS.
    private static let notImplemented: UInt32 = 38

    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// Calls that are for everybody, by what they are about.
    private static let calls = """
        open openat openat2 creat close close_range access faccessat faccessat2 dup dup2 dup3 umask
        read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek readahead
        truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 fcntl fcntl64 flock ioctl
        sendfile sendfile64 splice tee vmsplice copy_file_range sync syncfs fsync fdatasync sync_file_range
        stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64
        chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32
        utime utimes utimensat utimensat_time64 futimesat
        getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr
        removexattr lremovexattr fremovexattr name_to_handle_at
        link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2
        mkdir mkdirat rmdir mknod mknodat chdir fchdir getcwd getdents getdents64
        inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark
        poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
        eventfd eventfd2 pipe pipe2 signalfd signalfd4
        io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64
        mmap mmap2 munmap mremap mprotect madvise mincore msync brk remap_file_pages cachestat map_shadow_stack
        mlock mlock2 mlockall munlock munlockall memfd_create memfd_secret membarrier
        pkey_alloc pkey_free pkey_mprotect
        fork vfork execve execveat exit exit_group wait4 waitid waitpid restart_syscall rseq ptrace
        process_vm_readv process_vm_writev
        getpid getppid gettid getpgid getpgrp setpgid getsid setsid getpriority setpriority
        kill tkill tgkill pause pidfd_open pidfd_send_signal process_mrelease prctl seccomp
        landlock_create_ruleset landlock_add_rule landlock_restrict_self
        sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
        sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min
        sched_rr_get_interval sched_rr_get_interval_time64 sched_yield ioprio_get ioprio_set
        rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
        futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue get_robust_list set_robust_list
        set_tid_address get_thread_area set_thread_area
        getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getgroups getgroups32
        getresuid getresuid32 getresgid getresgid32 setuid setuid32 setgid setgid32 setgroups setgroups32
        setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32
        setfsuid setfsuid32 setfsgid setfsgid32 capget capset
        getrlimit ugetrlimit setrlimit prlimit64 getrusage times sysinfo uname getcpu getrandom
        time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64
        clock_nanosleep clock_nanosleep_time64 nanosleep alarm getitimer setitimer
        adjtimex clock_adjtime clock_adjtime64
        timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
        timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
        socketpair socketcall bind listen accept accept4 connect shutdown getsockname getpeername
        getsockopt setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64
        ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
        mq_open mq_unlink mq_notify mq_getsetattr mq_timedreceive mq_timedreceive_time64 mq_timedsend
        mq_timedsend_time64
        """

    /// Calls that come with a capability.
    private static let callsOfCapabilities = [
        ("CAP_BPF", "bpf"),
        ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
        ("CAP_PERFMON", "perf_event_open"),
        (
            "CAP_SYS_ADMIN",
            """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr
            move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog
            umount umount2 unshare
            """
        ),
        ("CAP_SYS_BOOT", "reboot"),
        ("CAP_SYS_CHROOT", "chroot"),
        ("CAP_SYS_MODULE", "delete_module finit_module init_module"),
        ("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        ("CAP_SYS_PACCT", "acct"),
        ("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
        ("CAP_SYS_RAWIO", "ioperm iopl"),
        ("CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
        ("CAP_SYS_TTY_CONFIG", "vhangup"),
        ("CAP_SYSLOG", "syslog"),
    ]
}
