//! The directory that holds everything a test process makes. A guard process removes it, and stops
//! the servers in it, when the test process ends, however it ends.

use crate::installation::{installation, run};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Waits for the end of its input, then ends every server under `$1` and removes it all.
const GUARD: &str = r#"
cat >/dev/null
for file in "$1"/*/data/postmaster.pid; do
    [ -f "$file" ] || continue
    server=$(head -n 1 "$file")
    kill -QUIT "$server" 2>/dev/null
    for _ in $(seq 100); do
        [ -f "$file" ] || break
        sleep 0.05
    done
done
rm -rf "$1"
"#;

struct Workplace {
    directory: PathBuf,
    /// Holds the pipe whose end the guard waits for.
    _guard: Child,
}

fn workplace() -> &'static Workplace {
    static PLACE: OnceLock<Workplace> = OnceLock::new();
    PLACE.get_or_init(|| {
        let directory = tempfile::Builder::new().prefix("crm_ai_test.").tempdir().unwrap().keep();
        open_to_all(&directory);
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Workplace { directory, _guard: guard }
    })
}

/// Lets every user into a directory; temporary ones are private.
pub fn open_to_all(directory: &Path) {
    std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755)).unwrap();
}

/// A new directory that PostgreSQL's user owns.
pub fn new_directory(purpose: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = workplace().directory.join(format!("{purpose}{number}"));
    std::fs::create_dir(&directory).unwrap();
    open_to_all(&directory);
    installation().give(&directory);
    directory
}

/// A data directory fresh from initdb, to be copied: initdb takes longer than all else.
pub fn fresh_data_directory() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let data = new_directory("template").join("fresh");
        run(installation()
            .program("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "--pgdata"])
            .arg(&data));
        data
    })
}
