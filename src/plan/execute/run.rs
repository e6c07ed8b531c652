//! The batch node at work.

use super::rows::{Batch, Memory, datum, in_memory, record, text};
use super::scan::{self, Stored};
use super::show;
use crate::error::{Error, Result};
use crate::judge::questions::{AnswerPlace, Questions};
use crate::pg::catalog;
use crate::pg::plan::errors::{calling, raising, raw};
use crate::pg::plan::list::items;
use crate::plan::figures::Figures;
use crate::plan::functions::{self, Function};
use crate::plan::pace::{Pace, Start};
use crate::settings;
use pgrx::PgMemoryContexts;
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::time::Instant;

/// The node's name in EXPLAIN and in stored plans.
pub const NAME: &CStr = c"CrmBatch";

/// The server's part of the state, and ours.
#[repr(C)]
struct State {
    scan: pg_sys::CustomScanState,
    /// Dropped with the query's memory, after an ERROR too.
    runner: *mut Runner,
}

/// Methods that hold no pointer to anything that changes.
struct Methods(pg_sys::CustomExecMethods);
// SAFETY: the name is a constant and the others are functions; none is ever written.
unsafe impl Sync for Methods {}

static METHODS: Methods = Methods(pg_sys::CustomExecMethods {
    CustomName: NAME.as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(execute),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: None,
    ExplainCustomScan: Some(explain),
});

/// One call, ready to be evaluated.
pub struct Call {
    pub function: &'static Function,
    /// Its declared result.
    result: pg_sys::Oid,
    guard: *mut pg_sys::ExprState,
    arguments: Vec<*mut pg_sys::ExprState>,
}

/// State of a batch node.
pub struct Runner {
    pub calls: Vec<Call>,
    pub start: Start,
    pub figures: Figures,
    child: *mut pg_sys::PlanState,
    context: *mut pg_sys::ExprContext,
    columns: usize,
    limit: [*mut pg_sys::ExprState; 2],
    /// Holds a row of a batch while its columns are read.
    row: *mut pg_sys::TupleTableSlot,
    memories: [Memory; 2],
    pace: Pace,
    begun: bool,
    /// The child has no more rows, or may not be asked for more.
    exhausted: bool,
    /// Error of the row after those gathered.
    failure: Option<Error>,
    /// The batch whose rows are handed out.
    present: Option<Batch>,
    /// The one after it, which the engine has already.
    coming: Option<Batch>,
}

/// Makes the state of a node.
///
/// # Safety
/// The server calls it when a plan with a batch node is started.
#[pg_guard]
pub unsafe extern "C-unwind" fn create(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: zero means nothing in every field, and the tag is what the server expects.
    unsafe {
        let state: *mut State = pg_sys::palloc0(size_of::<State>()).cast();
        (*state).scan.ss.ps.type_ = NodeTag::T_CustomScanState;
        (*state).scan.methods = &raw const METHODS.0;
        state.cast()
    }
}

/// # Safety
/// The server calls it, with a state that [`create`] made.
unsafe extern "C-unwind" fn begin(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    flags: c_int,
) {
    const GOES_BACK: u32 =
        pg_sys::EXEC_FLAG_REWIND | pg_sys::EXEC_FLAG_BACKWARD | pg_sys::EXEC_FLAG_MARK;
    // SAFETY: the server has set up its part of the state, whose plan is a batch node; what is
    // initialised here lives as long as the query.
    unsafe {
        raising(|| {
            let state: *mut State = node.cast();
            let planstate = &raw mut (*node).ss.ps;
            let plan: *mut pg_sys::CustomScan = (*planstate).plan.cast();
            let (child, flags) = ((*plan).scan.plan.lefttree, flags & !(GOES_BACK as c_int));
            (*planstate).lefttree = calling(|| raw::start_node(child, estate, flags));
            let runner = Runner::new(planstate, estate, &scan::read(plan));
            let runner = runner.map_err(ErrorReport::from).unwrap_or_report();
            let mut memory = PgMemoryContexts::For((*estate).es_query_cxt);
            (*state).runner = memory.leak_and_drop_on_delete(runner);
        })
    }
}

