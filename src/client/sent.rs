//! One request that was sent and whose reply is awaited.

use super::connection::Connection;
use super::{CONNECTION, Gone, RequestFailure};
use crm_ai_wire::{ProtocolError, Reply};
use std::time::Duration;

/// A request under way on one connection. Dropped before its reply came, in whichever way, it is
/// cancelled in the engine; the connection is given up if it stands in the middle of a frame.
pub struct Sent {
    id: u64,
    /// The connection on which it was sent.
    connection: u64,
    engine: Option<i32>,
}

/// Result of encoding a frame.
type Encoded = std::result::Result<Vec<u8>, ProtocolError>;

impl Sent {
    /// Sends a request, connecting first where there is no connection.
    pub fn new(frame: Encoded) -> std::result::Result<Self, RequestFailure> {
        let frame = frame.map_err(|error| RequestFailure::Error(error.into()))?;
        if CONNECTION.with_borrow(Option::is_none) {
            let connection = Connection::establish()?;
            CONNECTION.set(Some(connection));
        }
        let Some(sent) = CONNECTION.with_borrow_mut(|slot| {
            let connection = slot.as_mut()?;
            let id = connection.expect_reply(&frame);
            Some(Self { id, connection: connection.serial(), engine: connection.engine() })
        }) else {
            return Err(RequestFailure::Gone(Gone { why: closed(), connection: 0, engine: None }));
        };
        // From here on whatever happens cancels the request.
        sent.on_connection(|connection| connection.send(&frame))?;
        Ok(sent)
    }

    /// The request's id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Sends another frame that belongs to the request.
    pub fn send_more(&mut self, frame: Encoded) -> std::result::Result<(), RequestFailure> {
        let frame = frame.map_err(|error| RequestFailure::Error(error.into()))?;
        self.on_connection(|connection| connection.send(&frame))
    }

    /// Waits for the reply.
    pub fn wait(self) -> std::result::Result<Reply, RequestFailure> {
        self.on_connection(|connection| connection.wait(self.id))
    }

    /// The same with a limit of its own in place of `crm_ai.timeout`: `None` after it.
    pub fn wait_at_most(
        self,
        limit: Duration,
    ) -> std::result::Result<Option<Reply>, RequestFailure> {
        self.on_connection(|connection| connection.wait_at_most(self.id, limit))
    }

    /// Works with the connection on which the request was sent, if that is still the present one.
    fn on_connection<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> std::result::Result<T, super::connection::Broken>,
    ) -> std::result::Result<T, RequestFailure> {
        let outcome = CONNECTION.with_borrow_mut(|slot| match slot {
            Some(connection) if connection.serial() == self.connection => work(connection),
            _ => Err(closed().into()),
        });
        outcome.map_err(|broken| broken.into_failure(self.connection, self.engine))
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        CONNECTION.with(|slot| {
            // Taken only if nobody up the stack holds it, which is so for every way a call ends.
            if let Ok(mut slot) = slot.try_borrow_mut()
                && let Some(connection) = slot.as_mut()
                && connection.serial() == self.connection
                && !connection.abandon(self.id)
            {
                *slot = None;
            }
        });
    }
}

fn closed() -> String {
    "the connection was closed".into()
}
