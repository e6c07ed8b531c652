//! Attacks: what a role with few rights tries in order to get more, to see more, or to bring the
//! server down. Each is named for its scenario; the attacking role has no grants but those named.

mod allocation;
mod bounds;
mod casts;
mod endless;
mod engine_cache;
pub mod engine_imports;
mod engine_runs;
mod locks;
mod names;
mod owners;
mod reading;

use crm_ai_integration::session::Session;

/// Makes the role `mallory`, who may log in and nothing else, a member of some roles.
fn make_mallory(owner: &mut Session, groups: &[&str]) {
    owner.run("CREATE ROLE mallory LOGIN");
    for group in groups {
        owner.run(&format!("GRANT {group} TO mallory"));
    }
}

/// What mallory's code does wherever it runs: it notes who runs it, and takes what that role may
/// take, each for itself, as some of it fails in a read-only transaction.
const TAKE_OVER: &str = "
    BEGIN
        BEGIN
            INSERT INTO public.trace VALUES (current_user);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
        BEGIN
            EXECUTE 'ALTER ROLE mallory SUPERUSER';
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
        BEGIN
            EXECUTE $y$COPY (SELECT) TO PROGRAM 'cat; touch pg_stat_tmp/taken'$y$;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END";

/// Makes a table in which mallory's code notes as whom it was run, with `TAKE_OVER` in a function
/// `public.take_over()` of mallory's.
fn lay_trap(mallory: &mut Session) {
    mallory.run(&format!(
        "CREATE TABLE public.trace (who name); GRANT ALL ON public.trace TO PUBLIC;
         CREATE FUNCTION public.take_over() RETURNS void LANGUAGE plpgsql AS $x${TAKE_OVER}$x$"
    ));
}

/// Shows that the trap works, by springing it as a superuser, and sets it again.
#[track_caller]
fn assert_the_trap_works(owner: &mut Session, sprung_by: &str) {
    owner.run(&format!("BEGIN; {sprung_by}"));
    assert_eq!(owner.value("SELECT count(*) FROM trace WHERE who = 'postgres'"), "1");
    owner.run("ROLLBACK; COPY (SELECT) TO PROGRAM 'cat; rm pg_stat_tmp/taken'");
}

/// Fails the test if mallory has become a superuser, or if code of mallory's ran as anybody else.
#[track_caller]
fn assert_mallory_has_gained_nothing(owner: &mut Session) {
    let file = owner.try_value("SELECT (pg_stat_file('pg_stat_tmp/taken', true)).size");
    assert_eq!(file, Ok(None), "mallory ran a program");
    let is_superuser = owner.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'");
    assert_eq!(is_superuser, "f", "mallory became a superuser");
    let others = "SELECT count(*) FROM public.trace WHERE who <> 'mallory'";
    assert_eq!(
        owner.value(others),
        "0",
        "{:?}",
        owner.rows("SELECT DISTINCT who FROM public.trace")
    );
}
