//! The way through a finished plan, from its leaves up, and what each kind of node means for the
//! batch nodes below it. What is not named here is left as it is.

use super::rewrite::{Demand, feed_aggregates, feed_join, feed_loop, lift};
use crate::pg::plan::{Plan, Statement, check_stack_depth};
use pgrx::pg_sys::NodeTag;

/// Puts batch nodes where calls can be batched. `all_rows`: whoever asked takes all rows at once.
pub fn batch<'p>(statement: Statement<'p>, all_rows: bool) {
    let top = if all_rows { Demand::FULL } else { Demand::DOUBLING };
    let walk = Walk { statement };
    statement.change_tree(|plan| walk.visit(plan, top));
    statement.change_subplans(|plan| walk.visit(plan, Demand::DOUBLING));
}
/// One way through a statement.
#[derive(Clone, Copy)]
struct Walk<'p> {
    statement: Statement<'p>,
}

impl<'p> Walk<'p> {
    fn visit(self, plan: Plan<'p>, place: Demand<'p>) -> Plan<'p> {
        check_stack_depth();
        if !self.visit_children(plan, place) || place.goes_back {
            return plan;
        }
        match plan.tag() {
            NodeTag::T_Agg if !plan.gives_groups_early() => feed_aggregates(plan, &Demand::FULL),
            NodeTag::T_Agg | NodeTag::T_WindowAgg => feed_aggregates(plan, &place.within()),
            NodeTag::T_HashJoin => feed_join(plan, &place),
            NodeTag::T_NestLoop => {
                feed_join(plan, &place);
                feed_loop(self.statement, plan, &place);
            }
            _ => {}
        }
        lift(plan, &place)
    }

    /// True if the node is one that may be changed itself.
    fn visit_children(self, plan: Plan<'p>, place: Demand<'p>) -> bool {
        let through = Demand { goes_back: false, ..place };
        let within = place.within();
        match plan.tag() {
            // Somebody else's, with a will of their own.
            NodeTag::T_CustomScan => return false,
            NodeTag::T_Limit => {
                let limit = plan.limits_by_count().then_some(plan);
                self.visit_outer(plan, Demand { limit, ..Demand::DOUBLING });
            }
            NodeTag::T_Sort | NodeTag::T_Hash | NodeTag::T_ModifyTable => {
                self.visit_outer(plan, Demand::FULL);
            }
            NodeTag::T_Agg => {
                self.visit_outer(
                    plan,
                    if plan.gives_groups_early() { within } else { Demand::FULL },
                );
            }
            NodeTag::T_Result => {
                let is_open = plan.quals().is_empty() && !plan.is_gated();
                self.visit_outer(plan, if is_open { through } else { within });
            }
            NodeTag::T_SubqueryScan => {
                let place = if plan.quals().is_empty() { through } else { within };
                if let Some(subquery) = plan.subquery() {
                    plan.set_subquery(self.visit(subquery, place));
                }
            }
            NodeTag::T_Append => plan.change_members(|member| self.visit(member, within)),
            NodeTag::T_MergeAppend => {
                plan.change_members(|member| self.visit(member, Demand::DOUBLING))
            }
            NodeTag::T_NestLoop => {
                self.visit_outer(plan, within);
                self.visit_inner(plan, Demand::DOUBLING);
            }
            NodeTag::T_HashJoin => {
                self.visit_outer(plan, within);
                self.visit_inner(plan, Demand::FULL);
            }
            NodeTag::T_MergeJoin => {
                self.visit_outer(plan, Demand::DOUBLING);
                self.visit_inner(
                    plan,
                    Demand { goes_back: plan.goes_back_in_inner(), ..Demand::DOUBLING },
                );
            }
            _ => {
                self.visit_outer(plan, within);
                self.visit_inner(plan, within);
            }
        }
        true
    }

    fn visit_outer(self, plan: Plan<'p>, place: Demand<'p>) {
        if let Some(child) = plan.outer() {
            plan.set_outer(self.visit(child, place));
        }
    }

    fn visit_inner(self, plan: Plan<'p>, place: Demand<'p>) {
        if let Some(child) = plan.inner() {
            plan.set_inner(self.visit(child, place));
        }
    }
}
