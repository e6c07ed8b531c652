//! Refused system calls: a seccomp filter.
//!
//! It names what is refused, not what is allowed: ONNX Runtime, the C library and a graphics
//! processor's driver make calls that differ from release to release. What is named reaches other
//! processes, the network, the kernel's own state, or files in ways that Landlock does not see.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// Refused always.
const REFUSED: &[i64] = &[
    // The network, and other processes' sockets.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    // Whatever io_uring does is seen by no filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_mq_open,
    // Files that Landlock does not see changed.
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_utimensat,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_personality,
    // Another user.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    // Only programs that have no name.
    libc::SYS_execveat,
];

/// Refused on processors that have them.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Signals go to the process itself alone, where it starts no other: the first argument is whom.
const TO_ITSELF: &[i64] = &[libc::SYS_kill, libc::SYS_tgkill];

/// Marks a system call of the x32 interface, which the filter sees as one of x86-64.
const X32: i64 = 0x4000_0000;

/// Filters the system calls of all threads, from now on; whether the kernel does so.
pub fn filter(may_start: bool) -> bool {
    let Some(program) = program(may_start) else { return false };
    seccompiler::apply_filter_all_threads(&program).is_ok()
}

fn program(may_start: bool) -> Option<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut refuse = |call: i64, rule: Vec<SeccompRule>| {
        if architecture == TargetArch::x86_64 {
            rules.insert(call | X32, rule.clone());
        }
        rules.insert(call, rule);
    };
    REFUSED.iter().chain(REFUSED_HERE).for_each(|call| refuse(*call, Vec::new()));
    let own = u64::from(std::process::id());
    if !may_start {
        refuse(libc::SYS_execve, Vec::new());
        refuse(libc::SYS_pidfd_send_signal, Vec::new());
        for call in TO_ITSELF {
            refuse(*call, vec![another(&[own])?]);
        }
    }
    // 0 is the process itself.
    refuse(libc::SYS_prlimit64, vec![another(&[0, own])?]);
    let refusal = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, architecture).ok()?;
    filter.try_into().ok()
}

/// The first argument is none of these processes.
fn another(processes: &[u64]) -> Option<SeccompRule> {
    let is_not = |process: &u64| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *process).ok()
    };
    SeccompRule::new(processes.iter().map(is_not).collect::<Option<_>>()?).ok()
}
