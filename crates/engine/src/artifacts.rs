//! Artifacts on disk: where they are found, how one is received, how one is deleted.
//!
//! An artifact is a folder named by its digest. It appears in the cache under that name only when
//! every byte of it was received, checked and written through to the disk; until then it grows
//! in a temporary folder beside, which is deleted when anything goes wrong and at the next start.

use crate::log;
use crate::predictor::Failure;
use crm_ai_wire::{Digest, ErrorCode, FileEntry, Manifest};
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the names of temporary folders begin with.
const TEMPORARY: &str = "partial-";

/// The folders that hold artifacts.
#[derive(Debug)]
pub struct Store {
    /// Artifacts of the package: never changed.
    models: Vec<PathBuf>,
    /// Artifacts that were streamed.
    cache: PathBuf,
    next_temporary: AtomicU64,
}

impl Store {
    /// Opens the folders; makes the cache where it is missing, and clears it of what broken-off
    /// uploads left.
    pub fn open(models: Vec<PathBuf>, cache: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&cache)?;
        for entry in fs::read_dir(&cache)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                log::event("a broken-off upload is deleted");
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self { models, cache, next_temporary: AtomicU64::new(0) })
    }

    /// The folder of an artifact, where there is one.
    pub fn find(&self, digest: &Digest) -> Option<PathBuf> {
        let name = digest.to_string();
        let folders = self.models.iter().chain([&self.cache]);
        folders.map(|folder| folder.join(&name)).find(|folder| folder.is_dir())
    }

    /// Begins to receive an artifact.
    pub fn begin_upload(&self, manifest: Manifest) -> Result<Upload, Failure> {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let folder = self.temporary(number);
        DirBuilder::new().mode(0o700).create(&folder).map_err(|e| disk_failure(&e))?;
        let target = self.cache.join(manifest.digest().to_string());
        let files = manifest.files.into_iter();
        let mut upload = Upload { folder, target, files, current: None };
        upload.open_next()?;
        Ok(upload)
    }

    /// Deletes an artifact from the cache, if it is there. The package's own stay.
    pub fn evict(&self, digest: &Digest) -> Result<(), Failure> {
        // Renamed first: nobody finds half an artifact.
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.temporary(number);
        match fs::rename(self.cache.join(digest.to_string()), &temporary) {
            Ok(()) => fs::remove_dir_all(&temporary).map_err(|error| disk_failure(&error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(disk_failure(&error)),
        }
    }

    fn temporary(&self, number: u64) -> PathBuf {
        self.cache.join(format!("{TEMPORARY}{}-{number}", std::process::id()))
    }
}

/// An artifact that is being received. Dropping it deletes what came so far.
#[derive(Debug)]
pub struct Upload {
    folder: PathBuf,
    target: PathBuf,
    files: std::vec::IntoIter<FileEntry>,
    current: Option<Receiving>,
}

#[derive(Debug)]
struct Receiving {
    entry: FileEntry,
    file: File,
    hasher: Sha256,
    missing: u64,
}

impl Upload {
    /// Takes the next bytes of the files; bytes after the last file's end are ignored. True when
    /// all files are there and right.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<bool, Failure> {
        while let Some(current) = &mut self.current
            && !bytes.is_empty()
        {
            let count =
                usize::try_from(current.missing).map_or(bytes.len(), |n| n.min(bytes.len()));
            let (part, rest) = bytes.split_at(count);
            current.file.write_all(part).map_err(|error| disk_failure(&error))?;
            current.hasher.update(part);
            current.missing -= count as u64;
            bytes = rest;
            if current.missing == 0 {
                self.close_current()?;
                self.open_next()?;
            }
        }
        Ok(self.is_whole())
    }

    /// Whether all files are there.
    pub fn is_whole(&self) -> bool {
        self.current.is_none()
    }

    /// Gives the artifact its name. Another upload of the same may have been faster.
    pub fn commit(self) -> Result<(), Failure> {
        let written = sync_folder(&self.folder)
            .and_then(|()| match fs::rename(&self.folder, &self.target) {
                Err(_) if self.target.is_dir() => Ok(()),
                outcome => outcome,
            })
            .and_then(|()| self.target.parent().map_or(Ok(()), sync_folder));
        written.map_err(|error| disk_failure(&error))
    }

    /// Opens the next file that has bytes; files without any are made on the way.
    fn open_next(&mut self) -> Result<(), Failure> {
        while self.current.is_none()
            && let Some(entry) = self.files.next()
        {
            let path = self.folder.join(&entry.path);
            let file = create(&self.folder, &path).map_err(|error| disk_failure(&error))?;
            let missing = entry.bytes;
            self.current = Some(Receiving { entry, file, hasher: Sha256::new(), missing });
            if missing == 0 {
                self.close_current()?;
            }
        }
        Ok(())
    }

    fn close_current(&mut self) -> Result<(), Failure> {
        let Some(Receiving { entry, file, hasher, .. }) = self.current.take() else {
            return Ok(());
        };
        if Digest(hasher.finalize().into()) != entry.sha256 {
            let message = format!("{} does not have the sha256 of the manifest", entry.path);
            return Err(Failure::new(ErrorCode::InvalidModel, message));
        }
        file.sync_all().map_err(|error| disk_failure(&error))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.folder) {
            Ok(()) => {}
            // Committed.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => log::event(format_args!("cannot delete a broken-off upload: {error}")),
        }
    }
}

/// Creates a file, and its folder where it lies deeper. A manifest names known paths only.
fn create(folder: &Path, path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match path.parent() {
        Some(parent) if parent != folder => {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            let file = open()?;
            sync_folder(parent)?;
            Ok(file)
        }
        _ => open(),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn disk_failure(error: &io::Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            ErrorCode::DiskFull
        }
        _ => ErrorCode::Internal,
    };
    Failure::new(code, format!("cannot write to the cache of models: {error}"))
}

#[cfg(test)]
mod tests;
