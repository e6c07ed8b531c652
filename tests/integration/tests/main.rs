//! The extension driven from outside, on clusters of its own.

mod answers;
mod batching;
mod cancel;
mod cleaning;
mod cleaning_in_place;
mod dump;
mod engine_death;
mod engine_setup;
mod enrich;
mod gate;
mod install;
mod lifecycle;
mod logs;
mod pinned;
mod records;
mod refusals;
mod registry;
mod rights;
mod schedule;
mod sharing;
mod standby;
mod train;
mod train_limits;
mod trainer_death;
mod trainer_limits;
mod watch;
