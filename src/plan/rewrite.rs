//! The two changes to a plan: a batch node above a node ([`lift`]) and one below it ([`feed`]).

use super::execute::BatchScan;
use super::find::{Calls, Found, ask_the_same, holds, is_plain_call};
use super::pace::Start;
use crate::pg::plan::{Aggregate, Expr, JoinList, OutputColumn, Plan, Side, Statement};
use pgrx::pg_sys::NodeTag;

/// Requirements of a node's surroundings.
#[derive(Clone, Copy)]
pub struct Demand<'p> {
    /// Size of the first batches of a batch node here.
    pub start: Start,
    /// The LIMIT right above, through which every row of this node goes.
    pub limit: Option<Plan<'p>>,
    /// True if what is above goes back to rows it has seen, which batch nodes cannot do.
    pub goes_back: bool,
}

impl<'p> Demand<'p> {
    /// All rows are wanted.
    pub const FULL: Self = Self { start: Start::Full, limit: None, goes_back: false };
    /// The first rows may be enough.
    pub const DOUBLING: Self = Self { start: Start::Doubling, limit: None, goes_back: false };

    /// The same for a node whose rows do not go through one by one.
    pub fn within(self) -> Self {
        Self { limit: None, goes_back: false, ..self }
    }
}

/// Moves the calls of a node's columns and conditions into batch nodes above it, until none is
/// left. The node keeps its columns' leaves; all else is computed above, of the batch nodes'
/// columns, so that what was computed once for each row that is handed out still is.
pub fn lift<'p>(mut plan: Plan<'p>, place: &Demand<'p>) -> Plan<'p> {
    if !can_be_lifted(plan) {
        return plan;
    }
    // Each round takes at least one call away; the bound is for plans that are not understood.
    for _ in 0..ROUNDS_MAX {
        match lift_condition(plan, place).or_else(|| lift_columns(plan, place)) {
            Some(changed) => plan = changed,
            None => break,
        }
    }
    plan
}

const ROUNDS_MAX: usize = 64;
/// Columns that a batch node may have: the server's limit for any row.
const COLUMNS_MAX: usize = 1664;

/// Nodes that compute their columns of their input, and do not depend on how many there are.
fn can_be_lifted(plan: Plan<'_>) -> bool {
    match plan.tag() {
        NodeTag::T_SeqScan
        | NodeTag::T_SampleScan
        | NodeTag::T_IndexScan
        | NodeTag::T_IndexOnlyScan
        | NodeTag::T_BitmapHeapScan
        | NodeTag::T_TidScan
        | NodeTag::T_TidRangeScan
        | NodeTag::T_SubqueryScan
        | NodeTag::T_FunctionScan
        | NodeTag::T_ValuesScan
        | NodeTag::T_CteScan
        | NodeTag::T_WorkTableScan
        | NodeTag::T_NamedTuplestoreScan
        | NodeTag::T_TableFuncScan
        | NodeTag::T_NestLoop
        | NodeTag::T_MergeJoin
        | NodeTag::T_HashJoin
        | NodeTag::T_Agg
        | NodeTag::T_Group
        | NodeTag::T_WindowAgg
        | NodeTag::T_Gather
        | NodeTag::T_GatherMerge => true,
        NodeTag::T_Result => plan.outer().is_some(),
        NodeTag::T_ForeignScan => plan.is_foreign_read(),
        _ => false,
    }
}

/// Lifts the first condition that has calls, with all conditions after it: their order decides
/// which rows a function ever sees.
fn lift_condition<'p>(plan: Plan<'p>, place: &Demand<'p>) -> Option<Plan<'p>> {
    // A window's conditions decide when it stops to read.
    if plan.tag() == NodeTag::T_WindowAgg {
        return None;
    }
    let quals = plan.quals();
    let first = quals.iter().position(|qual| !Calls::of(*qual).is_empty())?;
    if quals[first..].iter().any(|qual| is_about_the_scan(*qual)) {
        return None;
    }
    let mut calls = Calls::of(quals[first]);
    // What later places ask of the same texts comes with the same answers.
    let columns = plan.targets().into_iter().filter_map(OutputColumn::expr);
    add_free_riders(&mut calls, quals[first..].iter().copied().chain(columns));
    put_above(plan, &calls, first, place)
}

