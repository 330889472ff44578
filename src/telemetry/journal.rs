//! Events → the systemd journal, each field a field of its own (`GOLDSEAL_IMAGE=ami-…`), through
//! `systemd-journal-logger`. It speaks the `log` crate's language; the bridge of `tracing` would flatten fields into text.

use std::fmt::{self, Write as _};

use log::{
    Level, Record,
    kv::{Error, Key, Source, Value, VisitSource},
};
use systemd_journal_logger::JournalLog;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

/// See the module.
pub struct Journal(JournalLog);

impl Journal {
    /// Sends events to the journal.
    pub fn new(log: JournalLog) -> Self {
        Self(log)
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let metadata = event.metadata();
        let Seen { message, fields } = seen;
        let fields = Fields(fields);
        // A journal that does not take it must not stop what is being logged.
        let _sent = self.0.journal_send(
            &Record::builder()
                .level(level(*metadata.level()))
                .target(metadata.target())
                .key_values(&fields)
                .args(format_args!("{message}"))
                .build(),
        );
    }
}

fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

#[derive(Default)]
struct Seen {
    message: String,
    fields: Vec<(String, String)>,
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.push((format!("GOLDSEAL_{}", field.name()), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _written = write!(self.message, "{value:?}");
        } else {
            self.fields.push((format!("GOLDSEAL_{}", field.name()), format!("{value:?}")));
        }
    }
}

/// The logger writes names in capital letters.
struct Fields(Vec<(String, String)>);

impl Source for Fields {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        self.0.iter().try_for_each(|(name, value)| visitor.visit_pair(Key::from_str(name), Value::from(value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{Registry, layer::SubscriberExt as _};

    use super::*;

    /// A message and its fields.
    type Sent = (String, Vec<(String, String)>);

    /// Keeps what would be sent.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Sent>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut seen = Seen::default();
            event.record(&mut seen);
            self.0.lock().unwrap().push((seen.message, seen.fields));
        }
    }

    #[test]
    fn fields_are_fields_and_the_message_is_the_message() {
        let kept = Kept::default();
        tracing::subscriber::with_default(Registry::default().with(kept.clone()), || {
            tracing::warn!(event = "launch-decided", image = %"ami-1", count = 3, "abandoned {}", "i-1");
        });
        let field = |name: &str, value: &str| (format!("GOLDSEAL_{name}"), value.to_owned());
        let expected = vec![field("event", "launch-decided"), field("image", "ami-1"), field("count", "3")];
        assert_eq!(*kept.0.lock().unwrap(), [("abandoned i-1".to_owned(), expected)]);
    }
}