/// # Safety
/// The server calls it, after [`begin`].
unsafe extern "C-unwind" fn execute(
    node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: `begin` has made the runner, which nobody else uses meanwhile.
    unsafe {
        raising(|| {
            let runner = &mut *(*node.cast::<State>()).runner;
            let row = runner.next_row(node);
            row.map_err(ErrorReport::from).unwrap_or_report()
        })
    }
}

/// # Safety
/// The server calls it, after [`begin`].
#[pg_guard]
unsafe extern "C-unwind" fn rescan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: as in `execute`. A child whose parameters changed starts anew when it is next asked.
    unsafe {
        (*(*node.cast::<State>()).runner).restart();
        let child = (*node).ss.ps.lefttree;
        if (*child).chgParam.is_null() {
            pg_sys::ExecReScan(child);
        }
    }
}

/// # Safety
/// The server calls it, after [`begin`].
#[pg_guard]
unsafe extern "C-unwind" fn end(node: *mut pg_sys::CustomScanState) {
    // SAFETY: as in `execute`.
    unsafe {
        (*(*node.cast::<State>()).runner).restart();
        pg_sys::ExecEndNode((*node).ss.ps.lefttree);
    }
}

/// # Safety
/// The server calls it, after [`begin`].
#[pg_guard]
unsafe extern "C-unwind" fn explain(
    node: *mut pg_sys::CustomScanState,
    _ancestors: *mut pg_sys::List,
    output: *mut pg_sys::ExplainState,
) {
    // SAFETY: as in `execute`.
    unsafe { show::show(&*(*node.cast::<State>()).runner, output) }
}

impl Runner {
    /// Prepares everything for the first row.
    ///
    /// # Safety
    /// The plan state must be a batch node's, with its child initialised.
    unsafe fn new(
        planstate: *mut pg_sys::PlanState,
        estate: *mut pg_sys::EState,
        stored: &Stored,
    ) -> Result<Self> {
        // SAFETY: the expressions are those of the plan, in terms of the child's columns.
        unsafe {
            let child = (*planstate).lefttree;
            let memory = (*estate).es_query_cxt;
            let prepare = |expr| pg_sys::ExecInitExpr(expr, planstate);
            let mut calls = Vec::with_capacity(stored.calls.len());
            for (index, call) in stored.calls.iter().copied().enumerate() {
                catalog::check_may_execute((*call).funcid);
                let function = functions::batchable((*call).funcid)
                    .ok_or_else(|| Error::internal("a batched function is another by now"))?;
                let guard = stored.guards.get(index).copied().unwrap_or(std::ptr::null_mut());
                let arguments = items::<pg_sys::Expr>((*call).args);
                calls.push(Call {
                    function,
                    result: (*call).funcresulttype,
                    guard: prepare(guard),
                    arguments: arguments.into_iter().map(prepare).collect(),
                });
            }
            let description = pg_sys::ExecGetResultType(child);
            let operations = &raw const pg_sys::TTSOpsMinimalTuple;
            Ok(Self {
                calls,
                start: stored.start,
                figures: Figures::default(),
                child,
                context: (*planstate).ps_ExprContext,
                columns: stored.columns,
                limit: stored.limit.map(prepare),
                row: pg_sys::ExecInitExtraTupleSlot(estate, description, operations),
                memories: [Memory::within(memory), Memory::within(memory)],
                pace: Pace::new(stored.start, settings::batch_rows()),
                begun: false,
                exhausted: false,
                failure: None,
                present: None,
                coming: None,
            })
        }
    }

    /// Forgets all rows, and cancels what the engine has of them.
    fn restart(&mut self) {
        self.present = None;
        self.coming = None;
        self.failure = None;
        self.begun = false;
        self.exhausted = false;
        self.pace = Pace::new(self.start, settings::batch_rows());
    }

    /// The next row that meets the node's conditions, or an empty slot.
    ///
    /// # Safety
    /// The node must be the runner's own.
    unsafe fn next_row(
        &mut self,
        node: *mut pg_sys::CustomScanState,
    ) -> Result<*mut pg_sys::TupleTableSlot> {
        // SAFETY: the server has initialised the slots and expressions of the node.
        unsafe {
            let scan = &raw mut (*node).ss;
            loop {
                pgrx::check_for_interrupts!();
                if !self.has_row() && !self.next_batch()? {
                    return Ok(pg_sys::ExecClearTuple((*scan).ps.ps_ResultTupleSlot));
                }
                let slot = (*scan).ss_ScanTupleSlot;
                self.fill_slot(slot)?;
                (*self.context).ecxt_scantuple = slot;
                let qual = (*scan).ps.qual;
                if !qual.is_null() && !calling(|| raw::holds(qual, self.context)) {
                    if let Some(instrument) = (*scan).ps.instrument.as_mut() {
                        instrument.nfiltered1 += 1.0;
                    }
                    continue;
                }
                let projection = (*scan).ps.ps_ProjInfo;
                return Ok(if projection.is_null() {
                    slot
                } else {
                    calling(|| raw::project(projection))
                });
            }
        }
    }