fn lift_columns<'p>(plan: Plan<'p>, place: &Demand<'p>) -> Option<Plan<'p>> {
    let mut calls = Calls::default();
    plan.targets().into_iter().filter_map(OutputColumn::expr).for_each(|expr| calls.search(expr));
    let calls = calls.found();
    if calls.is_empty() {
        return None;
    }
    put_above(plan, &calls, plan.quals().len(), place)
}

/// `CURRENT OF` is the scan's own business and means nothing above it.
fn is_about_the_scan(qual: Expr<'_>) -> bool {
    holds(qual, &|part| part.tag() == NodeTag::T_CurrentOfExpr)
}

/// Adds calls that ask what is asked for every row anyway.
fn add_free_riders<'p>(calls: &mut Vec<Found<'p>>, places: impl Iterator<Item = Expr<'p>>) {
    for place in places {
        for Found { call, .. } in Calls::of(place) {
            let is_known = calls.iter().any(|known| known.call.equals(call));
            let is_asked =
                calls.iter().any(|known| known.guard.is_none() && ask_the_same(known.call, call));
            if is_asked && !is_known {
                calls.push(Found { call, guard: None });
            }
        }
    }
}

/// Puts a batch node above `plan` that computes `calls`, tries the conditions from `first` on and
/// gives the same columns. The calls were found in the first of those conditions, or in the columns
/// where there is none.
fn put_above<'p>(
    plan: Plan<'p>,
    calls: &[Found<'p>],
    first: usize,
    place: &Demand<'p>,
) -> Option<Plan<'p>> {
    let mut kept = plan.quals();
    let moved = kept.split_off(first);
    let targets = plan.targets();
    let mut leaves = Leaves::default();
    let exprs = targets.iter().filter_map(|target| target.expr());
    let guards = calls.iter().filter_map(|found| found.guard);
    for expr in exprs.chain(moved.iter().copied()).chain(guards) {
        leaves.gather(expr);
    }
    let columns = leaves.0.len();
    if columns + calls.len() > COLUMNS_MAX {
        return None;
    }
    // A guard is that of the place where the call was found. Elsewhere only results may be used
    // that are there for every row.
    let above = |expr: Expr<'p>, is_searched: bool| {
        let replaced = |part: Expr<'p>| {
            let is_there = |found: &Found<'p>| is_searched || found.guard.is_none();
            let is_call = |found: &Found<'p>| found.call.equals(part) && is_there(found);
            let call = calls.iter().position(is_call);
            call.map(|index| part.column(Side::Scan, number(columns + index)))
                .or_else(|| leaves.column_of(part, Side::Scan))
        };
        replace(expr, &replaced)
    };
    let below = |expr: Expr<'p>| replace(expr, &|part| leaves.column_of(part, Side::Outer));
    let scan = BatchScan {
        child: plan,
        columns: leaves.0.clone(),
        calls: calls.iter().map(|found| below(found.call)).collect(),
        guards: calls.iter().map(|found| found.guard.map(below)).collect(),
        targets: targets
            .iter()
            .filter_map(|target| Some(target.with_expr(above(target.expr()?, moved.is_empty()))))
            .collect(),
        quals: moved.iter().enumerate().map(|(index, qual)| above(*qual, index == 0)).collect(),
        start: place.start,
        limit: if moved.is_empty() { place.limit } else { None },
    };
    let node = scan.into_plan();
    plan.set_targets(&numbered(leaves.0));
    plan.set_quals(&kept);
    Some(node)
}

