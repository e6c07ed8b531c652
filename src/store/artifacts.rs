//! The bytes of artifacts: written once at import, streamed to an engine that lacks them.

use super::{Lock, registry};
use crate::error::Result;
use crm_ai_wire::{Digest, Manifest};

/// Bytes of one row of the chunk table: a page's worth of TOAST pointers away from PostgreSQL's
/// limit, and small enough to hold twice.
pub const CHUNK_BYTES: usize = 4 << 20;

/// The manifest of an artifact, if the registry has it.
pub fn manifest(digest: &Digest) -> Result<Option<Vec<u8>>> {
    let mut manifest = None;
    let sql = "SELECT manifest FROM crm_ai.artifact WHERE sha256 = $1";
    registry::read(sql, &[digest.to_string().into()], |row| {
        manifest = row.text(1).map(String::into_bytes);
        Ok(false)
    })?;
    Ok(manifest)
}

/// Hands over the bytes of all files in the manifest's order, chunk by chunk, until `each` says
/// `false`.
pub fn for_each_chunk(digest: &Digest, mut each: impl FnMut(&[u8]) -> Result<bool>) -> Result<()> {
    let sql = "SELECT data FROM crm_ai.artifact_chunk WHERE sha256 = $1 ORDER BY seq";
    registry::read(sql, &[digest.to_string().into()], |row| {
        pgrx::check_for_interrupts!();
        row.bytes(1)?.map_or(Ok(true), |bytes| each(&bytes))
    })
}

/// Makes those who add an artifact and those who remove it wait for each other until the
/// transaction ends: else one could find it there while the other finds it unused.
fn lock(digest: &Digest) -> Result<()> {
    let mut key = [0; 6];
    key.copy_from_slice(&digest.0[..6]);
    Lock::Artifact(key).take()
}

/// Adds an artifact without its bytes. `false`: it was there already, bytes and all.
pub fn insert(manifest: &Manifest) -> Result<bool> {
    let digest = manifest.digest();
    lock(&digest)?;
    let sql = "INSERT INTO crm_ai.artifact (sha256, manifest, bytes) VALUES ($1, $2, $3)
               ON CONFLICT DO NOTHING";
    let json = String::from_utf8_lossy(&manifest.to_json()).into_owned();
    let bytes = i64::try_from(manifest.bytes()).unwrap_or(i64::MAX);
    let arguments = [digest.to_string().into(), json.into(), bytes.into()];
    Ok(registry::change(sql, &arguments)? == 1)
}

/// Adds the next bytes of an artifact.
pub fn insert_chunk(digest: &Digest, seq: i32, bytes: &[u8]) -> Result<()> {
    let sql = "INSERT INTO crm_ai.artifact_chunk (sha256, seq, data) VALUES ($1, $2, $3)";
    registry::change(sql, &[digest.to_string().into(), seq.into(), bytes.into()]).map(drop)
}

/// Removes an artifact that no version uses any more. Returns whether it did.
pub fn delete_unused(digest: &Digest) -> Result<bool> {
    lock(digest)?;
    let sql = "DELETE FROM crm_ai.artifact a WHERE a.sha256 = $1
               AND NOT EXISTS (SELECT FROM crm_ai.version v WHERE v.sha256 = a.sha256)";
    let arguments = [digest.to_string().into()];
    let is_unused = registry::change(sql, &arguments)? > 0;
    if is_unused {
        registry::change("DELETE FROM crm_ai.artifact_chunk WHERE sha256 = $1", &arguments)?;
    }
    Ok(is_unused)
}
