use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use goldseal_core::ports::PortErrorKind;
use tokio::sync::Semaphore;

use super::*;

const NEVER: Duration = Duration::from_hours(1);

/// A batch goes out when it is full.
const fn full(most: usize) -> Terms {
    Terms { most, quiet: NEVER, lull: NEVER, longest: NEVER }
}

/// The questions of each call so far.
type Calls = Arc<Mutex<Vec<Vec<u32>>>>;

/// Doubles what is even, does not find what is odd, and says what it was asked.
fn doubling(terms: Terms) -> (Batches<u32, u32>, Calls) {
    let calls = Calls::default();
    let seen = Arc::clone(&calls);
    let batches = Batches::new(terms, move |keys: Vec<u32>| {
        seen.lock().unwrap().push(keys.clone());
        async move { Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, key * 2)).collect()) }
    });
    (batches, calls)
}

async fn ask(batches: &Batches<u32, u32>, key: u32) -> Option<u32> {
    batches.ask(&key).await.unwrap()
}

fn sizes(calls: &Calls) -> Vec<usize> {
    calls.lock().unwrap().iter().map(Vec::len).collect()
}

/// Nothing here takes a second unless it takes for ever.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it comes to an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_questions_are_five_calls() {
    let (batches, calls) = doubling(full(200));
    let tasks = (0..1000).map(|key| {
        let batches = batches.clone();
        tokio::spawn(async move { (key, batches.ask(&key).await.unwrap()) })
    });
    for answer in soon(join_all(tasks)).await {
        let (key, found) = answer.unwrap();
        assert_eq!(found, (key % 2 == 0).then_some(key * 2), "{key}");
    }
    assert_eq!(sizes(&calls), [200; 5]);
    let mut asked = calls.lock().unwrap().concat();
    asked.sort_unstable();
    assert_eq!(asked, (0..1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_question_is_asked_once() {
    let (batches, calls) = doubling(full(3));
    let asked = [2, 4, 2, 2, 6].map(|key| ask(&batches, key));
    assert_eq!(soon(join_all(asked)).await, [Some(4), Some(8), Some(4), Some(4), Some(12)]);
    assert_eq!(*calls.lock().unwrap(), [[2, 4, 6]]);
}

#[tokio::test]
async fn a_batch_goes_out_when_nothing_new_comes() {
    let (batches, calls) = doubling(Terms { quiet: Duration::from_millis(30), ..full(200) });
    assert_eq!(soon(join_all([2, 4].map(|key| ask(&batches, key)))).await, [Some(4), Some(8)]);
    assert_eq!(soon(batches.ask(&6)).await.unwrap(), Some(12));
    assert_eq!(sizes(&calls), [2, 1]);
}

#[tokio::test]
async fn many_questions_wait_for_more_of_their_kind() {
    let terms = Terms { most: 200, quiet: Duration::ZERO, lull: NEVER, longest: Duration::from_secs(5) };
    let now = Instant::now();
    assert_eq!(terms.due(FEW, now, now), now, "few do not");
    assert_eq!(terms.due(FEW + 1, now, now), now + terms.longest, "and many not for ever");
}

#[tokio::test]
async fn what_comes_without_pause_does_not_hold_up_the_first() {
    let (batches, calls) = doubling(Terms { longest: Duration::from_millis(30), ..full(200) });
    assert_eq!(soon(batches.ask(&2)).await.unwrap(), Some(4));
    assert_eq!(sizes(&calls), [1]);
}

#[tokio::test]
async fn each_new_question_lengthens_the_pause() {
    let quiet = Duration::from_millis(300);
    let (batches, calls) = doubling(Terms { quiet, lull: quiet, ..full(200) });
    let began = Instant::now();
    let later = async {
        tokio::time::sleep(quiet / 2).await;
        batches.ask(&4).await.unwrap()
    };
    assert_eq!(soon(async { futures::join!(ask(&batches, 2), later) }).await, (Some(4), Some(8)));
    // A machine that stood still for so long may have parted them.
    if sizes(&calls) == [2] {
        assert!(began.elapsed() >= quiet * 3 / 2, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_failure_is_everybodys_and_the_next_batch_is_asked_anew() {
    let tries = AtomicUsize::new(0);
    let batches: Batches<u32, u32> = Batches::new(full(2), move |keys| {
        let first = tries.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            let error = PortError::new(PortErrorKind::Throttled, "ec2:DescribeInstances", "2 instances");
            if first { Err(error.because("Rate exceeded")) } else { Ok(keys.into_iter().map(|key| (key, 7)).collect()) }
        }
    });
    for (key, outcome) in [1, 2].iter().zip(soon(join_all([1, 2].map(async |key| batches.ask(&key).await))).await) {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Throttled);
        assert_eq!(error.chain(), format!("ec2:DescribeInstances {key}: throttled: Rate exceeded"));
    }
    assert_eq!(soon(join_all([1, 2].map(|key| ask(&batches, key)))).await, [Some(7), Some(7)]);
}

#[tokio::test]
async fn who_goes_away_leaves_the_batch_to_the_others() {
    let (batches, calls) = doubling(full(3));
    // The first drives the batch until it goes, wherever it is by then.
    let first = tokio::spawn({
        let batches = batches.clone();
        async move { batches.ask(&2).await }
    });
    tokio::task::yield_now().await;
    let second = tokio::spawn({
        let batches = batches.clone();
        async move { batches.ask(&4).await.unwrap() }
    });
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(soon(batches.ask(&6)).await.unwrap(), Some(12));
    assert_eq!(soon(second).await.unwrap(), Some(8));
    assert_eq!(sizes(&calls), [3]);
}

#[tokio::test]
async fn when_all_have_gone_so_has_the_call_and_nothing_is_left_of_it() {
    struct Running(Arc<AtomicUsize>);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let (running, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (inside, announce) = (Arc::clone(&running), Arc::clone(&begun));
    let batches: Batches<u32, u32> = Batches::new(full(2), move |_| {
        inside.fetch_add(1, Ordering::Relaxed);
        let (running, announce) = (Running(Arc::clone(&inside)), Arc::clone(&announce));
        async move {
            announce.add_permits(1);
            let _running = running;
            pending().await
        }
    });
    let asking = tokio::spawn({
        let batches = batches.clone();
        async move { join_all([1, 2].map(async |key| batches.ask(&key).await)).await }
    });
    soon(begun.acquire()).await.unwrap().forget();
    assert_eq!(running.load(Ordering::Relaxed), 1);
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(running.load(Ordering::Relaxed), 0);

    // A batch that was left while it filled takes nothing more, and its questions are forgotten.
    let (batches, calls) = doubling(full(3));
    assert!(batches.ask(&2).now_or_never().is_none());
    assert_eq!(soon(join_all([4, 6, 8].map(|key| ask(&batches, key)))).await.len(), 3);
    assert_eq!(*calls.lock().unwrap(), [[4, 6, 8]]);
}

#[tokio::test]
async fn batches_are_in_flight_side_by_side() {
    // Neither answer comes before both were asked for.
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let batches: Batches<u32, u32> = Batches::new(full(1), move |keys| {
        let both = Arc::clone(&both);
        async move {
            both.wait().await;
            Ok(keys.into_iter().map(|key| (key, key)).collect())
        }
    });
    assert_eq!(soon(join_all([1, 2].map(|key| ask(&batches, key)))).await, [Some(1), Some(2)]);
}
