//! What goes wrong around the extension: servers that change places, subscriptions, dumps by others,
//! databases and extensions that are dropped, files that vanish.

mod dropping;
mod dumping;
mod ending;
mod idling;
mod replicating;
mod rewinding;
mod silencing;
