//! Expressions of a finished plan.

use super::list::{items, list_of};
use crate::pg::majors;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Origin of a column, seen from a plan node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The left child, or the only one.
    Outer,
    /// The right child.
    Inner,
    /// The node's own scan columns.
    Scan,
}

impl Side {
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Outer => pg_sys::OUTER_VAR,
            Self::Inner => pg_sys::INNER_VAR,
            Self::Scan => pg_sys::INDEX_VAR,
        }
    }
}

/// A node of an expression.
#[derive(Clone, Copy)]
pub struct Expr<'p> {
    node: NonNull<pg_sys::Node>,
    planning: PhantomData<&'p ()>,
}

/// The arms of a CASE: conditions and results, then what holds where none does.
pub struct Case<'p> {
    /// Left side of the conditions, where the CASE names it once.
    pub subject: Option<Expr<'p>>,
    /// Condition and result of each arm.
    pub arms: Vec<(Expr<'p>, Expr<'p>)>,
    /// The result where no arm holds.
    pub default: Option<Expr<'p>>,
}

/// The parts of a call that takes in many rows.
pub struct Aggregate<'p> {
    /// Evaluated for each row that the filter lets through.
    pub arguments: Vec<Expr<'p>>,
    /// Evaluated once for each group.
    pub direct: Vec<Expr<'p>>,
    /// Condition on its rows.
    pub filter: Option<Expr<'p>>,
}

impl<'p> Expr<'p> {
    /// A handle to a node; none to NULL.
    ///
    /// # Safety
    /// The node must belong to the plan at hand.
    pub unsafe fn new<T>(node: *mut T) -> Option<Self> {
        NonNull::new(node.cast()).map(|node| Self { node, planning: PhantomData })
    }

    /// Handles to the nodes of a list.
    ///
    /// # Safety
    /// The nodes must belong to the plan at hand.
    pub unsafe fn all(list: *const pg_sys::List) -> Vec<Self> {
        // SAFETY: as the caller promises.
        unsafe { items(list).into_iter().filter_map(|node: *mut pg_sys::Node| Self::new(node)) }
            .collect()
    }

    /// The node, for calls of the server.
    pub fn raw<T>(self) -> *mut T {
        self.node.as_ptr().cast()
    }

    /// A node that was just made or copied, which is never NULL.
    fn made<T>(self, node: *mut T) -> Self {
        Self { node: NonNull::new(node.cast()).unwrap_or(self.node), planning: PhantomData }
    }

    /// The node's tag.
    pub fn tag(self) -> NodeTag {
        // SAFETY: every node begins with its tag.
        unsafe { (*self.node.as_ptr()).type_ }
    }

    /// Identity and arguments of a call that gives one value.
    pub fn call(self) -> Option<(pg_sys::Oid, Vec<Self>)> {
        if self.tag() != NodeTag::T_FuncExpr {
            return None;
        }
        // SAFETY: the tag was checked.
        unsafe {
            let call: *mut pg_sys::FuncExpr = self.raw();
            (!(*call).funcretset).then(|| ((*call).funcid, Self::all((*call).args)))
        }
    }

