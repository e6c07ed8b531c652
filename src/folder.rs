//! Files under `crm_ai.import_directory`, opened so that no path can lead out of it: the kernel
//! refuses symbolic links and what leads out (openat2 with RESOLVE_BENEATH and
//! RESOLVE_NO_SYMLINKS).

use crate::error::{Error, Result};
use crate::settings;
use crm_ai_wire::{Digest, FileEntry, Manifest};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

/// A folder under the import directory.
pub struct Folder {
    directory: OwnedFd,
}

impl Folder {
    /// Opens the folder at `path`, absolute or relative to the import directory.
    pub fn open(path: &str) -> Result<Self> {
        let (root, relative) = locate(path)?;
        match open_beneath(&root, &relative, OFlags::DIRECTORY) {
            Ok(directory) => Ok(Self { directory }),
            Err(errno) => Err(open_error(&root, &relative, "the model's folder", errno)),
        }
    }

    /// Opens a folder that the server itself made, by a path relative to the data directory.
    pub fn own(path: &Path) -> Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|errno| Error::io("the run's folder", &errno.into()))?;
        Ok(Self { directory })
    }

    /// Makes a new folder at `path`; its parent must exist and its name must be free.
    pub fn create(path: &str) -> Result<Self> {
        let (root, relative) = locate(path)?;
        let (parent, name) = relative.rsplit_once('/').unwrap_or((".", &relative));
        let what = "the export folder";
        let parent = open_beneath(&root, parent, OFlags::DIRECTORY)
            .map_err(|errno| path_error(what, errno))?;
        if matches!(name, "" | "." | "..") {
            return Err(Error::invalid_argument("the path does not name a new folder")
                .hint("name a folder that does not exist yet, as in 'exports/tickets'"));
        }
        rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)).map_err(
            |errno| match errno {
                Errno::EXIST => Error::duplicate_file("the export folder already exists")
                    .hint("remove it, or give the path of a new folder"),
                errno => path_error(what, errno),
            },
        )?;
        let directory = open_beneath(&parent, name, OFlags::DIRECTORY)
            .map_err(|errno| path_error(what, errno))?;
        Ok(Self { directory })
    }

    /// Opens a file for reading; `None` where there is none.
    pub fn file(&self, path: &str) -> Result<Option<File>> {
        match open_beneath(&self.directory, path, OFlags::empty()) {
            Ok(file) => {
                let file = File::from(file);
                let metadata = file.metadata().map_err(|error| Error::io(path, &error))?;
                Ok(metadata.is_file().then_some(file))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(open_error(&self.directory, path, path, errno)),
        }
    }

    /// Lists the artifact that the folder holds.
    pub fn manifest(&self) -> Result<Manifest> {
        let mut files = Vec::new();
        for path in Manifest::FILES {
            if let Some(file) = self.file(path)? {
                let bytes = file.metadata().map_err(|error| Error::io(path, &error))?.len();
                let sha256 =
                    Digest::of_reader(Heeding(file)).map_err(|error| Error::io(path, &error))?;
                files.push(FileEntry { path: path.to_owned(), bytes, sha256 });
            }
        }
        self.check_complete(&files)?;
        Ok(Manifest { files })
    }

    fn check_complete(&self, files: &[FileEntry]) -> Result<()> {
        let has = |path: &str| files.iter().any(|file| file.path == path);
        if has("model.onnx") || (has("config.json") && has("model.safetensors")) {
            return Ok(());
        }
        let error = Error::invalid_model("no model found in the folder");
        if self.file("pytorch_model.bin")?.is_some() {
            return Err(error.hint(
                "pickled weights (pytorch_model.bin) are never read, for to read them is to run \
                 them; save the model as safetensors",
            ));
        }
        Err(error.hint(
            "a model is config.json, tokenizer.json and model.safetensors, or model.onnx and \
             tokenizer.json",
        ))
    }

    /// Begins a new file.
    pub fn create_file(&self, path: &str) -> Result<File> {
        if let Some((parent, _)) = path.rsplit_once('/') {
            match rustix::fs::mkdirat(&self.directory, parent, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(path_error(path, errno)),
            }
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = open_with(&self.directory, path, flags, Mode::from_raw_mode(0o644))
            .map_err(|errno| path_error(path, errno))?;
        Ok(File::from(file))
    }
}

/// A file that is read in pieces, between which a cancel is raised.
struct Heeding(File);

impl Read for Heeding {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        pgrx::check_for_interrupts!();
        self.0.read(buffer)
    }
}

