//! The batch node as it stands in a plan.

use super::run;
use crate::pg::plan::list::{items, list_of};
use crate::pg::plan::{Expr, OutputColumn, Plan, Side};
use crate::plan::pace::Start;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::c_void;

/// Parts of a batch node. Its scan columns are its child's columns, then the calls' results.
pub struct BatchScan<'p> {
    /// The node that it reads from.
    pub child: Plan<'p>,
    /// The child's columns.
    pub columns: Vec<Expr<'p>>,
    /// The calls, in terms of the child's columns.
    pub calls: Vec<Expr<'p>>,
    /// For each call what must hold of a row for it to be evaluated, in the same terms.
    pub guards: Vec<Option<Expr<'p>>>,
    /// Output columns, in terms of its scan columns.
    pub targets: Vec<OutputColumn<'p>>,
    /// Conditions on its rows, in the same terms.
    pub quals: Vec<Expr<'p>>,
    /// Size of the first batches.
    pub start: Start,
    /// The LIMIT that all of its rows go through.
    pub limit: Option<Plan<'p>>,
}

/// A batch node's number is its child's and this: no node has two of them right above it.
const NUMBER_STEP: i32 = 1_000_000;

/// Methods that hold no pointer to anything that changes.
struct Methods(pg_sys::CustomScanMethods);
// SAFETY: the name is a constant and the function a function; neither is ever written.
unsafe impl Sync for Methods {}

static METHODS: Methods = Methods(pg_sys::CustomScanMethods {
    CustomName: run::NAME.as_ptr(),
    CreateCustomScanState: Some(run::create),
});

/// Makes the node known by its name, by which a parallel worker finds its methods.
pub fn register() {
    // SAFETY: called once in each process, from `_PG_init`; the methods are never freed.
    unsafe { pg_sys::RegisterCustomScanMethods(&raw const METHODS.0) }
}

impl<'p> BatchScan<'p> {
    /// The node, above its child.
    pub fn into_plan(self) -> Plan<'p> {
        let child: *mut pg_sys::Plan = self.child.raw();
        // SAFETY: all fields of a new node are set from nodes of the same plan, or zero, which
        // means nothing. What changes in the child: its initial plans run in the node above, where
        // their results are now used, too; and it is asked for one row after the other.
        let node = unsafe {
            let mut scan = PgBox::<pg_sys::CustomScan>::alloc_node(NodeTag::T_CustomScan);
            let plan = &mut scan.scan.plan;
            plan.startup_cost = (*child).startup_cost;
            plan.total_cost = (*child).total_cost;
            plan.plan_rows = (*child).plan_rows;
            plan.plan_width = (*child).plan_width;
            plan.parallel_safe = (*child).parallel_safe;
            plan.plan_node_id = (*child).plan_node_id.wrapping_add(NUMBER_STEP);
            plan.lefttree = child;
            plan.extParam = pg_sys::bms_copy((*child).extParam);
            plan.allParam = pg_sys::bms_copy((*child).allParam);
            plan.initPlan = (*child).initPlan;
            (*child).initPlan = std::ptr::null_mut();
            (*child).async_capable = false;
            plan.targetlist = list_of(self.targets.iter().map(|target| target.raw()));
            plan.qual = list_of(self.quals.iter().map(|qual| qual.raw::<c_void>()));
            scan.methods = &raw const METHODS.0;
            scan.custom_private = self.private();
            scan.custom_exprs = self.exprs();
            scan.custom_scan_tlist = self.scan_targets();
            scan.into_pg()
        };
        // SAFETY: it was made for this plan, just now.
        unsafe { Plan::new(node) }.unwrap_or(self.child)
    }

    fn private(&self) -> *mut pg_sys::List {
        let start = if self.limit.is_some() { Start::Limited } else { self.start };
        let columns = i32::try_from(self.columns.len()).unwrap_or(i32::MAX);
        // SAFETY: makes nodes of numbers.
        list_of([columns, start.number()].map(|number| unsafe { pg_sys::makeInteger(number) }))
    }

    /// Count and offset of the LIMIT, then the guards; NULL where there is none.
    fn exprs(&self) -> *mut pg_sys::List {
        let limit = self.limit.map_or([None, None], Plan::limit);
        let exprs = limit.into_iter().chain(self.guards.iter().copied());
        list_of(
            exprs.map(|expr| {
                expr.map_or(std::ptr::null_mut(), |expr| expr.copied().raw::<c_void>())
            }),
        )
    }

    fn scan_targets(&self) -> *mut pg_sys::List {
        let columns = self.columns.iter().enumerate().map(|(index, column)| {
            column.column(Side::Outer, i16::try_from(index + 1).unwrap_or(i16::MAX))
        });
        let values = columns.chain(self.calls.iter().copied()).enumerate();
        list_of(
            values.filter_map(|(index, value)| Some(OutputColumn::new(value, index + 1)?.raw())),
        )
    }
}

/// Content of a batch node's plan, read back when it is executed.
pub struct Stored {
    /// Number of the child's scan columns.
    pub columns: usize,
    /// Size of the first batches.
    pub start: Start,
    /// Count and offset of the LIMIT, or NULL.
    pub limit: [*mut pg_sys::Expr; 2],
    /// The calls.
    pub calls: Vec<*mut pg_sys::FuncExpr>,
    /// Their guards, or NULL.
    pub guards: Vec<*mut pg_sys::Expr>,
}

/// Reads a batch node.
///
/// # Safety
/// The plan must be one that [`BatchScan::into_plan`] made, or a copy of one.
pub unsafe fn read(scan: *const pg_sys::CustomScan) -> Stored {
    // SAFETY: the lists hold what `into_plan` put there.
    unsafe {
        let numbers = items::<pg_sys::Integer>((*scan).custom_private);
        let number = |index: usize| numbers.get(index).map_or(0, |number| (**number).ival);
        let columns = usize::try_from(number(0)).unwrap_or(0);
        let mut exprs = items::<pg_sys::Expr>((*scan).custom_exprs).into_iter();
        let mut next = || exprs.next().unwrap_or(std::ptr::null_mut());
        let limit = [next(), next()];
        let targets = items::<pg_sys::TargetEntry>((*scan).custom_scan_tlist);
        let calls = targets.into_iter().skip(columns).map(|target| (*target).expr.cast());
        Stored {
            columns,
            start: Start::from_number(number(1)),
            limit,
            calls: calls.collect(),
            guards: exprs.collect(),
        }
    }
}
