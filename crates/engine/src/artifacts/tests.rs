//! Faults of the disk; what peers do wrong is tested over the socket.

use super::*;

fn entry(path: &str, content: &[u8]) -> FileEntry {
    FileEntry { path: path.into(), bytes: content.len() as u64, sha256: Digest::of(content) }
}

#[test]
fn a_cache_that_cannot_be_written_to_fails_the_upload_and_not_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let store = Store::open(Vec::new(), cache.clone()).unwrap();
    let manifest = Manifest { files: vec![entry("config.json", b"{}")] };
    fs::remove_dir(&cache).unwrap();
    fs::write(&cache, "a file").unwrap();
    assert_eq!(store.begin_upload(manifest.clone()).unwrap_err().code, ErrorCode::Internal);
    fs::remove_file(&cache).unwrap();
    // Nobody has to make it again.
    let mut upload = store.begin_upload(manifest.clone()).unwrap();
    assert!(upload.write(b"{}").unwrap());
    upload.commit(7).unwrap();
    assert!(store.find(&manifest.digest()).is_some());
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
}

#[test]
fn a_full_disk_is_told_from_other_faults() {
    let full = io::Error::from_raw_os_error(28);
    assert_eq!(disk_failure(&full).code, ErrorCode::DiskFull);
    let quota = io::Error::from_raw_os_error(122);
    assert_eq!(disk_failure(&quota).code, ErrorCode::DiskFull);
    let denied = io::Error::from_raw_os_error(13);
    assert_eq!(disk_failure(&denied).code, ErrorCode::Internal);
}

#[test]
fn a_broken_off_upload_is_deleted_when_dropped_and_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Vec::new(), folder.path().to_owned()).unwrap();
    let manifest = Manifest { files: vec![entry("config.json", b"{}")] };
    drop(store.begin_upload(manifest.clone()).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    std::mem::forget(store.begin_upload(manifest).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    Store::open(Vec::new(), folder.path().to_owned()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