    /// The parts of an aggregate's or a window function's call.
    pub fn aggregate(self) -> Option<Aggregate<'p>> {
        // SAFETY: each tag is checked before the node is read as its structure.
        unsafe {
            match self.tag() {
                NodeTag::T_Aggref => {
                    let call: *mut pg_sys::Aggref = self.raw();
                    let entries = items::<pg_sys::TargetEntry>((*call).args);
                    let arguments =
                        entries.into_iter().filter_map(|entry| Self::new((*entry).expr));
                    Some(Aggregate {
                        arguments: arguments.collect(),
                        direct: Self::all((*call).aggdirectargs),
                        filter: Self::new((*call).aggfilter),
                    })
                }
                NodeTag::T_WindowFunc => {
                    let call: *mut pg_sys::WindowFunc = self.raw();
                    Some(Aggregate {
                        arguments: Self::all((*call).args),
                        direct: Vec::new(),
                        filter: Self::new((*call).aggfilter),
                    })
                }
                _ => None,
            }
        }
    }

    /// The parts of a CASE.
    pub fn case(self) -> Option<Case<'p>> {
        if self.tag() != NodeTag::T_CaseExpr {
            return None;
        }
        // SAFETY: the tag was checked; the arms of a CASE are CaseWhen nodes.
        unsafe {
            let case: *mut pg_sys::CaseExpr = self.raw();
            let arms = items::<pg_sys::CaseWhen>((*case).args)
                .into_iter()
                .filter_map(|arm| Some((Self::new((*arm).expr)?, Self::new((*arm).result)?)));
            Some(Case {
                subject: Self::new((*case).arg),
                arms: arms.collect(),
                default: Self::new((*case).defresult),
            })
        }
    }

    /// The arguments of a COALESCE.
    pub fn coalesce(self) -> Option<Vec<Self>> {
        if self.tag() != NodeTag::T_CoalesceExpr {
            return None;
        }
        // SAFETY: the tag was checked.
        unsafe { Some(Self::all((*self.raw::<pg_sys::CoalesceExpr>()).args)) }
    }

    /// The terms of an AND or an OR, and whether it is an AND.
    pub fn junction(self) -> Option<(bool, Vec<Self>)> {
        if self.tag() != NodeTag::T_BoolExpr {
            return None;
        }
        // SAFETY: the tag was checked.
        unsafe {
            let junction: *mut pg_sys::BoolExpr = self.raw();
            let is_and = (*junction).boolop == pg_sys::BoolExprType::AND_EXPR;
            let is_not = (*junction).boolop == pg_sys::BoolExprType::NOT_EXPR;
            (!is_not).then(|| (is_and, Self::all((*junction).args)))
        }
    }

    /// True if it is a column of that side.
    pub fn is_column_of(self, side: Side) -> bool {
        // SAFETY: the tag is checked first.
        self.tag() == NodeTag::T_Var
            && unsafe { (*self.raw::<pg_sys::Var>()).varno } == side.number()
    }

    /// Position of a column among those of its side.
    pub fn column_number(self) -> Option<i16> {
        // SAFETY: the tag is checked first.
        (self.tag() == NodeTag::T_Var).then(|| unsafe { (*self.raw::<pg_sys::Var>()).varattno })
    }

    /// Number of an executor parameter.
    pub fn parameter(self) -> Option<i32> {
        if self.tag() != NodeTag::T_Param {
            return None;
        }
        // SAFETY: the tag was checked.
        unsafe {
            let parameter: *mut pg_sys::Param = self.raw();
            let is_exec = (*parameter).paramkind == pg_sys::ParamKind::PARAM_EXEC;
            is_exec.then_some((*parameter).paramid)
        }
    }

    /// True if the server holds two expressions for equal.
    pub fn equals(self, other: Self) -> bool {
        // SAFETY: both are nodes.
        unsafe { pg_sys::equal(self.raw::<c_void>(), other.raw::<c_void>()) }
    }

    /// A copy that shares nothing.
    pub fn copied(self) -> Self {
        // SAFETY: it is a node.
        self.made(unsafe { pg_sys::copyObjectImpl(self.raw::<c_void>()) })
    }

    /// True if two evaluations may differ.
    pub fn is_volatile(self) -> bool {
        // SAFETY: it is an expression.
        unsafe { pg_sys::contain_volatile_functions(self.raw()) }
    }

    /// The nodes right below; lists are nodes too.
    pub fn children(self) -> Vec<Self> {
        let mut children: Vec<Self> = Vec::new();
        // SAFETY: the callback is given the vector, which outlives the walk; what the walker meets
        // are nodes of the same expression.
        unsafe {
            let context: *mut Vec<Self> = &raw mut children;
            pg_sys::expression_tree_walker(self.raw(), Some(keep_child), context.cast());
        }
        children
    }

    /// A copy in which each node right below is replaced by what `replace` makes of it.
    pub fn with_children(self, replace: &mut dyn FnMut(Self) -> Self) -> Self {
        let mut replace: Replace<'_, 'p> = replace;
        // SAFETY: the callback is given the closure, which outlives the call.
        unsafe {
            let context: *mut Replace<'_, 'p> = &raw mut replace;
            self.made(majors::mutate(self.raw(), replace_child, context.cast()))
        }
    }

    /// A column that holds this expression's value.
    pub fn column(self, side: Side, number: i16) -> Self {
        // SAFETY: it is an expression, whose type the server can tell.
        let column = unsafe {
            let (node, number) = (self.raw(), number as pg_sys::AttrNumber);
            let (kind, modifier) = (pg_sys::exprType(node), pg_sys::exprTypmod(node));
            let collation = pg_sys::exprCollation(node);
            pg_sys::makeVar(side.number() as _, number, kind, modifier, collation, 0)
        };
        self.made(column)
    }

    /// An executor parameter that holds this expression's value.
    pub fn as_parameter(self, number: i32) -> Self {
        // SAFETY: all fields of a new node are set, or zero, which means nothing.
        let parameter = unsafe {
            let mut parameter = PgBox::<pg_sys::Param>::alloc_node(NodeTag::T_Param);
            parameter.paramkind = pg_sys::ParamKind::PARAM_EXEC;
            parameter.paramid = number;
            parameter.paramtype = pg_sys::exprType(self.raw());
            parameter.paramtypmod = pg_sys::exprTypmod(self.raw());
            parameter.paramcollid = pg_sys::exprCollation(self.raw());
            parameter.location = -1;
            parameter.into_pg()
        };
        self.made(parameter)
    }

    /// Type of its value.
    pub fn value_type(self) -> pg_sys::Oid {
        // SAFETY: it is an expression.
        unsafe { pg_sys::exprType(self.raw()) }
    }

    /// `IS TRUE`, `IS NOT TRUE` or `IS NOT FALSE` of a condition.
    fn truth(self, test: pg_sys::BoolTestType::Type) -> Self {
        // SAFETY: as in `as_parameter`.
        let node = unsafe {
            let mut node = PgBox::<pg_sys::BooleanTest>::alloc_node(NodeTag::T_BooleanTest);
            node.arg = self.copied().raw();
            node.booltesttype = test;
            node.location = -1;
            node.into_pg()
        };
        self.made(node)
    }

    /// The condition that this one is true.
    pub fn is_true(self) -> Self {
        self.truth(pg_sys::BoolTestType::IS_TRUE)
    }

    /// The condition that this one is false or unknown.
    pub fn is_not_true(self) -> Self {
        self.truth(pg_sys::BoolTestType::IS_NOT_TRUE)
    }

    /// The condition that this one is true or unknown.
    pub fn is_not_false(self) -> Self {
        self.truth(pg_sys::BoolTestType::IS_NOT_FALSE)
    }

    /// The condition that this value is NULL itself; of a row, not that all of its columns are.
    pub fn is_null(self) -> Self {
        // SAFETY: as in `as_parameter`.
        let node = unsafe {
            let mut node = PgBox::<pg_sys::NullTest>::alloc_node(NodeTag::T_NullTest);
            node.arg = self.copied().raw();
            node.nulltesttype = pg_sys::NullTestType::IS_NULL;
            node.argisrow = false;
            node.location = -1;
            node.into_pg()
        };
        self.made(node)
    }

    /// All conditions together; `None` of none.
    pub fn all_of(conditions: &[Self]) -> Option<Self> {
        Self::joined(conditions, pg_sys::BoolExprType::AND_EXPR)
    }

    /// Any of two conditions.
    pub fn either(self, other: Self) -> Self {
        Self::joined(&[self, other], pg_sys::BoolExprType::OR_EXPR).unwrap_or(self)
    }

    fn joined(conditions: &[Self], operator: pg_sys::BoolExprType::Type) -> Option<Self> {
        let (first, rest) = conditions.split_first()?;
        if rest.is_empty() {
            return Some(*first);
        }
        let terms = list_of(conditions.iter().map(|condition| condition.raw::<c_void>()));
        // SAFETY: the terms are conditions.
        Some(first.made(unsafe { pg_sys::makeBoolExpr(operator, terms, -1) }))
    }
}

type Replace<'c, 'p> = &'c mut dyn FnMut(Expr<'p>) -> Expr<'p>;

/// # Safety
/// `context` must be what [`Expr::children`] hands over.
#[pg_guard]
unsafe extern "C-unwind" fn keep_child(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: as the caller promises; the handles' lifetime is that of the expression walked.
    unsafe {
        let children = &mut *context.cast::<Vec<Expr<'_>>>();
        children.extend(Expr::new(node));
    }
    false
}

/// # Safety
/// `context` must be what [`Expr::with_children`] hands over.
#[pg_guard]
unsafe extern "C-unwind" fn replace_child(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let replace = &mut *context.cast::<Replace<'_, '_>>();
        Expr::new(node).map_or(std::ptr::null_mut(), |child| replace(child).raw())
    }
}