/// Puts a batch node below a node, above its child, that adds a column for each call; gives the
/// batch node and the number of columns before those.
fn feed<'p>(child: Plan<'p>, calls: &[Found<'p>], place: &Demand<'p>) -> Option<(Plan<'p>, usize)> {
    let targets = child.targets();
    let values: Vec<Expr<'p>> = targets.iter().filter_map(|target| target.expr()).collect();
    let columns = values.len();
    if columns + calls.len() > COLUMNS_MAX {
        return None;
    }
    let through =
        targets.iter().zip(&values).enumerate().map(|(index, (target, value))| {
            target.with_expr(value.column(Side::Scan, number(index)))
        });
    let added = calls.iter().enumerate().filter_map(|(index, found)| {
        let column = found.call.column(Side::Scan, number(columns + index));
        OutputColumn::new(column, columns + index + 1)
    });
    let scan = BatchScan {
        child,
        targets: through.chain(added).collect(),
        columns: values,
        calls: calls.iter().map(|found| found.call.copied()).collect(),
        guards: calls.iter().map(|found| found.guard).collect(),
        quals: Vec::new(),
        start: place.start,
        limit: None,
    };
    Some((scan.into_plan(), columns))
}

/// Feeds an aggregation or a window with the calls in the arguments of its functions.
pub fn feed_aggregates<'p>(plan: Plan<'p>, place: &Demand<'p>) {
    for _ in 0..ROUNDS_MAX {
        if !feed_aggregates_once(plan, place) {
            break;
        }
    }
}

fn feed_aggregates_once<'p>(plan: Plan<'p>, place: &Demand<'p>) -> bool {
    let Some(child) = plan.outer() else { return false };
    let exprs = plan.targets().into_iter().filter_map(OutputColumn::expr).chain(plan.quals());
    let mut calls = Calls::default();
    for expr in exprs {
        search_aggregates(&mut calls, expr);
    }
    let mut calls = calls.found();
    calls.retain(|found| is_of_side(found, Side::Outer));
    if calls.is_empty() {
        return false;
    }
    let Some((node, columns)) = feed(child, &calls, place) else { return false };
    plan.set_outer(node);
    let inside = |part: Expr<'p>| column_of_call(&calls, part, Side::Outer, columns);
    let outside = |part: Expr<'p>| {
        let aggregate = part.aggregate().is_some();
        aggregate.then(|| part.with_children(&mut |child| replace(child, &inside)))
    };
    change_all(plan, &outside);
    true
}

fn search_aggregates<'p>(calls: &mut Calls<'p>, expr: Expr<'p>) {
    match expr.aggregate() {
        None => expr.children().into_iter().for_each(|child| search_aggregates(calls, child)),
        Some(Aggregate { arguments, direct, filter }) => {
            direct.into_iter().for_each(|argument| calls.pass_over(argument));
            filter.into_iter().for_each(|filter| calls.search(filter));
            for argument in arguments {
                match filter {
                    Some(filter) => calls.search_if(filter.is_true(), argument),
                    None => calls.search(argument),
                }
            }
        }
    }
}

/// Replaces parts of all columns and conditions of a node.
fn change_all<'p>(plan: Plan<'p>, replaced: &dyn Fn(Expr<'p>) -> Option<Expr<'p>>) {
    let targets = plan
        .targets()
        .into_iter()
        .filter_map(|target| Some(target.with_expr(replace(target.expr()?, replaced))));
    plan.set_targets(&targets.collect::<Vec<_>>());
    let quals = plan.quals().into_iter().map(|qual| replace(qual, replaced));
    plan.set_quals(&quals.collect::<Vec<_>>());
}

/// Feeds a join with the calls in its conditions that know one side alone: once for each row of
/// that side, not for each pair.
pub fn feed_join<'p>(plan: Plan<'p>, place: &Demand<'p>) {
    for _ in 0..ROUNDS_MAX {
        if !feed_join_once(plan, place) {
            break;
        }
    }
}

