//! The state of a fit, kept so that a run that was cut off goes on where it was.

use crate::Error;
use crate::folder::little_endian;
use crate::scaler::Scaler;
use crate::step::Stepper;
use crm_ai_wire::training::Job;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Where the state lies.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    folder: PathBuf,
    /// Of the job and its rows: the state of another job is not taken up.
    identity: [u8; 32],
}

impl Checkpoint {
    /// The checkpoint of a job.
    pub fn of(job: &Job) -> Result<Self, Error> {
        let mut hash = Sha256::new();
        hash.update(format!("{:?} {:?} {}", job.task, job.seed, job.test_size));
        let mut rows = File::open(&job.rows)?;
        let mut piece = vec![0; 1 << 16];
        loop {
            match rows.read(&mut piece)? {
                0 => break,
                length => hash.update(&piece[..length]),
            }
        }
        Ok(Self { folder: job.checkpoint.clone(), identity: hash.finalize().into() })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Writes the state; a cut in between leaves the one before.
    pub fn save(&self, stepper: &Stepper) -> Result<(), Error> {
        fs::create_dir_all(&self.folder)?;
        let next = self.folder.join("state.next");
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&next)?);
        file.write_all(&self.identity)?;
        file.write_all(&stepper.optimiser.steps.to_le_bytes())?;
        let Scaler { scale, good, skipped } = stepper.scaler.unwrap_or_else(Scaler::new);
        file.write_all(&scale.to_le_bytes())?;
        file.write_all(&good.to_le_bytes())?;
        file.write_all(&skipped.to_le_bytes())?;
        for weight in &stepper.weights.0 {
            for numbers in [&weight.values, &weight.mean, &weight.square] {
                for part in numbers.chunks(1 << 14) {
                    file.write_all(&little_endian(part))?;
                }
            }
        }
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        Ok(fs::rename(&next, self.path())?)
    }

    /// Takes the state up, if there is one of this job; gives the steps that were done. A file
    /// that is no state of this job leaves the fit at its beginning.
    pub fn load(&self, stepper: &mut Stepper) -> Result<u64, Error> {
        let numbers: usize = stepper.weights.0.iter().map(|weight| 3 * weight.values.len()).sum();
        let Some(mut file) = open(&self.path(), 32 + 8 + 16 + 4 * numbers as u64)? else {
            return Ok(0);
        };
        let mut identity = [0; 32];
        let mut steps = [0; 8];
        let (mut scale, mut good, mut skipped) = ([0; 4], [0; 4], [0; 8]);
        file.read_exact(&mut identity)?;
        file.read_exact(&mut steps)?;
        file.read_exact(&mut scale)?;
        file.read_exact(&mut good)?;
        file.read_exact(&mut skipped)?;
        if identity != self.identity {
            return Ok(0);
        }
        for weight in &mut stepper.weights.0 {
            for numbers in [&mut weight.values, &mut weight.mean, &mut weight.square] {
                for part in numbers.chunks_mut(1 << 14) {
                    let mut bytes = vec![0; 4 * part.len()];
                    file.read_exact(&mut bytes)?;
                    let read = bytes.as_chunks::<4>().0.iter();
                    part.iter_mut()
                        .zip(read)
                        .for_each(|(to, from)| *to = f32::from_le_bytes(*from));
                }
            }
        }
        stepper.optimiser.steps = u64::from_le_bytes(steps);
        if let Some(scaler) = &mut stepper.scaler {
            *scaler = Scaler {
                scale: f32::from_le_bytes(scale),
                good: u32::from_le_bytes(good),
                skipped: u64::from_le_bytes(skipped),
            };
        }
        Ok(stepper.steps_done())
    }
}

/// Opens a file of exactly that length.
fn open(path: &Path, bytes: u64) -> Result<Option<BufReader<File>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is_whole = file.metadata()?.len() == bytes;
    Ok(is_whole.then(|| BufReader::with_capacity(1 << 20, file)))
}