    fn has_row(&self) -> bool {
        self.present.as_ref().is_some_and(|batch| batch.next < batch.rows.len())
    }

    /// Makes the next batch the present one, with its answers, and sends off the one after it
    /// before it waits for them. `false`: there are no more rows.
    fn next_batch(&mut self) -> Result<bool> {
        self.present = None;
        let batch = match self.coming.take() {
            Some(batch) => Some(batch),
            None => self.gather(0)?,
        };
        let Some(mut batch) = batch else { return Ok(false) };
        if self.pace.may_read_ahead() && self.failure.is_none() {
            let other = usize::from(batch.memory == self.memories[0]);
            self.coming = self.gather(other)?;
        }
        let began = Instant::now();
        batch.answers = std::mem::take(&mut batch.asked).answers()?;
        self.figures.waited += began.elapsed();
        self.figures.cached += batch.answers.cached();
        self.present = Some(batch);
        Ok(true)
    }

    /// Reads rows from the child, into the memory of that number, and sends what is asked of them.
    fn gather(&mut self, memory: usize) -> Result<Option<Batch>> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        self.ask_for_bound();
        let mut batch = Batch::new(self.memories[memory]);
        let mut questions = Questions::default();
        // Two batches may be held at a time.
        let bytes_max = super::work_mem_bytes() / 2;
        let rows_max = self.pace.rows();
        let mut bytes = 0;
        while batch.rows.len() < rows_max && bytes + questions.bytes() < bytes_max {
            // SAFETY: the child is initialised, and has not given its last row; the slot that it
            // gives is valid until it is asked again.
            let slot = unsafe { self.read_child() };
            let Some(slot) = slot else { break };
            // SAFETY: the slot holds a row.
            let asked = unsafe { self.ask(slot, &mut questions) };
            match asked {
                Ok(places) => batch.places.extend(places),
                Err(error) => {
                    // It is raised when it is this row's turn.
                    self.failure = Some(error);
                    break;
                }
            }
            // SAFETY: as above.
            unsafe {
                let row = batch.memory.copy_row(slot);
                bytes += (*row).t_len as usize;
                batch.rows.push(row);
            }
        }
        if batch.rows.is_empty() {
            return self.failure.take().map_or(Ok(None), Err);
        }
        self.pace.gathered(batch.rows.len());
        batch.asked = questions.send();
        self.figures.add_batch(batch.rows.len(), batch.asked.texts());
        Ok(Some(batch))
    }

    /// The child's next row.
    ///
    /// # Safety
    /// The child must be initialised.
    unsafe fn read_child(&mut self) -> Option<*mut pg_sys::TupleTableSlot> {
        if self.exhausted {
            return None;
        }
        // SAFETY: as the caller promises.
        unsafe {
            let slot = calling(|| raw::next_row(self.child));
            let is_empty =
                slot.is_null() || u32::from((*slot).tts_flags) & pg_sys::TTS_FLAG_EMPTY != 0;
            self.exhausted = is_empty;
            (!is_empty).then_some(slot)
        }
    }

    /// Notes what the calls ask of a row; gives where each answer will be.
    ///
    /// # Safety
    /// The slot must be the child's, and hold a row.
    unsafe fn ask(
        &self,
        slot: *mut pg_sys::TupleTableSlot,
        questions: &mut Questions,
    ) -> Result<Vec<Option<AnswerPlace>>> {
        // SAFETY: the expressions were prepared for the child's rows; their values live in memory
        // that is reset for each row, after the questions have been copied out of it.
        unsafe {
            let memory = (*self.context).ecxt_per_tuple_memory;
            pg_sys::MemoryContextReset(memory);
            (*self.context).ecxt_outertuple = slot;
            in_memory(memory, || {
                self.calls.iter().map(|call| self.ask_call(call, questions)).collect()
            })
        }
    }

    /// # Safety
    /// The context must hold a row of the child's, and the current memory be one that is reset.
    unsafe fn ask_call(
        &self,
        call: &Call,
        questions: &mut Questions,
    ) -> Result<Option<AnswerPlace>> {
        // SAFETY: as in `ask`; a batchable function's arguments are texts, or records as it tells.
        unsafe {
            if !call.guard.is_null() {
                let holds = self.evaluate(call.guard).is_some_and(|holds| holds.value() != 0);
                if !holds {
                    return Ok(None);
                }
            }
            let mut arguments = Vec::with_capacity(call.arguments.len());
            for (position, argument) in call.arguments.iter().enumerate() {
                let Some(value) = self.evaluate(*argument) else { return Ok(None) };
                arguments.push(if call.function.takes_record(position) {
                    Cow::Owned(record(value)?)
                } else {
                    Cow::Borrowed(text(value)?)
                });
            }
            let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
            questions.add(&call.function.question(&arguments)?).map(Some)
        }
    }

    /// The value of an expression; `None` for NULL.
    ///
    /// # Safety
    /// The expression must be one that was prepared for this context.
    unsafe fn evaluate(&self, expr: *mut pg_sys::ExprState) -> Option<pg_sys::Datum> {
        let mut is_null = false;
        // SAFETY: as the caller promises.
        let value = unsafe { calling(|| raw::evaluate(expr, self.context, &raw mut is_null)) };
        (!is_null).then_some(value)
    }

    /// Asks a LIMIT above how many rows it takes, once, before the first is read. The batch node
    /// hides the limit from the nodes below it; told of it, a sort keeps no more rows than that.
    fn ask_for_bound(&mut self) {
        if std::mem::replace(&mut self.begun, true) || !self.pace.wants_bound() {
            return;
        }
        // SAFETY: the expressions are the LIMIT's, and give bigint; the child is initialised.
        unsafe {
            let number = |expr: *mut pg_sys::ExprState| {
                let value = if expr.is_null() { None } else { self.evaluate(expr) };
                value.map(|value| value.value() as i64)
            };
            let [count, offset] = self.limit.map(number);
            if let Some(count) = count.and_then(|count| u64::try_from(count).ok()) {
                let rows = count.saturating_add_signed(offset.unwrap_or(0).max(0));
                self.pace.bound(rows);
                pg_sys::ExecSetTupleBound(i64::try_from(rows).unwrap_or(i64::MAX), self.child);
            }
        }
    }

    /// Puts the next row of the present batch, with its answers, into the scan slot.
    ///
    /// # Safety
    /// The slot must be the node's own scan slot.
    unsafe fn fill_slot(&mut self, slot: *mut pg_sys::TupleTableSlot) -> Result<()> {
        let Some(batch) = &mut self.present else { return Ok(()) };
        let index = batch.next;
        batch.next += 1;
        let places = &batch.places[index * self.calls.len()..(index + 1) * self.calls.len()];
        // SAFETY: the scan slot has the child's columns, then one for each call; the row is one
        // that the child gave. What results need lives until the next row is asked for.
        unsafe {
            pg_sys::ExecClearTuple(slot);
            pg_sys::ExecStoreMinimalTuple(batch.rows[index], self.row, false);
            pg_sys::slot_getallattrs(self.row);
            let (values, nulls) = ((*slot).tts_values, (*slot).tts_isnull);
            std::ptr::copy_nonoverlapping((*self.row).tts_values, values, self.columns);
            std::ptr::copy_nonoverlapping((*self.row).tts_isnull, nulls, self.columns);
            let memory = (*self.context).ecxt_per_tuple_memory;
            pg_sys::MemoryContextReset(memory);
            for (number, (call, place)) in self.calls.iter().zip(places).enumerate() {
                let value = match place {
                    Some(place) => {
                        let value = call.function.value(&batch.answers, *place)?;
                        in_memory(memory, || datum(value, call.result))?
                    }
                    None => None,
                };
                *nulls.add(self.columns + number) = value.is_none();
                *values.add(self.columns + number) = value.unwrap_or(pg_sys::Datum::from(0));
            }
            pg_sys::ExecStoreVirtualTuple(slot);
        }
        Ok(())
    }
}