fn feed_join_once<'p>(plan: Plan<'p>, place: &Demand<'p>) -> bool {
    if let Some(child) = plan.outer()
        && let Some(calls) = calls_of_join(plan, Side::Outer)
        && let Some((node, columns)) = feed(child, &calls, &place.within())
    {
        plan.set_outer(node);
        let replaced = |part: Expr<'p>| column_of_call(&calls, part, Side::Outer, columns);
        change_join(plan, &replaced);
        change_list(plan, JoinList::OuterKeys, &replaced);
        return true;
    }
    if let Some(hash) = plan.inner().filter(|inner| inner.tag() == NodeTag::T_Hash)
        && let Some(child) = hash.outer()
        && let Some(calls) = calls_of_join(plan, Side::Inner)
    {
        return feed_hash(plan, hash, child, &calls);
    }
    false
}

/// The same for the side of which a hash join makes its table: the Hash node must hold the
/// results as columns, and computes its keys of them.
fn feed_hash<'p>(plan: Plan<'p>, hash: Plan<'p>, child: Plan<'p>, calls: &[Found<'p>]) -> bool {
    let mut targets = hash.targets();
    let held = targets.len();
    // What the join calls a column of its inner side, the Hash node has from its child.
    let from_child = |part: Expr<'p>| {
        let number = part.is_column_of(Side::Inner).then(|| part.column_number())??;
        targets.get(usize::try_from(number).ok()?.checked_sub(1)?)?.expr().map(Expr::copied)
    };
    let below: Vec<Found<'p>> = calls
        .iter()
        .map(|found| Found {
            call: replace(found.call, &from_child),
            guard: found.guard.map(|guard| replace(guard, &from_child)),
        })
        .collect();
    let Some((node, columns)) = feed(child, &below, &Demand::FULL) else { return false };
    hash.set_outer(node);
    let added = below.iter().enumerate().filter_map(|(index, found)| {
        let column = found.call.column(Side::Outer, number(columns + index));
        OutputColumn::new(column, held + index + 1)
    });
    let added: Vec<OutputColumn<'p>> = added.collect();
    targets.extend(added);
    hash.set_targets(&targets);
    let in_hash = |part: Expr<'p>| column_of_call(&below, part, Side::Outer, columns);
    let keys = hash.hash_keys().into_iter().map(|key| replace(key, &in_hash));
    hash.set_hash_keys(&keys.collect::<Vec<_>>());
    change_join(plan, &|part| column_of_call(calls, part, Side::Inner, held));
    true
}

fn calls_of_join<'p>(plan: Plan<'p>, side: Side) -> Option<Vec<Found<'p>>> {
    let mut calls = Calls::default();
    for list in [JoinList::Conditions, JoinList::HashConditions] {
        plan.join_list(list).into_iter().for_each(|condition| calls.search(condition));
    }
    let mut calls = calls.found();
    calls.retain(|found| is_of_side(found, side));
    (!calls.is_empty()).then_some(calls)
}

/// The conditions that decide about matches; a join's columns may be of rows without a match,
/// whose side is NULL, and are left alone.
fn change_join<'p>(plan: Plan<'p>, replaced: &dyn Fn(Expr<'p>) -> Option<Expr<'p>>) {
    change_list(plan, JoinList::Conditions, replaced);
    change_list(plan, JoinList::HashConditions, replaced);
}

fn change_list<'p>(
    plan: Plan<'p>,
    list: JoinList,
    replaced: &dyn Fn(Expr<'p>) -> Option<Expr<'p>>,
) {
    let conditions = plan.join_list(list).into_iter().map(|item| replace(item, replaced));
    plan.set_join_list(list, &conditions.collect::<Vec<_>>());
}

