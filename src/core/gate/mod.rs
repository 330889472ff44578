//! SBOM, scan and exceptions → what was found, what was accepted, and what falls short.
//!
//! Two steps. [`evaluate`] reads the inputs once, without a clock, into a [`Measurement`]: facts small enough to be
//! signed. [`shortfalls`] holds a measurement against [`Limits`] at an instant. The pipeline runs both; whoever verifies
//! later runs the second one on the signed measurement, so the two cannot disagree.
//!
//! The scanner's own verdict and exit code are not looked at.

mod accepted;
mod evaluate;
mod limits;
mod measurement;
mod shortfall;

pub use accepted::{Accepted, Inputs, accepted_risks};
pub use evaluate::{Evaluation, Given, Standing, StandingException, evaluate};
pub use limits::{EndOfLife, Limits, Period, Threshold};
pub use measurement::{Database, Excepted, Found, Measurement, Packages, Scanner};
pub use shortfall::{Shortfall, shortfalls, until};
