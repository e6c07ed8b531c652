//! Every SQLSTATE that the extension raises, with its message and the way out.
//!
//! Messages follow PostgreSQL's style: lower case, no full stop, never a customer's text.
//! Classes 08, 0A000 and 57P01 to 57P03 are never used: connection pools drop a connection on them.

use crm_ai_wire::{ErrorCode, ProtocolError};
use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::prelude::*;

/// An error on its way to the client.
#[derive(Debug)]
pub struct Error {
    state: PgSqlErrorCode,
    message: String,
    hint: Option<String>,
    /// True if the message is of our own making, and so holds no customer's text.
    is_own: bool,
}

/// Hint for a full disk.
const NO_ROOM: &str =
    "make room on the disk that holds it, or put the data directory on a larger one";

/// Hint for a file that the server may not open.
const UNREADABLE: &str = "the server's operating system user needs the right to read it, and to \
                          write to folders that are exported to";

/// The operating system's message, without the number of the error.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_owned()
}

/// The result of whatever can fail with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(state: PgSqlErrorCode, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), hint: None, is_own: true }
    }

    /// An error that was caught, or recorded earlier, as it was. States on which connection pools
    /// throw a connection away become 58000.
    pub fn of_state(state: &str, message: impl Into<String>) -> Self {
        let breaks_pools = state.starts_with("08")
            || ["0A000", "57P01", "57P02", "57P03", "57P04"].contains(&state);
        let code = match state.as_bytes() {
            bytes if bytes.len() != 5 || breaks_pools => PgSqlErrorCode::ERRCODE_SYSTEM_ERROR,
            // MAKE_SQLSTATE of utils/elog.h: six bits for each character, the first lowest.
            bytes => bytes
                .iter()
                .rev()
                .fold(0, |code, &byte| (code << 6) | i32::from(byte.wrapping_sub(b'0') & 0x3f))
                .into(),
        };
        Self::new(code, message)
    }

    /// An ERROR of the server that was caught.
    pub fn caught(error: &CaughtError) -> Self {
        let report = match error {
            CaughtError::PostgresError(report)
            | CaughtError::ErrorReport(report)
            | CaughtError::RustPanic { ereport: report, .. } => report,
        };
        let error = Self { is_own: false, ..Self::new(report.sql_error_code(), report.message()) };
        match report.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// True if it is the same failure again, as far as a log is concerned.
    pub fn is_like(&self, other: &Self) -> bool {
        self.state == other.state && self.for_log() == other.for_log()
    }

    /// The part of an error that may be logged: the SQLSTATE, and the message if it holds no
    /// customer's text.
    pub fn for_log(&self) -> String {
        match self.is_own {
            true => format!("{}, SQLSTATE {}", self.message, self.state()),
            false => format!("SQLSTATE {}", self.state()),
        }
    }

    /// The hint.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The same with the place where it happened before its message.
    pub fn inside(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// Adds what the user can do about it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The five characters of the SQLSTATE.
    pub fn state(&self) -> String {
        sqlstate(self.state)
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// 22023: an argument's value cannot be used.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
    }

    /// 42704: nothing of that name is there.
    pub fn undefined(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, message)
    }

    /// 22004: an argument is NULL that says what to act on.
    pub fn null_argument(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, message)
    }

    /// 42P01: there is no such table.
    pub fn undefined_table(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, message)
    }

    /// 42703: there is no such column.
    pub fn undefined_column(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN, message)
    }

    /// 3F000: there is no such schema.
    pub fn undefined_schema(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INVALID_SCHEMA_NAME, message)
    }

    /// 42809: a thing of another kind than is wanted.
    pub fn wrong_object(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE, message)
    }

    /// 42804: a column's type cannot hold what is to be written.
    pub fn wrong_type(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH, message)
    }

    /// 42622: a name is longer than the server's names are.
    pub fn name_too_long(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_NAME_TOO_LONG, message)
    }

    /// 42P07: a table of that name is there.
    pub fn duplicate_table(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_DUPLICATE_TABLE, message)
    }

    /// 58P02: a file of that name is there.
    pub fn duplicate_file(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_DUPLICATE_FILE, message)
    }

    /// 23514: a value that its column's trigger refuses.
    pub fn refused_value(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_CHECK_VIOLATION, message)
    }

    /// 39P01: a trigger made for other events than its function can serve.
    pub fn wrong_trigger(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, message)
    }

    /// P0002: a row that is asked for by its key is not there, or not to be read.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_NO_DATA_FOUND, message)
    }

    /// 23505: a key that should identify a row is there twice.
    pub fn not_unique(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION, message)
    }

    /// 42710: the name is taken.
    pub fn duplicate(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT, message)
    }

    /// 42501: the role may not do this.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, message)
    }

    /// 55000: not in the state as things are.
    pub fn wrong_state(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message)
    }

    /// 55P03: somebody holds a lock.
    pub fn is_locked(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE, message)
    }

    /// 54000: over a limit.
    pub fn over_limit(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED, message)
    }

    /// 53400: more temporary files than are allowed.
    pub fn over_temp_file_limit(rows: &str, limit_kb: u64) -> Self {
        Self::of_state("53400", format!("{rows} take more than temp_file_limit ({limit_kb} kB)"))
            .hint("raise temp_file_limit, or give a source with fewer rows")
    }

    /// 53200: there is no memory for it.
    pub fn out_of_memory(what: &str) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, format!("out of memory for {what}"))
            .hint("use shorter values or fewer rows at once, or give the server more memory")
    }

    /// 22P02: the files are no valid model.
    pub fn invalid_model(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION, message)
    }

    /// 58000: the engine is not there.
    pub fn engine_gone(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_SYSTEM_ERROR, message)
    }

    /// 57014: no answer within `crm_ai.timeout`.
    pub fn timed_out(milliseconds: u64) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_QUERY_CANCELED,
            format!("the model engine gave no answer within crm_ai.timeout ({milliseconds} ms)"),
        )
        .hint("raise crm_ai.timeout, or look at crm_ai.status for what the engine is doing")
    }

    /// 22000: the rows cannot be learnt from or judged.
    pub fn no_rows(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_DATA_EXCEPTION, message)
            .hint("look at what the source's query gives")
    }

    /// 57014: somebody or a limit ended it.
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_QUERY_CANCELED, message)
    }

    /// XX000: a defect of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, message)
    }

    /// A file operation that failed; `what` names the file by its role.
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let state = match error.kind() {
            ErrorKind::NotFound => PgSqlErrorCode::ERRCODE_UNDEFINED_FILE,
            ErrorKind::AlreadyExists => PgSqlErrorCode::ERRCODE_DUPLICATE_FILE,
            ErrorKind::PermissionDenied => PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => PgSqlErrorCode::ERRCODE_DISK_FULL,
            ErrorKind::OutOfMemory => PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            _ => PgSqlErrorCode::ERRCODE_IO_ERROR,
        };
        let failed = Self::new(state, format!("{what}: {}", reason(error)));
        match state {
            PgSqlErrorCode::ERRCODE_DISK_FULL => failed.hint(NO_ROOM),
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE => failed.hint(UNREADABLE),
            _ => failed,
        }
    }

    /// An error that the engine replied with.
    pub fn from_engine(code: ErrorCode, message: String) -> Self {
        match code {
            ErrorCode::InvalidModel => Self::invalid_model(message).hint(
                "checkpoints of BERT, DistilBERT, RoBERTa and XLM-RoBERTa can be imported; export \
                 others to ONNX and import model.onnx with tokenizer.json",
            ),
            ErrorCode::WrongTask => {
                Self::invalid_argument(message).hint("crm_ai.models shows what each model can do")
            }
            ErrorCode::QueueFull => {
                Self::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_RESOURCES, message)
                    .hint("try again later, or send fewer texts at once")
            }
            ErrorCode::DeadlinePassed => Self::new(PgSqlErrorCode::ERRCODE_QUERY_CANCELED, message),
            ErrorCode::OutOfMemory => Self::new(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, message)
                .hint("raise crm_ai.memory_limit, or use a smaller model"),
            ErrorCode::DiskFull => Self::new(PgSqlErrorCode::ERRCODE_DISK_FULL, message)
                .hint("free space in the data directory, where artifacts are cached"),
            ErrorCode::RunLimit => Self::over_limit(message)
                .hint("use a smaller model or shorter texts, or raise crm_ai.run_limit"),
            ErrorCode::ImportLimit => {
                Self::over_limit(message).hint("use a smaller model, or raise crm_ai.import_limit")
            }
            ErrorCode::Damaged => Self::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, message)
                .hint("install the package's files anew"),
            // The client streams an unknown model; to see this here is our defect.
            ErrorCode::UnknownModel | ErrorCode::Internal | ErrorCode::Protocol => {
                Self::internal(format!("the model engine failed: {message}"))
            }
        }
    }
}

