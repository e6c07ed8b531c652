//! Who may do what: every object as every role, and attempts to get round it.

mod attempts;
mod matrix;

use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::session::Session;

const REFUSED: &str = "42501";

/// What no statement of the tables may fail with: a defect, a syntax error, a name that is not there.
const BROKEN: [&str; 5] = ["XX000", "42601", "42883", "42P01", "42703"];

/// The roles that are tried, by the names that `docs/rights.md` gives them.
const EVERYONE: [&str; 7] =
    ["plain", "user", "trainer", "admin", "table owner", "database owner", "superuser"];

/// A session of each role in a database of its own.
struct Roles {
    sessions: Vec<(&'static str, Session)>,
}

impl Roles {
    /// Makes the database, and roles whose names begin with its name: `…_plain`, `…_table_owner`.
    fn new(cluster: &Cluster, database: &str) -> Self {
        let mut superuser = cluster.database(database);
        let mut sessions = Vec::new();
        for name in EVERYONE.into_iter().filter(|name| *name != "superuser") {
            let role = format!("{database}_{}", name.replace(' ', "_"));
            superuser.run(&format!("CREATE ROLE {role} LOGIN"));
            match name {
                "user" | "table owner" => superuser.run(&format!("GRANT crm_ai_user TO {role}")),
                "trainer" | "admin" => superuser.run(&format!("GRANT crm_ai_{name} TO {role}")),
                "database owner" => {
                    superuser.run(&format!("ALTER DATABASE {database} OWNER TO {role}"));
                }
                _ => {}
            }
            sessions.push((name, cluster.connect(&role, database)));
        }
        sessions.push(("superuser", superuser));
        Self { sessions }
    }

    fn sessions(&mut self) -> impl Iterator<Item = &mut Session> {
        self.sessions.iter_mut().map(|(_, session)| session)
    }

    fn of(&mut self, name: &str) -> &mut Session {
        let (_, session) = self.sessions.iter_mut().find(|(role, _)| *role == name).unwrap();
        session
    }

    /// Runs `sql` as each role and rolls it back. Returns how the outcome differs from what
    /// `allowed` says: a role in it may fail, but with another SQLSTATE than 42501.
    fn differences(&mut self, allowed: &[&str], sql: &str) -> Vec<String> {
        let mut differences = Vec::new();
        for (role, session) in &mut self.sessions {
            session.run("BEGIN");
            let outcome = session.try_rows(sql);
            session.run("ROLLBACK");
            let refused = outcome.as_ref().is_err_and(|failure| failure.state == REFUSED);
            let broken =
                outcome.as_ref().is_err_and(|failure| BROKEN.contains(&failure.state.as_str()));
            if refused == allowed.contains(role) || broken {
                differences.push(format!("{sql} as {role}: {outcome:?}"));
            }
        }
        differences
    }

    #[track_caller]
    fn check(&mut self, allowed: &[&str], sql: &str) {
        let differences = self.differences(allowed, sql);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}
