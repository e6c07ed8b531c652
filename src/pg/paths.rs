//! Where the package's files lie.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Full path of a file of ours in the server's library directory.
pub fn library_file(name: &str) -> String {
    // SAFETY: the server fills this NUL-terminated array before it starts any process.
    let directory = unsafe { CStr::from_ptr(&raw const pg_sys::pkglib_path as *const _) };
    format!("{}/crm_ai/{name}", directory.to_string_lossy())
}

/// The directory of the built-in models.
pub fn models_directory() -> String {
    let mut path = [0; pg_sys::MAXPGPATH as usize];
    // SAFETY: both arguments are NUL-terminated arrays, the second of the promised length.
    let share = unsafe {
        pg_sys::get_share_path(&raw const pg_sys::my_exec_path as *const _, path.as_mut_ptr());
        CStr::from_ptr(path.as_ptr())
    };
    format!("{}/crm_ai/models", share.to_string_lossy())
}
