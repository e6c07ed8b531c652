//! The error for an operator function that the current role may not call, with a hint that names
//! the role that may. The server's own check says only that permission is denied.

use crate::error::Error;
use crate::pg::{catalog, roles};
use pgrx::pg_sys;
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
use pgrx::prelude::*;

/// The extension's roles, each a member of the one before.
const ROLES: [(&str, &std::ffi::CStr); 3] = [
    ("crm_ai_user", c"crm_ai_user"),
    ("crm_ai_trainer", c"crm_ai_trainer"),
    ("crm_ai_admin", c"crm_ai_admin"),
];

/// Raises 42501 where a query that reads no table, such as `SELECT crm_ai.train(…)`, calls a
/// function that the current role may not call and one of the extension's roles may. The server
/// would raise the same without a hint.
///
/// # Safety
/// The query must be about to be executed.
#[pg_guard]
pub unsafe extern "C-unwind" fn check(query: *mut pg_sys::QueryDesc) {
    // SAFETY: the description and its plan are alive; each node is read as what its tag says.
    unsafe {
        let plan = (*(*query).plannedstmt).planTree;
        if plan.is_null() || (*plan).type_ != pg_sys::NodeTag::T_Result {
            return;
        }
        let targets = (*plan).targetlist;
        let count = if targets.is_null() { 0 } else { (*targets).length };
        for place in 0..count {
            let target = pg_sys::list_nth(targets, place).cast::<pg_sys::TargetEntry>();
            let expr = (*target).expr;
            if !expr.is_null() && (*expr).type_ == pg_sys::NodeTag::T_FuncExpr {
                check_function((*expr.cast::<pg_sys::FuncExpr>()).funcid);
            }
        }
    }
}

fn check_function(function: pg_sys::Oid) {
    if !catalog::is_operator_function(function)
        || catalog::may_execute(function, roles::current_user())
    {
        return;
    }
    let may = |name| roles::named(name).is_some_and(|role| catalog::may_execute(function, role));
    if let Some((role, _)) = ROLES.into_iter().find(|(_, name)| may(*name)) {
        let name = catalog::function_name(function).unwrap_or_default();
        let error = Error::not_allowed(format!("permission denied for function {name}"))
            .hint(format!("needs role {role}; a superuser can GRANT {role} to the current role"));
        Err::<(), _>(ErrorReport::from(error)).unwrap_or_report();
    }
}
