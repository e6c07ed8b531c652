//! Finding the calls that can be batched in an expression, and under which conditions each is
//! evaluated at all.

use super::functions::{self, Function};
use crate::pg::plan::{Case, Expr, check_stack_depth};
use pgrx::pg_sys::NodeTag;

/// A batchable call.
#[derive(Clone, Copy)]
pub struct Found<'p> {
    /// The call.
    pub call: Expr<'p>,
    /// Condition on a row for the call to be evaluated; `None`: it always is.
    pub guard: Option<Expr<'p>>,
}

/// The batchable function that an expression calls, if it is such a call.
pub fn batchable<'p>(expr: Expr<'p>) -> Option<(&'static Function, Vec<Expr<'p>>)> {
    let (function, arguments) = expr.call()?;
    Some((functions::batchable(function)?, arguments))
}

/// True if two calls ask the same question, so that one answer serves both.
pub fn ask_the_same(one: Expr<'_>, other: Expr<'_>) -> bool {
    match (batchable(one), batchable(other)) {
        (Some((one, these)), Some((other, those))) => {
            one.family == other.family
                && these.len() == those.len()
                && these.iter().zip(&those).all(|(this, that)| this.equals(*that))
        }
        _ => false,
    }
}

/// The calls to batch first: of nested ones the innermost, of guarded ones those whose guard needs
/// no other call. Equal calls are one.
#[derive(Default)]
pub struct Calls<'p> {
    /// In the order of evaluation.
    seen: Vec<Found<'p>>,
    /// Calls that stand where it cannot be told whether they are evaluated.
    unclear: Vec<Expr<'p>>,
    /// Conditions that hold where the search is at present.
    guards: Vec<Expr<'p>>,
}

impl<'p> Calls<'p> {
    /// The calls of one expression that is always evaluated.
    pub fn of(expr: Expr<'p>) -> Vec<Found<'p>> {
        let mut calls = Self::default();
        calls.search(expr);
        calls.found()
    }

    /// The calls found. A result that is not computed for every row must not be used where it may
    /// be needed all the same.
    pub fn found(self) -> Vec<Found<'p>> {
        let Self { mut seen, unclear, .. } = self;
        let is_unclear = |call: Expr<'p>| unclear.iter().any(|other| other.equals(call));
        seen.retain(|found| found.guard.is_none() || !is_unclear(found.call));
        seen
    }

    /// Adds those of another.
    pub fn search(&mut self, expr: Expr<'p>) {
        check_stack_depth();
        if let Some(case) = expr.case() {
            self.search_case(case);
        } else if let Some(terms) = expr.coalesce() {
            self.search_in_turn(&terms, Expr::is_null);
        } else if let Some((is_and, terms)) = expr.junction() {
            let goes_on = if is_and { Expr::is_not_false } else { Expr::is_not_true };
            self.search_in_turn(&terms, goes_on);
        } else if hides_its_parts(expr) {
            self.pass_over(expr);
        } else {
            expr.children().into_iter().for_each(|child| self.search(child));
            if is_plain_call(expr) {
                self.add(expr);
            }
        }
    }

    fn search_case(&mut self, case: Case<'p>) {
        let depth = self.guards.len();
        let has_subject = case.subject.is_some();
        case.subject.into_iter().for_each(|subject| self.search(subject));
        for (condition, result) in case.arms {
            if has_subject {
                // The condition holds a placeholder for the subject and says nothing on its own.
                self.pass_over(condition);
                self.pass_over(result);
            } else {
                self.search(condition);
                self.search_if(condition.is_true(), result);
                self.guards.push(condition.is_not_true());
            }
        }
        match case.default {
            Some(default) if has_subject => self.pass_over(default),
            Some(default) => self.search(default),
            None => {}
        }
        self.guards.truncate(depth);
    }

    /// The calls in an expression that is evaluated only where `condition` holds.
    pub fn search_if(&mut self, condition: Expr<'p>, expr: Expr<'p>) {
        self.guards.push(condition);
        self.search(expr);
        self.guards.pop();
    }

    /// The calls in terms each of which is evaluated only while `goes_on` holds of all before it.
    fn search_in_turn(&mut self, terms: &[Expr<'p>], goes_on: fn(Expr<'p>) -> Expr<'p>) {
        let depth = self.guards.len();
        for term in terms {
            self.search(*term);
            self.guards.push(goes_on(*term));
        }
        self.guards.truncate(depth);
    }

    /// Notes the calls in an expression of which it is not known when it is evaluated.
    pub fn pass_over(&mut self, expr: Expr<'p>) {
        check_stack_depth();
        if is_plain_call(expr) {
            self.unclear.push(expr);
        }
        expr.children().into_iter().for_each(|child| self.pass_over(child));
    }

    fn add(&mut self, call: Expr<'p>) {
        if self.guards.iter().any(|guard| !can_guard(*guard)) {
            return self.unclear.push(call);
        }
        let guard = Expr::all_of(&self.guards);
        match self.seen.iter_mut().find(|found| found.call.equals(call)) {
            None => self.seen.push(Found { call, guard }),
            Some(found) => {
                found.guard = found.guard.zip(guard).map(|(one, other)| one.either(other));
            }
        }
    }
}

/// True if a condition may be evaluated once more, ahead of the row's turn.
fn can_guard(guard: Expr<'_>) -> bool {
    !guard.is_volatile() && !holds(guard, &|part| runs_a_plan(part) || batchable(part).is_some())
}

/// True if it is a batchable call that may be evaluated once for all places where it stands, its
/// arguments ahead of the row's turn.
pub fn is_plain_call(call: Expr<'_>) -> bool {
    let asks = |part| runs_a_plan(part) || batchable(part).is_some();
    batchable(call).is_some()
        && !call.is_volatile()
        && !call.children().into_iter().any(|child| holds(child, &asks))
}

fn runs_a_plan(expr: Expr<'_>) -> bool {
    matches!(expr.tag(), NodeTag::T_SubPlan | NodeTag::T_AlternativeSubPlan)
}

/// Nodes whose parts are evaluated elsewhere, or not once for each row.
fn hides_its_parts(expr: Expr<'_>) -> bool {
    matches!(
        expr.tag(),
        NodeTag::T_Aggref
            | NodeTag::T_WindowFunc
            | NodeTag::T_GroupingFunc
            | NodeTag::T_SubPlan
            | NodeTag::T_AlternativeSubPlan
            | NodeTag::T_ArrayCoerceExpr
            | NodeTag::T_RowCompareExpr
    )
}

/// True if an expression or any part of it is of that kind.
pub fn holds<'p>(expr: Expr<'p>, kind: &dyn Fn(Expr<'p>) -> bool) -> bool {
    check_stack_depth();
    kind(expr) || expr.children().into_iter().any(|child| holds(child, kind))
}