/// Feeds a nested loop with the calls that its right child makes of the left one's columns alone (a
/// function in FROM, a condition that searches an index): the loop hands the results over.
pub fn feed_loop<'p>(statement: Statement<'p>, plan: Plan<'p>, place: &Demand<'p>) {
    let Some(mut inner) = plan.inner() else { return };
    if inner.tag() == NodeTag::T_Memoize {
        // Rows of a function are not worth remembering where its results are there already. What
        // else is remembered is found by the columns that the calls are made of.
        match inner.outer().filter(|scan| scan.function().is_some_and(is_plain_call)) {
            Some(scan) => inner = scan,
            None => return,
        }
    }
    let handed = plan.handed_over();
    let value = |part: Expr<'p>| {
        let number = part.parameter()?;
        handed.iter().find(|(known, _)| *known == number).map(|(_, column)| column.copied())
    };
    let is_foreign =
        |part: Expr<'p>| is_leaf(part) || part.parameter().is_some() && value(part).is_none();
    let mut calls = Calls::default();
    for expr in inner.handed_exprs() {
        calls.search(expr);
    }
    let mut calls = calls.found();
    calls.retain(|found| found.guard.is_none() && !holds(found.call, &is_foreign));
    let Some(child) = plan.outer().filter(|_| !calls.is_empty()) else { return };
    let above: Vec<Found<'p>> = calls
        .iter()
        .map(|found| Found { call: replace(found.call, &value), guard: None })
        .collect();
    let Some((node, columns)) = feed(child, &above, &place.within()) else { return };
    plan.set_outer(node);
    plan.set_inner(inner);
    for (index, Found { call, .. }) in calls.iter().enumerate() {
        let parameter = statement.new_parameter(call.value_type());
        plan.hand_over(parameter, call.column(Side::Outer, number(columns + index)));
        inner.take_over(parameter, |expr| {
            replace(expr, &|part| part.equals(*call).then(|| call.as_parameter(parameter)))
        });
    }
}

/// True if a call, and what guards it, know columns of that side alone.
fn is_of_side(found: &Found<'_>, side: Side) -> bool {
    let knows_other = |part: Expr<'_>| {
        let is_leaf = is_leaf(part);
        is_leaf && !part.is_column_of(side)
    };
    let exprs = [Some(found.call), found.guard];
    !exprs.into_iter().flatten().any(|expr| holds(expr, &knows_other))
}

/// The column that holds a call's result, if `part` is one of the calls.
fn column_of_call<'p>(
    calls: &[Found<'p>],
    part: Expr<'p>,
    side: Side,
    columns: usize,
) -> Option<Expr<'p>> {
    let index = calls.iter().position(|found| found.call.equals(part))?;
    Some(part.column(side, number(columns + index)))
}

/// True if a node's value comes from below, or is computed in a way that only that node can.
fn is_leaf(expr: Expr<'_>) -> bool {
    matches!(
        expr.tag(),
        NodeTag::T_Var | NodeTag::T_Aggref | NodeTag::T_WindowFunc | NodeTag::T_GroupingFunc
    )
}

/// The different leaves of expressions, in the order in which they are met.
#[derive(Default)]
struct Leaves<'p>(Vec<Expr<'p>>);

impl<'p> Leaves<'p> {
    fn gather(&mut self, expr: Expr<'p>) {
        if !is_leaf(expr) {
            expr.children().into_iter().for_each(|child| self.gather(child));
        } else if !self.0.iter().any(|leaf| leaf.equals(expr)) {
            self.0.push(expr);
        }
    }

    /// The column that holds a leaf.
    fn column_of(&self, part: Expr<'p>, side: Side) -> Option<Expr<'p>> {
        let index = self.0.iter().position(|leaf| is_leaf(part) && leaf.equals(part))?;
        Some(part.column(side, number(index)))
    }
}

/// A copy in which every part that `replaced` knows is replaced, from the top down.
fn replace<'p>(expr: Expr<'p>, replaced: &dyn Fn(Expr<'p>) -> Option<Expr<'p>>) -> Expr<'p> {
    replaced(expr).unwrap_or_else(|| expr.with_children(&mut |child| replace(child, replaced)))
}

/// Values as columns in their order.
fn numbered(values: Vec<Expr<'_>>) -> Vec<OutputColumn<'_>> {
    let number = |(index, value)| OutputColumn::new(value, index + 1);
    values.into_iter().enumerate().filter_map(number).collect()
}

/// A column's number, from 1, of its index, from 0.
fn number(index: usize) -> i16 {
    i16::try_from(index + 1).unwrap_or(i16::MAX)
}
