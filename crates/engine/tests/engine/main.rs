//! Tests of the engine over its socket: with a model that answers as told, and, for the program
//! itself, with a tiny real one.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod confined;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod heartbeat;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod loading;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod process;
#[cfg(test)]
mod program;
#[cfg(test)]
mod stuck;
#[cfg(test)]
mod support;
