//! A progress bar for what takes longer than two seconds: on a terminal only.

use std::time::{Duration, Instant};

use goldseal_core::ports::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Drawn at most so often.
const HERTZ: u8 = 5;

/// Nothing is drawn for what is done by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// A bar with rate and time left. Nothing is drawn when standard error is no terminal.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    /// What the bar counts of one unit.
    unit: u64,
    since: Instant,
    target: fn() -> ProgressDrawTarget,
}

impl Bar {
    /// Starts a bar that counts blocks of 512 KiB, shown as bytes.
    pub fn blocks(what: &'static str) -> Self {
        let unit = goldseal_core::image::BLOCK_BYTES as u64;
        Self::new(what, unit, "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left", stderr)
    }

    /// Starts a bar that counts calls.
    pub fn calls(what: &'static str) -> Self {
        Self::new(what, 1, "{msg} {bar:30} {pos}/{len} {per_sec} {eta} left", stderr)
    }

    fn new(what: &'static str, unit: u64, template: &str, target: fn() -> ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar: bar.with_message(what), unit, since: Instant::now(), target }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self) {
        // On what is no terminal it stays hidden, and is asked again: that costs nothing.
        if self.since.elapsed() >= PATIENCE && self.bar.is_hidden() && !self.bar.is_finished() {
            self.bar.set_draw_target((self.target)());
            self.bar.tick();
        }
    }
}

impl Progress for Bar {
    fn expect(&self, units: u64) {
        self.bar.inc_length(units * self.unit);
        self.show();
    }

    fn advance(&self) {
        self.bar.inc(self.unit);
        self.show();
    }
}

fn stderr() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr_with_hz(HERTZ)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Mutex, PoisonError},
    };

    use indicatif::TermLike;

    use super::*;

    static DRAWN: Mutex<String> = Mutex::new(String::new());

    /// A terminal that writes down what is drawn.
    #[derive(Debug)]
    struct Paper;

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            120
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            DRAWN.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn drawn() -> String {
        std::mem::take(&mut DRAWN.lock().unwrap())
    }

    #[test]
    fn a_bar_is_drawn_after_two_seconds_with_rate_and_time_left() {
        let mut bar = Bar::calls("looking");
        bar.target = || ProgressDrawTarget::term_like(Box::new(Paper));
        bar.expect(40);
        (0..10).for_each(|_| bar.advance());
        assert_eq!(drawn(), "", "it may be done by then");
        bar.since -= PATIENCE;
        bar.advance();
        let said = drawn();
        assert!(said.contains("looking") && said.contains("11/40"), "{said}");
        assert!(said.contains("/s ") && said.contains(" left"), "{said}");
        bar.finish();
        drawn();
        bar.advance();
        assert_eq!(drawn(), "", "it was taken away");
    }
}
