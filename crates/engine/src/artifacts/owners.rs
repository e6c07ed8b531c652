//! The databases that sent a cached artifact: their OIDs, in a file beside the artifact's own.

use std::fs;
use std::io;
use std::path::Path;

/// Its name is none that an artifact's file may have.
const FILE: &str = "databases";
/// Longest file that is read: more databases than a server has.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The OIDs; none where the file is missing or cannot be read.
pub fn read(folder: &Path) -> Vec<u32> {
    let path = folder.join(FILE);
    if fs::metadata(&path).map_or(true, |metadata| metadata.len() > FILE_BYTES_MAX) {
        return Vec::new();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Writes the OIDs.
pub fn write(folder: &Path, databases: &[u32]) -> io::Result<()> {
    let lines: Vec<String> = databases.iter().map(u32::to_string).collect();
    // Renamed, so that nobody reads half a file.
    let next = folder.join(format!("{FILE}.new"));
    fs::write(&next, lines.join("\n"))?;
    fs::rename(next, folder.join(FILE))
}

/// Adds a database.
pub fn add(folder: &Path, database: u32) -> io::Result<()> {
    let mut databases = read(folder);
    if databases.contains(&database) {
        return Ok(());
    }
    databases.push(database);
    write(folder, &databases)
}
