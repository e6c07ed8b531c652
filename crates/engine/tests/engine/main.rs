//! Tests of the engine over its socket: with a model that answers as told, and, for the program
//! itself, with a tiny real one.

mod answers;
mod fairness;
mod faults;
mod loading;
mod peers;
mod program;
mod support;
