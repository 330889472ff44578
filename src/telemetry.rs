//! Logs of the libraries underneath, to stderr, when somebody asks for them with `-v`. Reports are not logs.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;

/// Starts logging: nothing by default, then warnings, information, everything.
pub fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::WARN,
        2 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let color = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_ansi(color).without_time().init();
}
