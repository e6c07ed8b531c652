//! Nodes of a finished plan, and the statement that they belong to.

use super::expr::Expr;
use super::list::{items, list_of};
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A column of a node's output.
#[derive(Clone, Copy)]
pub struct OutputColumn<'p> {
    entry: NonNull<pg_sys::TargetEntry>,
    planning: PhantomData<&'p ()>,
}

impl<'p> OutputColumn<'p> {
    /// A new column in position `number`, from 1.
    pub fn new(expr: Expr<'p>, number: usize) -> Option<Self> {
        let number = pg_sys::AttrNumber::try_from(number).ok()?;
        // SAFETY: makes a node of a node.
        let entry =
            unsafe { pg_sys::makeTargetEntry(expr.raw(), number, std::ptr::null_mut(), false) };
        NonNull::new(entry).map(|entry| Self { entry, planning: PhantomData })
    }

    /// Its value.
    pub fn expr(self) -> Option<Expr<'p>> {
        // SAFETY: the entry is one of the plan at hand.
        unsafe { Expr::new((*self.entry.as_ptr()).expr) }
    }

    /// The same column (name, number, purpose) with another value.
    pub fn with_expr(self, expr: Expr<'p>) -> Self {
        // SAFETY: the copy is of the same kind and belongs to us.
        unsafe {
            let copy = pg_sys::copyObjectImpl(self.entry.as_ptr().cast()).cast();
            let Some(entry) = NonNull::<pg_sys::TargetEntry>::new(copy) else { return self };
            (*entry.as_ptr()).expr = expr.raw();
            Self { entry, planning: PhantomData }
        }
    }

    /// The node, for calls of the server.
    pub fn raw(self) -> *mut pg_sys::TargetEntry {
        self.entry.as_ptr()
    }
}

/// A node of the plan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Plan<'p> {
    node: NonNull<pg_sys::Plan>,
    planning: PhantomData<&'p ()>,
}

/// List of conditions of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinList {
    /// Decides which rows match.
    Conditions,
    /// Those of them that a hash join looks up by.
    HashConditions,
    /// Hash keys of the outer rows.
    OuterKeys,
}

impl<'p> Plan<'p> {
    /// A handle to a node; none to NULL.
    ///
    /// # Safety
    /// The node must belong to the plan at hand.
    pub unsafe fn new<T>(node: *mut T) -> Option<Self> {
        NonNull::new(node.cast()).map(|node| Self { node, planning: PhantomData })
    }

    /// The node, for calls of the server.
    pub fn raw<T>(self) -> *mut T {
        self.node.as_ptr().cast()
    }

    /// The node's tag.
    pub fn tag(self) -> NodeTag {
        // SAFETY: every node begins with its tag.
        unsafe { (*self.node.as_ptr()).type_ }
    }

    /// The left child, or the only one.
    pub fn outer(self) -> Option<Self> {
        // SAFETY: it is a plan node.
        unsafe { Self::new((*self.node.as_ptr()).lefttree) }
    }

    /// The right child.
    pub fn inner(self) -> Option<Self> {
        // SAFETY: it is a plan node.
        unsafe { Self::new((*self.node.as_ptr()).righttree) }
    }

    /// Puts another left child in place.
    pub fn set_outer(self, child: Self) {
        // SAFETY: it is a plan node.
        unsafe { (*self.node.as_ptr()).lefttree = child.raw() }
    }

    /// Puts another right child in place.
    pub fn set_inner(self, child: Self) {
        // SAFETY: it is a plan node.
        unsafe { (*self.node.as_ptr()).righttree = child.raw() }
    }

    /// The list in which a node keeps children beside the two, where it has one.
    fn member_list(self) -> *mut pg_sys::List {
        // SAFETY: the tag is checked before the node is read as its structure.
        unsafe {
            match self.tag() {
                NodeTag::T_Append => (*self.raw::<pg_sys::Append>()).appendplans,
                NodeTag::T_MergeAppend => (*self.raw::<pg_sys::MergeAppend>()).mergeplans,
                _ => std::ptr::null_mut(),
            }
        }
    }

    /// Puts what `change` makes of each child of an Append or MergeAppend in its place.
    pub fn change_members(self, change: impl FnMut(Self) -> Self) {
        // SAFETY: the cells hold plan nodes and stay where they are.
        unsafe { change_cells(self.member_list(), change) }
    }

