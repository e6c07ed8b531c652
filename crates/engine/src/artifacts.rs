//! Artifacts on disk: where they are found, how one is received, how one is deleted.
//!
//! An artifact is a folder named by its digest. It appears in the cache under that name only when
//! every byte of it was received, checked and written through to the disk; until then it grows
//! in a temporary folder beside, which is deleted when anything goes wrong and at the next start.
//! What lies in the cache is checked again before it is used: disks fail, and so do people.

mod check;
mod owners;

use crate::log;
use crate::predictor::Failure;
use check::Checks;
use crm_ai_wire::{Digest, ErrorCode, FileEntry, Manifest};
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Prefix of the names of temporary folders.
const TEMPORARY: &str = "partial-";

/// The folders that hold artifacts.
#[derive(Debug)]
pub struct Store {
    /// Artifacts of the package: never changed.
    models: Vec<PathBuf>,
    /// Artifacts that were streamed.
    cache: PathBuf,
    /// Identity of the cache's folder when it was opened.
    identity: Option<(u64, u64)>,
    next_temporary: AtomicU64,
    checks: Checks,
}

/// Location of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a folder of the package.
    Package(PathBuf),
    /// In the cache.
    Cache(PathBuf),
}

impl Place {
    /// The artifact's folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Package(folder) | Self::Cache(folder) => folder,
        }
    }
}

/// A folder that is deleted when nobody needs it any more.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.0) {
            Ok(()) => {}
            // It has another name by now.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => log::warning(format_args!("cannot delete a temporary folder: {error}")),
        }
    }
}

impl Store {
    /// Opens the folders; makes the cache where it is missing, and clears it of what broken-off
    /// uploads left.
    pub fn open(models: Vec<PathBuf>, cache: PathBuf) -> io::Result<Self> {
        make_cache(&cache)?;
        for entry in fs::read_dir(&cache)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                log::event("a broken-off upload is deleted");
                fs::remove_dir_all(entry.path())?;
            }
        }
        let (identity, checks) = (identity(&cache), Checks::default());
        Ok(Self { models, cache, identity, next_temporary: AtomicU64::new(0), checks })
    }

    /// True if the cache is another folder than it was, or none.
    pub fn is_replaced(&self) -> bool {
        self.identity != identity(&self.cache)
    }

    /// The location of an artifact, if it is known.
    pub fn find(&self, digest: &Digest) -> Option<Place> {
        let name = digest.to_string();
        let in_package = self.models.iter().map(|folder| Place::Package(folder.join(&name)));
        let mut places = in_package.chain([Place::Cache(self.cache.join(&name))]);
        places.find(|place| place.folder().is_dir())
    }

    /// Fails unless the files there are those of the artifact, and says how they differ. One
    /// of the cache that is not right is deleted: the registry has it still.
    pub fn check(&self, digest: &Digest, place: &Place) -> Result<(), Failure> {
        let why = match self.checks.is_right(digest, place.folder()) {
            Ok(true) => return Ok(()),
            Ok(false) => "are damaged".to_owned(),
            Err(error) => format!("cannot be read: {error}"),
        };
        if let Place::Package(_) = place {
            let message = format!("the files of a built-in model {why}");
            return Err(Failure::new(ErrorCode::Damaged, message));
        }
        self.evict(digest)?;
        let message = format!("the artifact's files in the cache {why}");
        Err(Failure::new(ErrorCode::UnknownModel, message))
    }

    /// Begins to receive an artifact. The cache is made where it is missing: somebody may have
    /// deleted it.
    pub fn begin_upload(&self, manifest: Manifest) -> Result<Upload, Failure> {
        let folder = self.new_temporary();
        make_cache(&self.cache)
            .and_then(|()| DirBuilder::new().mode(0o700).create(&folder))
            .map_err(|error| disk_failure(&error))?;
        let folder = Temporary(folder);
        let target = self.cache.join(manifest.digest().to_string());
        let files = manifest.files.into_iter();
        let mut upload = Upload { folder, target, files, current: None };
        upload.open_next()?;
        Ok(upload)
    }

    /// Deletes an artifact from the cache, if it is there. The package's own stay.
    pub fn evict(&self, digest: &Digest) -> Result<(), Failure> {
        self.checks.forget(digest);
        // Renamed first: nobody finds half an artifact.
        let temporary = self.new_temporary();
        match fs::rename(self.cache.join(digest.to_string()), &temporary) {
            Ok(()) => fs::remove_dir_all(&temporary).map_err(|error| disk_failure(&error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(disk_failure(&error)),
        }
    }

    /// Notes that a database has an artifact, too, that lies in the cache.
    pub fn add_owner(&self, digest: &Digest, database: u32) -> Result<(), Failure> {
        match self.find(digest) {
            Some(Place::Cache(folder)) => {
                owners::add(&folder, database).map_err(|error| disk_failure(&error))
            }
            Some(Place::Package(_)) | None => Ok(()),
        }
    }

    /// The cached artifacts that none of these databases has sent. The others are no longer
    /// counted as those of databases that are gone.
    pub fn without_owner(&self, databases: &[u32]) -> Vec<Digest> {
        let entries = fs::read_dir(&self.cache).into_iter().flatten().flatten();
        let mut without = Vec::new();
        for entry in entries {
            let name = entry.file_name();
            let Some(Ok(digest)) = name.to_str().map(Digest::parse) else { continue };
            let all = owners::read(&entry.path());
            let live: Vec<u32> =
                all.iter().copied().filter(|owner| databases.contains(owner)).collect();
            if live.is_empty() {
                without.push(digest);
            } else if live.len() < all.len() {
                // Where it fails, the next sweep does it.
                let _ = owners::write(&entry.path(), &live);
            }
        }
        without
    }

    fn new_temporary(&self) -> PathBuf {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        self.cache.join(format!("{TEMPORARY}{}-{number}", std::process::id()))
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    fs::metadata(folder).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Makes the cache, for its owner alone, where it is missing.
fn make_cache(cache: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(cache)
}

/// An artifact that is being received. Dropping it deletes what came so far.
#[derive(Debug)]
pub struct Upload {
    folder: Temporary,
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

    /// True if all files are there.
    pub fn is_whole(&self) -> bool {
        self.current.is_none()
    }

    /// The folder of an artifact that is whole and gets no name.
    pub fn into_temporary(self) -> Temporary {
        self.folder
    }

    /// Gives the artifact its name, for a database. Another upload of the same may have been
    /// faster.
    pub fn commit(self, database: u32) -> Result<(), Failure> {
        let folder = self.folder.folder();
        let written = owners::write(folder, &[database])
            .and_then(|()| sync_folder(folder))
            .and_then(|()| match fs::rename(folder, &self.target) {
                Err(_) if self.target.is_dir() => owners::add(&self.target, database),
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
            let folder = self.folder.folder();
            let path = folder.join(&entry.path);
            let file = create(folder, &path).map_err(|error| disk_failure(&error))?;
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
