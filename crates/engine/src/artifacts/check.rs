//! Check that an artifact's files are those that its digest names.

use crm_ai_wire::{Digest, Manifest};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// Bytes that are hashed at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Of each file its path, its length and a fast hash.
type Fingerprint = Vec<(&'static str, u64, u64)>;

/// Checks artifacts: by SHA-256 when one is used for the first time, later by a hash that is some
/// times as fast and finds what a disk or a careless hand does.
#[derive(Debug, Default)]
pub struct Checks {
    /// Artifacts that were found intact.
    known: Mutex<HashMap<Digest, Fingerprint>>,
}

impl Checks {
    /// True if the files in a folder are those of the digest. Fails when they cannot be read.
    pub fn is_right(&self, digest: &Digest, folder: &Path) -> io::Result<bool> {
        let found = fingerprint(folder)?;
        if let Some(known) = self.lock().get(digest) {
            return Ok(*known == found);
        }
        let is_right = Manifest::of_folder(folder)?.digest() == *digest;
        if is_right {
            self.lock().insert(*digest, found);
        }
        Ok(is_right)
    }

    /// Has the next check be a whole one.
    pub fn forget(&self, digest: &Digest) {
        self.lock().remove(digest);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Fingerprint>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fingerprint(folder: &Path) -> io::Result<Fingerprint> {
    let mut fingerprint = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    for path in Manifest::FILES {
        let mut file = match File::open(folder.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut hasher = Xxh3::new();
        let mut bytes = 0;
        loop {
            match file.read(&mut piece)? {
                0 => break,
                count => {
                    hasher.update(&piece[..count]);
                    bytes += count as u64;
                }
            }
        }
        fingerprint.push((path, bytes, hasher.digest()));
    }
    Ok(fingerprint)
}