    /// The plan of a subquery scan.
    pub fn subquery(self) -> Option<Self> {
        // SAFETY: the tag is checked first.
        unsafe {
            let is_subquery = self.tag() == NodeTag::T_SubqueryScan;
            let node: *mut pg_sys::SubqueryScan = self.raw();
            if is_subquery { Self::new((*node).subplan) } else { None }
        }
    }

    /// Puts another plan into a subquery scan.
    pub fn set_subquery(self, plan: Self) {
        if self.tag() == NodeTag::T_SubqueryScan {
            // SAFETY: the tag was checked.
            unsafe { (*self.raw::<pg_sys::SubqueryScan>()).subplan = plan.raw() }
        }
    }

    /// The output's columns.
    pub fn targets(self) -> Vec<OutputColumn<'p>> {
        // SAFETY: a plan node's target list holds target entries, never NULL.
        unsafe {
            items((*self.node.as_ptr()).targetlist)
                .into_iter()
                .filter_map(NonNull::new)
                .map(|entry| OutputColumn { entry, planning: PhantomData })
                .collect()
        }
    }

    /// Gives other output columns.
    pub fn set_targets(self, targets: &[OutputColumn<'p>]) {
        let list = list_of(targets.iter().map(|target| target.raw()));
        // SAFETY: it is a plan node.
        unsafe { (*self.node.as_ptr()).targetlist = list }
    }

    /// The conditions that rows must meet, in the order in which they are tried.
    pub fn quals(self) -> Vec<Expr<'p>> {
        // SAFETY: a plan node's qualifiers are expressions.
        unsafe { Expr::all((*self.node.as_ptr()).qual) }
    }

    /// Gives other conditions.
    pub fn set_quals(self, quals: &[Expr<'p>]) {
        let list = list_of(quals.iter().map(|qual| qual.raw::<c_void>()));
        // SAFETY: it is a plan node.
        unsafe { (*self.node.as_ptr()).qual = list }
    }

    /// A list of conditions of a join; empty where the node has none such.
    pub fn join_list(self, which: JoinList) -> Vec<Expr<'p>> {
        // SAFETY: the place is that of a list of expressions.
        self.join_place(which).map_or(Vec::new(), |place| unsafe { Expr::all(*place) })
    }

    /// Puts other conditions in place.
    pub fn set_join_list(self, which: JoinList, conditions: &[Expr<'p>]) {
        if let Some(place) = self.join_place(which) {
            // SAFETY: the place is that of a list of expressions.
            unsafe { *place = list_of(conditions.iter().map(|item| item.raw::<c_void>())) }
        }
    }

    fn join_place(self, which: JoinList) -> Option<*mut *mut pg_sys::List> {
        let (is_hash, is_loop) =
            (self.tag() == NodeTag::T_HashJoin, self.tag() == NodeTag::T_NestLoop);
        // SAFETY: the tag is checked; both kinds of join begin with a Join.
        unsafe {
            let hash: *mut pg_sys::HashJoin = self.raw();
            match which {
                JoinList::Conditions if is_hash || is_loop => {
                    Some(&raw mut (*self.raw::<pg_sys::Join>()).joinqual)
                }
                JoinList::HashConditions if is_hash => Some(&raw mut (*hash).hashclauses),
                JoinList::OuterKeys if is_hash => Some(&raw mut (*hash).hashkeys),
                _ => None,
            }
        }
    }

    /// Expressions of a Hash node's keys.
    pub fn hash_keys(self) -> Vec<Expr<'p>> {
        if self.tag() != NodeTag::T_Hash {
            return Vec::new();
        }
        // SAFETY: the tag was checked.
        unsafe { Expr::all((*self.raw::<pg_sys::Hash>()).hashkeys) }
    }

    /// Gives a Hash node other keys.
    pub fn set_hash_keys(self, keys: &[Expr<'p>]) {
        if self.tag() == NodeTag::T_Hash {
            // SAFETY: the tag was checked.
            unsafe {
                (*self.raw::<pg_sys::Hash>()).hashkeys =
                    list_of(keys.iter().map(|key| key.raw::<c_void>()));
            }
        }
    }

    /// The expression of a scan of one function.
    pub fn function(self) -> Option<Expr<'p>> {
        // SAFETY: the function is checked to be there.
        self.only_function().and_then(|function| unsafe { Expr::new((*function).funcexpr) })
    }

    fn only_function(self) -> Option<*mut pg_sys::RangeTblFunction> {
        if self.tag() != NodeTag::T_FunctionScan {
            return None;
        }
        // SAFETY: the tag was checked.
        let functions = unsafe { items((*self.raw::<pg_sys::FunctionScan>()).functions) };
        if let [function] = functions[..] { Some(function) } else { None }
    }

    /// Conditions by which an index is searched; each is listed twice.
    fn index_lists(self) -> Vec<*mut *mut pg_sys::List> {
        // SAFETY: each tag is checked before the node is read as its structure.
        unsafe {
            match self.tag() {
                NodeTag::T_IndexScan => {
                    let scan: *mut pg_sys::IndexScan = self.raw();
                    vec![&raw mut (*scan).indexqual, &raw mut (*scan).indexqualorig]
                }
                NodeTag::T_IndexOnlyScan => {
                    let scan: *mut pg_sys::IndexOnlyScan = self.raw();
                    vec![&raw mut (*scan).indexqual, &raw mut (*scan).recheckqual]
                }
                _ => Vec::new(),
            }
        }
    }

    /// Expressions of a right child of a nested loop that may use parameters: the function that it
    /// scans, and the conditions by which it searches an index.
    pub fn handed_exprs(self) -> Vec<Expr<'p>> {
        // SAFETY: the places are those of lists of expressions.
        let conditions =
            self.index_lists().into_iter().flat_map(|list| unsafe { Expr::all(*list) });
        self.function().into_iter().chain(conditions).collect()
    }

    /// Changes those expressions, which then know that executor parameter, too.
    pub fn take_over(self, parameter: i32, mut change: impl FnMut(Expr<'p>) -> Expr<'p>) {
        let plan = self.node.as_ptr();
        // SAFETY: the places are those of lists of expressions, and of the sets of parameters on
        // which the node depends.
        unsafe {
            let mut sets = vec![&raw mut (*plan).extParam, &raw mut (*plan).allParam];
            if let (Some(function), Some(expr)) = (self.only_function(), self.function()) {
                (*function).funcexpr = change(expr).raw();
                sets.push(&raw mut (*function).funcparams);
            }
            for list in self.index_lists() {
                let changed = Expr::all(*list).into_iter().map(&mut change);
                *list = list_of(changed.map(|expr| expr.raw::<c_void>()));
            }
            for set in sets {
                *set = pg_sys::bms_add_member(pg_sys::bms_copy(*set), parameter);
            }
        }
    }

    /// Parameters that a nested loop hands to its right child: numbers of executor parameters, and
    /// columns of its left child.
    pub fn handed_over(self) -> Vec<(i32, Expr<'p>)> {
        if self.tag() != NodeTag::T_NestLoop {
            return Vec::new();
        }
        // SAFETY: the tag was checked.
        unsafe {
            let parameters =
                items::<pg_sys::NestLoopParam>((*self.raw::<pg_sys::NestLoop>()).nestParams);
            parameters
                .into_iter()
                .filter_map(|one| Some(((*one).paramno, Expr::new((*one).paramval)?)))
                .collect()
        }
    }

    /// Makes a nested loop hand over a column of its left child, too.
    pub fn hand_over(self, number: i32, column: Expr<'p>) {
        if self.tag() != NodeTag::T_NestLoop || !column.is_column_of(super::Side::Outer) {
            return;
        }
        // SAFETY: both tags were checked; all fields of the new node are set.
        unsafe {
            let mut one = PgBox::<pg_sys::NestLoopParam>::alloc_node(NodeTag::T_NestLoopParam);
            one.paramno = number;
            one.paramval = column.raw();
            let list = &raw mut (*self.raw::<pg_sys::NestLoop>()).nestParams;
            *list = pg_sys::lappend(*list, one.into_pg().cast());
        }
    }

    /// True if an aggregation gives a group as soon as its rows are through.
    pub fn gives_groups_early(self) -> bool {
        // SAFETY: the tag is checked first.
        self.tag() == NodeTag::T_Agg
            && unsafe { (*self.raw::<pg_sys::Agg>()).aggstrategy }
                == pg_sys::AggStrategy::AGG_SORTED
    }

    /// True if a merge join goes back to a marked row of its right child.
    pub fn goes_back_in_inner(self) -> bool {
        // SAFETY: the tag is checked first.
        self.tag() == NodeTag::T_MergeJoin
            && unsafe { !(*self.raw::<pg_sys::MergeJoin>()).skip_mark_restore }
    }

    /// True if a LIMIT takes just so many rows, and none for being equal to the last.
    pub fn limits_by_count(self) -> bool {
        // SAFETY: the tag is checked first.
        self.tag() == NodeTag::T_Limit
            && unsafe { (*self.raw::<pg_sys::Limit>()).limitOption }
                == pg_sys::LimitOption::LIMIT_OPTION_COUNT
    }

    /// Copies of the count and the offset of a LIMIT.
    pub fn limit(self) -> [Option<Expr<'p>>; 2] {
        if self.tag() != NodeTag::T_Limit {
            return [None, None];
        }
        // SAFETY: the tag was checked.
        unsafe {
            let limit: *mut pg_sys::Limit = self.raw();
            [(*limit).limitCount, (*limit).limitOffset].map(|part| Expr::new(part))
        }
    }

    /// True if a Result is held back by a condition that is not about its rows.
    pub fn is_gated(self) -> bool {
        // SAFETY: the tag is checked first.
        self.tag() == NodeTag::T_Result
            && unsafe { !(*self.raw::<pg_sys::Result>()).resconstantqual.is_null() }
    }

    /// True if a foreign scan reads, and does not change rows.
    pub fn is_foreign_read(self) -> bool {
        // SAFETY: the tag is checked first.
        self.tag() == NodeTag::T_ForeignScan
            && unsafe { (*self.raw::<pg_sys::ForeignScan>()).operation }
                == pg_sys::CmdType::CMD_SELECT
    }
}