/// The five characters of an SQLSTATE, which the server packs in six bits each.
pub fn sqlstate(state: PgSqlErrorCode) -> String {
    let code = state as u32;
    (0..5).map(|place| char::from((code >> (6 * place) & 0x3f) as u8 + b'0')).collect()
}

impl From<Error> for ErrorReport {
    #[track_caller]
    fn from(error: Error) -> Self {
        let report = ErrorReport::new(error.state, error.message, "");
        match error.hint {
            Some(hint) => report.set_hint(hint),
            None => report,
        }
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::Version(_) => {
                Self::engine_gone(format!("the model engine is of another release: {error}"))
                    .hint("restart the server after an upgrade of the package")
            }
            ProtocolError::TooLong(_) => Self::over_limit(error.to_string()),
            other => Self::internal(format!("the model engine sent nonsense: {other}")),
        }
    }
}

impl From<pgrx::spi::Error> for Error {
    fn from(error: pgrx::spi::Error) -> Self {
        Self::internal(format!("registry query: {error}"))
    }
}

impl From<crm_ai_clean::phone::UnknownRegion> for Error {
    fn from(_: crm_ai_clean::phone::UnknownRegion) -> Self {
        Self::invalid_argument("the region is not one that phone numbers are known for")
            .hint("give a two-letter ISO 3166-1 code such as 'US', or '' for none")
    }
}

impl From<crm_ai_clean::rows::KindError> for Error {
    fn from(error: crm_ai_clean::rows::KindError) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

impl From<crm_ai_clean::rows::RecordError> for Error {
    fn from(error: crm_ai_clean::rows::RecordError) -> Self {
        Self::invalid_argument(error.to_string())
            .hint("write kinds as in '{\"phone\": \"phone:US\", \"email\": \"email\"}'")
    }
}
