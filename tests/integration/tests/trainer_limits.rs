//! The trainer meets a full disk, or may take too little memory or time: the run fails with the
//! state that says so, nothing is left of it, and the server goes on.

use crate::train::{nothing_left, of_run, wait};
use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::session::{Failure, Session};
use crm_ai_integration::tiny_model;
use std::path::PathBuf;
use std::process::Command;

/// A small file system in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// One where the runs' rows and models lie.
    fn for_runs(cluster: &Cluster) -> Option<Self> {
        // The server makes the folder when a query needs it first.
        cluster.session().run(
            "SET work_mem = '64kB'; SELECT count(*) FROM (
                 SELECT n FROM generate_series(1, 20000) n ORDER BY md5(n::text)) s",
        );
        Self::mount(cluster.data().join("base/pgsql_tmp"), 16)
    }

    /// `None`, with the reason printed, where this process may not mount anything.
    fn mount(folder: PathBuf, kilobytes: u64) -> Option<Self> {
        let owner = Command::new("id").args(["-u", "postgres"]).output().unwrap().stdout;
        let owner = String::from_utf8(owner).unwrap();
        let options = format!("size={kilobytes}k,mode=700,uid={}", owner.trim());
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                println!("skipped: full disks: no file system can be mounted here: {other:?}");
                None
            }
        }
    }

    fn resize(&self, kilobytes: u64) {
        let size = format!("remount,size={kilobytes}k");
        let output = Command::new("mount").args(["-o", &size]).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

fn train(session: &mut Session, rest: &str) -> String {
    session.value(&format!(
        "SELECT crm_ai.train('notes', 'note', 'body', 'queue', method => 'fine_tune',
             max_tokens => 16, batch_size => 8{rest})"
    ))
}

#[track_caller]
fn fails(session: &mut Session, run: &str, state: &str) -> Failure {
    let failure = session.fails_with(state, &format!("SELECT crm_ai.wait({run}, '5 min')"));
    failure.expect_hint();
    assert_eq!(of_run(session, run, "state || ' ' || sqlstate"), format!("failed {state}"));
    failure
}

#[test]
fn a_full_disk_fails_the_run_alone() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    tiny_model::classifier(1).write(&cluster.imports().join("tiny"));
    let mut session = cluster.session();
    session.run(
        "SELECT crm_ai.import_model('tiny', 'tiny');
         CREATE TABLE note AS SELECT repeat(md5(n::text), 10) AS body, n % 2 AS queue
         FROM generate_series(1, 100) n",
    );
    let Some(disk) = SmallDisk::for_runs(&cluster) else { return };
    let tiny = "SELECT bytes / 1024 FROM crm_ai.artifact";
    let tiny = session.number(tiny) as u64;
    // Room for no rows; for the rows alone; for the base beside them; and for the new model.
    for kilobytes in [16, 44 + tiny / 2, 44 + tiny * 3 / 2] {
        disk.resize(kilobytes);
        let run = train(&mut session, ", base => 'tiny'");
        fails(&mut session, &run, "53100");
        nothing_left(&cluster);
        assert_eq!(session.value("SELECT count(*) FROM note"), "100");
    }
    disk.resize(44 + tiny * 4);
    let run = train(&mut session, ", base => 'tiny'");
    assert_eq!(wait(&mut session, &run), "succeeded");
    nothing_left(&cluster);
    assert!(!cluster.log().contains("terminating any other active server processes"));
}

/// The disk of the table that holds the models: the run's work is done by then.
#[test]
fn a_disk_that_fills_while_a_version_is_stored_fails_the_run_alone() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    tiny_model::classifier(1).write(&cluster.imports().join("tiny"));
    let folder = cluster.sockets().join("small");
    std::fs::create_dir(&folder).unwrap();
    let Some(disk) = SmallDisk::mount(folder.clone(), 16 * 1024) else { return };
    let mut session = cluster.session();
    session.run(&format!("CREATE TABLESPACE small LOCATION '{}'", folder.display()));
    session.run("ALTER TABLE crm_ai.artifact_chunk SET TABLESPACE small");
    session.run(
        "SELECT crm_ai.import_model('tiny', 'tiny');
         CREATE TABLE note AS SELECT repeat(md5(n::text), 10) AS body, n % 2 AS queue
         FROM generate_series(1, 100) n",
    );
    let run = train(&mut session, ", base => 'tiny', promote => 'always'");
    assert_eq!(wait(&mut session, &run), "succeeded");
    let champion = "SELECT string_agg(name, ' ') FROM crm_ai.versions WHERE is_champion";
    let [before, artifacts] =
        [champion, "SELECT count(*) FROM crm_ai.artifact"].map(|sql| session.value(sql));
    let used = session.number("SELECT pg_tablespace_size('small') / 1024") as u64;
    disk.resize(used + 24);
    let run = train(&mut session, ", base => 'tiny', promote => 'always', seed => 5");
    fails(&mut session, &run, "53100");
    nothing_left(&cluster);
    assert_eq!(session.value(champion), before);
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.artifact"), artifacts);
    assert_eq!(of_run(&mut session, &run, "version IS NULL"), "t");
    disk.resize(16 * 1024);
    let run = train(&mut session, ", base => 'tiny', promote => 'always', seed => 5");
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert!(!cluster.log().contains("terminating any other active server processes"));
}

#[test]
fn a_trainer_is_held_to_its_memory_and_time() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE note AS SELECT repeat(md5(n::text), 10) AS body, n % 2 AS queue
         FROM generate_series(1, 100) n",
    );
    // Too little to begin, to load the base, to hold weights and moments.
    for megabytes in [8, 64, 200] {
        cluster.set(&mut session, "crm_ai.train_memory", &format!("{megabytes}MB"));
        let run = train(&mut session, "");
        fails(&mut session, &run, "53200");
        nothing_left(&cluster);
    }
    cluster.reset(&mut session, "crm_ai.train_memory");
    cluster.set(&mut session, "crm_ai.max_run_time", "3s");
    let run = train(&mut session, ", epochs => 1000");
    fails(&mut session, &run, "54000").expect_message("crm_ai.max_run_time");
    nothing_left(&cluster);
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.versions WHERE model = 'notes'"), "0");
    assert!(!cluster.log().contains("terminating any other active server processes"));
}
