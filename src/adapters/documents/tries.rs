//! Another try, for failures that pass.

use std::time::Duration;

use goldseal_core::ports::{PortError, PortErrorKind};

/// Tries of one request, the first included.
pub(in crate::adapters) const TRIES: u32 = 3;

/// The wait before the second try; it is four times as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 200 });

/// Whether a later try could go better.
pub(in crate::adapters) fn passes(error: &PortError) -> bool {
    matches!(error.kind, PortErrorKind::Throttled | PortErrorKind::Unavailable)
}

/// Waits before the try after number `tried`, longer each time.
pub(in crate::adapters) async fn wait(tried: u32) {
    tokio::time::sleep(FIRST_WAIT * 4_u32.saturating_pow(tried.saturating_sub(1))).await;
}

/// Tries until it goes well, fails for good, or has been tried often enough.
pub(in crate::adapters) async fn persist<T, F: Future<Output = Result<T, PortError>>>(
    attempt: impl Fn() -> F,
) -> Result<T, PortError> {
    persist_when(passes, attempt).await
}

/// Tries like [`persist`], while failures are such ones.
pub(in crate::adapters) async fn persist_when<T, F: Future<Output = Result<T, PortError>>>(
    worthwhile: impl Fn(&PortError) -> bool,
    attempt: impl Fn() -> F,
) -> Result<T, PortError> {
    let mut tried = 1;
    loop {
        match attempt().await {
            Err(error) if worthwhile(&error) && tried < TRIES => wait(tried).await,
            outcome => return outcome,
        }
        tried += 1;
    }
}
