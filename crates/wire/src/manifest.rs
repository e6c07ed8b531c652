//! The list of an artifact's files. Its digest is the artifact's identity.

use crate::{Digest, ProtocolError};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// One file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path relative to the artifact's folder, one of [`Manifest::FILES`].
    pub path: String,
    /// Length of the file.
    pub bytes: u64,
    /// Digest of the file's content.
    pub sha256: Digest,
}

/// All files of an artifact, ordered by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The files, ordered by path, each named once.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// Every file that an artifact may hold; what else lies in a model's folder is left out.
    /// Pickled checkpoints are absent on purpose: to read one is to run it.
    pub const FILES: [&'static str; 10] = [
        "1_Pooling/config.json",
        "config.json",
        "crm_ai.json",
        "features.json",
        "model.onnx",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ];

    /// Longest manifest that is read: one of all files has about 1.5 kB.
    pub const JSON_BYTES_MAX: usize = 16 << 10;
    /// Longest artifact; the largest models of the families that are built have some gigabytes.
    pub const BYTES_MAX: u64 = 64 << 30;

    /// Lists the artifact that lies in `folder`.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for path in Self::FILES {
            let full = folder.join(path);
            match fs::symlink_metadata(&full) {
                Ok(metadata) if metadata.is_file() => files.push(FileEntry {
                    path: path.to_owned(),
                    bytes: metadata.len(),
                    sha256: Digest::of_reader(File::open(&full)?)?,
                }),
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files })
    }

    /// Reads JSON; refuses unknown, repeated and unordered paths, so that a manifest from a
    /// peer can never name a file outside the artifact's folder.
    pub fn from_json(json: &[u8]) -> Result<Self, ProtocolError> {
        const MALFORMED: ProtocolError = ProtocolError::Malformed("manifest");
        if json.len() > Self::JSON_BYTES_MAX {
            return Err(MALFORMED);
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|_| MALFORMED)?;
        let known = manifest.files.iter().all(|file| Self::FILES.contains(&file.path.as_str()));
        let ordered = manifest.files.is_sorted_by(|a, b| a.path < b.path);
        let fits = manifest.bytes() <= Self::BYTES_MAX;
        if known && ordered && fits && !manifest.files.is_empty() {
            Ok(manifest)
        } else {
            Err(MALFORMED)
        }
    }

    /// The canonical JSON, whose digest is the artifact's identity.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The artifact's identity.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_json())
    }

    /// Length of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> FileEntry {
        FileEntry { path: path.into(), bytes: 1, sha256: Digest::of(b"x") }
    }

    #[test]
    fn the_identity_is_the_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), "{}").unwrap();
        fs::write(folder.path().join("notes.bin"), "left out").unwrap();
        let first = Manifest::of_folder(folder.path()).unwrap();
        assert_eq!(first.files.len(), 1);
        assert_eq!(Manifest::from_json(&first.to_json()), Ok(first.clone()));
        fs::write(folder.path().join("config.json"), "{ }").unwrap();
        assert_ne!(Manifest::of_folder(folder.path()).unwrap().digest(), first.digest());
    }

    #[test]
    fn a_manifest_that_promises_too_much_is_refused() {
        let of_length = |bytes: [u64; 2]| {
            let mut files = vec![entry("config.json"), entry("model.onnx")];
            files.iter_mut().zip(bytes).for_each(|(file, bytes)| file.bytes = bytes);
            Manifest::from_json(&Manifest { files }.to_json())
        };
        assert!(of_length([1, Manifest::BYTES_MAX - 1]).is_ok());
        for bytes in [[1, Manifest::BYTES_MAX], [u64::MAX, 1], [u64::MAX, u64::MAX]] {
            assert!(of_length(bytes).is_err(), "{bytes:?}");
        }
        let mut padded = Manifest { files: vec![entry("config.json")] }.to_json();
        padded.resize(Manifest::JSON_BYTES_MAX + 1, b' ');
        assert!(Manifest::from_json(&padded).is_err());
    }

    #[test]
    fn a_manifest_never_leaves_its_folder() {
        for paths in [
            &["../config.json"][..],
            &["/etc/passwd"],
            &["config.json", "config.json"],
            &["vocab.txt", "config.json"],
            &[],
        ] {
            let manifest = Manifest { files: paths.iter().map(|path| entry(path)).collect() };
            assert!(Manifest::from_json(&manifest.to_json()).is_err(), "{paths:?}");
        }
    }
}