/// A planned statement.
#[derive(Clone, Copy)]
pub struct Statement<'p> {
    statement: NonNull<pg_sys::PlannedStmt>,
    planning: PhantomData<&'p ()>,
}

impl<'p> Statement<'p> {
    /// # Safety
    /// It must be a statement that nobody executes yet and that may be changed, and outlive `'p`.
    pub unsafe fn new(statement: *mut pg_sys::PlannedStmt) -> Option<Self> {
        NonNull::new(statement).map(|statement| Self { statement, planning: PhantomData })
    }

    /// Puts what `change` makes of the plan's top in its place.
    pub fn change_tree(self, change: impl FnOnce(Plan<'p>) -> Plan<'p>) {
        // SAFETY: it is a planned statement.
        unsafe {
            let statement = self.statement.as_ptr();
            if let Some(tree) = Plan::new((*statement).planTree) {
                (*statement).planTree = change(tree).raw();
            }
        }
    }

    /// Puts what `change` makes of each subplan in its place.
    pub fn change_subplans(self, change: impl FnMut(Plan<'p>) -> Plan<'p>) {
        // SAFETY: the cells hold plans, or NULL where one is not needed, and stay where they are.
        unsafe { change_cells((*self.statement.as_ptr()).subplans, change) }
    }

    /// The number of a new executor parameter for values of that type.
    pub fn new_parameter(self, value_type: pg_sys::Oid) -> i32 {
        // SAFETY: it is a planned statement, whose list has the type of each parameter.
        unsafe {
            let list = &raw mut (*self.statement.as_ptr()).paramExecTypes;
            *list = pg_sys::lappend_oid(*list, value_type);
            (**list).length - 1
        }
    }

    /// True if any function that is not the server's own is called.
    pub fn calls_other_functions(self) -> bool {
        // SAFETY: it is a planned statement, which lists what it depends on.
        unsafe { !(*self.statement.as_ptr()).invalItems.is_null() }
    }

    /// True if rows are locked for whoever reads them.
    pub fn locks_rows(self) -> bool {
        // SAFETY: it is a planned statement.
        unsafe { !(*self.statement.as_ptr()).rowMarks.is_null() }
    }

    /// True if it is a utility command.
    pub fn is_utility(self) -> bool {
        // SAFETY: it is a planned statement.
        unsafe { (*self.statement.as_ptr()).commandType == pg_sys::CmdType::CMD_UTILITY }
    }
}

/// # Safety
/// The list must hold plan nodes, or NULL, that belong to the plan at hand.
unsafe fn change_cells<'p>(list: *mut pg_sys::List, mut change: impl FnMut(Plan<'p>) -> Plan<'p>) {
    if list.is_null() {
        return;
    }
    // SAFETY: the cells are as many as the list says; nothing that `change` does moves them.
    unsafe {
        for index in 0..(*list).length as usize {
            let cell = (*list).elements.add(index);
            if let Some(plan) = Plan::new((*cell).ptr_value) {
                (*cell).ptr_value = change(plan).raw();
            }
        }
    }
}
