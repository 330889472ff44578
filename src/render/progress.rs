//! A progress bar for what takes longer than two seconds: on a terminal only.

use goldseal_core::ports::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Drawn at most so often.
const HERTZ: u8 = 5;

/// A bar with rate and time left. Nothing is drawn when standard error is no terminal.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Starts a bar that counts blocks of 512 KiB, shown as bytes.
    pub fn blocks(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(HERTZ));
        let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar.with_message(what))
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn expect(&self, units: u64) {
        self.0.inc_length(units * goldseal_core::image::BLOCK_BYTES as u64);
    }

    fn advance(&self) {
        self.0.inc(goldseal_core::image::BLOCK_BYTES as u64);
    }
}
