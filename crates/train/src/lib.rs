//! Learns a classifier of texts or of records from labelled rows.
//!
//! [`run`] does what a [`Job`](crm_ai_wire::training::Job) asks for: read and split the rows
//! (`dataset`), fit all weights (`fine_tune`, on `step` and `optimiser`) or a classifier on the
//! frozen encoder (`head`), write a Hugging Face folder (`folder`), and judge the held-out rows
//! through the very graph that will serve (`evaluate`), beside the champion; for records (`table`)
//! the same with boosted trees. It knows neither PostgreSQL nor where events go.

mod batch;
mod batches;
mod checkpoint;
mod dataset;
mod dropout;
mod energy;
mod error;
mod evaluate;
mod fine_tune;
mod folder;
mod head;
mod lbfgs;
mod loss;
mod optimiser;
mod resident;
mod rows;
mod run;
mod scaler;
mod split;
mod step;
mod sums;
mod table;
mod vocabulary;
mod weights;

pub use batch::Batch;
pub use error::Error;
pub use loss::Loss;
pub use optimiser::{AdamW, Applied, Rates};
pub use run::run;
pub use split::is_held_out;
pub use step::{Gradients, Stepper};
pub use weights::Weights;
