//! A blocking client for tests and benchmarks. A backend has its own, which waits on its latch.

use crate::{
    Digest, Frame, FrameReader, Manifest, Precision, ProtocolError, Reply, Request, Task, Upload,
};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A connection to the engine on which one request at a time is outstanding.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    reader: FrameReader,
    next_id: u64,
}

impl Client {
    /// Connects to the engine's socket.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        Ok(Self { stream, reader: FrameReader::default(), next_id: 1 })
    }

    /// Waits no longer than `limit` for whatever comes next; an error of the kind `WouldBlock` or
    /// `TimedOut` after it.
    pub fn set_limit(&self, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))
    }

    /// Asks for answers and waits for them.
    pub fn infer(
        &mut self,
        model: Digest,
        precision: Precision,
        task: Task,
        texts: &[&str],
    ) -> io::Result<Reply> {
        self.infer_within(0, (model, precision, task), texts)
    }

    /// The same with a deadline in milliseconds; 0 for none.
    pub fn infer_within(
        &mut self,
        deadline_ms: u32,
        target: (Digest, Precision, Task),
        texts: &[&str],
    ) -> io::Result<Reply> {
        let id = self.take_id();
        let frame = Request::encode_infer(id, target, deadline_ms, texts);
        self.stream.write_all(&frame.map_err(broken)?)?;
        self.wait(id)
    }

    /// Sends any other request that has an answer and waits for it.
    pub fn call(&mut self, request: Request<'_>) -> io::Result<Reply> {
        let id = self.take_id();
        self.send(&request, id)?;
        self.wait(id)
    }

    /// Streams the artifact that lies in `folder`.
    pub fn load(&mut self, folder: &Path) -> io::Result<Reply> {
        self.load_for(0, folder)
    }

    /// The same for a database.
    pub fn load_for(&mut self, database: u32, folder: &Path) -> io::Result<Reply> {
        let manifest = Manifest::of_folder(folder)?;
        let json = manifest.to_json();
        let upload = Upload { database, ..Upload::new(&json) };
        self.stream(&Request::LoadBegin(upload), &manifest, folder)
    }

    /// Streams the artifact that lies in `folder` to be told what it is.
    pub fn examine(&mut self, folder: &Path) -> io::Result<Reply> {
        let manifest = Manifest::of_folder(folder)?;
        let json = manifest.to_json();
        self.stream(&Request::Examine(Upload::new(&json)), &manifest, folder)
    }

    fn stream(
        &mut self,
        begin: &Request<'_>,
        manifest: &Manifest,
        folder: &Path,
    ) -> io::Result<Reply> {
        const CHUNK_BYTES: usize = 1 << 20;
        let id = self.take_id();
        self.send(begin, id)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        for entry in &manifest.files {
            let mut file = File::open(folder.join(&entry.path))?;
            loop {
                match file.read(&mut chunk)? {
                    0 => break,
                    count => self.send(&Request::LoadChunk(&chunk[..count]), id)?,
                }
            }
        }
        self.wait(id)
    }

    /// Sends a request under an id of the caller's choice, without waiting.
    pub fn send(&mut self, request: &Request<'_>, id: u64) -> io::Result<()> {
        self.stream.write_all(&request.encode(id).map_err(broken)?)
    }

    /// Waits for the final reply to request `id`; progress and replies to others are dropped.
    pub fn wait(&mut self, id: u64) -> io::Result<Reply> {
        loop {
            let frame = self.read_frame()?;
            if frame.request_id == id {
                match Reply::decode(&frame).map_err(broken)? {
                    Reply::Progress(_) => {}
                    reply => return Ok(reply),
                }
            }
        }
    }

    /// The next frame, whatever it answers.
    pub fn read_frame(&mut self) -> io::Result<Frame> {
        let mut buffer = [0; 1 << 16];
        loop {
            if let Some(frame) = self.reader.next_frame().map_err(broken)? {
                return Ok(frame);
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.reader.push(&buffer[..count]),
            }
        }
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }
}

fn broken(error: ProtocolError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
