//! A progress bar for what takes longer than two seconds: on a terminal only.

use goldseal_core::ports::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Drawn at most so often.
const HERTZ: u8 = 5;

/// A bar with rate and time left. Nothing is drawn when standard error is no terminal.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    /// What the bar counts of one unit.
    unit: u64,
}

impl Bar {
    /// Starts a bar that counts blocks of 512 KiB, shown as bytes.
    pub fn blocks(what: &'static str) -> Self {
        let unit = goldseal_core::image::BLOCK_BYTES as u64;
        Self::new(what, unit, "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left")
    }

    /// Starts a bar that counts calls.
    pub fn calls(what: &'static str) -> Self {
        Self::new(what, 1, "{msg} {bar:30} {pos}/{len}")
    }

    fn new(what: &'static str, unit: u64, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(HERTZ));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar: bar.with_message(what), unit }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn expect(&self, units: u64) {
        self.bar.inc_length(units * self.unit);
    }

    fn advance(&self) {
        self.bar.inc(self.unit);
    }
}
