//! Files of artifacts on their way between folders and the registry.

use crate::client;
use crate::error::{Error, Result};
use crate::folder::{self, Folder};
use crate::pg::{activity, paths};
use crate::store::artifacts;
use crm_ai_wire::{Digest, Manifest};

/// Copies the files into the registry, in pieces.
pub fn store(folder: &Folder, manifest: &Manifest) -> Result<()> {
    let digest = manifest.digest();
    let bytes = manifest.files.iter().map(|entry| entry.bytes).sum();
    activity::phase("storing files", "bytes", Some(bytes), 0);
    let mut seq = 0;
    for entry in &manifest.files {
        let file = folder
            .file(&entry.path)?
            .ok_or_else(|| Error::wrong_state(format!("{} was removed meanwhile", entry.path)))?;
        folder::for_each_piece(file, artifacts::CHUNK_BYTES, |piece| {
            seq += 1;
            artifacts::insert_chunk(&digest, seq, piece)?;
            activity::advance(piece.len() as u64);
            Ok(())
        })?;
    }
    Ok(())
}

/// Location of the bytes of a version's files.
pub enum Held {
    /// In the registry's chunks.
    Registry(Digest),
    /// In a folder of the package.
    Package(std::path::PathBuf),
}

impl Held {
    /// Finds an artifact and reads its manifest.
    pub fn find(digest: &Digest) -> Result<(Self, Manifest)> {
        if let Some(json) = artifacts::manifest(digest)? {
            return Ok((Self::Registry(*digest), Manifest::from_json(&json)?));
        }
        let folder = std::path::Path::new(&paths::models_directory()).join(digest.to_string());
        let manifest = Manifest::of_folder(&folder)
            .map_err(|error| Error::io("the built-in model's files", &error))?;
        Ok((Self::Package(folder), manifest))
    }

    /// Writes every file of the manifest into a folder.
    pub fn write_to(&self, folder: &Folder, manifest: &Manifest) -> Result<()> {
        match self {
            Self::Registry(digest) => write_chunks(folder, manifest, digest),
            Self::Package(source) => write_copies(folder, manifest, source),
        }
    }
}

fn write_copies(folder: &Folder, manifest: &Manifest, source: &std::path::Path) -> Result<()> {
    for entry in &manifest.files {
        let source = std::fs::File::open(source.join(&entry.path))
            .map_err(|error| Error::io("the built-in model's files", &error))?;
        let target = folder.create_file(&entry.path)?;
        folder::for_each_piece(source, artifacts::CHUNK_BYTES, |piece| {
            folder::write_all(&target, piece)
        })?;
    }
    Ok(())
}

/// Writes the files one after the other out of the stream of chunks.
fn write_chunks(folder: &Folder, manifest: &Manifest, digest: &Digest) -> Result<()> {
    let mut entries = manifest.files.iter();
    let mut open: Option<(std::fs::File, u64)> = None;
    artifacts::for_each_chunk(digest, |mut chunk| {
        while !chunk.is_empty() {
            let (file, left) = match open.take() {
                Some((file, left)) if left > 0 => (file, left),
                _ => match entries.next() {
                    Some(entry) => (folder.create_file(&entry.path)?, entry.bytes),
                    None => return Err(Error::internal("an artifact has bytes left over")),
                },
            };
            let take = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            folder::write_all(&file, &chunk[..take])?;
            chunk = &chunk[take..];
            open = Some((file, left - take as u64));
        }
        Ok(true)
    })
}

/// Frees an artifact in the registry and in the engine, where no version uses it.
pub fn forget(digest: &Digest) -> Result<()> {
    // Another database's version may still use it in the engine; that one streams it again.
    if artifacts::delete_unused(digest)? { client::evict(*digest) } else { Ok(()) }
}
