//! Sessions: what a statement gives, and how it fails.

use postgres::{Client, NoTls, SimpleQueryMessage};
use std::fmt;

/// Has every plan that may be parallel be so; the setting has another name from PostgreSQL 16 on.
pub const FORCE_PARALLEL: &str = "SELECT set_config(name, 'on', false) FROM pg_settings
     WHERE name IN ('force_parallel_mode', 'debug_parallel_query')";

/// One row; every value in its text form.
pub type Row = Vec<Option<String>>;

/// What the server reported in place of a result.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// SQLSTATE; empty when the connection broke.
    pub state: String,
    /// Message.
    pub message: String,
    /// HINT; empty where there is none.
    pub hint: String,
    /// DETAIL, CONTEXT and the rest of what a client or a log may show.
    pub rest: String,
}

impl Failure {
    /// Fails the test unless the SQLSTATE is `state`.
    #[track_caller]
    pub fn expect_state(&self, state: &str) -> &Self {
        assert_eq!(self.state, state, "{self:?}");
        self
    }

    /// Fails the test unless there is a HINT.
    #[track_caller]
    pub fn expect_hint(&self) -> &Self {
        assert!(!self.hint.is_empty(), "no HINT: {self:?}");
        self
    }

    /// Fails the test unless the message contains `part`.
    #[track_caller]
    pub fn expect_message(&self, part: &str) -> &Self {
        assert!(self.message.contains(part), "{part:?} is not in {self:?}");
        self
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} (hint: {}) {}", self.state, self.message, self.hint, self.rest)
    }
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        let Some(report) = error.as_db_error() else {
            return Self { message: format!("{error:?}"), ..Self::default() };
        };
        let rest = [
            report.detail(),
            report.where_(),
            report.table(),
            report.column(),
            report.constraint(),
        ];
        Self {
            state: report.code().code().to_owned(),
            message: report.message().to_owned(),
            hint: report.hint().unwrap_or_default().to_owned(),
            rest: rest.into_iter().flatten().collect::<Vec<_>>().join(" / "),
        }
    }
}

/// A connection.
pub struct Session {
    client: Client,
    /// Process id of the backend.
    pub pid: i32,
}

impl Session {
    /// Connects with a connection string of libpq's kind.
    pub fn connect(parameters: &str) -> Result<Self, Failure> {
        let mut client = Client::connect(parameters, NoTls)?;
        let pid = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        Ok(Self { client, pid })
    }

    /// For statements with parameters.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs statements; gives all rows of all results.
    pub fn try_rows(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        let messages = self.client.simple_query(sql)?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The first column of the first row; `None` for NULL and for no row.
    pub fn try_value(&mut self, sql: &str) -> Result<Option<String>, Failure> {
        Ok(self.try_rows(sql)?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// All rows; fails the test on an error.
    #[track_caller]
    pub fn rows(&mut self, sql: &str) -> Vec<Row> {
        self.try_rows(sql).unwrap_or_else(|failure| panic!("{}: {failure:?}", shortened(sql)))
    }

    /// The first column of all rows, none of which is NULL.
    #[track_caller]
    pub fn column(&mut self, sql: &str) -> Vec<String> {
        let first = |row: Row| row.into_iter().next().flatten().expect("a value");
        self.rows(sql).into_iter().map(first).collect()
    }

    /// The first value, which is not NULL.
    #[track_caller]
    pub fn value(&mut self, sql: &str) -> String {
        match self.try_value(sql) {
            Ok(Some(value)) => value,
            Ok(None) => panic!("{}: NULL or no row", shortened(sql)),
            Err(failure) => panic!("{}: {failure:?}", shortened(sql)),
        }
    }

    /// The first value as a number.
    #[track_caller]
    pub fn number(&mut self, sql: &str) -> f64 {
        self.value(sql).parse().unwrap()
    }

    /// Runs statements for what they do.
    #[track_caller]
    pub fn run(&mut self, sql: &str) {
        self.rows(sql);
    }

    /// How a statement fails; fails the test when it does not.
    #[track_caller]
    pub fn failure(&mut self, sql: &str) -> Failure {
        match self.try_rows(sql) {
            Err(failure) => failure,
            Ok(rows) => panic!("{} gave {rows:?}, not an error", shortened(sql)),
        }
    }

    /// [`failure`](Self::failure) with its SQLSTATE checked.
    #[track_caller]
    pub fn fails_with(&mut self, state: &str, sql: &str) -> Failure {
        let failure = self.failure(sql);
        assert_eq!(failure.state, state, "{}: {failure:?}", shortened(sql));
        failure
    }
}

/// A statement short enough for a message.
fn shortened(sql: &str) -> String {
    if sql.len() <= 300 {
        sql.to_owned()
    } else {
        sql.chars().take(300).chain("…".chars()).collect()
    }
}

/// A text as an SQL literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Texts as an SQL array.
pub fn text_array<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = texts.into_iter().map(literal).collect();
    format!("ARRAY[{}]::text[]", items.join(","))
}
