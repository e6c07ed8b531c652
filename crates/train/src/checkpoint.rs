//! The state of a fit, kept so that a run that was cut off goes on where it was.

use crate::Error;
use crm_ai_wire::training::Job;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Take, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Checkpoints are as far apart as this many of them would take, within bounds: what a cut costs
/// stays small, and so does what they cost.
const SPACING: u32 = 50;
const EVERY_MIN: Duration = Duration::from_secs(1);
const EVERY_MAX: Duration = Duration::from_secs(60);
/// Length of the header: the job's hash and its progress.
const HEAD_BYTES: u64 = 32 + 8;
/// Length of the trailer: the SHA-256 of everything before it.
const HASH_BYTES: u64 = 32;

/// The checkpoint file of a job.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    folder: PathBuf,
    /// Of the job, its rows and this release: another's state is not taken up.
    identity: [u8; 32],
}

/// A state that was found.
pub(crate) struct Saved {
    /// Steps that were done.
    pub steps: u64,
    /// The bytes that [`Checkpoint::save`] wrote; its limit is their length.
    pub body: Take<BufReader<File>>,
}

impl Checkpoint {
    /// The checkpoint of a job.
    pub fn of(job: &Job) -> Result<Self, Error> {
        let mut hashed = Hashed::new(io::sink());
        let release = env!("CARGO_PKG_VERSION");
        write!(hashed, "{release} {:?} {:?} {}", job.task, job.seed, job.test_size)?;
        io::copy(&mut File::open(&job.rows)?, &mut hashed)?;
        Ok(Self { folder: job.checkpoint.clone(), identity: hashed.hash.finalize().into() })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Writes the state after that many steps; a cut in between leaves the one before.
    pub fn save(
        &self,
        steps: u64,
        body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        fs::create_dir_all(&self.folder)?;
        let next = self.folder.join("state.next");
        let mut file = BufWriter::with_capacity(1 << 20, Hashed::new(File::create(&next)?));
        file.write_all(&self.identity)?;
        file.write_all(&steps.to_le_bytes())?;
        body(&mut file)?;
        let Hashed { mut to, hash } = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        to.write_all(&hash.finalize())?;
        to.sync_all()?;
        Ok(fs::rename(&next, self.path())?)
    }

    /// Opens the state, if there is one of this job. A file that is not, or not whole, leaves the
    /// fit at its beginning.
    pub fn open(&self) -> Result<Option<Saved>, Error> {
        let Some(mut file) = opened(&self.path())? else { return Ok(None) };
        let length = file.metadata()?.len();
        let Some(body) = length.checked_sub(HEAD_BYTES + HASH_BYTES) else { return Ok(None) };
        let mut hashed = Hashed::new(io::sink());
        io::copy(&mut (&mut file).take(HEAD_BYTES + body), &mut hashed)?;
        let mut hash = [0; HASH_BYTES as usize];
        file.read_exact(&mut hash)?;
        let (mut identity, mut steps) = ([0; 32], [0; 8]);
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut identity)?;
        file.read_exact(&mut steps)?;
        let is_ours = identity == self.identity && hash[..] == hashed.hash.finalize()[..];
        let body = BufReader::with_capacity(1 << 20, file).take(body);
        Ok(is_ours.then(|| Saved { steps: u64::from_le_bytes(steps), body }))
    }
}

fn opened(path: &Path) -> Result<Option<File>, Error> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Hands on what is written and hashes it.
struct Hashed<W> {
    to: W,
    hash: Sha256,
}

impl<W> Hashed<W> {
    fn new(to: W) -> Self {
        Self { to, hash: Sha256::new() }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The times at which the state is saved.
pub(crate) struct Saves {
    next: Instant,
}

impl Saves {
    /// From now on.
    pub fn begin() -> Self {
        Self { next: Instant::now() + EVERY_MIN }
    }

    /// Saves where it is time to.
    pub fn when_due(&mut self, save: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        let began = Instant::now();
        if began < self.next {
            return Ok(());
        }
        save()?;
        let wait = (began.elapsed() * SPACING).clamp(EVERY_MIN, EVERY_MAX);
        self.next = Instant::now() + wait;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(folder: &Path, identity: u8) -> Checkpoint {
        Checkpoint { folder: folder.to_owned(), identity: [identity; 32] }
    }

    fn found(checkpoint: &Checkpoint) -> Option<(u64, Vec<u8>)> {
        let mut saved = checkpoint.open().unwrap()?;
        let mut body = Vec::new();
        saved.body.read_to_end(&mut body).unwrap();
        Some((saved.steps, body))
    }

    #[test]
    fn a_state_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let mine = checkpoint(folder.path(), 1);
        assert_eq!(found(&mine), None);
        mine.save(3, |file| file.write_all(b"before")).unwrap();
        mine.save(4, |file| file.write_all(b"state")).unwrap();
        assert_eq!(found(&mine), Some((4, b"state".to_vec())));
        assert_eq!(found(&checkpoint(folder.path(), 2)), None);
        // A save that fails in the middle leaves the one before.
        let full = |_: &mut dyn Write| Err(ErrorKind::StorageFull.into());
        assert!(mine.save(5, full).is_err());
        assert_eq!(found(&mine), Some((4, b"state".to_vec())));
        let whole = fs::read(mine.path()).unwrap();
        for end in 0..whole.len() {
            fs::write(mine.path(), &whole[..end]).unwrap();
            assert_eq!(found(&mine), None, "{end} bytes of {}", whole.len());
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(mine.path(), damaged).unwrap();
            assert_eq!(found(&mine), None, "byte {place}");
        }
    }
}
