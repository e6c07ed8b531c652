//! Accessible files: Landlock.

use super::Profile;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use std::path::{Path, PathBuf};

/// The newest kernel interface that is asked for; older ones give what they have.
const NEWEST: ABI = ABI::V6;

/// Files of the system that the C library, ONNX Runtime and this program read. Those that do not
/// exist are left out.
const SYSTEM: [&str; 22] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm",
    "/proc/sys/kernel",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/class/powercap",
    "/sys/devices/virtual/powercap",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// The program that the kernel starts a program with.
const LOADERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

/// Further files that CUDA's libraries read.
const CUDA: [&str; 8] = [
    "/proc/driver/nvidia",
    "/proc/devices",
    "/proc/modules",
    "/sys/bus/pci",
    "/sys/devices",
    "/sys/module",
    "/usr/local",
    "/opt",
];

/// Restricts this thread and what it starts; whether the kernel does so.
pub fn restrict(profile: &Profile) -> bool {
    matches!(
        restrict_to(profile),
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced)
    )
}

fn restrict_to(profile: &Profile) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let all = AccessFs::from_all(NEWEST);
    let start = read | AccessFs::Execute;
    let in_folder = all & !(AccessFs::Execute | AccessFs::MakeBlock | AccessFs::MakeChar);
    let no_device = in_folder & !BitFlags::from(AccessFs::IoctlDev);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(library_path(), read))?
        .add_rules(path_beneath_rules(["/dev/null"], read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&profile.reads, read))?
        .add_rules(path_beneath_rules(&profile.writes, no_device))?;
    if let Some(program) = &profile.program {
        let programs = LOADERS.iter().map(Path::new).chain([program.as_path()]);
        ruleset = ruleset.add_rules(path_beneath_rules(programs, start))?;
    }
    let devices = if profile.devices { devices() } else { Vec::new() };
    if !devices.is_empty() {
        let use_device =
            AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::IoctlDev;
        ruleset = ruleset
            .add_rules(path_beneath_rules(CUDA, read))?
            .add_rules(path_beneath_rules(devices, use_device))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// Folders in which the loader looks for libraries because the environment says so.
fn library_path() -> Vec<PathBuf> {
    let variable = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    std::env::split_paths(&variable).filter(|path| path.is_absolute()).collect()
}

/// The files of graphics processors.
fn devices() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let is_device = |name: &str| name.starts_with("nvidia") || name == "dxg";
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_device))
        .map(|entry| entry.path())
        .collect()
}
