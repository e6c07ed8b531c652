//! Random queries from a fixed seed: batched and row by row give the same.

use super::support::{assert_same, database};
use crm_ai_integration::cluster::shared;

const QUERIES: usize = 2000;
/// Queries between two changes of settings.
const STRETCH: usize = 20;

/// A small generator (Knuth's MMIX constants), so that a failing run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn settings(&mut self) -> String {
        // Compiling takes longer than these queries do.
        let mut settings =
            String::from("RESET ALL; SET crm_ai.sentiment_model = 'moods'; SET jit = off");
        for switch in [
            "enable_hashjoin",
            "enable_mergejoin",
            "enable_nestloop",
            "enable_seqscan",
            "enable_sort",
            "enable_hashagg",
            "enable_material",
            "enable_memoize",
        ] {
            if self.chance(20) {
                settings.push_str(&format!("; SET {switch} = off"));
            }
        }
        if self.chance(20) {
            settings.push_str(
                "; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
                 SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2",
            );
        }
        if self.chance(20) {
            settings.push_str("; SET work_mem = '64kB'");
        }
        let rows = self.one_of(&["1", "2", "7", "256"]);
        settings + &format!("; SET crm_ai.batch_rows = {rows}")
    }

    /// A text of a row of `few` under that alias.
    fn text(&mut self, alias: &str) -> String {
        match self.below(8) {
            0..=2 => format!("{alias}.body"),
            3 | 4 => format!("{alias}.other"),
            5 => format!("coalesce({alias}.other, {alias}.body)"),
            6 => format!("upper({alias}.body)"),
            _ => format!(
                "CASE WHEN {alias}.kind > 2 THEN {alias}.body ELSE 'great ' || {alias}.id END"
            ),
        }
    }

    /// A call that gives a text.
    fn call(&mut self, alias: &str) -> String {
        let text = self.text(alias);
        match self.below(8) {
            0..=4 => format!("crm_sentiment({text})"),
            5 => format!("crm_classify('topics', {text})"),
            6 => format!("(crm_sentiment_detail({text})).label"),
            _ => format!("crm_sentiment(crm_classify('topics', {text}))"),
        }
    }

    /// A call that gives a number.
    fn number(&mut self, alias: &str) -> String {
        let text = self.text(alias);
        let part = self.one_of(&["crm_sentiment_score", "crm_sentiment_level"]);
        match self.below(3) {
            0 => format!("{part}({text})"),
            1 => format!("(crm_sentiment_detail({text})).negative"),
            _ => format!("(crm_embed({text}, 'vectors'))[{}]", 1 + self.below(32)),
        }
    }

    /// An expression that gives a text.
    fn value(&mut self, alias: &str) -> String {
        match self.below(7) {
            0..=2 => self.call(alias),
            3 => format!(
                "CASE WHEN {} THEN {} WHEN {alias}.kind = 2 THEN {} ELSE {} END",
                self.condition(alias),
                self.call(alias),
                self.call(alias),
                self.text(alias)
            ),
            4 => format!("coalesce({}, {})", self.text(alias), self.call(alias)),
            5 => format!("{} || {}", self.call(alias), self.call(alias)),
            _ => format!("{}::text", self.number(alias)),
        }
    }

    fn condition(&mut self, alias: &str) -> String {
        match self.below(9) {
            0 | 1 => format!("{} > 'o'", self.call(alias)),
            2 => format!("{} > 0.2", self.number(alias)),
            3 => format!("{alias}.kind <> {}", self.below(5)),
            4 => format!("{alias}.other IS NOT NULL"),
            5 => format!("({} OR {})", self.condition(alias), self.condition(alias)),
            6 => format!("({} AND {})", self.condition(alias), self.condition(alias)),
            7 => format!("NOT {}", self.condition(alias)),
            _ => format!("{} = {}", self.call(alias), self.call(alias)),
        }
    }

    fn filter(&mut self, alias: &str) -> String {
        match self.below(4) {
            0 => String::new(),
            1 => format!(" WHERE {} AND {}", self.condition(alias), self.condition(alias)),
            _ => format!(" WHERE {}", self.condition(alias)),
        }
    }

    /// A source of rows like those of `few`, to be given an alias.
    fn source(&mut self) -> String {
        match self.below(6) {
            0..=3 => "few".into(),
            4 => format!(
                "(SELECT s.id, s.customer, s.kind, {} AS body, s.other FROM few s{} OFFSET 0)",
                self.value("s"),
                self.filter("s")
            ),
            _ => format!(
                "(SELECT u.id, u.customer, u.kind, u.body, {} AS other FROM few u
                  UNION ALL SELECT v.id, v.customer, v.kind, v.body, v.other FROM few v{})",
                self.value("u"),
                self.filter("v")
            ),
        }
    }

    fn query(&mut self) -> String {
        match self.below(12) {
            0..=2 => self.plain(),
            3 | 4 => self.limited(),
            5 => self.grouped(),
            6 => self.joined(),
            7 => self.related(),
            8 => self.windowed(),
            9 => self.lateral(),
            10 => format!(
                "WITH w AS (SELECT a.id, a.kind, {} AS body, a.other FROM {} a{})
                 SELECT x.id, {} FROM w x{}",
                self.value("a"),
                self.source(),
                self.filter("a"),
                self.value("x"),
                self.filter("x")
            ),
            _ => format!(
                "SELECT {} FROM few a{} {} SELECT {} FROM few b{}",
                self.value("a"),
                self.filter("a"),
                self.one_of(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]),
                self.value("b"),
                self.filter("b")
            ),
        }
    }

    fn plain(&mut self) -> String {
        let distinct = if self.chance(15) { "DISTINCT " } else { "" };
        format!(
            "SELECT {distinct}a.id, {}, {} FROM {} a{}",
            self.value("a"),
            self.value("a"),
            self.source(),
            self.filter("a")
        )
    }

    fn limited(&mut self) -> String {
        let order = self.number("a");
        let order = self.one_of(&["a.id", "a.kind DESC, a.id", &order]).to_owned();
        format!(
            "SELECT a.id, {} FROM few a{} ORDER BY {order}, a.id LIMIT {} OFFSET {}",
            self.value("a"),
            self.filter("a"),
            self.below(9),
            self.below(4)
        )
    }

    fn grouped(&mut self) -> String {
        let key = if self.chance(50) { "a.kind".to_owned() } else { self.call("a") };
        let having = if self.chance(30) { " HAVING count(*) > 1" } else { "" };
        format!(
            "SELECT {key}, count(*), max({}), count(*) FILTER (WHERE {}), min({}) FILTER (WHERE {})
             FROM {} a{} GROUP BY {key}{having}",
            self.value("a"),
            self.condition("a"),
            self.value("a"),
            self.condition("a"),
            self.source(),
            self.filter("a")
        )
    }

    fn joined(&mut self) -> String {
        let kind = self.one_of(&["JOIN", "LEFT JOIN", "RIGHT JOIN"]);
        let on = match self.below(4) {
            0 => "a.customer = b.id".to_owned(),
            1 => format!("a.id = b.id AND {}", self.condition("a")),
            2 => format!("{} = b.label", self.call("a")),
            _ => format!("a.kind = b.id AND {} > crm_sentiment(b.remark)", self.call("a")),
        };
        format!(
            "SELECT a.id, b.id, {}, crm_sentiment(b.remark) FROM {} a {kind} customer b ON {on}{}",
            self.value("a"),
            self.source(),
            self.filter("a")
        )
    }

    fn related(&mut self) -> String {
        let not = self.one_of(&["", "NOT "]);
        let condition = match self.below(3) {
            0 => format!("{not}EXISTS (SELECT FROM customer c WHERE c.label = {})", self.call("a")),
            1 => format!("a.kind {not}IN (SELECT b.kind FROM few b{})", self.filter("b")),
            _ => format!(
                "{not}EXISTS (SELECT FROM few b WHERE b.id > a.id AND {})",
                self.condition("b")
            ),
        };
        format!("SELECT a.id, {} FROM few a WHERE {condition}", self.value("a"))
    }

    fn windowed(&mut self) -> String {
        format!(
            "SELECT a.id, max({}) OVER (PARTITION BY a.kind ORDER BY a.id),
                    count(*) FILTER (WHERE {}) OVER (ORDER BY a.id), {}
             FROM few a{}",
            self.value("a"),
            self.condition("a"),
            self.value("a"),
            self.filter("a")
        )
    }

    fn lateral(&mut self) -> String {
        format!(
            "SELECT c.id, m.* FROM customer c CROSS JOIN LATERAL
                 (SELECT a.id, {}, crm_sentiment(c.remark) FROM few a
                  WHERE a.customer = c.id AND {} ORDER BY a.id LIMIT {}) m",
            self.value("a"),
            self.condition("a"),
            self.below(4)
        )
    }
}

#[test]
fn random_queries_give_the_same() {
    let cluster = shared();
    let mut session = database(&cluster, "random");
    session.run("CREATE TABLE few AS SELECT * FROM note WHERE id <= 24; ANALYZE few");
    let mut random = Random(20_261_124);
    let mut settings = String::new();
    for number in 0..QUERIES {
        if number % STRETCH == 0 {
            settings = random.settings();
            session.run(&settings);
        }
        let sql = random.query();
        assert_same(&mut session, &sql, &format!("query {number}: {settings}"));
    }
}