/// Reads `file` to its end in pieces of `size` bytes, the last one shorter.
pub fn for_each_piece(
    mut file: impl Read,
    size: usize,
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut piece = Vec::with_capacity(size);
    loop {
        piece.clear();
        file.by_ref()
            .take(size as u64)
            .read_to_end(&mut piece)
            .map_err(|error| Error::io("the model's file", &error))?;
        if piece.is_empty() {
            return Ok(());
        }
        each(&piece)?;
        pgrx::check_for_interrupts!();
    }
}

/// Writes to a file that is being exported.
pub fn write_all(mut file: impl Write, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes).map_err(|error| Error::io("the exported file", &error))
}

/// Opens the import directory and makes `path` relative to it.
fn locate(path: &str) -> Result<(OwnedFd, String)> {
    let Some(root) = settings::import_directory() else {
        return Err(Error::wrong_state("crm_ai.import_directory is not set").hint(
            "set it in postgresql.conf to the directory that models are imported from and \
             exported to, and reload",
        ));
    };
    let relative = if Path::new(path).is_absolute() {
        let relative = Path::new(path).strip_prefix(&root).map_err(|_| outside())?;
        relative.to_string_lossy().into_owned()
    } else {
        path.to_owned()
    };
    // The kernel refuses only those that lead out; one that does not is confusing all the same.
    if Path::new(&relative).components().any(|part| part == Component::ParentDir) {
        return Err(outside());
    }
    if relative.is_empty() {
        return Err(Error::invalid_argument("the path is empty")
            .hint("name a folder under crm_ai.import_directory"));
    }
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, flags, Mode::empty())
        .map_err(|errno| Error::io("crm_ai.import_directory", &errno.into()))?;
    Ok((root, relative))
}

fn open_beneath(root: impl AsFd, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open_with(root, path, flags | OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())
}

fn open_with(
    root: impl AsFd,
    path: &str,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, mode, resolve)
}

fn path_error(what: &str, errno: Errno) -> Error {
    match errno {
        Errno::XDEV => outside(),
        Errno::LOOP => {
            Error::invalid_argument(format!("{what} is or leads through a symbolic link"))
                .hint("copy the files themselves under crm_ai.import_directory")
        }
        Errno::NOTDIR => Error::invalid_argument(format!("{what} is not a folder"))
            .hint("give the folder that holds the model's files"),
        Errno::NOENT => Error::io(what, &errno.into())
            .hint("paths are relative to crm_ai.import_directory; the folder above must exist"),
        errno => Error::io(what, &errno.into()),
    }
}

/// The error of a failed attempt to open for reading. If permission is denied, the hint gives the
/// mode.
fn open_error(root: impl AsFd, path: &str, what: &str, errno: Errno) -> Error {
    let error = path_error(what, errno);
    match mode_of(root, path).filter(|_| errno == Errno::ACCESS) {
        Some(mode) => error.hint(format!(
            "its mode is {mode:04o}; the server's operating system user must be able to read it"
        )),
        None => error,
    }
}

/// The permission bits of a file or folder, for which no right to read it is needed.
fn mode_of(root: impl AsFd, path: &str) -> Option<u32> {
    let file = open_with(root, path, OFlags::PATH, Mode::empty()).ok()?;
    Some(rustix::fs::fstat(file).ok()?.st_mode & 0o7777)
}

fn outside() -> Error {
    Error::invalid_argument("the path leads out of crm_ai.import_directory")
        .hint("put the model's folder under that directory; \"..\" is not followed")
}
