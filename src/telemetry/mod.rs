//! Logs: of the libraries underneath, when somebody asks for them with `-v`; of the launch hook, always. Reports are not
//! logs.

mod journal;

use std::io::{self, IsTerminal as _};

use systemd_journal_logger::{JournalLog, connected_to_journal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use self::journal::Journal;

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

/// Starts logging what a daemon does: to the journal with fields where standard error goes there, else to standard
/// error. A verbosity that was asked for stays.
pub fn daemon() {
    // Our own events, and of the libraries what they warn of.
    let filter = || EnvFilter::new("warn,goldseal=info");
    let journal = connected_to_journal().then(JournalLog::new).and_then(Result::ok);
    let started = match journal {
        Some(log) => {
            let log = log.with_syslog_identifier("goldseal".to_owned());
            tracing_subscriber::registry().with(Journal::new(log).with_filter(filter())).try_init()
        }
        None => {
            let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
            tracing_subscriber::registry().with(lines.with_target(false).with_filter(filter())).try_init()
        }
    };
    // With -v there is a subscriber already, which shows these too.
    drop(started);
}
