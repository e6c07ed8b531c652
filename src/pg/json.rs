//! `jsonb` arguments as text.

use crate::error::{Error, Result};
use crate::pg::memory;
use crm_ai_wire::json;
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::datum::{Datum, UnboxDatum};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::prelude::*;
use serde_json::Value;
use std::ffi::CStr;

/// A `jsonb` in its text form. The server's may hold what Rust's readers do not take, numbers
/// beyond double precision and deep nesting, on which pgrx's own type gives up with XX000.
pub struct JsonText(pub String);

impl JsonText {
    /// Its value. 22023 where it cannot be read; `argument` names it.
    pub fn read(&self, argument: &str) -> Result<Value> {
        read(&self.0, argument)
    }
}

/// The value of a `jsonb` that the server gave as text: numbers beyond double precision as the
/// largest. 22023 where it is nested too deeply.
pub fn read(text: &str, argument: &str) -> Result<Value> {
    memory::check_room_for_json(text.len())?;
    json::read(text).map_err(|_| {
        Error::invalid_argument(format!("{argument} is nested more than 100 deep"))
            .hint("leave out what is nested so deeply")
    })
}

impl FromDatum for JsonText {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _type: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the datum is a jsonb by the function's declaration; its output function gives a
        // palloc'd NUL-terminated text.
        unsafe {
            let text = pg_sys::OidOutputFunctionCall(pg_sys::F_JSONB_OUT.into(), datum);
            let owned = memory::copy(CStr::from_ptr(text));
            pg_sys::pfree(text.cast());
            Some(Self(owned))
        }
    }
}

// SAFETY: an owned copy of the argument, which is not NULL where this is called.
unsafe impl<'fcx> ArgAbi<'fcx> for JsonText {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: as the caller promises.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Self(String::new()))
    }
}

// SAFETY: an owned copy, which no lifetime binds.
unsafe impl UnboxDatum for JsonText {
    type As<'src> = Self;

    unsafe fn unbox<'src>(datum: Datum<'src>) -> Self
    where
        Self: 'src,
    {
        // SAFETY: the element of a jsonb[], not NULL.
        unsafe { Self::from_datum(datum.sans_lifetime(), false) }.unwrap_or(Self(String::new()))
    }
}

// SAFETY: the name is that of the type that `from_polymorphic_datum` reads.
unsafe impl SqlTranslatable for JsonText {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(JsonText);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}
